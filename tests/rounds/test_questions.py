"""Questions to bodies: one letter each, never twice the same; answers come in the form, or a person types them."""

from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from tests.rounds.conftest import ROUND, at
from tests.rounds.desk import Desk
from treem.forms import layout
from treem.ledger.tables import Event, LetterOut, Question, Report
from treem.rehearsal.postbox import Letter
from treem.rehearsal.questionnaire import read_questionnaire
from treem.rehearsal.writers import Typed, fill_xlsx
from treem.rounds import questions, reporting
from treem.rounds.decisions import Decided, DecisionRefused
from treem.rounds.questions import Chosen
from treem.rounds.reconciling import findings_of
from treem.rounds.steps import carry_out

COMMUNE = "03390"
WHY = Decided("cán bộ Phòng", "đối chiếu số liệu", at(5, 31))
SECRET = 7


def form(desk: Desk, *, whole: bool) -> bytes:
    """The commune's form; not `whole`: without nam, nữ of LD-11, and with more deaths than accidents left blank."""
    data, entries = desk.form(COMMUNE), dict[tuple[str, str], Typed]()
    parts = {"total": 8, "male": 4, "female": 4, "minority": 4}
    for q in read_questionnaire(data).questions:
        if q.figure == "LD-11" and q.column in ("male", "female") and not whole:
            continue
        entries[q.sheet, q.cell] = "Có" if q.yes_no else parts[q.column]
    return fill_xlsx(data, entries)


def asked(desk: Desk, chosen: Chosen = questions.EVERYTHING, decided: Decided = WHY) -> tuple[questions.ToBody, ...]:
    found = questions.ask(desk.house, ROUND, decided, chosen)
    desk.collect(decided.now)  # sends what is due
    return found


def letters(desk: Desk) -> list[Letter]:
    return [x for x in desk.mail_to(desk.address(COMMUNE)) if "kiểm tra lại số liệu" in x.subject.lower()]


def rows(desk: Desk) -> list[Question]:
    with desk.house.ledger.begin() as session:
        return list(session.scalars(select(Question).order_by(Question.id)))


def replied(copy: bytes, text: str) -> bytes:
    """The marked copy with an answer on its list."""
    book = load_workbook(BytesIO(copy))
    sheet = book[layout.REPLY_SHEET]
    head = next(row[0].row for row in sheet.iter_rows() if layout.REPLY_HEADINGS[5] in [c.value for c in row])
    sheet.cell(head + 1, 6).value = text
    out = BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.fixture
def told(desk: Desk) -> Desk:
    desk.write(COMMUNE, at(5, 28), form(desk, whole=False))
    desk.collect(at(5, 28, 9))
    assert desk.filing(COMMUNE).state == "accepted"
    return desk


def test_a_dry_run_shows_the_questions_and_writes_nothing(told: Desk) -> None:
    before = told.row_counts()
    (to,) = questions.drafted(told.house, ROUND)
    assert (to.body, to.note, to.letter) == (COMMUNE, "", False)
    assert [q.difference.figure for q in to.questions] == ["LD-11"]
    assert "chưa ghi đủ số nam, số nữ" in to.questions[0].text
    assert told.row_counts() == before


def test_a_body_is_asked_once_by_one_letter_with_its_own_form(told: Desk) -> None:
    (to,) = asked(told)
    assert to.letter
    (letter,) = letters(told)
    (row,) = rows(told)
    assert f"Trang “{row.sheet}”, ô {row.cell}: LD-11" in letter.text
    assert letter.workbook is not None
    assert "03/6/2027" in letter.text or "3 tháng 6" in letter.text  # three working days after a Monday
    assert not any(
        character.isdigit() for character in letter.subject.partition("]")[2].replace("2027", "").replace("6 tháng", "")
    )
    assert asked(told) == ()
    assert len(letters(told)) == 1


def test_the_answer_on_the_list_is_kept_with_the_figure(told: Desk) -> None:
    asked(told)
    copy = letters(told)[0].workbook
    assert copy
    told.write(COMMUNE, at(6, 1), replied(copy, "Xã chưa tách được nam, nữ"))
    told.collect(at(6, 1, 9))
    (row,) = rows(told)
    assert (row.state, row.outcome, row.answer) == ("answered", "justified", "Xã chưa tách được nam, nữ")
    findings = found(told)
    assert [a.answer for a in findings.asked.values()] == ["Xã chưa tách được nam, nữ"]
    assert (findings.counts["breakdown"].asked, findings.counts["breakdown"].justified) == (1, 1)
    assert asked(told) == ()


def test_a_corrected_form_answers_the_question(told: Desk) -> None:
    asked(told)
    told.write(COMMUNE, at(6, 1), form(told, whole=True))
    told.collect(at(6, 1, 9))
    (row,) = rows(told)
    assert (row.state, row.outcome) == ("answered", "corrected")
    assert row.answer == "Đơn vị đã sửa số liệu (bản thứ 2)"
    assert found(told).differences == ()
    assert asked(told) == ()


