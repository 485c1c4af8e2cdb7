"""Every difference a person should look at before the district's figures are trusted.

Belongs here: pure reckoning over the merged figures – between sources, between total and parts, between half a year and
the whole, and against a body's own past. What a difference is called and asked is in `documents.reconciliation_sheet`;
reading the ledger is in `rounds.reconciling`.

**Jumps.** Counts are compared after the transformation of Freeman and Tukey (Transformations related to the angular and
the square root, Annals of Mathematical Statistics 21, 1950): y = √x + √(x+1). Of a Poisson count y has a variance of
about 1, whatever its size and down to zero, so that 0 → 3 is small and 0 → 300 is not. The number of today is set
against the median of the earlier ones, in units of their MAD × 1.4826 – the "modified z-score" of Iglewicz and Hoaglin
(How to Detect and Handle Outliers, ASQC 1993; alarm above 3.5) – which one odd year among the earlier ones does not
move. The unit is at least 1: less than the chance of a count of that size would make every change of a quiet history an
alarm. A smallest absolute and a smallest relative difference keep what is too small to ask about out. The floats of
this score decide and are never shown; the figures stay `Decimal`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from math import sqrt
from statistics import median
from typing import Any

from treem.district.merge import District
from treem.plan.settings import Column, Figure, Inequality, JumpsRule, Settings, Sum

Key = tuple[str, str, str]
"""Body, figure, column."""
Own = tuple[str, str, Decimal | None]
"""A cell of a body's form by figure and column, and its number; None: it was left blank."""
CONSISTENT = 1.4826  # makes the MAD of a normal sample estimate its standard deviation
LEAST_UNIT = 1.0  # the standard deviation of a transformed Poisson count
COUNTED = ("count", "money")
PARTS: tuple[Column, ...] = ("male", "female", "minority")


@dataclass(frozen=True)
class Ask:
    """Who is asked about a difference, where the number stands, and which of its own cells it is asked about."""

    body: str
    sheet: str
    cell: str
    own: tuple[Own, ...]


@dataclass(frozen=True)
class Difference:
    """Two numbers that do not go together. `other`: the larger figure of an inequality, the group beside the source.

    `body`: whose numbers they are; None: the district's. `bodies` and `places`: everybody it is about, and their cells.
    """

    rule: str
    severity: str
    figure: str
    column: Column
    body: str | None
    ours: Decimal
    theirs: Decimal
    other: str = ""
    bodies: tuple[str, ...] = ()
    places: tuple[tuple[str, str], ...] = ()  # sheet and cell
    asks: tuple[Ask, ...] = ()
    past: tuple[Decimal, ...] = ()  # of a jump: what the body reported before, oldest first
    coverage: tuple[tuple[int, int], ...] = ()  # of two sources: reporting and asked on either side

    @property
    def difference(self) -> Decimal:
        """What the second number has more."""
        return self.theirs - self.ours


@dataclass(frozen=True)
class Material:
    """What is compared. `places`: sheet and cell of every figure filed in this round; `half_year`: what the same bodies
    had counted by the middle of the year; `past`: (body, figure) → its totals in earlier years, oldest first.
    """

    district: District
    places: Mapping[Key, tuple[str, str]] = field(default_factory=dict)
    half_year: Mapping[Key, Decimal] = field(default_factory=dict)
    past: Mapping[tuple[str, str], Sequence[Decimal]] = field(default_factory=dict)


def reconcile(material: Material, settings: Settings) -> tuple[Difference, ...]:
    """Everything the rules find, rule by rule, in the order of the book and of the register."""
    bench = _Bench(material, settings)
    rules = {
        "sources": bench.sources,
        "breakdown": bench.breakdown,
        "parts": bench.parts,
        "within_year": bench.within_year,
        "jumps": bench.jumps,
    }
    return tuple(
        found
        for key, rule in settings.differences.rules.items()
        if not rule.off
        for found in rules[key]()
        if found.figure not in rule.without
    )


