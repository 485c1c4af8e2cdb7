"""Selections from the ledger: what counts as a visit, as risk, as training; and the same ledger, the same choice."""

from datetime import date

from sqlalchemy import select, text

from tests.rounds.selecting.office import COMMUNES, FOLLOW_UP, NOMINATED, RECORD, SELF, Office, at
from treem.ledger import queries
from treem.ledger.tables import Event
from treem.plan.agenda import is_over
from treem.plan.settings import Body, Places, UntilYes
from treem.rounds.selecting import RULES, choices_of, gathering, visit_days


def own(year: int) -> str:
    return f"kiem-tra/{year}/{SELF}"


def reasons(office: Office, year: int) -> dict[str, str]:
    return {body: "; ".join(row.reasons) for body, row in office.selected(own(year)).items()}


# ---- rotation


def test_who_was_visited_last_year_waits_while_others_are_due(office: Office) -> None:
    first = office.inspect(2027)
    assert first == list(COMMUNES[:2])
    assert office.inspect(2028) == list(COMMUNES[2:])
    assert office.inspect(2029) == first


def test_late_and_missing_reports_and_incidents_come_first(office: Office) -> None:
    for year in (2026, 2027):
        office.open(f"bao-cao/{year}")
    office.file("bao-cao/2027", COMMUNES[0], at(2027, 3, 10), LD_12=0)
    office.file("bao-cao/2027", COMMUNES[1], at(2027, 3, 14), LD_12=0)
    office.file("bao-cao/2027", COMMUNES[2], at(2027, 3, 16), LD_12=4)
    office.close("bao-cao/2027")
    office.choose(own(2027))
    assert office.chosen(own(2027)) == [COMMUNES[2], COMMUNES[3]]
    said = reasons(office, 2027)
    assert "nộp chậm: Lần bao-cao 2027; có vụ việc theo LD-12" in said[COMMUNES[2]]
    assert "chưa nộp: Lần bao-cao 2027" in said[COMMUNES[3]]
    assert "2026" not in said[COMMUNES[3]]  # that round is not closed


def test_a_sensitive_number_stands_in_no_reason(office: Office) -> None:
    office.open("bao-cao/2027")
    office.file("bao-cao/2027", COMMUNES[0], at(2027, 3, 10), LD_12=4)
    office.choose(own(2027))
    assert office.house.settings.indicator_of("LD-12").sensitive
    assert reasons(office, 2027)[COMMUNES[0]].endswith("có vụ việc theo LD-12")


def test_open_recommendations_bring_the_team_back(office: Office) -> None:
    office.inspect(2027, {"kien-nghi-1": "Rào các ao"})
    office.choose(own(2028))
    assert office.chosen(own(2028)) == list(COMMUNES[2:])  # whose turn it is goes first …
    with office.house.ledger.begin() as session:
        choices = choices_of(office.house, session, office.house.plan(own(2028)), date(2028, 8, 1))
    assert [c.reasons[-1] for c in choices if not c.chosen] == ["còn 1 kiến nghị chưa thực hiện"] * 2  # … then these


def test_a_visit_without_a_record_does_not_count_once_the_record_is_overdue(office: Office) -> None:
    office.choose(own(2027))
    office.open(own(2027))
    assert office.chosen(own(2027)) == list(COMMUNES[:2])
    plan = office.house.plan(own(2028))
    with office.house.ledger.begin() as session:
        soon = choices_of(office.house, session, plan, date(2027, 10, 1))
        late = choices_of(office.house, session, plan, date(2028, 8, 1))
    assert [c.body for c in soon if c.chosen] == list(COMMUNES[2:])
    assert {c.body for c in late if c.chosen} == set(COMMUNES)
    assert any("năm 2027 đã chọn nhưng không có biên bản" in r for c in late for r in c.reasons)
    assert sum("vượt mức 2 đơn vị" in c.reasons[-1] for c in late) == 2


def test_the_history_of_a_code_is_not_that_of_the_body_that_has_it_later(office: Office) -> None:
    office.inspect(2027)
    office.registered(COMMUNES[0], valid_from=date(2028, 1, 1))
    office.choose(own(2028))
    assert "chưa được kiểm tra (có trong danh sách từ năm 2028)" in reasons(office, 2028)[COMMUNES[0]]


def test_the_same_ledger_gives_the_same_choice_in_whatever_order_the_register_is(office: Office) -> None:
    office.inspect(2027, {"kien-nghi-1": "Rào các ao"})
    with office.house.ledger.begin() as session:
        wanted = choices_of(office.house, session, office.house.plan(own(2028)), date(2028, 8, 1))
    office.turn_register()
    plan = office.house.plan(own(2028))
    with office.house.ledger.begin() as session:
        assert choices_of(office.house, session, plan, date(2028, 8, 1)) == wanted


def test_visits_are_on_working_days_between_the_first_and_the_last(office: Office) -> None:
    office.inspect(2027)
    days = visit_days(office.house, office.house.plan(own(2027)))
    given = [row.day for row in office.selected(own(2027)).values() if row.chosen]
    assert days[0] <= given[0] < given[1] <= days[-1]  # type: ignore[operator]
    assert set(given) <= set(days)
    assert [row.day for row in office.selected(f"kiem-tra/2027/{RECORD}").values() if row.chosen] == given


def test_choosing_is_recorded_once(office: Office) -> None:
    for _ in range(2):
        office.choose(own(2027))
    with office.house.ledger.begin() as session:
        events = session.scalars(select(Event).where(Event.kind == "bodies_selected")).all()
        assert session.scalar(text("SELECT count(*) FROM selected")) == len(COMMUNES)
    assert [e.data for e in events] == [{"round": own(2027), "chosen": 2}]


