"""The sheets "Đối chiếu" and "So sánh" of the internal workbook, and the words for a difference: what it is, and what a
body is asked about it.

Belongs here: words and rows. What differs is found in `district.reconcile`, what changed in `district.compare`; asking
is in `rounds.questions`. A question that leaves the office repeats no number of a sensitive figure, and of another body
none at all but its group's total: the cell says which number is meant (Nghị định 56/2017, Điều 33).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from treem.district.compare import Compared, Cumulative, Side, reporting_rate, timeliness
from treem.district.reconcile import Ask, Difference, fingerprint
from treem.documents.dates import number_text, short_date
from treem.documents.figures import CELL_WORDS, COLUMN_NAMES, Merged, short_name
from treem.ledger.queries import FilingRow
from treem.plan.settings import Figure, Settings

if TYPE_CHECKING:
    from treem.documents.annex import Sheet

DIFFERENCES, COMPARISON = "Đối chiếu", "So sánh"
WIDTHS = (4, 8.5, 14, 7.5, 22, 8, 18, 22, 8.5, 12, 33, 22)
HEADS = (
    "TT", "Mức độ", "Quy tắc", "Mã", "Chỉ tiêu", "Phân tổ", "Cơ quan, đơn vị", "Số liệu được so sánh", "Chênh lệch",
    "Ô", "Câu hỏi gợi ý", "Tình trạng, giải trình",
)  # fmt: skip
COMPARED_WIDTHS = (8, 34, 9.5, 9, 8, 10, 8, 9, 7.5, 20, 9.5, 30)
COMPARED_HEADS = (
    "Mã", "Chỉ tiêu", "Đơn vị tính", "Kỳ này", "Độ phủ", "Cùng kỳ năm trước", "Độ phủ", "Tăng, giảm", "%",
    "Riêng các đơn vị có số cả hai kỳ", "Lũy kế", "Ghi chú",
)  # fmt: skip
SEVERITIES = {"warning": "Nên xem lại", "error": "Phải làm rõ"}
MOST_NAMES = 4
CHECK = "Đề nghị kiểm tra, sửa lại nếu chưa đúng; nếu số đã đúng, xin ghi lý do."
WHY_NOT = {
    "none_before": "năm trước chưa có số liệu",
    "none_now": "kỳ này chưa có số liệu",
    "other_bodies": "hai kỳ không cùng các đơn vị có số liệu: không so sánh tổng số",
}


@dataclass(frozen=True)
class Asked:
    """What became of one question. State: open, answered, withdrawn; outcome: justified, corrected."""

    state: str
    asked_on: date
    outcome: str = ""
    answer: str = ""


@dataclass(frozen=True)
class RuleCount:
    """How often a rule has asked so far, in all rounds, and what came of it."""

    asked: int = 0
    justified: int = 0
    corrected: int = 0
    withdrawn: int = 0

    @property
    def open(self) -> int:
        """Questions without an answer."""
        return self.asked - self.justified - self.corrected - self.withdrawn


@dataclass(frozen=True)
class Findings:
    """All differences of a round, what was asked about them, and how the rules have done. `names`: bodies by code."""

    differences: tuple[Difference, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)  # body → group
    asked: Mapping[str, Asked] = field(default_factory=dict)  # by fingerprint
    counts: Mapping[str, RuleCount] = field(default_factory=dict)  # by rule


# ---- differences in words


def numbers_text(found: Difference, settings: Settings) -> str:
    """The numbers that were compared, each with what it is: for the office only."""
    ours, theirs = number_text(found.ours), number_text(found.theirs)
    if found.rule == "sources":
        names = (_primary(found, settings), settings.group(found.other).name)
        told = [f" ({reporting}/{asked} đơn vị)" if asked > 1 else "" for reporting, asked in found.coverage]
        return f"{names[0]}: {ours}{told[0]}; {names[1]}: {theirs}{told[1]}"
    if found.rule == "breakdown":
        return f"tổng số: {ours}; {_parts(found)}: {theirs}"
    if found.rule == "parts":
        other = f"cộng {found.other}" if "…" in found.other else found.other
        return f"{found.figure}: {ours}; {other}: {theirs}"
    if found.rule == "within_year":
        return f"{_half_year(settings)}: {ours}; cả năm: {theirs}"
    past = "; ".join(map(number_text, found.past))
    return f"kỳ này: {theirs}; các kỳ trước: {past} (thường thấy {ours})"


def question_text(found: Difference, ask: Ask, settings: Settings, groups: Mapping[str, str], *, inside: bool) -> str:
    """What the body is asked. `inside`: for the office's own eyes, with the numbers of sensitive figures."""
    figure = settings.figures()[found.figure]
    told = inside or not is_sensitive(found, settings)
    return f"{_named(figure, found.column)}: {_fact(found, ask, settings, groups, told=told)} {_wish(found)}"


