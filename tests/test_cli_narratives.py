"""The commands about texts that wait, as they are typed. All names are made up."""

import pytest
from sqlalchemy import select

from tests.test_cli import MOMENT, ROUND, env, house_of, opened, treem
from treem.forms.check import Checked
from treem.forms.read import RawText
from treem.ledger.tables import Request, Round
from treem.rounds.filing import file_submission

__all__ = ["env", "opened"]
NAMING = "Đã hỗ trợ cháu Giàng A Páo."


@pytest.fixture
def told(opened: dict[str, str | None]) -> dict[str, str | None]:
    """A commune has filed a narrative and a remark that name a child."""
    house = house_of(opened)
    text = RawText("III.9.1", NAMING, "Nội dung", "C8")
    remark = RawText("LD-11", "em Lò Thị Mai", "Số liệu", "H9")
    checked = Checked((), (text,), (), blank=False, complete=True, notes=(remark,))
    with house.ledger.begin() as session:
        request = session.scalars(select(Request).join(Round).where(Round.key == ROUND, Request.body == "03390")).one()
        file_submission(
            house, session, request, checked, [], file_sha="0" * 64, file_name="BM.xlsx", received_at=MOMENT,
            letter_in_id=None, source="hand", now=MOMENT,
        )  # fmt: skip
    return opened


def test_the_list_names_place_and_reason_and_never_the_text(told: dict[str, str | None]) -> None:
    listed = treem(told, "narratives").output
    assert "III.9.1" in listed
    assert "ghi-chu:LD-11" in listed
    assert "có thể là tên người" in listed
    assert "Páo" not in listed and "Mai" not in listed
    assert "Páo" not in treem(told, "narratives", "--json").output


def test_one_text_is_shown_released_and_replaced(told: dict[str, str | None]) -> None:
    assert NAMING in treem(told, "narratives", "show", "n1").output
    assert treem(told, "narratives", "release", "g1", "--why", "đã xem, không phải tên trẻ em").exit_code == 0
    replaced = treem(told, "narratives", "redact", "n1", "--text", "Đã hỗ trợ một trẻ em.", "--why", "nêu tên trẻ em")
    assert replaced.exit_code == 0
    assert "Không có nội dung nào" in treem(told, "narratives").output
    assert "Đã hỗ trợ một trẻ em." in treem(told, "narratives", "show", "n1").output


def test_without_a_reason_or_a_text_nothing_is_decided(told: dict[str, str | None]) -> None:
    refused = treem(told, "narratives", "release", "n1", "--why", "")
    assert (refused.exit_code, "lý do" in refused.output) == (1, True)
    assert treem(told, "narratives", "show", "n99").exit_code == 1
