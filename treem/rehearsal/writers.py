"""Filling in the workbook with the programs offices use: openpyxl, xlwt, odfpy, and LibreOffice where installed.

Belongs here: turning entries (sheet, cell → what is typed) into a file. None of these libraries is the one our own
reader reads with (calamine) or our own writer writes with (xlsxwriter), so the rehearsal's check is not circular.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

import xlwt
from odf.opendocument import OpenDocumentSpreadsheet
from odf.style import Style, TableProperties
from odf.table import Table, TableCell, TableRow
from odf.text import P
from openpyxl import Workbook, load_workbook

from treem.rehearsal.behaviours import FileFormat, Writer

Typed = int | str
Entries = Mapping[tuple[str, str], Typed]
"""What is typed, by sheet and cell."""

Scalar = str | int | float | bool | None
LIBREOFFICE_SECONDS = 60.0
XLS_VERY_HIDDEN = 2
MIME = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xls": "application/vnd.ms-excel",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}
STAND_IN: dict[FileFormat, Writer] = {"xlsx": "openpyxl", "xls": "xlwt", "ods": "odfpy"}
"""Who writes a format where LibreOffice is not installed."""


class ConversionFailed(Exception):
    """LibreOffice is not installed, or did not write the file in time."""


def fill(received: bytes, entries: Entries, file: FileFormat, writer: Writer) -> bytes:
    """The received .xlsx with the entries typed in, saved by that program in that format."""
    match writer:
        case "openpyxl":
            return fill_xlsx(received, entries)
        case "xlwt":
            return as_xls(_typed_into(received, entries, values_only=True))
        case "odfpy":
            return as_ods(_typed_into(received, entries, values_only=True))
        case "libreoffice":
            return by_libreoffice(fill_xlsx(received, entries), file)


def fill_xlsx(received: bytes, entries: Entries) -> bytes:
    """Edit the received workbook in place; everything else in it stays."""
    out = BytesIO()
    _typed_into(received, entries).save(out)
    return out.getvalue()


def as_xls(book: Workbook) -> bytes:
    """The same cells as an old Excel file (BIFF8)."""
    target = xlwt.Workbook(encoding="utf-8")
    for sheet in book.worksheets:
        copy = target.add_sheet(sheet.title)
        for row, values in enumerate(_grid(book, sheet.title)):
            for column, value in enumerate(values):
                if value is not None:
                    copy.write(row, column, value)
        if sheet.sheet_state != "visible":
            copy.visibility = XLS_VERY_HIDDEN
    out = BytesIO()
    target.save(out)
    return out.getvalue()


def as_ods(book: Workbook) -> bytes:
    """The same cells as an OpenDocument spreadsheet."""
    target = OpenDocumentSpreadsheet()
    hidden = Style(name="hidden", family="table")
    hidden.addElement(TableProperties(display="false"))
    target.automaticstyles.addElement(hidden)
    for sheet in book.worksheets:
        look = {} if sheet.sheet_state == "visible" else {"stylename": hidden}
        table = Table(name=sheet.title, **look)
        for values in _grid(book, sheet.title):
            table.addElement(_ods_row(values))
        target.spreadsheet.addElement(table)
    out = BytesIO()
    target.save(out)
    return out.getvalue()


def libreoffice() -> str | None:
    """The LibreOffice command, where it is installed."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def by_libreoffice(xlsx: bytes, file: FileFormat) -> bytes:
    """The workbook opened and saved by LibreOffice. Raises ConversionFailed."""
    command = libreoffice()
    if command is None:
        raise ConversionFailed("not installed")
    with tempfile.TemporaryDirectory(prefix="treem-rehearsal-") as name:
        folder = Path(name)
        (folder / "in").mkdir()
        source = folder / "in" / "bieu-mau.xlsx"
        source.write_bytes(xlsx)
        profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
        arguments = [command, profile, "--headless", "--convert-to", file, "--outdir", str(folder), str(source)]
        try:
            subprocess.run(arguments, check=True, capture_output=True, timeout=LIBREOFFICE_SECONDS)
            return (folder / f"bieu-mau.{file}").read_bytes()
        except (subprocess.SubprocessError, OSError) as error:
            raise ConversionFailed(type(error).__name__) from error


def _typed_into(received: bytes, entries: Entries, *, values_only: bool = False) -> Workbook:
    book = load_workbook(BytesIO(received), data_only=values_only)
    for (sheet, cell), typed in entries.items():
        book[sheet][cell] = typed
    return book


def _grid(book: Workbook, title: str) -> Iterator[list[Scalar]]:
    """The sheet's values from A1, row by row."""
    for row in book[title].iter_rows(min_row=1, min_col=1, values_only=True):
        yield [value if isinstance(value, str | int | float | None) else str(value) for value in row]


def _ods_row(values: list[Scalar]) -> TableRow:
    row = TableRow()
    for value in values:
        row.addElement(_ods_cell(value))
    return row


def _ods_cell(value: Scalar) -> TableCell:
    if value is None:
        return TableCell()
    number = isinstance(value, int | float)
    cell = TableCell(valuetype="float", value=str(value)) if number else TableCell(valuetype="string")
    for line in str(value).split("\n"):
        cell.addElement(P(text=line))
    return cell