def fingerprint(difference: Difference, ask: Ask) -> str:
    """The same for the same question: this rule, this figure, about the same numbers of the same body.

    What other bodies say is left out: that one of them filed late does not make it another question.
    """
    own = [f"{code}:{column}:{'' if n is None else format(n.normalize(), 'f')}" for code, column, n in ask.own]
    facts = (difference.rule, difference.figure, difference.column, difference.other, ask.body, *own)
    return sha256("|".join(facts).encode()).hexdigest()[:16]


def is_jump(now: Decimal, past: Sequence[Decimal], rule: JumpsRule) -> bool:
    """Whether the number is far from the earlier ones, as the module's docstring reckons it."""
    if len(past) < rule.periods:
        return False
    usual = median(past)
    change = abs(now - usual)
    if change < rule.at_least or change * 100 < rule.share * usual:
        return False
    return jump_score(now, past) > rule.score


def jump_score(now: Decimal, past: Sequence[Decimal]) -> float:
    """How many units the number is away from the middle of the earlier ones. `past` is not empty."""
    earlier = [_stabilised(number) for number in past]
    middle = median(earlier)
    spread = CONSISTENT * median(abs(y - middle) for y in earlier)
    return abs(_stabilised(now) - middle) / max(spread, LEAST_UNIT)


def _stabilised(number: Decimal) -> float:
    return sqrt(number) + sqrt(number + 1)


@dataclass(frozen=True)
class _Cell:
    body: str
    group: str
    counts: bool
    number: Decimal | None  # None: blank, not applicable, not filed


