"""The calendar of the plan that ships and of a small one: thirty years in order, each milestone known by one name."""

import csv
import os
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, event, given
from hypothesis import settings as options
from hypothesis import strategies as st

from tests.plan.builders import activity, collection, settings
from treem.plan.agenda import RoundPlan, calendar, certain_plans, plan_round, plans_of
from treem.plan.almanac import Almanac, LunarDateUnknown
from treem.plan.consistency.timing import check_dates
from treem.plan.load import load_settings
from treem.plan.settings import Holidays, Offset, Settings, When

CONFIG = Path(__file__).parents[2] / "config"
SMALL = Path(__file__).parent / "small"
YEARS = range(2021, 2051)
ORDER = ("choose", "open", "remind", "due", "chase", "close", "send")
NATIONAL = Almanac(Holidays())


@pytest.fixture(scope="module", params=[CONFIG, SMALL], ids=["shipped", "small"])
def known(request: pytest.FixtureRequest) -> tuple[Settings, Almanac]:
    loaded = load_settings(request.param, {})
    return loaded, Almanac(loaded.holidays)


def small() -> tuple[Settings, Almanac]:
    loaded = load_settings(SMALL, {})
    return loaded, Almanac(loaded.holidays)


def every_plan(known: tuple[Settings, Almanac]) -> list[RoundPlan]:
    return [plan for year in YEARS for plan in plans_of(*known, year)]


def test_in_every_year_milestones_come_in_their_order(known: tuple[Settings, Almanac]) -> None:
    for plan in every_plan(known):
        dates = [m.date for m in plan.milestones]
        steps = [ORDER.index(m.key.partition("-")[0]) for m in plan.milestones if m.key not in ("day", "until")]
        assert dates == sorted(dates), plan.key
        assert steps == sorted(steps), plan.key
        assert plan.begins < plan.due <= plan.date_of("close"), plan.key
        assert plan.legal_due >= plan.due, plan.key


def test_in_every_year_an_activity_ends_after_it_begins(known: tuple[Settings, Almanac]) -> None:
    for plan in every_plan(known):
        days = {m.key: m.date for m in plan.milestones if m.key in ("day", "until")}
        if "until" in days:
            assert days["day"] < days["until"], plan.key
        assert plan.period_start <= plan.period_end, plan.key


def test_dates_are_worked_days_where_the_config_says_so(known: tuple[Settings, Almanac]) -> None:
    _, almanac = known
    for plan in every_plan(known):
        due, of = plan.collection.due, plan.collection
        if due.before or due.roll or due.working_days is not None:
            assert almanac.is_working(plan.due), f"{plan.key} due"
        staged = {"remind": of.reminders, "chase": of.chases}
        offsets = {"open": (of.open,), "close": (of.close,), **staged}
        if of.send_on:
            offsets["send"] = (of.send_on,)
        for milestone in plan.milestones:
            counted = offsets.get(milestone.key.partition("-")[0], (Offset(days=0),))
            if all(offset.working_days is not None for offset in counted):
                assert almanac.is_working(milestone.date), f"{plan.key} {milestone.key}"


def test_every_round_and_every_milestone_of_it_has_a_name_of_its_own(known: tuple[Settings, Almanac]) -> None:
    plans = every_plan(known)
    assert len({p.key for p in plans}) == len(plans)
    assert len({p.title for p in plans}) == len(plans)
    rows = [row for year in YEARS for row in calendar(*known, year)]
    twice = [name for name, n in Counter((row.round, row.milestone) for row in rows).items() if n > 1]
    assert not twice


def test_the_calendar_of_thirty_years_holds_every_milestone_in_its_own_year(known: tuple[Settings, Almanac]) -> None:
    rows = [row for year in YEARS for row in calendar(*known, year)]
    falling = [m for p in every_plan(known) for m in p.milestones if m.date.year in YEARS]
    later = [m for p in certain_plans(*known, (2019, 2020, 2051)) for m in p.milestones if m.date.year in YEARS]
    assert len(rows) == len(falling) + len(later)
    assert [row.date for row in rows] == sorted(row.date for row in rows)


def test_each_key_leads_back_to_its_round(known: tuple[Settings, Almanac]) -> None:
    for plan in plans_of(*known, 2027):
        assert plan_round(*known, plan.key) == plan


def test_own_day_of_an_event_stands_once_and_without_prefix() -> None:
    rows = [r for r in calendar(*small(), 2027) if r.activity == "tet-trung-thu"]
    assert {r.round for r in rows} == {"tet-trung-thu/2027"}
    (own,) = (r for r in rows if r.milestone == "day")
    assert (own.date, own.title) == (date(2027, 9, 15), "Tết Trung thu 2027 – Ngày tổ chức")
    assert [r.milestone for r in rows if r.milestone.endswith("due")] == ["ke-hoach-due", "ket-qua-due"]


# --- the law of the check: what it lets through is in order in every year


