"""What the fast reader does not tell about .xls: error values, and formulas without a result.

Belongs here: getting the stream with the cells out of the OLE container, and walking its records ([MS-CFB], [MS-XLS]).
A formula whose result is an empty text and one that was never calculated are written alike ("blank string", by Excel
and by the libraries that do not calculate); the body is asked. Runs in the child process: standard library only.
"""

from collections.abc import Iterator
from struct import Struct, error, unpack_from

from treem.forms.unpack import Refused

BOF, EOF, FORMULA, BOUNDSHEET, FILEPASS, BOOLERR = 0x0809, 0x000A, 0x0006, 0x0085, 0x002F, 0x0205
ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
NO_NUMBER, RESULT_ERROR, RESULT_EMPTY = 0xFFFF, 2, 3
DIRECTORY_ENTRY = 128
LAST_SECTOR = 0xFFFFFFFA
_RECORD = Struct("<HH")
_CELL = Struct("<HHxxB")


def odd_cells_of_xls(data: bytes) -> list[dict[tuple[int, int], str]]:
    """The odd cells of every sheet, in the order of the sheets. Raises Refused."""
    try:
        return _odd_cells(_Container(data).workbook())
    except (error, IndexError) as broken:
        raise Refused("damaged") from broken


def _odd_cells(stream: bytes) -> list[dict[tuple[int, int], str]]:
    starts = []
    for kind, body in _records(stream, 0):
        if kind == FILEPASS:
            raise Refused("encrypted")
        if kind == BOUNDSHEET:
            starts.append(unpack_from("<I", stream, body)[0])
    return [_odd_cells_of_sheet(stream, start) for start in starts]


def _odd_cells_of_sheet(stream: bytes, start: int) -> dict[tuple[int, int], str]:
    odd: dict[tuple[int, int], str] = {}
    for kind, body in _records(stream, start):
        if kind in (BOOLERR, FORMULA):
            what = _error(stream, body) if kind == BOOLERR else _result(stream, body)
            if what is not None:
                row, column, _ = _CELL.unpack_from(stream, body)
                odd[row + 1, column + 1] = what
    return odd


def _records(stream: bytes, place: int) -> Iterator[tuple[int, int]]:
    """Kind and place of each record of one substream, without those of the charts inside it."""
    depth = 0
    while place + 4 <= len(stream):
        kind, size = _RECORD.unpack_from(stream, place)
        depth += (kind == BOF) - (kind == EOF)
        if depth == 1:
            yield kind, place + 4
        elif depth <= 0:
            return
        place += 4 + size


def _error(stream: bytes, body: int) -> str | None:
    value, is_error = stream[body + 6], stream[body + 7]
    return ERRORS.get(value, "#") if is_error else None


def _result(stream: bytes, body: int) -> str | None:
    kind, value = stream[body + 6], stream[body + 8]
    if unpack_from("<H", stream, body + 12)[0] != NO_NUMBER or kind not in (RESULT_ERROR, RESULT_EMPTY):
        return None
    return ERRORS.get(value, "#") if kind == RESULT_ERROR else ""


class _Container:
    """An OLE compound file: just enough to get one stream out of it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.sector, self.mini_sector = 1 << _short(data, 30), 1 << _short(data, 32)
        if self.sector not in (512, 4096) or self.mini_sector != 64:
            raise Refused("damaged")
        self.next = self._allocation()

    def workbook(self) -> bytes:
        """The stream with the cells."""
        directory = self._chain(_long(self.data, 48))
        found: dict[str, tuple[int, int]] = {}
        for place in range(0, len(directory) - DIRECTORY_ENTRY + 1, DIRECTORY_ENTRY):
            length = min(_short(directory, place + 64), 64)
            name = directory[place : place + max(0, length - 2)].decode("utf-16-le", "replace").casefold()
            found.setdefault(name, (_long(directory, place + 116), _long(directory, place + 120)))
        if "encryptedpackage" in found:
            raise Refused("encrypted")
        stream = found.get("workbook") or found.get("book")
        if stream is None:
            raise Refused("not_a_workbook")
        return self._stream(*stream, _long(directory, 116))

    def _allocation(self) -> tuple[int, ...]:
        """Which sector follows each sector."""
        holders = list(unpack_from("<109I", self.data, 76))
        more, seen = _long(self.data, 68), 0
        while more < LAST_SECTOR and seen <= len(self.data) // self.sector:
            *some, more = unpack_from(f"<{self.sector // 4}I", self.data, self._place(more))
            holders += some
            seen += 1
        table = b"".join(self._get(sector) for sector in holders if sector < LAST_SECTOR)
        return unpack_from(f"<{len(table) // 4}I", table)

    def _stream(self, first: int, size: int, small_streams: int) -> bytes:
        if size >= _long(self.data, 56):
            return self._chain(first)[:size]
        holder, following = self._chain(small_streams), self._chain(_long(self.data, 60))
        step = self.mini_sector
        parts: list[bytes] = []
        while first < LAST_SECTOR and len(parts) * step < size:
            parts.append(holder[first * step : (first + 1) * step])
            first = _long(following, first * 4)
        return b"".join(parts)[:size]

    def _chain(self, sector: int) -> bytes:
        parts: list[bytes] = []
        while sector < LAST_SECTOR and len(parts) <= len(self.next):
            parts.append(self._get(sector))
            sector = self.next[sector]
        return b"".join(parts)

    def _get(self, sector: int) -> bytes:
        place = self._place(sector)
        return self.data[place : place + self.sector]

    def _place(self, sector: int) -> int:
        return (sector + 1) * self.sector


def _short(data: bytes, place: int) -> int:
    number: int = unpack_from("<H", data, place)[0]
    return number


def _long(data: bytes, place: int) -> int:
    number: int = unpack_from("<I", data, place)[0]
    return number
