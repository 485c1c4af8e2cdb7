"""Sums and thresholds in indicators.yaml: what does not fit is named with its place."""

from typing import Any

import pytest

from tests.plan.builders import body
from treem.plan.consistency.figures import check_book
from treem.plan.settings import Figure, Group, Indicator, IndicatorBook, Register, Sum, Threshold


def figure(code: str, groups: tuple[str, ...] = ("xa",), **more: Any) -> Figure:
    values = {"label": code, "unit": "điểm", "type": "score", "merge": "none", "groups": groups}
    return Figure(code=code, **(values | more))


FIGURES = (
    figure("A"), figure("B"), figure("C"), figure("T"), figure("P", groups=("phong",)),
    figure("V", type="yes_no", merge="count_yes"),
)  # fmt: skip
GROUPS = tuple(Group(key=key, name=key, duty_group="III.9", tone="instruct") for key in ("xa", "phong"))
REGISTER = Register(groups=GROUPS, bodies=(body("03390"),))
GOOD = Threshold(verdict="V", total="T", parts=("A", "B"), at_least=800, at_least_of={"xa": 850, "03390": 900})


def found(*sums: Sum, thresholds: tuple[Threshold, ...] = ()) -> list[tuple[tuple[str | int, ...], str]]:
    indicators = tuple(
        Indicator(code=f.code, name=f.label, section="III.1", accrual="stock", basis="Q", duties=("V",), figures=(f,))
        for f in FIGURES
    )
    book = IndicatorBook(indicators=indicators, sums=sums, thresholds=thresholds)
    return [(tuple(one.path), one.message) for one in check_book(book, REGISTER, None)]


def test_good_rules_are_good() -> None:
    assert found(Sum(total="T", parts=("A", "B", "C")), thresholds=(GOOD,)) == []


@pytest.mark.parametrize(
    ("rule", "path", "words"),
    [
        (Sum(total="X", parts=("A", "B")), ("sums", 0, "total"), "“X”"),
        (Sum(total="T", parts=("A", "X")), ("sums", 0, "parts", 1), "“X”"),
        (Sum(total="T", parts=("A", "A")), ("sums", 0, "parts", 1), "hai lần"),
        (Sum(total="T", parts=("A", "T")), ("sums", 0, "parts", 1), "chính nó"),
        (Sum(total="T", parts=("A", "P")), ("sums", 0), "Không đơn vị nào"),
    ],
)
def test_a_sum_that_cannot_be_is_refused(rule: Sum, path: tuple[str | int, ...], words: str) -> None:
    ((place, message),) = found(rule)
    assert place == path
    assert words in message


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"verdict": "C"}, ("thresholds", 0, "verdict"), "Có/Không"),
        ({"verdict": "X"}, ("thresholds", 0, "verdict"), "“X”"),
        ({"parts": ("A", "X")}, ("thresholds", 0, "parts", 1), "“X”"),
        ({"at_least_of": {"99999": 850}}, ("thresholds", 0, "at_least_of", "99999"), "“99999”"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused(
    changes: dict[str, Any], path: tuple[str | int, ...], words: str
) -> None:
    ((place, message),) = found(thresholds=(GOOD.model_copy(update=changes),))
    assert place == path
    assert words in message
