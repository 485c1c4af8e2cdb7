"""The milestones of a round, and the law of plan against ledger: nothing twice, nobody forgotten, after any outage."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plan.builders import activity, annual, body, settings
from tests.plan.simulator import NOTHING, apply, file, settle
from treem.plan.agenda import (
    RequestFact,
    RoundFacts,
    RoundPlan,
    Step,
    UnknownRound,
    calendar,
    due_steps,
    is_over,
    plan_round,
)
from treem.plan.almanac import Almanac
from treem.plan.settings import Holidays, Offset, OpenRecommendations, When

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
ALMANAC = Almanac(Holidays())
PLAN = plan_round(settings(), ALMANAC, "bao-cao-6-thang/2027")
CODES = tuple(b.code for b in PLAN.bodies)


def at(day: date, hour: int = 8, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)


def on(milestone: str, hour: int = 8) -> datetime:
    return at(PLAN.date_of(milestone), hour)


def asked(*letters: str, filed: tuple[str, ...] = (), closed: bool = False) -> RoundFacts:
    """An open round whose bodies were all asked on its first day, and have these further letters."""
    stages = frozenset({"request", *letters})
    return RoundFacts(
        opened=True,
        requests=tuple(RequestFact(c, True, c in filed, False, stages, on("open")) for c in CODES),
        closed=closed,
        report_state=None,
    )


# --- milestones


@pytest.mark.parametrize(
    ("year", "due"), [(2025, date(2025, 6, 13)), (2026, date(2026, 6, 12)), (2027, date(2027, 6, 14))]
)
def test_before_15_june_is_the_last_working_day_and_the_14th_at_law(year: int, due: date) -> None:
    plan = plan_round(settings(), ALMANAC, f"bao-cao-6-thang/{year}")
    assert plan.due == plan.date_of("due") == due
    assert plan.legal_due == date(year, 6, 14)


def test_milestones_in_order_with_titles() -> None:
    assert [(m.key, m.date) for m in PLAN.milestones] == [
        ("open", date(2027, 5, 15)),
        ("remind-1", date(2027, 6, 4)),
        ("remind-2", date(2027, 6, 10)),
        ("due", date(2027, 6, 14)),
        ("chase-1", date(2027, 6, 15)),
        ("chase-2", date(2027, 6, 17)),
        ("close", date(2027, 6, 21)),
        ("send-on", date(2027, 6, 24)),
    ]
    assert [m.key for m in PLAN.milestones if m.legal_date] == ["due"]
    assert all(m.title for m in PLAN.milestones)
    assert PLAN.title == "Báo cáo 6 tháng 2027"
    assert (PLAN.period_start, PLAN.period_end) == (date(2026, 12, 15), date(2027, 5, 31))


def test_stages_are_numbered_by_date_whatever_their_order_in_the_config() -> None:
    plan = plan_round(settings(activity(reminders=(Offset(days=-2), Offset(days=-9)))), ALMANAC, "bao-cao-6-thang/2027")
    assert plan.date_of("remind-1") < plan.date_of("remind-2")


def test_a_due_date_named_outright_has_no_legal_date_of_its_own() -> None:
    plan = plan_round(settings(activity(key="ngay-1-6", due=When(on="06-01"))), ALMANAC, "ngay-1-6/2027")
    assert plan.due == plan.legal_due == date(2027, 6, 1)
    assert not any(m.legal_date for m in plan.milestones)


def test_only_bodies_of_the_audience_that_exist_on_the_due_date_are_asked() -> None:
    bodies = (
        body("moi", valid_from=date(2027, 7, 1)),
        body("con"),
        body("cu", valid_to=date(2027, 6, 13)),
        body("khac", "mat-tran"),
    )
    plan = plan_round(settings(activity(), bodies=bodies), ALMANAC, "bao-cao-6-thang/2027")
    assert [b.code for b in plan.bodies] == ["con"]


@pytest.mark.parametrize("key", ["bao-cao-quy/2027", "bao-cao-6-thang", "bao-cao-6-thang/27", "bao-cao-6-thang/2027/1"])
def test_an_unknown_round_names_what_could_be_meant(key: str) -> None:
    with pytest.raises(UnknownRound, match="bao-cao-6-thang/2027") as caught:
        plan_round(settings(), ALMANAC, key)
    assert f"“{key}”" in str(caught.value)


def test_calendar_has_what_falls_in_the_year_by_date() -> None:
    rows = calendar(settings(activity(), annual()), ALMANAC, 2027)
    assert [r.date for r in rows] == sorted(r.date for r in rows)
    assert {r.date.year for r in rows} == {2027}
    spilled = [r for r in rows if r.round == "bao-cao-nam/2026"]
    assert [(r.milestone, r.date) for r in spilled] == [("send-on", date(2027, 1, 8))]
    due = next(r for r in rows if r.round == "bao-cao-nam/2027" and r.milestone == "due")
    assert (due.date, due.legal_date, due.activity) == (date(2027, 12, 9), date(2027, 12, 9), "bao-cao-nam")
    assert due.title == "Báo cáo năm 2027 – Hạn nộp"


# --- steps


def test_nothing_is_due_before_the_hour_of_opening() -> None:
    assert due_steps(PLAN, NOTHING, at(PLAN.date_of("open"), 7, 59)) == ()


def test_opening_asks_every_body_and_counts_in_any_zone() -> None:
    expected = (Step("open", "open"), *(Step("ask", "open", c) for c in CODES))
    assert due_steps(PLAN, NOTHING, on("open")) == expected
    assert due_steps(PLAN, NOTHING, on("open").astimezone(UTC)) == expected


def test_a_half_asked_round_asks_the_rest() -> None:
    first, *rest = asked().requests
    facts = replace(
        asked(), requests=(first, *(replace(r, sent=False, letters=frozenset(), asked_at=None) for r in rest))
    )
    assert due_steps(PLAN, facts, on("open", 9)) == tuple(Step("ask", "open", r.body) for r in rest)


def test_after_an_outage_only_the_latest_reminder_is_written() -> None:
    assert due_steps(PLAN, asked(), on("remind-2")) == tuple(Step("remind", "remind-2", c) for c in CODES)


def test_reminded_up_to_the_evening_of_the_due_day_and_never_after() -> None:
    assert {s.action for s in due_steps(PLAN, asked("remind-1"), on("due", 23))} == {"remind"}
    assert due_steps(PLAN, asked("remind-1"), at(PLAN.due + timedelta(days=1), 0)) == ()


def test_a_body_asked_only_now_is_neither_reminded_nor_chased_for_what_had_passed() -> None:
    for milestone in ("remind-2", "chase-2"):
        now = on(milestone, 10)
        facts, done = settle(NOTHING, PLAN, now)
        assert {s.action for s in done} == {"open", "ask"}
        assert due_steps(PLAN, facts, now + timedelta(hours=1)) == ()


def test_asked_late_it_is_still_chased_at_the_next_stage() -> None:
    facts, _ = settle(NOTHING, PLAN, on("chase-1", 10))
    assert due_steps(PLAN, facts, on("chase-2")) == tuple(Step("chase", "chase-2", c) for c in CODES)


def test_a_look_after_closing_day_chases_once_and_closes_together() -> None:
    now = on("close") + timedelta(days=3)
    steps = due_steps(PLAN, asked(filed=CODES[:1]), now)
    assert steps == (*(Step("chase", "chase-2", c) for c in CODES[1:]), Step("close", "close"))
    _, done = settle(asked(filed=CODES[:1]), PLAN, now)
    assert [s.action for s in done] == ["chase"] * (len(CODES) - 1) + ["close", "draft", "ask_approval"]


def test_a_closed_round_chases_nobody() -> None:
    assert {s.action for s in due_steps(PLAN, asked(closed=True), on("chase-2"))} == {"draft"}


def test_a_waived_body_is_left_alone() -> None:
    facts = asked()
    facts = replace(facts, requests=tuple(replace(r, closed=r.body == CODES[0]) for r in facts.requests))
    assert [s.body for s in due_steps(PLAN, facts, on("chase-1"))] == list(CODES[1:])


def test_a_body_that_left_the_config_is_asked_no_longer() -> None:
    plan = replace(PLAN, bodies=PLAN.bodies[1:])
    steps = due_steps(plan, asked(), on("chase-1"))
    assert [(s.action, s.body) for s in steps] == [("leave", CODES[0]), *(("chase", code) for code in CODES[1:])]


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (None, "draft"),
        ("returned", "draft"),
        ("superseded", "draft"),
        ("draft", "ask_approval"),
        ("awaiting_approval", "ask_approval"),
        ("approved", "send_on"),
        ("numbered", "send_on"),
        ("sent", None),
    ],
)
def test_the_report_goes_one_step_further(state: str | None, action: str | None) -> None:
    facts = replace(asked(closed=True), report_state=state)
    assert [s.action for s in due_steps(PLAN, facts, on("send-on"))] == ([action] if action else [])


@pytest.mark.parametrize(("state", "action"), [("approved", "ask_number"), ("numbered", "send_on")])
def test_where_the_office_wants_it_an_approved_report_waits_for_its_number(state: str, action: str) -> None:
    facts = replace(asked(closed=True), report_state=state)
    assert [s.action for s in due_steps(replace(PLAN, needs_number=True), facts, on("send-on"))] == [action]


# --- laws

MINUTES = int((on("send-on") - on("open")).total_seconds() // 60)
INSTANTS = st.integers(-2000, MINUTES + 20_000).map(lambda m: on("open") + timedelta(minutes=m))
LOOKS = st.lists(INSTANTS, min_size=1, max_size=12).map(sorted)
FILINGS = st.fixed_dictionaries({c: st.none() | INSTANTS for c in CODES})
OFFSETS = st.one_of(
    st.builds(lambda n: Offset(days=n), st.integers(1, 20)),
    st.builds(lambda n: Offset(working_days=n), st.integers(1, 14)),
)


@st.composite
def plans(draw: st.DrawFn) -> RoundPlan:
    """Rounds with any number of reminders and chases; some chases fall after closing, some on one day."""
    before = st.integers(-25, 0).map(lambda n: Offset(days=n))
    entry = activity(
        reminders=tuple(draw(st.lists(before, max_size=3))),
        chases=tuple(draw(st.lists(OFFSETS, max_size=4))),
        close=draw(OFFSETS),
        hour=draw(st.sampled_from([0, 8, 23])),
    )
    return plan_round(settings(entry), ALMANAC, f"bao-cao-6-thang/{draw(st.integers(2025, 2027))}")


def moved(moment: datetime, plan: RoundPlan) -> datetime:
    """The same time of the round in the plan's own year."""
    return moment + (plan.due - PLAN.due)


