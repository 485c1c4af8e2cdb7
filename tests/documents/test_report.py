"""The Word report: the decree's layout, the sections, what must not stand in it, and a broken template."""

import re
import shutil
import subprocess
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn

from tests.documents import world
from tests.documents.conftest import Round
from treem.district.duties import duty_matrix
from treem.documents.beside import Beside
from treem.documents.report import TEMPLATES, TemplateError, write_report
from treem.documents.template_source import makers, template
from treem.ledger.queries import NarrativeRow

NAME = "bao-cao-6-thang.docx"


def written(held: Round, **more: Any) -> bytes:
    told = more.pop("narratives", None) or world.narratives(held.settings, held.plan)
    return write_report(held.district, held.settings, held.plan, world.filing(held.plan), told, **more)


@pytest.fixture(scope="module")
def draft(held: Round) -> Any:
    return Document(BytesIO(written(held)))


def lines(document: Any) -> list[str]:
    """Every paragraph in reading order, those in tables too."""
    return ["".join(t.text or "" for t in p.iter(qn("w:t"))) for p in document.element.body.iter(qn("w:p"))]


def commune_table(document: Any) -> list[list[str]]:
    found = next(t for t in document.tables if t._tbl.tblPr.find(qn("w:tblCaption")) is not None)
    return [[cell.text for cell in row.cells] for row in found.rows]


def test_the_page_is_a4_with_margins_of_the_decree(draft: Any) -> None:
    first = draft.sections[0]
    assert (round(first.page_width.mm), round(first.page_height.mm)) == (210, 297)
    assert 20 <= round(first.top_margin.mm) <= 25
    assert 20 <= round(first.bottom_margin.mm) <= 25
    assert 30 <= round(first.left_margin.mm) <= 35
    assert 15 <= round(first.right_margin.mm) <= 20


def test_pages_are_numbered_in_the_top_margin_from_the_second(draft: Any) -> None:
    for section in draft.sections:
        assert section.different_first_page_header_footer
        assert not section.first_page_header.paragraphs[0].text
    number = draft.sections[0].header.paragraphs[0]
    assert number.alignment == 1
    assert "PAGE" in {e.text for e in number._p.iter(qn("w:instrText"))}


def test_annexes_are_sections_of_their_own_numbered_from_one(draft: Any) -> None:
    annexes = draft.sections[1:]
    assert len(annexes) == 4
    assert {section.orientation for section in annexes} == {WD_ORIENT.LANDSCAPE}
    starts = [section._sectPr.find(qn("w:pgNumType")).get(qn("w:start")) for section in annexes]
    assert starts == ["1", "1", "1", "1"]
    titles = [line for line in lines(draft) if line.startswith("Phụ lục ")]
    assert titles == ["Phụ lục I", "Phụ lục II", "Phụ lục III", "Phụ lục IV"]


def test_the_type_face_is_times_new_roman_throughout(draft: Any) -> None:
    fonts = {e.get(qn("w:ascii")) for e in draft.element.iter(qn("w:rFonts"))} - {None}
    assert fonts <= {"Times New Roman"}
    for name in ("Normal", "Nội dung", "Phần", "Khoản", "Bảng"):
        assert draft.styles[name].font.name == "Times New Roman"
    assert 13 <= draft.styles["Nội dung"].font.size.pt <= 14


def test_the_head_of_a_draft_leaves_number_and_date_blank(draft: Any) -> None:
    head = [p.text for cell in draft.tables[0].rows[0].cells for p in cell.paragraphs if p.text]
    assert head == [
        "ỦY BAN NHÂN DÂN",
        "HUYỆN TAM ĐƯỜNG",
        "Số:       /BC-UBND",
        "DỰ THẢO",
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "Tam Đường, ngày      tháng      năm 2027",
    ]


def test_a_draft_never_carries_a_number(held: Round) -> None:
    text = lines(Document(BytesIO(written(held, number="7", signed_on=date(2027, 6, 21)))))
    assert "Số:       /BC-UBND" in text


def test_a_final_report_carries_its_number_and_date(held: Round) -> None:
    text = lines(Document(BytesIO(written(held, number="7", signed_on=date(2027, 6, 5), draft=False))))
    assert "Số: 07/BC-UBND" in text
    assert "Tam Đường, ngày 05 tháng 6 năm 2027" in text
    assert "DỰ THẢO" not in text


def test_the_sections_stand_in_order(draft: Any) -> None:
    text = lines(draft)
    parts = [line for line in text if re.match(r"^(I|II|III|IV|V|VI)\. ", line)]
    assert [p.split(".")[0] for p in parts] == ["I", "II", "III", "IV", "V", "VI"]
    third = text[text.index("III. KẾT QUẢ THỰC HIỆN") : text.index("IV. ĐÁNH GIÁ CHUNG")]
    assert [line[0] for line in third if re.match(r"^[1-8]\. ", line)] == list("12345678")


def test_missing_bodies_and_the_period_are_named(draft: Any) -> None:
    text = "\n".join(lines(draft))
    assert "Chưa có số liệu của: Phòng Tư pháp, xã Nùng Nàng." in text
    assert "từ ngày 15/12/2026 đến hết ngày 31/5/2027" in text
    assert "26/28 cơ quan" in text


def test_every_duty_is_answered_once(draft: Any, held: Round) -> None:
    text = "\n".join(lines(draft))
    for duty in held.settings.plan.duties:
        assert len(re.findall(rf"\(nhiệm vụ {re.escape(duty.code)};", text)) == 1


