"""What a workbook from outside says. It is never opened in this process.

Belongs here: the closed shape of what the child (`sandbox`) may say about a workbook. Whatever the file does to the
child, the caller gets a `Reading`.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from treem.forms import sandbox
from treem.forms.catalogue import PROBLEMS
from treem.forms.frames import Frame

MAX_FILE_BYTES = 25_000_000


@dataclass(frozen=True)
class RawCell:
    """What stands in one cell of a figure's row. Text is NFC; a date is "dd/mm/yyyy"."""

    figure: str
    column: str
    raw: str | int | float | None
    sheet: str
    cell: str
    is_error: bool = False
    is_uncalculated: bool = False
    is_date: bool = False


@dataclass(frozen=True)
class RawRow:
    """A row with a figure code; `cell` is the code's cell."""

    figure: str
    sheet: str
    cell: str


@dataclass(frozen=True)
class RawText:
    """A text: `section` is a duty code, the key of a closing section, or (notes) a figure code."""

    section: str
    text: str
    sheet: str
    cell: str


@dataclass(frozen=True)
class Notice:
    """Something about the layout of the sheets; `rule` is in the catalogue."""

    rule: str
    sheet: str
    cell: str
    raw: str = ""


@dataclass(frozen=True)
class Reply:
    """A body's own words on the sheet "Kiểm tra" about the finding of that rule in that cell."""

    rule: str
    sheet: str
    cell: str
    text: str


@dataclass(frozen=True)
class Reading:
    """What a workbook says, before anything is judged. `problem` names a rule of the catalogue."""

    kind: Literal["form", "not_a_form", "unreadable"]
    problem: str | None = None
    token: str | None = None
    form_code: str | None = None
    form_version: int | None = None
    body_code: str | None = None
    cells: tuple[RawCell, ...] = ()
    narratives: tuple[RawText, ...] = ()
    rows: tuple[RawRow, ...] = ()
    notes: tuple[RawText, ...] = ()
    notices: tuple[Notice, ...] = ()
    replies: tuple[Reply, ...] = ()


_READING = TypeAdapter(Reading)


def read_form(data: bytes) -> Reading:
    """Read a workbook in a child process with limits. Never raises for what the file contains."""
    if not data:
        return Reading("unreadable", "empty_file")
    if len(data) > MAX_FILE_BYTES:
        return Reading("unreadable", "too_large")
    try:
        answer = sandbox.run("read", data)
    except sandbox.Failed as failed:
        return Reading("unreadable", failed.problem)
    return understood(answer)


def understood(answer: Frame) -> Reading:
    """The child's answer about a workbook as a reading, whatever it is."""
    problem = answer.head.get("problem")
    return _said(answer.body) if problem is None else _unreadable(problem)


def read_forms(files: Sequence[bytes]) -> list[Reading]:
    """Read several workbooks, a few children at a time, in the order given."""
    with ThreadPoolExecutor(sandbox.AT_ONCE) as pool:
        return list(pool.map(read_form, files))


def _unreadable(problem: object) -> Reading:
    return Reading("unreadable", problem if isinstance(problem, str) and problem in PROBLEMS else "damaged")


def _said(output: bytes) -> Reading:
    try:
        return _READING.validate_json(output)
    except ValidationError:
        return Reading("unreadable", "damaged")