def found(desk: Desk) -> Any:
    with desk.house.ledger.begin() as session:
        return findings_of(desk.house, session, desk.house.plan(ROUND))


def test_a_person_types_the_answer(told: Desk) -> None:
    asked(told)
    (row,) = rows(told)
    questions.answer(told.house, row.id, "Đã gọi điện: chưa tách được", WHY)
    questions.answer(told.house, row.id, "Đã gọi điện: chưa tách được", WHY)  # twice is once
    (one,) = questions.listed(told.house, ROUND)
    assert (one.state, one.outcome, one.answer) == ("answered", "justified", "Đã gọi điện: chưa tách được")
    (row,) = rows(told)
    assert (row.answered_by, row.answered_why) == ("cán bộ Phòng", "đối chiếu số liệu")
    with told.house.ledger.begin() as session:
        events = session.scalars(select(Event).where(Event.kind == "question_answered")).all()
    assert len(events) == 1
    assert "chưa tách" not in str(events[0].data)


@pytest.mark.parametrize(("number", "text", "words"), [(99, "đúng", "Không có câu hỏi"), (1, " ", "--text")])
def test_an_answer_to_nothing_is_refused(told: Desk, number: int, text: str, words: str) -> None:
    with pytest.raises(DecisionRefused, match=words):
        questions.answer(told.house, number, text, WHY)


def test_only_what_was_chosen_is_asked(told: Desk) -> None:
    assert asked(told, Chosen(rules=["jumps"])) == ()
    assert asked(told, Chosen(bodies=["dai"])) == ()
    assert asked(told, Chosen(figures=["LD-12"])) == ()
    assert len(asked(told, Chosen(rules=["breakdown"], bodies=[COMMUNE]))) == 1


def test_a_question_whose_difference_is_gone_is_withdrawn_and_may_be_put_again(told: Desk) -> None:
    asked(told)
    with told.house.ledger.begin() as session:
        session.scalars(select(Question)).one().fingerprint = "0" * 16  # as if another body had put it right
    asked(told)
    gone, again = rows(told)
    assert (gone.state, again.state) == ("withdrawn", "open")
    assert len(letters(told)) == 2


def test_asked_while_the_draft_waits_and_answered_before_the_decision(told: Desk) -> None:
    now = told.house.plan(ROUND).instant_of(told.house.plan(ROUND).milestone("close"))
    carry_out(told.house, ROUND, now)
    assert states(told)[-1] in ("draft", "awaiting_approval")
    late = Decided("cán bộ Phòng", "lãnh đạo hỏi", now)
    (to,) = asked(told, decided=late)
    assert to.letter
    questions.answer(told.house, rows(told)[0].id, "Xã chưa tách được", late)
    assert states(told)[-1] == "superseded"
    carry_out(told.house, ROUND, now)
    assert states(told)[-1] in ("draft", "awaiting_approval")


def states(desk: Desk) -> list[str]:
    with desk.house.ledger.begin() as session:
        return list(session.scalars(select(Report.state).order_by(Report.version)))


def test_after_the_approval_nobody_is_asked(told: Desk) -> None:
    now = told.house.plan(ROUND).instant_of(told.house.plan(ROUND).milestone("close"))
    carry_out(told.house, ROUND, now)
    view = reporting.waiting(told.house, ROUND)
    assert view is not None
    reporting.decide(told.house, ROUND, view.version, view.digest, "approved", "Phó Chủ tịch", "", now)
    with pytest.raises(DecisionRefused, match="bổ sung"):
        asked(told)


def test_a_round_without_figures_to_reconcile_is_refused(desk: Desk) -> None:
    with pytest.raises(DecisionRefused, match="không có bảng đối chiếu"):
        questions.drafted(desk.house, "danh-ba/2027")


def test_a_body_that_cannot_be_reached_is_named(told: Desk) -> None:
    from treem.mailroom import contacts

    with told.house.ledger.begin() as session:
        contacts.note_undelivered(session, told.address(COMMUNE), "5.1.1", WHY.now, WHY.now)
    (to,) = asked(told)
    assert (to.letter, to.note) == (False, "không còn địa chỉ nào nhận được thư")
    assert rows(told) == []


def test_no_log_and_no_event_has_a_figure(told: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        asked(told)
    with told.house.ledger.begin() as session:
        events = session.scalars(select(Event).where(Event.kind == "questions_asked")).all()
        out = session.scalars(select(LetterOut).where(LetterOut.idem_key.startswith("questions:"))).all()
    assert [e.data["questions"] for e in events] == [1]
    assert "LD-11" not in caplog.text + out[0].subject
