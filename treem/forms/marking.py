"""The child's operation that makes the marked copy of a workbook.

Belongs here: marking cells so that the marks can be taken off again without a trace, and making sure that the copy
says the same as the original. A mark is a conditional format of its own colour, so the cell keeps its own look, and a
part of the cell's comment that begins with the office's name. Runs in the child process.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl.cell import MergedCell
from openpyxl.comments import Comment
from openpyxl.formatting.formatting import ConditionalFormattingList
from openpyxl.formatting.rule import Rule
from openpyxl.styles import PatternFill, Protection
from openpyxl.styles.differential import DifferentialStyle

from treem.forms import interpret, layout, reply
from treem.forms.copying import copied
from treem.forms.frames import Frame
from treem.forms.own_copy import Book, Cell, Sheet, load, saved
from treem.forms.reply_sheet import SHADES, Finding, add_reply_sheet
from treem.forms.unpack import Refused, unpack
from treem.forms.workbook import Workbook, open_workbook

COMMENT_WIDTH, COMMENT_LINE, LETTERS_A_LINE = 320, 18, 44


def answer(head: Mapping[str, Any], data: bytes) -> Frame:
    """The copy. Raises Refused, and whatever the libraries raise."""
    findings, texts, guide = head["findings"], head["texts"], list(head["guide"])
    opened = open_workbook(data)
    book = _loaded(opened, data)
    if book is None:
        book = copied(opened)
        guide.append(texts["copied"])
    old = [name for name, rows in opened.sheets() if reply.is_reply_sheet(name, rows)]
    _take_off(book, old, texts["office"])
    _mark(book, findings, texts["office"])
    _show_first(book, add_reply_sheet(book, findings, texts, guide))
    copy = saved(book)
    if _said(copy) != _said(data):
        raise Refused("damaged")
    return Frame({}, copy)


def _loaded(opened: Workbook, data: bytes) -> Book | None:
    """The workbook itself, where it is an .xlsx that openpyxl understands. Raises Refused."""
    if opened.kind != "xlsx":
        return None
    try:
        return load(data, unpack(data), opened.flags)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):  # some programs write odd ones
        return None


def _said(data: bytes) -> dict[str, Any]:
    return interpret.read(data) | {"replies": []}


def _take_off(book: Book, old: Sequence[str], office: str) -> None:
    """Remove the earlier list and the earlier marks."""
    for name in old:
        del book[name]
    for sheet in book.worksheets:
        sheet.conditional_formatting = _without_marks(sheet)
        for cell in list(sheet._cells.values()):
            if not isinstance(cell, MergedCell) and cell.comment is not None:
                kept, ours, _ = cell.comment.text.partition(f"{office}:\n")
                if ours:
                    cell.comment = Comment(kept.strip(), cell.comment.author) if kept.strip() else None


def _without_marks(sheet: Sheet) -> ConditionalFormattingList:
    kept = ConditionalFormattingList()
    for formatting in sheet.conditional_formatting:
        for rule in formatting.rules:
            if not _is_mark(rule):
                kept.add(str(formatting.sqref), rule)
    return kept


def _is_mark(rule: Any) -> bool:
    fill = rule.dxf.fill if rule.dxf is not None else None
    colours = (fill.bgColor, fill.fgColor) if fill is not None else ()
    return any(isinstance(c.rgb, str) and c.rgb[-6:] in SHADES.values() for c in colours if c is not None)


def _mark(book: Book, findings: Sequence[Finding], office: str) -> None:
    """One mark a cell; an error speaks louder than a warning."""
    places: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding["cell"] and finding["sheet"] in book.sheetnames:
            places.setdefault((finding["sheet"], finding["cell"]), []).append(finding)
    for (name, place), found in places.items():
        sheet = book[name]
        cell = _anchor(sheet, place)
        severity = "error" if any(f["severity"] == "error" for f in found) else "warning"
        colour = SHADES[severity]
        look = DifferentialStyle(fill=PatternFill("solid", fgColor=colour, bgColor=colour))
        sheet.conditional_formatting.add(cell.coordinate, Rule("expression", formula=["TRUE"], dxf=look))
        cell.comment = _comment(cell, [f["message"] for f in found], office)
        cell.protection = Protection(locked=False)
        _uncover(sheet, cell)


def _anchor(sheet: Sheet, place: str) -> Cell:
    """The cell itself, or the one that shows for it where cells are merged."""
    merged = next((area for area in sheet.merged_cells.ranges if place in area), None)
    return sheet.cell(merged.min_row, merged.min_col) if merged else sheet[place]


def _comment(cell: Cell, messages: Sequence[str], office: str) -> Comment:
    own = cell.comment.text + "\n\n" if cell.comment is not None else ""
    text = f"{own}{office}:\n" + "\n".join(messages)
    lines = sum(1 + len(line) // LETTERS_A_LINE for line in text.split("\n"))
    author = cell.comment.author if cell.comment is not None else office
    return Comment(text, author, height=COMMENT_LINE * (lines + 1), width=COMMENT_WIDTH)


def _uncover(sheet: Sheet, cell: Cell) -> None:
    """A cell to mend is not on a hidden sheet, row or column."""
    if sheet.title != layout.MARKER_SHEET:
        sheet.sheet_state = "visible"
    if cell.row in sheet.row_dimensions:
        sheet.row_dimensions[cell.row].hidden = False
    for column in sheet.column_dimensions.values():
        if column.hidden and column.min <= cell.column <= column.max:
            column.hidden = False


def _show_first(book: Book, sheet: Sheet) -> None:
    """Only that sheet is selected: typing into several at once would write into each of them."""
    for other in book.worksheets:
        other.sheet_view.tabSelected = other is sheet
    book.active = 0
    for view in book.views:
        view.firstSheet = 0
