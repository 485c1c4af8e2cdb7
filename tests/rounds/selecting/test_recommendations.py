"""Recommendations: from the boxes of a record, through corrections and answers, until they are closed."""

import logging
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from tests.rounds.selecting.office import COMMUNES, FOLLOW_UP, RECORD, SELF, Office, at
from treem.ledger.tables import Event, LetterOut, Request, Round
from treem.rounds import decisions, recommendations, recommending
from treem.rounds.decisions import Decided, DecisionRefused

BODY = COMMUNES[0]
RECORDS = "kiem-tra/2027/bien-ban"
FOLLOWED = f"kiem-tra/2027/{FOLLOW_UP}"
TWO = {"kien-nghi-1": "Rào các ao", "kien-nghi-2": "Cử người phụ trách", "kien-nghi-3": "  "}
ME = Decided("can-bo", "đã kiểm tra lại", at(2027, 12, 1))


def states(office: Office, body: str = BODY) -> list[tuple[int, str, str]]:
    with office.house.ledger.begin() as session:
        own = [r for r in office.recommendations() if session.merge(r).request.body == body]
    return [(r.number, r.text, r.state) for r in own]


@pytest.fixture
def inspected(office: Office) -> Office:
    office.inspect(2027, TWO)
    return office


def followed_up(office: Office, done: int) -> None:
    office.choose(FOLLOWED)
    opened = office.open(FOLLOWED)
    office.file(FOLLOWED, BODY, opened + timedelta(days=2), LD_17_2=done)


# ---- records


def test_the_filled_boxes_of_a_record_are_due_sixty_days_after_the_visit(inspected: Office) -> None:
    assert states(inspected) == [(1, "Rào các ao", "open"), (2, "Cử người phụ trách", "open")]
    day = inspected.selected(RECORDS)[BODY].day
    assert day is not None
    assert {r.due for r in inspected.recommendations()[:2]} == {day + timedelta(days=60)}


def test_a_corrected_record_changes_what_is_open_and_nothing_that_a_person_closed(inspected: Office) -> None:
    recommending.close(inspected.house, inspected.recommendations()[0].id, ME)
    corrected = {"kien-nghi-1": "Rào tất cả các ao", "kien-nghi-3": "Báo cáo lại"}
    inspected.file(RECORDS, BODY, at(2027, 10, 12), corrected, LD_15=1)
    assert states(inspected) == [
        (1, "Rào các ao", "done"),
        (2, "Cử người phụ trách", "withdrawn"),
        (3, "Báo cáo lại", "open"),
    ]
    inspected.file(RECORDS, BODY, at(2027, 10, 13), {"kien-nghi-2": "Cử hai người"}, LD_15=1)
    assert states(inspected)[1:] == [(2, "Cử hai người", "open"), (3, "Báo cáo lại", "withdrawn")]


def test_a_record_that_is_rejected_takes_its_recommendations_back(inspected: Office) -> None:
    decisions.reject(inspected.house, 1, ME)
    assert {state for *_, state in states(inspected)} == {"withdrawn"}
    inspected.file(RECORDS, BODY, at(2027, 10, 14), {"kien-nghi-1": "Rào các ao"}, LD_15=1)
    assert states(inspected)[0] == (1, "Rào các ao", "open")


def test_following_a_record_again_changes_nothing(inspected: Office) -> None:
    before = [(r.id, r.text, r.state, r.due) for r in inspected.recommendations()]
    with inspected.house.ledger.begin() as session:
        request = inspected.recommendations()[0].request_id
        recommendations.follow(inspected.house, session, session.get_one(Request, request), at(2027, 11, 1))
    assert [(r.id, r.text, r.state, r.due) for r in inspected.recommendations()] == before


def test_other_forms_have_no_recommendations(office: Office) -> None:
    office.open("bao-cao/2027")
    office.file("bao-cao/2027", BODY, at(2027, 3, 10), {"kien-nghi-1": "Thêm kinh phí"}, LD_12=1)
    assert office.recommendations() == []


