"""The sheet "Kiểm tra" of a marked copy: what to mend, where, and a cell for the body's own words.

Belongs here: how the list looks. Its words come from `mark`; `reply` reads it when it comes back. Runs in the child
process.
"""

from collections.abc import Mapping, Sequence

from openpyxl.styles import Alignment, Font, PatternFill, Protection
from openpyxl.worksheet.hyperlink import Hyperlink

from treem.forms import layout
from treem.forms.copying import BOX, POINTS_A_LINE, lines_needed, put_text
from treem.forms.own_copy import Book, Cell, Sheet
from treem.forms.reply import key

WIDTHS = (6.0, 13.0, 15.0, 9.0, 68.0, 44.0, 3.0)
WHOLE_WIDTH = sum(WIDTHS[:-1])
KEY_COLUMN = len(layout.REPLY_HEADINGS)
SHADES = {"error": "F7A8A4", "warning": "FFD75E"}
"""Of the marks. Nobody else takes these, which is how they are found again."""
Finding = Mapping[str, str]


def add_reply_sheet(book: Book, findings: Sequence[Finding], texts: Mapping[str, str], guide: Sequence[str]) -> Sheet:
    """Put the list in front of all other sheets. Nothing on it is locked: it can be sorted and filtered."""
    sheet = book.create_sheet(layout.REPLY_SHEET, 0)
    for place, width in enumerate(WIDTHS, 1):
        sheet.column_dimensions[layout.column_letters(place)].width = width
    sheet.column_dimensions[layout.column_letters(KEY_COLUMN)].hidden = True
    head = _write_guide(sheet, texts["title"], guide)
    for place, heading in enumerate(layout.REPLY_HEADINGS, 1):
        cell = _boxed(sheet, head, place, heading, bold=True, centred=True)
        cell.fill = PatternFill("solid", layout.HEAD_COLOUR[1:])
    sheet.row_dimensions[head].height = 2 * POINTS_A_LINE
    for number, finding in enumerate(findings, 1):
        _write_finding(sheet, head + number, number, finding, texts)
    sheet.freeze_panes = sheet.cell(head + 1, 1)
    _print_on_a4(sheet, head, head + len(findings))
    return sheet


def _write_guide(sheet: Sheet, title: str, guide: Sequence[str]) -> int:
    """The title and what to do; gives the row of the headings."""
    _line(sheet, 1, title, Font(name=layout.FONT, size=14, bold=True))
    sheet.cell(1, 1).alignment = Alignment(horizontal="center", vertical="center")
    for number, text in enumerate(guide, 1):
        _line(sheet, number + 1, f"{number}. {text}", Font(name=layout.FONT, size=12))
    return len(guide) + 3


def _line(sheet: Sheet, row: int, text: str, font: Font) -> None:
    cell = sheet.cell(row, 1)
    put_text(cell, text)
    cell.font, cell.alignment = font, Alignment(vertical="center", wrap_text=True)
    sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=KEY_COLUMN - 1)
    sheet.row_dimensions[row].height = POINTS_A_LINE * lines_needed(text, WHOLE_WIDTH) + 6


def _write_finding(sheet: Sheet, row: int, number: int, finding: Finding, texts: Mapping[str, str]) -> None:
    severity = finding["severity"]
    count = _boxed(sheet, row, 1, "", centred=True)
    count.value = number
    level = _boxed(sheet, row, 2, texts[severity], bold=True, centred=True)
    level.fill = PatternFill("solid", SHADES[severity])
    _boxed(sheet, row, 3, finding["sheet"] or texts["whole_file"])
    _write_place(_boxed(sheet, row, 4, "", centred=True), finding, texts)
    _boxed(sheet, row, 5, finding["message"])
    answer = _boxed(sheet, row, 6, finding["justification"] if severity == "warning" else layout.NO_REPLY)
    answer.protection = Protection(locked=False)
    if severity == "warning":
        answer.fill = PatternFill("solid", layout.INPUT_COLOUR[1:])
    else:
        answer.alignment = Alignment(horizontal="center", vertical="center")
    lines = max(lines_needed(finding["message"], WIDTHS[4]), lines_needed(finding["justification"], WIDTHS[5]), 2)
    sheet.row_dimensions[row].height = POINTS_A_LINE * lines + 4
    put_text(sheet.cell(row, KEY_COLUMN), key(finding["rule"], finding["sheet"], finding["cell"]))


def _write_place(cell: Cell, finding: Finding, texts: Mapping[str, str]) -> None:
    """The cell's name, which leads there."""
    sheet = finding["sheet"]
    put_text(cell, finding["cell"] or (texts["whole_sheet"] if sheet else layout.NO_REPLY))
    if sheet in cell.parent.parent.sheetnames and sheet != cell.parent.title:
        quoted = sheet.replace("'", "''")
        cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"'{quoted}'!{finding['cell'] or 'A1'}")
        cell.font = Font(name=layout.FONT, size=12, color="0563C1", underline="single")


def _boxed(sheet: Sheet, row: int, place: int, text: str, *, bold: bool = False, centred: bool = False) -> Cell:
    cell = sheet.cell(row, place)
    if text:
        put_text(cell, text)
    cell.font, cell.border = Font(name=layout.FONT, size=12, bold=bold), BOX
    cell.alignment = Alignment(
        horizontal="center" if centred else "left", vertical="center", wrap_text=True, indent=0 if centred else 1
    )
    return cell


def _print_on_a4(sheet: Sheet, head: int, last: int) -> None:
    setup = sheet.page_setup
    setup.orientation, setup.paperSize, setup.fitToHeight = "landscape", 9, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = f"{head}:{head}"
    sheet.print_area = f"A1:{layout.cell_name(last, KEY_COLUMN - 1)}"
    sheet.sheet_view.showGridLines = False
