"""The figures of a round body by body, as tables with a row a body and a column a figure, for the Word documents.

Belongs here: which figures may stand there and how they are cut into tables that fit a page. Sensitive figures are left
out: a single body's number can name a child (Nghị định 56/2017, Điều 33).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from treem.district.merge import District
from treem.documents.dates import number_text
from treem.documents.figures import CELL_WORDS, HIDDEN, Merged, cell_text, short_name

MOST_COLUMNS = 7


@dataclass(frozen=True)
class BodyRow:
    """A body's numbers; the last row of a table is the district's."""

    order: str
    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class BodyTable:
    """As many figures as fit beside each other, for the bodies that were asked for any of them."""

    heads: tuple[str, ...]
    rows: tuple[BodyRow, ...]


def body_tables(merged: Sequence[Merged], district: District, order: Sequence[str]) -> list[BodyTable]:
    """Every figure that may be told of a single body. Figures asked of the same bodies stand together, the bodies in
    the given order of codes.
    """
    said: dict[str, dict[str, tuple[str, Decimal | None]]] = {}
    names: dict[str, str] = {}
    for cell in district.by_body[district.by_body["column"] == "total"].to_dict("records"):
        said.setdefault(str(cell["figure"]), {})[str(cell["body"])] = (cell["kind"], cell["number"])
        names[str(cell["body"])] = cell["name"]
    names = {code: names[code] for code in dict.fromkeys((*order, *names)) if code in names}
    by_audience: dict[frozenset[str], list[Merged]] = {}
    for m in (m for m in merged if m.figure.code in said and not m.indicator.sensitive):
        by_audience.setdefault(frozenset(said[m.figure.code]), []).append(m)
    parts = [
        group[start : start + MOST_COLUMNS]
        for group in by_audience.values()
        for start in range(0, len(group), MOST_COLUMNS)
    ]
    return [_table(part, said, names) for part in parts]


def _table(
    figures: Sequence[Merged], said: Mapping[str, Mapping[str, tuple[str, Decimal | None]]], names: Mapping[str, str]
) -> BodyTable:
    heads = tuple(f"{m.figure.label} ({m.figure.unit})" for m in figures)
    asked = {body for m in figures for body in said[m.figure.code]}
    return BodyTable(heads, tuple(_rows(figures, said, {b: n for b, n in names.items() if b in asked})))


def _rows(
    figures: Sequence[Merged], said: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]
) -> Iterator[BodyRow]:
    for order, (body, name) in enumerate(names.items(), start=1):
        answers = [(m, ("hidden", None) if m.hides("total", body) else said[m.figure.code].get(body)) for m in figures]
        yield BodyRow(str(order), short_name(name), tuple(_cell(m, answer) for m, answer in answers))
    yield BodyRow("", "Toàn huyện", tuple(_total(m) for m in figures))


def _cell(merged: Merged, answer: tuple[str, Decimal | None] | None) -> str:
    if answer is None:
        return ""
    kind, number = answer
    if merged.figure.type == "yes_no" and number is not None:
        return "Có" if number else "Không"
    return cell_text(kind, number)


def _total(merged: Merged) -> str:
    if merged.figure.merge == "none":
        return "không cộng"
    if merged.hides("total"):
        return HIDDEN
    total = merged.numbers.get("total")
    if total is None:
        return CELL_WORDS["blank"]
    return f"{number_text(total)} có" if merged.figure.type == "yes_no" else number_text(total)
