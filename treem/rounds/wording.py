"""How a round is named to people: its period, its deadline, and what every letter about it says."""

from datetime import date, timedelta
from typing import Any

from treem.documents.dates import short_date
from treem.ledger.tables import Request
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Body, Settings

WEEKDAYS = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")


def period_text(plan: RoundPlan) -> str:
    """The data period, e.g. "từ ngày 15/12/2026 đến hết ngày 31/5/2027"."""
    return f"từ ngày {short_date(plan.period_start)} đến hết ngày {short_date(plan.period_end)}"


def as_of_text(plan: RoundPlan) -> str:
    """The data cut-off, with the mark "ước" where the period ends after the deadline."""
    mark = " (số ước thực hiện)" if plan.activity.period.estimate else ""
    return f"chốt đến hết ngày {short_date(plan.period_end)}{mark}"


def due_text(due: date, legal_due: date) -> str:
    """The deadline as the plan words it, and the last day to send on: a working day, unless it is the very last day."""
    bound = legal_due + timedelta(days=1)
    kind = "" if due == legal_due else "ngày làm việc "
    return f"trước ngày {short_date(bound)} (chậm nhất hết {kind}{WEEKDAYS[due.weekday()]}, ngày {short_date(due)})"


def letter_context(settings: Settings, plan: RoundPlan, body: Body, request: Request) -> dict[str, Any]:
    """What every letter to a body about its request may say."""
    return {
        "office": settings.office,
        "plan": settings.plan,
        "body_name": body.name,
        "tone": settings.group(body.group).tone,
        "round_title": plan.title,
        "period_text": period_text(plan),
        "as_of_text": as_of_text(plan),
        "due_text": due_text(request.due, request.legal_due),
        "token": request.token,
    }
