"""Checks of collections that wait for each other: what one needs must have happened in the other by then, every year.

Belongs here: the days of two collections beside each other. The milestones of one among themselves are in `timing`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

from treem.plan.agenda import own_days
from treem.plan.almanac import Almanac
from treem.plan.consistency.timing import CHECKED, FILE
from treem.plan.dates import month_day, resolve, shift
from treem.plan.problems import Found, Path
from treem.plan.settings import (
    Activity,
    Collection,
    Form,
    Holidays,
    OpenRecommendations,
    Places,
    Plan,
    SelectedBefore,
)

Event = Literal["choose", "close"]
BOX = "kien-nghi-"  # the boxes of an inspection's record, which rounds.recommendations reads
SAID: dict[Event, str] = {"choose": "chọn đơn vị", "close": "đóng"}
REMEDY = {
    "choose": "Chọn đơn vị muộn hơn (choose, open, due), hoặc cho “{source}” {event} sớm hơn.",
    "close": "Đóng muộn hơn (close, due), hoặc cho “{source}” {event} sớm hơn.",
}


def check_order(plan: Plan, holidays: Holidays, forms: Iterable[Form]) -> Iterator[Found]:
    """Every collection against those it waits for. Dates that are wrong by themselves are told elsewhere."""
    known, almanac = list(forms), Almanac(holidays)
    parts = {(a.key, c.key): _Part(a, c, almanac) for a in plan.activities for c in a.collections}
    for n, activity in enumerate(plan.activities):
        for m, collection in enumerate(activity.collections):
            own = parts[activity.key, collection.key]
            for wait in _waits(own, parts, known):
                yield from _late(("activities", n, "collections", m, *wait.path), own, wait)


class _Part:
    """A collection and its days, worked out once."""

    def __init__(self, activity: Activity, collection: Collection, almanac: Almanac) -> None:
        self.activity, self.collection, self._almanac = activity, collection, almanac

    @property
    def name(self) -> str:
        several = len(self.activity.collections) > 1
        return f"{self.activity.key}/{self.collection.key}" if several else self.activity.key

    def moment(self, event: Event, year: int) -> tuple[date, int] | None:
        """Day and hour; none in a year whose days are not known."""
        return self._moments[event].get(year)

    def data(self, year: int) -> tuple[date, date] | None:
        """The first and the last day of its data; none in a year whose days are not known."""
        return self._periods.get(year)

    @cached_property
    def _moments(self) -> dict[Event, dict[int, tuple[date, int]]]:
        of, hour = self.collection, self.collection.hour
        found: dict[Event, dict[int, tuple[date, int]]] = {"choose": {}, "close": {}}
        for year in (CHECKED[0] - 1, *CHECKED):
            try:
                due = resolve(of.due, self._almanac, year, *own_days(self.activity, self._almanac, year)).shown
                found["choose"][year] = shift(self._almanac, due, of.choose or of.open), hour
                found["close"][year] = shift(self._almanac, due, of.close), hour
            except (ValueError, KeyError):  # no such day, or a feast of the year after the last one checked
                continue
        return found

    @cached_property
    def _periods(self) -> dict[int, tuple[date, date]]:
        period, found = self.collection.period, dict[int, tuple[date, date]]()
        for year in (CHECKED[0] - 1, *CHECKED):
            try:
                if period:
                    found[year] = month_day(year + period.start_year, period.start), month_day(year, period.end)
                else:
                    first, last = own_days(self.activity, self._almanac, year)
                    found[year] = (first, last) if first and last else (date(year, 1, 1), date(year, 12, 31))
            except (ValueError, KeyError):
                continue
        return found


@dataclass(frozen=True)
class _Wait:
    """By its own `event`, a collection needs that of another."""

    path: Path
    event: Event
    source: _Part
    of_source: Event
    by_period: bool = False  # the source's year is the one whose data end within the own period


def _waits(own: _Part, parts: dict[tuple[str, str], _Part], forms: list[Form]) -> Iterator[_Wait]:
    rule, key = own.collection.selection, own.activity.key
    earlier = {c.key for c in own.activity.collections[: own.activity.collections.index(own.collection)]}
    if isinstance(rule, Places) and rule.nominations in earlier:
        yield _Wait(("selection", "nominations"), "choose", parts[key, rule.nominations], "close")
    if isinstance(rule, SelectedBefore) and rule.collection in earlier:
        source = parts[key, rule.collection]
        if source.collection.selection:
            yield _Wait(("selection", "collection"), "choose", source, "choose")
    if isinstance(rule, OpenRecommendations) and own.activity.kind == "inspection":
        for collection in own.activity.collections:
            if _is_record(own.activity, collection, forms):
                yield _Wait(("selection",), "choose", parts[key, collection.key], "close")
    for n, name in enumerate(own.collection.takes):
        of = next((p for p in parts.values() if name in (p.name, f"{p.activity.key}/{p.collection.key}")), None)
        if of and of is not own:
            yield _Wait(("takes", n), "close", of, "close", by_period=True)


def _is_record(activity: Activity, collection: Collection, forms: list[Form]) -> bool:
    served = [form for form in forms if form.serves(activity.key, collection.key)]
    return any(closing.key.startswith(BOX) for form in served for closing in form.closings)


def _late(here: Path, own: _Part, wait: _Wait) -> Iterator[Found]:
    """The first year in which the other comes too late."""
    for year in CHECKED:
        needed = own.moment(wait.event, year)
        for of_year in _years_of(own, wait, year):
            there = wait.source.moment(wait.of_source, of_year)
            if needed and there and there > needed:
                name = wait.source.name
                message = (
                    f"Năm {year} lần thu thập “{name}” {SAID[wait.of_source]} ({_shown(there, needed)}) sau ngày lần "
                    f"này {SAID[wait.event]} ({_shown(needed, there)})."
                )
                remedy = REMEDY[wait.event].format(source=name, event=SAID[wait.of_source])
                yield Found(FILE, here, message, remedy)
                return


def _years_of(own: _Part, wait: _Wait, year: int) -> list[int]:
    if not wait.by_period:
        return [year]
    period = own.data(year)
    found = [(of_year, wait.source.data(of_year)) for of_year in (year - 1, year)]
    return [y for y, data in found if period and data and period[0] <= data[1] <= period[1]]


def _shown(moment: tuple[date, int], other: tuple[date, int]) -> str:
    """The day, and the hour where it is the same day."""
    day, hour = moment
    return f"{day:%d/%m/%Y}" + (f" {hour} giờ" if day == other[0] else "")
