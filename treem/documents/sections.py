"""What stands in which section of the district report, as plain values for the Word template.

Belongs here: the order of the report (dossier C.3), which duty is answered where, who filed and who did not.
Words for single figures are in `figures`; turning this into a document is `report`'s work.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from zoneinfo import ZoneInfo

from treem.documents.dates import short_date
from treem.documents.figures import Merged, sentence, short_name
from treem.ledger.queries import FilingRow, NarrativeRow
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Body, Duty, Form, Settings

RESULTS = {
    "III.1": "Đầu tư nguồn lực",
    "III.2": "Chăm sóc sức khỏe",
    "III.3": "Bảo vệ trẻ em",
    "III.4": "Sự tham gia của trẻ em",
    "III.5": "Cơ hội phát triển",
    "III.6": "Truyền thông",
    "III.7": "Kiểm tra, giám sát",
    "III.8": "Kinh phí",
}
"""1–5 are the five headings of II.1 of the plan; 6–8 are customary in such reports."""

TITLES = {"I": "Đặc điểm tình hình", "II": "Công tác lãnh đạo, chỉ đạo", **RESULTS}

ANSWERED_IN = {
    "III.1.1": "III.4",
    "III.1.2": "III.3",
    "III.1.3": "III.7",
    "III.2.1": "III.2",
    "III.2.2": "III.2",
    "III.3.1": "III.5",
    "III.3.2": "III.5",
    "III.3.3": "III.3",
    "III.3.4": "III.6",
    "III.3.5": "III.7",
    "III.4.1": "III.6",
    "III.4.2": "III.6",
    "III.4.3": "III.5",
    "III.4.4": "III.3",
    "III.5.1": "III.3",
    "III.5.2": "III.3",
    "III.5.3": "III.6",
    "III.5.4": "III.7",
    "III.6.1": "III.3",
    "III.6.2": "III.3",
    "III.7.1": "III.8",
    "III.8.1": "III.7",
    "III.8.2": "III.6",
    "III.8.3": "III.6",
    "III.9.1": "II",
    "III.9.2": "III.1",
    "III.9.3": "III.7",
    "III.9.4": "III.6",
    "III.9.5": "III.3",
    "III.9.6": "III.8",
    "III.9.7": "III.3",
}
"""The section of the report that answers each of the plan's 31 duties. Left: the plan; right: the report."""

ASSESSING = ("uu-diem", "ton-tai", "nguyen-nhan", "danh-gia")  # what a report on one subject has under its assessment
RECOMMENDATION = re.compile(r"kien-nghi-\d+")  # boxes of an inspection's record; they are listed with their state
CLOSING_PARTS = {"phuong-huong": "V", "kien-nghi": "VI"}
"""Closing sections with a part of their own; all others stand in IV (Đánh giá chung)."""

STATE_TEXTS = {
    "queued": "chưa gửi yêu cầu",
    "sent": "chưa nộp",
    "received": "đã nhận, chưa được chấp nhận",
    "accepted": "đã chấp nhận",
    "needs_correction": "đã nộp, còn lỗi phải sửa",
    "bounced": "thư yêu cầu không đến nơi",
    "overdue": "quá hạn, chưa nộp",
    "waived": "được miễn",
    "closed": "chưa nộp khi đóng đợt",
}
FILED_UNACCEPTED = "đã nộp, chưa được chấp nhận khi đóng đợt"


@dataclass(frozen=True)
class Said:
    """The same text of one or more bodies, in paragraphs."""

    bodies: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """A duty (or a closing section) and what the bodies wrote under it."""

    code: str
    title: str
    said: tuple[Said, ...]
    coverage: str


