"""Reading a workbook from outside without opening it in this process.

Belongs here: starting the child (`child`), its time limit, and the closed shape of what it may say. Whatever the file
does to the child, the caller gets a `Reading`.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

WALL_SECONDS = 20.0
MAX_FILE_BYTES = 25_000_000
AT_ONCE = 2
SOURCE_ROOT = Path(__file__).resolve().parents[2]
KEPT_ENVIRONMENT = ("PATH", "SYSTEMROOT", "SystemRoot", "TEMP", "TMP", "LD_LIBRARY_PATH")


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


_READING = TypeAdapter(Reading)


def read_form(data: bytes) -> Reading:
    """Read a workbook in a child process with limits. Never raises for what the file contains."""
    if not data:
        return Reading("unreadable", "empty_file")
    if len(data) > MAX_FILE_BYTES:
        return Reading("unreadable", "too_large")
    try:
        ended = subprocess.run(
            [sys.executable, "-B", "-X", "utf8", "-m", "treem.forms.child"],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=WALL_SECONDS,
            cwd=SOURCE_ROOT,
            env=_bare_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:  # run() has ended the child
        return Reading("unreadable", "too_heavy")
    return _said(ended.stdout) if ended.returncode == 0 else Reading("unreadable", "too_heavy")


def read_forms(files: Sequence[bytes]) -> list[Reading]:
    """Read several workbooks, a few children at a time, in the order given."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(read_form, files))


def _bare_environment() -> dict[str, str]:
    """The child gets none of our secrets."""
    kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    return kept | {"PYTHONPATH": str(SOURCE_ROOT), "PYTHONSAFEPATH": "1"}


def _said(output: bytes) -> Reading:
    try:
        return _READING.validate_json(output)
    except ValidationError:
        return Reading("unreadable", "damaged")
