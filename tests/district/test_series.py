"""A figure through the years: rows stay comparable when bodies merge and split, and no word is lost or told twice."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as law
from hypothesis import strategies as st

from tests.district.little import FIGURES, body, settings
from tests.district.registers import BEGIN, named, registers
from treem.district.cells import SaidKind
from treem.district.ground import Ground
from treem.district.series import Cell, Row, Said, Series, last_change, series
from treem.plan.settings import Body, Indicator, Settings

OLD, NEW = date(2025, 6, 30), date(2025, 7, 1)
FIGURE = {f.code: f for f in FIGURES}

# A, B → 90001; C (code 00003) is re-used for D's successor; E stays.
A, B = named("00001", BEGIN, OLD, "90001"), named("00002", BEGIN, OLD, "90001")
C, D = named("00003", BEGIN, OLD, "90001"), named("00004", BEGIN, OLD, "00003")
M, N = named("90001", NEW), named("00003", NEW)
E = named("00005", BEGIN)
BODIES = (A, B, C, D, E, M, N)


def says(
    body: Body,
    number: int | str | SaidKind,
    year: int = 2024,
    figure: str = "TONG",
    day: date | None = None,
    **more: Any,
) -> Said:
    kind = "number" if isinstance(number, int) else number
    value = Decimal(number) if isinstance(number, int) else None
    words = {"round": f"dot/{year}", "day": day or date(year, 6, 12)} | more
    return Said(period=year, body=body, figure=figure, kind=kind, number=value, **words)  # type: ignore[arg-type]


def shown(said: Sequence[Said], on: date, figure: str = "TONG", bodies: tuple[Body, ...] = BODIES) -> Series:
    return series(said, FIGURE[figure], settings(*bodies), on)


def row(found: Series, *bodies: Body) -> Row:
    return next(row for row in found.rows if set(row.bodies) == set(bodies))


def numbers(row: Row) -> dict[int, Decimal | str]:
    return {period: cell.kind if cell.number is None else cell.number for period, cell in row.cells.items()}


BEFORE = [says(A, 10), says(B, 20), says(C, 30), says(D, 40), says(E, 50)]
AFTER = [says(M, 66, 2026), says(N, 44, 2026), says(E, 55, 2026)]


def test_on_the_new_map_a_merged_commune_has_what_its_predecessors_said() -> None:
    found = shown(BEFORE + AFTER, NEW)
    assert [r.bodies for r in found.rows] == [(E,), (M,), (N,)]
    assert numbers(row(found, M)) == {2024: 60, 2026: 66}
    assert (row(found, M).cells[2024].reporting, row(found, M).cells[2024].asked) == (3, 3)
    assert numbers(row(found, N)) == {2024: 40, 2026: 44}  # 00003 was another commune's code
    assert numbers(row(found, E)) == {2024: 50, 2026: 55}
    assert {year: cell.number for year, cell in found.total.items()} == {2024: 150, 2026: 165}


def test_on_the_old_map_a_merged_commune_is_one_row_that_cannot_be_divided() -> None:
    found = shown(BEFORE + AFTER, OLD)
    assert [r.bodies for r in found.rows] == [(A, B, C), (D,), (E,)]
    assert numbers(row(found, A, B, C)) == {2024: 60, 2026: 66}
    parts = [(part.bodies, numbers(part)) for part in row(found, A, B, C).parts]
    assert parts == [((A,), {2024: 10, 2026: "joined"}), ((B,), {2024: 20, 2026: "joined"}),
                     ((C,), {2024: 30, 2026: "joined"})]  # fmt: skip
    assert numbers(row(found, D)) == {2024: 40, 2026: 44}


def test_nothing_missing_is_a_zero() -> None:
    said = [says(A, 0), says(B, "not_filed"), says(E, "blank"), says(D, "not_applicable")]
    found = shown(said, NEW)
    assert row(found, M).cells[2024] == Cell("number", Decimal(0), 1, 2, (B.name,), (C.name,))
    assert row(found, N).cells[2024] == Cell("not_applicable", None, 0, 1)
    assert row(found, E).cells[2024] == Cell("blank", None, 0, 1, (E.name,))


def test_a_body_of_the_map_that_was_never_asked_says_so() -> None:
    found = shown([says(A, 1)], OLD)
    assert row(found, E).cells[2024] == Cell("not_asked", not_asked=(E.name,))


def test_yes_is_counted_and_a_rate_is_recomputed() -> None:
    yes = shown([says(A, 1, figure="CO"), says(B, 0, figure="CO"), says(C, 1, figure="CO")], NEW, "CO")
    assert row(yes, M).cells[2024].number == 2
    halves = [says(A, 1, figure="TU"), says(A, 4, figure="MAU"), says(B, 1, figure="TU"), says(B, 2, figure="MAU")]
    halves += [says(C, 9, figure="TU"), says(C, "blank", figure="MAU")]
    rate = row(shown(halves, NEW, "TYLE"), M).cells[2024]
    assert rate == Cell("number", Decimal("33.33"), 2, 3, (C.name,))
    nothing = [says(A, 0, figure="TU"), says(A, 0, figure="MAU")]
    assert row(shown(nothing, NEW, "TYLE"), M).cells[2024].kind == "no_ratio"


def test_scores_are_not_added_but_one_bodys_own_is_shown() -> None:
    said = [says(A, 800, figure="DIEM"), says(B, 700, figure="DIEM"), says(D, 650, figure="DIEM")]
    found = shown(said, NEW, "DIEM")
    assert row(found, M).cells[2024].kind == "not_added"
    assert row(found, M).cells[2024].number is None
    assert row(found, N).cells[2024].number == 650
    assert found.total[2024].kind == "not_added"


def test_only_the_primary_source_counts() -> None:
    police = body("ca", "cong-an")
    found = shown([says(A, 3, figure="VU"), says(police, 5, figure="VU")], OLD, "VU", (*BODIES, police))
    assert [r.bodies for r in found.rows] == [(police,)]
    assert found.total[2024].number == 5


def test_who_ended_without_successors_keeps_a_row_off_the_map() -> None:
    gone = named("00009", BEGIN, OLD)
    found = shown([says(gone, 7), says(E, 1)], NEW, bodies=(gone, E))
    assert found.rows[-1].bodies == found.rows[-1].off_map == (gone,)
    assert found.total[2024].number == 8


def test_who_took_in_ground_from_outside_is_marked_where_figures_are_compared() -> None:
    wide = named("90001", NEW, also_from="phần của huyện khác")
    bodies = (A, B, C, D, E, wide, N)
    assert row(shown(BEFORE, NEW, bodies=bodies), wide).broken == (wide,)
    assert row(shown([says(wide, 1, 2026)], OLD, bodies=bodies), A, B, C).broken == (wide,)
    assert row(shown([says(wide, 1, 2026)], NEW, bodies=bodies), wide).broken == ()


def test_a_body_that_took_others_in_is_seen_with_them_on_the_map_before() -> None:
    small, large = named("00001", BEGIN, OLD, "00002"), named("00002", BEGIN)
    said = [says(small, 1), says(large, 5), says(large, 6, 2026)]
    assert numbers(row(shown(said, NEW, bodies=(small, large)), large)) == {2024: 6, 2026: 6}
    before = shown(said, OLD, bodies=(small, large))
    assert numbers(row(before, small, large)) == {2024: 6, 2026: 6}
    assert numbers(before.rows[0].parts[0]) == {2024: 1, 2026: "joined"}


def test_figures_of_before_and_after_a_change_in_one_round_are_not_added() -> None:
    """Asked again in the same round under the new map, the new commune tells of its predecessor's ground as well."""
    late = {"day": date(2025, 7, 10), "round": "dot/2025"}
    said = [says(A, 10, 2025), says(M, 60, 2025, **late), says(E, 5, 2025)]
    found = shown(said, NEW)
    assert row(found, M).cells[2025] == Cell("two_maps", None, 2, 2)
    assert found.total[2025].kind == "two_maps"
    for both in (said[:2], said[1::-1]):  # in whatever order, and with the same day told to both
        same = [replace(word, day=date(2025, 7, 10)) for word in both]
        assert row(shown(same, NEW), M).cells[2025].kind == "two_maps"


