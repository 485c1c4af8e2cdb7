"""A small plan to reckon with: two groups, a few bodies, the six-month and the annual report."""

from datetime import date
from typing import Any

from treem.plan.settings import Activity, Body, Collection, Offset, Period, Plan, Register, Settings, When


class _Office:
    timezone = "Asia/Ho_Chi_Minh"
    number_before_sending = False


def body(code: str, group: str = "xa", **more: Any) -> Body:
    values: dict[str, Any] = {
        "code": code,
        "name": f"UBND xã {code}",
        "group": group,
        "kind": "commune",
        "emails": (f"{code}@xa.test",),
        "valid_from": date(2020, 1, 1),
    }
    return Body(**(values | more))


def activity(**more: Any) -> Activity:
    """The six-month report, unless told otherwise."""
    own: dict[str, Any] = {
        "key": "bao-cao-6-thang",
        "title": "Báo cáo 6 tháng",
        "kind": "report",
        "source": "Báo cáo 6 tháng gửi trước ngày 15 tháng 6",
    }
    own |= {key: more.pop(key) for key in list(more) if key in Activity.model_fields}
    return Activity(**({"collections": (collection(**more),)} | own))


def collection(**more: Any) -> Collection:
    """What the six-month report collects, unless told otherwise."""
    values: dict[str, Any] = {
        "key": "bao-cao",
        "period_title": "6 tháng đầu năm {year}",
        "audience": ("xa", "phong"),
        "document": "bao-cao-6-thang",
        "due": When(before="06-15"),
        "open": Offset(days=-30),
        "reminders": (Offset(days=-10), Offset(working_days=-2)),
        "chases": (Offset(working_days=1), Offset(working_days=3)),
        "close": Offset(working_days=5),
        "send_on": Offset(working_days=8),
        "period": Period(start="12-15", end="05-31"),
    }
    return Collection(**(values | more))


def annual(**more: Any) -> Activity:
    values: dict[str, Any] = {
        "key": "bao-cao-nam",
        "title": "Báo cáo năm",
        "due": When(before="12-10"),
        "send_on": Offset(days=30),
        "period": Period(start="12-15", end="11-30"),
    }
    return activity(**(values | more))


def settings(*activities: Activity, bodies: tuple[Body, ...] = ()) -> Settings:
    return Settings.model_construct(
        office=_Office(),
        plan=Plan.model_construct(activities=activities or (activity(),)),
        register_=Register(groups=(), bodies=bodies or (body("03424"), body("03427"), body("y-te", "phong"))),
    )
