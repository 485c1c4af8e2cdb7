"""Checks of plan.yaml: duties, and whether the milestones of an activity come in their order."""

from collections.abc import Iterator, Sequence
from datetime import date

from treem.plan.problems import Found, Path, choose, repeated
from treem.plan.settings import Activity, Offset, Plan, Register

FILE = "plan.yaml"
COMMON_YEAR = 2027  # 29 February does not exist every year, so no rule may name it
WORKING_WEEK = 5 / 7
MONTH_DAY = "Viết tháng-ngày có thật trong dấu nháy, ví dụ “06-15” là ngày 15 tháng 6."


def check_plan(plan: Plan, register: Register | None) -> Iterator[Found]:
    """Duties and activities."""
    for earlier, n in repeated([d.code for d in plan.duties]):
        message = f"Mã nhiệm vụ “{plan.duties[n].code}” đã dùng cho nhiệm vụ thứ {earlier + 1}."
        yield Found(FILE, ("duties", n, "code"), message, "Đặt mã khác.")
    for _, n in repeated([a.key for a in plan.activities]):
        yield Found(FILE, ("activities", n, "key"), f"Hoạt động “{plan.activities[n].key}” đã có.", "Đặt khóa khác.")
    if register:
        yield from _groups(plan, [g.key for g in register.groups])
    for n, activity in enumerate(plan.activities):
        yield from _dates(("activities", n), activity)
        yield from _offsets(("activities", n), activity)


def _groups(plan: Plan, groups: Sequence[str]) -> Iterator[Found]:
    named: list[tuple[Path, str]] = []
    for n, duty in enumerate(plan.duties):
        named += [(("duties", n, "groups", m), key) for m, key in enumerate(duty.groups)]
    for n, activity in enumerate(plan.activities):
        named += [(("activities", n, "audience", m), key) for m, key in enumerate(activity.audience)]
    for path, key in named:
        if key not in groups:
            yield Found(FILE, path, f"Không có nhóm “{key}” trong bodies.yaml.", choose(key, groups))


def _dates(here: Path, activity: Activity) -> Iterator[Found]:
    due, period = activity.due, activity.period
    if (due.before is None) == (due.on is None):
        yield Found(FILE, (*here, "due"), "Hạn phải có đúng một trong hai mục before, on.", "Giữ một mục.")
    texts = {("due", "before"): due.before, ("due", "on"): due.on}
    texts |= {("period", "start"): period.start, ("period", "end"): period.end}
    bad = {path: text for path, text in texts.items() if text is not None and _day(text) is None}
    for path, text in bad.items():
        yield Found(FILE, (*here, *path), f"“{text}” không phải ngày có thật của mọi năm.", MONTH_DAY)
    start, end = _day(period.start), _day(period.end)
    if period.start_year == 0 and start and end and start > end:
        remedy = "Ghi start_year: -1 nếu kỳ bắt đầu từ năm trước."
        yield Found(FILE, (*here, "period", "start"), "Kỳ số liệu bắt đầu sau ngày kết thúc.", remedy)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{COMMON_YEAR}-{text}")
    except ValueError:
        return None


def _offsets(here: Path, activity: Activity) -> Iterator[Found]:
    steps = _steps(activity)
    broken = [path for path, offset in steps if (offset.days is None) == (offset.working_days is None)]
    for path in broken:
        message = "Phải có đúng một trong hai mục days, working_days."
        yield Found(FILE, (*here, *path), message, "Giữ một mục, ví dụ {working_days: -5}.")
    if not broken:
        yield from _order(here, activity)


def _steps(activity: Activity) -> list[tuple[Path, Offset]]:
    steps: list[tuple[Path, Offset]] = [(("open",), activity.open)]
    steps += [(("reminders", m), offset) for m, offset in enumerate(activity.reminders)]
    steps += [(("chases", m), offset) for m, offset in enumerate(activity.chases)]
    return [*steps, (("close",), activity.close), (("send_on",), activity.send_on)]


def _order(here: Path, activity: Activity) -> Iterator[Found]:
    """Open, reminders, due, chases, close, send on."""
    opened, closed, sent = (_days(o) for o in (activity.open, activity.close, activity.send_on))
    early = "Ghi số âm; nhắc sau hạn là đôn đốc (chases)."
    if opened >= 0:
        yield _late(here, "open", "Ngày mở đợt không trước hạn nộp.", "Ghi số âm, ví dụ {working_days: -20}.")
    for m, reminder in enumerate(map(_days, activity.reminders)):
        if reminder > 0:
            yield _late(here, "reminders", "Ngày nhắc sau hạn nộp.", early, m)
        elif reminder <= opened:
            yield _late(here, "reminders", "Ngày nhắc không sau ngày mở đợt (open).", "Ghi số gần hạn hơn.", m)
    yield from _chases(here, activity, closed)
    if closed < 0:
        yield _late(here, "close", "Ngày đóng đợt trước hạn nộp.", "Ghi số dương, ví dụ {working_days: 5}.")
    if closed > sent:
        yield _late(here, "close", "Ngày đóng đợt sau ngày gửi báo cáo (send_on).", "Ghi số nhỏ hơn send_on.")


def _chases(here: Path, activity: Activity, closed: float) -> Iterator[Found]:
    for m, chase in enumerate(map(_days, activity.chases)):
        if chase <= 0:
            yield _late(here, "chases", "Ngày đôn đốc không sau hạn nộp.", "Ghi số dương; trước hạn là reminders.", m)
        elif chase > closed:
            yield _late(here, "chases", "Ngày đôn đốc sau ngày đóng đợt (close).", "Ghi số nhỏ hơn close.", m)


def _late(here: Path, key: str, message: str, remedy: str, position: int | None = None) -> Found:
    path: Path = (*here, key) if position is None else (*here, key, position)
    return Found(FILE, path, message, remedy)


def _days(offset: Offset) -> float:
    """Working days from the due date, near enough to tell what comes first."""
    return offset.working_days if offset.working_days is not None else (offset.days or 0) * WORKING_WEEK
