"""Number and date filled into an approved document: what a fresh rendering would say, and nothing else touched."""

from datetime import date
from io import BytesIO

import pytest
from docx import Document
from docx.oxml.ns import qn

from treem.documents.numbered import filled_in, has_blank_number, unmarked

SYMBOL = "BC-UBND"
DAY = date(2027, 6, 5)


def docx(*paragraphs: str | list[str]) -> bytes:
    """A document; a list is one paragraph in several runs."""
    document = Document()
    for text in paragraphs:
        paragraph = document.add_paragraph()
        for run in [text] if isinstance(text, str) else text:
            paragraph.add_run(run)
    saved = BytesIO()
    document.save(saved)
    return saved.getvalue()


def texts(data: bytes) -> list[str]:
    body = Document(BytesIO(data)).element.body
    return ["".join(t.text or "" for t in p.iter(qn("w:t"))) for p in body.iter(qn("w:p"))]


@pytest.mark.parametrize(
    "blank", ["Số:       /BC-UBND", "Số: ……/BC-UBND", ["Số:   ", "    /BC", "-UBND"], ["S", "ố:", "", "/BC-UBND"]]
)
def test_the_number_is_filled_in_however_word_cut_the_line(blank: str | list[str]) -> None:
    assert has_blank_number(docx(blank), SYMBOL)
    assert texts(filled_in(docx(blank), "5", SYMBOL, DAY)) == ["Số: 05/BC-UBND"]


@pytest.mark.parametrize(
    "blank", ["ngày      tháng      năm 2027", "ngày …… tháng 6 năm 2027", "ngày     tháng     năm"]
)
def test_the_day_is_written_as_the_decree_has_it(blank: str) -> None:
    assert texts(filled_in(docx(f"Tam Đường, {blank}"), "12a", SYMBOL, DAY)) == ["Tam Đường, ngày 05 tháng 6 năm 2027"]


def test_other_numbers_and_days_stay() -> None:
    said = ["Kế hoạch số 12/KH-UBND ngày 30 tháng 10 năm 2020", "Công văn số    /UBND-LĐTBXH", "trong tháng 6 năm 2027"]
    assert texts(filled_in(docx(*said), "5", SYMBOL, DAY)) == said


def test_only_the_mark_of_a_draft_is_taken_out() -> None:
    assert texts(unmarked(docx("BÁO CÁO", ["DỰ ", "THẢO"], "Dự thảo luật"))) == ["BÁO CÁO", "Dự thảo luật"]
    plain = docx("BÁO CÁO")
    assert unmarked(plain) is plain


def test_a_document_without_the_place_says_so() -> None:
    assert not has_blank_number(docx("Số: 12/BC-UBND", "Số:     /KH-UBND"), SYMBOL)
