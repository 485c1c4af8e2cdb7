"""Reading one sheet: rows by code and columns by heading, wherever they stand.

Belongs here: what the cells of a sheet say. Judging is the work of `check`. Runs in the child process: standard library
only.
"""

import math
from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Any

from treem.forms import layout
from treem.forms.collected import Collected
from treem.forms.odd_xml import Flags

HEADING_GAP = 2  # a heading may stand on two lines
EXACT = 2**53  # up to here every whole number is itself as a binary fraction
MOMENTS = (date, time, timedelta)
Scalar = str | int | float | None
Texts = Sequence[tuple[int, str]]
"""The texts of a row with their places."""


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
        texts = [(place, value) for place, value in enumerate(row) if type(value) is str and value]
        signs = [(place, *layout.signs(text)) for place, text in texts]
        headings = [(place, key) for place, key, _ in signs if key]
        if headings and (
            any(key in ("total", "answer") for _, key in headings)
            or (self.columns and number - self.heading_row <= HEADING_GAP)
        ):
            self._take_headings(number, row, headings)
            return
        if "answer" in self.columns:
            self._narrative_row(number, row)
        elif (found := next(((place, code) for place, _, code in signs if code), None)) is not None:
            self._figure_row(number, row, *found)
        elif not self.columns:
            self._look_for_marks(texts)

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
                collected.cells.append(self._cell(code, key, number, self.columns[key], row))
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

    def _cell(self, code: str, key: str, number: int, place: int, row: Sequence[Any]) -> dict[str, Any]:
        value = row[place] if place < len(row) else ""
        name = layout.cell_name(number, place + 1)
        cell = {"figure": code, "column": key, "raw": scalar(value), "sheet": self.name, "cell": name}
        flag = self.flags.get((self.name, number, place + 1)) if self.flags else None
        if flag is not None:
            cell |= {"raw": flag, "is_error": True} if flag else {"raw": None, "is_uncalculated": True}
        elif isinstance(value, MOMENTS):
            cell["is_date"] = True
        elif isinstance(value, str) and value.startswith("#") and value.rstrip("?!").isupper():
            cell["is_error"] = True  # LibreOffice keeps the words of the error as the cell's text
        return cell

    def _look_for_marks(self, texts: Texts) -> None:
        """The marks printed above the table: they remain when the sheet is copied to a new workbook."""
        for _, value in texts:
            text = layout.one_line(value)
            for key, pattern in layout.VISIBLE_MARKS.items():
                if found := pattern.search(text):
                    self.collected.shown.setdefault(key, found[1])


def _is_text(row: Sequence[Any], place: int) -> bool:
    return place < len(row) and isinstance(row[place], str)


def _only_at(row: Sequence[Any], place: int) -> bool:
    """Whether that cell is the only one of the row with something in it."""
    return [other for other, value in enumerate(row) if value not in ("", None)] == [place]


def _text_at(row: Sequence[Any], place: int) -> str:
    value = scalar(row[place]) if place < len(row) else None
    return "" if value is None else layout.composed(str(value)).strip()


def scalar(value: Any) -> Scalar:
    """What a cell says: text is NFC, a date is "dd/mm/yyyy", a whole number is an int."""
    if isinstance(value, str):
        return layout.composed(value).strip() or None if value else None
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return int(value) if value.is_integer() and abs(value) < EXACT else value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int) or value is None:
        return value
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    return layout.composed(str(value)).strip() or None
