"""The office's forms as people fill them in, damage them and copy them.

Belongs here: typing into a received form, with openpyxl. The cells are found as a clerk finds them
(`treem.rehearsal.questionnaire`).
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.rounds.desk import yes_or_no
from treem.rehearsal.questionnaire import Question, read_questionnaire

asked_in = lru_cache(read_questionnaire)  # the office's forms are the same in every case

MARKS = re.compile(r"Mã phiếu: |Biểu mẫu: ")
PARTS = {"total": 2, "male": 1, "female": 1, "minority": 1}

Typed = int | float | str | date | None
Place = tuple[str, str]  # figure and column


def opened(data: bytes) -> Workbook:
    return load_workbook(BytesIO(data))


def saved(book: Workbook) -> bytes:
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def typed(
    form: bytes, values: Mapping[Place, Typed] | None = None, texts: Mapping[str, str] | None = None, number: int = 2
) -> bytes:
    """Every figure answered, `number` a part; `values` and `texts` (by section) replace what stands there."""
    return saved(typed_book(form, values, texts, number))


def typed_book(
    form: bytes, values: Mapping[Place, Typed] | None = None, texts: Mapping[str, str] | None = None, number: int = 2
) -> Workbook:
    """The same, still open."""
    asked, book = asked_in(form), opened(form)
    wanted = dict(values or {})
    for q in asked.questions:
        usual = yes_or_no(q.figure) if q.yes_no else PARTS[q.column] * number
        _cell(book[q.sheet], q.cell, wanted.pop((q.figure, q.column), usual))
    boxes = {box.section: box for box in asked.boxes}
    for section, text in (texts or {}).items():
        _cell(book[boxes[section].sheet], boxes[section].cell, text)
    assert not wanted
    return book


def place(form: bytes, figure: str, column: str = "total") -> Question:
    """Where a figure is typed."""
    return next(q for q in asked_in(form).questions if (q.figure, q.column) == (figure, column))


def unmarked(form: bytes) -> bytes:
    """Copied into a book without any mark of ours: no hidden sheet, no line with the token."""
    book = opened(form)
    del book["treem"]
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if isinstance(cell.value, str) and MARKS.search(cell.value):
                    cell.value = None
    return saved(book)


def mark(form: bytes, key: str, value: str) -> bytes:
    """One mark of the hidden sheet and of the visible line changed."""
    book = opened(form)
    cells = [row[1] for row in book["treem"].iter_rows(max_col=2) if row[0].value == key]
    old = str(cells[0].value)
    cells[0].value = value
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if isinstance(cell.value, str) and MARKS.search(cell.value):
                    cell.value = cell.value.replace(f": {old}", f": {value}", 1)
    return saved(book)


def changed(data: bytes, part: str, pattern: bytes, instead: bytes) -> bytes:
    """One part of the package changed at the first place that matches."""
    out = BytesIO()
    with ZipFile(BytesIO(data)) as source, ZipFile(out, "w", ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == part:
                content, count = re.subn(pattern, lambda _: instead, content, count=1, flags=re.DOTALL)
                assert count == 1
            target.writestr(name, content)
    return out.getvalue()


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    """One more part in the package."""
    out = BytesIO(data)
    with ZipFile(out, "a", ZIP_DEFLATED) as package:
        package.writestr(name, content)
    return out.getvalue()


def formulas(data: bytes) -> list[str]:
    """Every cell of a workbook that is a formula or a link, with what stands in it."""
    book: Any = opened(data)
    found = []
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            found += [f"{sheet.title}!{c.coordinate}: {c.value}" for c in row if c.data_type == "f" or _leads_away(c)]
    return found


def _leads_away(cell: Any) -> bool:
    """A link to anywhere but the workbook's own sheet of sources, where each number of ours leads."""
    link = cell.hyperlink
    return link is not None and (bool(link.target) or not str(link.location).startswith("'Nguồn gốc'!"))


def texts(data: bytes) -> list[str]:
    """Every text of a workbook."""
    book = opened(data)
    return [c.value for sheet in book.worksheets for row in sheet.iter_rows() for c in row if isinstance(c.value, str)]


def _cell(sheet: Worksheet, cell: str, value: Typed) -> None:
    sheet[cell] = value
    if isinstance(value, str):
        sheet[cell].data_type = "s"  # openpyxl would make a formula of a text with "="