def test_the_words_stand_in_no_log_event_or_subject(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        office.inspect(2027, TWO)
        followed_up(office, done=2)
        recommending.add(office.house, RECORDS, BODY, "Sửa biển báo", None, ME)
    with office.house.ledger.begin() as session:
        events = [str(e.data) for e in session.scalars(select(Event))]
        subjects = list(session.scalars(select(LetterOut.subject)))
    for words in (*TWO.values(), "Sửa biển báo"):
        assert not words.strip() or all(words not in told for told in (caplog.text, *events, *subjects))


# ---- answers


def test_who_says_all_is_done_closes_them_and_is_not_asked_again(inspected: Office) -> None:
    followed_up(inspected, done=2)
    assert {state for *_, state in states(inspected)} == {"done"}
    later = f"kiem-tra/2028/{FOLLOW_UP}"
    inspected.choose(later)
    assert BODY not in inspected.chosen(later)


def test_who_says_less_is_asked_again(inspected: Office) -> None:
    followed_up(inspected, done=1)
    assert {state for *_, state in states(inspected)} == {"open"}
    later = f"kiem-tra/2028/{FOLLOW_UP}"
    inspected.choose(later)
    assert BODY in inspected.chosen(later)


def test_a_corrected_answer_opens_them_again(inspected: Office) -> None:
    followed_up(inspected, done=2)
    inspected.file(FOLLOWED, BODY, at(2027, 11, 20), LD_17_2=0)
    assert {state for *_, state in states(inspected)} == {"open"}
    inspected.file(FOLLOWED, BODY, at(2027, 11, 21), LD_17_2=2)
    assert {state for *_, state in states(inspected)} == {"done"}


def test_what_was_recommended_after_the_letter_is_not_closed_by_the_answer(inspected: Office) -> None:
    inspected.choose(FOLLOWED)
    opened = inspected.open(FOLLOWED)
    now = opened + timedelta(hours=5)
    recommending.add(inspected.house, RECORDS, BODY, "Sửa biển báo", None, Decided("can-bo", "kiểm tra lại", now))
    inspected.file(FOLLOWED, BODY, opened + timedelta(days=2), LD_17_2=2)
    assert [state for *_, state in states(inspected)] == ["done", "done", "open"]


def asked_about_two(office: Office) -> None:
    """The body was written to about both; a day later a person closed the first."""
    office.choose(FOLLOWED)
    opened = office.open(FOLLOWED)
    closed = Decided("can-bo", "đã kiểm tra lại", opened + timedelta(days=1))
    recommending.close(office.house, office.recommendations()[0].id, closed)


def test_what_a_person_closed_after_the_letter_is_among_those_the_body_counts(inspected: Office) -> None:
    """It did the first of the two, and says so: the second is not done."""
    asked_about_two(inspected)
    inspected.file(FOLLOWED, BODY, at(2027, 11, 15), LD_17_2=1)
    assert [state for *_, state in states(inspected)] == ["done", "open"]
    inspected.file(FOLLOWED, BODY, at(2027, 11, 16), LD_17_2=2)
    assert [state for *_, state in states(inspected)] == ["done", "done"]
    inspected.file(FOLLOWED, BODY, at(2027, 11, 17), LD_17_2=0)
    assert [state for *_, state in states(inspected)] == ["done", "open"]  # what a person closed stays closed
    first, _ = inspected.recommendations()[:2]
    assert (first.closed_by, first.answer_id) == ("can-bo", None)


def test_the_count_is_about_the_last_letter_not_the_first(inspected: Office) -> None:
    """Reminded after a person closed one, the body counts the other only."""
    asked_about_two(inspected)
    with inspected.house.ledger.begin() as session:
        letter = session.scalars(
            select(LetterOut).join(Request).join(Round).where(Round.key == FOLLOWED, Request.body == BODY)
        ).one()
        again = {c.name: getattr(letter, c.name) for c in LetterOut.__table__.columns if c.name != "id"}
        session.add(LetterOut(**again | {
            "kind": "reminder", "idem_key": f"again:{letter.idem_key}", "created_at": at(2027, 11, 14),
            "message_id": f"again-{letter.message_id}",
        }))  # fmt: skip
    inspected.file(FOLLOWED, BODY, at(2027, 11, 15), LD_17_2=1)
    assert [state for *_, state in states(inspected)] == ["done", "done"]


def test_the_letter_lists_what_is_open_with_its_day(inspected: Office) -> None:
    plan = inspected.house.plan(FOLLOWED)
    with inspected.house.ledger.begin() as session:
        listed = recommendations.listed(inspected.house, session, plan, BODY, date(2027, 11, 12))
        elsewhere = inspected.house.plan(f"kiem-tra/2027/{SELF}")
        assert recommendations.listed(inspected.house, session, elsewhere, BODY, date(2027, 11, 12)) == []
    due = inspected.recommendations()[0].due
    shown = f"{due.day:02}/{due.month}/{due.year}"
    assert listed == [(1, "Rào các ao", shown), (2, "Cử người phụ trách", shown)]


# ---- a person


def test_a_person_adds_one_beside_the_boxes_and_a_correction_leaves_it(inspected: Office) -> None:
    recommending.add(inspected.house, RECORDS, BODY, "Sửa biển báo", date(2027, 12, 20), ME)
    inspected.file(RECORDS, BODY, at(2027, 10, 12), {}, LD_15=1)
    assert states(inspected)[-1] == (6, "Sửa biển báo", "open")
    assert inspected.recommendations()[-1].due == date(2027, 12, 20)


def test_a_person_closes_one_with_a_reason_once(inspected: Office) -> None:
    number = inspected.recommendations()[0].id
    recommending.close(inspected.house, number, ME, withdrawn=True)
    (shown,) = [x for x in recommending.shown(inspected.house, date(2027, 12, 1), body=BODY) if x.id == number]
    assert (shown.state, shown.closed_by, shown.closed_why) == ("withdrawn", "can-bo", "đã kiểm tra lại")
    with pytest.raises(DecisionRefused, match="đã khép lại"):
        recommending.close(inspected.house, number, ME)


def test_the_list_has_the_open_ones_first_and_says_what_is_overdue(inspected: Office) -> None:
    recommending.close(inspected.house, inspected.recommendations()[0].id, ME)
    rows = recommending.shown(inspected.house, date(2028, 3, 1), RECORDS, BODY)
    assert [(x.number, x.state, x.overdue) for x in rows] == [(2, "open", True), (1, "done", False)]


@pytest.mark.parametrize(
    ("round_key", "body", "text", "due", "words"),
    [
        (f"kiem-tra/2027/{SELF}", BODY, "Rào ao", None, "không phải biên bản kiểm tra"),
        (f"kiem-tra/2027/{RECORD}", COMMUNES[3], "Rào ao", None, "không kiểm tra đơn vị"),
        (f"kiem-tra/2027/{RECORD}", BODY, " ", None, "nội dung"),
        (f"kiem-tra/2027/{RECORD}", BODY, "Rào ao", date(2027, 11, 1), "đã qua"),
    ],
)
def test_what_cannot_be_recommended_is_refused_in_words(
    inspected: Office, round_key: str, body: str, text: str, due: date | None, words: str
) -> None:
    with pytest.raises(DecisionRefused, match=words):
        recommending.add(inspected.house, round_key, body, text, due, ME)
