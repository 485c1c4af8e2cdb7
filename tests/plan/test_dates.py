"""What a date rule names: nth weekday, school day, days from the activity's own day, and what gives way to others."""

from calendar import monthrange
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treem.plan.almanac import Almanac, LunarDateUnknown
from treem.plan.dates import WEEKDAYS, NoSuchDay, resolve
from treem.plan.settings import Holidays, NthWeekday, When

SCHOOL = {"khai-giang": "09-05", "hoc-ky-2": "01-18"}
ALMANAC = Almanac(Holidays(school_days=SCHOOL, school_days_of={2028: {"khai-giang": "09-04"}}))
YEARS = st.integers(2021, 2050)


def day(rule: dict[str, Any], year: int = 2027, own: date | None = None, last: date | None = None) -> date:
    return resolve(When.model_validate(rule), ALMANAC, year, own, last).shown


@pytest.mark.parametrize(
    ("nth", "weekday", "month", "expected"),
    [
        (1, "T2", 3, date(2027, 3, 1)),  # the month begins with it
        (2, "T4", 6, date(2027, 6, 9)),
        (4, "CN", 2, date(2027, 2, 28)),  # a February of four weeks exactly
        (-1, "CN", 2, date(2027, 2, 28)),
        (-1, "T6", 12, date(2027, 12, 31)),
        (1, "CN", 8, date(2027, 8, 1)),
    ],
)
def test_nth_weekday(nth: int, weekday: str, month: int, expected: date) -> None:
    assert day({"nth": {"nth": nth, "weekday": weekday, "month": month}}) == expected


@given(YEARS, st.integers(1, 12), st.sampled_from(WEEKDAYS), st.sampled_from([1, 2, 3, 4, -1]))
def test_the_nth_weekday_is_that_weekday_and_so_many_of_it_come_before(
    y: int, month: int, weekday: str, n: int
) -> None:
    found = day({"nth": NthWeekday(nth=n, weekday=weekday, month=month)}, y)  # type: ignore[arg-type]
    assert (found.year, found.month, WEEKDAYS[found.weekday()]) == (y, month, weekday)
    if n > 0:
        assert (found.day - 1) // 7 == n - 1
    else:
        assert found.day + 7 > monthrange(y, month)[1]


def test_a_school_day_is_the_same_every_year_but_where_a_year_has_another() -> None:
    assert day({"school": "khai-giang"}) == date(2027, 9, 5)
    assert day({"school": "khai-giang"}, 2028) == date(2028, 9, 4)
    assert day({"school": "hoc-ky-2", "year": 1}) == date(2028, 1, 18)  # falls in the next year
    assert day({"school": "hoc-ky-2"}, 2028) == date(2028, 1, 18)  # 2028 says nothing of this one


def test_days_from_the_own_day_and_from_the_last() -> None:
    own, last = date(2027, 6, 1), date(2027, 6, 30)
    assert day({"from": "day", "days": -10}, own=own, last=last) == date(2027, 5, 22)
    assert day({"from": "day", "working_days": -1}, own=own, last=last) == date(2027, 5, 31)
    assert day({"from": "until", "days": 15}, own=own, last=last) == date(2027, 7, 15)
    assert day({"from": "until", "working_days": 5}, own=own, last=last) == date(2027, 7, 7)


def test_from_a_day_the_activity_has_not_is_no_day() -> None:
    with pytest.raises(NoSuchDay):
        day({"from": "day", "days": 1})
    with pytest.raises(NoSuchDay):
        day({"from": "day"}, own=date(2027, 6, 1))
    with pytest.raises(NoSuchDay):
        day({})


@given(YEARS, st.dates(date(2028, 1, 1), date(2028, 12, 31)).filter(lambda d: (d.month, d.day) != (2, 29)))
def test_a_day_that_is_not_worked_gives_way_only_where_the_rule_says_so(year: int, named: date) -> None:
    text = f"{named:%m-%d}"
    plain = day({"on": text}, year)
    assert (plain.month, plain.day) == (named.month, named.day)
    before, after = day({"on": text, "roll": "before"}, year), day({"on": text, "roll": "after"}, year)
    assert before <= plain <= after
    assert ALMANAC.is_working(before)
    assert ALMANAC.is_working(after)
    if ALMANAC.is_working(plain):
        assert before == plain == after


@given(YEARS, st.integers(1, 12))
def test_before_names_the_last_worked_day_before_and_the_last_day_in_time(year: int, month: int) -> None:
    bound = date(year, month, 15)
    found = resolve(When(before=f"{month:02}-15"), ALMANAC, year)
    assert found.shown < bound
    assert found.legal == bound - timedelta(days=1)
    assert ALMANAC.is_working(found.shown)
    assert not any(ALMANAC.is_working(found.shown + timedelta(days=n)) for n in range(1, (bound - found.shown).days))


def test_rolled_back_the_named_day_is_still_in_time() -> None:
    assert resolve(When(on="06-13", roll="before"), ALMANAC, 2027).legal == date(2027, 6, 13)
    assert resolve(When(on="06-13", roll="after"), ALMANAC, 2027).legal is None


@pytest.mark.parametrize(("rule", "year"), [({"lunar": "08-15"}, 2051), ({"lunar": "08-15", "year": 1}, 2050)])
def test_a_feast_of_a_year_that_was_not_checked_is_refused(rule: dict[str, Any], year: int) -> None:
    with pytest.raises(LunarDateUnknown, match="2051"):
        day(rule, year)
