"""The district's figures beside those of the same period last year and since the plan began, with coverage.

Belongs here: what may be compared with what, and the two rates by which filing is measured. Pure; which rounds count is
decided in `rounds.reconciling`.

Two totals are compared where the same ground told of both. Ground is the map of the round's day (`district.ground`), so
that a commune that merged since is compared with those it was made of. Where it is not the same, both numbers stand
with their coverage and no change is reckoned between them, only between the bodies that told of both.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any, Literal

from treem.district.ground import Ground
from treem.district.merge import District
from treem.plan.settings import Body, Figure, Settings

PER_CENT = Decimal("0.01")
TOLD = ("number", "not_applicable")
ADDED = ("sum", "primary")
Why = Literal["", "none_before", "none_now", "other_bodies"]
"""Why no change is reckoned: there was nothing before, there is nothing now, other bodies told of it."""


def reporting_rate(actual: int, expected: int) -> Decimal | None:
    """Reports received in per cent of those expected; of none expected there is no rate.

    As DHIS2 defines it ("Reporting rate summary"): 2 of 6 facilities are 33.33 %, all of them 100 %.
    """
    return (Decimal(100 * actual) / expected).quantize(PER_CENT, ROUND_HALF_UP) if expected else None


def timeliness(on_time: int, expected: int) -> Decimal | None:
    """Reports received on time in per cent of those expected – of those, not of those received (DHIS2's "Reporting rate
    on time"): who has not filed is not on time.
    """
    return reporting_rate(on_time, expected)


@dataclass(frozen=True)
class Held:
    """A round's figures: `bodies` by code, as they were asked, by `day`."""

    year: int
    district: District
    bodies: Mapping[str, Body]
    day: date
    estimate: bool = False

    @cached_property
    def cells(self) -> Mapping[str, Mapping[str, tuple[str, Decimal | None]]]:
        """Figure → body → kind and number of the total, of the bodies that count in it."""
        found: dict[str, dict[str, tuple[str, Decimal | None]]] = {}
        for row in _rows(self.district.by_body):
            if row["counts"] and row["body"] in self.bodies:
                found.setdefault(row["figure"], {})[row["body"]] = (row["kind"], row["number"])
        return found

    @cached_property
    def totals(self) -> Mapping[str, "Side"]:
        """Figure → the district's number with its coverage."""
        return {
            row["figure"]: Side(self.year, row["total"], row["reporting"], row["asked"], self.estimate)
            for row in _rows(self.district.totals)
        }

    def told(self, figure: Figure) -> Mapping[str, bool]:
        """Whether each body that was asked told of the figure, of both halves where it is a rate."""
        halves = [figure.numerator or "", figure.denominator or ""] if figure.merge == "rate" else [figure.code]
        asked = [self.cells.get(code, {}) for code in halves]
        both = [body for body in asked[0] if all(body in cells for cells in asked)]
        return {body: all(cells[body][0] in TOLD for cells in asked) for body in both}


@dataclass(frozen=True)
class Side:
    """The district's number in one year: `reporting` of `asked` bodies gave one."""

    year: int
    number: Decimal | None
    reporting: int
    asked: int
    estimate: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether everybody who was asked gave a number."""
        return self.reporting == self.asked


@dataclass(frozen=True)
class Common:
    """The same figure of those bodies alone that told of both years."""

    now: Decimal
    before: Decimal
    bodies: int


@dataclass(frozen=True)
class Cumulative:
    """What has been counted since the plan began, this round included. Years without figures are no zeros."""

    number: Decimal
    since: int
    without: tuple[int, ...]  # years nothing is known of
    partial: tuple[int, ...]  # years in which bodies are missing
    estimates: tuple[int, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every body told of every year."""
        return not self.without and not self.partial


@dataclass(frozen=True)
class Compared:
    """One figure now and in the same period of last year. Rates differ by points, everything else also in per cent."""

    figure: Figure
    now: Side
    before: Side | None
    why: Why
    common: Common | None
    since: Cumulative | None
    hidden_before: bool = False  # whether last year's edition hid that number from its readers

    @property
    def change(self) -> Decimal | None:
        """What it is more now; None where the two cannot be compared."""
        if self.why or self.before is None or self.now.number is None or self.before.number is None:
            return None
        return self.now.number - self.before.number

    @property
    def per_cent(self) -> Decimal | None:
        """The change in per cent of last year's number; of nothing there is none."""
        if self.change is None or self.figure.merge == "rate" or not self.before or not self.before.number:
            return None
        return (100 * self.change / self.before.number).quantize(Decimal("0.1"), ROUND_HALF_UP)


def compare(
    now: Held, before: Sequence[Held], years: Mapping[int, Sequence[Held]], settings: Settings
) -> tuple[Compared, ...]:
    """Every total of the round beside last year's. `before`: the rounds of that period, final figures first; `years`:
    the whole years from which the sum since the plan's beginning is made, final figures first in each.
    """
    ground = Ground(settings.register_, now.day)
    return tuple(
        _compared(figure, now, _first_with(before, code), years, settings, ground)
        for code, figure in settings.figures().items()
        if code in now.totals and figure.merge != "none"
    )


def _compared(
    figure: Figure,
    now: Held,
    before: Held | None,
    years: Mapping[int, Sequence[Held]],
    settings: Settings,
    ground: Ground,
) -> Compared:
    own, since = now.totals[figure.code], _since(figure, now, years, settings)
    if before is None:
        return Compared(figure, own, None, "none_before", None, since)
    earlier = before.totals[figure.code]
    if own.number is None or earlier.number is None:
        return Compared(figure, own, earlier, "none_now" if own.number is None else "none_before", None, since)
    here, there = _Coverage(now, figure, ground), _Coverage(before, figure, ground)
    if here.same_as(there):
        return Compared(figure, own, earlier, "", None, since)
    return Compared(figure, own, earlier, "other_bodies", _common(figure, here, there), since)


class _Coverage:
    """Which places of the map a round's figure tells of, and by which bodies."""

    def __init__(self, held: Held, figure: Figure, ground: Ground) -> None:
        self.cells = held.cells.get(figure.code, {})
        told = held.told(figure)
        self.standing = {code: ground.standing(held.bodies[code], held.day) for code in told}
        self.told = _places(self.standing[code] for code, has in told.items() if has)
        self.silent = _places(self.standing[code] for code, has in told.items() if not has)

    def same_as(self, other: "_Coverage") -> bool:
        """Whether both tell of the same ground, all or a part of it. What is told of by half counts as neither."""
        mixed = (self.told & self.silent) | (other.told & other.silent)
        return not mixed and self.told == other.told

    def within(self, places: frozenset[Body]) -> dict[str, frozenset[Body]]:
        """The bodies all of whose ground lies there."""
        return {code: ground for code, ground in self.standing.items() if ground <= places}

    def number(self, bodies: Mapping[str, Any]) -> Decimal:
        """What those bodies told, added up."""
        return sum((number for code in bodies if (number := self.cells[code][1]) is not None), Decimal(0))


def _common(figure: Figure, here: _Coverage, there: _Coverage) -> Common | None:
    if figure.merge not in ADDED:
        return None
    places = (here.told - here.silent) & (there.told - there.silent)
    ours, theirs = here.within(places), there.within(places)
    if not ours or _places(ours.values()) != _places(theirs.values()):
        return None
    return Common(here.number(ours), there.number(theirs), len(ours))


def _places(standing: Any) -> frozenset[Body]:
    return frozenset(body for bodies in standing for body in bodies)


def _since(figure: Figure, now: Held, years: Mapping[int, Sequence[Held]], settings: Settings) -> Cumulative | None:
    """Only of what happened: what stands is not added up from year to year."""
    own, since = now.totals[figure.code], settings.differences.since
    adds = figure.type in ("count", "money") and figure.merge in ADDED
    if not adds or settings.indicator_of(figure.code).accrual != "flow" or own.number is None:
        return None
    known = {year: found.totals[figure.code] for year, found in _known(figure, since, now.year, years)}
    sides = [*known.values(), own]
    return Cumulative(
        sum((side.number for side in sides if side.number is not None), Decimal(0)),
        since,
        tuple(year for year in range(since, now.year) if year not in known),
        tuple(side.year for side in sides if not side.is_whole),
        tuple(side.year for side in sides if side.estimate),
    )


def _known(figure: Figure, since: int, until: int, years: Mapping[int, Sequence[Held]]) -> Iterator[tuple[int, Held]]:
    for year in range(since, until):
        if found := _first_with(years.get(year, ()), figure.code):
            yield year, found


def _first_with(rounds: Sequence[Held], code: str) -> Held | None:
    return next((held for held in rounds if code in held.totals and held.totals[code].reporting), None)


def _rows(frame: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = frame[frame["column"] == "total"].to_dict("records")
    return rows
