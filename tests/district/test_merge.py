"""The merge: coverage beside every total, nothing missing counted as zero, rates from their own halves."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as law
from hypothesis import strategies as st
from pandas.errors import MergeError

from tests.district.little import Answers, body, rows, settings
from treem.district.merge import District, NotExact, merge

COMMUNES = tuple(body(code) for code in ("A", "B", "C", "D"))
POLICE, CLINIC = body("CA", "cong-an"), body("YT", "ttyt")
EVERYONE = (*COMMUNES, POLICE, CLINIC)
NUMBERS = st.decimals(min_value=0, max_value=10**9, places=3)


def merged(answers: Answers, asked: tuple[Any, ...] = EVERYONE) -> District:
    return merge(rows(answers), settings(*EVERYONE), asked)


def total(district: District, figure: str, column: str = "total") -> dict[Any, Any]:
    frame = district.totals
    found = frame[(frame["figure"] == figure) & (frame["column"] == column)]
    return dict(found.to_dict("records")[0])


def test_zero_blank_not_applicable_and_not_filed_stay_apart() -> None:
    said: Answers = {
        ("A", "TONG", "total"): Decimal(0),
        ("B", "TONG", "total"): "blank",
        ("C", "TONG", "total"): "not_applicable",
    }
    row = total(merged(said), "TONG")
    assert row["total"] == 0
    assert (row["reporting"], row["asked"]) == (1, 4)
    assert row["missing"] == ("Đơn vị B", "Đơn vị D")
    assert (row["blank"], row["not_filed"]) == (("Đơn vị B",), ("Đơn vị D",))
    assert row["not_applicable"] == ("Đơn vị C",)


def test_nobody_reporting_is_no_total() -> None:
    row = total(merged({}), "TONG")
    assert row["total"] is None
    assert row["missing"] == tuple(f"Đơn vị {c}" for c in "ABCD")


def test_a_cell_left_out_of_a_filed_form_is_a_blank() -> None:
    row = total(merged({("A", "TONG", "total"): Decimal(1)}), "TONG", "male")
    assert row["blank"] == ("Đơn vị A",)
    assert row["total"] is None


def test_yes_is_counted_and_scores_are_only_listed() -> None:
    district = merged(
        {
            ("A", "CO", "total"): Decimal(1),
            ("B", "CO", "total"): Decimal(0),
            ("A", "DIEM", "total"): Decimal(812),
            ("B", "DIEM", "total"): Decimal(790),
        }
    )
    assert (total(district, "CO")["total"], total(district, "CO")["reporting"]) == (1, 2)
    assert (total(district, "DIEM")["total"], total(district, "DIEM")["reporting"]) == (None, 2)
    listed = district.by_body[(district.by_body["figure"] == "DIEM") & (district.by_body["kind"] == "number")]
    assert dict(zip(listed["body"], listed["number"], strict=True)) == {"A": Decimal(812), "B": Decimal(790)}


def test_a_rate_uses_only_bodies_that_gave_both_halves() -> None:
    district = merged(
        {
            ("A", "TU", "total"): Decimal(1),
            ("A", "MAU", "total"): Decimal(3),
            ("B", "TU", "total"): Decimal(100),
            ("C", "MAU", "total"): Decimal(100),
        }
    )
    row = total(district, "TYLE")
    assert row["total"] == Decimal("33.33")
    assert (row["reporting"], row["asked"]) == (1, 4)
    assert row["blank"] == ("Đơn vị B", "Đơn vị C")
    assert total(district, "TU")["total"] == 101


def test_a_rate_over_nothing_is_unknown_not_zero() -> None:
    district = merged({("A", "TU", "total"): Decimal(0), ("A", "MAU", "total"): Decimal(0)})
    assert total(district, "TYLE")["total"] is None


def test_the_primary_source_counts_and_the_others_are_compared() -> None:
    district = merged(
        {
            ("CA", "VU", "total"): Decimal(5),
            ("A", "VU", "total"): Decimal(4),
            ("B", "VU", "total"): Decimal(3),
        }
    )
    row = total(district, "VU")
    assert (row["total"], row["asked"]) == (5, 1)
    checks = {c["group"]: c for c in district.cross_checks.to_dict("records")}
    assert (checks["xa"]["total"], checks["xa"]["difference"]) == (7, 2)
    assert (checks["xa"]["reporting"], checks["xa"]["asked"]) == (2, 4)
    assert checks["ttyt"]["total"] is None
    assert checks["ttyt"]["difference"] is None


def test_a_figure_given_twice_is_refused() -> None:
    frame = rows({("A", "TONG", "total"): Decimal(1)})
    twice = frame.loc[[0, 0]].reset_index(drop=True)
    with pytest.raises(MergeError):
        merge(twice, settings(*EVERYONE), EVERYONE)


def test_floats_are_refused() -> None:
    frame = rows({("A", "TONG", "total"): Decimal(1)})
    frame.loc[0, "number"] = 1.0
    with pytest.raises(NotExact):
        merge(frame, settings(*EVERYONE), EVERYONE)


def test_figures_nobody_is_asked_for_are_set_aside() -> None:
    district = merged({("A", "CU", "total"): Decimal(9), ("A", "TONG", "total"): Decimal(1)})
    assert list(district.unplaced["figure"]) == ["CU"]
    assert total(district, "TONG")["total"] == 1


def test_another_activity_asks_for_nothing() -> None:
    district = merge(rows({}), settings(*EVERYONE), EVERYONE, forms=())
    assert district.totals.empty


@law(max_examples=30, deadline=None)
@given(st.permutations(EVERYONE), st.dictionaries(st.sampled_from("ABCD"), NUMBERS), st.randoms())
def test_the_order_of_bodies_and_rows_does_not_matter(asked: list[Any], numbers: dict[str, Decimal], rng: Any) -> None:
    said = {(code, "TONG", "total"): number for code, number in numbers.items()}
    shuffled = list(said.items())
    rng.shuffle(shuffled)
    one, other = merged(said), merged(dict(shuffled), tuple(asked))
    assert one.totals.equals(other.totals)
    assert one.by_body.equals(other.by_body)


@law(max_examples=30, deadline=None)
@given(NUMBERS, NUMBERS, st.dictionaries(st.sampled_from("CD"), NUMBERS))
def test_splitting_a_body_keeps_the_total(one: Decimal, two: Decimal, rest: dict[str, Decimal]) -> None:
    others: dict[tuple[str, str, str], Decimal | str] = {(c, "TONG", "total"): n for c, n in rest.items()}
    split = merged({("A", "TONG", "total"): one, ("B", "TONG", "total"): two, **others})
    whole = merged({("A", "TONG", "total"): one + two, **others})
    assert total(split, "TONG")["total"] == total(whole, "TONG")["total"] == one + two + sum(rest.values())


@law(max_examples=30, deadline=None)
@given(st.sets(st.sampled_from("ABCD")), st.sets(st.sampled_from("ABCD")), NUMBERS)
def test_everyone_asked_is_accounted_for(filed: set[str], blank: set[str], number: Decimal) -> None:
    said: dict[tuple[str, str, str], Decimal | str] = {(c, "TONG", "total"): number for c in filed}
    said |= {(c, "TONG", "total"): "blank" for c in blank}
    row = total(merged(said), "TONG")
    assert row["reporting"] + len(row["missing"]) + len(row["not_applicable"]) == row["asked"] == 4
    assert set(row["not_filed"]) == {f"Đơn vị {c}" for c in set("ABCD") - filed - blank}
    assert (row["total"] is None) == (row["reporting"] == 0)
