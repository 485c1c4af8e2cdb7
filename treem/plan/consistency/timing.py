"""Checks of the dates of plan.yaml: rules that name a day every year, and milestones that come in their order."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from itertools import pairwise

from treem.plan.agenda import milestones_of, own_days
from treem.plan.almanac import Almanac, LunarDateUnknown
from treem.plan.problems import Found, Path, choose
from treem.plan.settings import Activity, Collection, Holidays, Offset, When

FILE = "plan.yaml"
COMMON_YEAR = 2027  # 29 February does not exist every year, so no rule may name it
CHECKED = range(2021, 2051)  # the years in which the order of days and working days is looked at one by one
WORKING_WEEK = 5 / 7
MONTH_DAY = "Viết tháng-ngày có thật trong dấu nháy, ví dụ “06-15” là ngày 15 tháng 6."
RULES = ("before", "on", "lunar", "nth", "school", "from")
ORDER = ("choose", "open", "remind", "due", "chase", "close", "send-on")


def check_dates(here: Path, activity: Activity, holidays: Holidays | None) -> Iterator[Found]:
    """Every date of an activity, which stands `here` in the file."""
    found = [*_own_days(here, activity, holidays)]
    for m, collection in enumerate(activity.collections):
        place: Path = (*here, "collections", m)
        found += _rule((*place, "due"), collection.due, activity, holidays)
        found += _period(place, collection)
        found += _offsets(place, collection)
    yield from found
    if not found and holidays:  # every rule names a day: whether the days come in order is seen year by year
        with suppress(ValueError):  # a day of the school year that is none, which holidays.yaml is told
            yield from _years(here, activity, Almanac(holidays))


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
        elif chase > closed >= 0:
            yield _late(here, "chases", "Ngày đôn đốc sau ngày đóng đợt (close).", "Ghi số nhỏ hơn close.", m)


def _late(here: Path, key: str, message: str, remedy: str, position: int | None = None) -> Found:
    path: Path = (*here, key) if position is None else (*here, key, position)
    return Found(FILE, path, message, remedy)


def _days(offset: Offset) -> float:
    """Working days from the due date, near enough to tell what comes first."""
    return offset.working_days if offset.working_days is not None else (offset.days or 0) * WORKING_WEEK


def _years(here: Path, activity: Activity, almanac: Almanac) -> Iterator[Found]:
    """Days and working days together, or feasts that wander, may be in order in one year and not in another."""
    for year in CHECKED:
        try:
            first, last = own_days(activity, almanac, year)
        except LunarDateUnknown:  # a feast of the year after the last one checked
            continue
        if first and last and first > last:
            message = f"Năm {year} ngày kết thúc ({last:%d/%m}) trước ngày bắt đầu ({first:%d/%m})."
            yield Found(FILE, (*here, "until"), message, "Sửa một trong hai ngày.")
            return
    for m, collection in enumerate(activity.collections):
        if _may_change_order(collection):
            yield from _disorder((*here, "collections", m), activity, collection, almanac)


def _may_change_order(collection: Collection) -> bool:
    """Working day 0 of a Sunday is the Monday after it; other counts of one unit keep their order whatever the year."""
    offsets = [offset for _, offset in _steps(collection)]
    return any(o.working_days == 0 for o in offsets) or len({o.days is None for o in offsets}) > 1


def _rank(key: str) -> int:
    """The place of a milestone in the order; the round's own days have none."""
    return next((n for n, prefix in enumerate(ORDER) if key == prefix or key.startswith(f"{prefix}-")), -1)


def _disorder(here: Path, activity: Activity, collection: Collection, almanac: Almanac) -> Iterator[Found]:
    for year in CHECKED:
        try:
            listed = [m for m in milestones_of(activity, collection, almanac, year) if _rank(m.key) >= 0]
        except LunarDateUnknown:
            continue
        for earlier, later in pairwise(listed):
            if _rank(earlier.key) > _rank(later.key):
                message = (
                    f"Năm {year} mốc “{earlier.title}” ({earlier.date:%d/%m/%Y}) đến trước mốc “{later.title}” "
                    f"({later.date:%d/%m/%Y})."
                )
                remedy = "Dùng cùng một cách tính (days hoặc working_days), hoặc để hai mốc cách xa nhau hơn."
                yield Found(FILE, here, message, remedy)
                return
