"""The sender's own .xlsx, loaded so that it can go back as it came, and workbooks written without a file on disk.

Belongs here: where openpyxl would change what was typed, or need a temporary file. A formula is replaced by its result;
one without a result stays, so that it is found again. Runs in the child process.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any, TypeAlias
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl.cell import MergedCell
from openpyxl.cell.text import Text
from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing
from openpyxl.reader.excel import ExcelReader
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.formula import ArrayFormula
from openpyxl.writer.excel import ExcelWriter
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse

from treem.forms.odd_xml import MAX_ROW, Flags
from treem.forms.unpack import Package, Refused

Book: TypeAlias = Any  # the stubs of openpyxl leave out the private names needed here
Sheet: TypeAlias = Any
Cell: TypeAlias = Any
MAX_STYLES, MAX_COPIED = 3_000_000, 60_000
NO_RESULT = "=NA()"  # a formula that is asked about again whether or not it gets calculated
DATE_FORMAT = "dd/mm/yyyy"
_MERGED = re.compile(rb"<(?:[^\s<>/:]+:)?mergeCell\s[^<>]*?ref=[\"']([A-Z]{1,3})\d+:([A-Z]{1,3})(\d+)[\"']")
_REACHES_OUT = re.compile(r"[\[\]|]|://|\\\\|\b(?:CALL|EXEC|HYPERLINK|IMAGE|REGISTER|RTD|WEBSERVICE)\b", re.IGNORECASE)


def load(data: bytes, package: Package, flags: Flags) -> Book:
    """The workbook with the results in place of the formulas. Raises Refused where openpyxl would take too long."""
    _refuse_heavy(package)
    book = _read(data, data_only=True)
    for sheet in book.worksheets:
        for cell in list(sheet._cells.values()):
            if not isinstance(cell, MergedCell):
                _keep_as_typed(cell)
    _odd_cells(book, data, flags)
    for name in [name for name, target in book.defined_names.items() if "[" in str(target.value)]:
        del book.defined_names[name]  # of workbooks that do not come along
    return book


def saved(book: Book) -> bytes:
    """The workbook as a file."""
    out = BytesIO()
    _InMemory(book, ZipFile(out, "w", ZIP_DEFLATED)).save()
    return out.getvalue()


def mark_error(cell: Cell, error: str) -> None:
    """Put an error value into a cell."""
    cell.value = error
    cell.data_type = "e"


def mark_uncalculated(cell: Cell, formula: object = None) -> None:
    """Put a formula without a result into a cell: its own, unless it reaches out of the workbook."""
    text = formula.text if isinstance(formula, ArrayFormula) else formula
    safe = isinstance(text, str) and text.startswith("=") and len(text) > 1 and not _REACHES_OUT.search(text)
    cell.value = formula if safe else NO_RESULT
    cell.data_type = "f"


def exact_number(cell: Cell, number: int | float) -> None:
    """Put a number into a cell to its last digit; openpyxl would round it to sixteen."""
    cell._value = str(number) if isinstance(number, int) else repr(number)
    cell.data_type = "n"


def _refuse_heavy(package: Package) -> None:
    if len(package.parts.get("xl/styles.xml", b"")) > MAX_STYLES:
        raise Refused("too_heavy")
    sheets = [part for name, part in package.parts.items() if name.startswith("xl/worksheets/")]
    if sum(part.count(b"<c ") for part in sheets) > MAX_COPIED:
        raise Refused("too_heavy")
    for part in sheets:
        for first, last, row in _MERGED.findall(part):
            if len(first) > 2 or len(last) > 2 or int(row) > MAX_ROW:
                raise Refused("too_heavy")


def _read(data: bytes, *, data_only: bool) -> Book:
    reader = _Reader(BytesIO(data), data_only=data_only, keep_links=False)
    reader.read()
    return reader.wb


def _keep_as_typed(cell: Cell) -> None:
    value = cell._value
    if cell.data_type == "n" and isinstance(value, int | float):
        exact_number(cell, value)
    elif cell.data_type == "d":  # written out as a date (ISO 8601); it goes back as a number that looks like one
        cell.number_format = DATE_FORMAT
    elif cell.data_type in ("s", "str", "inlineStr") and not value:
        cell._value, cell.data_type = None, "n"


def _odd_cells(book: Book, data: bytes, flags: Flags) -> None:
    formulas = _read(data, data_only=False) if "" in flags.values() else None
    for (sheet, row, column), error in flags.items():
        cell = book[sheet].cell(row, column)
        if error and cell.value is None:
            mark_error(cell, "#VALUE!")
        elif not error and formulas is not None:
            mark_uncalculated(cell, formulas[sheet].cell(row, column).value)


class _Reader(ExcelReader):
    """Takes numbers and texts as they stand."""

    def read_worksheets(self) -> None:
        book: Book = self.wb
        book._date_formats = book._timedelta_formats = set()  # what looks like a date stays the number it is
        super().read_worksheets()

    def read_strings(self) -> None:
        manifest: Any = self.package
        part = manifest.find(SHARED_STRINGS)
        if part is not None:
            with self.archive.open(part.PartName[1:]) as source:
                self.shared_strings = list(_strings(source))


def _strings(source: Any) -> Iterator[str]:
    """The shared texts; openpyxl would drop the escape of a typed "_x0041_"."""
    for _, node in iterparse(source):
        if node.tag == f"{{{SHEET_MAIN_NS}}}si":
            text: Any = Text.from_tree(node)
            yield text.content
            node.clear()


class _InMemory(ExcelWriter):
    """Writes a sheet without the temporary file that openpyxl takes for it."""

    def write_worksheet(self, ws: Sheet) -> None:
        ws._drawing = SpreadsheetDrawing()
        ws._drawing.charts, ws._drawing.images = ws._charts, ws._images
        out = BytesIO()
        writer: Any = WorksheetWriter(ws, out)
        writer.write()
        ws._rels = writer._rels
        archive: ZipFile = vars(self)["_archive"]
        archive.writestr(ws.path[1:], out.getvalue())
        self.manifest.append(ws)
