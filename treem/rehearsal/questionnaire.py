"""The attached workbook as a clerk sees it: what is asked, and where the answer goes.

Belongs here: finding the cells to fill by what the sheet shows — code column, column headings, unlocked cells. It
knows neither the configuration nor the form's definition.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from openpyxl import load_workbook
from openpyxl.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

FIGURE_CODE = re.compile(r"[A-Z]{2,4}-\d{1,3}(\.\d+)?")
BODY_MARK = re.compile(r"Mã đơn vị: (\S+)")
HEAD_ROWS = 3
HEADINGS = {
    "total": re.compile(r"tổng( số)?\b"),
    "male": re.compile(r"nam\b"),
    "female": re.compile(r"nữ\b"),
    "minority": re.compile(r"(trẻ em )?(dân tộc thiểu số|dtts)\b"),
}


@dataclass(frozen=True)
class Question:
    """One cell to type a number into."""

    figure: str
    column: str
    sheet: str
    cell: str
    row_text: str  # label, unit and guidance, lower case
    yes_no: bool


@dataclass(frozen=True)
class TextBox:
    """One cell to write prose into."""

    section: str
    title: str
    sheet: str
    cell: str


@dataclass(frozen=True)
class Questionnaire:
    """Everything a workbook asks."""

    questions: tuple[Question, ...]
    boxes: tuple[TextBox, ...]
    head: tuple[str, ...] = ()  # what stands above the table: whose form it is, of which round, its marks

    @property
    def body(self) -> str | None:
        """The code of the body it is about, as the sheet shows it."""
        return next((found[1] for found in map(BODY_MARK.search, self.head) if found), None)


def read_questionnaire(data: bytes) -> Questionnaire:
    """What the workbook asks on its visible sheets."""
    book = load_workbook(BytesIO(data))
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    questions = tuple(q for sheet in sheets for q in _questions(sheet))
    asked_in = {q.sheet for q in questions}
    boxes = tuple(b for sheet in sheets if sheet.title not in asked_in for b in _boxes(sheet))
    return Questionnaire(questions, boxes, tuple(text for sheet in sheets for text in _head(sheet)))


def _head(sheet: Worksheet) -> Iterator[str]:
    yield from (str(cell.value) for row in sheet.iter_rows(max_row=HEAD_ROWS) for cell in row if cell.value)


def _questions(sheet: Worksheet) -> Iterator[Question]:
    for code, row in _coded_rows(sheet):
        if not FIGURE_CODE.fullmatch(code):
            continue
        text = " ".join(plain(cell.value) for cell in row[1:] if not _is_input(cell))
        for cell in filter(_is_input, row):
            column = _column_of(sheet, cell)
            if column:
                yes_no = "có/không" in text.replace(" / ", "/") or _offers_yes(sheet, cell)
                yield Question(code, column, sheet.title, cell.coordinate, text, yes_no)


def _boxes(sheet: Worksheet) -> Iterator[TextBox]:
    for code, row in _coded_rows(sheet):
        box = next(filter(_is_input, row), None)
        if box is not None:
            title = next((str(c.value) for c in row[1:] if c.value and not _is_input(c)), code)
            yield TextBox(code, title, sheet.title, box.coordinate)


def _coded_rows(sheet: Worksheet) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    for row in sheet.iter_rows():
        if row and isinstance(row[0].value, str) and row[0].value.strip():
            yield row[0].value.strip(), tuple(cell for cell in row if isinstance(cell, Cell))


def _is_input(cell: Cell) -> bool:
    return cell.protection.locked is False


def _column_of(sheet: Worksheet, cell: Cell) -> str | None:
    """The nearest heading above the cell; None for a remarks column."""
    for row in range(cell.row - 1, 0, -1):
        text = plain(sheet.cell(row, cell.column).value)
        for column, heading in HEADINGS.items():
            if heading.match(text):
                return column
    return None


def _offers_yes(sheet: Worksheet, cell: Cell) -> bool:
    return any(
        rule.type == "list" and "có" in plain(rule.formula1) and cell.coordinate in rule.sqref
        for rule in sheet.data_validations.dataValidation
    )


def plain(value: object) -> str:
    """Text for comparing: composed (NFC), lower case, single spaces."""
    return " ".join(unicodedata.normalize("NFC", str(value if value is not None else "")).casefold().split())
