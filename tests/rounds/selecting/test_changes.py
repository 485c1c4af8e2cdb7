"""A person's changes to a selection: before a round is opened, after it, and where places and days are given."""

from datetime import date, timedelta

import pytest
from sqlalchemy import delete, select

from tests.rounds.selecting.office import COMMUNES, RECORD, SELF, Office, at
from treem.ledger import queries
from treem.ledger.tables import Event, LetterOut, Request, Round, Selected
from treem.rehearsal.postbox import read_letter
from treem.rounds import decisions
from treem.rounds.decisions import Decided, DecisionRefused
from treem.rounds.selecting import changes, visit_days

ROUND, RECORDS = f"kiem-tra/2027/{SELF}", f"kiem-tra/2027/{RECORD}"
TRAINED = "tap-huan/2027/ket-qua"
A, B, C, D = COMMUNES


def me(*when: int, why: str = "đường sạt lở") -> Decided:
    return Decided("can-bo", why, at(2027, *when))


BEFORE = me(8, 20)


@pytest.fixture
def chosen(office: Office) -> Office:
    """A and B are chosen; the round is not open."""
    office.choose(ROUND)
    assert office.chosen(ROUND) == [A, B]
    return office


def asked(office: Office, round_key: str = ROUND) -> dict[str, str]:
    with office.house.ledger.begin() as session:
        query = select(Request.body, Request.state).join(Round).where(Round.key == round_key)
        return {row.body: row.state for row in session.execute(query)}


def test_before_the_opening_only_the_selection_changes(chosen: Office) -> None:
    changes.add(chosen.house, ROUND, D, BEFORE)
    changes.drop(chosen.house, ROUND, A, BEFORE)
    assert chosen.chosen(ROUND) == [B, D]
    chosen.open(ROUND)
    assert set(asked(chosen)) == {B, D}


def test_a_change_is_kept_with_who_and_why_beside_the_rules_reasons(chosen: Office) -> None:
    before = chosen.selected(ROUND)[A].reasons
    changes.drop(chosen.house, ROUND, A, BEFORE)
    row = chosen.selected(ROUND)[A]
    assert (row.chosen, row.day, row.reasons) == (False, None, before)
    assert (row.changed_by, row.changed_why) == ("can-bo", "đường sạt lở")
    with chosen.house.ledger.begin() as session:
        event = session.scalars(select(Event).where(Event.kind == "selection_changed")).one()
    assert event.data == {
        "round": ROUND, "body": A, "chosen": False, "places": None, "day": None, "by": "can-bo", "why": "đường sạt lở",
    }  # fmt: skip


def test_after_the_opening_who_is_added_joins_and_who_is_dropped_is_let_off(chosen: Office) -> None:
    opened = chosen.open(ROUND)
    changes.add(chosen.house, ROUND, D, me(9, 1))
    changes.drop(chosen.house, ROUND, A, me(9, 1))
    chosen.step(ROUND, opened + timedelta(days=1))
    assert asked(chosen) == {A: "waived", B: "queued", D: "queued"}
    with chosen.house.ledger.begin() as session:
        letters = session.execute(select(Request.body, LetterOut.kind).join(Request)).all()
    assert {tuple(x) for x in letters} == {(A, "request"), (B, "request"), (D, "request"), (A, "notice")}
    chosen.step(ROUND, at(2027, 9, 9))
    assert asked(chosen)[A] == "waived"


def test_the_record_of_a_visit_follows_the_selection(chosen: Office) -> None:
    chosen.open(ROUND)
    chosen.choose(RECORDS)
    changes.add(chosen.house, ROUND, D, me(9, 1))
    changes.drop(chosen.house, ROUND, A, me(9, 1))
    assert chosen.chosen(RECORDS) == [B, D]
    assert chosen.selected(RECORDS)[D].day == chosen.selected(ROUND)[D].day


def test_a_visit_that_was_dropped_is_due_again(chosen: Office) -> None:
    changes.drop(chosen.house, ROUND, A, BEFORE)
    chosen.choose(f"kiem-tra/2028/{SELF}")
    assert A in chosen.chosen(f"kiem-tra/2028/{SELF}")


# ---- days


def test_who_was_told_a_day_is_told_another(chosen: Office) -> None:
    days = visit_days(chosen.house, chosen.house.plan(ROUND))
    changes.add(chosen.house, ROUND, A, BEFORE, day=days[5])  # nobody has been written to yet
    chosen.open(ROUND)
    changes.add(chosen.house, ROUND, A, me(9, 1), day=days[7])
    with chosen.house.ledger.begin() as session:
        (told,) = session.scalars(select(LetterOut).where(LetterOut.kind == "notice"))
        text = read_letter(told.raw).text
    assert f"Ngày làm việc của đoàn: thứ Sáu, ngày {days[7].day}/{days[7].month}/2027" in text


