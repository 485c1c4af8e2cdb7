"""The office's own papers: to whom, about what, and the layout of Nghị định 30/2020 in each produced document."""

import re
import shutil
import stat
from collections.abc import Iterator
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from docx.oxml.ns import qn

from tests.documents import year
from tests.documents.test_report import lines
from tests.documents.test_trace import treem
from treem.documents.papers import Kind, Matter, write_paper
from treem.documents.report import TEMPLATES, TemplateError
from treem.rounds.house import House
from treem.rounds.paper import PaperRefused, write_papers

HALF, RECORD, TRAINING = "bao-cao-6-thang/2027", "kiem-tra/2027/bien-ban", "tap-huan/2027/ket-qua"
NOW = datetime(2027, 6, 16, 9, tzinfo=year.ZONE)
PAPERS: dict[Kind, str] = {"de-nghi": HALF, "don-doc": HALF, "giay-moi": TRAINING, "bien-ban": RECORD}
SILENT = ("03415", "tu-phap")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = year.house_in(tmp_path_factory.mktemp("papers"))
    year.file_round(made, HALF, 3, silent=SILENT)
    year.choose(made, TRAINING, {"03390": 3, "03415": 2})
    year.choose(made, RECORD, {"03390": None, "03415": None}, date(2027, 2, 5))
    year.file_round(made, RECORD, 9, only=("03390", "03415"), silent=("03415",))
    year.recommend(made, RECORD, "03390", ("Cắm biển cảnh báo\x0b tại ao, hồ & suối", "open"))
    yield made
    made.ledger.engine.dispose()


def written(house: House, kind: Kind, body: str | None = None) -> Any:
    (path, *_) = write_papers(house, PAPERS[kind], kind, body, NOW)
    return Document(BytesIO(path.read_bytes()))


@pytest.fixture(scope="module", params=list(PAPERS))
def paper(request: pytest.FixtureRequest, house: House) -> tuple[Kind, Any]:
    return request.param, written(house, request.param)


# ---- layout (Phụ lục I)


def test_page_margins_and_page_numbers(paper: tuple[Kind, Any]) -> None:
    (section,) = paper[1].sections
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    assert 20 <= round(section.top_margin.mm) <= 25 and 20 <= round(section.bottom_margin.mm) <= 25
    assert 30 <= round(section.left_margin.mm) <= 35 and 15 <= round(section.right_margin.mm) <= 20
    assert section.different_first_page_header_footer
    assert not section.first_page_header.paragraphs[0].text
    number = section.header.paragraphs[0]
    assert number.alignment == 1
    assert "PAGE" in {e.text for e in number._p.iter(qn("w:instrText"))}
    assert {run.font.size.pt for run in number.runs} <= {13, 14}


def test_one_type_face_in_the_sizes_of_the_decree(paper: tuple[Kind, Any]) -> None:
    document = paper[1]
    assert {e.get(qn("w:ascii")) for e in document.element.iter(qn("w:rFonts"))} - {None} <= {"Times New Roman"}
    assert 13 <= document.styles["Nội dung"].font.size.pt <= 14
    body = [p for p in document.paragraphs if p.style.name == "Nội dung" and "\t" not in p.text]
    assert body
    for paragraph in body:
        assert paragraph.style.paragraph_format.alignment == 3
        assert paragraph.style.paragraph_format.space_before.pt >= 6
        assert round(paragraph.style.paragraph_format.first_line_indent.mm, 1) in (10.0, 12.7)


def run_of(document: Any, text: str) -> Any:
    cells = [p for table in document.tables for row in table.rows for cell in row.cells for p in cell.paragraphs]
    return next(r for p in [*document.paragraphs, *cells] for r in p.runs if r.text.strip().startswith(text))


def ruled(cell: Any) -> list[str]:
    """Text of the paragraph above each continuous line."""
    texts = [(p.text, p._p.find(f"{qn('w:pPr')}/{qn('w:pBdr')}/{qn('w:top')}")) for p in cell.paragraphs]
    return [before[0] for before, (_, rule) in zip(texts, texts[1:], strict=False) if rule is not None]


def test_the_head_with_its_rules(paper: tuple[Kind, Any]) -> None:
    kind, document = paper
    left, right = document.tables[0].rows[0].cells
    assert ruled(left) == ["PHÒNG LAO ĐỘNG - THƯƠNG BINH VÀ XÃ HỘI"]
    assert ruled(right) == ["Độc lập - Tự do - Hạnh phúc"]
    parent, name = run_of(document, "UBND HUYỆN TAM ĐƯỜNG"), run_of(document, "PHÒNG LAO ĐỘNG")
    assert (parent.font.bold, name.font.bold) == (False, True)
    assert parent.font.size.pt in (12, 13) and name.font.size.pt in (12, 13)
    country, motto = run_of(document, "CỘNG HÒA XÃ HỘI"), run_of(document, "Độc lập")
    assert country.font.bold and motto.font.bold
    assert country.font.size.pt in (12, 13) and motto.font.size.pt in (13, 14)
    symbol = {"giay-moi": "GM-LĐTBXH", "bien-ban": "BB-LĐTBXH"}.get(kind, "LĐTBXH")
    assert run_of(document, "Số:").text == f"Số:       /{symbol}"
    day = run_of(document, "Tam Đường, ngày")
    assert day.text == "Tam Đường, ngày      tháng      năm 2027"
    assert day.font.italic and day.font.size.pt in (13, 14)


def test_type_and_subject(paper: tuple[Kind, Any]) -> None:
    kind, document = paper
    if kind in ("de-nghi", "don-doc"):
        about = run_of(document, "V/v")
        assert about.font.size.pt in (12, 13) and not about.font.bold
        assert about.text in [p.text for p in document.tables[0].rows[0].cells[0].paragraphs]
    else:
        title = run_of(document, {"giay-moi": "GIẤY MỜI", "bien-ban": "BIÊN BẢN"}[kind])
        assert title.font.bold and title.font.size.pt in (13, 14)


