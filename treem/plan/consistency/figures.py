"""Checks of indicators.yaml: codes, who types a figure, how it is merged, and the rules between figures."""

import re
from collections.abc import Iterator, Mapping, Sequence

from treem.plan.problems import Found, Path, choose, repeated
from treem.plan.settings import Figure, FigureType, Indicator, IndicatorBook, MergeRule, Plan, Register

FILE = "indicators.yaml"
SECTION_OF_PLAN = re.compile(r"(I|II)(\.\d+){0,3}|V")  # the plan has no part IV; part III consists of duties
MERGES: Mapping[FigureType, Sequence[MergeRule]] = {
    "count": ("sum", "latest", "primary", "none"),
    "money": ("sum", "latest", "primary", "none"),
    "yes_no": ("count_yes",),
    "score": ("none", "latest"),
    "rate": ("rate",),
}


def check_book(book: IndicatorBook, register: Register | None, plan: Plan | None) -> Iterator[Found]:
    """Indicators, their figures and the inequalities."""
    yield from _codes(book)
    figures = {f.code: f for i in book.indicators for f in i.figures}
    for n, indicator in enumerate(book.indicators):
        if plan:
            yield from _duties(n, indicator, [d.code for d in plan.duties])
        for m, figure in enumerate(indicator.figures):
            here: Path = ("indicators", n, "figures", m)
            yield from _columns(here, figure)
            yield from _rate(here, figure, figures) if figure.type == "rate" else _typed(here, figure)
            if register:
                yield from _groups(here, figure, [g.key for g in register.groups])
    yield from _inequalities(book, figures)
    yield from _sums(book, figures)
    yield from _thresholds(book, figures, register)


def _codes(book: IndicatorBook) -> Iterator[Found]:
    for _, n in repeated([i.code for i in book.indicators]):
        message = f"Mã chỉ tiêu “{book.indicators[n].code}” đã có."
        yield Found(FILE, ("indicators", n, "code"), message, "Đặt mã khác.")
    places: list[Path] = [
        ("indicators", n, "figures", m, "code") for n, i in enumerate(book.indicators) for m in range(len(i.figures))
    ]
    codes = [f.code for i in book.indicators for f in i.figures]
    for _, position in repeated(codes):
        yield Found(FILE, places[position], f"Mã số liệu “{codes[position]}” đã có.", "Đặt mã khác.")
    for n, indicator in enumerate(book.indicators):
        for m, figure in enumerate(indicator.figures):
            if figure.code != indicator.code and not figure.code.startswith(f"{indicator.code}."):
                message = f"Mã số liệu “{figure.code}” không bắt đầu bằng mã chỉ tiêu {indicator.code}."
                remedy = f"Ghi {indicator.code}, hoặc {indicator.code}.1, {indicator.code}.2, …"
                yield Found(FILE, ("indicators", n, "figures", m, "code"), message, remedy)


def _duties(n: int, indicator: Indicator, duties: Sequence[str]) -> Iterator[Found]:
    for m, code in enumerate(indicator.duties):
        if code not in duties and not SECTION_OF_PLAN.fullmatch(code):
            remedy = choose(code, duties)
            yield Found(FILE, ("indicators", n, "duties", m), f"Kế hoạch không có nhiệm vụ “{code}”.", remedy)


def _columns(here: Path, figure: Figure) -> Iterator[Found]:
    columns = figure.columns
    if "total" not in columns:
        yield Found(FILE, (*here, "columns"), "Thiếu cột total (tổng số).", "Thêm total vào đầu danh sách.")
    if ("male" in columns) != ("female" in columns):
        yield Found(FILE, (*here, "columns"), "Chỉ có một trong hai cột nam, nữ.", "Ghi cả male và female.")
    for _, m in repeated(columns):
        yield Found(FILE, (*here, "columns", m), f"Cột “{columns[m]}” ghi hai lần.", "Xóa bớt một lần.")


def _rate(here: Path, figure: Figure, figures: Mapping[str, Figure]) -> Iterator[Found]:
    """A rate is computed from two figures that somebody types; nobody types the rate itself."""
    yield from _merge(here, figure)
    if figure.groups:
        yield Found(FILE, (*here, "groups"), "Tỷ lệ do máy tính, không đơn vị nào nhập.", "Xóa mục groups.")
    for key, code in (("numerator", figure.numerator), ("denominator", figure.denominator)):
        name = "tử số" if key == "numerator" else "mẫu số"
        if code is None:
            yield Found(FILE, here, f"Tỷ lệ thiếu {name}.", f"Thêm dòng “{key}: mã số liệu”.")
        elif code not in figures:
            yield Found(FILE, (*here, key), f"Không có số liệu “{code}” làm {name}.", choose(code, figures))
        elif figures[code].type not in ("count", "money"):
            remedy = "Chọn một số liệu kiểu count hoặc money."
            yield Found(FILE, (*here, key), f"Số liệu “{code}” không dùng làm {name} được.", remedy)
    if figure.scale <= 0:
        yield Found(FILE, (*here, "scale"), "Hệ số phải lớn hơn 0.", "Ghi 100 cho %, 1000 cho ‰.")


