"""The reconciliation: what each rule finds, whom it asks, and what it lets stand."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as law
from hypothesis import strategies as st

from tests.district.little import Answers, body, figure, rows
from treem.district.merge import merge
from treem.district.reconcile import Difference, Material, fingerprint, is_jump, jump_score, reconcile
from treem.plan.settings import (
    Body,
    Differences,
    Form,
    Group,
    Indicator,
    IndicatorBook,
    Inequality,
    JumpsRule,
    Register,
    Settings,
    Sum,
)

BOTH = ("total", "male", "female", "minority")
FIGURES = (
    figure("TNTT", "primary", ("xa", "ttyt"), primary="xa", columns=BOTH),
    figure("TUVONG", "primary", ("xa", "ttyt"), primary="xa", columns=BOTH),
    figure("DIEM", "sum"),
    figure("DIEM.1", "sum"),
    figure("DIEM.2", "sum"),
)
COMMUNES = tuple(body(code) for code in ("A", "B", "C"))
CLINIC = body("YT", "ttyt")
EVERYONE = (*COMMUNES, CLINIC)
JUMPS = JumpsRule()


def settings(**rules: Any) -> Settings:
    groups = tuple(Group(key=k, name=k, duty_group="III.9", tone="instruct") for k in ("xa", "ttyt"))
    indicators = tuple(
        Indicator(code=f.code, name=f.code, section="I", accrual="flow", basis="S", duties=(), figures=(f,))
        for f in FIGURES
    )
    book = IndicatorBook(
        indicators=indicators,
        inequalities=(Inequality(smaller="TUVONG", larger="TNTT"),),
        sums=(Sum(total="DIEM", parts=("DIEM.1", "DIEM.2")),),
    )
    forms = tuple(
        Form(
            code=key, version=1, title="", group=key, activities=("dot",),
            figures=tuple(f.code for f in FIGURES if key in f.groups),
        )
        for key in ("xa", "ttyt")
    )  # fmt: skip
    parts = {"register_": Register(groups=groups, bodies=EVERYONE), "book": book, "forms": forms}
    return Settings.model_construct(**parts, differences=Differences.model_validate(rules))


def found(
    answers: Answers,
    half_year: Mapping[tuple[str, str, str], Decimal] = {},
    past: Mapping[tuple[str, str], Sequence[Decimal]] = {},
    asked: Sequence[Body] = EVERYONE,
    **rules: Any,
) -> tuple[Difference, ...]:
    using = settings(**rules)
    district = merge(rows(answers), using, asked)
    places = {key: ("Số liệu", f"D{n}") for n, key in enumerate(answers, start=1)}
    return reconcile(Material(district, places, half_year, past), using)


def by(rule: str, *args: Any, **more: Any) -> tuple[Difference, ...]:
    """What that rule finds."""
    return tuple(one for one in found(*args, **more) if one.rule == rule)


def numbers(**said: int) -> dict[tuple[str, str, str], Decimal]:
    """`A_TNTT=5`, `A_TNTT_male=2`."""
    keys = (name.replace("_0", ".").split("_") for name in said)
    cells = [(k[0], k[1], k[2] if len(k) > 2 else "total") for k in keys]
    return dict(zip(cells, map(Decimal, said.values()), strict=True))


# ---- two sources


def test_two_sources_that_differ_are_shown_and_the_single_one_is_asked() -> None:
    (one,) = by("sources", numbers(A_TNTT=2, B_TNTT=3, YT_TNTT=7))
    assert (one.rule, one.figure, one.ours, one.theirs, one.difference) == ("sources", "TNTT", 5, 7, 2)
    assert (one.other, one.coverage) == ("ttyt", ((2, 3), (1, 1)))
    assert one.bodies == ("A", "B", "YT")
    assert [(ask.body, ask.cell, ask.own) for ask in one.asks] == [("YT", "D3", (("TNTT", "total", 7),))]
    assert one.places == (("Số liệu", "D1"), ("Số liệu", "D2"), ("Số liệu", "D3"))


def test_two_single_sources_are_both_asked() -> None:
    (one,) = by("sources", numbers(A_TNTT=2, YT_TNTT=7))
    assert [ask.body for ask in one.asks] == ["A", "YT"]


@pytest.mark.parametrize("rule", [{"at_least": 3}, {"share": 50}, {"off": "đang chờ"}, {"without": {"TNTT": "khác"}}])
def test_thresholds_and_switches(rule: Mapping[str, Any]) -> None:
    assert by("sources", numbers(A_TNTT=5, YT_TNTT=7), sources=rule) == ()


def test_agreeing_sources_and_a_silent_source_are_no_difference() -> None:
    assert by("sources", numbers(A_TNTT=2, B_TNTT=3, YT_TNTT=5)) == ()
    assert by("sources", numbers(A_TNTT=2, B_TNTT=3)) == ()


def test_a_source_beside_nobody_is_no_difference() -> None:
    assert by("sources", numbers(YT_TNTT=5), asked=(CLINIC,)) == ()


# ---- totals and parts


def test_male_and_female_are_the_total() -> None:
    (one,) = by("breakdown", numbers(A_TNTT=5, A_TNTT_male=2, A_TNTT_female=2))
    assert (one.rule, one.body, one.ours, one.theirs) == ("breakdown", "A", 5, 4)
    assert [cell for _, cell in one.places] == ["D1", "D2", "D3"]


def test_a_part_is_not_more_than_the_total() -> None:
    (one,) = found(numbers(A_TNTT=5, A_TNTT_male=2, A_TNTT_female=3, A_TNTT_minority=6))
    assert (one.rule, one.column, one.ours, one.theirs) == ("breakdown", "minority", 5, 6)
    _, alone = by("breakdown", numbers(A_TNTT=5, A_TNTT_male=6))
    assert (alone.column, alone.theirs) == ("male", 6)


def test_a_body_without_breakdown_explains_the_districts_difference_and_is_asked() -> None:
    said = numbers(A_TNTT=5, A_TNTT_male=2, A_TNTT_female=3, B_TNTT=4)
    (one,) = by("breakdown", said)
    assert (one.rule, one.body, one.ours, one.theirs) == ("breakdown", None, 9, 5)
    assert [ask.body for ask in one.asks] == ["B"]


def test_a_part_is_not_more_than_the_whole() -> None:
    (one,) = by("parts", numbers(A_TNTT=2, A_TUVONG=3))
    assert (one.rule, one.figure, one.other, one.body, one.ours, one.theirs) == ("parts", "TUVONG", "TNTT", "A", 3, 2)


def test_a_body_that_left_the_whole_blank_explains_the_districts_difference() -> None:
    (one,) = by("parts", numbers(A_TNTT=2, A_TUVONG=1, B_TUVONG=3))
    assert (one.rule, one.body, one.ours, one.theirs) == ("parts", None, 4, 2)
    assert [ask.body for ask in one.asks] == ["B"]


def test_a_sum_is_the_sum_of_its_parts() -> None:
    (one,) = by("parts", numbers(A_DIEM=9, A_DIEM_01=4, A_DIEM_02=4))
    assert (one.rule, one.figure, one.ours, one.theirs, one.other) == ("parts", "DIEM", 9, 8, "DIEM.1 … DIEM.2")


# ---- half a year


def test_a_year_is_not_less_than_its_half() -> None:
    half = numbers(A_TNTT=5, A_TNTT_male=4, B_TNTT=2)
    (one,) = by("within_year", numbers(A_TNTT=3, A_TNTT_male=2, A_TNTT_female=1, B_TNTT=2), half)
    assert (one.rule, one.body, one.column, one.ours, one.theirs) == ("within_year", "A", "total", 5, 3)


# ---- jumps


def test_a_jump_is_told_with_the_past() -> None:
    past = {("A", "DIEM"): [Decimal(n) for n in (20, 22, 19, 21)]}
    (one,) = found(numbers(A_DIEM=95), past=past)
    assert (one.rule, one.body, one.ours, one.theirs, len(one.past)) == ("jumps", "A", Decimal("20.5"), 95, 4)


@pytest.mark.parametrize(
    ("past", "now", "alarm"),
    [
        ((0, 0, 0), 0, False),
        ((0, 0, 0), 3, False),  # a quiet commune has three accidents: no reason to doubt
        ((0, 0, 0), 40, True),
        ((1, 0, 2), 4, False),
        ((5, 5, 5), 0, True),
        ((4, 3, 5), 0, False),
        ((1500, 1510, 1495), 1700, False),  # 13 %: below the share
        ((1500, 1510, 1495), 0, True),
        ((1500, 1510, 1495), 15000, True),
        ((20, 22, 200, 21), 21, False),  # one odd year among the earlier ones changes nothing …
        ((20, 22, 200, 21), 205, True),
        ((10, 40, 90, 20, 60), 95, False),  # … and a restless body is measured by its own restlessness
        ((10, 10), 500, False),  # too short a past
    ],
)
def test_what_is_a_jump(past: tuple[int, ...], now: int, alarm: bool) -> None:
    assert is_jump(Decimal(now), [Decimal(n) for n in past], JUMPS) is alarm


COUNTS = st.integers(0, 10**6).map(Decimal)


@given(COUNTS, st.integers(3, 8))
def test_a_constant_past_goes_on_without_alarm(number: Decimal, periods: int) -> None:
    assert not is_jump(number, [number] * periods, JUMPS)
    assert jump_score(number, [number] * periods) == 0


@given(st.integers(1, 10**6).map(Decimal), st.integers(3, 8))
def test_ten_times_as_many_is_an_alarm(number: Decimal, periods: int) -> None:
    assert is_jump(10 * number, [number] * periods, JUMPS)


@given(st.lists(COUNTS, min_size=3, max_size=8), COUNTS, st.randoms())
def test_the_order_of_the_past_does_not_matter(past: list[Decimal], now: Decimal, chance: Random) -> None:
    mixed = [*past]
    chance.shuffle(mixed)
    assert is_jump(now, past, JUMPS) == is_jump(now, mixed, JUMPS)


# ---- laws

SMALL = st.integers(0, 6)
ANSWERS = st.dictionaries(
    st.tuples(st.sampled_from(["A", "B", "C", "YT"]), st.sampled_from(["TNTT", "TUVONG"]), st.sampled_from(BOTH)),
    SMALL.map(Decimal),
    max_size=24,
)


@law(max_examples=40, deadline=None)
@given(ANSWERS, ANSWERS, st.permutations(EVERYONE), st.randoms())
def test_the_order_of_bodies_and_answers_does_not_matter(
    answers: dict[Any, Decimal], half: dict[Any, Decimal], asked: list[Body], chance: Random
) -> None:
    mixed = list(answers.items())
    chance.shuffle(mixed)
    using = settings()
    places = {key: ("Số liệu", "-".join(key)) for key in answers}

    def differences(said: dict[Any, Decimal], bodies: Sequence[Body]) -> tuple[Difference, ...]:
        return reconcile(Material(merge(rows(said), using, bodies), places, half), using)

    assert differences(answers, EVERYONE) == differences(dict(mixed), asked)


@st.composite
def consistent(draw: st.DrawFn) -> dict[tuple[str, str, str], Decimal]:
    """Every commune answers everything, and the health centre counts what the communes count."""
    said: dict[tuple[str, str, str], int] = {}
    for commune in COMMUNES:
        for column in ("male", "female"):
            said[commune.code, "TNTT", column] = draw(SMALL)
            said[commune.code, "TUVONG", column] = draw(st.integers(0, said[commune.code, "TNTT", column]))
        for code in ("TNTT", "TUVONG"):
            total = said[commune.code, code, "male"] + said[commune.code, code, "female"]
            said[commune.code, code, "total"] = total
        said[commune.code, "TNTT", "minority"] = draw(st.integers(0, said[commune.code, "TNTT", "total"]))
        least = min(said[commune.code, "TUVONG", "total"], said[commune.code, "TNTT", "minority"])
        said[commune.code, "TUVONG", "minority"] = draw(st.integers(0, least))
        said |= {(commune.code, "DIEM.1", "total"): draw(SMALL), (commune.code, "DIEM.2", "total"): draw(SMALL)}
        said[commune.code, "DIEM", "total"] = sum(said[commune.code, c, "total"] for c in ("DIEM.1", "DIEM.2"))
    for code in ("TNTT", "TUVONG"):
        for column in BOTH:
            said["YT", code, column] = sum(said[c.code, code, column] for c in COMMUNES)
    return {key: Decimal(number) for key, number in said.items()}


@law(max_examples=40, deadline=None)
@given(consistent(), st.integers(1, 4))
def test_no_rule_fires_on_consistent_figures(said: dict[tuple[str, str, str], Decimal], divisor: int) -> None:
    half = {key: number // divisor for key, number in said.items()}
    past = {(b, code): [number] * 4 for (b, code, column), number in said.items() if column == "total"}
    assert found(said, half, past) == ()


@law(max_examples=40, deadline=None)
@given(ANSWERS)
def test_every_question_is_put_to_a_body_that_is_named_and_has_its_own_mark(answers: dict[Any, Decimal]) -> None:
    differences = found(answers)
    for one in differences:
        assert {ask.body for ask in one.asks} <= set(one.bodies)
        assert one.ours != one.theirs
    marks = [fingerprint(one, ask) for one in differences for ask in one.asks]
    assert len(set(marks)) == len(marks)


def test_a_question_stays_the_same_while_the_bodys_own_number_does() -> None:
    before, after = (by("sources", numbers(A_TNTT=2, B_TNTT=b, YT_TNTT=9))[0] for b in (3, 4))
    assert before.ours != after.ours
    assert fingerprint(before, before.asks[0]) == fingerprint(after, after.asks[0])
    (other,) = by("sources", numbers(A_TNTT=2, B_TNTT=3, YT_TNTT=10))
    assert fingerprint(other, other.asks[0]) != fingerprint(before, before.asks[0])