class _Bench:
    """The figures laid out for the rules: read from the frames once."""

    def __init__(self, material: Material, settings: Settings) -> None:
        self.material, self.settings, self.figures = material, settings, settings.figures()
        self.cells: dict[tuple[str, str], dict[str, _Cell]] = {}
        for row in material.district.by_body.to_dict("records"):
            cell = _Cell(row["body"], row["group"], bool(row["counts"]), row["number"])
            self.cells.setdefault((row["figure"], row["column"]), {})[cell.body] = cell
        self.totals: dict[tuple[str, str], Decimal | None] = {
            (row["figure"], row["column"]): row["total"] for row in material.district.totals.to_dict("records")
        }

    # ---- two sources

    def sources(self) -> Iterator[Difference]:
        """A side of many bodies is not asked one by one: nobody knows whose number is wrong. The other side is."""
        rule = self.settings.differences.sources
        for row in self.material.district.cross_checks.to_dict("records"):
            code, ours, difference = row["figure"], self.totals.get((row["figure"], "total")), row["difference"]
            if ours is None or difference is None or abs(difference) < rule.at_least:
                continue
            if abs(difference) * 100 < rule.share * max(ours, row["total"]):
                continue
            said = self._row(code, "total").values()
            primary = [cell for cell in said if cell.counts]
            beside = [cell for cell in said if not cell.counts and cell.group == row["group"]]
            sides = [[cell for cell in side if cell.number is not None] for side in (primary, beside)]
            single = [side for side in sides if len(side) == 1] or sides
            asked = [self._ask(cell.body, [(code, "total")]) for side in single for cell in side]
            bodies = [cell.body for side in sides for cell in side]
            yield Difference(
                "sources", rule.severity, code, "total", None, ours, row["total"], row["group"], tuple(bodies),
                self._places((body, code, "total") for body in bodies), tuple(asked),
                coverage=(_coverage(primary), (row["reporting"], row["asked"])),
            )  # fmt: skip

    # ---- totals and parts

    def breakdown(self) -> Iterator[Difference]:
        """Of each body; of the district only what a body that gave no breakdown explains."""
        for code, figure in self.figures.items():
            if "male" in figure.columns:
                yield from self._by_body(code, figure, ("male", "female"), exact=True)
                yield from self._without_breakdown(code)
            for column in PARTS:
                if column in figure.columns and figure.type in COUNTED:
                    yield from self._by_body(code, figure, (column,), exact=False)

    def _by_body(self, code: str, figure: Figure, columns: Sequence[Column], *, exact: bool) -> Iterator[Difference]:
        for body, cell in self._row(code, "total").items():
            total, parts = cell.number, [self._number(body, code, column) for column in columns]
            known = [part for part in parts if part is not None]
            if total is None or len(known) < len(parts):
                continue
            added = sum(known, Decimal(0))
            if (exact and added == total) or (not exact and added <= total):
                continue
            if not exact and len(columns) == 1 and columns[0] in ("male", "female") and self._is_told(body, code):
                continue  # the sum of both says it already
            column: Column = "total" if exact else columns[0]
            yield self._own(
                "breakdown", code, column, body, total, added, [(code, "total"), *((code, c) for c in columns)],
            )  # fmt: skip

    def _is_told(self, body: str, code: str) -> bool:
        return None not in (self._number(body, code, "male"), self._number(body, code, "female"))

    def _without_breakdown(self, code: str) -> Iterator[Difference]:
        total, male, female = (self.totals.get((code, column)) for column in ("total", "male", "female"))
        if total is None or (added := (male or Decimal(0)) + (female or Decimal(0))) == total:
            return
        cells = [cell for cell in self._row(code, "total").values() if cell.counts and cell.number]
        silent = [
            cell
            for cell in cells
            if self._number(cell.body, code, "male") is None or self._number(cell.body, code, "female") is None
        ]
        if silent:
            about = [(code, "total"), (code, "male"), (code, "female")]
            yield self._of_district("breakdown", code, "total", total, added, silent, about)

    def parts(self) -> Iterator[Difference]:
        """The inequalities column by column, and the sums."""
        book = self.settings.book
        for rule in book.inequalities:
            columns = [c for c in self.figures[rule.smaller].columns if c in self.figures[rule.larger].columns]
            for column in columns:
                yield from self._inequality(rule, column)
        for total in book.sums:
            yield from self._sum(total)

    def _inequality(self, rule: Inequality, column: Column) -> Iterator[Difference]:
        """A part that breaks the rule together with its total is the total's affair."""
        for body, cell in self._row(rule.smaller, column).items():
            small, large = cell.number, self._number(body, rule.larger, column)
            if small is None or large is None or small <= large:
                continue
            if column != "total" and self._breaks(body, rule):
                continue
            yield self._own(
                "parts", rule.smaller, column, body, small, large, [(rule.smaller, column), (rule.larger, column)],
                other=rule.larger,
            )  # fmt: skip
        if column == "total":
            yield from self._inequality_of_district(rule)

    def _breaks(self, body: str, rule: Inequality) -> bool:
        small, large = self._number(body, rule.smaller, "total"), self._number(body, rule.larger, "total")
        return small is not None and large is not None and small > large

    def _inequality_of_district(self, rule: Inequality) -> Iterator[Difference]:
        """Only where everybody who counts in the smaller was asked for the larger too: a body that left it out."""
        small, large = self.totals.get((rule.smaller, "total")), self.totals.get((rule.larger, "total"))
        smaller, larger = self._row(rule.smaller, "total"), self._row(rule.larger, "total")
        counting = [cell for cell in smaller.values() if cell.counts]
        if small is None or large is None or small <= large:
            return
        if any(cell.body not in larger or not larger[cell.body].counts for cell in counting):
            return
        silent = [cell for cell in counting if cell.number and larger[cell.body].number is None]
        if silent:
            about = [(rule.smaller, "total"), (rule.larger, "total")]
            yield self._of_district("parts", rule.smaller, "total", small, large, silent, about, other=rule.larger)

    def _sum(self, rule: Sum) -> Iterator[Difference]:
        for body, cell in self._row(rule.total, "total").items():
            parts = [self._number(body, code, "total") for code in rule.parts]
            known = [part for part in parts if part is not None]
            if cell.number is None or len(known) < len(parts) or sum(known, Decimal(0)) == cell.number:
                continue
            yield self._own(
                "parts", rule.total, "total", body, cell.number, sum(known, Decimal(0)),
                [(code, "total") for code in (rule.total, *rule.parts)], other=f"{rule.parts[0]} … {rule.parts[-1]}",
            )  # fmt: skip

    # ---- half a year, and the years before

    def within_year(self) -> Iterator[Difference]:
        """What happened by the middle of the year has still happened by its end."""
        for code, figure in self.figures.items():
            if figure.type not in COUNTED or self.settings.indicator_of(code).accrual != "flow":
                continue
            for column in figure.columns:
                for body, cell in self._row(code, column).items():
                    half = self.material.half_year.get((body, code, column))
                    if half is None or cell.number is None or half <= cell.number:
                        continue
                    if column == "total" or not self._shrank(body, code):
                        yield self._own("within_year", code, column, body, half, cell.number, [(code, column)])

    def _shrank(self, body: str, code: str) -> bool:
        half, whole = self.material.half_year.get((body, code, "total")), self._number(body, code, "total")
        return half is not None and whole is not None and half > whole

    def jumps(self) -> Iterator[Difference]:
        """Totals only: a breakdown jumps with its total."""
        rule = self.settings.differences.jumps
        for code, figure in self.figures.items():
            if figure.type not in COUNTED:
                continue
            for body, cell in self._row(code, "total").items():
                past = tuple(self.material.past.get((body, code), ()))
                if cell.number is not None and is_jump(cell.number, past, rule):
                    usual = median(past)
                    yield self._own("jumps", code, "total", body, usual, cell.number, [(code, "total")], past=past)

    # ---- what every rule needs

    def _row(self, code: str, column: str) -> Mapping[str, _Cell]:
        return self.cells.get((code, column), {})

    def _number(self, body: str, code: str, column: str) -> Decimal | None:
        cell = self._row(code, column).get(body)
        return cell.number if cell else None

    def _own(
        self,
        rule: str,
        code: str,
        column: Column,
        body: str,
        ours: Decimal,
        theirs: Decimal,
        about: Sequence[tuple[str, str]],
        **more: Any,
    ) -> Difference:
        """A difference within one body's own numbers: it is asked, at the first of the cells."""
        places = self._places((body, figure, part) for figure, part in about)
        severity = self.settings.differences.rules[rule].severity
        return Difference(
            rule,
            severity,
            code,
            column,
            body,
            ours,
            theirs,
            bodies=(body,),
            places=places,
            asks=(self._ask(body, about),),
            **more,
        )

    def _of_district(
        self,
        rule: str,
        code: str,
        column: Column,
        ours: Decimal,
        theirs: Decimal,
        silent: Sequence[_Cell],
        about: Sequence[tuple[str, str]],
        other: str = "",
    ) -> Difference:
        """A difference of the district that bodies explain which left a cell blank: they are asked for it."""
        severity = self.settings.differences.rules[rule].severity
        bodies = tuple(cell.body for cell in silent)
        places = self._places((body, code, column) for body in bodies)
        asks = tuple(self._ask(body, about) for body in bodies)
        return Difference(rule, severity, code, column, None, ours, theirs, other, bodies, places, asks)

    def _ask(self, body: str, about: Sequence[tuple[str, str]]) -> Ask:
        sheet, place = self.material.places.get((body, *about[0]), ("", ""))
        return Ask(body, sheet, place, tuple((*cell, self._number(body, *cell)) for cell in about))

    def _places(self, keys: Iterable[Key]) -> tuple[tuple[str, str], ...]:
        return tuple(self.material.places[key] for key in keys if key in self.material.places)


def _coverage(cells: Sequence[_Cell]) -> tuple[int, int]:
    return sum(cell.number is not None for cell in cells), len(cells)
