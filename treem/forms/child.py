"""The process that opens a workbook from outside: bytes on stdin, JSON on stdout, limits on everything.

Run as `python -m treem.forms.child`. It knows nothing of the configuration: it finds rows by code and columns by
heading wherever they stand, and reports what the cells say. Judging is the work of `check`. Only the standard library
and the spreadsheet reader are imported here.
"""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any

from python_calamine import CalamineWorkbook, PasswordError

from treem.forms import layout
from treem.forms.unpack import MAX_CELLS, MAX_ROW, Flags, Refused, inspect

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 10
OPEN_FILES = 64
MAX_SHEETS = 60
MAX_GRID = 2_000_000
MAX_TEXT = 200_000
HEADING_GAP = 2  # a heading may stand on two lines
Scalar = str | int | float | None


def main() -> None:
    """Read the workbook on stdin, write the reading on stdout."""
    limit_this_process()
    result = read(sys.stdin.buffer.read())
    sys.stdout.buffer.write(json.dumps(result, ensure_ascii=True, allow_nan=False).encode())


def limit_this_process() -> None:
    """Limits that hold whatever the file does. Windows has none of them; there only the parent's clock counts."""
    try:
        import resource
    except ImportError:
        return
    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in limits.items():
        with suppress(ValueError, OSError):  # the hard limit is already lower, or this system does not keep it
            resource.setrlimit(what, (most, most))


def read(data: bytes) -> dict[str, Any]:
    """The reading as plain data, in the shape of `read.Reading`."""
    try:
        _, flags = inspect(data)
        return _read_sheets(CalamineWorkbook.from_filelike(BytesIO(data)), flags)
    except Refused as refused:
        return unreadable(refused.problem)
    except PasswordError:
        return unreadable("encrypted")
    except MemoryError:
        return unreadable("too_heavy")
    except BaseException:  # the reader's panics are not Exceptions
        return unreadable("damaged")


def unreadable(problem: str) -> dict[str, Any]:
    """A reading of a file that could not be read."""
    return {"kind": "unreadable", "problem": problem}


def _read_sheets(book: Any, flags: Flags) -> dict[str, Any]:
    names = book.sheet_names
    if len(names) > MAX_SHEETS:
        raise Refused("too_large")
    collected = Collected()
    for name in names:
        rows = _grid(book.get_sheet_by_name(name))
        if name == layout.MARKER_SHEET:
            collected.hidden = _hidden_marks(rows)
        else:
            SheetReader(name, flags, collected).read(rows)
    if sum(len(entry["text"]) for entry in (*collected.narratives, *collected.notes)) > MAX_TEXT:
        raise Refused("too_large")
    return collected.reading()


def _grid(sheet: Any) -> list[list[Any]]:
    """All cells from A1. A sheet may be formatted far out; what counts is where its values end."""
    end = sheet.end
    if end is None:
        return []
    height, width = min(end[0] + 1, MAX_ROW), end[1] + 1
    if height * width > MAX_GRID:
        raise Refused("too_large")
    rows: list[list[Any]] = sheet.to_python(skip_empty_area=False, nrows=height)
    return rows


def _hidden_marks(rows: Sequence[Sequence[Any]]) -> dict[str, str]:
    marks = {}
    for row in rows[:50]:
        if len(row) > 1 and row[0] in layout.MARKER_KEYS and row[1] != "":
            marks[row[0]] = layout.one_line(str(_scalar(row[1])))
    return marks


class Collected:
    """What the sheets of one workbook say."""

    def __init__(self) -> None:
        self.hidden: dict[str, str] = {}
        self.shown: dict[str, str] = {}
        self.rows: list[dict[str, Any]] = []
        self.cells: list[dict[str, Any]] = []
        self.narratives: list[dict[str, Any]] = []
        self.notes: list[dict[str, Any]] = []
        self.notices: list[dict[str, Any]] = []

    def notice(self, rule: str, sheet: str, cell: str, raw: str = "") -> None:
        """Something about the layout that `check` turns into a finding."""
        self.notices.append({"rule": rule, "sheet": sheet, "cell": cell, "raw": raw})

    def reading(self) -> dict[str, Any]:
        """The reading; without any code on its sheets the workbook is not a form, whatever its marks say."""
        marks = self.shown | self.hidden
        version = marks.get("version", "")
        result: dict[str, Any] = {
            "kind": "form",
            "problem": None,
            "token": marks.get("token"),
            "form_code": marks.get("form"),
            "form_version": int(version) if version.isascii() and version.isdigit() else None,
            "body_code": marks.get("body"),
        }
        if not self.rows and not self.narratives:
            return result | {"kind": "not_a_form", "problem": "not_a_form"}
        self._compare_marks()
        lists = ("rows", "cells", "narratives", "notes", "notices")
        if len(self.cells) > MAX_CELLS:
            raise Refused("too_large")
        return result | {key: getattr(self, key) for key in lists}

    def _compare_marks(self) -> None:
        for key in ("token", "form", "body"):
            hidden, shown = self.hidden.get(key), self.shown.get(key)
            if hidden and shown and hidden.casefold() != shown.casefold():
                self.notice("mixed_forms", "", "", f"{shown}|{hidden}")
                return


