"""Checks of forms/*.yaml: each form by itself, and whether everybody is asked and every figure is asked for."""

import re
from collections.abc import Iterator, Mapping, Sequence

from treem.plan.problems import Found, Path, choose, repeated
from treem.plan.settings import Figure, Form, IndicatorBook, Plan, Register

CLOSINGS = ("ton-tai", "nguyen-nhan", "kien-nghi", "phuong-huong")  # the report's parts IV, V and VI
KEY = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")  # what the reader of workbooks finds as the key of a box


def check_form(
    file: str, form: Form, register: Register | None, plan: Plan | None, book: IndicatorBook | None
) -> Iterator[Found]:
    """One form: nothing twice, nothing unknown, nothing that is not its group's to answer."""
    if form.version < 1:
        yield Found(file, ("version",), "Phiên bản phải từ 1 trở lên.", "Ghi version: 1.")
    if not form.figures:
        yield Found(file, ("figures",), "Biểu mẫu không hỏi số liệu nào.", "Thêm mã số liệu vào figures.")
    yield from _repeats(file, form)
    yield from _groups(file, form, [g.key for g in register.groups] if register else None)
    if book:
        yield from _figures(file, form, {f.code: f for i in book.indicators for f in i.figures})
    for code in form.guidance:
        if code not in form.figures:
            message = f"Biểu mẫu không hỏi số liệu “{code}”."
            yield Found(file, ("guidance", code), message, choose(code, form.figures))
    if plan:
        yield from _duties(file, form, plan)
        yield from _activities(file, form, plan)
    yield from _closings(file, form, plan)


def _groups(file: str, form: Form, known: Sequence[str] | None) -> Iterator[Found]:
    if bool(form.group) == bool(form.groups):
        remedy = "Ghi “group: khóa nhóm”, hoặc “groups: [khóa nhóm, …]” khi nhiều nhóm dùng chung biểu mẫu."
        yield Found(file, ("groups",), "Biểu mẫu phải có đúng một mục: group hoặc groups.", remedy)
    places: dict[Path, str] = {("groups", n): key for n, key in enumerate(form.groups)}
    if form.group:
        places[("group",)] = form.group
    for path, key in places.items():
        if known is not None and key not in known:
            yield Found(file, path, f"Không có nhóm “{key}” trong bodies.yaml.", choose(key, known))


def _closings(file: str, form: Form, plan: Plan | None) -> Iterator[Found]:
    """Boxes of a report have their places in it; other activities name their own."""
    reports = {a.key for a in plan.activities if a.kind == "report"} if plan else set()
    in_report = any(name.partition("/")[0] in reports for name in form.activities)
    for n, closing in enumerate(form.closings):
        if in_report and closing.key not in CLOSINGS:
            remedy = choose(closing.key, CLOSINGS)
            yield Found(file, ("closings", n, "key"), f"Báo cáo không có mục kết “{closing.key}”.", remedy)
        elif not KEY.fullmatch(closing.key):
            remedy = "Dùng chữ thường không dấu, số và gạch nối, ví dụ kien-nghi-1."
            yield Found(file, ("closings", n, "key"), f"Khóa “{closing.key}” có ký tự không dùng được.", remedy)


def _repeats(file: str, form: Form) -> Iterator[Found]:
    lists: Mapping[str, Sequence[str]] = {
        "figures": form.figures,
        "duties": form.duties,
        "activities": form.activities,
        "groups": form.groups,
        "closings": [c.key for c in form.closings],
    }
    for key, words in lists.items():
        for earlier, n in repeated(words):
            message = f"“{words[n]}” đã có ở vị trí {earlier + 1}."
            yield Found(file, (key, n), message, "Xóa bớt một lần.")


def _asked(form: Form) -> tuple[str, ...]:
    """The groups a file's form is for."""
    return tuple(one.group for one in form.each())


def _figures(file: str, form: Form, figures: Mapping[str, Figure]) -> Iterator[Found]:
    for n, code in enumerate(form.figures):
        here: Path = ("figures", n)
        figure = figures.get(code)
        if figure is None:
            yield Found(file, here, f"Không có số liệu “{code}” trong indicators.yaml.", choose(code, figures))
        elif figure.type == "rate":
            remedy = f"Xóa dòng này; hỏi {figure.numerator} và {figure.denominator}."
            yield Found(file, here, f"“{code}” là tỷ lệ: máy tính, không hỏi đơn vị.", remedy)
        else:
            for group in sorted(set(_asked(form)).difference(figure.groups)):
                remedy = f"Xóa dòng này, hoặc thêm {group} vào groups của {code} trong indicators.yaml."
                yield Found(file, here, f"Số liệu “{code}” không do nhóm {group} nhập.", remedy)