def test_who_is_added_gets_the_least_busy_day_or_the_one_asked_for(chosen: Office) -> None:
    days = visit_days(chosen.house, chosen.house.plan(ROUND))
    changes.add(chosen.house, ROUND, C, BEFORE)
    assert chosen.selected(ROUND)[C].day == days[0]
    changes.add(chosen.house, ROUND, D, BEFORE, day=days[3])
    changes.add(chosen.house, ROUND, C, BEFORE, day=days[4])  # already chosen: another day
    assert [chosen.selected(ROUND)[body].day for body in (C, D)] == [days[4], days[3]]


@pytest.mark.parametrize("day", [date(2027, 9, 19), date(2027, 10, 20)], ids=["Sunday", "after the last"])
def test_a_day_on_which_nobody_visits_is_refused(chosen: Office, day: date) -> None:
    with pytest.raises(DecisionRefused, match=r"từ 15/9/2027 đến 15/10/2027"):
        changes.add(chosen.house, ROUND, C, BEFORE, day=day)


# ---- places


@pytest.fixture
def nominated(office: Office) -> Office:
    """Six places: A has 4, B and D one each, C nominated nobody."""
    office.open("tap-huan/2027/de-cu")
    for body, people in zip(COMMUNES, (9, 1, 0, 1), strict=True):
        office.file("tap-huan/2027/de-cu", body, at(2027, 6, 20), LD_19=people)
    office.choose(TRAINED)
    return office


def test_a_place_that_is_given_back_may_be_given_to_another(nominated: Office) -> None:
    changes.drop(nominated.house, TRAINED, B, me(8, 17))
    changes.add(nominated.house, TRAINED, A, me(8, 17), places=5)
    assert {body: row.places for body, row in nominated.selected(TRAINED).items()} == {A: 5, B: 0, C: 0, D: 1}