def test_a_body_asked_for_a_day_after_its_last_is_as_it_was() -> None:
    said = [says(A, 10, 2025, day=date(2025, 7, 10)), says(D, 20, 2025, day=date(2025, 7, 10))]
    for on in (NEW, date(2025, 7, 5), date(2025, 7, 20)):
        assert numbers(row(shown(said, on), M)) == {2025: 10}
    assert numbers(row(shown(said, OLD), A)) == {2025: 10}


def stocks(*bodies: Body) -> Settings:
    """The same figures, as what stands on a day instead of what happens."""
    made = settings(*bodies)
    changed: tuple[Indicator, ...] = tuple(i.model_copy(update={"accrual": "stock"}) for i in made.book.indicators)
    return made.model_copy(update={"book": made.book.model_copy(update={"indicators": changed})})


def test_what_happens_is_added_over_the_rounds_of_a_year_and_of_what_stands_the_last_word_counts() -> None:
    june = says(A, 3, 2025, day=date(2025, 6, 20), round="quoc-te-thieu-nhi/2025")
    autumn = says(M, 4, 2025, day=date(2025, 10, 20), round="tet-trung-thu/2025")
    flow = series([june, autumn], FIGURE["TONG"], settings(*BODIES), NEW)
    assert row(flow, M).cells[2025].number == 7
    stock = series([june, autumn], FIGURE["TONG"], stocks(*BODIES), NEW)
    assert row(stock, M).cells[2025].kind == "two_maps"  # which of both is the year's?
    again = says(A, 5, 2025, day=date(2025, 6, 28), round="thang-hanh-dong/2025")
    assert row(series([again, june], FIGURE["TONG"], stocks(*BODIES), NEW), M).cells[2025].number == 5


