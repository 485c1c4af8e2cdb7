"""The Word templates of the office's own outgoing papers, written once like those of the reports (`template_source`).

Belongs here: công văn (Nghị định 30/2020/NĐ-CP, Phụ lục III, mẫu 1.5), giấy mời (1.7) and biên bản (1.9), with their
fixed sentences. What fills them is in `papers`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from docx.enum.text import WD_TAB_ALIGNMENT, WD_TAB_LEADER
from docx.shared import Mm, Pt

from treem.documents import template_source as layout
from treem.documents.template_source import LEFT

RIGHT_EDGE, MIDDLE = Mm(160), Mm(95)


def _blank(document: Any, *texts: str, half: bool = False) -> None:
    """Lines to be filled in by hand: every tab is a dotted line, up to the middle of the page and to its edge."""
    for text in texts:
        paragraph = document.add_paragraph(text, style="Nội dung")
        paragraph.alignment = LEFT
        stops = paragraph.paragraph_format.tab_stops
        for place in (MIDDLE, RIGHT_EDGE) if half else (RIGHT_EDGE,):
            stops.add_tab_stop(place, WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.DOTS)


def _head(document: Any, *, about: bool = False) -> None:
    """Ô 1–4 of a division's paper, its parent above it; with the trích yếu of a công văn under the number (5b)."""
    left, right = layout._columns(document, (66, 94))
    layout._line(left, "{{ office_parent }}", 12)
    layout._line(left, "{{ office_name|upper }}", 12, bold=True)
    layout._rule(left, 66, 28)
    layout._line(left, "{{ number_line }}", 13, before=6)
    if about:
        layout._line(left, "{{ subject }}", 12, before=6)
    layout._line(right, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", 12, bold=True)
    layout._line(right, "Độc lập - Tự do - Hạnh phúc", 13, bold=True)
    layout._rule(right, 94, 57)
    layout._line(right, "{{ place_date }}", 13, italic=True, before=6)


def _named(document: Any, kind: str) -> None:
    """Ô 5a: type and subject."""
    layout._line(document, kind, 14, bold=True, before=14)
    layout._line(document, "{{ subject }}", 14, bold=True)
    layout._rule(document, 160, 55)


def _foot(document: Any) -> None:
    """Ô 7a–7b and 9b."""
    layout._line(document, "", 8)
    left, right = layout._columns(document, (80, 80))
    layout._line(left, "Nơi nhận:", 12, bold=True, italic=True, align=LEFT)
    layout._lines(left, ["{%p for line in copies %}", "- {{ line }}", "{%p endfor %}"], 11, align=LEFT)
    layout._lines(right, ["{%p for line in signing %}", "{{ line }}", "{%p endfor %}"], 14, bold=True)
    layout._lines(right, [""] * 5, 14)
    layout._line(right, "{{ signer }}", 14, bold=True)
    _together(left, right)


def _together(*cells: Any) -> None:
    for cell in cells:
        for paragraph in cell.paragraphs:
            paragraph.paragraph_format.keep_with_next = True


def _request(document: Any) -> None:
    _head(document, about=True)
    layout._addressees(document)
    layout._write(
        document,
        "Nội dung",
        "Thực hiện {{ plan_reference }}, {{ office_name }} {{ district }} đề nghị {{ addressed }} gửi {{ filing }}"
        "{{ about }}, cụ thể như sau:",
        "1. Nội dung: {{ content }}, theo biểu mẫu Excel đã gửi tới hộp thư của từng cơ quan, đơn vị.",
        "2. {{ period_label }}: {{ period_text }}{% if as_of_text %}; {{ as_of_text }}{% endif %}.",
        "3. Thời hạn gửi: {{ due_text }}.",
        "4. Cách gửi: ghi số liệu, nội dung vào biểu mẫu rồi trả lời thư điện tử đã nhận, kèm biểu mẫu (địa chỉ "
        "{{ address }}). Biểu mẫu chỉ ghi số đếm, không ghi họ tên, địa chỉ, ngày sinh hay thông tin riêng của trẻ em; "
        "không có trường hợp nào thì ghi 0, chưa có số liệu thì để trống.",
        "Trong quá trình thực hiện, nếu có vướng mắc, đề nghị phản ánh về {{ office_name }} theo địa chỉ thư điện tử "
        "nêu trên để được hướng dẫn.",
        "Trân trọng./.",
    )
    _foot(document)


def _chase(document: Any) -> None:
    _head(document, about=True)
    layout._addressees(document)
    layout._write(
        document,
        "Nội dung",
        "Thực hiện {{ plan_reference }}, {{ office_name }} {{ district }} đã đề nghị các cơ quan, đơn vị gửi "
        "{{ filing }}{{ about }}, thời hạn {{ due_text }}.",
        "Tính đến {{ today }}, có {{ filed }}/{{ asked }} cơ quan, đơn vị đã gửi và được chấp nhận. Còn lại:",
        "{%p for line in missing %}",
        "- {{ line }}",
        "{%p endfor %}",
        "Số liệu của toàn huyện vì vậy chưa tổng hợp được đầy đủ; trong văn bản tổng hợp, cơ quan, đơn vị chưa gửi "
        "được ghi rõ là chưa nộp, không tính là không (0).",
        "{{ office_name }} đề nghị {{ addressed }} gửi ngay theo biểu mẫu đã nhận, hoặc trả lời bằng thư điện tử (địa "
        "chỉ {{ address }}) nêu rõ lý do và ngày dự kiến gửi.",
        "Trân trọng./.",
    )
    _foot(document)


def _invitation(document: Any) -> None:
    _head(document)
    _named(document, "GIẤY MỜI")
    layout._write(
        document,
        "Nội dung",
        "{%p if recipients|length == 1 %}",
        "{{ office_name }} {{ district }} trân trọng kính mời: {{ recipients[0] }}",
        "{%p else %}",
        "{{ office_name }} {{ district }} trân trọng kính mời:",
        "{%p for line in recipients %}",
        "- {{ line }}",
        "{%p endfor %}",
        "{%p endif %}",
        "Tới dự: {{ occasion }}.",
    )
    _blank(document, "Chủ trì:\t")
    layout._write(document, "Nội dung", "Thời gian: …… giờ ……, {{ event_text }}.")
    _blank(document, "Địa điểm:\t")
    layout._write(
        document,
        "Nội dung",
        "Đề nghị các cơ quan, đơn vị cử người dự đúng thành phần, đúng giờ; báo danh sách người dự bằng thư điện tử về "
        "{{ address }}./.",
    )
    _foot(document)


def _record(document: Any) -> None:
    _head(document)
    _named(document, "BIÊN BẢN")
    layout._write(document, "Nội dung", "Thời gian bắt đầu: …… giờ …… phút, {{ visit_text }}.")
    _blank(document, "Địa điểm:\t")
    layout._write(document, "Nội dung", "Thành phần tham dự:", "1. Đoàn kiểm tra:")
    _blank(document, *["- Ông (bà):\t; chức vụ:\t"] * 3, half=True)
    layout._write(document, "Nội dung", "2. {{ body_name }}:")
    _blank(document, *["- Ông (bà):\t; chức vụ:\t"] * 2, half=True)
    _blank(document, "Chủ trì:\t; thư ký:\t", half=True)
    layout._write(document, "Phần", "I. NỘI DUNG KIỂM TRA")
    layout._write(document, "Nội dung", "{%p for duty in duties %}", "{{ loop.index }}. {{ duty }}")
    _blank(document, "Kết quả:\t", "\t")
    layout._write(document, "Nội dung", "{%p endfor %}")
    layout._write(document, "Phần", "II. ĐÁNH GIÁ CHUNG")
    layout._write(document, "Nội dung", "{%p for text in conclusion %}", "{{ text }}", "{%p endfor %}")
    layout._write(document, "Nội dung", "{%p if not conclusion %}")
    _blank(document, "Việc làm được:\t", "\t", "Tồn tại, nguyên nhân:\t", "\t")
    layout._write(document, "Nội dung", "{%p endif %}")
    layout._write(document, "Phần", "III. KIẾN NGHỊ")
    layout._write(
        document,
        "Nội dung",
        "{%p for one in recommendations %}",
        "{{ loop.index }}. {{ one.text }} (thời hạn thực hiện: {{ one.due }}).",
        "{%p endfor %}",
        "{%p if not recommendations %}",
    )
    _blank(document, "1.\t", "Thời hạn thực hiện:\t")
    layout._write(
        document,
        "Nội dung",
        "{%p endif %}",
        "Buổi kiểm tra kết thúc lúc …… giờ …… phút cùng ngày. Biên bản được lập thành 02 bản, mỗi bên giữ 01 bản; đã "
        "đọc lại cho những người tham dự cùng nghe, thống nhất nội dung và ký tên./.",
    )
    _signed_by_three(document)


def _signed_by_three(document: Any) -> None:
    """Mẫu 1.9: the secretary and the chair; of an inspection also the body that was inspected."""
    layout._line(document, "", 8)
    cells = layout._columns(document, (53, 54, 53))
    titles = ("THƯ KÝ", "ĐẠI DIỆN ĐƠN VỊ ĐƯỢC KIỂM TRA", "TRƯỞNG ĐOÀN KIỂM TRA")
    for cell, title in zip(cells, titles, strict=True):
        layout._line(cell, title, 13, bold=True)
        layout._line(cell, "(Ký, ghi rõ họ tên)", 13, italic=True)
        layout._lines(cell, [""] * 4, 13)
    receivers = layout._line(document, "Nơi nhận:", 12, bold=True, italic=True, align=LEFT)
    receivers.paragraph_format.space_before = Pt(6)
    layout._lines(document, ["{%p for line in copies %}", "- {{ line }}", "{%p endfor %}"], 11, align=LEFT)
    _together(*cells)


PAPERS: Mapping[str, Callable[[Any], None]] = {
    "cong-van-de-nghi": _request,
    "cong-van-don-doc": _chase,
    "giay-moi": _invitation,
    "bien-ban-kiem-tra": _record,
}