# ---- places


def nominate(office: Office, year: int, *people: int) -> None:
    office.open(f"tap-huan/{year}/de-cu")
    for body, number in zip(COMMUNES, people, strict=True):
        office.file(f"tap-huan/{year}/de-cu", body, at(year, 6, 20), LD_19=number)
    office.choose(f"tap-huan/{year}/ket-qua")


def places(office: Office, year: int) -> dict[str, int | None]:
    return {body: row.places for body, row in office.selected(f"tap-huan/{year}/ket-qua").items()}


def test_places_follow_the_nominations_and_who_had_fewest_comes_first(office: Office) -> None:
    nominate(office, 2027, 9, 1, 0, 2)
    a, b, c, d = COMMUNES
    assert places(office, 2027) == {a: 4, b: 1, d: 1, c: 0}
    assert office.chosen("tap-huan/2027/ket-qua") == [a, b, d]
    nominate(office, 2028, 1, 1, 9, 2)
    rows = office.selected("tap-huan/2028/ket-qua")
    assert list(rows) == [c, b, d, a]
    assert "đã tập huấn những năm gần đây: 4 người" in rows[a].reasons


def test_without_nominations_nobody_is_invited_and_the_round_is_over(office: Office) -> None:
    office.choose("tap-huan/2027/ket-qua")
    assert set(places(office, 2027).values()) == {0}
    office.close("tap-huan/2027/ket-qua")
    with office.house.ledger.begin() as session:
        facts = queries.round_facts(session, "tap-huan/2027/ket-qua")
    assert (facts.chosen, is_over(facts)) == (frozenset(), True)


def test_nominations_and_training_of_a_code_are_not_those_of_the_body_that_has_it_later(office: Office) -> None:
    a, b, c, d = COMMUNES
    nominate(office, 2027, 9, 1, 0, 2)
    office.open("tap-huan/2028/de-cu")
    for body in (a, c):
        office.file("tap-huan/2028/de-cu", body, at(2028, 6, 20), LD_19=2)
    office.registered(a, valid_from=date(2028, 1, 1))
    office.registered(c, valid_from=date(2028, 7, 15))  # nominated by the body that had the code until then
    office.choose("tap-huan/2028/ket-qua")
    rows = office.selected("tap-huan/2028/ket-qua")
    assert "đã tập huấn những năm gần đây: 0 người" in rows[a].reasons
    assert (places(office, 2028)[a], places(office, 2028)[c], rows[c].reasons) == (2, 0, ["không cử người"])


def test_who_came_counts_for_the_body_that_had_the_code(office: Office) -> None:
    a, b, *_ = COMMUNES
    nominate(office, 2027, 1, 1, 0, 0)
    office.open("tap-huan/2027/ket-qua")
    for body in (a, b):
        office.file("tap-huan/2027/ket-qua", body, at(2027, 8, 30), LD_19=3)
    office.registered(a, valid_from=date(2028, 1, 1))
    rule = Places(rule="places", nominations="de-cu", figure=NOMINATED, places=6, trained=NOMINATED)
    with office.house.ledger.begin() as session:
        found = gathering.nominations(office.house, session, office.house.plan("tap-huan/2028/ket-qua"), rule)
    trained = {n.body: n.trained for n in found}
    assert (trained[a], trained[b]) == (0, 4)  # the nomination of that year stands under the same figure


# ---- until yes


def test_what_another_body_of_the_code_has_done_is_not_done(office: Office) -> None:
    a, b, *_ = COMMUNES
    office.open("bao-cao/2027")
    for body in (a, b):
        office.file("bao-cao/2027", body, at(2027, 3, 10), LD_12=1)
    office.registered(a, valid_from=date(2027, 6, 1))
    rule = UntilYes(rule="until_yes", figures=("LD-12",))
    with office.house.ledger.begin() as session:
        choices = RULES[UntilYes](office.house, session, office.house.plan("bao-cao/2028"), rule, date(2028, 1, 5))
    said = {choice.body: (choice.chosen, choice.reasons) for choice in choices}
    assert said[a] == (True, ("chưa có: LD-12",))
    assert said[b] == (False, ("đã thực hiện xong",))


# ---- open recommendations


def test_only_bodies_with_open_recommendations_are_asked(office: Office) -> None:
    visited = office.inspect(2027, {"kien-nghi-1": "Rào các ao", "kien-nghi-2": "Cử người"})
    office.choose(f"kiem-tra/2027/{FOLLOW_UP}")
    assert office.chosen(f"kiem-tra/2027/{FOLLOW_UP}") == visited
    assert office.selected(f"kiem-tra/2027/{FOLLOW_UP}")[visited[0]].reasons == ["còn 2 kiến nghị chưa thực hiện"]


def test_the_successor_of_a_body_that_ended_has_its_recommendations(office: Office) -> None:
    visited = office.inspect(2027, {"kien-nghi-1": "Rào các ao"})
    old = next(b for b in office.house.settings.register_.bodies if b.code == visited[0])
    new = Body.model_validate(old.model_dump() | {"code": "99001", "valid_from": date(2027, 11, 1)})
    office.registered(old.code, new, valid_to=date(2027, 10, 31), successors=("99001",))
    office.choose(f"kiem-tra/2027/{FOLLOW_UP}")
    assert set(office.chosen(f"kiem-tra/2027/{FOLLOW_UP}")) == {"99001", visited[1]}
