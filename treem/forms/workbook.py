"""Opening a workbook of any kind: the values of its sheets from A1 on, and its odd cells.

Belongs here: the only use of the spreadsheet reader, and limits on what it hands over. Runs in the child process.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from python_calamine import CalamineWorkbook

from treem.forms.odd_xls import odd_cells_of_xls
from treem.forms.odd_xlsb import odd_cells_of_xlsb
from treem.forms.odd_xml import MAX_ROW, Flags, odd_cells_of_ods, odd_cells_of_xlsx
from treem.forms.unpack import FileKind, Package, Refused, unpack

MAX_SHEETS = 60
MAX_GRID = 2_000_000
STATES = {"SheetVisibleEnum.Hidden": "hidden", "SheetVisibleEnum.VeryHidden": "veryHidden"}
Rows = list[list[Any]]


@dataclass(frozen=True)
class Workbook:
    """An opened workbook. A sheet's values are looked up when asked for."""

    kind: FileKind
    flags: Flags
    book: Any

    def states(self) -> dict[str, str]:
        """Every sheet's name, and whether it is visible, hidden or veryHidden."""
        return {sheet.name: STATES.get(str(sheet.visible), "visible") for sheet in self.book.sheets_metadata}

    def sheets(self) -> Iterator[tuple[str, Rows]]:
        """Every sheet's name and all its cells from A1."""
        for name in self.book.sheet_names:
            yield name, _grid(self.book.get_sheet_by_name(name))


def open_workbook(data: bytes) -> Workbook:
    """Look the file over, then open it. Raises Refused, and whatever the reader raises."""
    package = unpack(data)
    flags = _odd_cells(package)  # before the reader sees it: a cell far out would end this process
    of_xls = odd_cells_of_xls(data) if package.kind == "xls" else []
    book = CalamineWorkbook.from_filelike(BytesIO(data))
    names = book.sheet_names
    if len(names) > MAX_SHEETS:
        raise Refused("too_large")
    if package.kind == "xls":
        if len(of_xls) != len(names):
            raise Refused("damaged")
        flags = {(name, *place): what for name, odd in zip(names, of_xls, strict=True) for place, what in odd.items()}
    return Workbook(package.kind, flags, book)


def _odd_cells(package: Package) -> Flags:
    match package.kind:
        case "xlsx":
            return odd_cells_of_xlsx(package.parts)
        case "ods":
            return odd_cells_of_ods(package.parts.get("content.xml", b""))
        case "xlsb":
            return odd_cells_of_xlsb(package.parts)
        case "xls":
            return {}


def _grid(sheet: Any) -> Rows:
    """All cells from A1. A sheet may be formatted far out; what counts is where its values end."""
    end = sheet.end
    if end is None:
        return []
    height, width = min(end[0] + 1, MAX_ROW), end[1] + 1
    if height * width > MAX_GRID:
        raise Refused("too_large")
    rows: Rows = sheet.to_python(skip_empty_area=False, nrows=height)
    return rows
