"""Checks of plan.yaml: duties, date rules, and whether the milestones of a collection come in their order."""

from collections.abc import Iterator, Sequence
from datetime import date

from treem.plan.problems import Found, Path, choose, repeated
from treem.plan.settings import Activity, Collection, Holidays, Offset, Places, Plan, Register, SelectedBefore, When

FILE = "plan.yaml"
COMMON_YEAR = 2027  # 29 February does not exist every year, so no rule may name it
WORKING_WEEK = 5 / 7
MONTH_DAY = "Viết tháng-ngày có thật trong dấu nháy, ví dụ “06-15” là ngày 15 tháng 6."
RULES = ("before", "on", "lunar", "nth", "school", "from")


def check_plan(plan: Plan, register: Register | None, holidays: Holidays | None) -> Iterator[Found]:
    """Duties, activities and their collections."""
    for earlier, n in repeated([d.code for d in plan.duties]):
        message = f"Mã nhiệm vụ “{plan.duties[n].code}” đã dùng cho nhiệm vụ thứ {earlier + 1}."
        yield Found(FILE, ("duties", n, "code"), message, "Đặt mã khác.")
    for _, n in repeated([a.key for a in plan.activities]):
        yield Found(FILE, ("activities", n, "key"), f"Hoạt động “{plan.activities[n].key}” đã có.", "Đặt khóa khác.")
    if register:
        yield from _groups(plan, [g.key for g in register.groups])
    for n, activity in enumerate(plan.activities):
        here: Path = ("activities", n)
        for _, m in repeated([c.key for c in activity.collections]):
            message = f"Lần thu thập “{activity.collections[m].key}” đã có trong hoạt động này."
            yield Found(FILE, (*here, "collections", m, "key"), message, "Đặt khóa khác.")
        yield from _own_days(here, activity, holidays)
        for m, collection in enumerate(activity.collections):
            place: Path = (*here, "collections", m)
            yield from _rule((*place, "due"), collection.due, activity, holidays)
            yield from _period(place, collection)
            yield from _offsets(place, collection)
            yield from _references(place, plan, activity, collection, register)


def _groups(plan: Plan, groups: Sequence[str]) -> Iterator[Found]:
    named: list[tuple[Path, str]] = []
    for n, duty in enumerate(plan.duties):
        named += [(("duties", n, "groups", m), key) for m, key in enumerate(duty.groups)]
    for n, activity in enumerate(plan.activities):
        for m, collection in enumerate(activity.collections):
            here: Path = ("activities", n, "collections", m, "audience")
            named += [((*here, k), key) for k, key in enumerate(collection.audience)]
            if not collection.audience:
                remedy = f"Ghi ít nhất một nhóm: {', '.join(groups[:6])}, …"
                yield Found(FILE, here, "Lần thu thập này không hỏi đơn vị nào.", remedy)
    for path, key in named:
        if key not in groups:
            yield Found(FILE, path, f"Không có nhóm “{key}” trong bodies.yaml.", choose(key, groups))


def _own_days(here: Path, activity: Activity, holidays: Holidays | None) -> Iterator[Found]:
    for key, when in (("day", activity.day), ("until", activity.until)):
        if when is not None:
            yield from _rule((*here, key), when, activity, holidays)
    if activity.until and not activity.day:
        yield Found(FILE, (*here, "until"), "Có ngày kết thúc mà không có ngày bắt đầu (day).", "Thêm mục day.")
    first, last = activity.day, activity.until
    if first and last and first.on and last.on and (first.year, first.on) > (last.year, last.on):
        yield Found(FILE, (*here, "until"), "Ngày kết thúc trước ngày bắt đầu (day).", "Sửa một trong hai ngày.")


def _rule(here: Path, when: When, activity: Activity, holidays: Holidays | None) -> Iterator[Found]:
    """One date rule: one way of naming a day, and a day that exists every year."""
    given = [name for name, value in zip(RULES, _ways(when), strict=True) if value is not None]
    if len(given) != 1:
        said = "Phải có đúng một trong các mục " + ", ".join(RULES) + "."
        yield Found(FILE, here, said, 'Giữ một mục, ví dụ {before: "06-15"}.')
        return
    for key, text in (("before", when.before), ("on", when.on)):
        if text is not None and _day(text) is None:
            yield Found(FILE, (*here, key), f"“{text}” không phải ngày có thật của mọi năm.", MONTH_DAY)
    if when.lunar is not None and not _is_lunar(when.lunar):
        remedy = "Viết tháng-ngày âm lịch, ngày 01 đến 29, ví dụ “08-15” là rằm tháng Tám."
        yield Found(FILE, (*here, "lunar"), f"“{when.lunar}” không phải ngày âm lịch có mọi năm.", remedy)
    if when.school is not None and holidays and when.school not in holidays.school_days:
        message = f"holidays.yaml không có ngày năm học “{when.school}”."
        yield Found(FILE, (*here, "school"), message, choose(when.school, holidays.school_days))
    yield from _counted(here, when, activity)


def _ways(when: When) -> tuple[object, ...]:
    return when.before, when.on, when.lunar, when.nth, when.school, when.from_


