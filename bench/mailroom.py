"""What a letter costs us beside the bare floor, in the same run: `python -m bench.mailroom`.

The floor and ours take turns and do the same letters; what counts is the ratio of their medians. Milliseconds are only
shown: they say more about the machine than about the code.
"""

import argparse
import cProfile
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from itertools import count
from operator import itemgetter
from pathlib import Path
from statistics import median

from sqlalchemy import Select, func, select

from bench import floor
from bench.servers import mailbox, sink
from bench.stages import BESIDE, Stopwatch
from bench.world import COLLECTED, OPENING, World, make_world, settle_disk
from treem.ledger.tables import Finding, LetterBytes, LetterIn, LetterOut, Submission
from treem.mailroom import imap, smtp
from treem.rounds.house import House
from treem.rounds.intake import process_stored

TO_REACH = {"sending": 1.5, "collecting": 3.0}
Run = Callable[[], float]
"""Does every letter once, gives the seconds it took; what has to be laid out before and put away after is not timed."""


@dataclass(frozen=True)
class Result:
    """One activity: milliseconds a letter of every run, both sides."""

    activity: str
    server: str
    letters: int
    floor: tuple[float, ...]
    ours: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Ours over the floor, medians."""
        return median(self.ours) / median(self.floor)

    @property
    def reached(self) -> bool:
        return self.ratio <= TO_REACH[self.activity]


class Bench:
    """The runs of both activities over one world, each on a fresh copy of the ledger."""

    def __init__(self, world: World, scratch: Path) -> None:
        self._world, self._scratch, self._numbers = world, scratch, count(1)
        self.around: Callable[[], AbstractContextManager[object]] = nullcontext  # of what is timed, and nothing else

    @contextmanager
    def sending(self) -> Iterator[tuple[str, Run, Run]]:
        """Which server, the floor's run, ours."""
        with sink() as server:
            ports = {"smtp": server.port, "imap": 1}
            with self._house(self._world.queued, ports) as house:
                letters = _queued(house)

            def bare() -> float:
                return self._timed(lambda: floor.send(server.port, letters))

            def ours() -> float:
                with self._house(self._world.queued, ports) as house:
                    took = self._timed(lambda: smtp.send_due(house.ledger, house.settings.mail, OPENING))
                    _expect(house, self._world.letters, select(func.count()).where(LetterOut.state == "sent"))
                return took

            yield server.name, bare, ours

    @contextmanager
    def collecting(self) -> Iterator[tuple[str, Run, Run]]:
        """Which server, the floor's run, ours."""
        with self._house(self._world.sent, {}) as house:
            address = house.settings.mail.address
        with mailbox(address, self._world.answers()) as server:
            ports = {"smtp": 1, "imap": server.port}

            def bare() -> float:
                return self._timed(lambda: floor.collect(server.port, address))

            def ours() -> float:
                with self._house(self._world.sent, ports) as house:
                    took = self._timed(lambda: _collect(house))
                    _expect(house, self._world.letters, select(func.count()).where(LetterIn.state == "done"))
                    _expect(house, self._world.letters, select(func.count(Submission.id)))
                    _expect(house, self._world.letters, select(func.count()).where(LetterOut.kind == "ack"))
                    marked = sum(answer.way == "finding" for answer in self._world.answers())
                    _expect(house, marked, select(func.count(Finding.submission_id.distinct())))
                return took

            yield server.name, bare, ours

    def _timed(self, run: Callable[[], object]) -> float:
        settle_disk()
        gc.collect()
        begun = time.perf_counter()
        with self.around():
            run()
        return time.perf_counter() - begun

    @contextmanager
    def _house(self, ledger: Path, ports: dict[str, int]) -> Iterator[House]:
        house = self._world.house(self._scratch / f"run-{next(self._numbers)}", ledger, ports)
        try:
            yield house
        finally:
            house.ledger.engine.dispose()


def _collect(house: House) -> None:
    imap.collect(house.ledger, house.settings.mail, COLLECTED)
    process_stored(house, COLLECTED)


def _queued(house: House) -> list[floor.Queued]:
    query = select(LetterOut.envelope_from, LetterOut.recipient, LetterBytes.raw).join(LetterBytes)
    with house.ledger.begin() as session:
        return [floor.Queued(*row) for row in session.execute(query.order_by(LetterOut.id))]


