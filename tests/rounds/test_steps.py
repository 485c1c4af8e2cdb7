"""What the steps of a round lead to in the ledger: which address, who is overdue, which entry of the register."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select, update

from tests.rounds.conftest import ROUND, at
from tests.rounds.desk import Desk, filled
from treem.ledger.tables import LetterOut, Report, Request
from treem.rounds import decisions, reporting
from treem.rounds.decisions import Decided
from treem.rounds.steps import carry_out, rounds_in_motion

SECOND = "dai-2@tamduong.test"


def registered(desk: Desk, **changes: object) -> None:
    """From now on the register says something else of `dai`."""
    settings = desk.house.settings
    bodies = tuple(b.model_copy(update=changes) if b.code == "dai" else b for b in settings.register_.bodies)
    register = settings.register_.model_copy(update={"bodies": bodies})
    settings = settings.model_copy(update={"register_": register})
    desk.house = replace(desk.house, settings=settings, _plans={})


def letters(desk: Desk, kind: str) -> list[str]:
    """Where letters of that kind about the request of `dai` went, in order."""
    query = select(LetterOut.recipient).join(Request, Request.id == LetterOut.request_id)
    with desk.house.ledger.begin() as session:
        return list(session.scalars(query.where(Request.body == "dai", LetterOut.kind == kind).order_by(LetterOut.id)))


def lose(desk: Desk, kind: str) -> None:
    """Every letter of that kind comes back; that alone says nothing of the addresses."""
    with desk.house.ledger.begin() as session:
        session.execute(update(LetterOut).where(LetterOut.kind == kind).values(state="bounced"))


def extend(desk: Desk, until: date, month_day: tuple[int, int]) -> None:
    decisions.extend(desk.house, ROUND, "dai", until, Decided("can-bo", "mưa lũ", at(*month_day, 9)))


# ---- which address


@pytest.mark.parametrize(("kind", "day"), [("request", at(5, 21)), ("reminder", at(6, 7))])
def test_a_letter_in_vain_to_a_living_address_goes_to_the_next_one_once(desk: Desk, kind: str, day: object) -> None:
    first = desk.address("dai")
    registered(desk, emails=(first, SECOND))
    carry_out(desk.house, ROUND, day)  # type: ignore[arg-type]
    assert letters(desk, kind) == [first]
    lose(desk, kind)
    for _ in range(2):
        carry_out(desk.house, ROUND, day)  # type: ignore[arg-type]
    assert letters(desk, kind) == [first, SECOND]
    lose(desk, kind)
    carry_out(desk.house, ROUND, day)  # type: ignore[arg-type]
    assert letters(desk, kind) == [first, SECOND]
    carry_out(desk.house, ROUND, at(6, 15))
    assert letters(desk, "chase") == [first]  # the next stage begins anew


# ---- who is overdue


def test_who_may_answer_until_the_closing_day_is_not_overdue_before_it_ends(desk: Desk) -> None:
    extend(desk, date(2027, 6, 21), (6, 14))
    carry_out(desk.house, ROUND, at(6, 21))
    assert (desk.filing("dai").state, desk.filing("tckh").state) == ("sent", "overdue")
    carry_out(desk.house, ROUND, at(6, 22, 0))
    assert desk.filing("dai").state == "overdue"


@pytest.mark.parametrize("decided", [(6, 14), (6, 21)], ids=["before closing", "after closing"])
def test_an_extension_past_the_closing_ends_like_any_other_day(desk: Desk, decided: tuple[int, int]) -> None:
    if decided == (6, 21):
        carry_out(desk.house, ROUND, at(6, 21))
    extend(desk, date(2027, 6, 25), decided)
    carry_out(desk.house, ROUND, at(6, 25, 23))
    assert desk.filing("dai").state == "sent"
    with desk.house.ledger.begin() as session:
        session.execute(update(Report).values(state="sent"))
    assert ROUND in rounds_in_motion(desk.house, at(6, 26))  # somebody is still waited for
    for _ in range(2):
        carry_out(desk.house, ROUND, at(6, 26))
    assert desk.filing("dai").state == "overdue"
    assert ROUND not in rounds_in_motion(desk.house, at(6, 26))


# ---- which entry of the register


@pytest.mark.parametrize("end", [date(2027, 6, 10), date(2027, 6, 30)], ids=["before its day", "before its extension"])
def test_a_body_that_ended_meanwhile_still_answers_and_is_written_to(desk: Desk, end: date) -> None:
    answer = desk.write("dai", at(6, 9), filled(desk.form("dai")))
    registered(desk, valid_to=end)
    extend(desk, date(2027, 7, 20), (6, 2))
    desk.collect(at(6, 9, 9))
    assert "hợp lệ" in desk.reply(answer)
    assert len(letters(desk, "notice")) == 1


def test_a_body_that_left_the_plan_unanswered_does_not_keep_the_draft_from_being_shown(desk: Desk) -> None:
    registered(desk, valid_to=date(2027, 6, 10))
    carry_out(desk.house, ROUND, at(6, 21))
    view = reporting.waiting(desk.house, ROUND)
    assert view is not None
    assert "dai" in view.summary_md
