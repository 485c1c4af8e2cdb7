"""What the district's figures must be, worked out from what the bodies meant, in plain Python.

Belongs here: a second, independent computation of the totals. It must not import `treem.district` or `treem.forms`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from treem.rehearsal.bodies import SimulatedBody
from treem.rehearsal.inventing import Meant

Totals = dict[tuple[str, str], Decimal | None]
Reported = Sequence[tuple[str, Meant]]
"""What each body means, beside its group."""

HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True)
class FigureRule:
    """How one figure becomes a district figure."""

    code: str
    merge: str  # sum, count_yes, latest, rate, primary, or none: only listed, never added up
    columns: tuple[str, ...] = ("total",)
    primary: str | None = None  # the group whose figure counts; the others' are cross-checks
    numerator: str | None = None
    denominator: str | None = None
    scale: int = 100
    adds: bool = False  # what is reported in several rounds adds up


def expected_totals(
    bodies: Iterable[SimulatedBody], rules: Sequence[FigureRule], group_of: Mapping[str, str]
) -> Totals:
    """The district total of every figure and column from what the bodies of one round mean.

    `group_of` gives a body's group by its code.
    """
    return totals_of([(group_of[body.body_code], body.meant()) for body in bodies], rules)


def totals_of(reported: Reported, rules: Sequence[FigureRule]) -> Totals:
    """The district total of every figure and column; None where nobody reported a number.

    A rate is of the column total, from the bodies that gave both halves, and rounded to two places.
    """
    by_code = {rule.code: rule for rule in rules}
    totals: Totals = {}
    for rule in rules:
        if rule.merge == "rate":
            totals[rule.code, "total"] = _rate(rule, by_code, reported)
            continue
        for column in rule.columns:
            totals[rule.code, column] = _combined(rule, [n for n in _numbers(rule, column, reported) if n is not None])
    return totals


def added_up(said: Sequence[Meant], rules: Sequence[FigureRule]) -> Meant:
    """What one body means in several rounds, in order of time: what flows adds up, of the rest the last word counts."""
    adding = {rule.code for rule in rules if rule.adds}
    whole: Meant = {}
    for meant in said:
        for (code, column), meaning in meant.items():
            earlier = whole.get((code, column))
            if not isinstance(earlier, Decimal):
                whole[code, column] = meaning
            elif isinstance(meaning, Decimal):
                whole[code, column] = earlier + meaning if code in adding else meaning
    return whole


def _numbers(rule: FigureRule, column: str, reported: Reported) -> list[Decimal | None]:
    """For each body its number, or None where it gave none or its figure is only a cross-check."""
    numbers: list[Decimal | None] = []
    for group, meant in reported:
        meaning = meant.get((rule.code, column))
        counts = rule.merge != "primary" or rule.primary in (None, group)
        numbers.append(meaning if counts and isinstance(meaning, Decimal) else None)
    return numbers


def _combined(rule: FigureRule, numbers: Sequence[Decimal]) -> Decimal | None:
    if not numbers or rule.merge == "none":
        return None
    if rule.merge == "count_yes":
        return Decimal(sum(1 for number in numbers if number == 1))
    return sum(numbers, Decimal(0))


def _rate(rule: FigureRule, by_code: Mapping[str, FigureRule], reported: Reported) -> Decimal | None:
    top_rule, bottom_rule = by_code.get(rule.numerator or ""), by_code.get(rule.denominator or "")
    if top_rule is None or bottom_rule is None:
        return None
    tops, bottoms = _numbers(top_rule, "total", reported), _numbers(bottom_rule, "total", reported)
    both = [(top, bottom) for top, bottom in zip(tops, bottoms, strict=True) if top is not None and bottom is not None]
    below = sum((bottom for _, bottom in both), Decimal(0))
    above = sum((top for top, _ in both), Decimal(0))
    return (above * rule.scale / below).quantize(HUNDREDTH, ROUND_HALF_UP) if below else None
