"""The letters people read: complete, in the right tone, the same in text and HTML, and safe."""

import re
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import UndefinedError

from treem.documents.letters import TEMPLATES, BadTemplate, LetterText, render_letter
from treem.rounds.digest import Digest, RoundNews
from treem.rounds.inbox import Waiting

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
        "justification": "",
    },
    {"sheet": "Số liệu", "cell": "C20", "message": "Chưa điền.", "severity": "warning", "justification": ""},
    {"sheet": "", "cell": "", "message": "Tệp thuộc đợt khác.", "severity": "error", "justification": ""},
]
TO_BODIES = ("request", "reminder", "chase")
ACKS = ("ack_accepted", "ack_correction", "ack_blank", "ack_prose", "ack_link", "ack_unreadable", "ack_duplicate")
DECISIONS = ("extended", "waived", "rejected", "reopened", "moved", "rearranged", "questions")
FIRST = ("invitation", "inspection")
ALL = (*TO_BODIES, *FIRST, *ACKS, *DECISIONS, "approval", "number", "report", "digest", "alarm")
NEWS = Digest(
    rounds=(RoundNews("Báo cáo 6 tháng 2027", 28, 20, 18, "14/6/2027", ("Phòng Tư pháp (quá 3 ngày)",), ("Xã A",)),),
    held=(
        Waiting(
            7,
            "09:05 02/6/2027",
            "la@xa.test",
            "–",
            "hold",
            "unmatched",
            "Không rõ phiếu",
            "người gửi không có trong danh bạ",
        ),
    ),  # fmt: skip
    bounced=("Phòng Y tế – y-te@tamduong.test: không gửi được nữa từ 01/6/2027 (mã 5.1.1)",),
    failed=("thư nhắc số 12 gửi y-te@tamduong.test (mã 550 5.1.1)",),
    to_read=("thư số 9 của xa-b@tamduong.test",),
    refused=2,
    unanswered=3,
    paused=("gửi thư: tạm dừng đến 09:30 02/6, máy chủ không nhận tên đăng nhập hoặc mật khẩu",),
)


