"""Number and date in a Word document that was approved without them. Nothing else in it is touched.

Belongs here: the blanks a draft leaves (Nghị định 30/2020/NĐ-CP, Điều 14–15: both are assigned after signing), and
filling them, in our own document as in one that was edited in Word meanwhile.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from io import BytesIO
from typing import Any

from docx import Document
from docx.oxml.ns import qn

from treem.documents.dates import document_number, official_date
from treem.documents.package import normalised

BLANK = r"[\s.…_]"
DAY = re.compile(rf"ngày{BLANK}+tháng{BLANK}*\d{{0,2}}{BLANK}*năm{BLANK}*\d{{0,4}}")
MARK = "DỰ THẢO"


def has_blank_number(docx: bytes, symbol: str) -> bool:
    """Whether the document has a place for its number."""
    blank = _number(symbol)
    return any(blank.search(_text(p)) for p in _paragraphs(Document(BytesIO(docx))))


def filled_in(docx: bytes, number: str, symbol: str, signed_on: date) -> bytes:
    """The document with its number and date, in the head and where annexes refer to them."""
    document, blank = Document(BytesIO(docx)), _number(symbol)
    for paragraph in _paragraphs(document):
        _replace(paragraph, blank, rf"\g<1> {document_number(number)}/{symbol}")
        _replace(paragraph, DAY, official_date(signed_on))
    return _saved(document)


def unmarked(docx: bytes) -> bytes:
    """The document without the mark of a draft; the very same bytes where it has none."""
    document = Document(BytesIO(docx))
    marks = [p for p in _paragraphs(document) if _text(p).strip().upper() == MARK]
    for paragraph in marks:
        paragraph.getparent().remove(paragraph)
    return _saved(document) if marks else docx


def _number(symbol: str) -> re.Pattern[str]:
    return re.compile(rf"(\b[Ss]ố:?){BLANK}*/{re.escape(symbol)}")


def _paragraphs(document: Any) -> Iterator[Any]:
    yield from list(document.element.body.iter(qn("w:p")))


def _runs(paragraph: Any) -> Sequence[Any]:
    return list(paragraph.iter(qn("w:t")))


def _text(paragraph: Any) -> str:
    return "".join(node.text or "" for node in _runs(paragraph))


def _replace(paragraph: Any, pattern: re.Pattern[str], words: str) -> None:
    """Every match; Word may have cut the text into runs anywhere: the first one it touches gets the words."""
    nodes = _runs(paragraph)
    for match in reversed(list(pattern.finditer("".join(node.text or "" for node in nodes)))):
        place, told = 0, match.expand(words)
        for node in nodes:
            text = node.text or ""
            start, end = max(match.start() - place, 0), min(match.end() - place, len(text))
            place += len(text)
            if start < end:
                node.text, told = text[:start] + told + text[end:], ""
                node.set(qn("xml:space"), "preserve")


def _saved(document: Any) -> bytes:
    saved = BytesIO()
    document.save(saved)
    return normalised(saved.getvalue())