def is_sensitive(found: Difference, settings: Settings) -> bool:
    """Whether either of the figures compared is for the office only."""
    codes = [code for code in (found.figure, found.other) if code in settings.figures()]
    return any(settings.indicator_of(code).sensitive for code in codes)


def _named(figure: Figure, column: str) -> str:
    part = next((f", {name}" for key, name in COLUMN_NAMES.items() if key == column != "total"), "")
    return f"{figure.code} ({figure.label}{part})"


def _wish(found: Difference) -> str:
    if found.body is None and found.rule in ("breakdown", "parts"):
        return "Đề nghị ghi bổ sung; không có trường hợp nào thì ghi 0."
    return CHECK


def _fact(found: Difference, ask: Ask, settings: Settings, groups: Mapping[str, str], *, told: bool) -> str:
    if found.rule == "sources":
        return _two_sources(found, ask, settings, groups, told=told)
    if found.rule == "breakdown":
        return _breakdown(found, told=told)
    if found.rule == "parts":
        return _part(found, settings, told=told)
    ours, theirs = number_text(found.ours), number_text(found.theirs)
    if found.rule == "within_year":
        half = _half_year(settings)
        return f"số cả năm ({theirs}) nhỏ hơn số {half} ({ours})." if told else f"số cả năm nhỏ hơn số {half}."
    if not told:
        return "số kỳ này khác nhiều so với các kỳ trước của đơn vị."
    past = "; ".join(map(number_text, found.past))
    return f"kỳ này ghi {theirs}, các kỳ trước đơn vị đã báo {past}."


def _two_sources(found: Difference, ask: Ask, settings: Settings, groups: Mapping[str, str], *, told: bool) -> str:
    """Each side hears of the other."""
    beside = groups.get(ask.body) == found.other
    other = _primary(found, settings) if beside else settings.group(found.other).name
    if not told:
        return f"số của đơn vị khác số của {other}."
    number, (reporting, asked) = (found.ours, found.coverage[0]) if beside else (found.theirs, found.coverage[1])
    coverage = f" (đã có {reporting}/{asked} đơn vị)" if reporting < asked else ""
    ((_, _, own),) = ask.own
    said = f"đơn vị ghi {number_text(own)}, " if own is not None else ""
    return f"{said}{other} ghi {number_text(number)}{coverage}."


def _breakdown(found: Difference, *, told: bool) -> str:
    if found.body is None:
        return "đã ghi tổng số nhưng chưa ghi đủ số nam, số nữ."
    ours, theirs = (f" ({number_text(number)})" if told else "" for number in (found.ours, found.theirs))
    if found.column == "total":
        return f"nam + nữ{theirs} khác tổng số{ours}."
    return f"số {_parts(found)}{theirs} lớn hơn tổng số{ours}."


def _part(found: Difference, settings: Settings, *, told: bool) -> str:
    ours, theirs = (f" ({number_text(number)})" if told else "" for number in (found.ours, found.theirs))
    if "…" in found.other:
        return f"tổng{ours} khác số cộng các dòng {found.other}{theirs}."
    larger = settings.figures()[found.other]
    if found.body is None:
        return f"đã ghi số này nhưng để trống {larger.code} ({larger.label})."
    return f"số này{ours} lớn hơn {larger.code} – {larger.label}{theirs}."


def _parts(found: Difference) -> str:
    return "nam + nữ" if found.column == "total" else COLUMN_NAMES[found.column]


def _primary(found: Difference, settings: Settings) -> str:
    primary = settings.figures()[found.figure].primary
    return settings.group(primary).name if primary else "Nguồn chính"


