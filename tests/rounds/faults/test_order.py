"""Whatever the order in which letters are taken in, and however often they come: the same submissions (hypothesis)."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.rounds.conftest import World, at
from tests.rounds.desk import open_desk
from tests.rounds.faults.correspondence import Delivery, by_another_route, correspondence
from tests.rounds.faults.snapshot import snapshot, submissions
from treem.ledger.store import open_ledger
from treem.mailroom import imap
from treem.plan.almanac import Almanac
from treem.rounds.house import House
from treem.rounds.intake import process_stored

LETTERS = 12
NOW = at(6, 20)


class Office:
    """An office whose ledger starts anew for every example; letters reach it past the network."""

    def __init__(self, world: World, folder: Path) -> None:
        desk = open_desk(world, folder)
        desk.ask()
        self.letters = correspondence(desk)
        self.settings = desk.house.settings
        desk.house.ledger.engine.dispose()
        self._folder, self._template, self._numbers = folder, folder / "ledger.sqlite", count(1)
        assert len(self.letters) == LETTERS
        self.expected = self.outcome([(letter, 0) for letter in self.letters], set())

    def fresh(self) -> House:
        home = self._folder / f"example-{next(self._numbers)}"
        home.mkdir()
        shutil.copy(self._template, home / "ledger.sqlite")
        ledger = open_ledger(f"sqlite:///{home / 'ledger.sqlite'}", home / "originals")
        return House(self.settings, Almanac(self.settings.holidays), ledger, home)

    def outcome(self, deliveries: list[tuple[Delivery, int]], breaks: set[int]) -> list[object]:
        """Take the deliveries in, in this order; `breaks` are the places after which everything kept is processed."""
        house = self.fresh()
        place = imap._resume(house.ledger, house.settings.mail, "INBOX", 1, NOW)
        for uid, (delivery, route) in enumerate(deliveries, 1):
            raw = by_another_route(delivery, route) if route else delivery.raw
            stamped = delivery.when + timedelta(minutes=5 * route)
            imap._keep(house.ledger, place, [imap._Arrived(uid, raw, len(raw), stamped, True)], NOW)
            if uid in breaks:
                process_stored(house, NOW)
        process_stored(house, NOW)
        with house.ledger.begin() as session:
            filed = submissions(session, versions=False)
        state = snapshot(house.ledger)
        house.ledger.engine.dispose()
        return [filed, state["requests"], state["contacts"]]


@pytest.fixture
def office(world: World, tmp_path: Path) -> Iterator[Office]:
    yield Office(world, tmp_path)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[tuple[int, int]], set[int]]:
    """Every letter at least once by its first route (0), some of them again by it or by others, in any order."""
    again = draw(st.lists(st.tuples(st.integers(0, LETTERS - 1), st.integers(0, 2)), max_size=8))
    order = draw(st.permutations([(n, 0) for n in range(LETTERS)] + again))
    breaks = draw(st.sets(st.integers(1, len(order)), max_size=4))
    return list(order), breaks


@pytest.mark.slow
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=deliveries())
def test_any_sequence_of_the_same_letters_gives_the_same_submissions(
    office: Office, case: tuple[list[tuple[int, int]], set[int]]
) -> None:
    order, breaks = case
    assert office.outcome([(office.letters[n], route) for n, route in order], breaks) == office.expected