def offsets(smallest: int, largest: int) -> st.SearchStrategy[Offset]:
    counts = st.integers(smallest, largest)
    return counts.map(lambda n: Offset(days=n)) | counts.map(lambda n: Offset(working_days=n))


RULES = st.sampled_from(
    [When(before="06-15"), When(on="02-10"), When(on="09-05"), When(on="05-02", roll="after"), When(lunar="01-10")]
)


@options(suppress_health_check=[HealthCheck.filter_too_much], max_examples=60, deadline=None)
@given(
    due=RULES,
    opened=offsets(-30, -1),
    reminders=st.lists(offsets(-30, 0), max_size=2),
    chases=st.lists(offsets(1, 12), max_size=2),
    close=offsets(0, 12),
    send_on=st.none() | offsets(0, 15),
)
def test_what_the_check_lets_through_is_in_order_in_every_year(
    due: When, opened: Offset, reminders: list[Offset], chases: list[Offset], close: Offset, send_on: Offset | None
) -> None:
    days = {"open": opened, "reminders": tuple(reminders), "chases": tuple(chases), "close": close, "send_on": send_on}
    event(f"{'mixed' if len({o.days is None for o in (opened, *reminders, *chases, close)}) > 1 else 'one'} unit")
    asked = activity(due=due, **days)
    assume(not list(check_dates(("activities", 0), asked, Holidays())))
    for year in YEARS:
        plan = plan_round(settings(asked), NATIONAL, f"bao-cao-6-thang/{year}")
        steps = [ORDER.index(m.key.partition("-")[0]) for m in plan.milestones]
        assert steps == sorted(steps), year


# --- Mid-Autumn


def golden() -> dict[int, dict[str, date]]:
    if "TREEM_SHARED" not in os.environ:
        pytest.skip("TREEM_SHARED names no folder of domain data")
    with (Path(os.environ["TREEM_SHARED"]) / "domain" / "trung_thu_2000_2050.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = ("trung_thu_15_8", "tet_1_1", "gio_to_10_3")
    return {int(row["nam"]): {column: date.fromisoformat(row[column]) for column in columns} for row in rows}


def test_the_calendar_has_mid_autumn_on_its_day_in_every_year() -> None:
    days, known = {}, small()
    for year in range(2000, 2051):
        (days[year],) = (r.date for r in calendar(*known, year) if r.milestone == "day")
    assert days == {year: row["trung_thu_15_8"] for year, row in golden().items()}


@pytest.mark.parametrize(
    ("year", "here", "in_china"),
    [(2034, date(2034, 9, 26), date(2034, 9, 27)), (2041, date(2041, 9, 9), date(2041, 9, 10))],
    ids=["2034", "2041"],
)
def test_in_the_trap_years_mid_autumn_is_that_of_hanoi_not_of_beijing(year: int, here: date, in_china: date) -> None:
    own = plan_round(*small(), f"tet-trung-thu/{year}/ket-qua").own_day
    assert own == here
    assert own != in_china


def test_nobody_works_on_tet_and_on_the_day_of_the_hung_kings() -> None:
    for year, row in golden().items():
        if year in YEARS:
            tet = [row["tet_1_1"] + timedelta(days=n) for n in range(-1, 3)]
            assert not any(map(NATIONAL.is_working, [*tet, row["gio_to_10_3"]])), year


# --- the edges of what is certain


@pytest.mark.parametrize("year", [1999, 2051, 2098, 3000])
def test_a_year_that_was_not_checked_is_refused_even_without_feasts(year: int) -> None:
    with pytest.raises(LunarDateUnknown, match=f"năm {year}; lịch chỉ dùng cho các năm 2000–2050"):
        calendar(settings(), NATIONAL, year)


def test_the_last_years_are_whole_though_what_lies_beside_them_is_not_certain() -> None:
    late = settings(activity(due=When(before="01-31", year=1), period=None))
    rows = calendar(late, NATIONAL, 2050)
    assert {r.round for r in rows} == {"bao-cao-6-thang/2049", "bao-cao-6-thang/2050"}
    assert certain_plans(late, NATIONAL, (2051,)) == []
    assert plan_round(late, NATIONAL, "bao-cao-6-thang/2050").due == date(2051, 1, 30)


def test_a_round_named_after_the_year_before_last_still_shows() -> None:
    late = settings(
        activity(due=When(before="12-31", year=1), close=Offset(days=5), send_on=Offset(days=9), period=None)
    )
    assert {r.round for r in calendar(late, NATIONAL, 2027)} == {"bao-cao-6-thang/2025", "bao-cao-6-thang/2026"}


def test_documents_that_stay_have_no_day_of_sending() -> None:
    kept = settings(activity(collections=(collection(send_on=None),)))
    assert "send-on" not in [m.key for m in plan_round(kept, NATIONAL, "bao-cao-6-thang/2027").milestones]
