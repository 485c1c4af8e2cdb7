"""Scores of Quyết định 06/QĐ-TTg: the total, no criterion at 0, the threshold; and what a form is told about it."""

from decimal import Decimal
from typing import Any

import builders as b
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treem.forms.check import Checked, check
from treem.forms.read import RawCell, RawRow, Reading
from treem.forms.scoring import score
from treem.plan.settings import Figure, Form, Indicator, Settings, Sum, Threshold

PARTS = tuple(f"XP-{n:02}" for n in range(1, 14))
TOTAL, VERDICT = "LD-23.1", "LD-23.2"
RULE = Threshold(verdict=VERDICT, total=TOTAL, parts=PARTS, at_least=800, at_least_of={"03390": 850, "phuong": 900})
EVEN = dict.fromkeys(PARTS, Decimal(62))  # 806


@given(st.lists(st.integers(0, 125), min_size=13, max_size=13))
def test_enough_means_no_criterion_at_0_and_the_threshold_reached(numbers: list[int]) -> None:
    outcome = score(RULE, {code: Decimal(n) for code, n in zip(PARTS, numbers, strict=True)}, "xa")
    assert outcome.total == sum(numbers)
    assert outcome.passed == (0 not in numbers and sum(numbers) >= 800)


@pytest.mark.parametrize(
    ("group", "body", "needed", "passed"),
    [("xa", "03424", 800, True), ("xa", "03390", 850, False), ("phuong", None, 900, False)],
)
def test_the_threshold_is_the_bodys_the_groups_or_everybodys(
    group: str, body: str | None, needed: int, passed: bool
) -> None:
    outcome = score(RULE, EVEN, group, body)
    assert (outcome.needed, outcome.passed) == (needed, passed)


def test_the_reasons_name_what_is_missing() -> None:
    less = {**EVEN, "XP-03": Decimal(0)}
    del less["XP-09"]
    assert score(RULE, less, "xa").reasons == (
        "tổng 682 điểm, chưa đến 800",
        "tiêu chí 0 điểm: XP-03",
        "chưa có điểm: XP-09",
    )
    assert score(RULE, EVEN, "xa").reasons == ("tổng 806 điểm, từ 800",)


# ---- in a form


def figure(code: str, **more: Any) -> Figure:
    values = {"label": code, "unit": "điểm", "type": "score", "merge": "none", "groups": ("xa",)}
    return Figure(code=code, **(values | more))


SCORED = (*map(figure, (*PARTS, TOTAL)), figure(VERDICT, type="yes_no", merge="count_yes", unit="có/không"))


def settings() -> Settings:
    plain = b.build_settings()
    indicators = tuple(
        Indicator(code=f.code, name=f.label, section="III.1", accrual="stock", basis="Q", duties=("V",), figures=(f,))
        for f in SCORED
    )
    book = plain.book.model_copy(
        update={"indicators": indicators, "sums": (Sum(total=TOTAL, parts=PARTS),), "thresholds": (RULE,)}
    )
    return plain.model_copy(update={"book": book})


def judge(body: str = "03424", only: tuple[str, ...] = (), **said: Any) -> Checked:
    """A form with 62 points in every criterion, but for what the test says (XP_01=…, total=…, verdict=…)."""
    names = {"total": TOTAL, "verdict": VERDICT}
    values: dict[str, Any] = dict.fromkeys(PARTS, 62) | {TOTAL: 806, VERDICT: "Có"}
    values |= {names.get(key, key.replace("_", "-")): value for key, value in said.items()}
    codes = only or (*PARTS, TOTAL, VERDICT)
    form = Form(code="BM-XPH", version=1, title="Tự chấm", group="xa", activities=("xa-phu-hop",), figures=codes)
    rows = tuple(RawRow(code, "S", f"A{n}") for n, code in enumerate(codes, 5))
    cells = tuple(RawCell(code, "total", values[code], "S", f"D{n}") for n, code in enumerate(codes, 5))
    marks: dict[str, Any] = {"token": b.TOKEN, "form_code": "BM-XPH", "form_version": 1, "body_code": body}
    reading = Reading("form", None, **marks, rows=rows, cells=cells, narratives=())
    return check(form, settings(), reading, expected_body=body)


def told(checked: Checked) -> list[tuple[str, str, str]]:
    return [(found.rule, found.severity, found.cell) for found in checked.findings]


def test_a_form_that_adds_up_is_told_nothing() -> None:
    assert told(judge()) == []
    assert told(judge(XP_03=0, total=744, verdict="Không")) == []


def test_a_total_that_is_not_the_sum_has_to_be_corrected() -> None:
    checked = judge(total=816)
    assert told(checked) == [("parts_mismatch", "error", "D18")]
    assert "LD-23.1 là 816, khác tổng các dòng XP-01 … XP-13 (806)" in checked.findings[0].message


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"XP_01": 0, "XP_02": 124}, "LD-23.2 ghi “Có”, nhưng tổng 806 điểm, từ 800; tiêu chí 0 điểm: XP-01."),
        ({"XP_01": 50, "total": 794}, "LD-23.2 ghi “Có”, nhưng tổng 794 điểm, chưa đến 800."),
        ({"XP_01": "không áp dụng"}, "chưa có điểm: XP-01"),
        ({"verdict": "Không"}, "LD-23.2 ghi “Không”, nhưng tổng 806 điểm, từ 800."),
    ],
)
def test_a_verdict_that_does_not_follow_is_to_be_looked_at(said: dict[str, Any], words: str) -> None:
    checked = judge(**said)
    assert told(checked) == [("verdict_mismatch", "warning", "D19")]
    assert words in checked.findings[0].message


def test_a_body_with_a_threshold_of_its_own() -> None:
    assert told(judge("03390")) == [("verdict_mismatch", "warning", "D19")]


def test_where_only_the_total_is_asked_yes_needs_the_total() -> None:
    only = (TOTAL, VERDICT)
    assert told(judge(only=only, total=700)) == [("verdict_mismatch", "warning", "D6")]
    assert told(judge(only=only, total=900, verdict="Không")) == []  # a criterion may be at 0


def test_what_is_unknown_is_not_added_up() -> None:
    assert [rule for rule, *_ in told(judge(XP_01="khoảng 60", verdict="Không"))] == ["not_number"]
    assert [rule for rule, *_ in told(judge(verdict=None, total=None))] == ["blank_total", "blank_total"]
