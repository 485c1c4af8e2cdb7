"""Documents of a year: events and trainings in the annual report, estimates beside final figures, selections and
recommendations, and what each of them does not tell outside.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import Any

import pytest
from docx import Document
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn
from openpyxl import Workbook, load_workbook

from tests.documents import year
from tests.documents.test_annex import table
from tests.documents.test_report import lines
from treem.documents import duty_sheet
from treem.rounds import reporting
from treem.rounds.gathered import beside_of, district_of
from treem.rounds.house import House

NOW = datetime(2028, 7, 1, 9, tzinfo=year.ZONE)
EVENT, TRAINING = "thang-hanh-dong/2027/ket-qua", "tap-huan/2027/ket-qua"
RECORD, ANNUAL, FINAL, NEXT = "kiem-tra/2027/bien-ban", "bao-cao-nam/2027", "so-chinh-thuc/2027", "bao-cao-6-thang/2028"


@dataclass(frozen=True)
class Held:
    """A year that has been filed, and its documents."""

    house: House
    communes: tuple[str, ...]

    def text(self, key: str, *, outward: bool = False) -> str:
        return "\n".join(lines(Document(BytesIO(self._file(key, 2 if outward else 0)))))

    def book(self, key: str, *, outward: bool = False) -> Workbook:
        return load_workbook(BytesIO(self._file(key, 3 if outward else 1)))

    def _file(self, key: str, place: int) -> bytes:
        version = reporting.draft_report(self.house, key, NOW) if not self._drafted(key) else 1
        return reporting.document_paths(self.house, key, version)[place].read_bytes()

    def _drafted(self, key: str) -> bool:
        return reporting.document_paths(self.house, key, 1)[0].exists()


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    house = year.house_in(tmp_path_factory.mktemp("year"))
    communes = tuple(b.code for b in house.settings.register_.bodies if b.group == "xa")
    year.file_round(house, EVENT, 5, silent=(communes[5],))
    year.choose(house, TRAINING, dict(zip(communes, (3, 4), strict=False)))
    year.file_round(house, TRAINING, 6, only=communes[:2])
    year.choose(house, RECORD, dict.fromkeys(communes[:2]), date(2027, 9, 16))
    year.file_round(house, RECORD, 9, only=communes[:2])
    year.recommend(house, RECORD, communes[0], ("Cắm biển\x0b tại ao & hồ", "open"), ("Cử cộng tác viên", "done"))
    year.file_round(house, ANNUAL, 10)
    year.file_round(house, FINAL, 10, more=2)
    year.file_round(house, NEXT, 12)
    yield Held(house, communes)
    house.ledger.engine.dispose()


def test_an_event_has_its_own_report(held: Held) -> None:
    text = held.text(EVENT)
    assert "Kết quả Tháng hành động vì trẻ em năm\u00a02027" in text
    assert "Thời gian tổ chức: từ ngày 01/6/2027 đến hết ngày 30/6/2027." in text
    assert "6 tháng" not in text
    assert [line for line in text.splitlines() if line.startswith("Phụ lục ")] == [
        "Phụ lục I",
        "Phụ lục II",
        "Phụ lục III",
    ]
    assert "Chưa có số liệu của: xã Bình Lư." in text


def test_bodies_stand_in_the_order_of_the_register_with_their_total(held: Held) -> None:
    document = Document(BytesIO(held._file(EVENT, 0)))
    tables = [t for t in document.tables if "Toàn huyện" in [c.text for c in t.columns[1].cells]]
    names = [held.house.settings.body(b.code, b.valid_from).name for b in held.house.plan(EVENT).bodies]
    for found in tables:
        shown = [c.text for c in found.columns[1].cells][1:-1]
        assert shown == [n for name in names if (n := name.removeprefix("Ủy ban nhân dân ")) in shown]


def test_the_annual_report_says_that_it_estimates_and_whence_the_rest_comes(held: Held) -> None:
    text = held.text(ANNUAL)
    assert "số ước thực hiện đến hết ngày 14/12/2027, tính tại thời điểm ngày 09/12/2027" in text
    assert "Kết quả Tháng hành động vì trẻ em 2027; Tập huấn nghiệp vụ công tác trẻ em 2027" in text
    of_event = next(line for line in text.splitlines() if line.startswith("- Kinh phí tổ chức sự kiện từ ngân sách"))
    assert "tổng hợp từ Kết quả Tháng hành động vì trẻ em 2027" in of_event
    assert "ước " not in of_event
    assert "- Tổng số trẻ em (người dưới 16 tuổi): ước " in text


def test_every_taken_number_names_its_round_in_the_annex(held: Held) -> None:
    rows = table(held.book(ANNUAL), "Nguồn gốc")
    taken = [row for row in rows if row["Tổng hợp từ"]]
    assert {row["Tổng hợp từ"] for row in taken} == {held.house.plan(key).title for key in (EVENT, TRAINING, RECORD)}
    with held.house.ledger.begin() as session:
        codes = beside_of(held.house, session, held.house.plan(ANNUAL)).sources
    assert {row["Mã"] for row in taken} == set(codes)
    asked_here = {(row["Mã"], row["Cơ quan, đơn vị"]) for row in rows if not row["Tổng hợp từ"]}
    assert not asked_here & {(row["Mã"], row["Cơ quan, đơn vị"]) for row in taken}


def test_the_total_of_an_event_is_that_of_the_year(held: Held) -> None:
    with held.house.ledger.begin() as session:
        of_event, of_year = (district_of(held.house, session, held.house.plan(k)).totals for k in (EVENT, ANNUAL))
    spent = [frame[frame["figure"] == "SK-02.1"]["total"].tolist() for frame in (of_event, of_year)]
    assert spent[0] == spent[1] and spent[0]


@pytest.mark.parametrize("key", [FINAL, NEXT])
def test_estimates_stand_beside_final_figures(held: Held, key: str) -> None:
    with held.house.ledger.begin() as session:
        found = beside_of(held.house, session, held.house.plan(key)).reconciliation
    assert found is not None
    assert any(row.difference for row in found.rows)
    for row in found.rows:
        if row.estimate is not None and row.final is not None:
            assert row.difference == row.final - row.estimate
    assert "Đối chiếu số ước với số chính thức năm\u00a02027" in held.text(key)
    rows = table(held.book(key), "Đối chiếu số ước")
    assert [row["Mã"] for row in rows] == [row.merged.figure.code for row in found.rows]


@pytest.mark.parametrize("key", [ANNUAL, EVENT, "bao-cao-6-thang/2027"])
def test_other_rounds_compare_nothing(held: Held, key: str) -> None:
    with held.house.ledger.begin() as session:
        assert beside_of(held.house, session, held.house.plan(key)).reconciliation is None


def test_a_selection_stands_with_its_reasons_in_what_stays_in_the_office(held: Held) -> None:
    text = held.text(RECORD)
    assert "Đã chọn 2 trong 13 cơ quan, đơn vị được xem xét:" in text
    assert text.count("được chọn, ngày 16/9/2027") == 2
    assert "Đến lượt: kiểm tra lần gần nhất năm 2024" in text
    assert len(table(held.book(RECORD), "Lựa chọn")) == 13
    outward = table(held.book(RECORD, outward=True), "Lựa chọn")
    assert len(outward) == 2
    assert not any(row["Lý do"] for row in outward)


def test_places_are_shown_with_their_sum(held: Held) -> None:
    text = held.text(TRAINING)
    assert "phân bổ 7 chỗ" in text
    assert "3 chỗ" in text.splitlines()


def test_recommendations_stand_with_their_state(held: Held) -> None:
    text = held.text(RECORD)
    assert "Kiến nghị sau kiểm tra: 2; đã thực hiện xong 1, chưa xong 1." in text
    assert "Cắm biển tại ao & hồ" in text
    rows: list[dict[str, Any]] = table(held.book(RECORD), "Kiến nghị")
    assert [row["Tình trạng"].split(" (")[0] for row in rows] == ["chưa thực hiện xong", "đã thực hiện xong"]
    assert "Kiến nghị" not in held.book(RECORD, outward=True).sheetnames


def test_what_stays_in_the_office_has_the_office_at_its_head(held: Held) -> None:
    document = Document(BytesIO(held._file(RECORD, 0)))
    head = [p.text for cell in document.tables[0].rows[0].cells for p in cell.paragraphs if p.text]
    assert head[:2] == ["UBND HUYỆN TAM ĐƯỜNG", "PHÒNG LAO ĐỘNG - THƯƠNG BINH VÀ XÃ HỘI"]
    assert "BC-UBND" not in held.text(RECORD)


@pytest.mark.parametrize("key", [EVENT, RECORD, ANNUAL])
def test_every_document_has_the_layout_of_the_decree(held: Held, key: str) -> None:
    document = Document(BytesIO(held._file(key, 0)))
    first, *annexes = document.sections
    assert (round(first.page_width.mm), round(first.page_height.mm)) == (210, 297)
    assert 20 <= round(first.top_margin.mm) <= 25 and 20 <= round(first.bottom_margin.mm) <= 25
    assert 30 <= round(first.left_margin.mm) <= 35 and 15 <= round(first.right_margin.mm) <= 20
    assert {section.orientation for section in annexes} == {WD_ORIENT.LANDSCAPE}
    assert {s._sectPr.find(qn("w:pgNumType")).get(qn("w:start")) for s in annexes} == {"1"}
    assert {e.get(qn("w:ascii")) for e in document.element.iter(qn("w:rFonts"))} - {None} <= {"Times New Roman"}
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in held.text(key)
    assert not re.search(r"[{}]|None|Undefined", held.text(key))


@pytest.mark.parametrize("outward", [False, True])
@pytest.mark.parametrize("key", [EVENT, TRAINING, RECORD, ANNUAL, FINAL, NEXT])
def test_every_sheet_can_be_read_and_printed(held: Held, key: str, outward: bool) -> None:
    for sheet in held.book(key, outward=outward):
        assert sheet.freeze_panes and sheet.print_area and sheet.print_title_rows, sheet.title
        assert sheet.page_setup.orientation == "landscape" and sheet.sheet_properties.pageSetUpPr.fitToPage
        formats = {c.number_format for row in sheet.iter_rows() for c in row if isinstance(c.value, int | float)}
        assert all(re.fullmatch(r"\[\$-42A\]#,##0(\.0+)?", text) for text in formats), (sheet.title, formats)


def test_a_duty_matrix_stands_in_the_annual_report_alone(held: Held) -> None:
    assert duty_sheet.SHEET in held.book(ANNUAL).sheetnames
    assert duty_sheet.SHEET not in held.book(ANNUAL, outward=True).sheetnames
    assert duty_sheet.SHEET not in held.book(EVENT).sheetnames
