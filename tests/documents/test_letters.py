"""The letters people read: complete, in the right tone, the same in text and HTML, and safe."""

import re
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import UndefinedError

from treem.documents.letters import TEMPLATES, BadTemplate, LetterText, render_letter

OFFICE = SimpleNamespace(
    name="Phòng Lao động - Thương binh và Xã hội",
    short_name="Phòng LĐTBXH",
    district="huyện Tam Đường",
    letter_parent="UBND HUYỆN TAM ĐƯỜNG",
    report_recipients=("Ủy ban nhân dân tỉnh Lai Châu", "Sở Lao động - Thương binh và Xã hội tỉnh Lai Châu"),
)
DUE = "trước ngày 15/6/2027 (chậm nhất hết ngày làm việc thứ Hai, ngày 14/6/2027)"
FINDINGS = [
    {
        "sheet": "Số liệu",
        "cell": "D12",
        "message": "Nam 5 + nữ 6 = 11, khác tổng số 12. Kiểm tra lại.",
        "severity": "error",
    },
    {"sheet": "Số liệu", "cell": "C20", "message": "Chưa điền.", "severity": "warning"},
    {"sheet": "", "cell": "", "message": "Tệp thuộc đợt khác.", "severity": "error"},
]
TO_BODIES = ("request", "reminder", "chase")
ACKS = ("ack_accepted", "ack_correction", "ack_blank", "ack_prose", "ack_unreadable", "ack_duplicate")
ALL = (*TO_BODIES, *ACKS, "approval", "report")


def letter(name: str, **changes: Any) -> LetterText:
    context: dict[str, Any] = {
        "office": OFFICE,
        "plan": SimpleNamespace(title="Kế hoạch thực hiện Chỉ thị số 23/CT-TTg", number=""),
        "body_name": "Ủy ban nhân dân xã Bình Lư",
        "tone": "instruct",
        "round_title": "Báo cáo 6 tháng 2027",
        "period_text": "từ ngày 15/12/2026 đến hết ngày 31/5/2027",
        "as_of_text": "chốt đến hết ngày 31/5/2027",
        "due_text": DUE,
        "token": "A1B2C3D4E5F60718293A",
        "findings": FINDINGS,
        "version": 2,
        "received_text": "09:05 ngày 02/6/2027",
        "file_name": "bao cao.pdf",
        "digest": "0123456789ab",
    }
    return render_letter(name, context | changes)


def words(html: str) -> str:
    body = re.sub(r"<style>.*?</style>|<title>.*?</title>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.mark.parametrize("name", ALL)
def test_every_letter_is_whole_in_both_forms(name: str) -> None:
    made = letter(name)
    assert 15 < len(made.subject) < 110
    assert "\n" not in made.subject
    for text in (made.text, words(made.html)):
        assert "Kính gửi:" in text
        assert "Báo cáo 6 tháng 2027" in text
        assert "Phòng Lao động - Thương binh và Xã hội huyện Tam Đường" in text
        assert "./." in text
        assert not re.search(r"[{}]|None|Undefined|  \.", text)
    assert "\n\n\n" not in made.text
    assert not re.search(r"(src|href)\s*=|@import|url\(", made.html)


def test_every_template_is_a_known_letter_in_two_forms() -> None:
    names = {p.name for p in TEMPLATES.glob("*.j2") if not p.name.startswith("_")}
    assert names == {f"{name}.{form}.j2" for name in ALL for form in ("txt", "html")}


@pytest.mark.parametrize("name", TO_BODIES)
def test_a_clerk_learns_everything_from_the_letter(name: str) -> None:
    made = letter(name)
    for text in (made.text, words(made.html)):
        for needed in (
            "Ủy ban nhân dân xã Bình Lư",
            "từ ngày 15/12/2026 đến hết ngày 31/5/2027",
            "chốt đến hết ngày 31/5/2027",
            DUE,
            "“Số liệu”",
            "“Thuyết minh”",
            "“Trả lời” (Reply)",
            "đính kèm tệp đã điền",
            "để trống",
            "“không áp dụng”",
            "không xóa cột “Mã số”",
            "Không ghi họ tên",
            "tình tiết vụ việc",
            "Nghị định số 56/2017/NĐ-CP",
            "Tổng đài 111",
            "A1B2C3D4E5F60718293A",
        ):
            assert needed in text
        assert re.search(r"ghi số +0", text)


@pytest.mark.parametrize("name", (*TO_BODIES, "ack_correction", "ack_blank", "ack_prose", "ack_unreadable"))
def test_fronts_and_unions_are_asked_and_divisions_are_instructed(name: str) -> None:
    asked, told = letter(name, tone="request"), letter(name, tone="instruct")
    for made in (asked, told):
        assert made.text != "" and words(made.html) != ""
    assert re.search(r"[Đđ]ề nghị", asked.text) and re.search(r"Trân trọng", asked.text)
    assert not re.search(r"[Yy]êu cầu", asked.text + words(asked.html))
    assert re.search(r"[Yy]êu cầu", told.text)


@pytest.mark.parametrize("name", ["ack_accepted", "ack_correction"])
def test_findings_are_listed_with_sheet_and_cell(name: str) -> None:
    made = letter(name)
    assert "Trang “Số liệu”, ô D12: Nam 5 + nữ 6 = 11" in made.text
    assert "Trang “Số liệu”, ô C20: Chưa điền." in made.text
    assert "2. Tệp thuộc đợt khác." in made.text
    assert "Số liệu D12 Nam 5 + nữ 6 = 11" in words(made.html)
    assert "PHẢI SỬA (2 điểm)" in made.text
    assert "PHẢI SỬA" not in letter(name, findings=[]).text


def test_what_bodies_write_is_escaped_in_html() -> None:
    made = letter("ack_unreadable", file_name="<img src=x onerror=alert(1)>.xlsx", problem_text="a < b & c")
    assert "<img" not in made.html
    assert "&lt;img" in made.html
    assert "a < b & c" in made.text


def test_a_missing_word_is_an_error_not_a_gap() -> None:
    with pytest.raises(UndefinedError, match="round_title"):
        render_letter("request", {"office": OFFICE, "tone": "request"})


def test_a_template_without_subject_is_named(tmp_path: Any) -> None:
    (tmp_path / "x.txt.j2").write_text("Kính gửi", encoding="utf-8")
    with pytest.raises(BadTemplate, match="Tiêu đề"):
        render_letter("x", {}, tmp_path)
