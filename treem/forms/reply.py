"""The sheet "Kiểm tra" that comes back: a body's own words about warnings it lets stand.

Belongs here: recognising that sheet, whatever it is called by now, and taking the words off it. It names codes of
figures, so nothing else on it is read. Runs in the child process: standard library only.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from treem.forms import layout
from treem.forms.sheets import scalar

HEAD_ROWS = 30
REPLY = layout.REPLY_HEADINGS[5]
_KEY = re.compile(r"([a-z_]{3,40})\|(.*)\|([A-Z]{0,3}\d{0,7})", re.DOTALL)
_NOTHING = re.compile(r"[\s\-–—.…_]*")
Rows = Sequence[Sequence[Any]]


def key(rule: str, sheet: str, cell: str) -> str:
    """What the hidden column says, so that a reply finds its warning after the sheet was sorted."""
    return f"{rule}|{sheet}|{cell}"


def is_reply_sheet(name: str, rows: Rows) -> bool:
    """Whether it is our sheet. A sheet of figures that happens to be called "Kiểm tra" is not."""
    return _place_of_replies(rows) is not None or (name == layout.REPLY_SHEET and any(map(_key, rows)))


def replies(rows: Rows) -> Iterator[dict[str, str]]:
    """Rule, sheet and cell of each warning that has an answer, and the answer."""
    place = _place_of_replies(rows)
    seen = set()
    for row in rows:
        found = _key(row)
        text = _text(row, layout.REPLY_HEADINGS.index(REPLY) if place is None else place)
        if found and text and found not in seen:
            seen.add(found)
            rule, sheet, cell = found
            yield {"rule": rule, "sheet": sheet, "cell": cell, "text": text}


def _place_of_replies(rows: Rows) -> int | None:
    return next((row.index(REPLY) for row in rows[:HEAD_ROWS] if REPLY in row), None)


def _key(row: Sequence[Any]) -> tuple[str, ...] | None:
    matches = (_KEY.fullmatch(value) for value in reversed(row) if isinstance(value, str) and "|" in value)
    return next((found.groups() for found in matches if found), None)


def _text(row: Sequence[Any], place: int) -> str:
    value = scalar(row[place]) if place < len(row) else None
    text = "" if value is None else str(value)
    return "" if _NOTHING.fullmatch(text) else text
