"""The rotation as a pure rule: nobody is forgotten whatever the risks say, and the same facts give the same choice."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treem.plan.settings import RiskPoints
from treem.rounds.selecting.risk import Incidents, Record, Risk, weigh
from treem.rounds.selecting.rotation import Candidate, rotate, spread

YEARS = range(2027, 2039)
BODIES = st.integers(1, 16)
EVERY = st.integers(1, 5)
AT_MOST = st.integers(1, 8)
SEEDS = st.integers(0, 2**32)


def lived(bodies: int, every_years: int, at_most: int, seed: int, steady: bool = False) -> list[set[str]]:
    """Whom the rule chose in each of twelve years, the risks being anything at all."""
    chance = Random(seed)
    risks = {n: chance.choice((0, 0, 1, 3, 50)) for n in range(bodies)}
    known = [Candidate(f"{n:05}", listed=YEARS[0]) for n in range(bodies)]
    years = []
    for year in YEARS:
        if not steady:
            risks = {n: chance.choice((0, 0, 1, 3, 50)) for n in range(bodies)}
        known = [replace(c, risk=Risk(risks[n])) for n, c in enumerate(known)]
        chosen = {c.body for c in rotate(known, year, every_years, at_most) if c.chosen}
        known = [replace(c, visited=year) if c.body in chosen else c for c in known]
        years.append(chosen)
    return years


@given(BODIES, EVERY, AT_MOST, SEEDS, st.booleans())
def test_every_body_is_visited_in_every_window_of_years(
    bodies: int, every: int, at_most: int, seed: int, steady: bool
) -> None:
    years = lived(bodies, every, at_most, seed, steady)
    everybody = {f"{n:05}" for n in range(bodies)}
    for first in range(len(years) - every + 1):
        assert set().union(*years[first : first + every]) == everybody


@given(BODIES, EVERY, AT_MOST, SEEDS, st.booleans())
def test_a_year_takes_no_more_than_it_may_or_the_rotation_needs(
    bodies: int, every: int, at_most: int, seed: int, steady: bool
) -> None:
    needed = -(-bodies // every)
    for chosen in lived(bodies, every, at_most, seed, steady):
        assert min(at_most, bodies) <= len(chosen) <= max(at_most, needed)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Candidate, ...]:
    made = []
    for n in range(draw(BODIES)):
        listed = draw(st.integers(2020, 2027))
        visited = draw(st.none() | st.integers(listed, 2026)) if listed < 2027 else None
        missed = draw(st.none() | st.integers(2024, 2026))
        made.append(Candidate(f"{n:05}", listed, visited, missed, Risk(draw(st.integers(0, 9)))))
    return tuple(made)


@given(situations(), EVERY, AT_MOST, SEEDS)
def test_the_order_of_the_bodies_says_nothing(known: Sequence[Candidate], every: int, at_most: int, seed: int) -> None:
    mixed = list(known)
    Random(seed).shuffle(mixed)
    assert rotate(mixed, 2027, every, at_most) == rotate(known, 2027, every, at_most)


@given(situations(), EVERY, AT_MOST)
def test_everybody_is_placed_once_with_a_reason_and_whose_time_is_up_is_chosen(
    known: Sequence[Candidate], every: int, at_most: int
) -> None:
    choices = rotate(known, 2027, every, at_most)
    assert sorted(c.body for c in choices) == [c.body for c in known]
    assert all(c.reasons and all(c.reasons) for c in choices)
    chosen = {c.body for c in choices if c.chosen}
    assert chosen >= {c.body for c in known if c.last_year(every) <= 2027}


@given(situations(), EVERY, AT_MOST, st.data())
def test_more_risk_never_takes_a_body_out(
    known: Sequence[Candidate], every: int, at_most: int, data: st.DataObject
) -> None:
    chosen = [c.body for c in rotate(known, 2027, every, at_most) if c.chosen]
    body = data.draw(st.sampled_from(chosen))
    riskier = [replace(c, risk=Risk(c.risk.points + 5)) if c.body == body else c for c in known]
    assert body in {c.body for c in rotate(riskier, 2027, every, at_most) if c.chosen}


def test_the_reasons_say_turn_risk_and_what_the_rotation_demands_beyond_the_limit() -> None:
    known = [
        Candidate("a", 2024, visited=2024),
        Candidate("b", 2024, visited=2024, missed=2026),
        Candidate("c", 2024, visited=2026, risk=Risk(9, ("còn 3 kiến nghị chưa thực hiện",))),
        Candidate("d", 2027),
    ]
    words = {c.body: (c.chosen, "; ".join(c.reasons)) for c in rotate(known, 2027, every_years=3, at_most=1)}
    assert words == {
        "a": (True, "đến lượt: kiểm tra lần gần nhất năm 2024 (mỗi đơn vị ít nhất 3 năm một lần)"),
        "b": (
            True,
            "đến lượt: kiểm tra lần gần nhất năm 2024 (mỗi đơn vị ít nhất 3 năm một lần); năm 2026 đã chọn nhưng "
            "không có biên bản; vượt mức 1 đơn vị mỗi năm vì vòng kiểm tra đòi hỏi",
        ),
        "c": (
            False,
            "chưa đến lượt: kiểm tra lần gần nhất năm 2026, chậm nhất năm 2029; còn 3 kiến nghị chưa thực hiện",
        ),
        "d": (False, "chưa đến lượt: chưa được kiểm tra (có trong danh sách từ năm 2027), chậm nhất năm 2029"),
    }


def test_who_is_most_at_risk_comes_first_and_again_the_next_year() -> None:
    known = [Candidate(f"{n}", 2026, visited=2026, risk=Risk(n)) for n in range(6)]
    first = rotate(known, 2027, every_years=4, at_most=2)
    assert [c.body for c in first if c.chosen] == ["5", "4"]
    assert first[0].reasons[0] == "theo mức rủi ro; kiểm tra lần gần nhất năm 2026"


# ---- risk


def test_risk_is_counted_by_the_offices_points() -> None:
    record = Record(("Báo cáo năm 2026",), ("Báo cáo 6 tháng 2026",), 2, (Incidents("CA-01", Decimal(2)),))
    risk = weigh(record, RiskPoints())
    assert risk.points == 3 + 1 + 2 * 2 + 2
    assert risk.reasons == (
        "chưa nộp: Báo cáo năm 2026",
        "nộp chậm: Báo cáo 6 tháng 2026",
        "còn 2 kiến nghị chưa thực hiện",
        "có vụ việc theo CA-01 (2)",
    )
    assert weigh(record, RiskPoints(missing=10)).points == risk.points + 7


def test_one_big_number_does_not_outweigh_everything() -> None:
    assert weigh(Record(incidents=(Incidents("LD-02", Decimal(4000)),)), RiskPoints()).points == 5


def test_a_sensitive_number_is_not_told() -> None:
    risk = weigh(Record(incidents=(Incidents("CA-01", Decimal(2), sensitive=True),)), RiskPoints())
    assert (risk.points, risk.reasons) == (2, ("có vụ việc theo CA-01",))


def test_no_incident_is_no_reason() -> None:
    assert weigh(Record(incidents=(Incidents("CA-01", Decimal(0)),)), RiskPoints()) == Risk()


# ---- visit days


@given(st.integers(1, 20), st.integers(1, 60))
def test_visits_are_spread_evenly_in_order(bodies: int, length: int) -> None:
    days = [date(2027, 3, 1) + timedelta(days=n) for n in range(length)]
    names = [f"{n}" for n in range(bodies)]
    given_days = spread(names, days)
    assert list(given_days) == names
    assert list(given_days.values()) == sorted(given_days.values())
    on_each = [list(given_days.values()).count(day) for day in days]
    assert max(on_each) <= -(-bodies // length)


@pytest.mark.parametrize("bodies", [[], ["a"]])
def test_without_days_nobody_gets_one(bodies: list[str]) -> None:
    assert spread(bodies, []) == {}