@given(plans(), LOOKS, FILINGS)
def test_whatever_the_outages_nothing_twice_nobody_filed_disturbed_nobody_late_forgotten(
    plan: RoundPlan, looks: list[datetime], filings: dict[str, datetime | None]
) -> None:
    facts = NOTHING
    for look in (moved(x, plan) for x in looks):
        filed = {c for c, when in filings.items() if when and moved(when, plan) <= look}
        before = file(facts, tuple(filed))
        facts, done = settle(before, plan, look)  # the simulator refuses any letter written twice
        letters = [(s.action, s.body) for s in done if s.body]
        assert len(letters) == len(set(letters)), "more than one letter of a kind to a body in one look"
        disturbed = {r.body for r in before.requests if r.filed} & {s.body for s in done}
        assert not disturbed
        if any(s.action == "remind" for s in done):
            assert look.astimezone(ZONE).date() <= plan.due
        if not before.closed:
            assert_nobody_forgotten(plan, facts, look)


def assert_nobody_forgotten(plan: RoundPlan, facts: RoundFacts, look: datetime) -> None:
    passed = [m for m in plan.staged("chase") if plan.instant_of(m) <= look]
    for request in facts.requests:
        if passed and not request.filed and request.asked_at and request.asked_at < plan.instant_of(passed[-1]):
            assert passed[-1].key in request.letters, f"{request.body} was late and not chased"


