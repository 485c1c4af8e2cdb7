"""Looking at a workbook's package before a spreadsheet library opens it.

Belongs here: what kind of file it is, limits against bombs, and what the cells of an .xlsx say that the fast reader
does not tell (error values, formulas without a result). The fast reader aborts the whole process on a 7 KB file with
one value in cell XFD1048576, and takes `#DIV/0!` for a blank. One pass with expat over the sheets answers all of this;
openpyxl would need tens of seconds and gigabytes on hostile files. In an .xls an error cell stays a blank: nothing we
depend on tells them apart, and a blank total is reported anyway. Runs in the child process: standard library only.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from posixpath import normpath
from typing import Literal
from xml.parsers import expat

FileKind = Literal["xlsx", "xlsb", "ods", "xls"]
Flags = dict[tuple[str, int, int], str]
"""(sheet name, row, column) → "error" or "uncalculated"."""

MAX_ENTRIES = 400
MAX_UNPACKED = 60_000_000
MAX_ROW, MAX_COLUMN = 5000, 200
MAX_CELLS = 200_000
CHUNK = 1 << 16
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
PARSED = (".xml", ".rels", ".bin")
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")


class Refused(Exception):
    """The file is not opened; `problem` is a rule of the catalogue."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def inspect(data: bytes) -> tuple[FileKind, Flags]:
    """What kind of workbook it is, and its odd cells. Raises Refused."""
    if not data:
        raise Refused("empty_file")
    if data.startswith(OLE):
        if ENCRYPTED_STREAM in data:
            raise Refused("encrypted")
        return "xls", {}
    if not data.startswith(ZIP):
        raise Refused("not_a_workbook")
    try:
        with zipfile.ZipFile(BytesIO(data)) as package:
            return _inspect_package(package)
    except (zipfile.BadZipFile, expat.ExpatError, EOFError, ValueError, NotImplementedError, OSError) as error:
        raise Refused("damaged") from error
    except zipfile.zlib.error as error:  # type: ignore[attr-defined]
        raise Refused("damaged") from error


def _inspect_package(package: zipfile.ZipFile) -> tuple[FileKind, Flags]:
    entries = package.infolist()
    names = [entry.filename for entry in entries]
    if len(entries) > MAX_ENTRIES or len({name.casefold() for name in names}) != len(names):
        raise Refused("unsafe")
    kind = _kind(package, set(names))
    parts = _unpack(package, entries)
    for name, part in parts.items():
        if name.endswith((".xml", ".rels")) and name != "META-INF/manifest.xml":  # old OpenOffice manifests carry a DTD
            _refuse_dtd(part)
    if kind == "ods":
        return kind, _odd_cells_of_ods(parts.get("content.xml", b""))
    return kind, _odd_cells(parts) if kind == "xlsx" else {}


def _kind(package: zipfile.ZipFile, names: set[str]) -> FileKind:
    if "xl/workbook.bin" in names:
        return "xlsb"
    if any(name.startswith("xl/") for name in names):
        return "xlsx"
    if "content.xml" in names and "mimetype" in names and b"spreadsheet" in package.open("mimetype").read(200):
        return "ods"
    raise Refused("not_a_workbook")