def _half_year(settings: Settings) -> str:
    key = settings.differences.within_year.earlier
    return next((a.title.lower() for a in settings.plan.activities if a.key == key), key).removeprefix("báo cáo ")


def state_text(found: Difference, findings: Findings) -> str:
    """What was asked about the difference and what was answered, body by body."""
    if not found.asks:
        return "–"
    several = len(found.asks) > 1
    said = [(ask, findings.asked.get(fingerprint(found, ask))) for ask in found.asks]
    if not any(asked for _, asked in said):
        return "chưa hỏi"
    return "\n".join(
        f"{_short(ask.body, findings)}: {_asked(asked)}" if several else _asked(asked) for ask, asked in said
    )


def _asked(asked: Asked | None) -> str:
    if asked is None:
        return "chưa hỏi"
    if asked.state == "answered":
        return f"giải trình: {asked.answer}" if asked.outcome == "justified" else f"đã trả lời: {asked.answer}"
    if asked.state == "withdrawn":
        return "đã rút câu hỏi"
    return f"đã hỏi ngày {short_date(asked.asked_on)}, chưa trả lời"


def _short(body: str, findings: Findings) -> str:
    return short_name(findings.names.get(body, body))


# ---- the sheet "Đối chiếu"


def write_differences(
    sheet: "Sheet", findings: Findings, settings: Settings, title: str, notes: Sequence[str], mark: str
) -> None:
    """All differences, then how often each rule fired and was justified. `mark`: what sensitive rows say."""
    sheet.headed(f"ĐỐI CHIẾU SỐ LIỆU – {title}", notes, HEADS)
    if not findings.differences:
        sheet.band("Không có chênh lệch nào cần xem lại.")
    for order, found in enumerate(findings.differences, start=1):
        figure, sensitive = settings.figures()[found.figure], is_sensitive(found, settings)
        sheet.line(
            [
                order,
                SEVERITIES[found.severity],
                settings.differences.rules[found.rule].title,
                figure.code,
                figure.label + (f" ({mark})" if sensitive else ""),
                COLUMN_NAMES[found.column],
                _bodies(found, findings, settings),
                numbers_text(found, settings),
                found.difference,
                "; ".join(dict.fromkeys(f"{name}!{cell}" for name, cell in found.places)),
                question_text(found, found.asks[0], settings, findings.groups, inside=True) if found.asks else "–",
                state_text(found, findings),
            ],
            marked=sensitive,
        )
    sheet.band("Các quy tắc đã áp dụng (config/reconciliation.yaml)")
    for cells in _rule_lines(findings, settings):
        sheet.line(cells)
    sheet.finish()


def _bodies(found: Difference, findings: Findings, settings: Settings) -> str:
    """By name; many of one group by their number, for their cells stand on the sheet of the communes."""
    if found.body:
        return _short(found.body, findings)
    by_group: dict[str, list[str]] = {}
    for body in found.bodies:
        by_group.setdefault(findings.groups.get(body, ""), []).append(_short(body, findings))
    parts = (
        ", ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} đơn vị ({settings.group(group).name})"
        for group, names in by_group.items()
    )
    return f"Toàn huyện: {'; '.join(parts)}"


def _rule_lines(findings: Findings, settings: Settings) -> Iterator[list[str | int | Decimal | None]]:
    for key, rule in settings.differences.rules.items():
        found = sum(one.rule == key for one in findings.differences)
        count = findings.counts.get(key, RuleCount())
        left = f"Bỏ qua {', '.join(f'{code} ({why})' for code, why in rule.without.items())}." if rule.without else ""
        now = f"Đã tắt: {rule.off}" if rule.off else f"Phát hiện ở đợt này: {found}"
        ever = (
            f"Đã hỏi đến đợt này: {count.asked}; được giải trình: {count.justified}; "
            f"đã sửa số: {count.corrected}; đã rút: {count.withdrawn}; chờ trả lời: {count.open}"
        )
        yield ["", SEVERITIES[rule.severity], rule.title, "", "", "", "", now, "", "", ever, left]