@given(plans(), LOOKS, FILINGS)
def test_the_same_look_again_changes_nothing(
    plan: RoundPlan, looks: list[datetime], filings: dict[str, datetime | None]
) -> None:
    facts = NOTHING
    for look in (moved(x, plan) for x in looks):
        facts = file(facts, tuple(c for c, when in filings.items() if when and moved(when, plan) <= look))
        facts, _ = settle(facts, plan, look)
        again = due_steps(plan, facts, look)
        assert apply(again, facts, plan, look) == facts
        assert {s.action for s in again} <= {"ask_approval"}  # an approval that is waited for stays due


@given(plans(), LOOKS)
def test_every_round_ends_with_everybody_asked_and_a_draft_that_waits(plan: RoundPlan, looks: list[datetime]) -> None:
    facts = NOTHING
    end = plan.instant_of(plan.milestones[-1]) + timedelta(days=60)
    close = plan.instant_of(next(m for m in plan.milestones if m.key == "close"))
    opening = plan.instant_of(plan.milestones[0])
    for look in [opening, *(x for look in looks if (x := moved(look, plan)) >= opening), end]:
        facts, _ = settle(facts, plan, look)
    assert opening < close
    assert facts.closed
    assert facts.report_state == "awaiting_approval"
    assert all("request" in r.letters for r in facts.requests)


