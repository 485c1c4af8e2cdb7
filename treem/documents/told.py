"""What an outward workbook has told its readers: read back from the very file that was sent.

Belongs here: finding the numbers in our own sheets again. What follows from them for a later edition of the same round
is in `district.outward`.
"""

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

from openpyxl import load_workbook

from treem.district.merge import COLUMN_ORDER, District
from treem.district.suppress import Key
from treem.documents.figures import COLUMN_NAMES, HIDDEN, commune_heading, short_name

DISTRICT_SHEET, COMMUNE_SHEET = "Biểu huyện", "Theo xã"
CODE, TOTALS, GAPS = 0, 3, 8  # columns of the district's sheet
COLUMN, SUM, FIRST = 2, 4, 5  # … and of the communes'
Row = tuple[Any, ...]


def told_by(workbook: bytes, district: District) -> Mapping[Key, int]:
    """The whole numbers in the workbook, by figure, column and the bodies in them."""
    book = load_workbook(BytesIO(workbook), read_only=True)
    bodies = {(r["figure"], r["body"]): r for r in district.by_body.to_dict("records")}
    communes = {commune_heading(r["name"]): code for (_, code), r in bodies.items() if r["body_kind"] == "commune"}
    counting: dict[str, dict[str, str]] = {}
    for (figure, code), row in bodies.items():
        if row["counts"]:
            counting.setdefault(figure, {})[short_name(row["name"])] = code
    told = dict(_of_communes(list(book[COMMUNE_SHEET].iter_rows(values_only=True)), communes))
    return told | dict(_of_district(list(book[DISTRICT_SHEET].iter_rows(values_only=True)), counting))


def _of_communes(rows: list[Row], communes: Mapping[str, str]) -> Iterator[tuple[Key, int]]:
    head = next((row for row in rows if row[CODE] == "Mã"), ())
    columns = {name: column for column, name in COLUMN_NAMES.items()}
    for row in rows:
        column = columns.get(row[COLUMN])
        if column is None:
            continue
        cells = {communes[name]: cell for name, cell in zip(head, row, strict=False) if name in communes}
        yield from (((row[CODE], column, body), cell) for body, cell in cells.items() if _is_whole(cell))
        added = sorted(body for body, cell in cells.items() if _is_whole(cell) or cell == HIDDEN)
        if added and _is_whole(row[SUM]):
            yield (row[CODE], column, *added), row[SUM]


def _of_district(rows: list[Row], counting: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[Key, int]]:
    """Who is in a total, the sheet says by naming who is not."""
    for row in rows:
        names = counting.get(row[CODE])
        if names is None:
            continue
        gaps = {name.strip() for part in str(row[GAPS] or "").split(";") for name in part.partition(":")[2].split(",")}
        added = sorted(code for name, code in names.items() if name not in gaps)
        cells = zip(COLUMN_ORDER, row[TOTALS : TOTALS + len(COLUMN_ORDER)], strict=False)
        yield from (((row[CODE], column, *added), cell) for column, cell in cells if added and _is_whole(cell))


def _is_whole(cell: object) -> bool:
    return isinstance(cell, int) and not isinstance(cell, bool)
