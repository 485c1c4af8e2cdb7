"""The office's own outgoing papers as Word drafts: công văn đề nghị, công văn đôn đốc, giấy mời, biên bản kiểm tra.

Belongs here: the values of their templates. Number and date stay blank: the records clerk (Văn thư) gives both (Nghị
định 30/2020/NĐ-CP, Điều 14–15). No figure of any body stands in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

from treem.documents.beside import Recommended
from treem.documents.dates import blank_date, official_date, short_date
from treem.documents.figures import short_name
from treem.documents.periods import as_of_text, event_text, period_label, period_text
from treem.documents.report import TEMPLATES, list_lines, plan_reference, render
from treem.documents.sections import STATE_TEXTS, body_names, printable
from treem.ledger.queries import FilingRow
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Body, Settings

Kind = Literal["de-nghi", "don-doc", "giay-moi", "bien-ban"]
TEMPLATE_OF: dict[Kind, str] = {
    "de-nghi": "cong-van-de-nghi",
    "don-doc": "cong-van-don-doc",
    "giay-moi": "giay-moi",
    "bien-ban": "bien-ban-kiem-tra",
}
SYMBOLS: dict[Kind, str] = {"de-nghi": "", "don-doc": "", "giay-moi": "GM-", "bien-ban": "BB-"}
LEGAL_STATE = {"overdue": "chưa gửi", "sent": "chưa gửi", "queued": "chưa gửi"}


@dataclass(frozen=True)
class Matter:
    """What a paper is about. `bodies`: to whom; `filing` and `about`: what they send, as the letters call it."""

    plan: RoundPlan
    bodies: tuple[Body, ...]
    filing: str
    about: str
    content: str
    today: date
    rows: tuple[FilingRow, ...] = ()  # of everybody who was asked
    visit: date | None = None
    duties: tuple[str, ...] = ()
    conclusion: tuple[str, ...] = ()
    recommendations: tuple[Recommended, ...] = ()


def write_paper(kind: Kind, matter: Matter, settings: Settings, templates: Path = TEMPLATES) -> bytes:
    """The draft as a .docx. The same input gives the same bytes. Raises TemplateError."""
    context = {**_frame(kind, matter, settings), **_matter(matter, settings), **_inspection(matter)}
    return render(templates / f"{TEMPLATE_OF[kind]}.docx", context)


def _frame(kind: Kind, matter: Matter, settings: Settings) -> dict[str, Any]:
    office, signatory = settings.office, settings.office.letter_signatory
    copies = ["Như trên", f"UBND {office.district} (để báo cáo)", "Lưu: VT"]
    if kind == "bien-ban":
        copies = [matter.bodies[0].name, "Thành viên Đoàn kiểm tra", "Lưu: VT"]
    return {
        "office_parent": office.letter_parent,
        "office_name": office.name,
        "issuer_name": office.name,
        "district": office.district,
        "address": settings.mail.address,
        "number_line": f"Số:       /{SYMBOLS[kind]}{office.letter_symbol}",
        "place_date": f"{office.place}, {blank_date(matter.today.year)}",
        "subject": _subject(kind, matter),
        "recipients": list_lines(_recipients(matter)),
        "addressed": "quý cơ quan, đơn vị" if len(matter.bodies) > 1 else matter.bodies[0].name,
        "copies": list_lines(copies),
        "signing": [line for line in (signatory.authority, signatory.capacity, signatory.position) if line],
        "signer": signatory.name,
        "today": official_date(matter.today),
    }


def _subject(kind: Kind, matter: Matter) -> str:
    title = matter.filing[:1].lower() + matter.filing[1:] + matter.about
    occasion = f"{matter.plan.activity.title.removesuffix(' năm')} năm {matter.plan.year}"
    return {
        "de-nghi": f"V/v gửi {title}",
        "don-doc": f"V/v đôn đốc gửi {title}",
        "giay-moi": occasion,
        "bien-ban": f"{matter.plan.activity.title} tại {short_name(matter.bodies[0].name)}",
    }[kind]


def _recipients(matter: Matter) -> list[str]:
    """Everybody by name; the communes in one line where all of them are meant."""
    communes = [body for body in matter.bodies if body.kind == "commune"]
    whole = len(communes) > 1 and len(communes) == sum(body.kind == "commune" for body in matter.plan.bodies)
    named = [body.name for body in matter.bodies if not (whole and body.kind == "commune")]
    return [*named, "Ủy ban nhân dân các xã, thị trấn"] if whole else named


def _matter(matter: Matter, settings: Settings) -> dict[str, Any]:
    plan, names = matter.plan, body_names(matter.plan, settings)
    wanted = {body.code for body in matter.bodies}
    left = [row for row in matter.rows if row.state not in ("accepted", "waived")]
    missing = [f"{short_name(names.get(r.body, r.body))}: {_state(r)}" for r in left if r.body in wanted]
    return {
        "plan_reference": plan_reference(settings),
        "filing": matter.filing[:1].lower() + matter.filing[1:],
        "about": matter.about,
        "content": matter.content,
        "period_label": period_label(plan),
        "period_text": period_text(plan),
        "as_of_text": as_of_text(plan),
        "due_text": due_official(plan),
        "occasion": f"{plan.activity.title.removesuffix(' năm')} năm {plan.year}",
        "event_text": event_text(plan),
        "asked": len(matter.rows),
        "filed": sum(row.state == "accepted" for row in matter.rows),
        "missing": list_lines(missing),
    }


def due_official(plan: RoundPlan) -> str:
    """The deadline in the words of a signed paper: "trước ngày 15 tháng 6 năm 2027"."""
    if plan.collection.due.before is not None:
        return f"trước {official_date(plan.legal_due + timedelta(days=1))}"
    return f"hết {official_date(plan.due)}"


def _state(row: FilingRow) -> str:
    return LEGAL_STATE.get(row.state, STATE_TEXTS[row.state])


def _inspection(matter: Matter) -> dict[str, Any]:
    blank = blank_date(matter.plan.year)
    return {
        "body_name": matter.bodies[0].name,
        "visit_text": official_date(matter.visit) if matter.visit else blank,
        "duties": list(matter.duties),
        "conclusion": _paragraphs(matter.conclusion),
        "recommendations": [
            {"text": " ".join(printable(one.text).split()), "due": short_date(one.due)}
            for one in matter.recommendations
        ],
    }


def _paragraphs(texts: Sequence[str]) -> list[str]:
    return [line for text in texts for raw in printable(text).splitlines() if (line := " ".join(raw.split()))]
