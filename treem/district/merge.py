"""The bodies' figures made one: totals with their coverage, rates, and the cross-checks between sources.

Belongs here: pure pandas over the accepted figures. Nothing here reads the ledger, writes a document or knows a date.

Four things are never mixed: a number (zero is a number), a blank, "không áp dụng", and a body that has not filed.
Whatever is not a number adds nothing to a total and is named beside it. Numbers stay `Decimal` from end to end.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd

from treem.plan.settings import Body, Column, Figure, Form, Settings

KEYS = ["body", "figure", "column"]
COLUMN_ORDER: tuple[Column, ...] = ("total", "male", "female", "minority")
GRID = [
    "figure",
    "column",
    "figure_order",
    "column_order",
    "body",
    "name",
    "body_kind",
    "group",
    "body_order",
    "counts",
    "form",
]
TOTALS = ["figure", "column", "total", "reporting", "asked", "missing", "blank", "not_filed", "not_applicable"]
CHECKS = ["figure", "group", "total", "difference", "reporting", "asked"]
RATE_PLACES = Decimal("0.01")


class NotExact(TypeError):
    """A figure that is not exact (a float) reached the merge."""


@dataclass(frozen=True)
class District:
    """The district's figures. All frames are in the order of the indicator book and of the register.

    `totals`: one row a figure and column. `total` is None when nobody reported, or when the figure is only listed
    (merge rule "none"); reporting + len(missing) + len(not_applicable) = asked; missing = blank or not filed (names).
    `by_body`: one row a figure, column and asked body, with `kind` number, blank, not_applicable or not_filed;
    `counts` is False where the body is only a cross-check of another group's figure.
    `cross_checks`: what another group says of a figure with a primary source; difference = theirs − the total.
    `unplaced`: filed figures that nobody was asked for any more (the config has changed); they are in no total.
    `told`: what an earlier outward edition of the round has shown, by (figure, column, *bodies in it).
    """

    totals: pd.DataFrame
    by_body: pd.DataFrame
    cross_checks: pd.DataFrame
    unplaced: pd.DataFrame
    told: Mapping[tuple[str, ...], int] = field(default_factory=dict)


def merge(
    rows: pd.DataFrame,
    settings: Settings,
    asked: Sequence[Body],
    *,
    forms: Sequence[Form] | None = None,
    taken: Iterable[tuple[Body, Form]] = (),
) -> District:
    """The accepted figures [body, figure, column, kind, number] of the asked bodies, made one.

    A group is asked for what its forms ask (all forms of the config when none are given); `taken`: what a body was
    asked elsewhere and is counted here, whose rows were added up by `added_up`.
    Raises NotExact for floats and pandas' MergeError when a body gives the same figure twice.
    """
    filed = rows.loc[:, [*KEYS, "kind", "number"]].astype(object)
    _demand_exact(filed)
    questions = [*_questions(asked, settings.forms if forms is None else forms), *taken]
    cells = _cells(_grid(settings, questions), filed)
    checks = _cross_checks(cells, settings)
    typed, rates = _typed_totals(cells, settings), _rates(cells, settings)
    totals = pd.DataFrame([*typed, *rates], columns=[*TOTALS, "order"], dtype=object)
    totals = totals.sort_values("order", kind="stable").drop(columns="order").reset_index(drop=True)
    if totals.duplicated(["figure", "column"]).any():
        raise AssertionError("a figure has two totals")
    by_body = cells[["figure", "column", "body", "name", "body_kind", "group", "counts", "kind", "number"]]
    return District(totals, by_body, checks, _unplaced(filed, cells))


def _demand_exact(filed: pd.DataFrame) -> None:
    numbers = filed.loc[filed["kind"] == "number", "number"]
    if not all(isinstance(number, Decimal) and number.is_finite() for number in numbers):
        raise NotExact("figures must be finite Decimals")


def added_up(rows: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """One row a body, figure and column of what it said in several rounds, in order of time.

    Counts and money add up; of a stock and of yes or no the last word counts. A blank beside a number is no number.
    """
    found = []
    for key, said in rows.groupby(KEYS, sort=False):
        body, code, column = map(str, key)
        numbers = [number for number in said["number"] if number is not None]
        kinds = list(said["kind"])
        adds = settings.figures()[code].merge == "sum" and settings.indicator_of(code).accrual == "flow"
        kind = "number" if numbers else kinds[-1]
        number = (sum(numbers, Decimal(0)) if adds else numbers[-1]) if numbers else None
        found.append((body, code, column, kind, number))
    return pd.DataFrame(found, columns=[*KEYS, "kind", "number"], dtype=object)


def _questions(asked: Iterable[Body], forms: Sequence[Form]) -> Iterator[tuple[Body, Form]]:
    return ((body, form) for body in asked for form in forms if form.group == body.group)


def _grid(settings: Settings, questions: Iterable[tuple[Body, Form]]) -> pd.DataFrame:
    """One row for everything that was asked: figure, column, body; `form` is the first that asked."""
    place = {body.code: number for number, body in enumerate(settings.register_.bodies)}
    asked: dict[tuple[str, str], tuple[Body, Form]] = {}
    for body, form in questions:
        for code in form.figures:
            asked.setdefault((body.code, code), (body, form))
    bodies = {body.code: body for body, _ in asked.values()}
    ordered = sorted(bodies.values(), key=lambda body: (place.get(body.code, len(place)), body.code))
    grid = [
        (f.code, column, order, COLUMN_ORDER.index(column), b.code, b.name, b.kind, b.group, rank, _counts(f, b), named)
        for order, f in enumerate(settings.figures().values())
        for column in f.columns
        for rank, b in enumerate(ordered)
        if (named := asked[b.code, f.code][1].code if (b.code, f.code) in asked else None)
    ]
    return pd.DataFrame(grid, columns=GRID, dtype=object)


def _counts(figure: Figure, body: Body) -> bool:
    return figure.merge != "primary" or figure.primary in (None, body.group)


def _cells(grid: pd.DataFrame, filed: pd.DataFrame) -> pd.DataFrame:
    """The grid with what each body said; what it did not say is a blank, or not filed when it said nothing at all."""
    cells = grid.merge(filed, on=KEYS, how="left", validate="one_to_one")
    if len(cells) != len(grid):
        raise AssertionError("the merge changed the number of questions")
    silent = cells["kind"].isna()
    spoken = set(zip(cells.loc[~silent, "body"], cells.loc[~silent, "form"], strict=True))
    has_filed = pd.Series([pair in spoken for pair in zip(cells["body"], cells["form"], strict=True)], dtype=bool)
    cells.loc[silent & has_filed, "kind"] = "blank"
    cells.loc[silent & ~has_filed, "kind"] = "not_filed"
    said = cells["kind"] == "number"
    cells["number"] = cells["number"].astype(object).where(said, None)
    return cells.sort_values(["figure_order", "column_order", "body_order"], kind="stable").reset_index(drop=True)


def _unplaced(filed: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    found = filed.merge(cells[KEYS], on=KEYS, how="left", indicator=True, validate="one_to_one")
    left = found.loc[found["_merge"] == "left_only", [*KEYS, "kind", "number"]]
    return left.sort_values(KEYS).reset_index(drop=True)


def _typed_totals(cells: pd.DataFrame, settings: Settings) -> list[dict[str, Any]]:
    figures = settings.figures()
    counted = cells[cells["counts"].astype(bool)]
    return [
        {
            "figure": code,
            "column": column,
            "total": total_of(figures[str(code)], group["number"]),
            **_coverage(group["kind"], group["name"]),
            "order": (group["figure_order"].iloc[0], group["column_order"].iloc[0]),
        }
        for (code, column), group in counted.groupby(["figure", "column"], sort=False)
    ]


def total_of(figure: Figure, numbers: Iterable[Decimal | None]) -> Decimal | None:
    """The district's number; "latest" is the one asked body's own number, and no total when several gave one."""
    said = [number for number in numbers if number is not None]
    if not said or figure.merge == "none" or (figure.merge == "latest" and len(said) > 1):
        return None
    if figure.merge == "count_yes":
        return Decimal(sum(1 for number in said if number != 0))
    return sum(said, Decimal(0))


def _coverage(kinds: "pd.Series[Any]", names: "pd.Series[Any]") -> dict[str, Any]:
    """Who gave a number, out of whom, and by name everyone who did not."""
    by_kind = {kind: tuple(names[kinds == kind]) for kind in ("blank", "not_filed", "not_applicable")}
    return {
        "reporting": int((kinds == "number").sum()),
        "asked": len(kinds),
        "missing": tuple(names[kinds.isin(["blank", "not_filed"])]),
        **by_kind,
    }


def _rates(cells: pd.DataFrame, settings: Settings) -> list[dict[str, Any]]:
    """Rates of the district: never added or averaged, always from the numerators and denominators themselves."""
    figures = settings.figures()
    totals = cells[(cells["column"] == "total") & cells["counts"].astype(bool)]
    pairs = ((order, f, _pair(totals, f)) for order, f in enumerate(figures.values()) if f.merge == "rate")
    return [_rate_row(order, figure, pair) for order, figure, pair in pairs if len(pair)]


def _pair(totals: pd.DataFrame, figure: Figure) -> pd.DataFrame:
    """The bodies asked for both halves of a rate, with what each said of either."""
    columns = ["body", "name", "body_order", "kind", "number"]
    top = totals.loc[totals["figure"] == figure.numerator, columns]
    bottom = totals.loc[totals["figure"] == figure.denominator, ["body", "kind", "number"]]
    pair = top.merge(bottom, on="body", how="inner", suffixes=("", "_below"), validate="one_to_one")
    return pair.sort_values("body_order", kind="stable").reset_index(drop=True)


def _rate_row(order: int, figure: Figure, pair: pd.DataFrame) -> dict[str, Any]:
    kinds = pd.Series(
        [_joint_kind({a, b}) for a, b in zip(pair["kind"], pair["kind_below"], strict=True)], dtype=object
    )
    both = pair[(kinds == "number").to_numpy()]
    top, bottom = sum(both["number"], Decimal(0)), sum(both["number_below"], Decimal(0))
    rate = (top * figure.scale / bottom).quantize(RATE_PLACES, ROUND_HALF_UP) if bottom else None
    return {
        "figure": figure.code,
        "column": "total",
        "total": rate,
        **_coverage(kinds, pair["name"]),
        "order": (order, 0),
    }


def _joint_kind(kinds: set[str]) -> str:
    """A rate is known where both halves are numbers; otherwise the weaker half says why not."""
    return next(kind for kind in ("not_filed", "blank", "not_applicable", "number") if kind in kinds)


def _cross_checks(cells: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """What the other groups say of a figure that has a primary source. Shown beside the total, never added to it."""
    figures = settings.figures()
    others = cells[(cells["column"] == "total") & ~cells["counts"].astype(bool)]
    rows = []
    for (code, group), said in others.groupby(["figure", "group"], sort=False):
        own = cells[(cells["figure"] == code) & (cells["column"] == "total") & cells["counts"].astype(bool)]
        ours, theirs = total_of(figures[str(code)], own["number"]), total_of(figures[str(code)], said["number"])
        difference = theirs - ours if ours is not None and theirs is not None else None
        coverage = _coverage(said["kind"], said["name"])
        rows.append((code, group, theirs, difference, coverage["reporting"], coverage["asked"]))
    return pd.DataFrame(rows, columns=CHECKS, dtype=object)