def test_it_ends_as_the_decree_has_it(draft: Any) -> None:
    text = lines(draft)
    assert sum(line.endswith("./.") for line in text) == 1
    assert "Nơi nhận:" in text
    assert "- Lưu: VT, LĐTBXH." in text
    assert text.index("PHÓ CHỦ TỊCH") > text.index("KT. CHỦ TỊCH") > text.index("TM. ỦY BAN NHÂN DÂN")


def test_what_bodies_wrote_is_text_and_nothing_else(held: Round) -> None:
    body = next(b for b in held.plan.bodies if b.group == "cong-an")
    hostile = NarrativeRow(body.code, "III.5.1", "a < b & {{ issuer_name }} {% if %}\x0b\x00\n- gạch")
    text = lines(Document(BytesIO(written(held, narratives=[hostile]))))
    assert "- Công an huyện: a < b & {{ issuer_name }} {% if %}" in text
    assert "gạch" in text


def test_no_sensitive_cell_of_a_commune_stands_in_the_report(draft: Any, held: Round) -> None:
    sensitive = {f.label for i in held.settings.book.indicators if i.sensitive for f in i.figures}
    rows = commune_table(draft)
    assert len(rows[0]) == 4 + 13
    assert len(rows) > 10
    assert not sensitive & {row[1] for row in rows}
    for line in lines(draft):
        if any(line.startswith(f"- {label}:") for label in sensitive):
            assert "trong đó nam" not in line


def test_a_sensitive_total_of_a_single_commune_is_withheld(held: Round) -> None:
    filed = (v for v in held.values if v.figure == "LD-12" and v.column == "total" and v.kind == "number")
    only = next(v for v in filed if v.body.startswith("03"))
    values = [v for v in held.values if v.figure != "LD-12"]
    told = [world.ValueRow(**{**only.__dict__, "number": Decimal(987_654)}), *values]
    district = world.district(held.settings, held.plan, told)
    data = write_report(district, held.settings, held.plan, world.filing(held.plan), [])
    text = "\n".join(lines(Document(BytesIO(data))))
    assert "987.654" not in text
    assert "không nêu (mới có số liệu của một đơn vị)" in text


def test_the_same_input_gives_the_same_bytes(held: Round) -> None:
    assert written(held) == written(held)


def test_the_shipped_template_is_readable_and_its_source_reproducible() -> None:
    for name in makers():
        assert template(name) == template(name)
        assert Document(TEMPLATES / f"{name}.docx").paragraphs


@pytest.mark.parametrize(
    ("good", "bad", "tag"),
    [
        ("{{ subject }}", "{{ subjekt }}", "{{ subjekt }}"),
        ("{{ subject }}", "{{ subject | }}", "{{ subject | }}"),
        ("{{ subject }}", "{{ subject ", "{{ subject "),
        ("{%p for part in results %}", "{%p for part results %}", "{%p for part results %}"),
        ("{{ part.number }}. {{ part.title }}", "{{ part.numero }}", "{{ part.numero }}"),
    ],
)
def test_a_broken_template_names_the_tag_and_the_paragraph(
    held: Round, tmp_path: Path, good: str, bad: str, tag: str
) -> None:
    document = Document(TEMPLATES / NAME)
    paragraph = next(p for p in document.paragraphs if p.text == good)
    paragraph.runs[0].text = bad
    document.save(str(tmp_path / NAME))
    with pytest.raises(TemplateError) as caught:
        written(held, templates=tmp_path)
    assert (caught.value.template, caught.value.tag, caught.value.paragraph) == (NAME, tag, bad)
    assert "Hãy mở mẫu trong Word" in str(caught.value)


def test_a_loop_without_its_end_is_told(held: Round, tmp_path: Path) -> None:
    document = Document(TEMPLATES / NAME)
    end = [p for p in document.paragraphs if p.text == "{%p endfor %}"][-1]
    end.runs[0].text = ""
    document.save(str(tmp_path / NAME))
    with pytest.raises(TemplateError, match="không khớp"):
        written(held, templates=tmp_path)


def test_a_template_that_is_no_word_file_is_told(held: Round, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"not a zip")
    with pytest.raises(TemplateError, match="không mở được"):
        written(held, templates=tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed here")
def test_libreoffice_opens_the_report_and_makes_a_pdf_of_it(held: Round, tmp_path: Path) -> None:
    (tmp_path / "report.docx").write_bytes(written(held))
    command = [
        "soffice",
        f"-env:UserInstallation=file://{tmp_path}/profile",
        *("--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(tmp_path / "report.docx")),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    pdf = (tmp_path / "report.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 5
    assert "repair" not in ended.stderr.lower()


def test_the_report_names_the_duties_without_evidence(held: Round) -> None:
    told = world.narratives(held.settings, held.plan)
    matrix = duty_matrix(held.settings, held.plan.bodies, held.district.by_body, told)
    text = lines(Document(BytesIO(written(held, beside=Beside(duties=matrix)))))
    nobody = text.index("Nhiệm vụ chưa có cơ quan, đơn vị nào báo cáo số liệu hoặc nội dung thực hiện trong kỳ:")
    assert [line[:9] for line in text[nobody + 1 : nobody + 3]] == ["- III.6.1", "- III.6.2"]
    assert "- Xã Nùng Nàng: III.9.1, III.9.2, III.9.3, III.9.4, III.9.5, III.9.6, III.9.7." in text
    assert not any("Nhiệm vụ chưa có" in line for line in lines(Document(BytesIO(written(held)))))
