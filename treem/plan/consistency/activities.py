"""Checks of plan.yaml: keys, and what duties and activities name of other files. Dates are in `timing`."""

import re
from collections.abc import Iterator, Sequence

from treem.plan.consistency.timing import FILE, check_dates
from treem.plan.problems import Found, Path, choose, repeated
from treem.plan.settings import (
    Activity,
    Collection,
    Holidays,
    IndicatorBook,
    Places,
    Plan,
    Register,
    Rotation,
    SelectedBefore,
    UntilYes,
)

KEY = re.compile(r"[a-z0-9-]+")  # keys stand in round keys, file names and Prefect's artifacts


def check_plan(
    plan: Plan, register: Register | None, holidays: Holidays | None, book: IndicatorBook | None
) -> Iterator[Found]:
    """Duties, activities and their collections."""
    for earlier, n in repeated([d.code for d in plan.duties]):
        message = f"Mã nhiệm vụ “{plan.duties[n].code}” đã dùng cho nhiệm vụ thứ {earlier + 1}."
        yield Found(FILE, ("duties", n, "code"), message, "Đặt mã khác.")
    if register:
        yield from _groups(plan, [g.key for g in register.groups])
    yield from _keys(plan)
    yield from _titles(plan)
    for n, activity in enumerate(plan.activities):
        yield from check_dates(("activities", n), activity, holidays)
        for m, collection in enumerate(activity.collections):
            place: Path = ("activities", n, "collections", m)
            yield from _references(place, plan, activity, collection, register)
            yield from _selection(place, plan, activity, collection, book)


def _keys(plan: Plan) -> Iterator[Found]:
    """Keys that can stand in a round's key, each once."""
    for _, n in repeated([a.key for a in plan.activities]):
        yield Found(FILE, ("activities", n, "key"), f"Hoạt động “{plan.activities[n].key}” đã có.", "Đặt khóa khác.")
    named: list[tuple[Path, str]] = []
    for n, activity in enumerate(plan.activities):
        named.append((("activities", n, "key"), activity.key))
        named += [(("activities", n, "collections", m, "key"), c.key) for m, c in enumerate(activity.collections)]
        for _, m in repeated([c.key for c in activity.collections]):
            message = f"Lần thu thập “{activity.collections[m].key}” đã có trong hoạt động này."
            yield Found(FILE, ("activities", n, "collections", m, "key"), message, "Đặt khóa khác.")
    for path, key in named:
        if not KEY.fullmatch(key):
            remedy = "Dùng chữ thường không dấu, số và gạch nối, ví dụ bao-cao-nam."
            yield Found(FILE, path, f"Khóa “{key}” có ký tự không dùng được.", remedy)


def _titles(plan: Plan) -> Iterator[Found]:
    """People tell rounds by their names: in letters, and in Prefect."""
    places: list[Path] = []
    titles: list[str] = []
    for n, activity in enumerate(plan.activities):
        for m, collection in enumerate(activity.collections):
            places.append(
                ("activities", n, "collections", m, "title") if collection.title else ("activities", n, "title")
            )
            titles.append(collection.title or activity.title)
    for earlier, n in repeated(titles):
        place = places[n] if places[n] != places[earlier] else (*places[n][:2], "collections")
        message = f"Tên “{titles[n]}” đã dùng cho một lần thu thập khác."
        yield Found(FILE, place, message, "Ghi title khác nhau cho từng lần thu thập.")


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
    if register and collection.reporter is not None and collection.reporter not in register.by_code:
        message = f"Không có đơn vị mã “{collection.reporter}” trong bodies.yaml."
        yield Found(FILE, (*here, "reporter"), message, choose(collection.reporter, register.by_code))


def _selection(
    here: Path, plan: Plan, activity: Activity, collection: Collection, book: IndicatorBook | None
) -> Iterator[Found]:
    """Collections, activities and figures by which bodies are selected."""
    rule = collection.selection
    earlier = [c.key for c in activity.collections[: activity.collections.index(collection)]]
    named = {"collection": rule.collection} if isinstance(rule, SelectedBefore) else {}
    named |= {"nominations": rule.nominations} if isinstance(rule, Places) else {}
    for key, name in named.items():
        if name not in earlier:
            message = f"Hoạt động không có lần thu thập “{name}” trước lần này."
            yield Found(FILE, (*here, "selection", key), message, choose(name, earlier))
    activities = [a.key for a in plan.activities]
    for n, key in enumerate(rule.reports if isinstance(rule, Rotation) else ()):
        if key not in activities:
            message = f"Không có hoạt động “{key}”."
            yield Found(FILE, (*here, "selection", "reports", n), message, choose(key, activities))
    for path, code in _figures_of(rule):
        if book and code not in book.figures:
            message = f"Không có số liệu “{code}” trong indicators.yaml."
            yield Found(FILE, (*here, "selection", *path), message, choose(code, book.figures))


def _figures_of(rule: object) -> Iterator[tuple[Path, str]]:
    match rule:
        case Rotation():
            yield from ((("incidents", n), code) for n, code in enumerate(rule.incidents))
        case UntilYes():
            yield from ((("figures", n), code) for n, code in enumerate(rule.figures))
        case Places():
            yield ("figure",), rule.figure
