"""What the fast reader does not tell about .xlsx and .ods: error values, formulas without a result, cells far out.

Belongs here: one pass over the XML of the sheets. Office programs write cells in one fixed shape, and a sheet in which
every cell has it and none has a formula needs no second look; openpyxl would need tens of seconds and gigabytes on
hostile files. Runs in the child process: standard library only.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from posixpath import normpath
from xml.parsers import expat

from treem.forms.unpack import CHUNK, Refused, is_utf8

Flags = dict[tuple[str, int, int], str]
"""(sheet name, row, column) → the error, or "" for a formula without a result."""

MAX_ROW, MAX_COLUMN = 5000, 200
MAX_CELLS = 200_000
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")
_FORMULA = re.compile(rb"<f[\s/>]")
_PREFIXED = re.compile(rb":(?:row|c|f)[\s/>]")
_OTHER_ROW = re.compile(rb'<row(?=[\s/>])(?! r="\d{1,7}")')
_OTHER_CELL = re.compile(
    rb"<c(?=[\s/>])(?!"
    rb' r="(?:[A-F]?[A-Z]|G[A-R])(?:[1-9]\d{0,2}|[1-4]\d{3}|5000)"'  # up to GR5000: MAX_COLUMN, MAX_ROW
    rb'(?: s="\d+")?(?: t="(?:s|n|str|inlineStr|b)")?\s*/?>)'
)


def odd_cells_of_xlsx(parts: Mapping[str, bytes]) -> Flags:
    """The odd cells of an .xlsx. Raises Refused, and ExpatError where the XML is damaged."""
    if any(b"\0" in part for name, part in parts.items() if name.startswith("xl/") and name.endswith(".xml")):
        raise Refused("damaged")  # UTF-16: the fast reader would see an empty sheet
    flags: Flags = {}
    names = sheet_names(parts)
    for part_name, part in parts.items():
        if part_name.startswith("xl/") and b"sheetData" in part:
            sheet, odd = names.get(part_name), _odd_cells(part)
            if sheet is not None:
                flags |= {(sheet, row, column): what for (row, column), what in odd.items()}
    return flags


def sheet_names(parts: Mapping[str, bytes]) -> dict[str, str]:
    """Part name → sheet name, by workbook.xml and its relations."""
    targets = part_names(parts.get("xl/_rels/workbook.xml.rels", b""))
    named = _attributes(parts.get("xl/workbook.xml", b""), "sheet", "id", "name")
    return {targets[key]: name for key, name in named if key in targets}


def part_names(relations: bytes) -> dict[str, str]:
    """Relation → part name."""
    return {
        key: normpath(target.lstrip("/") if target.startswith("/") else f"xl/{target}")
        for key, target in _attributes(relations, "Relationship", "Id", "Target")
    }


def _attributes(part: bytes, element: str, first: str, second: str) -> Iterator[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == element:
            by_name = {_local(key): value for key, value in attributes.items()}
            if first in by_name and second in by_name:
                found.append((by_name[first], by_name[second]))

    if part:
        _parse(part, start)
    return iter(found)


def _odd_cells(part: bytes) -> dict[tuple[int, int], str]:
    if _is_plain(part):
        _parse(part)
        return {}
    scan = _SheetScan()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = scan.start
    parser.EndElementHandler = scan.end
    parser.CharacterDataHandler = scan.text
    parser.Parse(part, True)
    return scan.odd


def _is_plain(part: bytes) -> bool:
    """Whether every cell is near, and none has a formula or an error, in a shape that leaves nothing to interpret."""
    if not is_utf8(part) or b"<!" in part or part.count(b"<c ") > MAX_CELLS:
        return False
    return not any(rule.search(part) for rule in (_FORMULA, _PREFIXED, _OTHER_ROW, _OTHER_CELL))


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
    inside: bool = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = _local(name)
        if name == "c":
            self._place(attributes.get("r"))
            self.type, self.formula, self.value = attributes.get("t", ""), False, ""
        elif name in ("v", "t"):
            self.inside = True
        elif name == "f":
            self.formula = True
        elif name == "row":
            self.row, self.column = _row_number(attributes.get("r"), self.row + 1), 0

    def text(self, text: str) -> None:
        if self.inside and len(self.value) < CHUNK:
            self.value += text

    def end(self, name: str) -> None:
        name = _local(name)
        if name == "c":
            self._close()
        elif name in ("v", "t"):
            self.inside = False

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


def odd_cells_of_ods(part: bytes) -> Flags:
    """The odd cells of an OpenDocument spreadsheet. Raises ExpatError where the XML is damaged."""
    scan = _OdsScan()
    has_none = is_utf8(part) and not any(sign in part for sign in (b"table:formula", b"&#", b'"error"', b"'error'"))
    _parse(part, None if has_none else scan.start)
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


def _parse(part: bytes, start: object = None) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = start  # type: ignore[assignment]
    parser.Parse(part, True)


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
    return name.rpartition(":")[2] if ":" in name else name
