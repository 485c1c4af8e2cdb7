"""How a round is said: its deadline, its period, what a body is asked to send. Every activity of the shipped config."""

import os
import re
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from treem.documents.letters import render_letter
from treem.documents.periods import deadline_text, event_text, period_label, period_text
from treem.ledger.tables import Request
from treem.plan.agenda import RoundPlan, plans_of
from treem.plan.almanac import Almanac
from treem.plan.load import load_settings
from treem.plan.settings import Collection, Period, Settings, When
from treem.rounds.wording import filing, letter_context, previous_title

CONFIG = Path(__file__).parents[2] / "config"


@cache
def settings() -> Settings:
    return load_settings(CONFIG, os.environ)


@cache
def plans(year: int = 2027) -> tuple[RoundPlan, ...]:
    return tuple(plans_of(settings(), Almanac(settings().holidays), year))


def half_year(year: int) -> RoundPlan:
    return next(p for p in plans(year) if p.activity.key == "bao-cao-6-thang")


def changed(plan: RoundPlan, day: When | None = None, title: str = "", kind: str = "event", **more: Any) -> RoundPlan:
    """The half-year round with another collection or activity."""
    collection = Collection(**{**dict(plan.collection), **more})
    activity = plan.activity.model_copy(update={"day": day, "kind": kind, "title": title or plan.activity.title})
    return RoundPlan(**{**plan.__dict__, "activity": activity, "collection": collection})


@pytest.mark.parametrize(
    ("due", "legal_due", "said"),
    [
        ((6, 12), (6, 14), "trước ngày 15/6/2026 (chậm nhất hết ngày làm việc thứ Sáu, ngày 12/6/2026)"),
        ((6, 21), (6, 21), "hết ngày 21/6/2026 (Chủ nhật)"),
    ],
    ids=["the plan's", "an extension to a Sunday"],
)
def test_a_day_is_called_a_working_day_only_where_the_last_day_is_another(
    due: tuple[int, int], legal_due: tuple[int, int], said: str
) -> None:
    assert deadline_text(half_year(2026), date(2026, *due), date(2026, *legal_due)) == said


def test_only_a_rule_before_a_day_is_said_so() -> None:
    plan = changed(half_year(2027), due=When(on="09-24"))
    assert deadline_text(plan, date(2027, 9, 24), date(2027, 9, 24)) == "hết ngày 24/9/2027 (thứ Sáu)"
    rolled = deadline_text(plan, date(2027, 9, 1), date(2027, 9, 2))  # Quốc khánh
    assert rolled == "hết ngày 02/9/2027 (thứ Năm, ngày nghỉ; chậm nhất hết ngày làm việc thứ Tư, ngày 01/9/2027)"


def test_an_event_has_a_day_and_no_data_period() -> None:
    day = date(2027, 9, 15)
    plan = changed(half_year(2027), day=When(lunar="08-15"), period=None)
    plan = RoundPlan(**{**plan.__dict__, "period_start": day, "period_end": day})
    assert (period_label(plan), period_text(plan)) == ("Ngày tổ chức", "thứ Tư, ngày 15/9/2027 (15/8 âm lịch)")
    longer = RoundPlan(**{**plan.__dict__, "period_end": day + timedelta(days=1)})
    assert period_label(longer) == "Thời gian tổ chức"
    assert event_text(longer) == "từ ngày 15/9/2027 đến hết ngày 16/9/2027"


def test_what_has_neither_day_nor_period_has_a_year() -> None:
    plan = changed(half_year(2027), period=None, period_title="năm {year}", kind="other")
    assert (period_label(plan), period_text(plan)) == ("Kỳ", "năm 2027")


def test_a_round_named_after_a_deed_is_asked_for_by_its_form() -> None:
    named = {title: filing(changed(half_year(2027), title=title)) for title in ("Kết quả A", "Rà soát danh bạ")}
    assert named == {"Kết quả A": "Kết quả A 2027", "Rà soát danh bạ": "biểu mẫu “Rà soát danh bạ 2027”"}


def test_the_figures_beside_the_cells_are_called_what_they_are() -> None:
    plan = half_year(2027)
    period = Period(start="12-15", end="12-14", estimate=True)
    assert previous_title(plan) == "Cùng kỳ năm trước"
    assert previous_title(changed(plan, period=period, reconciles="bao-cao-nam")) == "Số ước đã báo"
    assert previous_title(changed(plan, period=None)) == "Năm trước"


@pytest.mark.parametrize("name", ["first", "reminder", "chase", "moved", "waived"])
def test_every_letter_of_every_collection_is_whole_and_speaks_of_its_own_matter(name: str) -> None:
    for plan in plans():
        body = plan.bodies[0]
        request = Request(body=body.code, token="T", due=plan.due, legal_due=plan.legal_due)
        made = render_letter(
            plan.collection.letter if name == "first" else name, letter_context(settings(), plan, body, request)
        )
        assert 15 < len(made.subject) < 130, made.subject
        assert not re.search(r"[{}]|None|Undefined|  \.|\.\.", made.text), made.text
        assert ("trước ngày" in made.text.replace("trước ngày đoàn", "")) <= (plan.collection.due.before is not None)
        if plan.activity.key != "bao-cao-6-thang":
            assert "6 tháng" not in made.text.replace(plan.collection.content, "")
