"""The child's main operation: what a workbook says, as plain data in the shape of `read.Reading`.

Belongs here: which sheet is read how. Runs in the child process.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from treem.forms import layout, reply
from treem.forms.collected import Collected
from treem.forms.frames import Frame
from treem.forms.sheets import SheetReader, scalar
from treem.forms.unpack import Refused
from treem.forms.workbook import open_workbook

MAX_READING = 8_000_000
MARKER_ROWS = 50


def answer(_: Mapping[str, Any], data: bytes) -> Frame:
    """The reading as JSON."""
    text = json.dumps(read(data), ensure_ascii=True, allow_nan=False).encode()
    if len(text) > MAX_READING:
        raise Refused("too_large")
    return Frame({}, text)


def read(data: bytes) -> dict[str, Any]:
    """What the workbook says. Raises Refused, and whatever the reader raises."""
    workbook, collected = open_workbook(data), Collected()
    for name, rows in workbook.sheets():
        if name == layout.MARKER_SHEET:
            collected.hidden = _hidden_marks(rows)
        elif reply.is_reply_sheet(name, rows):
            collected.replies += reply.replies(rows)
        else:
            SheetReader(name, workbook.flags, collected).read(rows)
    return collected.reading()


def _hidden_marks(rows: Sequence[Sequence[Any]]) -> dict[str, str]:
    marks = {}
    for row in rows[:MARKER_ROWS]:
        if len(row) > 1 and row[0] in layout.MARKER_KEYS and row[1] != "":
            marks[row[0]] = layout.one_line(str(scalar(row[1])))
    return marks