@dataclass(frozen=True)
class Section:
    """A section of part III, or part I or II: its figures as lines, then the duties answered in it."""

    number: str
    title: str
    lines: tuple[str, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class FilingLine:
    """One row of Phụ lục III."""

    order: int
    body: str
    state: str
    received: str
    on_time: str
    version: str
    findings: int
    last_letter: str
    letters: str


def section(
    key: str, figures: Sequence[Merged], settings: Settings, plan: RoundPlan, narratives: Sequence[NarrativeRow]
) -> Section:
    """The section with that key ("I", "II", "III.1" …)."""
    lines = tuple(sentence(m) for m in figures if m.indicator.section == key)
    duties = (d for d in settings.plan.duties if _section_of(d, settings) == key)
    asked = ((duty, _bodies_with(duty, settings, plan)) for duty in duties)
    answers = (_answer(d.code, d.text, bodies, narratives) for d, bodies in asked if bodies)
    return Section(key.removeprefix("III."), RESULTS.get(key, ""), lines, tuple(answers))


def in_brief(
    figures: Sequence[Merged], settings: Settings, plan: RoundPlan, narratives: Sequence[NarrativeRow]
) -> tuple[Section, ...]:
    """The sections that have something in this round, numbered anew: what a report on one subject has."""
    found = ((key, section(key, figures, settings, plan, narratives)) for key in TITLES)
    full = [(key, part) for key, part in found if part.lines or part.answers]
    return tuple(
        Section(str(number), TITLES[key], part.lines, part.answers) for number, (key, part) in enumerate(full, start=1)
    )


def all_answers(settings: Settings, plan: RoundPlan, narratives: Sequence[NarrativeRow]) -> tuple[Answer, ...]:
    """Everything the bodies wrote: under the duties first, then the closing sections."""
    asked = ((duty, _bodies_with(duty, settings, plan)) for duty in settings.plan.duties)
    duties = (_answer(d.code, d.text, bodies, narratives) for d, bodies in asked if bodies)
    parts = (closings(part, settings, plan, narratives) for part in ("IV", "V", "VI"))
    return (*duties, *(answer for part in parts for answer in part))


def _section_of(duty: Duty, settings: Settings) -> str:
    """The table's section; a duty the office has added goes where its first indicator goes."""
    if duty.code in ANSWERED_IN:
        return ANSWERED_IN[duty.code]
    evidence = (i.section for i in settings.book.indicators if duty.code in i.duties)
    return next(evidence, "III.3")


def _bodies_with(duty: Duty, settings: Settings, plan: RoundPlan) -> list[Body]:
    """The bodies of the round whose form has a box for the duty."""
    groups = {form.group for form in _forms(settings, plan) if duty.code in form.duties}
    return [body for body in plan.bodies if body.group in groups]


def _forms(settings: Settings, plan: RoundPlan) -> tuple[Form, ...]:
    return settings.forms_for(plan.activity.key, plan.collection.key)


def closings(part: str, settings: Settings, plan: RoundPlan, narratives: Sequence[NarrativeRow]) -> tuple[Answer, ...]:
    """The closing sections of a part (IV, V, VI), grouped by body."""
    forms = _forms(settings, plan)
    titles = {c.key: c.title for form in forms for c in form.closings if not RECOMMENDATION.fullmatch(c.key)}
    found = []
    for key, title in titles.items():
        if CLOSING_PARTS.get(key, "IV") == part:
            groups = {form.group for form in forms if any(c.key == key for c in form.closings)}
            bodies = [body for body in plan.bodies if body.group in groups]
            found.append(_answer(key, title, bodies, narratives))
    return tuple(found)


def _answer(code: str, title: str, bodies: Sequence[Body], narratives: Sequence[NarrativeRow]) -> Answer:
    """What the bodies wrote, in the register's order; equal texts are given once with all their bodies."""
    texts = {n.body: paragraphs for n in narratives if n.section == code and (paragraphs := _paragraphs(n.text))}
    by_text: dict[tuple[str, ...], list[str]] = {}
    for body in bodies:
        if body.code in texts:
            by_text.setdefault(texts[body.code], []).append(short_name(body.name))
    said = tuple(Said(_capital(", ".join(names)), text) for text, names in by_text.items())
    wrote = sum(len(names) for names in by_text.values())
    return Answer(code, title.strip().rstrip("."), said, f"{wrote}/{len(bodies)} đơn vị có nội dung báo cáo")


def printable(text: str) -> str:
    """A text without what Word and Excel cannot hold."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Co", "Cn"))


def _paragraphs(text: str) -> tuple[str, ...]:
    """A filed text as paragraphs, without the writer's own bullets."""
    lines = (re.sub(r"^[-–+•*]\s+", "", " ".join(line.split())) for line in printable(text).splitlines())
    return tuple(line for line in lines if line)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def without_figures(plan: RoundPlan, filing: Sequence[FilingRow], settings: Settings) -> tuple[str, ...]:
    """Short names of the bodies without an accepted report, with the reason where it is not silence."""
    names = body_names(plan, settings)
    return tuple(short_name(names[row.body]) + _reason(row) for row in filing if row.state != "accepted")


def _reason(row: FilingRow) -> str:
    reasons = {"waived": " (được miễn)", "bounced": " (thư yêu cầu không đến nơi)"}
    unaccepted = " (đã nộp, chưa được chấp nhận)" if row.first_received_at else ""
    return reasons.get(row.state, unaccepted)


def body_names(plan: RoundPlan, settings: Settings) -> dict[str, str]:
    """Names by code: those of the round's day first, for codes are re-used over the years."""
    return {body.code: body.name for body in (*settings.register_.bodies, *plan.bodies)}


def filing_lines(plan: RoundPlan, filing: Sequence[FilingRow], settings: Settings) -> tuple[FilingLine, ...]:
    """The filing record as rows of words."""
    names, zone = body_names(plan, settings), ZoneInfo(settings.office.timezone)
    return tuple(_filing_line(order, names[row.body], row, zone) for order, row in enumerate(filing, start=1))


def _filing_line(order: int, name: str, row: FilingRow, zone: tzinfo) -> FilingLine:
    received, letter = row.first_received_at, row.last_letter_at
    unaccepted = row.state == "closed" and received is not None
    return FilingLine(
        order,
        name,
        FILED_UNACCEPTED if unaccepted else STATE_TEXTS[row.state],
        short_date(received.astimezone(zone).date()) if received else "",
        "" if received is None else "đúng hạn" if row.on_time else "quá hạn",
        str(row.version) if row.version else "",
        row.findings,
        short_date(letter.astimezone(zone).date()) if letter else "",
        ", ".join(_stage_text(stage) for stage in row.letters),
    )


def _stage_text(stage: str) -> str:
    kind, _, number = stage.partition("-")
    word = {"request": "yêu cầu", "remind": "nhắc", "chase": "đôn đốc"}[kind]
    return f"{word} lần {number}" if number else word