class SheetReader:
    """Reads one sheet from top to bottom, remembering the headings passed on the way."""

    def __init__(self, name: str, flags: Flags, collected: Collected) -> None:
        self.name, self.flags, self.collected = name, flags, collected
        self.columns: dict[str, int] = {}
        self.heading_row = -HEADING_GAP - 1
        self.above: Sequence[Any] = ()
        self.section: dict[str, Any] | None = None
        self.complained = False

    def read(self, rows: Sequence[Sequence[Any]]) -> None:
        """Take in every row."""
        for number, row in enumerate(rows, 1):
            self._row(number, row)
            self.above = row

    def _row(self, number: int, row: Sequence[Any]) -> None:
        headings = list(_headings(row))
        if any(key in ("total", "answer") for _, key in headings) or (
            headings and self.columns and number - self.heading_row <= HEADING_GAP
        ):
            self._take_headings(number, row, headings)
            return
        code = _first_code(row)
        if "answer" in self.columns:
            self._narrative_row(number, row)
        elif code is not None:
            self._figure_row(number, row, *code)
        elif not self.columns:
            self._look_for_marks(row)

    def _take_headings(self, number: int, row: Sequence[Any], headings: list[tuple[int, str]]) -> None:
        continued = number - self.heading_row <= HEADING_GAP
        columns = dict(self.columns) if continued else {}
        for key in dict.fromkeys(key for _, key in headings):
            places = [place for place, found in headings if found == key]
            if len(places) > 1 and key in layout.COLUMNS:
                places = [p for p in places if not self._last_year(p)] or places
            if len(places) > 1 and key in layout.COLUMNS:
                cell = layout.cell_name(number, places[1] + 1)
                self.collected.notice("double_heading", self.name, cell, str(row[places[1]]))
            columns.setdefault(key, places[0])
        self.columns, self.heading_row, self.section = columns, number, None

    def _last_year(self, place: int) -> bool:
        """Whether the group heading above (a merged cell, so: to the left) says that a column is last year's."""
        group = next((str(v) for v in reversed(self.above[: place + 1]) if v not in ("", None)), "")
        words = layout.one_line(group).casefold()
        return "năm trước" in words or "cùng kỳ" in words

    def _figure_row(self, number: int, row: Sequence[Any], place: int, code: str) -> None:
        collected = self.collected
        collected.rows.append({"figure": code, "sheet": self.name, "cell": layout.cell_name(number, place + 1)})
        if not any(key in self.columns for key in layout.COLUMNS) and not self.complained:
            self.complained = True
            collected.notice("no_heading", self.name, layout.cell_name(number, place + 1))
        for key in layout.COLUMNS:
            if key in self.columns:
                cell = self._cell(number, self.columns[key], row)
                collected.cells.append({"figure": code, "column": key, **cell})
        if "note" in self.columns:
            self._text(collected.notes, code, number, self.columns["note"], row)

    def _narrative_row(self, number: int, row: Sequence[Any]) -> None:
        answer = self.columns["answer"]
        code_place = self.columns.get("code", 0)
        code = layout.section_code(row[code_place]) if _is_text(row, code_place) else None
        if code is not None:
            self.section = self._text(self.collected.narratives, code, number, answer, row)
        elif self.section is not None and _only_at(row, answer):  # a row the clerk put in to write on
            self.section["text"] = f"{self.section['text']}\n{_text_at(row, answer)}".strip()
        else:
            self.section = None

    def _text(
        self, into: list[dict[str, Any]], section: str, number: int, place: int, row: Sequence[Any]
    ) -> dict[str, Any]:
        cell = layout.cell_name(number, place + 1)
        entry = {"section": section, "text": _text_at(row, place), "sheet": self.name, "cell": cell}
        into.append(entry)
        return entry

    def _cell(self, number: int, place: int, row: Sequence[Any]) -> dict[str, Any]:
        value = row[place] if place < len(row) else ""
        cell = {"raw": _scalar(value), "sheet": self.name, "cell": layout.cell_name(number, place + 1)}
        flag = self.flags.get((self.name, number, place + 1))
        if flag is not None:
            cell |= {"raw": flag, "is_error": True} if flag else {"raw": None, "is_uncalculated": True}
        elif isinstance(value, date | time | timedelta):
            cell["is_date"] = True
        elif isinstance(value, str) and value.startswith("#") and value.rstrip("?!").isupper():
            cell["is_error"] = True  # LibreOffice keeps the words of the error as the cell's text
        return cell

    def _look_for_marks(self, row: Sequence[Any]) -> None:
        """The marks printed above the table: they remain when the sheet is copied to a new workbook."""
        for value in row:
            if isinstance(value, str):
                text = layout.one_line(value)
                for key, pattern in layout.VISIBLE_MARKS.items():
                    if found := pattern.search(text):
                        self.collected.shown.setdefault(key, found[1])


def _headings(row: Sequence[Any]) -> Iterator[tuple[int, str]]:
    for place, value in enumerate(row):
        if isinstance(value, str) and value and (key := layout.column_heading(value)):
            yield place, key


def _first_code(row: Sequence[Any]) -> tuple[int, str] | None:
    for place, value in enumerate(row):
        if isinstance(value, str) and value and (code := layout.figure_code(value)):
            return place, code
    return None


def _is_text(row: Sequence[Any], place: int) -> bool:
    return place < len(row) and isinstance(row[place], str)


def _only_at(row: Sequence[Any], place: int) -> bool:
    """Whether that cell is the only one of the row with something in it."""
    return [other for other, value in enumerate(row) if value not in ("", None)] == [place]


def _text_at(row: Sequence[Any], place: int) -> str:
    value = _scalar(row[place]) if place < len(row) else None
    return "" if value is None else layout.composed(str(value)).strip()


def _scalar(value: Any) -> Scalar:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime | date):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, int) or value is None:
        return value
    return layout.composed(str(value)).strip() or None


if __name__ == "__main__":
    main()
