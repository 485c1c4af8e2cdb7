"""Where each figure of the district comes from: body, submission, letter, file, sheet and cell.

Belongs here: every filed cell as one origin, in an order in which the origins of one total stand beside each other, and
where they stand. The sheet that shows them is written in `annex`, the list on the screen in `cli.trace`. All of this is
for the office alone: an outward document has none of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from treem.district.merge import COLUMN_ORDER, District
from treem.documents import sections
from treem.documents.beside import Beside
from treem.documents.figures import CELL_WORDS, COLUMN_NAMES
from treem.ledger.queries import ValueRow
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Figure, Settings

SHEET = "Nguồn gốc"
NOT_ADDED, UNPLACED = "chỉ đối chiếu, không cộng", "không đưa vào biểu"
Key = tuple[str, str]  # figure and column


@dataclass(frozen=True)
class Origin:
    """One filed cell. `counts`: it is part of the district's total, and not only a cross-check of its source."""

    row: ValueRow
    label: str
    body_name: str
    source: str = ""  # title of another round it was taken from
    counts: bool = True
    placed: bool = True  # whether the figure is still asked

    @property
    def key(self) -> Key:
        """Figure and column."""
        return self.row.figure, self.row.column

    @property
    def column_name(self) -> str:
        """ "tổng số", "nam", …"""
        return next((name for key, name in COLUMN_NAMES.items() if key == self.row.column), self.row.column)

    @property
    def value(self) -> str | Decimal:
        """The number, or the sign for why there is none."""
        row = self.row
        return row.number if row.kind == "number" and row.number is not None else CELL_WORDS[row.kind]

    @property
    def note(self) -> str:
        """Why it is in no total; empty where it is."""
        return UNPLACED if not self.placed else "" if self.counts else NOT_ADDED


@dataclass(frozen=True)
class Trail:
    """The origins in order, and where those of a total or of one body's cell stand: first and last place, from 0."""

    origins: tuple[Origin, ...]
    totals: Mapping[Key, tuple[int, int]]
    cells: Mapping[tuple[str, str, str], tuple[int, int]]  # figure, column, body
    rates: Mapping[str, tuple[int, int]]  # the lines after the origins that name a rate's halves

    def of(self, key: Key, body: str | None = None) -> tuple[Origin, ...]:
        """Everything that was filed of a figure's column, by one body or by all; what is no part of the total too."""
        return tuple(o for o in self.origins if o.key == key and body in (None, o.row.body))


def trail(district: District, settings: Settings, plan: RoundPlan, own: Iterable[ValueRow], beside: Beside) -> Trail:
    """The round's own figures and those it takes from others. Figures stand in the order of the book, the bodies in
    that of the register, and what is no part of the total after what is.
    """
    found = sorted(_origins(district, settings, plan, own, beside), key=_order(settings))
    totals = _spans((o.key, place) for place, o in enumerate(found) if o.counts and o.placed)
    cells = _spans(((*o.key, o.row.body), place) for place, o in enumerate(found))
    asked = set(district.totals["figure"])
    rates = (f for f in settings.figures().values() if f.merge == "rate" and f.code in asked)
    told = [f.code for f in rates if any((code, "total") in totals for _, code in halves(f))]
    lines = {code: (len(found) + 2 * place, len(found) + 2 * place + 1) for place, code in enumerate(told)}
    return Trail(tuple(found), totals, cells, lines)


def halves(figure: Figure) -> tuple[tuple[str, str], ...]:
    """What a rate is made of, by name; nothing where the figure is no rate."""
    if figure.merge != "rate":
        return ()
    return (("tử số", figure.numerator or ""), ("mẫu số", figure.denominator or ""))


def _origins(
    district: District, settings: Settings, plan: RoundPlan, own: Iterable[ValueRow], beside: Beside
) -> Iterator[Origin]:
    cells = district.by_body
    counts = dict(zip(zip(cells["figure"], cells["column"], cells["body"], strict=True), cells["counts"], strict=True))
    figures, names = settings.figures(), sections.body_names(plan, settings)
    taken = ((row, source.title) for source in beside.taken for row in source.rows)
    for row, source in (*((row, "") for row in own), *taken):
        label = figures[row.figure].label if row.figure in figures else "(không còn trong danh mục)"
        counted = counts.get((row.figure, row.column, row.body))
        yield Origin(
            row, label, names.get(row.body, row.body), source, counted in (None, True), placed=counted is not None
        )


def _order(settings: Settings) -> Any:
    figures = {code: place for place, code in enumerate(settings.figures())}
    columns: dict[str, int] = {column: place for place, column in enumerate(COLUMN_ORDER)}
    bodies = {body.code: place for place, body in enumerate(settings.register_.bodies)}

    def order(origin: Origin) -> tuple[Any, ...]:
        row = origin.row
        return (
            figures.get(row.figure, len(figures)),
            row.figure,
            columns.get(row.column, len(columns)),
            not origin.placed,
            not origin.counts,
            bodies.get(row.body, len(bodies)),
            row.body,
        )

    return order


def _spans(places: Iterable[tuple[Any, int]]) -> dict[Any, tuple[int, int]]:
    """The first and the last place of each key."""
    found: dict[Any, tuple[int, int]] = {}
    for key, place in places:
        found[key] = (found.get(key, (place, place))[0], place)
    return found


def located(span: tuple[int, int] | None, first_row: int, last_column: str) -> str:
    """A link within the workbook to those rows of the sheet; empty where there are none. `first_row`: that of place 0,
    counted from 1."""
    if span is None:
        return ""
    first, last = (first_row + place for place in span)
    return f"internal:'{SHEET}'!A{first}:{last_column}{last}"


def lines_of(origins: Sequence[Origin]) -> list[dict[str, Any]]:
    """The origins as plain data, for another program."""
    return [
        {
            "figure": o.row.figure,
            "column": o.row.column,
            "body": o.row.body,
            "body_name": o.body_name,
            "kind": o.row.kind,
            "number": None if o.row.number is None else str(o.row.number),
            "counts": o.counts and o.placed,
            "source": o.source,
            "submission": o.row.submission_id,
            "version": o.row.version,
            "message_id": o.row.message_id,
            "file_name": o.row.file_name,
            "file_sha256": o.row.file_sha,
            "sheet": o.row.sheet,
            "cell": o.row.cell,
        }
        for o in origins
    ]