def rates_note(filing: Sequence[FilingRow]) -> tuple[str, ...]:
    """How the round was answered, both rates of those expected. Who was let off is not expected."""
    expected = [row for row in filing if row.state != "waived"]
    accepted = [row for row in expected if row.state == "accepted"]
    rate = reporting_rate(len(accepted), len(expected))
    on_time = timeliness(sum(row.on_time for row in accepted), len(expected))
    if rate is None or on_time is None:
        return ()
    return (
        f"Tỷ lệ có báo cáo được chấp nhận: {number_text(rate)}%; đúng hạn: {number_text(on_time)}% số đơn vị phải nộp.",
    )


# ---- the sheet "So sánh"


def write_comparison(
    sheet: "Sheet", compared: Iterable[Compared], settings: Settings, title: str, notes: Sequence[str], mark: str
) -> None:
    """Every total beside last year's and the sum since the plan began; what is not comparable says why."""
    own = (
        "Chỉ so sánh khi cùng các đơn vị (kể cả đơn vị kế tục) có số liệu ở cả hai kỳ; tỷ lệ chênh tính bằng điểm.",
        f"Lũy kế từ năm {settings.differences.since}, gồm kỳ này; chỉ cộng số phát sinh trong kỳ.",
    )
    sheet.headed(f"SO SÁNH VỚI CÙNG KỲ NĂM TRƯỚC – {title}", (*own, *notes), COMPARED_HEADS)
    for one in compared:
        sensitive = settings.indicator_of(one.figure.code).sensitive
        sheet.line(
            [
                one.figure.code,
                one.figure.label + (f" ({mark})" if sensitive else ""),
                one.figure.unit,
                *_side(one.now),
                *_side(one.before),
                _or_blank(one.change) if one.before else "",
                _or_blank(one.per_cent) if one.per_cent is not None else "",
                _common(one),
                one.since.number if one.since else "",
                "; ".join(_remarks(one)),
            ],
            marked=sensitive,
        )
    sheet.finish()


def _side(side: Side | None) -> tuple[Decimal | str, str]:
    if side is None:
        return CELL_WORDS["blank"], ""
    return _or_blank(side.number), f"{side.reporting}/{side.asked}"


def _or_blank(number: Decimal | None) -> Decimal | str:
    return CELL_WORDS["blank"] if number is None else number


def _common(one: Compared) -> str:
    if one.common is None:
        return ""
    numbers = f"{number_text(one.common.before)} → {number_text(one.common.now)}"
    return f"{numbers} ({one.common.bodies} đơn vị)"


def _remarks(one: Compared) -> Iterator[str]:
    if one.why:
        yield WHY_NOT[one.why]
    for side, when in ((one.now, "kỳ này"), (one.before, "năm trước")):
        if side and side.estimate:
            yield f"{when} là số ước"
    if one.since:
        yield from _gaps(one.since)


def _gaps(since: Cumulative) -> Iterator[str]:
    for words, years in (
        ("lũy kế chưa có số năm", since.without),
        ("lũy kế thiếu đơn vị năm", since.partial),
        ("lũy kế gồm số ước năm", since.estimates),
    ):
        if years:
            yield f"{words} {years_text(years)}"


def years_text(years: Sequence[int]) -> str:
    """ "2020–2023, 2025"."""
    runs: list[list[int]] = []
    for year in years:
        if runs and runs[-1][-1] == year - 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def with_changes(merged: Sequence[Merged], compared: Iterable[Compared]) -> tuple[Merged, ...]:
    """The figures of an outward document with what changed since last year. A change tells last year's number as well:
    nothing is said of a sensitive figure, nor where either number is hidden.
    """
    changes = {one.figure.code: change_text(one) for one in compared if not one.hidden_before}
    return tuple(
        m if m.indicator.sensitive or m.hides("total") else replace(m, change=changes.get(m.figure.code, ""))
        for m in merged
    )


def change_text(one: Compared) -> str:
    """What an outward document may say beside a total: "tăng 12 (5,3%) so với cùng kỳ năm trước"; empty where the two
    cannot be compared.
    """
    if one.change is None:
        return ""
    if not one.change:
        return "bằng cùng kỳ năm trước"
    unit = " điểm" if one.figure.merge == "rate" else ""
    per_cent = f" ({number_text(abs(one.per_cent))}%)" if one.per_cent is not None else ""
    went = "tăng" if one.change > 0 else "giảm"
    return f"{went} {number_text(abs(one.change))}{unit}{per_cent} so với cùng kỳ năm trước"
