"""What the sheets of one workbook say, put together into one reading.

Belongs here: the shape of what the child reports (`read.Reading` is its other side) and what holds for the workbook as
a whole. Runs in the child process.
"""

from typing import Any

from treem.forms.odd_xml import MAX_CELLS
from treem.forms.unpack import Refused

MAX_TEXT = 200_000
LISTS = ("rows", "cells", "narratives", "notes", "notices", "replies")


class Collected:
    """Fills up while the sheets are read."""

    def __init__(self) -> None:
        self.hidden: dict[str, str] = {}
        self.shown: dict[str, str] = {}
        self.rows: list[dict[str, Any]] = []
        self.cells: list[dict[str, Any]] = []
        self.narratives: list[dict[str, Any]] = []
        self.notes: list[dict[str, Any]] = []
        self.notices: list[dict[str, Any]] = []
        self.replies: list[dict[str, str]] = []

    def notice(self, rule: str, sheet: str, cell: str, raw: str = "") -> None:
        """Something about the layout that `check` turns into a finding."""
        self.notices.append({"rule": rule, "sheet": sheet, "cell": cell, "raw": raw})

    def reading(self) -> dict[str, Any]:
        """The reading; without any code on its sheets the workbook is not a form, whatever its marks say."""
        result = self._marks()
        if sum(len(entry["text"]) for entry in (*self.narratives, *self.notes, *self.replies)) > MAX_TEXT:
            raise Refused("too_large")
        if not self.rows and not self.narratives:
            return result | {"kind": "not_a_form", "problem": "not_a_form"}
        self._compare_marks()
        if len(self.cells) > MAX_CELLS:
            raise Refused("too_large")
        return result | {key: getattr(self, key) for key in LISTS}

    def _marks(self) -> dict[str, Any]:
        marks = self.shown | self.hidden
        version = marks.get("version", "")
        return {
            "kind": "form",
            "problem": None,
            "token": marks.get("token"),
            "form_code": marks.get("form"),
            "form_version": int(version) if version.isascii() and version.isdigit() else None,
            "body_code": marks.get("body"),
        }

    def _compare_marks(self) -> None:
        for key in ("token", "form", "body"):
            hidden, shown = self.hidden.get(key), self.shown.get(key)
            if hidden and shown and hidden.casefold() != shown.casefold():
                self.notice("mixed_forms", "", "", f"{shown}|{hidden}")
                return
