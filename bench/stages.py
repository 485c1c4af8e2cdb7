"""Where the time of our side goes: a stopwatch around named functions, each without those it calls.

Belongs here: which function belongs to which stage. A name that the code no longer has is told, not passed over.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from operator import attrgetter
from typing import Any

BESIDE = "beside: "
STAGES = {
    "fetch": ("treem.mailroom.imap:_Reader.folders", "treem.mailroom.imap:_Reader.uids",
              "treem.mailroom.imap:_Reader.fetch"),
    "keep on disk": ("treem.ledger.originals:Originals.keep_all",),
    "read back": ("treem.ledger.originals:Originals.read",),
    "note arrival": ("treem.mailroom.imap:_keep",),
    "count the try": ("treem.rounds.intake:_begin_tries",),
    "open letter": ("treem.rounds.intake:open_letter",),
    "read workbook": ("treem.rounds.intake:read_workbooks",),
    "classify": ("treem.rounds.intake:_classified",),
    "check": ("treem.rounds.answers:check",),
    "mark": ("treem.rounds.answers:mark_form",),
    "judge, otherwise": ("treem.rounds.intake:judge",),
    "ack": ("treem.rounds.answers:Desk.acknowledge",),
    "record": ("treem.rounds.intake:_record_outcome",),
    "lease": ("treem.mailroom.smtp:_lease", "treem.mailroom.smtp:_anything_due"),
    "dialogue": ("treem.mailroom.smtp:deliver",),
    "settle": ("treem.mailroom.smtp:_settle",),
    "flush": ("sqlalchemy.orm:Session._flush",),
    "commit": ("sqlalchemy.engine.default:DefaultDialect.do_commit",),
    "begin": ("sqlalchemy.engine:Connection._begin_impl",),
}  # fmt: skip


class Stopwatch:
    """Seconds by stage. Time inside a function that is timed itself counts there only.

    What other threads do meanwhile has stages of its own, "beside: …": only the others add up to the whole.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.missing: list[str] = []
        self._of_thread = threading.local()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time the functions of STAGES, and everything else as "rest"."""
        undo = [restored for stage, names in STAGES.items() for name in names if (restored := self._wrap(stage, name))]
        begun, self._of_thread = time.perf_counter(), threading.local()
        try:
            yield
            self.seconds["rest"] += time.perf_counter() - begun - self._inside()[0]
        finally:
            for restore in undo:
                restore()

    def _wrap(self, stage: str, name: str) -> Callable[[], None] | None:
        module, _, path = name.partition(":")
        owner_path, _, last = path.rpartition(".")
        try:
            owner: Any = import_module(module)
            owner = attrgetter(owner_path)(owner) if owner_path else owner
            function = getattr(owner, last)
        except (ImportError, AttributeError):
            self.missing.append(name)
            return None

        @wraps(function)
        def timed(*args: Any, **more: Any) -> Any:
            return self._timed(stage, lambda: function(*args, **more))

        setattr(owner, last, timed)
        return lambda: setattr(owner, last, function)

    def _timed(self, stage: str, call: Callable[[], Any]) -> Any:
        inside = self._inside()
        inside.append(0.0)
        begun = time.perf_counter()
        try:
            return call()
        finally:
            took = time.perf_counter() - begun
            beside = "" if threading.current_thread() is threading.main_thread() else BESIDE
            self.seconds[beside + stage] += took - inside.pop()
            inside[-1] += took

    def _inside(self) -> list[float]:
        """Of this thread: for each function it is in, the time of the timed ones it has called."""
        if not hasattr(self._of_thread, "inside"):
            self._of_thread.inside = [0.0]
        inside: list[float] = self._of_thread.inside
        return inside
