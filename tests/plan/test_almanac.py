"""Working days and the Mid-Autumn festival, against dates known from elsewhere."""

import csv
import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treem.plan import almanac as module
from treem.plan.almanac import Almanac, LunarDateUnknown
from treem.plan.settings import Holidays

NATIONAL = Almanac(Holidays())
DAYS = st.dates(date(2021, 1, 1), date(2035, 12, 31))


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2027, 6, 14), True),  # Monday
        (date(2027, 6, 13), False),  # Sunday
        (date(2026, 6, 13), False),  # Saturday
        (date(2027, 9, 2), False),  # National Day
        (date(2027, 2, 6), False),  # first day of Tết Đinh Mùi
        (date(2024, 5, 4), True),  # Saturday worked in exchange for 29/4 (2450/VPCP-KGVX)
        (date(2024, 4, 29), False),
    ],
)
def test_national_working_days(day: date, working: bool) -> None:
    assert NATIONAL.is_working(day) is working


def test_the_office_has_the_last_word() -> None:
    almanac = Almanac(Holidays(off=(date(2027, 6, 14),), working=(date(2027, 6, 12),)))
    assert not almanac.is_working(date(2027, 6, 14))
    assert almanac.is_working(date(2027, 6, 12))
    assert almanac.last_working_before(date(2027, 6, 15)) == date(2027, 6, 12)


@pytest.mark.parametrize(
    ("bound", "last"),
    [
        (date(2025, 6, 15), date(2025, 6, 13)),
        (date(2026, 6, 15), date(2026, 6, 12)),
        (date(2027, 6, 15), date(2027, 6, 14)),
        (date(2027, 12, 10), date(2027, 12, 9)),
        (date(2028, 12, 10), date(2028, 12, 8)),
        (date(2029, 12, 10), date(2029, 12, 7)),
    ],
)
def test_last_working_day_before(bound: date, last: date) -> None:
    assert NATIONAL.last_working_before(bound) == last


def test_shift_over_a_weekend_and_a_feast() -> None:
    assert NATIONAL.shift_working(date(2026, 6, 12), 1) == date(2026, 6, 15)
    assert NATIONAL.shift_working(date(2026, 6, 15), -1) == date(2026, 6, 12)
    assert NATIONAL.shift_working(date(2026, 6, 13), 0) == date(2026, 6, 15)
    assert NATIONAL.shift_working(date(2026, 6, 12), 0) == date(2026, 6, 12)


@given(DAYS, st.integers(-12, 12).filter(bool))
def test_shift_passes_exactly_n_working_days(day: date, n: int) -> None:
    end = NATIONAL.shift_working(day, n)
    step = 1 if n > 0 else -1
    passed = [day + timedelta(days=step * i) for i in range(1, abs((end - day).days) + 1)]
    assert sum(map(NATIONAL.is_working, passed)) == abs(n)
    assert NATIONAL.is_working(end)


@pytest.mark.parametrize(
    ("year", "feast"),
    [
        (2020, date(2020, 10, 1)),
        (2025, date(2025, 10, 6)),
        (2027, date(2027, 9, 15)),
        (2034, date(2034, 9, 26)),  # in China a day later
        (2041, date(2041, 9, 9)),  # in China a day later
    ],
)
def test_mid_autumn_of_hard_years(year: int, feast: date) -> None:
    assert NATIONAL.lunar(year, "08-15") == feast


def test_mid_autumn_against_the_ephemeris() -> None:
    if "TREEM_SHARED" not in os.environ:
        pytest.skip("TREEM_SHARED names no folder of domain data")
    with (Path(os.environ["TREEM_SHARED"]) / "domain" / "trung_thu_2000_2050.csv").open(encoding="utf-8") as file:
        golden = {int(row["nam"]): date.fromisoformat(row["trung_thu_15_8"]) for row in csv.DictReader(file)}
    assert {year: NATIONAL.lunar(year, "08-15") for year in range(2000, 2051)} == golden


@pytest.mark.parametrize("year", [1999, 2051, 1985])
def test_mid_autumn_outside_the_checked_years_is_refused(year: int) -> None:
    with pytest.raises(LunarDateUnknown, match=str(year)):
        NATIONAL.lunar(year, "08-15")


def test_an_answer_that_does_not_convert_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "lunar_to_solar", lambda _lunar: date(2027, 9, 16))
    with pytest.raises(ValueError, match="âm lịch"):
        NATIONAL.lunar(2027, "08-15")
