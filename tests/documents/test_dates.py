"""Dates and numbers as the decree and Vietnamese typography have them."""

from datetime import date
from decimal import Decimal

import pytest

from treem.documents.dates import document_number, number_text, official_date, short_date


@pytest.mark.parametrize(
    ("day", "text"),
    [
        (date(2027, 6, 5), "ngày 05 tháng 6 năm 2027"),
        (date(2027, 1, 15), "ngày 15 tháng 01 năm 2027"),
        (date(2027, 2, 9), "ngày 09 tháng 02 năm 2027"),
        (date(2027, 10, 31), "ngày 31 tháng 10 năm 2027"),
    ],
)
def test_days_below_ten_and_the_first_two_months_are_padded(day: date, text: str) -> None:
    assert official_date(day) == text


def test_short_dates_follow_the_same_rule() -> None:
    assert short_date(date(2027, 6, 5)) == "05/6/2027"
    assert short_date(date(2027, 2, 15)) == "15/02/2027"


@pytest.mark.parametrize(
    ("number", "text"),
    [("1234.5", "1.234,5"), ("1234567", "1.234.567"), ("0", "0"), ("12.500", "12,5"), ("-3", "-3"), ("1E+3", "1.000")],
)
def test_numbers_have_dots_for_thousands_and_a_decimal_comma(number: str, text: str) -> None:
    assert number_text(Decimal(number)) == text


def test_a_document_number_below_ten_is_padded() -> None:
    assert [document_number(n) for n in ("5", "12", "")] == ["05", "12", ""]
