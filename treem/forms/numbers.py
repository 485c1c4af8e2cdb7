"""Numbers and yes/no as Vietnamese clerks type them, and back.

Vietnamese writes "." between thousands and "," before decimals; a computer set to English does the opposite. What can
be read both ways is asked about, never guessed.
"""

import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from treem.forms.layout import one_line, plain_dashes

ValueKind = Literal["number", "blank", "not_applicable"]
PLACES = Decimal("0.001")  # the ledger keeps thousandths
TOO_BIG = Decimal(10) ** 12
NOISE = Decimal("0.000001")  # what binary fractions leave behind in a computed cell

_NOT_APPLICABLE = {"không áp dụng", "khong ap dung", "kad", "k.a.d", "k/a/d", "x/a", "n/a", "k/a", "không ad"}
_ZERO_WORDS = {"không", "không có", "khong", "khong co", "ko", "ko có"}
_DASHES = re.compile(r"[-–—.…_]+")
_WIDE = str.maketrans("０１２３４５６７８９．，", "0123456789.,")
_NUMBER = re.compile(r"(-?[\d.,]+)(?: ?([^\d.,\s].*))?", re.ASCII)
_SPACED_GROUPS = re.compile(r"-?\d{1,3}(?: \d{3})+(?=,\d+$|$|\s*[^\d\s.,])", re.ASCII)
_PLAIN = re.compile(r"-?\d+", re.ASCII)
_DOT_GROUPS = re.compile(r"-?[1-9]\d{0,2}(\.\d{3})+", re.ASCII)
_COMMA_GROUPS = re.compile(r"-?\d{1,3}(,\d{3})+", re.ASCII)
_DECIMAL = re.compile(r"-?(\d+|[1-9]\d{0,2}(\.\d{3})+),\d+", re.ASCII)
_DOT_DECIMAL = re.compile(r"-?\d+\.\d+", re.ASCII)
_MIXED = re.compile(r"-?[\d.,]*\d[\d.,]*", re.ASCII)
_MILLIONS = {"triệu", "triệu đồng", "tr", "trđ", "tr.đ", "tr đồng"}


@dataclass(frozen=True)
class Understood:
    """What a cell says. A `rule` names why it is not understood (`kind` is None) or what to mention (`rounded`)."""

    kind: ValueKind | None
    number: Decimal | None = None
    rule: str | None = None


BLANK = Understood("blank")
NOT_APPLICABLE = Understood("not_applicable")


def read_number(raw: str | int | float | None, *, whole: bool, unit: str = "") -> Understood:
    """A count (`whole`) or an amount, from a number cell or from typed text."""
    if raw is None:
        return BLANK
    if isinstance(raw, str):
        return _from_text(raw, whole, unit)
    if isinstance(raw, float) and not math.isfinite(raw):
        return Understood(None, rule="not_number")
    return _within_bounds(Decimal(repr(raw)), whole, exact=False)


def read_yes_no(raw: str | int | float | None) -> Understood:
    """Có is 1, Không is 0."""
    if raw is None:
        return BLANK
    words = _words(raw) if isinstance(raw, str) else ""
    if isinstance(raw, str) and (not words or words in _NOT_APPLICABLE):
        return NOT_APPLICABLE if words else BLANK
    if words in ("có", "co", "true"):
        return Understood("number", Decimal(1))
    if words in ("không", "khong", "ko", "false"):
        return Understood("number", Decimal(0))
    return Understood(None, rule="not_yes_no")


def number_text(number: Decimal) -> str:
    """ "1.234,5": the way Vietnamese writes it."""
    return f"{number.normalize():,f}".translate(str.maketrans(",.", ".,"))


def _from_text(raw: str, whole: bool, unit: str) -> Understood:
    text = _words(raw)
    if not text:
        return BLANK
    if text in _NOT_APPLICABLE:
        return NOT_APPLICABLE
    if text in _ZERO_WORDS:
        return Understood("number", Decimal(0))
    if _DASHES.fullmatch(text):
        return Understood(None, rule="dash")
    text = _SPACED_GROUPS.sub(lambda found: found[0].replace(" ", ""), text, count=1)
    parts = _NUMBER.fullmatch(text)
    if parts is None or not _fits(parts[2], unit):
        return Understood(None, rule="not_number")
    return _from_digits(parts[1], whole)


def _from_digits(digits: str, whole: bool) -> Understood:
    if _PLAIN.fullmatch(digits):
        return _within_bounds(Decimal(digits), whole)
    if _DOT_GROUPS.fullmatch(digits) and (whole or digits.count(".") > 1):
        return _within_bounds(Decimal(digits.replace(".", "")), whole)
    if _COMMA_GROUPS.fullmatch(digits):  # "1,234": one thousand, or one and a bit
        return Understood(None, rule="ambiguous_number")
    if _DECIMAL.fullmatch(digits):
        return _within_bounds(Decimal(digits.replace(".", "").replace(",", ".")), whole)
    if _DOT_DECIMAL.fullmatch(digits) and not whole and len(digits.partition(".")[2]) != 3:
        return _within_bounds(Decimal(digits), whole)
    unclear = _MIXED.fullmatch(digits) and digits[-1].isdigit() and digits.lstrip("-")[0].isdigit()
    return Understood(None, rule="ambiguous_number" if unclear else "not_number")


def _within_bounds(number: Decimal, whole: bool, *, exact: bool = True) -> Understood:
    if number < 0:
        return Understood(None, rule="negative")
    if number >= TOO_BIG:
        return Understood(None, rule="too_big")
    kept = number.quantize(Decimal(1) if whole else PLACES, ROUND_HALF_UP)
    lost = abs(number - kept)
    if whole and lost > (0 if exact else NOISE):
        return Understood(None, rule="not_whole")
    return Understood("number", abs(kept), "rounded" if lost > NOISE else None)


def _words(raw: str) -> str:
    return plain_dashes(one_line(raw).translate(_WIDE)).casefold().lstrip("'’").strip()


def _fits(said: str | None, unit: str) -> bool:
    """Whether the word after the number is the unit asked for: "5 triệu đồng" is not "5 đồng"."""
    if said is None:
        return True
    words, wanted = said.strip(" ."), one_line(unit).casefold()
    if "đồng" in wanted or "đồng" in words:
        return words == wanted or (wanted == "triệu đồng" and words in _MILLIONS)
    return bool(words) and set(words.split()) <= set(wanted.split())