def _typed(here: Path, figure: Figure) -> Iterator[Found]:
    yield from _merge(here, figure)
    if not figure.groups:
        yield Found(FILE, here, "Không nhóm nào nhập số liệu này.", "Thêm dòng “groups: [khóa nhóm]”.")
    if figure.numerator or figure.denominator:
        key = "numerator" if figure.numerator else "denominator"
        yield Found(FILE, (*here, key), "Chỉ tỷ lệ mới có tử số, mẫu số.", "Xóa mục này, hoặc ghi type: rate.")
    if figure.merge == "latest" and len(figure.groups) > 1:
        remedy = "Giữ một nhóm, hoặc dùng merge: primary."
        yield Found(FILE, (*here, "merge"), "merge: latest chỉ dùng khi hỏi đúng một nhóm.", remedy)
    if figure.merge == "primary" and figure.primary not in figure.groups:
        said = f"Nhóm chính “{figure.primary}” không có trong groups." if figure.primary else "Thiếu nhóm chính."
        path = (*here, "primary") if figure.primary else here
        yield Found(FILE, path, said, f"Ghi primary là một trong: {', '.join(figure.groups)}.")
    if figure.merge != "primary" and figure.primary:
        yield Found(FILE, (*here, "primary"), "primary chỉ dùng với merge: primary.", "Sửa merge hoặc xóa mục này.")


def _merge(here: Path, figure: Figure) -> Iterator[Found]:
    allowed = MERGES[figure.type]
    if figure.merge not in allowed:
        message = f"Số liệu kiểu {figure.type} không tổng hợp bằng “{figure.merge}”."
        yield Found(FILE, (*here, "merge"), message, f"Chọn trong: {', '.join(allowed)}.")


def _groups(here: Path, figure: Figure, groups: Sequence[str]) -> Iterator[Found]:
    for m, key in enumerate(figure.groups):
        if key not in groups:
            message = f"Không có nhóm “{key}” trong bodies.yaml."
            yield Found(FILE, (*here, "groups", m), message, choose(key, groups))
    for _, m in repeated(figure.groups):
        yield Found(FILE, (*here, "groups", m), f"Nhóm “{figure.groups[m]}” ghi hai lần.", "Xóa bớt một lần.")


def _inequalities(book: IndicatorBook, figures: Mapping[str, Figure]) -> Iterator[Found]:
    for n, rule in enumerate(book.inequalities):
        here: Path = ("inequalities", n)
        unknown = [(k, c) for k, c in (("smaller", rule.smaller), ("larger", rule.larger)) if c not in figures]
        for key, code in unknown:
            yield Found(FILE, (*here, key), f"Không có số liệu “{code}”.", choose(code, figures))
        if unknown:
            continue
        smaller, larger = figures[rule.smaller], figures[rule.larger]
        if smaller is larger or not set(smaller.groups) & set(larger.groups):
            remedy = "Chọn hai số liệu khác nhau mà cùng một nhóm nhập."
            yield Found(FILE, here, "Không đơn vị nào nhập cả hai số liệu này.", remedy)


def _sums(book: IndicatorBook, figures: Mapping[str, Figure]) -> Iterator[Found]:
    for n, rule in enumerate(book.sums):
        here: Path = ("sums", n)
        yield from _known(here, {"total": rule.total}, rule.parts, figures)
        if rule.total in rule.parts:
            message = f"“{rule.total}” không thể là một phần của chính nó."
            yield Found(FILE, (*here, "parts", rule.parts.index(rule.total)), message, "Xóa khỏi parts.")


def _thresholds(book: IndicatorBook, figures: Mapping[str, Figure], register: Register | None) -> Iterator[Found]:
    for n, rule in enumerate(book.thresholds):
        here: Path = ("thresholds", n)
        yield from _known(here, {"verdict": rule.verdict, "total": rule.total}, rule.parts, figures)
        verdict = figures.get(rule.verdict)
        if verdict and verdict.type != "yes_no":
            message = f"“{rule.verdict}” không phải câu hỏi Có/Không."
            yield Found(FILE, (*here, "verdict"), message, "Chọn một số liệu kiểu yes_no.")
        names = [*(g.key for g in register.groups), *register.by_code] if register else list(rule.at_least_of)
        for key in rule.at_least_of:
            if key not in names:
                message = f"bodies.yaml không có nhóm hay đơn vị “{key}”."
                yield Found(FILE, (*here, "at_least_of", key), message, choose(key, names))


def _known(
    here: Path, named: Mapping[str, str], parts: Sequence[str], figures: Mapping[str, Figure]
) -> Iterator[Found]:
    """Figures that exist, each part once, all typed by one group."""
    places: list[tuple[Path, str]] = [((*here, key), code) for key, code in named.items()]
    places += [((*here, "parts", m), code) for m, code in enumerate(parts)]
    unknown = [(path, code) for path, code in places if code not in figures]
    for path, code in unknown:
        yield Found(FILE, path, f"Không có số liệu “{code}”.", choose(code, figures))
    for _, m in repeated(parts):
        yield Found(FILE, (*here, "parts", m), f"“{parts[m]}” ghi hai lần.", "Xóa bớt một lần.")
    if not unknown and not set.intersection(*(set(figures[code].groups) for _, code in places)):
        remedy = "Chọn các số liệu mà cùng một nhóm nhập."
        yield Found(FILE, here, "Không đơn vị nào nhập đủ các số liệu này.", remedy)
