"""The workbook: four sheets, exact numbers, text as text, print layout, nothing sensitive in the outward edition."""

from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from tests.documents import world
from tests.documents.conftest import Round
from treem.documents.annex import write_annex
from treem.documents.figures import merged_figures

SHEETS = ["Biểu huyện", "Theo xã", "Tình hình nộp", "Nguồn số liệu"]


@pytest.fixture(scope="module")
def internal(held: Round) -> Workbook:
    return load_workbook(BytesIO(written(held)))


@pytest.fixture(scope="module")
def outward(held: Round) -> Workbook:
    return load_workbook(BytesIO(written(held, outward=True)))


def written(held: Round, **more: Any) -> bytes:
    return write_annex(held.district, held.settings, held.plan, world.filing(held.plan), held.values, **more)


def table(book: Workbook, sheet: str) -> list[dict[str, Any]]:
    """The rows under the head, by heading; bands across the table left out."""
    rows = [list(row) for row in book[sheet].iter_rows(values_only=True)]
    head = next(n for n, row in enumerate(rows) if "Chỉ tiêu" in row or "Cơ quan, đơn vị" in row)
    found = [dict(zip(rows[head], row, strict=True)) for row in rows[head + 1 :]]
    return [row for row in found if row[rows[head][1]] is not None]


def test_the_sheets_and_their_print_layout(internal: Workbook) -> None:
    assert internal.sheetnames == SHEETS
    for sheet in internal:
        assert (sheet.page_setup.orientation, str(sheet.page_setup.paperSize)) == ("landscape", "9")
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert str(sheet.page_setup.fitToHeight) == "0"
        assert sheet.print_title_rows
        assert sheet.print_area
        assert sheet.freeze_panes
        assert {cell.font.name for row in sheet.iter_rows() for cell in row if cell.value} == {"Times New Roman"}


def test_totals_stand_beside_coverage_and_missing_bodies(internal: Workbook, held: Round) -> None:
    row = next(r for r in table(internal, "Biểu huyện") if r["Chỉ tiêu"].startswith("Tổng số trẻ em"))
    figure = next(m for m in merged_figures(held.district, held.settings) if m.figure.code == "LD-01")
    assert row["Tổng số"] == figure.numbers["total"]
    assert row["Độ phủ"] == f"{figure.coverage.reporting}/13 xã"
    assert "chưa nộp: xã Nùng Nàng" in row["Đơn vị chưa có số liệu"]


def test_a_silent_source_is_not_zero(internal: Workbook) -> None:
    rows = [r for r in table(internal, "Biểu huyện") if r["Đơn vị chưa có số liệu"] == "chưa nộp: Phòng Tư pháp"]
    assert rows
    assert {row["Tổng số"] for row in rows} == {"…"}


def test_communes_that_did_not_file_are_marked(internal: Workbook) -> None:
    rows = table(internal, "Theo xã")
    assert {row["Nùng Nàng"] for row in rows} == {"CN"}
    assert {row["TT. Tam Đường"] for row in rows} != {"CN"}


def test_sensitive_rows_are_marked_inside_and_absent_outside(
    internal: Workbook, outward: Workbook, held: Round
) -> None:
    labels = {f.label for i in held.settings.book.indicators if i.sensitive for f in i.figures}
    for sheet in ("Theo xã", "Nguồn số liệu"):
        marked = {r["Chỉ tiêu"] for r in table(internal, sheet) if r["Ghi chú"] == "nội bộ"}
        assert marked
        assert marked == labels & {r["Chỉ tiêu"] for r in table(internal, sheet)}
        assert not labels & {r["Chỉ tiêu"] for r in table(outward, sheet)}
    shown = [r for r in table(outward, "Biểu huyện") if r["Chỉ tiêu"] in labels]
    assert shown
    assert not any(r[c] for r in shown for c in ("Nam", "Nữ", "Dân tộc thiểu số"))


def test_every_number_has_its_letter_file_and_cell(internal: Workbook, held: Round) -> None:
    rows = table(internal, "Nguồn số liệu")
    assert len(rows) == len(held.values)
    first, value = rows[0], held.values[0]
    assert first["Mã thư (Message-ID)"] == value.message_id
    assert first["Mã tệp (SHA-256)"] == value.file_sha[:12]
    assert (first["Trang tính"], first["Ô"], first["Lần nộp"]) == (value.sheet, value.cell, value.version)
    said = [Decimal(str(r["Giá trị"])) for r in rows if not isinstance(r["Giá trị"], str)]
    assert said == [v.number for v in held.values if v.number is not None]


def test_text_that_looks_like_a_formula_stays_text(held: Round) -> None:
    value = world.ValueRow(**{**held.values[0].__dict__, "message_id": "=1+1", "sheet": "007"})
    data = write_annex(held.district, held.settings, held.plan, world.filing(held.plan), [value])
    row = table(load_workbook(BytesIO(data)), "Nguồn số liệu")[0]
    assert (row["Mã thư (Message-ID)"], row["Trang tính"]) == ("=1+1", "007")
    cells = [c for r in load_workbook(BytesIO(data))["Nguồn số liệu"].iter_rows() for c in r]
    assert "f" not in {cell.data_type for cell in cells}


def test_the_filing_record_lists_every_body(internal: Workbook, held: Round) -> None:
    rows = table(internal, "Tình hình nộp")
    assert [row["Cơ quan, đơn vị"] for row in rows] == [body.name for body in held.plan.bodies]
    silent = [row for row in rows if row["Tình trạng"] == "chưa nộp khi đóng đợt"]
    assert len(silent) == len(world.SILENT)
    assert silent[0]["Thư đã lập"] == "yêu cầu, nhắc lần 1, đôn đốc lần 1"


def test_the_same_input_gives_the_same_bytes(held: Round) -> None:
    assert written(held) == written(held)
