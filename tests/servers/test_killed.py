"""Collecting, killed at every single step: case 56. What is collected afterwards is complete, and nothing is twice."""

import shutil
import signal
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from tests.mailroom.builders import NOW, OFFICE, account, answer, mail_for
from tests.servers.dovecot import Dovecot
from tests.servers.loopback import HOST
from tests.servers.processes import Work, die, in_child, needs_fork
from treem.ledger import originals as originals_room
from treem.ledger.originals import Originals
from treem.ledger.store import Ledger, open_ledger
from treem.ledger.tables import LetterIn, Location
from treem.mailroom import imap as imap_room
from treem.mailroom.imap import collect
from treem.plan.settings import Mail

pytestmark = [pytest.mark.servers, needs_fork]
LETTERS = 5


class Steps:
    """Counts the steps of this process, and ends it at the one that was chosen. Only for a process of its own."""

    def __init__(self, last: int) -> None:
        self._left = last

    def take(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            die()

    def around(self, owner: Any, name: str) -> None:
        """A step before and a step after each call."""
        real = getattr(owner, name)

        def surrounded(*given: Any, **more: Any) -> Any:
            self.take()
            result = real(*given, **more)
            self.take()
            return result

        setattr(owner, name, surrounded)


def collect_until(step: int, mail: Mail) -> Work:
    """Collect, two letters at once, and die at that step."""

    def work(own: Ledger) -> None:
        imap_room.LETTERS_AT_ONCE = 2
        steps = Steps(step)
        steps.around(Originals, "keep_all")
        steps.around(originals_room, "_sync")
        event.listen(own.engine, "commit", steps.take)  # just before
        event.listen(Session, "after_commit", steps.take)
        collect(own, mail, NOW)

    return work


def opened(folder: Path) -> Ledger:
    return open_ledger(f"sqlite:///{folder / 'ledger.sqlite'}", folder / "originals")


def test_case_56_killed_at_every_step_the_next_pass_completes_it(dovecot: Dovecot, tmp_path: Path) -> None:
    written = [answer(message_id=f"<{n}@x.test>") for n in range(LETTERS)]
    for letter in written:
        dovecot.put(OFFICE, letter)
    mail = mail_for(imap=account(HOST, dovecot.imap))
    opened(tmp_path / "new").engine.dispose()
    for step in count(1):
        folder = tmp_path / str(step)
        shutil.copytree(tmp_path / "new", folder)
        ledger = opened(folder)
        ended = in_child(ledger, collect_until(step, mail))
        collect(ledger, mail, NOW)
        assert_complete(ledger, written)
        ledger.engine.dispose()
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
    assert step > 6 * 3  # at least: two at the originals, one sync, two at the commit, of each of three batches


def assert_complete(ledger: Ledger, written: list[bytes]) -> None:
    with ledger.begin() as session:
        shas = list(session.scalars(select(LetterIn.raw_sha)))
        uids = Counter(session.scalars(select(Location.uid)))
    assert sorted(ledger.originals.read(sha) for sha in shas) == sorted(written)
    assert uids == Counter(range(1, LETTERS + 1))