def test_copies_and_signature(paper: tuple[Kind, Any]) -> None:
    kind, document = paper
    heading, last = run_of(document, "Nơi nhận:"), run_of(document, "- Lưu: VT.")
    assert heading.font.size.pt == 12 and heading.font.bold and heading.font.italic
    assert last.font.size.pt == 11 and not last.font.bold
    for title in ("TRƯỞNG PHÒNG",) if kind != "bien-ban" else ("THƯ KÝ", "TRƯỞNG ĐOÀN KIỂM TRA"):
        assert run_of(document, title).font.bold
        assert run_of(document, title).font.size.pt in (13, 14)


def test_nothing_of_the_template_is_left(paper: tuple[Kind, Any]) -> None:
    text = "\n".join(lines(paper[1]))
    assert not re.search(r"[{}]|None|Undefined", text)
    assert "./." in text


# ---- words


def test_a_request_is_addressed_to_everybody(house: House) -> None:
    text = lines(written(house, "de-nghi"))
    assert text[text.index("Kính gửi:") + 1] == "- Phòng Y tế;"  # the office does not write to itself
    assert "- Ủy ban nhân dân các xã, thị trấn." in text
    assert "3. Thời hạn gửi: trước ngày 15 tháng 6 năm 2027." in text


def test_to_one_body_on_the_same_line(house: House) -> None:
    text = lines(written(house, "de-nghi", "03415"))
    assert any(re.fullmatch(r"Kính gửi: (UBND|Ủy ban nhân dân) xã Nùng Nàng\.", line) for line in text)


def test_a_chase_names_only_who_is_missing(house: House) -> None:
    text = lines(written(house, "don-doc"))
    missing = [line for line in text if line.endswith(("chưa gửi;", "chưa gửi."))]
    assert [line.split(":")[0] for line in missing] == ["- Phòng Tư pháp", "- xã Nùng Nàng"]
    assert any("Tính đến ngày 16 tháng 6 năm 2027, có 26/28" in line for line in text)


def test_nobody_left_to_chase_is_said(house: House) -> None:
    with pytest.raises(PaperRefused, match="không còn ai phải đôn đốc"):
        write_papers(house, HALF, "don-doc", "03390", NOW)


def test_days_and_months_are_padded_as_the_decree_says(house: House) -> None:
    assert any("ngày 05 tháng 02 năm 2027" in line for line in lines(written(house, "bien-ban", "03390")))
    matter = Matter(
        house.plan(HALF), (house.settings.body("03390", NOW.date()),), "Báo cáo", "", "số liệu", date(2027, 6, 5)
    )
    text = lines(Document(BytesIO(write_paper("don-doc", matter, house.settings))))
    assert any("ngày 05 tháng 6 năm 2027" in line for line in text)


def test_a_record_has_the_duties_and_the_recommendations(house: House) -> None:
    text = lines(written(house, "bien-ban", "03390"))
    assert any(line.startswith("1. Chỉ đạo thực hiện") or "quyền trẻ em" in line for line in text)
    assert any(line.startswith("1. Cắm biển cảnh báo tại ao, hồ & suối (thời hạn thực hiện: 30/11/") for line in text)


def test_a_record_for_each_body_that_was_chosen(house: House) -> None:
    paths = write_papers(house, RECORD, "bien-ban", None, NOW)
    assert [path.name for path in paths] == [
        "kiem-tra-2027-bien-ban-bien-ban-03390.docx",
        "kiem-tra-2027-bien-ban-bien-ban-03415.docx",
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}


@pytest.mark.parametrize(
    ("kind", "said"), [("giay-moi", "không có ngày tổ chức"), ("bien-ban", "không phải đợt kiểm tra")]
)
def test_a_paper_the_round_cannot_have(house: House, kind: Kind, said: str) -> None:
    with pytest.raises(PaperRefused, match=said):
        write_papers(house, HALF, kind, None, NOW)


def test_the_same_input_gives_the_same_bytes(house: House) -> None:
    first, second = (write_papers(house, HALF, "de-nghi", None, NOW)[0].read_bytes() for _ in range(2))
    assert first == second


def test_the_command_says_where_the_drafts_lie_and_what_is_wrong(house: House) -> None:
    assert "bao-cao-6-thang-2027-de-nghi.docx" in treem(house, "letter", HALF).stdout
    wrong = treem(house, "letter", HALF, "--kind", "to-trinh")
    assert wrong.exit_code == 1 and "de-nghi, don-doc, giay-moi, bien-ban" in " ".join(wrong.stderr.split())
    assert "không hỏi đơn vị mã “xyz”" in " ".join(treem(house, "letter", HALF, "--body", "xyz").stderr.split())


def test_a_broken_template_names_tag_and_paragraph(house: House, tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path, dirs_exist_ok=True)
    document = Document(str(tmp_path / "cong-van-de-nghi.docx"))
    next(p for p in document.paragraphs if "{{ due_text }}" in p.text).runs[0].text = "3. Thời hạn: {{ han_nop }}."
    document.save(str(tmp_path / "cong-van-de-nghi.docx"))
    matter = Matter(house.plan(HALF), house.plan(HALF).bodies, "Báo cáo", "", "số liệu", NOW.date())
    with pytest.raises(TemplateError) as error:
        write_paper("de-nghi", matter, house.settings, templates=tmp_path)
    assert (error.value.tag, error.value.paragraph) == ("{{ han_nop }}", "3. Thời hạn: {{ han_nop }}.")