def test_the_old_map_is_the_one_before_the_newest_change_that_has_happened() -> None:
    register = settings(*BODIES).register_
    assert last_change(register, NEW) == OLD
    assert last_change(register, OLD) is None
    assert last_change(settings(E).register_, NEW) is None


# ---- laws

KINDS = st.sampled_from(("blank", "not_applicable", "not_filed"))
ANSWERS = st.one_of(st.integers(0, 10**6), KINDS)


@st.composite
def told(draw: st.DrawFn) -> tuple[Settings, list[date], list[Said]]:
    """A register, and what bodies said in up to three rounds, each on a day of its own; some were not asked."""
    register, days = draw(registers())
    said = []
    for year, day in enumerate(sorted(draw(st.sets(st.sampled_from(days), min_size=1, max_size=3)))):
        there = [b for b in register.bodies if b.is_valid_on(day)]
        asked = draw(st.lists(st.sampled_from(there), unique_by=lambda b: b.code)) if there else []
        said += [says(b, draw(ANSWERS), year, day=day) for b in asked]
    return settings(*register.bodies), days, said


@law(max_examples=150, deadline=None)
@given(told(), st.data())
def test_the_rows_of_every_map_hold_what_all_bodies_said(
    made: tuple[Settings, list[date], list[Said]], data: st.DataObject
) -> None:
    made_settings, days, said = made
    found = series(said, FIGURE["TONG"], made_settings, data.draw(st.sampled_from(days)))
    for period in found.periods:
        words = [word for word in said if word.period == period]
        cells = [r.cells[period] for r in found.rows]
        given_numbers = [word.number for word in words if word.number is not None]
        assert sum(cell.number or 0 for cell in cells) == sum(given_numbers)
        assert sum(cell.asked for cell in cells) == len(words)
        assert sum(cell.reporting for cell in cells) == len(given_numbers)
        assert found.total[period].number == (sum(given_numbers) if given_numbers else None)
        assert all((cell.number is None) == (cell.kind != "number") for cell in cells)
    on_rows = [b for r in found.rows for b in r.bodies]
    assert len(on_rows) == len(set(on_rows))


@law(max_examples=100, deadline=None)
@given(told())
def test_on_the_day_of_a_round_the_series_is_what_each_body_said(
    made: tuple[Settings, list[date], list[Said]],
) -> None:
    made_settings, _, said = made
    for period in {word.period for word in said}:
        words = [word for word in said if word.period == period]
        day = words[0].day
        found = series(words, FIGURE["TONG"], made_settings, day)
        assert [r.bodies for r in found.rows] == [(b,) for b in made_settings.register_.bodies if b.is_valid_on(day)]
        plain = {word.body: (word.kind, word.number) for word in words}
        for r in found.rows:
            assert (r.cells[period].kind, r.cells[period].number) == plain.get(r.bodies[0], ("not_asked", None))


@law(max_examples=100, deadline=None)
@given(registers(), st.data())
def test_figures_divided_over_successors_come_to_the_same_on_both_maps(
    made: tuple[Any, list[date]], data: st.DataObject
) -> None:
    """What each body said on one day, divided over the bodies that have its ground on another, is the same again."""
    register, days = made
    first, second = sorted(data.draw(st.lists(st.sampled_from(days), min_size=2, max_size=2)))
    ground = Ground(register, second)
    before = [says(b, data.draw(st.integers(0, 1000)), 1, day=first) for b in register.bodies if b.is_valid_on(first)]
    shares: dict[Body, int] = {b: 0 for b in register.bodies if b.is_valid_on(second)}
    for word in before:
        heirs = ground.ordered(b for b in ground.standing(word.body, first) if b.is_valid_on(second))
        for heir in heirs:
            shares[heir] += int(word.number or 0) // len(heirs)
        if heirs:
            shares[heirs[0]] += int(word.number or 0) % len(heirs)
    after = [says(b, share, 2, day=second) for b, share in shares.items()]
    for on in (first, second):
        for r in series([*before, *after], FIGURE["TONG"], settings(*register.bodies), on).rows:
            if r.cells[1].asked and r.cells[2].asked:
                assert r.cells[1].number == r.cells[2].number


def test_a_split_keeps_its_total_both_ways() -> None:
    whole = named("00001", BEGIN, OLD, "00001", "00002")
    north, south = named("00001", NEW), named("00002", NEW)
    said = [says(whole, 30), says(north, 10, 2026), says(south, 20, 2026)]
    bodies = (whole, north, south)
    assert numbers(row(shown(said, OLD, bodies=bodies), whole)) == {2024: 30, 2026: 30}
    both = row(shown(said, NEW, bodies=bodies), north, south)
    assert numbers(both) == {2024: 30, 2026: 30}
    assert [numbers(part) for part in both.parts] == [{2024: "joined", 2026: 10}, {2024: "joined", 2026: 20}]


@pytest.mark.parametrize("on", [OLD, NEW])
def test_a_figure_nobody_was_asked_for_has_no_rows(on: date) -> None:
    assert shown([], on) == Series(FIGURE["TONG"], on, (), (), {})