@given(plans())
def test_a_round_first_looked_at_after_its_closing_day_asks_nobody(plan: RoundPlan) -> None:
    close = plan.instant_of(next(m for m in plan.milestones if m.key == "close"))
    assert due_steps(plan, NOTHING, close) == ()
    assert due_steps(plan, NOTHING, close - timedelta(minutes=1))[0].action == "open"


@given(plans(), INSTANTS, st.lists(st.booleans(), min_size=60, max_size=60))
def test_a_stop_between_any_two_steps_loses_and_repeats_nothing(
    plan: RoundPlan, moment: datetime, stops: list[bool]
) -> None:
    """Kill the run after any step and look again at once: the same letters as in one go."""
    now = moved(moment, plan)
    whole, _ = settle(NOTHING, plan, now)
    facts = NOTHING
    for stop in stops:
        steps = due_steps(plan, facts, now)
        facts = apply(steps[:1] if stop else steps, facts, plan, now)
    assert settle(facts, plan, now)[0] == whole


# --- extensions and addresses that do not work


def one_of(facts: RoundFacts, **changes: object) -> RoundFacts:
    """The same facts, with the first body's request changed."""
    first, *others = facts.requests
    return replace(facts, requests=(replace(first, **changes), *others))


def test_an_extended_body_is_chased_that_much_later_and_the_others_as_planned() -> None:
    extended = one_of(asked("remind-1", "remind-2"), due=PLAN.due + timedelta(days=3))
    steps = due_steps(PLAN, extended, on("chase-1"))
    assert {s.body for s in steps if s.action == "chase"} == set(CODES[1:])
    later = due_steps(PLAN, extended, on("chase-1") + timedelta(days=3))
    assert Step("chase", "chase-1", CODES[0]) in later


def test_an_extended_body_is_still_reminded_before_its_own_day() -> None:
    extended = one_of(asked(), due=PLAN.due + timedelta(days=5))
    (step, *others) = due_steps(PLAN, extended, on("due") + timedelta(days=1))
    assert (step.action, step.body) == ("remind", CODES[0])
    assert {s.action for s in others} <= {"chase"}


@pytest.mark.parametrize("stage", ["request", "remind-1"])
def test_a_letter_in_vain_goes_to_the_next_address_or_nowhere(stage: str) -> None:
    emails = ("mot@tamduong.test", "hai@tamduong.test")
    bodies = (PLAN.bodies[0].model_copy(update={"emails": emails}), *PLAN.bodies[1:])
    plan = replace(PLAN, bodies=bodies)
    when = on("remind-1")
    lost = {stage: frozenset(emails[:1])}
    facts = one_of(asked("remind-1"), lost=lost)
    wanted = Step({"request": "ask", "remind-1": "remind"}[stage], {"request": "open"}.get(stage, stage), CODES[0])
    assert due_steps(plan, replace(facts, dead=frozenset(emails[:1])), when) == (wanted,)
    assert due_steps(plan, facts, when) == (wanted,)  # the first address is merely bouncing
    assert due_steps(plan, replace(facts, dead=frozenset(emails[1:])), when) == ()
    assert due_steps(plan, replace(facts, dead=frozenset(emails)), when) == ()
    tried = one_of(facts, lost={stage: frozenset(emails)})
    assert due_steps(plan, tried, when) == ()  # the addresses may work again: the next stage will tell
    assert Step("remind", "remind-2", CODES[0]) in due_steps(plan, tried, on("remind-2"))


