"""How clerks type numbers, and what is asked about instead of guessed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treem.forms.numbers import number_text, read_number, read_yes_no

COUNTS = {
    "1234": 1234,
    "1.234": 1234,
    "1.234.567": 1234567,
    "12 345": 12345,
    "12\u00a0345": 12345,
    "12\u202f345": 12345,
    "１２３": 123,
    "  7 ": 7,
    "'8": 8,
    "05": 5,
    "12,0": 12,
    "0": 0,
    "không": 0,
    "Không có": 0,
    "KHÔNG CÓ": 0,
    "12 trẻ em": 12,
    "12 trẻ": 12,
    "3\u200b4": 34,
}
COUNT_REFUSALS = {
    "1,234": "ambiguous_number",
    "1,234.5": "ambiguous_number",
    "1,234,567": "ambiguous_number",
    "12.5": "ambiguous_number",
    "0.123": "ambiguous_number",
    "1.2.3": "ambiguous_number",
    "12,5": "not_whole",
    "-": "dash",
    "--": "dash",
    "–": "dash",
    "…": "dash",
    "...": "dash",
    "-5": "negative",
    "−5": "negative",
    "5%": "not_number",
    "12 vụ": "not_number",
    "1e5": "not_number",
    "٣": "not_number",
    "12²": "not_number",
    "12/11": "not_number",
    "khoảng 20": "not_number",
    "20-25": "not_number",
    ">5": "not_number",
    "x": "not_number",
    ",": "not_number",
    "9999999999999999999": "too_big",
}
AMOUNTS = {
    "12,5": "12.5",
    "1.234,5": "1234.5",
    "3.14": "3.14",
    "12,5 triệu đồng": "12.5",
    "12,5 triệu": "12.5",
    "1.234.567": "1234567",
    "7": "7",
}
AMOUNT_REFUSALS = {
    "1.234": "ambiguous_number",
    "1,234": "ambiguous_number",
    "1,234.5": "ambiguous_number",
    "5.000.000 đồng": "not_number",
    "12 tỷ đồng": "not_number",
    "-1,5": "negative",
}


@pytest.mark.parametrize(("typed", "meant"), COUNTS.items())
def test_case_75_counts_as_typed(typed: str, meant: int) -> None:
    said = read_number(typed, whole=True, unit="trẻ em")
    assert (said.kind, said.number, said.rule) == ("number", Decimal(meant), None)


@pytest.mark.parametrize(("typed", "rule"), COUNT_REFUSALS.items())
def test_case_75_counts_that_are_asked_about(typed: str, rule: str) -> None:
    said = read_number(typed, whole=True, unit="trẻ em")
    assert (said.kind, said.number, said.rule) == (None, None, rule)


@pytest.mark.parametrize(("typed", "meant"), AMOUNTS.items())
def test_case_75_amounts_as_typed(typed: str, meant: str) -> None:
    said = read_number(typed, whole=False, unit="triệu đồng")
    assert (said.kind, said.number, said.rule) == ("number", Decimal(meant), None)


@pytest.mark.parametrize(("typed", "rule"), AMOUNT_REFUSALS.items())
def test_case_75_amounts_that_are_asked_about(typed: str, rule: str) -> None:
    said = read_number(typed, whole=False, unit="triệu đồng")
    assert (said.kind, said.rule) == (None, rule)


@pytest.mark.parametrize("typed", [None, "", "   ", "\u00a0", "\u200b"])
def test_blank_is_not_zero(typed: str | None) -> None:
    said = read_number(typed, whole=True)
    assert (said.kind, said.number) == ("blank", None)


@pytest.mark.parametrize("typed", ["không áp dụng", "Không áp dụng", "KHÔNG ÁP DỤNG", "KAD", "x/a", "n/a"])
def test_not_applicable_in_its_spellings(typed: str) -> None:
    assert read_number(typed, whole=True).kind == "not_applicable"


def test_case_78_not_applicable_decomposed() -> None:
    assert read_number("kho\u0302ng a\u0301p du\u0323ng", whole=True).kind == "not_applicable"


@pytest.mark.parametrize(
    ("cell", "whole", "number", "rule"),
    [
        (12, True, "12", None),
        (12.0, True, "12", None),
        (12.0000000001, True, "12", None),
        (12.5, True, None, "not_whole"),
        (-0.0, True, "0", None),
        (-3, True, None, "negative"),
        (0.1 + 0.2, False, "0.3", None),
        (100 / 3, False, "33.333", "rounded"),
        (1e15, False, None, "too_big"),
        (float("nan"), True, None, "not_number"),
        (float("inf"), False, None, "not_number"),
    ],
)
def test_case_80_number_cells(cell: float, whole: bool, number: str | None, rule: str | None) -> None:
    said = read_number(cell, whole=whole)
    assert said.number == (None if number is None else Decimal(number))
    assert said.rule == rule


@pytest.mark.parametrize(
    ("typed", "number"), [("Có", 1), ("có ", 1), ("CO", 1), ("Không", 0), ("ko", 0), ("TRUE", 1), ("FALSE", 0)]
)
def test_yes_and_no(typed: str, number: int) -> None:
    assert read_yes_no(typed).number == number


def test_yes_no_asks_about_the_rest() -> None:
    assert [read_yes_no(typed).rule for typed in ("đang làm", 1, "x")] == ["not_yes_no"] * 3
    assert read_yes_no("").kind == "blank"
    assert read_yes_no("Không áp dụng").kind == "not_applicable"


@given(st.integers(min_value=0, max_value=10**12 - 1))
def test_a_written_count_reads_back(number: int) -> None:
    assert read_number(number_text(Decimal(number)), whole=True).number == number


@given(st.decimals(min_value=0, max_value=10**9, places=3))
def test_a_written_amount_reads_back_or_is_asked_about(number: Decimal) -> None:
    said = read_number(number_text(number), whole=False)
    assert said.number == number or said.rule == "ambiguous_number"


@given(st.text(max_size=30), st.booleans())
def test_no_text_breaks_the_reader(text: str, whole: bool) -> None:
    said = read_number(text, whole=whole, unit="trẻ em")
    assert (said.kind is None) == (said.rule not in (None, "rounded"))
    assert said.number is None or said.number >= 0