def _counted(here: Path, when: When, activity: Activity) -> Iterator[Found]:
    counts = [when.days, when.working_days]
    if when.from_ is None:
        if counts != [None, None]:
            yield Found(FILE, here, "days, working_days chỉ dùng cùng mục from.", "Xóa mục này hoặc thêm from: day.")
        return
    if here[-1] == when.from_ or activity.day is None:
        message = "Hoạt động không có ngày riêng (day) để tính từ đó."
        yield Found(FILE, (*here, "from"), message, "Thêm mục day cho hoạt động, hoặc dùng before, on.")
    elif when.from_ == "until" and activity.until is None:
        yield Found(FILE, (*here, "from"), "Hoạt động không có ngày kết thúc (until).", "Ghi from: day.")
    if counts.count(None) != 1:
        yield Found(FILE, here, "Phải có đúng một trong hai mục days, working_days.", "Ví dụ {from: day, days: 15}.")


def _is_lunar(text: str) -> bool:
    month, _, day = text.partition("-")
    return month.isdigit() and day.isdigit() and len(text) == 5 and 1 <= int(month) <= 12 and 1 <= int(day) <= 29


def _period(here: Path, collection: Collection) -> Iterator[Found]:
    period = collection.period
    if period is None:
        return
    texts = {("period", "start"): period.start, ("period", "end"): period.end}
    for path, text in texts.items():
        if _day(text) is None:
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


def _references(
    here: Path, plan: Plan, activity: Activity, collection: Collection, register: Register | None
) -> Iterator[Found]:
    """Other collections, activities and bodies that a collection names."""
    names = {f"{a.key}/{c.key}" for a in plan.activities for c in a.collections}
    names |= {a.key for a in plan.activities if len(a.collections) == 1}
    own = f"{activity.key}/{collection.key}"
    for n, name in enumerate(collection.takes):
        if name not in names or name == own or (name == activity.key and len(activity.collections) == 1):
            message = f"Không có lần thu thập “{name}” để lấy số liệu."
            yield Found(FILE, (*here, "takes", n), message, choose(name, names - {own}))
    if collection.reconciles is not None and collection.reconciles not in {a.key for a in plan.activities}:
        message = f"Không có hoạt động “{collection.reconciles}”."
        yield Found(
            FILE, (*here, "reconciles"), message, choose(collection.reconciles, (a.key for a in plan.activities))
        )
    earlier = [c.key for c in activity.collections[: activity.collections.index(collection)]]
    rule = collection.selection
    named = {"collection": rule.collection} if isinstance(rule, SelectedBefore) else {}
    named |= {"nominations": rule.nominations} if isinstance(rule, Places) else {}
    for key, name in named.items():
        if name not in earlier:
            message = f"Hoạt động không có lần thu thập “{name}” trước lần này."
            yield Found(FILE, (*here, "selection", key), message, choose(name, earlier))
    if register and collection.reporter is not None and collection.reporter not in register.by_code:
        message = f"Không có đơn vị mã “{collection.reporter}” trong bodies.yaml."
        yield Found(FILE, (*here, "reporter"), message, choose(collection.reporter, register.by_code))


def _offsets(here: Path, collection: Collection) -> Iterator[Found]:
    steps = _steps(collection)
    broken = [path for path, offset in steps if (offset.days is None) == (offset.working_days is None)]
    for path in broken:
        message = "Phải có đúng một trong hai mục days, working_days."
        yield Found(FILE, (*here, *path), message, "Giữ một mục, ví dụ {working_days: -5}.")
    if not broken:
        yield from _order(here, collection)


def _steps(collection: Collection) -> list[tuple[Path, Offset]]:
    steps: list[tuple[Path, Offset]] = [(("open",), collection.open)]
    steps += [(("choose",), collection.choose)] if collection.choose else []
    steps += [(("reminders", m), offset) for m, offset in enumerate(collection.reminders)]
    steps += [(("chases", m), offset) for m, offset in enumerate(collection.chases)]
    steps += [(("close",), collection.close)]
    return steps + ([(("send_on",), collection.send_on)] if collection.send_on else [])


def _order(here: Path, collection: Collection) -> Iterator[Found]:
    """Choose, open, reminders, due, chases, close, send on."""
    opened, closed = _days(collection.open), _days(collection.close)
    early = "Ghi số âm; nhắc sau hạn là đôn đốc (chases)."
    if collection.choose and not collection.selection:
        yield _late(here, "choose", "Ngày chọn đơn vị mà không có cách chọn (selection).", "Xóa mục choose.")
    if collection.choose and _days(collection.choose) > opened:
        yield _late(here, "choose", "Ngày chọn đơn vị sau ngày mở đợt (open).", "Ghi số nhỏ hơn open.")
    if opened >= 0:
        yield _late(here, "open", "Ngày mở đợt không trước hạn nộp.", "Ghi số âm, ví dụ {working_days: -20}.")
    for m, reminder in enumerate(map(_days, collection.reminders)):
        if reminder > 0:
            yield _late(here, "reminders", "Ngày nhắc sau hạn nộp.", early, m)
        elif reminder <= opened:
            yield _late(here, "reminders", "Ngày nhắc không sau ngày mở đợt (open).", "Ghi số gần hạn hơn.", m)
    yield from _chases(here, collection, closed)
    if closed < 0:
        yield _late(here, "close", "Ngày đóng đợt trước hạn nộp.", "Ghi số dương, ví dụ {working_days: 5}.")
    if collection.send_on and closed > _days(collection.send_on):
        yield _late(here, "close", "Ngày đóng đợt sau ngày gửi báo cáo (send_on).", "Ghi số nhỏ hơn send_on.")


def _chases(here: Path, collection: Collection, closed: float) -> Iterator[Found]:
    for m, chase in enumerate(map(_days, collection.chases)):
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
