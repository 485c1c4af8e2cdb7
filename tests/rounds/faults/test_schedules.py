"""kill -9 at every commit of sending and collecting, over random schedules: the same ledger as without any crash.

TREEM_SCHEDULES says how many schedules (CI: 200). Each one kills the process up to four times: before or after a
commit, after an original reached the disk, after the mail server took a letter.
"""

import imaplib
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from functools import partial
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import event

from tests.rounds.conftest import World, at
from tests.rounds.desk import OPENING, few_bodies, open_desk
from tests.rounds.faults.correspondence import Delivery, by_another_route, correspondence
from tests.rounds.faults.snapshot import snapshot
from tests.rounds.test_crash import in_child
from treem.ledger.originals import Originals
from treem.ledger.store import open_ledger
from treem.mailroom import imap, smtp
from treem.plan.almanac import Almanac
from treem.plan.settings import Settings
from treem.rehearsal.stage import PASSWORD
from treem.rounds.house import House
from treem.rounds.intake import process_stored
from treem.rounds.steps import carry_out

SCHEDULES = int(os.environ.get("TREEM_SCHEDULES", "6"))
RESTART = timedelta(minutes=20)  # longer than a lease
PARTS = 2  # for two workers
NEVER = -1
MOST_KILLS = 2  # in one phase: a letter is tried three times before it counts as poison
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
]


@dataclass
class Stage:
    """The prepared office: its ledger before anything was sent, and what will come back."""

    world: World
    settings: Settings
    template: Path
    letters: list[Delivery]

    def house(self, home: Path) -> House:
        url = f"sqlite:///{home / 'ledger.sqlite'}"
        return House(self.settings, Almanac(self.settings.holidays), open_ledger(url, home / "originals"), home)


@pytest.fixture
def stage(world: World, tmp_path: Path) -> Iterator[Stage]:
    few_bodies(tmp_path / "config")
    house = world.open()
    carry_out(house, "bao-cao-6-thang/2027", OPENING)
    house.ledger.engine.dispose()
    template = tmp_path / "template"
    template.mkdir()
    shutil.copy(tmp_path / "ledger.sqlite", template)
    shutil.copytree(tmp_path / "originals", template / "originals")
    desk = open_desk(world, tmp_path)
    smtp.send_due(desk.house.ledger, desk.house.settings.mail, OPENING)
    yield Stage(world, desk.house.settings, template, correspondence(desk))