def test_nobody_is_written_to_at_a_dead_address_until_the_register_has_another() -> None:
    dead = replace(asked(), dead=frozenset(e.lower() for e in PLAN.bodies[0].emails))
    assert {s.body for s in due_steps(PLAN, dead, on("remind-1"))} == set(CODES[1:])
    mended = (PLAN.bodies[0].model_copy(update={"emails": ("moi@tamduong.test",)}), *PLAN.bodies[1:])
    steps = due_steps(replace(PLAN, bodies=mended), dead, on("remind-1"))
    assert {s.body for s in steps} == set(CODES)


# --- the config changes in the middle of a round

LATER = plan_round(settings(activity(due=When(before="06-22"))), ALMANAC, "bao-cao-6-thang/2027")
WHEN = on("open") + timedelta(days=3)


def told(facts: RoundFacts, **changes: object) -> RoundFacts:
    """The same facts, with every body asked by the plan's own day; `changes` are of the first."""
    known = replace(facts, requests=tuple(replace(r, due=PLAN.due, told=PLAN.due) for r in facts.requests))
    return one_of(known, **changes) if changes else known


def test_a_day_that_moved_is_a_step_for_each_body_once() -> None:
    facts = told(asked(filed=CODES[:1]))
    assert due_steps(PLAN, facts, WHEN) == ()
    steps = due_steps(LATER, facts, WHEN)
    assert steps == tuple(Step("move", "due", code) for code in CODES)  # for who answered without a letter
    assert due_steps(LATER, apply(steps, facts, LATER, WHEN), WHEN) == ()


@pytest.mark.parametrize("changes", [{"closed": True}, {"told": None}], ids=["waived", "old"])
def test_who_waits_for_no_day_is_not_told(changes: dict[str, object]) -> None:
    assert Step("move", "due", CODES[0]) not in due_steps(LATER, told(asked(), **changes), WHEN)


def test_a_round_that_closed_moves_no_day() -> None:
    assert {s.action for s in due_steps(LATER, told(asked(closed=True)), WHEN)} == {"draft"}


def test_the_next_reminder_goes_by_the_new_day() -> None:
    facts, done = settle(told(asked()), LATER, on("remind-1"))
    assert {s.action for s in done} == {"move"}
    reminded = LATER.instant_of(LATER.milestone("remind-1"))
    assert {s.action for s in due_steps(LATER, facts, reminded)} == {"remind"}


def test_an_extended_body_keeps_its_later_day_and_gets_its_reminder_by_it() -> None:
    own = LATER.due + timedelta(days=5)
    facts, _ = settle(told(asked(), due=own), LATER, WHEN)
    assert {r.body: r.due for r in facts.requests} == {c: own if c == CODES[0] else LATER.due for c in CODES}
    reminded = LATER.instant_of(LATER.milestone("remind-1"))
    assert {s.body for s in due_steps(LATER, facts, reminded)} == set(CODES[1:])
    assert Step("remind", "remind-1", CODES[0]) in due_steps(LATER, facts, reminded + timedelta(days=5))


def test_a_body_that_came_is_asked_and_one_that_ended_is_asked_no_longer() -> None:
    bodies = (*PLAN.bodies[1:], body("moi"))
    plan = replace(PLAN, bodies=bodies)
    facts, done = settle(told(asked()), plan, WHEN)
    assert done == [Step("join", "open", "moi"), Step("leave", "open", CODES[0]), Step("ask", "open", "moi")]
    assert {r.body: r.left for r in facts.requests} == {CODES[0]: True, **dict.fromkeys((*CODES[1:], "moi"), False)}
    back, done = settle(facts, PLAN, WHEN + timedelta(days=1))
    assert done == [Step("join", "open", CODES[0]), Step("leave", "open", "moi")]  # asked already: no second request
    assert settle(back, PLAN, WHEN + timedelta(days=1)) == (back, [])


def test_who_filed_before_it_ended_is_left_as_it_is() -> None:
    plan = replace(PLAN, bodies=PLAN.bodies[1:])
    assert due_steps(plan, told(asked(filed=CODES[:1])), WHEN) == ()


def test_nobody_joins_after_the_deadline() -> None:
    plan = replace(PLAN, bodies=(*PLAN.bodies, body("moi")))
    assert Step("join", "open", "moi") in due_steps(plan, told(asked()), on("due", 23))
    assert Step("join", "open", "moi") not in due_steps(plan, told(asked()), at(PLAN.due + timedelta(days=1), 0))


