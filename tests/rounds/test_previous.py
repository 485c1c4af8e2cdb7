"""What stands beside the cells of a form: last year's figure, final where there is one, or the estimate to replace."""

from decimal import Decimal
from io import BytesIO
from pathlib import Path

from openpyxl import load_workbook
from sqlalchemy import select

from tests.documents import year
from treem.ledger.tables import Request, Round
from treem.rounds.asking import _form, _previous
from treem.rounds.house import House

COMMUNE, FIGURE = "03405", ("LD-12", "total")


def previous(house: House, key: str) -> dict[tuple[str, str], Decimal]:
    with house.ledger.begin() as session:
        return dict(_previous(house, session, house.plan(key), COMMUNE))


def test_final_figures_go_before_estimates(tmp_path: Path) -> None:
    house = year.house_in(tmp_path)
    assert not previous(house, "bao-cao-nam/2028")
    year.file_round(house, "bao-cao-nam/2027", 10)
    estimate = previous(house, "so-chinh-thuc/2027")[FIGURE]
    assert previous(house, "bao-cao-nam/2028")[FIGURE] == estimate
    year.file_round(house, "so-chinh-thuc/2027", 11, more=100)
    final = previous(house, "bao-cao-nam/2028")[FIGURE]
    assert final >= 100 > estimate
    assert previous(house, "so-chinh-thuc/2027")[FIGURE] == estimate


def test_an_event_has_the_figure_of_last_years_event(tmp_path: Path) -> None:
    house = year.house_in(tmp_path)
    year.file_round(house, "tet-trung-thu/2026/ket-qua", 1)
    assert previous(house, "tet-trung-thu/2027/ket-qua")
    assert not previous(house, "tet-trung-thu/2027/ke-hoach")


def test_the_forms_say_what_they_ask(tmp_path: Path) -> None:
    house = year.house_in(tmp_path)
    said = {}
    for key in ("bao-cao-nam/2027", "so-chinh-thuc/2027", "tet-trung-thu/2027/ket-qua"):
        plan = year.file_round(house, key, only=(COMMUNE,))
        with house.ledger.begin() as session:
            request = session.scalars(select(Request).join(Round).where(Round.key == key)).one()
            data = _form(house, session, plan, plan.body(COMMUNE), request).data
        book = load_workbook(BytesIO(data))
        said[key] = "\n".join(str(c.value) for row in book["Số liệu"].iter_rows() for c in row if c.value), book
    annual, final, event = said.values()
    assert "Tổng số (ước)" in annual[0] and "Ghi số ước thực hiện đến hết kỳ" in annual[0]
    assert "Số ước đã báo" in final[0] and "(ước)" not in final[0]
    assert "Ngày tổ chức: thứ Tư, ngày 15/9/2027 (15/8 âm lịch)." in event[0]
    assert "Năm trước" in event[0] and "(ước)" not in event[0]
    for text, book in said.values():
        assert ("“Thuyết minh”" in text) == ("Thuyết minh" in book.sheetnames)
        assert ("NGƯỜI LẬP BIỂU" in text) == ("Thuyết minh" not in book.sheetnames)
