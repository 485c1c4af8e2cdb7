"""Comparison with last year: only over the same ground, and never a missing body taken for a decline."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as law
from hypothesis import strategies as st

from tests.district.little import FIGURES, Answers, body, rows, settings
from treem.district.compare import Compared, Held, Why, compare, reporting_rate, timeliness
from treem.district.merge import merge
from treem.plan.settings import Body, Register, Settings

COMMUNES = tuple(body(code) for code in ("A", "B", "C"))
NOW, THEN = date(2027, 6, 14), date(2026, 6, 12)


def using(*bodies: Body) -> Settings:
    return settings(*bodies)


def told(**said: int | str) -> Answers:
    """`A=5` is body A's TONG; `A_TU=1` another figure's."""
    cells = {(name.split("_")[0], (name.split("_") + ["TONG"])[1], "total"): said[name] for name in said}
    return {key: number if isinstance(number, str) else Decimal(number) for key, number in cells.items()}


def held(year: int, answers: Answers, bodies: tuple[Body, ...] = COMMUNES, known: Settings | None = None) -> Held:
    made = known or using(*bodies)
    day = date(year, 6, 14)
    return Held(year, merge(rows(answers), made, bodies), {b.code: b for b in bodies}, day)


def one(now: Held, *before: Held, figure: str = "TONG", known: Settings | None = None, **years: Any) -> Compared:
    found = compare(now, before, years.get("years", {}), known or using(*COMMUNES))
    return next(c for c in found if c.figure.code == figure)


def test_dhis2s_own_example_of_the_reporting_rate() -> None:
    assert reporting_rate(2, 6) == Decimal("33.33")
    assert reporting_rate(6, 6) == 100
    assert reporting_rate(0, 6) == 0
    assert reporting_rate(0, 0) is None


def test_timeliness_is_of_those_expected_not_of_those_received() -> None:
    assert timeliness(2, 6) == Decimal("33.33")
    assert timeliness(6, 6) == 100


def test_the_same_bodies_are_compared() -> None:
    found = one(held(2027, told(A=5, B=3, C=0)), held(2026, told(A=2, B=1, C=1)))
    assert (found.change, found.per_cent, found.why) == (4, Decimal("100.0"), "")


def test_the_same_part_of_the_bodies_is_compared() -> None:
    found = one(held(2027, told(A=5, B=3)), held(2026, told(A=2, B=1)))
    assert found.change == 5
    assert (found.now.reporting, found.now.asked, found.now.is_whole) == (2, 3, False)


def test_a_missing_body_is_no_decline() -> None:
    found = one(held(2027, told(A=5, B=3)), held(2026, told(A=2, B=1, C=100)))
    assert (found.change, found.per_cent, found.why) == (None, None, "other_bodies")
    assert found.common is not None
    assert (found.common.now, found.common.before, found.common.bodies) == (8, 3, 2)


def test_what_does_not_concern_a_body_is_told() -> None:
    found = one(held(2027, told(A=5, B=3, C="not_applicable")), held(2026, told(A=2, B=1, C=0)))
    assert found.change == 5


@pytest.mark.parametrize(
    ("now", "before", "why"),
    [(told(A=1), told(), "none_before"), (told(), told(A=1), "none_now"), (told(A=1), told(B=1), "other_bodies")],
)
def test_nothing_is_compared_with_nothing(now: Answers, before: Answers, why: Why) -> None:
    found = one(held(2027, now), held(2026, before))
    assert (found.change, found.why, found.common) == (None, why, None)


def test_of_nothing_there_is_no_per_cent() -> None:
    found = one(held(2027, told(A=3)), held(2026, told(A=0)))
    assert (found.change, found.per_cent) == (3, None)


def test_a_rate_differs_by_points_and_needs_both_halves() -> None:
    before = held(2026, told(A_TU=1, A_MAU=2, B_TU=1, B_MAU=2, C_TU=1, C_MAU=2))
    found = one(held(2027, told(A_TU=3, A_MAU=4, B_TU=3, B_MAU=4, C_TU=3, C_MAU=4)), before, figure="TYLE")
    assert (found.change, found.per_cent) == (25, None)
    half = one(held(2027, told(A_TU=3, A_MAU=4, B_TU=3, B_MAU=4, C_TU=3)), before, figure="TYLE")
    assert (half.change, half.why, half.common) == (None, "other_bodies", None)


def test_final_figures_count_before_estimates() -> None:
    now, final, estimate = held(2027, told(A=5)), held(2026, told(A=4)), held(2026, told(A=9))
    assert one(now, final, estimate).change == 1
    assert one(now, held(2026, told()), estimate).change == -4


def merged_map() -> tuple[Settings, tuple[Body, ...], tuple[Body, ...]]:
    """A and B ended in 2026 and went into D."""
    last = date(2026, 12, 31)
    a, b = (c.model_copy(update={"valid_to": last, "successors": ("D",)}) for c in COMMUNES[:2])
    d = body("D").model_copy(update={"valid_from": date(2027, 1, 1)})
    c = COMMUNES[2]
    made = using(a, b, c, d)
    return (
        made.model_copy(update={"register_": Register(groups=made.register_.groups, bodies=(a, b, c, d))}),
        (a, b, c),
        (d, c),
    )


def test_a_merged_commune_is_compared_with_those_it_was_made_of() -> None:
    known, old, new = merged_map()
    now = held(2027, told(D=9, C=1), new, known)
    assert one(now, held(2026, told(A=2, B=3, C=1), old, known), known=known).change == 4
    half = one(now, held(2026, told(A=2, C=1), old, known), known=known)
    assert half.why == "other_bodies"  # of the new commune's ground only a part was told of
    assert half.common is not None
    assert (half.common.now, half.common.before, half.common.bodies) == (1, 1, 1)


# ---- since the plan began


def test_the_years_add_up_and_gaps_are_named() -> None:
    years = {2020: [held(2020, told(A=1, B=1, C=1))], 2022: [held(2022, told(A=2))], 2026: [held(2026, told())]}
    found = one(held(2027, told(A=5, B=0, C=0)), years=years)
    assert found.since is not None
    assert found.since.number == 3 + 2 + 5
    assert (found.since.since, found.since.without) == (2020, (2021, 2023, 2024, 2025, 2026))
    assert (found.since.partial, found.since.is_whole) == ((2022,), False)


def test_rates_and_yes_or_no_are_not_added_up() -> None:
    now = held(2027, told(A_TU=1, A_MAU=2, A_CO=1))
    years = {2026: [now]}
    assert one(now, figure="TYLE", years=years).since is None
    assert one(now, figure="CO", years=years).since is None


NUMBERS = st.dictionaries(st.sampled_from("ABC"), st.integers(0, 50))


@law(max_examples=40, deadline=None)
@given(NUMBERS, NUMBERS, st.permutations(COMMUNES))
def test_a_change_is_reckoned_over_the_same_bodies_only(
    now: dict[str, int], before: dict[str, int], order: list[Body]
) -> None:
    found = one(held(2027, told(**now), tuple(order)), held(2026, told(**before)))
    if found.change is not None:
        assert now.keys() == before.keys()
        assert found.change == sum(now.values()) - sum(before.values())
    if found.common is not None:
        both = now.keys() & before.keys()
        assert (found.common.now, found.common.before) == (sum(now[b] for b in both), sum(before[b] for b in both))
    assert {f.code for f in FIGURES} >= {found.figure.code}
