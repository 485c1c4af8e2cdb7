"""How a round is named to people: what every letter about it says. Its days in words are in `documents.periods`."""

from collections.abc import Sequence
from typing import Any

from treem.documents.periods import as_of_text, deadline_text, event_text, period_label, period_text
from treem.ledger.tables import Request
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Body, Form, Settings

SENDABLE = ("báo cáo", "kế hoạch", "kết quả", "chương trình", "số liệu", "danh", "biên bản", "phiếu", "đề cử", "biểu")


def form_of(settings: Settings, plan: RoundPlan, body: Body) -> Form:
    """The form a body answers in a round. Raises KeyError when its group has none."""
    return settings.form_for(plan.activity.key, plan.collection.key, body.group)


def due_text(plan: RoundPlan, request: Request) -> str:
    """The deadline of a request, as the plan words it or as it was extended."""
    return deadline_text(plan, request.due, request.legal_due)


def previous_title(plan: RoundPlan) -> str:
    """What stands over the figures a body reported before."""
    if plan.collection.reconciles:
        return "Số ước đã báo"
    return "Cùng kỳ năm trước" if plan.collection.period else "Năm trước"


def about(plan: RoundPlan) -> str:
    """What follows a report's title in a sentence; the titles of other activities say it themselves."""
    return " về công tác trẻ em" if plan.activity.kind == "report" else ""


def filing(plan: RoundPlan) -> str:
    """What a body sends, as letters call it: a round named after a thing by its name, one named after a deed by its
    form ("Yêu cầu gửi biểu mẫu “Rà soát danh bạ 2027”").
    """
    return plan.title if plan.title.lower().startswith(SENDABLE) else f"biểu mẫu “{plan.title}”"


def report_title(plan: RoundPlan, kind: str) -> str:
    """What a version is called: "Báo cáo 6 tháng 2027", "Báo cáo bổ sung: Báo cáo 6 tháng 2027"."""
    return f"Báo cáo bổ sung: {plan.title}" if kind == "supplement" else plan.title


def letter_context(settings: Settings, plan: RoundPlan, body: Body, request: Request) -> dict[str, Any]:
    """What every letter to a body about its request may say.

    `places`, `visit_text` and `recommendations` are of the body alone, `event_text` may stand in another collection:
    who writes the letter with the ledger at hand adds them (`rounds.asking`).
    """
    addressee, form = plan.answering(body), form_of(settings, plan, body)
    return {
        "office": settings.office,
        "plan": settings.plan,
        "body_name": addressee.name,
        "asked_body": "" if addressee is body else body.name,
        "tone": settings.group(addressee.group).tone,
        "filing": filing(plan),
        "round_title": plan.title,
        "occasion_title": f"{plan.activity.title.removesuffix(' năm')} năm {plan.year}",
        "about": about(plan),
        "content": plan.collection.content or _content(form),
        "period_label": period_label(plan),
        "period_text": period_text(plan),
        "as_of_text": as_of_text(plan),
        "event_text": event_text(plan),
        "due_text": due_text(plan, request),
        "has_narrative": has_narrative(form),
        "duties": _duties(settings, form, body),
        "places": None,
        "venue": "",
        "visit_text": "",
        "recommendations": (),
        "token": request.token,
    }


def has_narrative(form: Form) -> bool:
    """Whether the form has a sheet for what is told in words."""
    return bool(form.duties or form.closings)


def _content(form: Form) -> str:
    return "số liệu và kết quả thực hiện nhiệm vụ được giao" if form.duties else "số liệu"


def _duties(settings: Settings, form: Form, body: Body) -> Sequence[str]:
    """What is looked at in an inspection: the duties the form asks about, else all the plan gives the body."""
    own = [duty for duty in settings.plan.duties if duty.code in form.duties]
    return [duty.text for duty in own or [d for d in settings.plan.duties if body.group in d.groups]]
