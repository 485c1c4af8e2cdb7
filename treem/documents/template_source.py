"""Writes the Word templates once: `python -m treem.documents.template_source FOLDER`.

Belongs here: the layout of Nghị định 30/2020/NĐ-CP (Phụ lục I, mẫu 1.4) and the fixed sentences. The committed .docx
files are what is used, and the office may edit them in Word; running this again throws such edits away. Nothing here
sees a figure. Any collection may name any of them (`document` in plan.yaml): all are filled with the same values.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from treem.documents.package import normalised

FONT = "Times New Roman"
CENTER, LEFT, JUSTIFY = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.JUSTIFY
BY_COMMUNE = "theo-xa"  # caption of the table whose columns are the communes; `report` sets its widths
BY_BODY = "theo-don-vi"  # caption of the tables with a row a body and a column a figure


def main(folder: Path) -> None:
    """Write the templates into the folder."""
    for name in makers():
        (folder / f"{name}.docx").write_bytes(template(name))


def template(name: str) -> bytes:
    """The template of that name as bytes; always the same."""
    document = Document()
    _styles(document)
    _first_section(document)
    makers()[name](document)
    properties = document.core_properties
    properties.author, properties.title, properties.comments = "{{ issuer_name }}", "{{ subject }}", ""
    saved = BytesIO()
    document.save(saved)
    return normalised(saved.getvalue())


def _half_year(document: Any) -> None:
    _periodic(document, "V. PHƯƠNG HƯỚNG, NHIỆM VỤ THỜI GIAN TỚI")


def _year(document: Any) -> None:
    _periodic(document, "V. PHƯƠNG HƯỚNG, NHIỆM VỤ NĂM SAU")


def _periodic(document: Any, directions: str) -> None:
    """The periodic report to the province: parts I–VI, figures of the district and of the communes."""
    _head(document)
    _title(document)
    _opening(document)
    _body(document, directions)
    _foot(document)
    _annex(document, "I", "SỐ LIỆU TOÀN HUYỆN {{ period_title|upper }}")
    _district_table(document)
    _reconciliation(document, 247)
    _annex(document, "II", "SỐ LIỆU THEO XÃ, THỊ TRẤN {{ period_title|upper }}")
    _commune_table(document)
    _annex(document, "III", "TÌNH HÌNH NỘP BÁO CÁO {{ period_title|upper }}")
    _filing_table(document)
    _annex(document, "IV", "BIỂU ĐỒ {{ period_title|upper }}")
    _charts(document)


def _special(document: Any) -> None:
    """The report on one subject (báo cáo chuyên đề): an event, inspections, a training."""
    _head(document)
    _title(document)
    _special_body(document)
    _foot(document)
    _annex(document, "I", "SỐ LIỆU TOÀN HUYỆN")
    _short_district_table(document)
    _reconciliation(document, 247)
    _annex(document, "II", "SỐ LIỆU THEO CƠ QUAN, ĐƠN VỊ")
    _body_tables(document)
    _annex(document, "III", "TÌNH HÌNH GỬI BÁO CÁO")
    _filing_table(document)


def _supplement(document: Any) -> None:
    """What changed in a report after it was sent (báo cáo bổ sung): old and new figure, and why."""
    _head(document)
    _title(document)
    _write(
        document,
        "Nội dung",
        "{{ issuer_name }} đã gửi {{ earlier }}. Sau khi gửi, một số số liệu được bổ sung, điều chỉnh. "
        "Lý do: {{ why }}.",
        "{{ issuer_name }} báo cáo số liệu thay đổi như sau; các số liệu khác trong báo cáo đã gửi giữ nguyên:",
    )
    _spaced(document)
    heads = ("TT", "Chỉ tiêu", "Đơn vị tính", "Nội dung", "Số đã báo cáo", "Số điều chỉnh")
    table = _grid(document, (10, 56, 22, 24, 24, 24), heads, "Bảng")
    _row(table, ["{%tr for row in changes %}"], "Bảng")
    cells = ["{{ row.order }}", "{{ row.label }}", "{{ row.unit }}", "{{ row.column }}", "{{ row.old }}"]
    _row(table, [*cells, "{{ row.new }}"], "Bảng", right=(4, 5), center=(0, 2, 3))
    _row(table, ["{%tr endfor %}"], "Bảng")
    _write(document, "Nội dung", "Trên đây là báo cáo bổ sung của {{ issuer_name }}./.")
    _foot(document)


def _summary(document: Any) -> None:
    """What was collected for the office itself: plans, nominations, contacts. It stays in the office, unapproved."""
    _office_head(document)
    _line(document, "TỔNG HỢP", 14, bold=True, before=14)
    _line(document, "{{ subject }}", 14, bold=True)
    _rule(document, 160, 55)
    _summary_body(document)
    _office_foot(document)
    _annex(document, "I", "SỐ LIỆU THEO CƠ QUAN, ĐƠN VỊ", "{{ office_reference }}")
    _body_tables(document)
    _annex(document, "II", "TÌNH HÌNH TRẢ LỜI", "{{ office_reference }}")
    _filing_table(document)


def _styles(document: Any) -> None:
    normal = document.styles["Normal"]
    _font(normal, 14)
    normal.paragraph_format.space_before = normal.paragraph_format.space_after = Pt(0)
    normal.paragraph_format.line_spacing = 1.0
    _style(document, "Nội dung", align=JUSTIFY, indent=12.7, before=6)
    _style(document, "Phần", bold=True, align=JUSTIFY, indent=12.7, before=12, keep=True)
    _style(document, "Khoản", bold=True, align=JUSTIFY, indent=12.7, before=8, keep=True)
    _style(document, "Nhiệm vụ", italic=True, align=JUSTIFY, indent=12.7, before=6)
    _style(document, "Giữa", align=CENTER)
    _style(document, "Bảng", size=11)
    _style(document, "Bảng vừa", size=10)
    _style(document, "Bảng nhỏ", size=9)


def _style(
    document: Any,
    name: str,
    *,
    size: float = 14,
    bold: bool = False,
    italic: bool = False,
    align: Any = LEFT,
    indent: float = 0,
    before: float = 0,
    keep: bool = False,
) -> None:
    style = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = document.styles["Normal"]
    _font(style, size)
    style.font.bold, style.font.italic = bold, italic
    layout = style.paragraph_format
    layout.alignment, layout.first_line_indent, layout.space_before = align, Mm(indent), Pt(before)
    layout.keep_with_next = keep


def _font(style: Any, size: float) -> None:
    style.font.name, style.font.size = FONT, Pt(size)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for script in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
        fonts.set(qn(script), FONT)


def _first_section(document: Any) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin = section.bottom_margin = Mm(20)
    section.left_margin, section.right_margin = Mm(30), Mm(20)
    section.header_distance = section.footer_distance = Mm(10)
    section.different_first_page_header_footer = True
    number = section.header.paragraphs[0]
    number.alignment = CENTER
    number.style = "Normal"
    run = number.add_run()
    run.font.name, run.font.size = FONT, Pt(14)
    for kind, text in (("begin", None), (None, "PAGE"), ("end", None)):
        run._r.append(_field(kind, text))


def _field(kind: str | None, text: str | None) -> Any:
    if kind is None:
        element = OxmlElement("w:instrText")
        element.text = text
        return element
    element = OxmlElement("w:fldChar")
    element.set(qn("w:fldCharType"), kind)
    return element


def _head(document: Any) -> None:
    """Ô 1–4: who issues, Quốc hiệu and Tiêu ngữ, number and date."""
    left, right = _columns(document, (62, 98))
    _lines(left, ["{%p for line in issuer %}", "{{ line }}", "{%p endfor %}"], 13, bold=True)
    _rule(left, 62, 20)
    _line(left, "{{ number_line }}", 13, before=6)
    _line(left, "{%p if draft %}", 13)
    _line(left, "DỰ THẢO", 13, bold=True, before=4)
    _line(left, "{%p endif %}", 13)
    _line(right, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", 13, bold=True)
    _line(right, "Độc lập - Tự do - Hạnh phúc", 14, bold=True)
    _rule(right, 98, 61.5)
    _line(right, "{{ place_date }}", 13, italic=True, before=6)


def _office_head(document: Any) -> None:
    """The head of the office's own papers: its parent above it, no number, for it is no outgoing document."""
    left, right = _columns(document, (66, 94))
    _line(left, "{{ office_parent }}", 12)
    _line(left, "{{ office_name|upper }}", 12, bold=True)
    _rule(left, 66, 28)
    _line(right, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", 12, bold=True)
    _line(right, "Độc lập - Tự do - Hạnh phúc", 13, bold=True)
    _rule(right, 94, 57)
    _line(right, "{{ place_date }}", 13, italic=True, before=6)


def _columns(document: Any, widths: Sequence[float]) -> list[Any]:
    """A borderless row; returns its cells, each with its first paragraph taken out."""
    table = document.add_table(rows=1, cols=len(widths))
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    _padding(table, 0)
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(width)
    for cell, width in zip(table.rows[0].cells, widths, strict=True):
        cell.width = Mm(width)
        cell._tc.remove(cell.paragraphs[0]._p)
    return list(table.rows[0].cells)


def _padding(table: Any, twips: int) -> None:
    margins = OxmlElement("w:tblCellMar")
    for side in ("w:left", "w:right"):
        element = OxmlElement(side)
        element.set(qn("w:w"), str(twips))
        element.set(qn("w:type"), "dxa")
        margins.append(element)
    look = table._tbl.tblPr.find(qn("w:tblLook"))
    look.addprevious(margins)


def _line(
    holder: Any,
    text: str,
    size: float,
    *,
    bold: bool = False,
    italic: bool = False,
    before: float = 0,
    align: Any = CENTER,
) -> Any:
    paragraph = holder.add_paragraph()
    paragraph.alignment = align
    paragraph.paragraph_format.space_before = Pt(before)
    run = paragraph.add_run(text)
    run.font.size, run.font.bold, run.font.italic = Pt(size), bold, italic
    return paragraph


def _lines(holder: Any, texts: Sequence[str], size: float, *, bold: bool = False, align: Any = CENTER) -> None:
    for text in texts:
        _line(holder, text, size, bold=bold, align=align)


def _rule(holder: Any, width: float, length: float) -> None:
    """A continuous line of that length in mm, centred in that width."""
    paragraph = _line(holder, "", 2)
    layout = paragraph.paragraph_format
    layout.left_indent = layout.right_indent = Mm((width - length) / 2)
    layout.space_before, layout.line_spacing = Pt(4), Pt(3)
    borders = OxmlElement("w:pBdr")
    top = OxmlElement("w:top")
    for name, value in (("w:val", "single"), ("w:sz", "6"), ("w:space", "1"), ("w:color", "000000")):
        top.set(qn(name), value)
    borders.append(top)
    properties = paragraph._p.get_or_add_pPr()
    properties.insert_element_before(borders, "w:shd", "w:tabs", "w:spacing", "w:ind", "w:jc", "w:rPr")


def _title(document: Any) -> None:
    """Ô 5a and 9a: type, subject, addressees."""
    _line(document, "BÁO CÁO", 14, bold=True, before=14)
    _line(document, "{{ subject }}", 14, bold=True)
    _rule(document, 160, 55)
    _addressees(document)


def _addressees(document: Any) -> None:
    """Ô 9a: one on the same line, several each on a line of its own."""
    _line(document, "{%p if recipients|length == 1 %}", 14)
    _line(document, "Kính gửi: {{ recipients[0] }}", 14, before=10)
    _line(document, "{%p else %}", 14)
    _line(document, "Kính gửi:", 14, before=10, align=LEFT).paragraph_format.left_indent = Mm(30)
    _line(document, "{%p for line in recipients %}", 14)
    _line(document, "- {{ line }}", 14, align=LEFT).paragraph_format.left_indent = Mm(45)
    _line(document, "{%p endfor %}", 14)
    _line(document, "{%p endif %}", 14)
    _line(document, "", 6)


def _write(document: Any, style: str, *texts: str) -> None:
    for text in texts:
        document.add_paragraph(text, style=style)


def _opening(document: Any) -> None:
    _write(
        document,
        "Nội dung",
        "Thực hiện {{ plan_reference }}, {{ issuer_name }} báo cáo kết quả {{ period_title }} như sau:",
        "Kỳ số liệu: {{ period_text }}. Số liệu do các cơ quan, đơn vị báo cáo; có {{ filed }}/{{ asked }} cơ quan, "
        "đơn vị có báo cáo được chấp nhận, trong đó {{ on_time }} báo cáo nộp đúng hạn.",
    )
    _reservations(document)


def _reservations(document: Any) -> None:
    """What a reader must know of the figures: estimates, other sources, who is missing."""
    _write(
        document,
        "Nội dung",
        "{%p if estimate_text %}",
        "{{ estimate_text }}",
        "{%p endif %}",
        "{%p if taken_from %}",
        "Một phần số liệu được tổng hợp từ các đợt thu thập trong kỳ, không yêu cầu báo cáo lại: "
        "{{ taken_from|join('; ') }}.",
        "{%p endif %}",
        "{%p if without_figures %}",
        "Chưa có số liệu của: {{ without_figures|join(', ') }}. Các đơn vị này không có trong số liệu dưới đây và "
        "không được tính là bằng không (0).",
        "{%p endif %}",
    )


def _special_body(document: Any) -> None:
    _write(
        document,
        "Nội dung",
        "Thực hiện {{ plan_reference }}, {{ issuer_name }} báo cáo {{ deed }} như sau:",
    )
    _write(document, "Phần", "I. TÌNH HÌNH CHUNG")
    _write(
        document,
        "Nội dung",
        "{{ period_label }}: {{ period_text }}.",
        "Có {{ filed }}/{{ asked }} cơ quan, đơn vị có báo cáo được chấp nhận, trong đó {{ on_time }} báo cáo gửi đúng "
        "hạn.",
    )
    _reservations(document)
    _selection(document)
    _write(document, "Phần", "II. KẾT QUẢ")
    _write(document, "Nội dung", "{%p for part in results_in_brief %}")
    _write(document, "Khoản", "{{ part.number }}. {{ part.title }}")
    _figures(document, "part", empty=False)
    _write(document, "Nội dung", "{%p endfor %}")
    _write(
        document,
        "Nội dung",
        "{%p if not results_in_brief and not accounts %}",
        "Chưa có nội dung báo cáo.",
        "{%p endif %}",
    )
    _recommendations(document)
    _write(document, "Nội dung", "{%p if accounts %}")
    _write(document, "Khoản", "{{ results_in_brief|length + 1 }}. Nội dung các cơ quan, đơn vị báo cáo")
    _closing(document, "accounts", numbered=False)
    _write(document, "Nội dung", "{%p endif %}")
    _write(document, "Nội dung", "{%p if appraisal %}")
    _write(document, "Phần", "III. ĐÁNH GIÁ CHUNG")
    _closing(document, "appraisal", numbered=True)
    _write(document, "Nội dung", "{%p endif %}")
    _write(document, "Nội dung", "{%p if outlook %}")
    _write(document, "Phần", "{{ 'IV' if appraisal else 'III' }}. PHƯƠNG HƯỚNG, KIẾN NGHỊ")
    _closing(document, "outlook", numbered=True)
    _write(document, "Nội dung", "{%p endif %}")
    _write(
        document,
        "Nội dung",
        "Số liệu chi tiết tại các Phụ lục kèm theo. Trên đây là báo cáo {{ deed }} của {{ issuer_name }}./.",
    )


def _summary_body(document: Any) -> None:
    _write(document, "Phần", "I. TÌNH HÌNH TRẢ LỜI")
    _write(
        document,
        "Nội dung",
        "{{ period_label }}: {{ period_text }}. Hạn trả lời: {{ due_text }}.",
        "Có {{ filed }}/{{ asked }} cơ quan, đơn vị có trả lời được chấp nhận, trong đó {{ on_time }} gửi đúng hạn.",
    )
    _reservations(document)
    _selection(document)
    _write(document, "Phần", "II. SỐ LIỆU")
    _write(document, "Nội dung", "{%p for line in all_lines %}", "- {{ line }}.", "{%p endfor %}")
    _write(document, "Nội dung", "{%p if not all_lines %}", "Không có số liệu.", "{%p endif %}")
    _reconciliation(document, 160)
    _recommendations(document)
    _write(document, "Nội dung", "{%p if all_answers %}")
    _write(document, "Phần", "III. NỘI DUNG CÁC CƠ QUAN, ĐƠN VỊ NÊU")
    _closing(document, "all_answers", numbered=True)
    _write(document, "Nội dung", "{%p endif %}")


def _body(document: Any, directions: str) -> None:
    """Parts I–VI (dossier C.3)."""
    _write(document, "Phần", "I. ĐẶC ĐIỂM TÌNH HÌNH")
    _figures(document, "situation")
    _write(document, "Phần", "II. CÔNG TÁC LÃNH ĐẠO, CHỈ ĐẠO")
    _figures(document, "direction")
    _write(document, "Phần", "III. KẾT QUẢ THỰC HIỆN")
    _write(document, "Nội dung", "{%p for part in results %}")
    _write(document, "Khoản", "{{ part.number }}. {{ part.title }}")
    _figures(document, "part")
    _write(document, "Nội dung", "{%p endfor %}")
    _write(document, "Phần", "IV. ĐÁNH GIÁ CHUNG")
    _closing(document, "assessment", numbered=True)
    _duties(document)
    _write(document, "Phần", directions)
    _closing(document, "directions", numbered=False)
    _write(document, "Phần", "VI. KIẾN NGHỊ, ĐỀ XUẤT")
    _closing(document, "proposals", numbered=False)
    _write(
        document,
        "Nội dung",
        "Số liệu chi tiết tại các Phụ lục kèm theo. Trên đây là báo cáo kết quả {{ period_title }} của "
        "{{ issuer_name }}./.",
    )


def _duties(document: Any) -> None:
    """The duties for which nothing was reported, and by whom."""
    _write(
        document,
        "Nội dung",
        "{%p if duties_nobody_showed %}",
        "Nhiệm vụ chưa có cơ quan, đơn vị nào báo cáo số liệu hoặc nội dung thực hiện trong kỳ:",
        "{%p for line in duties_nobody_showed %}",
        "- {{ line }}.",
        "{%p endfor %}",
        "{%p endif %}",
        "{%p if duties_somebody_did_not %}",
        "Nhiệm vụ còn cơ quan, đơn vị chưa báo cáo số liệu hoặc nội dung thực hiện trong kỳ (số thứ tự nhiệm vụ theo "
        "phần III của Kế hoạch):",
        "{%p for line in duties_somebody_did_not %}",
        "- {{ line }}.",
        "{%p endfor %}",
        "{%p endif %}",
    )


def _figures(document: Any, name: str, *, empty: bool = True) -> None:
    """The lines of a section, then what the bodies wrote under its duties; `empty`: a section may have neither."""
    _write(document, "Nội dung", f"{{%p for line in {name}.lines %}}", "- {{ line }}.", "{%p endfor %}")
    _write(document, "Nội dung", f"{{%p for answer in {name}.answers %}}")
    _write(document, "Nhiệm vụ", "{{ answer.title }} (nhiệm vụ {{ answer.code }}; {{ answer.coverage }}):")
    _said(document)
    _write(document, "Nội dung", "{%p endfor %}")
    if empty:
        _write(document, "Nội dung", f"{{%p if not {name}.lines and not {name}.answers %}}")
        _write(document, "Nội dung", "Không có nội dung được giao báo cáo trong kỳ.", "{%p endif %}")


def _closing(document: Any, name: str, *, numbered: bool) -> None:
    _write(document, "Nội dung", f"{{%p for answer in {name} %}}")
    number = "{{ loop.index }}. " if numbered else ""
    style = "Khoản" if numbered else "Nhiệm vụ"
    _write(document, style, number + "{{ answer.title }} ({{ answer.coverage }})" + ("" if numbered else ":"))
    _said(document)
    _write(document, "Nội dung", "{%p endfor %}")
    _write(document, "Nội dung", f"{{%p if not {name} %}}", "Chưa có nội dung báo cáo.", "{%p endif %}")


def _said(document: Any) -> None:
    _write(document, "Nội dung", "{%p for entry in answer.said %}", "{%p for text in entry.paragraphs %}")
    _write(document, "Nội dung", "{%p if loop.first %}", "- {{ entry.bodies }}: {{ text }}")
    _write(document, "Nội dung", "{%p else %}", "{{ text }}", "{%p endif %}", "{%p endfor %}", "{%p endfor %}")


def _foot(document: Any) -> None:
    """Ô 7a–7b and 9b: who receives copies, who signs."""
    _line(document, "", 8)
    left, right = _columns(document, (75, 85))
    _line(left, "Nơi nhận:", 12, bold=True, italic=True, align=LEFT)
    _lines(left, ["{%p for line in copies %}", "- {{ line }}", "{%p endfor %}"], 11, align=LEFT)
    _lines(right, ["{%p for line in signing %}", "{{ line }}", "{%p endfor %}"], 14, bold=True)
    _lines(right, [""] * 5, 14)
    _line(right, "{{ signer }}", 14, bold=True)
    for cell in (left, right):
        for paragraph in cell.paragraphs:
            paragraph.paragraph_format.keep_with_next = True


def _office_foot(document: Any) -> None:
    _line(document, "", 8)
    left, right = _columns(document, (75, 85))
    _line(left, "NGƯỜI TỔNG HỢP", 13, bold=True)
    _lines(right, ["{%p for line in office_signing %}", "{{ line }}", "{%p endfor %}"], 13, bold=True)
    for cell in (left, right):
        _lines(cell, [""] * 4, 13)
    _line(left, "", 13)
    _line(right, "{{ office_signer }}", 13, bold=True)


def _annex(document: Any, number: str, title: str, reference: str = "{{ annex_reference }}") -> None:
    """A section of its own, turned, with its own page numbers from 1."""
    section = document.add_section()
    if section.orientation != WD_ORIENT.LANDSCAPE:
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = Mm(297), Mm(210)
    section.different_first_page_header_footer = True
    for old in section._sectPr.findall(qn("w:pgNumType")):
        section._sectPr.remove(old)
    numbering = OxmlElement("w:pgNumType")
    numbering.set(qn("w:start"), "1")
    section._sectPr.find(qn("w:pgMar")).addnext(numbering)
    _line(document, f"Phụ lục {number}", 14, bold=True)
    _line(document, title, 14, bold=True)
    _line(document, reference, 13, italic=True)
    _rule(document, 247, 60)


def _note(document: Any, text: str) -> None:
    _line(document, text, 11, italic=True, before=2, align=LEFT).paragraph_format.space_after = Pt(4)


def _district_table(document: Any) -> None:
    _note(
        document,
        "{{ period_label }}: {{ period_text }}. Chỉ tiêu nhạy cảm chỉ nêu tổng số toàn huyện, không chia nam, nữ, dân "
        "tộc thiểu số. Dấu “…”: chưa có số liệu.",
    )
    widths = (10, 78, 20, 20, 17, 17, 17, 22, 46)
    heads = ("TT", "Chỉ tiêu", "Đơn vị tính", "Tổng số", "Nam", "Nữ", "Dân tộc thiểu số", "Độ phủ")
    table = _grid(document, widths, (*heads, "Nguồn; đơn vị chưa có số liệu; đối chiếu"), "Bảng")
    _row(table, ["{%tr for group in district_rows %}"], "Bảng")
    _band(table, "{{ group.title }}")
    _row(table, ["{%tr for row in group.rows %}"], "Bảng")
    cells = ["{{ row.order }}", "{{ row.label }}", "{{ row.unit }}", "{{ row.total }}", "{{ row.male }}"]
    cells += ["{{ row.female }}", "{{ row.minority }}", "{{ row.coverage }}", "{{ row.note }}"]
    _row(table, cells, "Bảng", right=(3, 4, 5, 6), center=(0, 2, 7))
    _row(table, ["{%tr endfor %}"], "Bảng")
    _row(table, ["{%tr endfor %}"], "Bảng")


def _short_district_table(document: Any) -> None:
    """The district's figures where few of them have a breakdown: it stands in one column, in words."""
    _note(
        document,
        "{{ period_label }}: {{ period_text }}. Chỉ tiêu nhạy cảm chỉ nêu tổng số toàn huyện. Dấu “…”: chưa có số "
        "liệu.",
    )
    heads = ("TT", "Chỉ tiêu", "Đơn vị tính", "Tổng số", "Trong đó", "Độ phủ")
    table = _grid(document, (10, 78, 22, 22, 40, 25, 50), (*heads, "Nguồn; đơn vị chưa có số liệu; đối chiếu"), "Bảng")
    _row(table, ["{%tr for group in district_rows %}"], "Bảng")
    _band(table, "{{ group.title }}")
    _row(table, ["{%tr for row in group.rows %}"], "Bảng")
    cells = ["{{ row.order }}", "{{ row.label }}", "{{ row.unit }}", "{{ row.total }}", "{{ row.parts }}"]
    _row(table, [*cells, "{{ row.coverage }}", "{{ row.note }}"], "Bảng", right=(3,), center=(0, 2, 5))
    _row(table, ["{%tr endfor %}"], "Bảng")
    _row(table, ["{%tr endfor %}"], "Bảng")


def _band(table: Any, text: str) -> None:
    """A heading across the table."""
    merged = _row(table, [text], "Bảng", bold=True)
    whole = merged.cells[0].merge(merged.cells[-1])
    for empty in whole.paragraphs[1:]:
        whole._tc.remove(empty._p)


def _commune_table(document: Any) -> None:
    _note(document, "Kỳ số liệu: {{ period_text }}. Không gồm chỉ tiêu nhạy cảm. {{ legend }}")
    loop, end = "{%tc for name in communes %}", "{%tc endfor %}"
    heads = ("TT", "Chỉ tiêu", "ĐVT", "Cộng", loop, "{{ name }}", end)
    table = _grid(document, (9, 52, 17, 15, 50, 52, 52), heads, "Bảng nhỏ")
    _captioned(table, BY_COMMUNE)
    _row(table, ["{%tr for row in commune_rows %}"], "Bảng nhỏ")
    cells = ["{{ row.order }}", "{{ row.label }}", "{{ row.unit }}", "{{ row.total }}"]
    cells += ["{%tc for cell in row.cells %}", "{{ cell }}", end]
    _row(table, cells, "Bảng nhỏ", right=(3, 5), center=(0, 2))
    _row(table, ["{%tr endfor %}"], "Bảng nhỏ")


def _body_tables(document: Any) -> None:
    """A row a body and a column a figure; `report` makes several tables where there are many figures."""
    _note(document, "{{ period_label }}: {{ period_text }}. Không gồm chỉ tiêu nhạy cảm. {{ legend }}")
    _note(document, "{%p if not body_tables %}")
    _note(document, "Không có số liệu để nêu theo cơ quan, đơn vị.")
    _note(document, "{%p endif %}")
    _note(document, "{%p for table in body_tables %}")
    loop, end = "{%tc for head in table.heads %}", "{%tc endfor %}"
    table = _grid(document, (10, 55, 60, 62, 60), ("TT", "Cơ quan, đơn vị", loop, "{{ head }}", end), "Bảng vừa")
    _captioned(table, BY_BODY)
    _row(table, ["{%tr for row in table.rows %}"], "Bảng vừa")
    cells = ["{{ row.order }}", "{{ row.name }}", "{%tc for cell in row.cells %}", "{{ cell }}", end]
    _row(table, cells, "Bảng vừa", center=(0, 3))
    _row(table, ["{%tr endfor %}"], "Bảng vừa")
    _note(document, " ")
    _note(document, "{%p endfor %}")


def _captioned(table: Any, name: str) -> None:
    caption = OxmlElement("w:tblCaption")
    caption.set(qn("w:val"), name)
    table._tbl.tblPr.append(caption)
    _padding(table, 40)


def _selection(document: Any) -> None:
    """Whom a round asked where it asked only some."""
    _write(document, "Nội dung", "{%p if selection_rows %}", "{{ selection_text }}")
    _spaced(document)
    table = _grid(document, (12, 58, 30, 60), ("TT", "Cơ quan, đơn vị", "Kết quả", "Lý do"), "Bảng")
    _row(table, ["{%tr for row in selection_rows %}"], "Bảng")
    _row(table, ["{{ row.order }}", "{{ row.name }}", "{{ row.result }}", "{{ row.reasons }}"], "Bảng", center=(0,))
    _row(table, ["{%tr endfor %}"], "Bảng")
    _write(document, "Nội dung", "{%p endif %}")


def _recommendations(document: Any) -> None:
    """What inspections recommended, with what became of it."""
    _write(document, "Nội dung", "{%p if recommendation_text %}", "{{ recommendation_text }}", "{%p endif %}")
    _write(document, "Nội dung", "{%p if recommendation_rows %}")
    _spaced(document)
    heads = ("TT", "Cơ quan, đơn vị", "Kiến nghị", "Thời hạn", "Tình trạng")
    table = _grid(document, (12, 35, 63, 23, 27), heads, "Bảng")
    _row(table, ["{%tr for row in recommendation_rows %}"], "Bảng")
    cells = ["{{ row.order }}", "{{ row.name }}", "{{ row.text }}", "{{ row.due }}", "{{ row.state }}"]
    _row(table, cells, "Bảng", center=(0, 3))
    _row(table, ["{%tr endfor %}"], "Bảng")
    _write(document, "Nội dung", "{%p endif %}")


def _reconciliation(document: Any, width: float) -> None:
    """Estimates beside the final figures of the same year."""
    _write(document, "Nội dung", "{%p if reconciled_rows %}")
    _write(document, "Khoản", "Đối chiếu số ước với số chính thức {{ reconciled_period }}")
    _spaced(document)
    fixed = (12, 22, 24, 24, 24)
    widths = (fixed[0], width - sum(fixed), *fixed[1:])
    heads = ("TT", "Chỉ tiêu", "Đơn vị tính", "Số ước đã báo cáo", "Số chính thức", "Chênh lệch")
    table = _grid(document, widths, heads, "Bảng")
    _row(table, ["{%tr for row in reconciled_rows %}"], "Bảng")
    cells = ["{{ row.order }}", "{{ row.label }}", "{{ row.unit }}", "{{ row.estimate }}", "{{ row.final }}"]
    _row(table, [*cells, "{{ row.difference }}"], "Bảng", right=(3, 4, 5), center=(0, 2))
    _row(table, ["{%tr endfor %}"], "Bảng")
    _write(document, "Nội dung", "{%p endif %}")


def _spaced(document: Any) -> None:
    _line(document, "", 6)


def _filing_table(document: Any) -> None:
    _note(document, "Hạn gửi: {{ due_text }}. Đúng hạn tính theo lần nhận đầu tiên.")
    heads = ("TT", "Cơ quan, đơn vị", "Tình trạng", "Nhận lần đầu", "Thời hạn", "Lần nộp")
    table = _grid(document, (12, 95, 70, 28, 24, 18), heads, "Bảng")
    _row(table, ["{%tr for row in filing_rows %}"], "Bảng")
    cells = ["{{ row.order }}", "{{ row.body }}", "{{ row.state }}", "{{ row.received }}", "{{ row.on_time }}"]
    _row(table, [*cells, "{{ row.version }}"], "Bảng", center=(0, 3, 4, 5))
    _row(table, ["{%tr endfor %}"], "Bảng")


def _charts(document: Any) -> None:
    _note(document, "Số liệu trong biểu đồ là số liệu của các Phụ lục I, II, III và của báo cáo cùng kỳ năm trước.")
    _note(document, "{%p if not charts %}")
    _note(document, "Chưa đủ số liệu để lập biểu đồ.")
    _note(document, "{%p endif %}")
    _note(document, "{%p for chart in charts %}")
    title = _line(document, "Biểu đồ {{ chart.number }}. {{ chart.title }}", 13, bold=True, before=8)
    title.paragraph_format.keep_with_next = True
    _line(document, "{{ chart.picture }}", 11)
    _note(document, "{%p endfor %}")


def _grid(document: Any, widths: Sequence[float], heads: Sequence[str], style: str) -> Any:
    """A ruled table whose head repeats on every page."""
    table = document.add_table(rows=0, cols=len(widths), style="Table Grid")
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(width)
    row = _row(table, list(heads), style, bold=True, center=range(len(heads)))
    repeat = OxmlElement("w:tblHeader")
    row._tr.get_or_add_trPr().append(repeat)
    return table


def _row(
    table: Any,
    texts: Sequence[str],
    style: str,
    *,
    bold: bool = False,
    right: Sequence[int] = (),
    center: Sequence[int] | range = (),
) -> Any:
    row = table.add_row()
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
    for number, cell in enumerate(row.cells):
        cell.width = table.columns[number].width
        paragraph = cell.paragraphs[0]
        paragraph.style = style
        places = ((right, WD_ALIGN_PARAGRAPH.RIGHT), (center, CENTER))
        paragraph.alignment = next((align for columns, align in places if number in columns), LEFT)
        paragraph.add_run(texts[number] if number < len(texts) else "").bold = bold
    return row


TEMPLATES: Mapping[str, Callable[[Any], None]] = {
    "bao-cao-6-thang": _half_year,
    "bao-cao-nam": _year,
    "bao-cao-chuyen-de": _special,
    "tong-hop": _summary,
    "bao-cao-bo-sung": _supplement,
}


def makers() -> Mapping[str, Callable[[Any], None]]:
    """How each template is made: those of the reports and those of the office's own papers."""
    from treem.documents.paper_source import PAPERS  # which is laid out with what stands here

    return {**TEMPLATES, **PAPERS}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
