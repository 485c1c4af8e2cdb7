"""Dates and numbers as Vietnamese offices write them. Words only: no clock, no calendar.

Nghị định 30/2020/NĐ-CP, Phụ lục I: days below 10 and the months 1 and 2 are written with a zero, no other month is.
"""

from datetime import date
from decimal import Decimal


def _day(day: date) -> str:
    return f"{day.day:02d}"


def _month(day: date) -> str:
    return f"{day.month:02d}" if day.month < 3 else str(day.month)


def official_date(day: date) -> str:
    """A date in a sentence: "ngày 05 tháng 6 năm 2027"."""
    return f"ngày {_day(day)} tháng {_month(day)} năm {day.year}"


def short_date(day: date) -> str:
    """A date in a table or a bracket: "05/6/2027"."""
    return f"{_day(day)}/{_month(day)}/{day.year}"


def blank_date(year: int) -> str:
    """The date of a draft, left for the records clerk (Văn thư) to fill in."""
    return f"ngày      tháng      năm {year}"


def number_text(number: Decimal) -> str:
    """A number with dots for thousands and a decimal comma, without trailing zeros: "1.234,5"."""
    plain = f"{number:,f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    plain = "0" if plain in ("-0", "") else plain
    return plain.translate(str.maketrans(",.", ".,"))


def document_number(number: str) -> str:
    """The number of a document; below 10 it takes a zero ("Số: 05/BC-UBND")."""
    return number.zfill(2) if number.isdigit() else number