CHANGES = st.lists(
    st.tuples(st.sampled_from([-4, 0, 3, 8]), st.sets(st.sampled_from([*CODES, "moi"]), min_size=1), INSTANTS),
    min_size=1,
    max_size=6,
).map(lambda found: sorted(found, key=lambda change: change[2]))


@given(CHANGES, FILINGS)
def test_whatever_changes_everybody_asked_knows_the_day_and_nothing_is_said_twice(
    changes: list[tuple[int, set[str], datetime]], filings: dict[str, datetime | None]
) -> None:
    known = {b.code: b for b in (*PLAN.bodies, body("moi"))}
    facts = NOTHING
    for days, codes, look in changes:
        rule = When(on=f"{PLAN.due + timedelta(days=days):%m-%d}")
        plan = plan_round(settings(activity(due=rule)), ALMANAC, "bao-cao-6-thang/2027")
        plan = replace(plan, bodies=tuple(known[code] for code in sorted(codes)))
        facts = file(facts, tuple(c for c, when in filings.items() if when and when <= look))
        facts, done = settle(facts, plan, look)
        assert len(done) == len(set(done))
        assert settle(facts, plan, look) == (facts, [])
        if facts.opened and not facts.closed:
            waiting = [r for r in facts.requests if not r.filed and not r.closed]
            assert {r.body for r in waiting} <= codes
            assert {r.told for r in waiting} <= {plan.due}
            if look.astimezone(ZONE).date() <= plan.due:
                assert {r.body for r in facts.requests if not r.left} >= codes


# --- whom to ask, and what stays in the office


def selecting(**more: Any) -> RoundPlan:
    rule = OpenRecommendations(rule="open_recommendations")
    return plan_round(settings(activity(selection=rule, **more)), ALMANAC, "bao-cao-6-thang/2027")


def test_bodies_are_chosen_before_anybody_is_asked() -> None:
    plan = selecting(choose=Offset(days=-40))
    chosen_at = plan.instant_of(plan.milestone("choose"))
    assert plan.begins == plan.date_of("choose") < plan.date_of("open")
    assert due_steps(plan, NOTHING, chosen_at - timedelta(minutes=1)) == ()
    facts, done = settle(NOTHING, plan, chosen_at)
    assert done == [Step("choose", "choose")]
    facts, done = settle(facts, plan, on("open"))
    assert done == [Step("open", "open"), *(Step("ask", "open", code) for code in CODES[:2])]
    assert {r.body for r in facts.requests} == set(CODES[:2])


def test_without_a_day_of_its_own_the_choice_is_made_at_the_opening_and_first() -> None:
    _, done = settle(NOTHING, selecting(), on("open") + timedelta(days=2))
    assert [s.action for s in done] == ["choose", "open", "ask", "ask"]


def test_a_choice_that_a_person_changed_changes_who_is_asked() -> None:
    plan = selecting()
    facts, _ = settle(NOTHING, plan, on("open"))
    changed = replace(facts, chosen=frozenset(CODES[1:]))
    _, done = settle(changed, plan, WHEN)
    assert done == [Step("join", "open", CODES[2]), Step("leave", "open", CODES[0]), Step("ask", "open", CODES[2])]


def test_nobody_chosen_means_nobody_asked_and_no_report() -> None:
    plan = selecting()
    facts = replace(NOTHING, chosen=frozenset())
    facts, done = settle(facts, plan, on("close"))
    assert done == []  # first looked at on the closing day
    facts, done = settle(replace(NOTHING, chosen=frozenset()), plan, on("open"))
    facts, more = settle(facts, plan, on("close"))
    assert [s.action for s in (*done, *more)] == ["open", "close"]
    assert is_over(facts)


def test_a_round_nobody_opened_in_time_chooses_nobody() -> None:
    assert due_steps(selecting(), NOTHING, on("close")) == ()


def test_a_document_that_stays_in_the_office_asks_for_no_approval() -> None:
    plan = plan_round(settings(activity(send_on=None)), ALMANAC, "bao-cao-6-thang/2027")
    assert [m.key for m in plan.milestones][-1] == "close"
    kept = replace(asked(closed=True), report_state="kept")
    assert due_steps(plan, kept, on("close")) == ()
    assert is_over(kept)
