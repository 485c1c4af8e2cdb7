"""A whole year of every activity over real mail, without Prefect; and the letters the plan foretells."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.rounds.conftest import PlainOffice
from treem.ledger.tables import LetterOut
from treem.plan.almanac import Almanac
from treem.plan.load import load_settings
from treem.rehearsal.clerks import Clerk
from treem.rehearsal.conductor import live_year
from treem.rehearsal.stage import cast_year, set_stage, write_config
from treem.rehearsal.year import complaints, differences_of
from treem.rounds import numbering, reporting
from treem.rounds.forecast import ForecastLetter, letters_of_year
from treem.rounds.house import House, house_from_environment

CONFIG = Path(__file__).parents[2] / "config"
YEAR = 2027


@dataclass
class YearOffice:
    """The office's part in a year by plain calls: of each round as in one, the numbers counted."""

    house: House
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.one = PlainOffice(self.house)

    def advance(self, round_keys: Sequence[str], now: datetime) -> None:
        for key in round_keys:
            self.one.advance(key, "", now)

    def collect(self, now: datetime) -> None:
        self.one.collect(now)

    def approve(self, round_key: str, now: datetime) -> None:
        if reporting.waiting(self.house, round_key) is not None:
            self.one.approve(round_key, now)

    def number(self, round_key: str, now: datetime) -> None:
        if numbering.waiting_number(self.house, round_key) is not None:
            self.one.number(round_key, now, str(next(self.numbers)))


@dataclass
class Lived:
    house: House
    clerks: tuple[Clerk, ...]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    home = tmp_path_factory.mktemp("nam")
    settings = load_settings(CONFIG, os.environ)
    stage = set_stage(settings)
    with ExitStack() as running:
        running.enter_context(stage.mail)
        write_config(CONFIG, home / "config", stage, settings)
        house = house_from_environment(stage.environment(home))
        plans = house.plans_of(YEAR)
        clerks = cast_year(plans, settings, stage, 1)
        for clerk in clerks:
            running.callback(clerk.close)
        live_year(plans, YearOffice(house), clerks, stage.clock, settings.office.timezone)
        yield Lived(house, clerks)


@pytest.mark.long
def test_every_round_of_the_year_ends_with_what_was_meant(lived: Lived) -> None:
    house, plans = lived.house, lived.house.plans_of(YEAR)
    assert complaints(lived.clerks) == []
    for plan in plans:
        workbook = max(house.documents.glob(f"{plan.key.replace('/', '-')}-v*-noi-bo.xlsx"))
        assert differences_of(plan, plans, workbook, lived.clerks, house.settings) == []


@pytest.mark.long
def test_no_letter_leaves_that_the_plan_did_not_foretell(lived: Lived) -> None:
    """Every request, reminder and chase of the year: to whom, on which day."""
    with lived.house.ledger.begin() as session:
        kinds = ("request", "reminder", "chase")
        written = session.scalars(select(LetterOut).where(LetterOut.kind.in_(kinds))).all()
    zone_day = lived.house.local
    left = Counter((zone_day(x.created_at).date(), x.recipient) for x in written)
    foretold = _foretold(lived.house)
    assert left - Counter((x.day, x.address.lower()) for x in foretold) == Counter()
    sure = Counter((x.day, x.address.lower()) for x in foretold if not x.condition)
    assert sure - left == Counter()


def _foretold(house: House) -> list[ForecastLetter]:
    """Those of the year's rounds that the test looks at: to bodies."""
    keys = {plan.key for plan in house.plans_of(YEAR)}
    years = [letters_of_year(house.settings, house.almanac, year) for year in (YEAR - 1, YEAR, YEAR + 1)]
    office = house.settings.mail.address
    return [x for year in years for x in year if x.round in keys and x.address != office]


def test_a_year_of_letters_is_foretold_without_a_ledger() -> None:
    settings = load_settings(CONFIG, os.environ)
    letters = letters_of_year(settings, Almanac(settings.holidays), YEAR)
    six = [x for x in letters if x.round == f"bao-cao-6-thang/{YEAR}"]
    assert len([x for x in six if not x.condition]) == 28 + 1  # a request each, and the leader's
    assert {x.day for x in six if x.condition == "nếu chưa nộp"} == {
        date(YEAR, 6, 7), date(YEAR, 6, 11), date(YEAR, 6, 15), date(YEAR, 6, 17),
    }  # fmt: skip
    assert letters == sorted(letters, key=lambda x: x.day)
    assert all(x.subject and "@" in x.address for x in letters)
