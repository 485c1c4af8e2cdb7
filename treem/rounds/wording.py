"""How a round is named to people: its period, its deadline, and what every letter about it says."""

from datetime import date, timedelta
from typing import Any

from treem.documents.dates import short_date
from treem.ledger.tables import Request
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Body, Form, Settings

WEEKDAYS = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")


def form_of(settings: Settings, plan: RoundPlan, body: Body) -> Form:
    """The form a body answers in a round. Raises KeyError when its group has none."""
    return settings.form_for(plan.activity.key, plan.collection.key, body.group)


def period_text(plan: RoundPlan) -> str:
    """The data period, e.g. "từ ngày 15/12/2026 đến hết ngày 31/5/2027"."""
    return f"từ ngày {short_date(plan.period_start)} đến hết ngày {short_date(plan.period_end)}"


def as_of_text(plan: RoundPlan) -> str:
    """The data cut-off, with the mark "ước" where the period ends after the deadline."""
    mark = " (số ước thực hiện)" if plan.is_estimate else ""
    return f"chốt đến hết ngày {short_date(plan.period_end)}{mark}"


def due_text(due: date, legal_due: date) -> str:
    """The deadline as the plan words it, and the last day to send on: a working day, unless it is the very last day."""
    bound = legal_due + timedelta(days=1)
    kind = "" if due == legal_due else "ngày làm việc "
    return f"trước ngày {short_date(bound)} (chậm nhất hết {kind}{WEEKDAYS[due.weekday()]}, ngày {short_date(due)})"


def about(plan: RoundPlan) -> str:
    """What follows a report's title in a sentence; the titles of other activities say it themselves."""
    return " về công tác trẻ em" if plan.activity.kind == "report" else ""


def letter_context(settings: Settings, plan: RoundPlan, body: Body, request: Request) -> dict[str, Any]:
    """What every letter to a body about its request may say."""
    addressee = plan.answering(body)
    return {
        "office": settings.office,
        "plan": settings.plan,
        "body_name": addressee.name,
        "asked_body": "" if addressee is body else body.name,
        "tone": settings.group(addressee.group).tone,
        "round_title": plan.title,
        "about": about(plan),
        "content": plan.collection.content or "số liệu và kết quả thực hiện nhiệm vụ được giao",
        "period_text": period_text(plan),
        "as_of_text": as_of_text(plan),
        "due_text": due_text(request.due, request.legal_due),
        "token": request.token,
    }
