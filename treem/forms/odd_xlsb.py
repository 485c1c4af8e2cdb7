"""What the fast reader does not tell about .xlsb: error values.

Belongs here: walking the records of the binary sheets ([MS-XLSB]). In this format every formula has a result. Runs in
the child process: standard library only.
"""

from collections.abc import Iterator, Mapping
from struct import error, unpack_from

from treem.forms.odd_xls import ERRORS
from treem.forms.odd_xml import Flags, part_names
from treem.forms.unpack import Refused

ROW, CELL_ERROR, FORMULA_ERROR, SHEET = 0, 3, 11, 156
RELATIONS = "xl/_rels/workbook.bin.rels"


def odd_cells_of_xlsb(parts: Mapping[str, bytes]) -> Flags:
    """The odd cells of a binary workbook. Raises Refused."""
    targets = part_names(parts.get(RELATIONS, b""))
    flags: Flags = {}
    try:
        for relation, name in _sheets(parts.get("xl/workbook.bin", b"")):
            for row, column, what in _errors(parts.get(targets.get(relation, ""), b"")):
                flags[name, row, column] = what
    except (error, IndexError) as broken:
        raise Refused("damaged") from broken
    return flags


def _sheets(part: bytes) -> Iterator[tuple[str, str]]:
    """Relation and name of each sheet."""
    for kind, body in _records(part):
        if kind == SHEET:
            relation, after = _text(part, body + 8)
            yield relation, _text(part, after)[0]


def _errors(part: bytes) -> Iterator[tuple[int, int, str]]:
    row = 0
    for kind, body in _records(part):
        if kind == ROW:
            row = unpack_from("<I", part, body)[0] + 1
        elif kind in (CELL_ERROR, FORMULA_ERROR):
            yield row, unpack_from("<I", part, body)[0] + 1, ERRORS.get(part[body + 8], "#")


def _records(part: bytes) -> Iterator[tuple[int, int]]:
    """Kind and place of each record."""
    place = 0
    while place < len(part):
        kind, place = _number(part, place, 2)
        size, place = _number(part, place, 4)
        yield kind, place
        place += size


def _number(part: bytes, place: int, most: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    number = 0
    for count in range(most):
        byte = part[place + count]
        number |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return number, place + count + 1
    return number, place + most


def _text(part: bytes, place: int) -> tuple[str, int]:
    after = place + 4 + 2 * unpack_from("<I", part, place)[0]
    return part[place + 4 : after].decode("utf-16-le", "replace"), after