def _expect(house: House, letters: int, query: Select[tuple[int]]) -> None:
    """A run that did not do its work must not count as a fast one."""
    with house.ledger.begin() as session:
        found = session.scalar(query)
    if found != letters:
        raise RuntimeError(f"{found} letters instead of {letters}: {query}")


def measure(activity: str, server: str, letters: int, bare: Run, ours: Run, runs: int) -> Result:
    """Both sides in turn, after one turn that warms everything up and does not count."""
    taken = [(bare(), ours()) for _ in range(runs + 1)][1:]
    floors, own = zip(*taken, strict=True)
    return Result(activity, server, letters, _each(floors, letters), _each(own, letters))


def _each(seconds: Sequence[float], letters: int) -> tuple[float, ...]:
    return tuple(1000 * taken / letters for taken in seconds)


def show(results: Sequence[Result]) -> str:
    """The table."""
    head = (
        f"{'':<11} {'server':<18} {'letters':>7} {'runs':>4}  {'floor ms':>15} {'ours ms':>17} {'ratio':>6}  to reach"
    )
    lines = [
        f"{r.activity:<11} {r.server:<18} {r.letters:>7} {len(r.ours):>4}  {_spread(r.floor):>15} {_spread(r.ours):>17}"
        f" {r.ratio:>6.2f}  ≤ {TO_REACH[r.activity]} {'reached' if r.reached else 'NOT REACHED'}"
        for r in results
    ]
    told = "Median (least–most) of milliseconds a letter; the ratio is that of the medians."
    return "\n".join([head, *lines, told, *_busy()])


def _busy() -> list[str]:
    """Ours shares its work between processes, so that it loses more than the floor where others want processors."""
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    return [f"The machine was busy (load {load:.1f} on {processors} processors): measure again."] * (load > processors)


def _spread(times: Sequence[float]) -> str:
    return f"{median(times):.2f} ({min(times):.1f}–{max(times):.1f})"


def show_stages(watch: Stopwatch, letters: int) -> str:
    """Milliseconds a letter by stage."""
    longest_first = sorted(watch.seconds.items(), key=itemgetter(1), reverse=True)
    lines = [f"  {stage:<22} {1000 * took / letters:>7.2f}" for stage, took in longest_first]
    missing = [f"  not timed, no longer there: {name}" for name in watch.missing]
    whole = sum(took for stage, took in watch.seconds.items() if not stage.startswith(BESIDE))
    return "\n".join([*lines, f"  {'together':<22} {1000 * whole / letters:>7.2f}", *missing])


def _arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.mailroom", description=__doc__)
    parser.add_argument("--letters", type=int, default=300)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the results there too")
    parser.add_argument("--only", choices=TO_REACH, help="one of the two activities")
    parser.add_argument("--profile", action="store_true", help="one more run of ours each: milliseconds by stage")
    parser.add_argument("--cprofile", type=Path, help="one more run of ours each: a cProfile file per activity there")
    parser.add_argument("--world", type=Path, help="where to make the letters, or to find them from last time")
    return parser.parse_args(given)


def main(given: Sequence[str]) -> int:
    """Print the table; 1 where something was not reached."""
    asked = _arguments(given)
    results = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-mailroom-")))
        world = make_world(asked.world or scratch / "world", asked.letters)
        bench = Bench(world, scratch)
        for activity in [asked.only] if asked.only else TO_REACH:
            with getattr(bench, activity)() as (server, bare, ours):
                results.append(measure(activity, server, world.letters, bare, ours, asked.runs))
                _look_closer(asked, bench, activity, ours)
    print(show(results))  # noqa: T201 (this is a command)
    if asked.json:
        told = [asdict(r) | {"ratio": r.ratio, "to_reach": TO_REACH[r.activity], "reached": r.reached} for r in results]
        asked.json.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    return 0 if all(r.reached for r in results) else 1


def _look_closer(asked: argparse.Namespace, bench: Bench, activity: str, ours: Run) -> None:
    if asked.profile:
        watch = Stopwatch()
        bench.around = watch.running
        ours()
        print(f"{activity}, milliseconds a letter by stage:\n{show_stages(watch, asked.letters)}")  # noqa: T201
    if asked.cprofile:
        asked.cprofile.mkdir(parents=True, exist_ok=True)
        profile = cProfile.Profile()
        bench.around = lambda: profile
        ours()
        profile.dump_stats(asked.cprofile / f"{activity}.prof")
    bench.around = nullcontext


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