def letter(name: str, **changes: Any) -> LetterText:
    context: dict[str, Any] = {
        "office": OFFICE,
        "plan": SimpleNamespace(title="Kế hoạch thực hiện Chỉ thị số 23/CT-TTg", number=""),
        "body_name": "Ủy ban nhân dân xã Bình Lư",
        "tone": "instruct",
        "round_title": "Báo cáo 6 tháng 2027",
        "about": " về công tác trẻ em",
        "filing": "Báo cáo 6 tháng 2027",
        "occasion_title": "Báo cáo 6 tháng 2027",
        "content": "số liệu và kết quả thực hiện nhiệm vụ được giao",
        "period_label": "Kỳ số liệu",
        "event_text": "",
        "has_narrative": True,
        "duties": ["Bố trí người làm công tác bảo vệ trẻ em.", "Phối hợp với Tổng đài 111."],
        "places": 3,
        "venue": "",
        "visit_text": "thứ Năm, ngày 16/9/2027",
        "recommendations": (),
        "asked_body": "",
        "period_text": "từ ngày 15/12/2026 đến hết ngày 31/5/2027",
        "as_of_text": "chốt đến hết ngày 31/5/2027",
        "due_text": DUE,
        "token": "A1B2C3D4E5F60718293A",
        "findings": FINDINGS,
        "version": 2,
        "number_text": "số 12/BC-UBND ngày 24 tháng 6 năm 2027",
        "received_text": "09:05 ngày 02/6/2027",
        "file_name": "bao cao.pdf",
        "digest": NEWS if name in ("digest", "alarm") else "0123456789ab",
        "day_text": "17/6/2027",
        "quarantined": 1,
        "has_copy": True,
        "rejected": False,
        "until_text": "20/6/2027",
        "why": "số liệu của kỳ khác",
        "items": ["LD-11 (Số trẻ em có hoàn cảnh đặc biệt)"],
        "questions": [{"sheet": "Số liệu", "cell": "D12", "text": "LD-11 (tai nạn): nam + nữ khác tổng số."}],
        "answer_text": "thứ Năm, ngày 03/6/2027",
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
        assert ("kính mời:" if name == "invitation" else "Kính gửi:") in text
        assert name == "alarm" or "Báo cáo 6 tháng 2027" in text
        assert "Phòng Lao động - Thương binh và Xã hội huyện Tam Đường" in text
        assert "./." in text
        assert not re.search(r"[{}]|None|Undefined|  \.", text)
    assert "\n\n\n" not in made.text
    assert not re.search(r"(src|href)\s*=|@import|url\(", made.html)


def test_every_template_is_a_known_letter_in_two_forms() -> None:
    names = {p.name for p in TEMPLATES.glob("*.j2") if not p.name.startswith("_")}
    assert names == {f"{name}.{form}.j2" for name in ALL for form in ("txt", "html")}


@pytest.mark.parametrize("name", [*TO_BODIES, "inspection"])
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


@pytest.mark.parametrize(
    "name",
    (*TO_BODIES, "ack_correction", "ack_blank", "ack_prose", "ack_link", "ack_unreadable", "extended", "rejected"),
)
def test_fronts_and_unions_are_asked_and_divisions_are_instructed(name: str) -> None:
    asked, told = letter(name, tone="request"), letter(name, tone="instruct")
    for made in (asked, told):
        assert made.text != "" and words(made.html) != ""
    assert re.search(r"[Đđ]ề nghị", asked.text) and re.search(r"Trân trọng", asked.text)
    assert not re.search(r"[Yy]êu cầu", asked.text + words(asked.html))
    assert re.search(r"[Yy]êu cầu", told.text)


@pytest.mark.parametrize("name", [*TO_BODIES, "inspection"])
def test_a_form_of_figures_alone_speaks_of_no_other_sheet(name: str) -> None:
    made = letter(name, has_narrative=False)
    for text in (made.text, words(made.html)):
        assert "“Số liệu”" in text
        assert "Thuyết minh" not in text


def test_an_invitation_says_where_and_when_and_how_many() -> None:
    made = letter(
        "invitation",
        occasion_title="Tập huấn nghiệp vụ công tác trẻ em 2027",
        event_text="từ ngày 19/8/2027 đến hết ngày 20/8/2027",
        venue="Hội trường UBND huyện",
        due_text="hết ngày 27/8/2027 (thứ Sáu)",
    )
    assert made.subject == "Giấy mời: Tập huấn nghiệp vụ công tác trẻ em 2027"
    for text in (made.text, words(made.html)):
        assert "trân trọng kính mời" in text
        assert "cử 3 người" in text
        assert "từ ngày 19/8/2027 đến hết ngày 20/8/2027" in text
        assert "Hội trường UBND huyện" in text
        assert "hết ngày 27/8/2027 (thứ Sáu)" in text
        assert not re.search(r"[Yy]êu cầu", text)
    assert "theo đề cử" in letter("invitation", places=None).text


def test_a_notice_of_inspection_has_the_day_and_what_is_looked_at() -> None:
    made = letter("inspection")
    for text in (made.text, words(made.html)):
        assert "thứ Năm, ngày 16/9/2027" in text
        assert "Phối hợp với Tổng đài 111." in text
        assert "Tự kiểm tra" in text
    assert "đề nghị bố trí" in letter("inspection", tone="request").text


@pytest.mark.parametrize("name", [*TO_BODIES, "inspection"])
def test_recommendations_are_listed_where_there_are_any(name: str) -> None:
    open_ones = [(1, "Cắm biển cảnh báo tại <hồ A>", "30/11/2027"), (2, "Bố trí cộng tác viên", "")]
    made = letter(name, recommendations=open_ones)
    assert "- Kiến nghị 1: Cắm biển cảnh báo tại <hồ A> (thời hạn thực hiện: 30/11/2027)" in made.text
    assert "- Kiến nghị 2: Bố trí cộng tác viên\n" in made.text
    assert "1 Cắm biển cảnh báo tại <hồ A> 30/11/2027" in words(made.html)
    assert "KIẾN NGHỊ" not in letter(name).text


@pytest.mark.parametrize("name", [*TO_BODIES, *ACKS, *DECISIONS])
def test_what_is_asked_for_is_called_a_report_only_where_it_is_one(name: str) -> None:
    other = {"filing": "Kết quả tổ chức Tết Trung thu 2027", "round_title": "", "about": "", "occasion_title": ""}
    made = letter(name, **other, content="kết quả tổ chức Tết Trung thu")
    for text in (made.subject, made.text, words(made.html)):
        plain = text.replace("không chờ kỳ báo cáo", "").replace("hệ thống tổng hợp báo cáo", "")
        assert not re.search("báo cáo|6 tháng", plain, re.IGNORECASE)


@pytest.mark.parametrize("name", ["ack_accepted", "ack_correction"])
def test_findings_are_listed_with_sheet_and_cell(name: str) -> None:
    made = letter(name)
    assert "Trang “Số liệu”, ô D12: Nam 5 + nữ 6 = 11" in made.text
    assert "Trang “Số liệu”, ô C20: Chưa điền." in made.text
    assert "2. Tệp thuộc đợt khác." in made.text
    assert "Số liệu D12 Nam 5 + nữ 6 = 11" in words(made.html)
    assert "PHẢI SỬA (2 điểm)" in made.text
    assert "PHẢI SỬA" not in letter(name, findings=[]).text


@pytest.mark.parametrize("name", ["ack_accepted", "ack_correction"])
def test_a_copy_is_spoken_of_only_where_it_comes_along(name: str) -> None:
    for text in (letter(name).text, words(letter(name).html)):
        assert "bản sao tệp" in text
        assert "“Kiểm tra”" in text
    assert "bản sao tệp" not in letter(name, has_copy=False).text


def test_a_justification_is_repeated_so_that_the_body_knows_it_arrived() -> None:
    justified = [FINDINGS[1] | {"justification": "số đã đối chiếu <b>"}]
    made = letter("ack_accepted", findings=justified)
    assert "Giải trình đã ghi nhận: “số đã đối chiếu <b>”" in made.text
    assert "<b>”" not in made.html.split("Giải trình đã ghi nhận")[1][:40]


def test_the_digest_says_who_is_late_what_is_held_what_bounced() -> None:
    for text in (letter("digest").text, words(letter("digest").html)):
        for told in (
            "Phòng Tư pháp (quá 3 ngày)", "Xã A", "la@xa.test", "người gửi không có trong danh bạ",
            "y-te@tamduong.test: không gửi được nữa", "thư nhắc số 12", "thư số 9", "tạm dừng đến 09:30",
        ):  # fmt: skip
            assert told in text
    quiet = letter("digest", digest=Digest()).text
    assert "THƯ CHỜ" not in quiet and "ĐỊA CHỈ" not in quiet


def test_the_same_file_after_a_rejection_is_told_so() -> None:
    assert "trả lại và chưa dùng được" in letter("ack_duplicate", rejected=True).text
    assert "trả lại" not in letter("ack_duplicate").text


def test_what_bodies_write_is_escaped_in_html() -> None:
    made = letter("ack_unreadable", file_name="<img src=x onerror=alert(1)>.xlsx", problem_text="a < b & c")
    assert "<img" not in made.html
    assert "&lt;img" in made.html
    assert "a < b & c" in made.text


def test_a_missing_word_is_an_error_not_a_gap() -> None:
    with pytest.raises(UndefinedError, match="filing"):
        render_letter("request", {"office": OFFICE, "tone": "request"})


def test_a_template_without_subject_is_named(tmp_path: Any) -> None:
    (tmp_path / "x.txt.j2").write_text("Kính gửi", encoding="utf-8")
    with pytest.raises(BadTemplate, match="Tiêu đề"):
        render_letter("x", {}, tmp_path)
