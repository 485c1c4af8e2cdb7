"""Date rules as days: what `When` and `Offset` mean in a given year.

Belongs here: turning a rule into a day. Which days are worked, lunar and school dates are in `plan.almanac`; what
happens on a day is in `plan.agenda`.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from treem.plan.almanac import Almanac
from treem.plan.settings import NthWeekday, Offset, When

WEEKDAYS = ("T2", "T3", "T4", "T5", "T6", "T7", "CN")


class NoSuchDay(ValueError):
    """A rule names no day of that year."""


@dataclass(frozen=True)
class Day:
    """A day as people see it, and the last day in time where the plan's words give a later one."""

    shown: date
    legal: date | None = None


def resolve(when: When, almanac: Almanac, year: int, own: date | None = None, last: date | None = None) -> Day:
    """The day a rule names. `own` and `last` are the activity's own day and its last, for rules that count from them.

    Raises LunarDateUnknown for a lunar date outside the checked years, NoSuchDay for a rule that names no day.
    """
    year += when.year
    if when.before is not None:  # "trước ngày 15" excludes the 15th (plan, part V)
        bound = month_day(year, when.before)
        return Day(almanac.last_working_before(bound), bound - timedelta(days=1))
    day = _named(when, almanac, year, own, last)
    if when.roll is None or almanac.is_working(day):
        return Day(day)
    return Day(almanac.shift_working(day, -1 if when.roll == "before" else 1), day if when.roll == "before" else None)


def shift(almanac: Almanac, day: date, offset: Offset | When) -> date:
    """The day moved by an offset."""
    if offset.working_days is not None:
        return almanac.shift_working(day, offset.working_days)
    if offset.days is not None:
        return day + timedelta(days=offset.days)
    raise NoSuchDay("an offset needs `days` or `working_days`")


def month_day(year: int, text: str) -> date:
    """The day of "MM-DD" in the year. Raises ValueError when there is none."""
    return date.fromisoformat(f"{year:04d}-{text}")


def _named(when: When, almanac: Almanac, year: int, own: date | None, last: date | None) -> date:
    if when.on is not None:
        return month_day(year, when.on)
    if when.lunar is not None:
        return almanac.lunar(year, when.lunar)
    if when.nth is not None:
        return _nth(when.nth, year)
    if when.school is not None:
        return month_day(year, almanac.school_day(year, when.school))
    anchor = last if when.from_ == "until" else own
    if when.from_ is None or anchor is None:
        raise NoSuchDay("a date rule names no day")
    return shift(almanac, anchor, when)


def _nth(rule: NthWeekday, year: int) -> date:
    wanted, (first, length) = WEEKDAYS.index(rule.weekday), monthrange(year, rule.month)
    days = range(1 + (wanted - first) % 7, length + 1, 7)
    return date(year, rule.month, days[rule.nth - 1 if rule.nth > 0 else -1])
