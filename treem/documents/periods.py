"""How a round's days are said: what its figures cover, when its event is, by when it is to be answered.

Belongs here: words shared by letters, forms and documents. Which days these are is decided by `plan.agenda`.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from treem.documents.dates import short_date
from treem.plan.agenda import RoundPlan

WEEKDAYS = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")
HELD: Mapping[str, str] = {"event": "tổ chức", "training": "tập huấn", "inspection": "kiểm tra"}


def weekday_date(day: date) -> str:
    """A day with its weekday: "thứ Tư, ngày 15/9/2027"."""
    return f"{WEEKDAYS[day.weekday()]}, ngày {short_date(day)}"


def period_title(plan: RoundPlan) -> str:
    """The period by name: "6 tháng đầu năm 2027", which must not break between "năm" and the year."""
    return plan.collection.period_title.format(year=plan.year).replace(f"năm {plan.year}", f"năm\u00a0{plan.year}")


def period_label(plan: RoundPlan) -> str:
    """What `period_text` is: the period of the figures, the event's own days, or just the year."""
    if plan.collection.period:
        return "Kỳ số liệu"
    if plan.activity.day is None:
        return "Kỳ"
    what = HELD.get(plan.activity.kind, "thực hiện")
    return f"Ngày {what}" if plan.period_start == plan.period_end else f"Thời gian {what}"


def period_text(plan: RoundPlan) -> str:
    """The data period, e.g. "từ ngày 15/12/2026 đến hết ngày 31/5/2027"; the event's days where there is none."""
    if plan.collection.period is None:
        return event_text(plan) or plan.collection.period_title.format(year=plan.year)
    return _span(plan.period_start, plan.period_end)


def as_of_text(plan: RoundPlan) -> str:
    """The data cut-off, with the mark "ước" where the period ends after the deadline; empty without a data period."""
    if plan.collection.period is None:
        return ""
    if plan.is_estimate:
        return f"số ước thực hiện đến hết ngày {short_date(plan.period_end)}, tính tại thời điểm báo cáo"
    return f"chốt đến hết ngày {short_date(plan.period_end)}"


def event_text(plan: RoundPlan) -> str:
    """The event's own day or days, the lunar day beside it; empty where the activity has none.

    A collection with a data period of its own knows the event's days only when it is the activity's last.
    """
    first, last = _own_days(plan)
    if first is None or last is None:
        return ""
    return weekday_date(first) + _lunar(plan) if first == last else _span(first, last)


def _own_days(plan: RoundPlan) -> tuple[date | None, date | None]:
    if plan.activity.day is None:
        return None, None
    if plan.collection.period is None:
        return plan.period_start, plan.period_end
    return plan.own_day, next((m.date for m in plan.milestones if m.key == "until"), plan.own_day)


def estimate_text(plan: RoundPlan) -> str:
    """What a reader must know of estimated figures; empty where they are final."""
    if not plan.is_estimate:
        return ""
    return (
        f"Số liệu trong báo cáo là số ước thực hiện đến hết ngày {short_date(plan.period_end)}, tính tại thời điểm "
        f"ngày {short_date(plan.due)} (trừ số liệu tổng hợp từ các đợt thu thập đã kết thúc); số chính thức được thu "
        "thập và đối chiếu sau khi kết thúc kỳ số liệu."
    )


def deadline_text(plan: RoundPlan, due: date, legal_due: date) -> str:
    """The deadline as the plan words it, and the last working day where the last day in time is none.

    Only a rule "trước ngày" is said so; every other day, an extension too, is the last one to answer on.
    """
    if plan.collection.due.before is not None and legal_due == plan.legal_due:
        return f"trước ngày {short_date(legal_due + timedelta(days=1))} (chậm nhất hết {_last(due, legal_due)})"
    if due == legal_due:
        return f"hết ngày {short_date(due)} ({WEEKDAYS[due.weekday()]})"
    off = f"{WEEKDAYS[legal_due.weekday()]}, ngày nghỉ"
    return f"hết ngày {short_date(legal_due)} ({off}; chậm nhất hết {_last(due, legal_due)})"


def _last(due: date, legal_due: date) -> str:
    return weekday_date(due) if due == legal_due else f"ngày làm việc {weekday_date(due)}"


def _lunar(plan: RoundPlan) -> str:
    """ " (15/8 âm lịch)": what people know the feast by."""
    lunar = plan.activity.day.lunar if plan.activity.day else None
    if lunar is None:
        return ""
    month, day = map(int, lunar.split("-"))
    return f" ({day}/{month} âm lịch)"


def _span(start: date, end: date) -> str:
    if start == end:
        return f"ngày {short_date(start)}"
    return f"từ ngày {short_date(start)} đến hết ngày {short_date(end)}"