@pytest.mark.parametrize("part", range(PARTS))
def test_any_schedule_of_crashes_ends_in_the_same_ledger(
    stage: Stage, tmp_path: Path, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(smtp.MAX_UNCERTAIN, "ack", MOST_KILLS + 1)  # when one is given up is in test_smtp.py
    calm = Life(stage, tmp_path / "calm")
    expected, copies = calm.live()
    assert max(copies.values()) == 1
    assert {x[1] for x in expected["letters in"]} == {"done", "hold"}
    kills = 0
    for seed in range(part, SCHEDULES, PARTS):
        crashed = Life(stage, tmp_path / "crashed", schedule(seed, calm.points))
        found, copies = crashed.live()
        assert found == expected, f"schedule {seed}"
        assert max(copies.values()) <= 1 + 2 * MOST_KILLS, f"schedule {seed}"
        kills += crashed.kills
        shutil.rmtree(crashed.home)
    assert kills >= SCHEDULES // PARTS  # the schedules do kill


def schedule(seed: int, points: dict[str, int]) -> dict[str, list[int]]:
    """Where the processes of each phase die. The first kills of successive schedules go through every place in turn."""
    rng = Random(f"schedule:{seed}")
    return {
        phase: [seed % most, *(rng.randrange(most) for _ in range(rng.randint(0, MOST_KILLS - 1)))]
        for phase, most in points.items()
    }


class Life:
    """Requests are sent, letters arrive, are collected and read, acknowledgements are sent: each phase in processes of
    its own, killed as the schedule says, until one comes to its end."""

    def __init__(self, stage: Stage, home: Path, kill_at: dict[str, list[int]] | None = None) -> None:
        self.stage, self.home, self.kills = stage, home, 0
        self.points: dict[str, int] = {}  # how many places each phase passes at which something becomes lasting
        self._kill_at, self._now = kill_at or {}, OPENING

    def live(self) -> tuple[dict[str, object], Counter[str]]:
        """The ledger at the end, and how often each letter reached the server."""
        shutil.copytree(self.stage.template, self.home)
        empty_mailbox(self.stage)
        self.stage.world.stage.mail.log.clear()
        self._phase("sending", sending)
        arriving(self.stage)
        self._now = at(6, 20)
        for name, phase in (("collecting", collecting), ("reading", reading), ("answering", sending)):
            self._phase(name, phase)
        house = self.stage.house(self.home)
        found = snapshot(house.ledger)
        house.ledger.engine.dispose()
        return found, copies_of(self.stage)

    def _phase(self, name: str, phase: Callable[[House, datetime], None]) -> None:
        for point in (*self._kill_at.get(name, ()), NEVER):
            if in_child(partial(self._play, name, phase, point)) == 0:
                break
            self.kills += 1
            self._now += RESTART
        self.points[name] = int((self.home / name).read_text())
        self._now += RESTART

    def _play(self, name: str, phase: Callable[[House, datetime], None], point: int) -> None:
        house = self.stage.house(self.home)
        passed = kill_at(house, point)
        phase(house, self._now)
        (self.home / name).write_text(str(passed[0]))


def sending(house: House, now: datetime) -> None:
    smtp.send_due(house.ledger, house.settings.mail, now)


def collecting(house: House, now: datetime) -> None:
    imap.collect(house.ledger, house.settings.mail, now)


def reading(house: House, now: datetime) -> None:
    process_stored(house, now)


def arriving(stage: Stage) -> None:
    """The letters lie in the mailbox, some of them twice."""
    mail, address = stage.world.stage.mail, stage.settings.mail.address
    for number, delivery in enumerate(stage.letters):
        mail.inject(address, delivery.raw, delivery.when)
        if number % 3 == 0:
            mail.inject(address, by_another_route(delivery, number), delivery.when + timedelta(minutes=5))


def empty_mailbox(stage: Stage) -> None:
    with imaplib.IMAP4(*stage.world.stage.mail.imap) as client:
        client.login(stage.settings.mail.address, PASSWORD)
        client.select()
        client.store("1:*", "+FLAGS.SILENT", r"(\Deleted)")
        client.expunge()


def copies_of(stage: Stage) -> Counter[str]:
    """How often each letter reached the server; a letter repeated has the same bytes."""
    bytes_of: dict[str, set[bytes]] = {}
    for letter in stage.world.stage.mail.log:
        bytes_of.setdefault(str(message_from_bytes(letter.raw)["Message-ID"]), set()).add(letter.raw)
    assert all(len(variants) == 1 for variants in bytes_of.values())
    return Counter(str(message_from_bytes(letter.raw)["Message-ID"]) for letter in stage.world.stage.mail.log)


def kill_at(house: House, point: int) -> list[int]:
    """Let this process die at the point-th place where something becomes lasting; counts the places passed."""
    passed = [0]

    def pass_by(*_args: object) -> None:
        if passed[0] == point:
            os.kill(os.getpid(), signal.SIGKILL)
        passed[0] += 1

    event.listen(house.ledger.engine, "commit", pass_by)  # called just before the commit
    event.listen(house.ledger.engine.pool, "checkin", pass_by)  # called after it
    keep_all, deliver = Originals.keep_all, smtp.deliver

    def keep_then_pass(*args: object) -> object:
        kept = keep_all(*args)  # type: ignore[arg-type]
        pass_by()
        return kept

    def deliver_then_pass(*args: object) -> object:
        outcome = deliver(*args)  # type: ignore[arg-type]
        pass_by()
        return outcome

    Originals.keep_all = keep_then_pass  # type: ignore[method-assign,assignment]
    smtp.deliver = deliver_then_pass  # type: ignore[assignment]
    return passed
