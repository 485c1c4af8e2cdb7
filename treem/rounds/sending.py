"""The approved report leaves: one letter to each addressee of the office, and the receipts of sending.

What is sent are bytes that are on record: the numbered Word document and the outward workbook of the version that was
approved.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.documents.dates import document_number, official_date
from treem.documents.letters import render_letter
from treem.documents.periods import as_of_text, period_label, period_text
from treem.ledger.events import record
from treem.ledger.tables import Dispatch, LetterBytes, LetterOut, Report
from treem.mailroom.compose import DOCX, XLSX, Attachment
from treem.mailroom.outbox import write_letter
from treem.plan.agenda import RoundPlan
from treem.rounds.house import House
from treem.rounds.numbering import digest_of
from treem.rounds.reporting import latest_report
from treem.rounds.wording import about, report_title


@dataclass(frozen=True)
class Receipt:
    """What became of the report's letter to one addressee. `accepted_at`: when the mail server took it."""

    recipient: str
    message_id: str
    state: str
    accepted_at: datetime | None
    digest: str


def send_on(house: House, round_key: str, now: datetime) -> None:
    """Put the report in the outbox for each addressee. It counts as sent once it stands there; `receipts` say more."""
    settings, plan = house.settings, house.plan(round_key)
    with house.ledger.begin() as session:
        report = latest_report(session, round_key)
        if report is None or report.state not in (("numbered",) if plan.needs_number else ("numbered", "approved")):
            return
        report.final_docx_sha = report.final_docx_sha or report.outward_docx_sha
        report.sent_digest = digest_of(report.final_docx_sha, report.outward_xlsx_sha)
        letter, files = render_letter("report", _context(house, plan, report)), _files(house, plan, report)
        for address in settings.office.report_emails:
            written = write_letter(
                session,
                settings.mail,
                kind="report",
                idem_key=f"report:{round_key}:{report.version}:{address}",
                recipient=("", address),
                letter=letter,
                attachments=files,
                token=None,
                round_id=report.round_id,
                request_id=None,
                in_reply_to=None,
                now=now,
            )
            session.flush()
            session.add(
                Dispatch(
                    report_id=report.id,
                    letter_out_id=written.id,
                    digest=report.sent_digest,
                    raw_sha=sha256(_bytes(session, written)).hexdigest(),
                )
            )
        _supersede(session, report)
        report.state, report.sent_at = "sent", now
        record(session, "report_sent", now, round_id=report.round_id, version=report.version, digest=report.sent_digest)


def receipts(session: Session, report_id: int) -> list[Receipt]:
    """The letters that carry a report, in the order they were written."""
    rows = session.execute(
        select(LetterOut.recipient, LetterOut.message_id, LetterOut.state, LetterOut.sent_at, Dispatch.digest)
        .join(Dispatch, Dispatch.letter_out_id == LetterOut.id)
        .where(Dispatch.report_id == report_id)
        .order_by(LetterOut.id)
    )
    return [Receipt(*row) for row in rows]


def _bytes(session: Session, letter: LetterOut) -> bytes:
    return session.scalars(select(LetterBytes.raw).where(LetterBytes.letter_out_id == letter.id)).one()


def _supersede(session: Session, report: Report) -> None:
    """What a supplement corrects stands no longer by itself, once the supplement is sent."""
    if report.kind == "supplement":
        earlier = (Report.round_id == report.round_id, Report.version < report.version, Report.state == "sent")
        for one in session.scalars(select(Report).where(*earlier)):
            one.state = "superseded"


def _files(house: House, plan: RoundPlan, report: Report) -> list[Attachment]:
    stem = plan.key.replace("/", "-") + (f"-bo-sung-{report.version}" if report.kind == "supplement" else "")
    read = house.ledger.originals.read
    return [
        Attachment(f"{stem}.docx", read(report.final_docx_sha or ""), DOCX),
        Attachment(f"{stem}.xlsx", read(report.outward_xlsx_sha), XLSX),
    ]


def _context(house: House, plan: RoundPlan, report: Report) -> dict[str, object]:
    settings, number_text = house.settings, ""
    if report.number and report.signed_on:
        shown = f"{document_number(report.number)}/{settings.office.report_symbol}"
        number_text = f"số {shown} {official_date(report.signed_on)}"
    return {
        "office": settings.office,
        "plan": settings.plan,
        "round_title": report_title(plan, report.kind),
        "about": about(plan),
        "number_text": number_text,
        "period_label": period_label(plan),
        "period_text": period_text(plan),
        "as_of_text": as_of_text(plan),
        "version": report.version,
    }