def test_another_day_leaves_the_places(nominated: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    day = date(2027, 8, 20)
    monkeypatch.setattr(changes, "visit_days", lambda *_: [day])
    changes.add(nominated.house, TRAINED, A, me(8, 17), day=day)
    row = nominated.selected(TRAINED)[A]
    assert (row.places, row.day) == (4, day)


def test_who_is_added_again_after_a_drop_gets_one_place(nominated: Office) -> None:
    changes.drop(nominated.house, TRAINED, A, me(8, 17))
    changes.add(nominated.house, TRAINED, A, me(8, 18))
    assert nominated.selected(TRAINED)[A].places == 1


def test_more_places_than_there_are_is_refused(nominated: Office) -> None:
    with pytest.raises(DecisionRefused, match="Chỉ còn 0 trong 6 chỗ"):
        changes.add(nominated.house, TRAINED, C, me(8, 17))
    with pytest.raises(DecisionRefused, match="từ 1 trở lên"):
        changes.add(nominated.house, TRAINED, A, me(8, 17), places=0)


# ---- refused


def test_without_a_reason_nothing_changes() -> None:
    with pytest.raises(DecisionRefused, match="lý do"):
        Decided("can-bo", "", at(2027, 8, 20))


def test_what_makes_no_sense_is_refused_in_words(chosen: Office) -> None:
    house = chosen.house
    for words, act in {
        "hỏi tất cả": lambda: changes.add(house, "bao-cao/2027", A, BEFORE),
        f"lấy theo đợt kiem-tra/2028/{SELF}": lambda: changes.add(house, f"kiem-tra/2028/{RECORD}", A, BEFORE),
        "chưa chọn đơn vị; máy chọn ngày": lambda: changes.add(house, f"kiem-tra/2028/{SELF}", A, BEFORE),
        "không thuộc diện": lambda: changes.add(house, ROUND, "99999", BEFORE),
        "đã được chọn": lambda: changes.add(house, ROUND, A, BEFORE),
        "không được chọn": lambda: changes.drop(house, ROUND, C, BEFORE),
        "không phân chỗ": lambda: changes.add(house, ROUND, C, BEFORE, places=2),
    }.items():
        with pytest.raises(DecisionRefused, match=words):
            act()
    assert chosen.chosen(ROUND) == [A, B]


def test_who_has_answered_is_not_dropped_and_nobody_joins_too_late(chosen: Office) -> None:
    opened = chosen.open(ROUND)
    chosen.file(ROUND, A, opened + timedelta(days=1), LD_12=0)
    with pytest.raises(DecisionRefused, match="đã nộp"):
        changes.drop(chosen.house, ROUND, A, me(9, 5))
    with pytest.raises(DecisionRefused, match="quá hạn"):
        changes.add(chosen.house, ROUND, C, me(9, 20))


def test_who_was_let_off_by_itself_is_not_added(chosen: Office) -> None:
    """A drop afterwards, and taking it back, do not undo what was decided about the request."""
    chosen.open(ROUND)
    decisions.waive(chosen.house, ROUND, B, me(9, 3))
    changes.drop(chosen.house, ROUND, B, me(9, 5))
    with pytest.raises(DecisionRefused, match="đã được miễn"):
        changes.add(chosen.house, ROUND, B, me(9, 6))
    assert asked(chosen)[B] == "waived"


def test_a_drop_of_the_wrong_body_is_taken_back(chosen: Office) -> None:
    """In the round itself and in the record of the visit; who and why are on record, and the body is told."""
    opened = chosen.open(ROUND)
    chosen.choose(RECORDS)
    chosen.open(RECORDS)
    changes.drop(chosen.house, ROUND, A, me(9, 1))
    assert asked(chosen)[A] == asked(chosen, RECORDS)[A] == "waived"
    changes.add(chosen.house, ROUND, A, me(9, 2, why="bỏ nhầm đơn vị"))
    assert asked(chosen)[A] == asked(chosen, RECORDS)[A] == "sent"
    assert A in chosen.chosen(ROUND) and A in chosen.chosen(RECORDS)
    with chosen.house.ledger.begin() as session:
        events = session.scalars(select(Event).where(Event.kind == "request_asked_again")).all()
        letters = session.scalars(select(LetterOut).join(Request).join(Round).where(
            Round.key == ROUND, Request.body == A).order_by(LetterOut.id)).all()  # fmt: skip
        told = read_letter(letters[-1].raw).text
    assert [e.data for e in events] == [{"by": "can-bo", "why": "bỏ nhầm đơn vị"}] * 2
    assert [x.idem_key.partition(":")[0] for x in letters] == ["request", "waive", "rearranged"]
    assert "không cần" not in told and "thời hạn nộp" in told
    chosen.step(ROUND, opened + timedelta(days=20))
    chosen.file(ROUND, A, at(2027, 9, 8), LD_12=0)
    assert asked(chosen)[A] == "accepted"


def test_a_round_whose_source_never_chose_asks_nobody_until_a_person_adds_one(office: Office) -> None:
    for _ in range(2):
        office.choose(RECORDS)
    rows = office.selected(RECORDS)
    assert {(row.chosen, *row.reasons) for row in rows.values()} == {(False, f"đợt {ROUND} chưa chọn đơn vị nào")}
    assert list(rows) == list(COMMUNES)
    with office.house.ledger.begin() as session:
        assert len(session.scalars(select(Event).where(Event.kind == "bodies_selected")).all()) == 1
    changes.add(office.house, RECORDS, C, me(9, 15))
    opened = office.open(RECORDS)
    assert asked(office, RECORDS) == {C: "queued"}
    changes.add(office.house, RECORDS, D, me(9, 20))
    office.step(RECORDS, opened + timedelta(days=2))
    assert set(asked(office, RECORDS)) == {C, D}


def test_a_body_the_source_did_not_consider_may_be_added(office: Office) -> None:
    office.choose(ROUND)
    with office.house.ledger.begin() as session:
        session.execute(delete(Selected).where(Selected.round_key == ROUND, Selected.body == D))
    office.choose(RECORDS)
    assert office.selected(RECORDS)[D].reasons == [f"đợt {ROUND} không xét đơn vị này"]


# ---- looking


def test_before_the_choice_people_see_what_it_would_be(office: Office) -> None:
    made, rows = changes.shown(office.house, ROUND, at(2027, 7, 1))
    assert (made, [r.body for r in rows if r.chosen]) == (False, [A, B])
    with office.house.ledger.begin() as session:
        assert queries.selection_of(session, ROUND) is None
    office.choose(ROUND)
    changes.drop(office.house, ROUND, A, BEFORE)
    made, rows = changes.shown(office.house, ROUND, at(2027, 8, 21))
    assert (made, rows[0].name, rows[0].changed_by) == (
        True,
        office.house.settings.body(A, date(2027, 1, 1)).name,
        "can-bo",
    )