def _unpack(package: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> dict[str, bytes]:
    """The parts a reader would parse, inflated for real: sizes written in a zip may lie."""
    parts, room = {}, MAX_UNPACKED
    for entry in entries:
        if entry.flag_bits & 1:
            raise Refused("encrypted")
        if not entry.filename.lower().endswith(PARSED) or "vbaProject" in entry.filename:
            continue
        chunks = []
        with package.open(entry) as stream:
            while chunk := stream.read(CHUNK):
                room -= len(chunk)
                if room < 0:
                    raise Refused("too_large")
                chunks.append(chunk)
        parts[entry.filename] = b"".join(chunks)
    return parts


def _refuse_dtd(part: bytes) -> None:
    """No office program writes a DTD; entity bombs and file inclusion need one."""

    def refuse(*_: object) -> None:
        raise Refused("unsafe")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(part, True)
    except expat.ExpatError:
        if b"<!DOCTYPE" in part or b"<!ENTITY" in part:
            raise Refused("unsafe") from None
        # otherwise: the reader decides whether it needs this part (VML drawings are not always well formed)


def _odd_cells(parts: dict[str, bytes]) -> Flags:
    flags: Flags = {}
    names = _sheet_names(parts)
    for part_name, part in parts.items():
        if part_name.startswith("xl/") and b"sheetData" in part:
            scan = _SheetScan()
            scan.run(part)
            sheet = names.get(part_name)
            if sheet is not None:
                flags |= {(sheet, row, column): what for (row, column), what in scan.odd.items()}
    return flags


def _sheet_names(parts: dict[str, bytes]) -> dict[str, str]:
    """Part name → sheet name, by workbook.xml and its relations."""
    targets = {
        key: normpath(target.lstrip("/") if target.startswith("/") else f"xl/{target}")
        for key, target in _attributes(parts.get("xl/_rels/workbook.xml.rels", b""), "Relationship", "Id", "Target")
    }
    named = _attributes(parts.get("xl/workbook.xml", b""), "sheet", "id", "name")
    return {targets[key]: name for key, name in named if key in targets}


def _attributes(part: bytes, element: str, first: str, second: str) -> Iterator[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == element:
            by_name = {_local(key): value for key, value in attributes.items()}
            if first in by_name and second in by_name:
                found.append((by_name[first], by_name[second]))

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    if part:
        parser.Parse(part, True)
    return iter(found)


@dataclass
class _SheetScan:
    """One pass over a sheet: values far outside a form are refused, odd cells are remembered."""

    odd: dict[tuple[int, int], str] = field(default_factory=dict)
    row: int = 0
    column: int = 0
    cells: int = 0
    type: str = ""
    formula: bool = False
    value: str = ""
    inside: str = ""

    def run(self, part: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.text
        parser.Parse(part, True)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match _local(name):
            case "row":
                self.row, self.column = _row_number(attributes.get("r"), self.row + 1), 0
            case "c":
                self._place(attributes.get("r"))
                self.type, self.formula, self.value = attributes.get("t", ""), False, ""
            case "f":
                self.formula = True
            case "v" | "t" as kind:
                self.inside = kind

    def text(self, text: str) -> None:
        if self.inside and len(self.value) < CHUNK:
            self.value += text

    def end(self, name: str) -> None:
        match _local(name):
            case "v" | "t":
                self.inside = ""
            case "c":
                self._close()

    def _place(self, reference: str | None) -> None:
        if reference is None:
            self.column += 1
            return
        found = _REFERENCE.fullmatch(reference)
        if found is None:
            raise Refused("damaged")
        self.row, self.column = int(found[2]), _column_number(found[1])

    def _close(self) -> None:
        if not self.value and not self.formula:
            return  # style only: office programs write these far out when a whole column was formatted
        self.cells += 1
        if self.row > MAX_ROW or self.column > MAX_COLUMN or self.cells > MAX_CELLS:
            raise Refused("too_large")
        if self.type == "e":
            self.odd[self.row, self.column] = self.value or "#"
        elif self.formula and not self.value and self.type != "str":  # t="str" with nothing: a formula that gives ""
            self.odd[self.row, self.column] = ""


def _odd_cells_of_ods(part: bytes) -> Flags:
    scan = _OdsScan()
    parser = expat.ParserCreate()
    parser.StartElementHandler = scan.start
    parser.Parse(part, True)
    return scan.odd


@dataclass
class _OdsScan:
    """One pass over an OpenDocument spreadsheet; rows and cells may stand for many of their kind."""

    odd: Flags = field(default_factory=dict)
    sheet: str = ""
    row: int = 0
    next_row: int = 1
    column: int = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match name:
            case "table:table":
                self.sheet, self.next_row = attributes.get("table:name", ""), 1
            case "table:table-row":
                self.row, self.column = self.next_row, 0
                self.next_row += int(attributes.get("table:number-rows-repeated", "1"))
            case "table:table-cell" | "table:covered-table-cell":
                self._cell(attributes)
                self.column += int(attributes.get("table:number-columns-repeated", "1"))

    def _cell(self, attributes: dict[str, str]) -> None:
        place = (self.sheet, self.row, self.column + 1)
        if attributes.get("calcext:value-type") == "error":
            self.odd[place] = "#LỖI"
        elif "table:formula" in attributes and "office:value-type" not in attributes:
            self.odd[place] = ""


def _row_number(text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    if not text.isascii() or not text.isdigit():
        raise Refused("damaged")
    return int(text)


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _local(name: str) -> str:
    return name.rpartition(":")[2]
