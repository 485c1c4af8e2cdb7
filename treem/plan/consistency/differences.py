"""Checks of reconciliation.yaml: figures and activities that exist, reasons that say something."""

from collections.abc import Iterator

from treem.plan.problems import Found, Path, choose
from treem.plan.settings import Activity, Differences, IndicatorBook, Period, Plan, WithinYearRule

FILE = "reconciliation.yaml"
SHORTEST_REASON = 3


def check_differences(rules: Differences, plan: Plan | None, book: IndicatorBook | None) -> Iterator[Found]:
    """Every rule that is switched off says why; what it names exists."""
    if not 2000 <= rules.since <= 2050:
        yield Found(FILE, ("since",), f"Năm {rules.since} không dùng được.", "Ghi năm kế hoạch bắt đầu, ví dụ 2020.")
    for key, rule in rules.rules.items():
        if rule.off and len(rule.off) < SHORTEST_REASON:
            yield Found(FILE, (key, "off"), "Lý do tắt quy tắc quá ngắn.", "Ghi rõ vì sao tắt quy tắc.")
        for code, reason in rule.without.items():
            here: Path = (key, "without", code)
            if book and code not in book.figures:
                yield Found(FILE, here, f"Không có số liệu “{code}”.", choose(code, book.figures))
            if len(reason) < SHORTEST_REASON:
                yield Found(FILE, here, f"Chưa ghi lý do bỏ qua {code}.", f'Ghi {code}: "lý do".')
    if plan:
        yield from _within_year(rules.within_year, plan)


def _within_year(rule: WithinYearRule, plan: Plan) -> Iterator[Found]:
    """The later periods begin with the earlier one and contain it: otherwise a smaller number is no mistake."""
    known = {activity.key: activity for activity in plan.activities}
    places: list[tuple[Path, str]] = [(("within_year", "earlier"), rule.earlier)]
    places += [(("within_year", "later", n), key) for n, key in enumerate(rule.later)]
    for path, key in places:
        if key not in known:
            yield Found(FILE, path, f"Kế hoạch không có hoạt động “{key}”.", choose(key, known))
    if rule.earlier not in known:
        return
    first = _period(known[rule.earlier])
    if first and first.start_year == 0 and first.start > first.end:
        return  # runs backwards, which is said where it stands
    for path, key in places[1:]:
        whole = _period(known[key]) if key in known else None
        if key in known and not (first and whole and _begins_with(whole, first)):
            message = f"Kỳ số liệu của {key} không bắt đầu cùng ngày và bao trùm kỳ của {rule.earlier}."
            yield Found(FILE, path, message, "Chọn hoạt động khác, hoặc xóa khỏi later.")


def _begins_with(whole: Period, first: Period) -> bool:
    return (whole.start, whole.start_year) == (first.start, first.start_year) and first.end <= whole.end


def _period(activity: Activity) -> Period | None:
    return activity.collections[0].period