def _duties(file: str, form: Form, plan: Plan) -> Iterator[Found]:
    groups_of = {duty.code: duty.groups for duty in plan.duties}
    for n, code in enumerate(form.duties):
        if code not in groups_of:
            own = [known for known, groups in groups_of.items() if set(groups) & set(_asked(form))]
            message = f"Kế hoạch không có nhiệm vụ “{code}”."
            yield Found(file, ("duties", n), message, choose(code, own or groups_of))
            continue
        for group in sorted(set(_asked(form)).difference(groups_of[code])):
            message = f"Nhiệm vụ “{code}” không phải của nhóm {group}."
            yield Found(file, ("duties", n), message, choose("", [d for d, g in groups_of.items() if group in g]))


def _activities(file: str, form: Form, plan: Plan) -> Iterator[Found]:
    audiences = {f"{a.key}/{c.key}": set(c.audience) for a in plan.activities for c in a.collections}
    audiences |= {a.key: {key for c in a.collections for key in c.audience} for a in plan.activities}
    for n, key in enumerate(form.activities):
        if key not in audiences:
            message = f"Không có hoạt động “{key}” trong plan.yaml."
            yield Found(file, ("activities", n), message, choose(key, audiences))
            continue
        for group in sorted(set(_asked(form)) - audiences[key]):
            message = f"Hoạt động “{key}” không hỏi nhóm {group}."
            remedy = "Thêm nhóm vào audience trong plan.yaml, hoặc xóa dòng này."
            yield Found(file, ("activities", n), message, remedy)


def check_asking(forms: Mapping[str, Form], register: Register, plan: Plan, book: IndicatorBook) -> Iterator[Found]:
    """All forms together: one form for each group of each activity, and no figure that nobody is asked for."""
    names = list(forms)
    for earlier, n in repeated([form.code for form in forms.values()]):
        message = f"Mã biểu mẫu “{forms[names[n]].code}” đã dùng trong {names[earlier]}."
        yield Found(names[n], ("code",), message, "Đặt mã khác.")
    yield from _answering(forms, register, plan)
    yield from _unasked(forms, register, book)


def _answering(forms: Mapping[str, Form], register: Register, plan: Plan) -> Iterator[Found]:
    known = {g.key for g in register.groups}
    asking = [(n, m, a, c) for n, a in enumerate(plan.activities) for m, c in enumerate(a.collections)]
    for n, m, activity, collection in asking:
        name = f"{activity.key}/{collection.key}" if len(activity.collections) > 1 else activity.key
        for k, group in enumerate(collection.audience):
            serving = [
                f for f, form in forms.items() if group in _asked(form) and form.serves(activity.key, collection.key)
            ]
            if not serving and group in known:
                message = f"Nhóm “{group}” chưa có biểu mẫu cho hoạt động này."
                remedy = f"Thêm {name} vào activities của một biểu mẫu trong forms/, hoặc bỏ nhóm."
                yield Found("plan.yaml", ("activities", n, "collections", m, "audience", k), message, remedy)
            for file in serving[1:]:
                message = f"Nhóm “{group}” đã có biểu mẫu cho hoạt động {name} ở {serving[0]}."
                yield Found(file, ("groups" if forms[file].groups else "group",), message, "Giữ một biểu mẫu.")


def _unasked(forms: Mapping[str, Form], register: Register, book: IndicatorBook) -> Iterator[Found]:
    asked = {(group, code) for form in forms.values() for group in _asked(form) for code in form.figures}
    known = {g.key for g in register.groups}
    for n, indicator in enumerate(book.indicators):
        for m, figure in enumerate(indicator.figures):
            for k, group in enumerate(figure.groups):
                if group in known and figure.type != "rate" and (group, figure.code) not in asked:
                    message = f"Nhóm {group} phải nhập {figure.code} nhưng không biểu mẫu nào hỏi."
                    remedy = f"Thêm {figure.code} vào biểu mẫu của nhóm {group}, hoặc bỏ nhóm ở đây."
                    yield Found("indicators.yaml", ("indicators", n, "figures", m, "groups", k), message, remedy)
