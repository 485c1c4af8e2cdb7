"""A workbook of another format (.xls, .ods, .xlsb) as an .xlsx: the same values in the same places.

Belongs here: copying values, and enough of a look that a clerk can work with it. Runs in the child process.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from openpyxl import Workbook as NewWorkbook
from openpyxl.cell.cell import ERROR_CODES, ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

from treem.forms import layout
from treem.forms.odd_xml import MAX_COLUMN
from treem.forms.own_copy import DATE_FORMAT, MAX_COPIED, Book, Cell, Sheet, exact_number, mark_error, mark_uncalculated
from treem.forms.unpack import Refused
from treem.forms.workbook import Rows, Workbook

LONGEST_NAME = 31
LOOKS_LIKE_A_FORMULA = ("=", "+", "-", "@")
WIDTHS = {"code": 9.5, "total": 10.0, "male": 10.0, "female": 10.0, "minority": 10.0, "note": 18.0, "answer": 70.0}
NARROWEST, WIDEST = 11.0, 42.0
POINTS_A_LINE = 16.0
BOX = Border(*(Side("thin", "808080"),) * 4)


def copied(workbook: Workbook) -> Book:
    """The copy. Raises Refused where an .xlsx cannot hold it."""
    book: Book = NewWorkbook()
    book._sheets = []
    states = workbook.states()
    for name, rows in workbook.sheets():
        if len(name) > LONGEST_NAME:
            raise Refused("damaged")
        sheet = book.create_sheet(name)
        if max(map(len, rows), default=0) > MAX_COLUMN or sum(len(row) - row.count("") for row in rows) > MAX_COPIED:
            raise Refused("too_heavy")
        sheet.sheet_state = states.get(name, "visible")
        for number, row in enumerate(rows, 1):
            for place, value in enumerate(row, 1):
                _copy(sheet, number, place, value, workbook.flags.get((name, number, place)))
        if name != layout.MARKER_SHEET:
            _dress(sheet, rows)
    return book


def put_text(cell: Cell, text: str) -> None:
    """Put a text into a cell. It stays text whatever it begins with, also when somebody edits it."""
    cell._value, cell.data_type = ILLEGAL_CHARACTERS_RE.sub("", text), "s"
    if text.startswith(LOOKS_LIKE_A_FORMULA):
        cell.quotePrefix = True


def lines_needed(text: str, width: float) -> int:
    """How many lines a text takes; programs that open the file do not all work it out."""
    return sum(1 + len(line) // int(width * 0.95) for line in text.split("\n"))


def _copy(sheet: Sheet, row: int, column: int, value: Any, flag: str | None) -> None:
    if flag is None and value in ("", None):
        return
    cell = sheet.cell(row, column)
    if flag == "":
        mark_uncalculated(cell)
    elif flag is not None:
        mark_error(cell, flag) if flag in ERROR_CODES else put_text(cell, flag)
    elif isinstance(value, str):
        put_text(cell, value)
    elif isinstance(value, bool):
        cell.value = value
    elif isinstance(value, int | float):
        exact_number(cell, int(value) if isinstance(value, float) and value.is_integer() else value)
    else:
        _copy_moment(cell, value)


def _copy_moment(cell: Cell, value: date | datetime | time | timedelta) -> None:
    cell.value = value
    if isinstance(value, date) and not isinstance(value, datetime):
        cell.number_format = DATE_FORMAT


def _dress(sheet: Sheet, rows: Rows) -> None:
    """Widths by the headings, wrapped text and lines in the table: the look of the original does not come along."""
    for cell in sheet._cells.values():
        cell.font = Font(name=layout.FONT, size=11)
    head = next((n for n, row in enumerate(rows, 1) if len(_headings(row)) > 1), None)
    if head is None:
        return
    widths = _widths(rows, head)
    for place, width in widths.items():
        sheet.column_dimensions[layout.column_letters(place)].width = width
    for number in range(head, _last_row(rows, head) + 1):
        _dress_row(sheet, number, widths)
    for cell in sheet[head]:
        cell.font, cell.fill = Font(name=layout.FONT, size=11, bold=True), PatternFill("solid", layout.HEAD_COLOUR[1:])
    sheet.freeze_panes = sheet.cell(head + 1, 1)
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", 9
    sheet.page_setup.fitToHeight, sheet.sheet_properties.pageSetUpPr.fitToPage = 0, True


def _dress_row(sheet: Sheet, number: int, widths: Mapping[int, float]) -> None:
    lines = 1
    for place, width in widths.items():
        cell = sheet.cell(number, place)
        cell.alignment, cell.border = Alignment(vertical="top", wrap_text=True), BOX
        lines = max(lines, lines_needed(str(cell.value or ""), width))
    sheet.row_dimensions[number].height = POINTS_A_LINE * lines + 3


def _last_row(rows: Rows, head: int) -> int:
    """The last row with something in the column of the codes."""
    code = next((place for place, key in _headings(rows[head - 1]).items() if key == "code"), 1)
    return max(
        (n for n, row in enumerate(rows, 1) if len(row) >= code and row[code - 1] not in ("", None)), default=head
    )


def _headings(row: Sequence[Any]) -> dict[int, str]:
    """Place (from 1) and meaning of each heading."""
    known = {n: layout.column_heading(value) for n, value in enumerate(row, 1) if isinstance(value, str) and value}
    return {place: key for place, key in known.items() if key}


def _widths(rows: Rows, head: int) -> dict[int, float]:
    headings = _headings(rows[head - 1])
    widths = {}
    for place in range(1, len(rows[head - 1]) + 1):
        longest = max((len(str(row[place - 1])) for row in rows[head - 1 :] if place <= len(row)), default=0)
        widths[place] = WIDTHS.get(headings.get(place, ""), min(max(NARROWEST, longest + 2.0), WIDEST))
    return widths
