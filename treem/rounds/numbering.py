"""Number and date of an approved report, as the registry clerk (Văn thư) assigned them: wait for them, record them.

Belongs here: what a number may be, and the final document with it. The software assigns no number (Nghị định
30/2020/NĐ-CP, Điều 14–15).
"""

import re
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import extract, func, select
from sqlalchemy.orm import Session

from treem.documents.dates import document_number, short_date
from treem.documents.numbered import filled_in
from treem.ledger import queries
from treem.ledger.events import record
from treem.ledger.tables import Approval, Report, Round
from treem.rounds.decisions import DecisionRefused
from treem.rounds.house import House
from treem.rounds.notices import tell_office
from treem.rounds.reporting import ReportView, StaleReport, document_paths, latest_report, write_private
from treem.rounds.wording import report_title

NUMBER = re.compile(r"0*([1-9]\d{0,4}[a-zđ]?)", re.IGNORECASE)
NUMBER_PATTERN = r"^\s*[0-9]{1,6}[A-Za-zĐđ]?\s*$"
"""The same for a form, roughly: JSON Schema knows no flags."""


def await_number(house: House, round_key: str, now: datetime) -> None:
    """Tell the office by letter that an approved report waits for its number, once a version."""
    with house.ledger.begin() as session:
        report = _approved(session, round_key)
        key = f"number:{round_key}:{report.version}" if report else ""
        if report is None or queries.message_id_of(session, key):
            return
        tell_office(house, session, round_key, report, "number", now)
        record(session, "number_asked", now, round_id=report.round_id, version=report.version)


def waiting_number(house: House, round_key: str) -> ReportView | None:
    """The approved version that waits for its number, or None."""
    plan, office = house.plan(round_key), house.settings.office
    with house.ledger.begin() as session:
        report = _approved(session, round_key)
        if report is None:
            return None
        approval = session.scalars(select(Approval).where(Approval.report_id == report.id)).one()
        day = short_date(house.local(approval.decided_at).date())
        return ReportView(
            report.version,
            report.digest,
            f"**{report_title(plan, report.kind)}** – lần {report.version}, đã được phê duyệt\n\n"
            f"- Người phê duyệt: {approval.decided_by}, ngày {day}\n"
            f"- Số, ký hiệu: `…/{office.report_symbol}`\n"
            f"- Tệp: `{document_paths(house, round_key, report.version)[2].name}`\n"
            f"- Mã kiểm tra: `{report.digest[:12]}`",
        )


def give_number(
    house: House, round_key: str, version: int, digest: str, number: str, signed_on: date, by: str, now: datetime
) -> None:
    """Record number and date of exactly this version, and make its final document. The same again changes nothing.

    Raises DecisionRefused when they cannot be, and StaleReport when that version no longer waits for them.
    """
    symbol, settled = house.settings.office.report_symbol, _settled(number)
    with house.ledger.begin() as session:
        report = latest_report(session, round_key)
        if report is None or (report.version, report.digest) != (version, digest):
            raise StaleReport(f"Báo cáo lần {version} không còn là bản đang chờ số; hãy xem bản mới nhất.")
        if report.number:
            if (report.number, report.signed_on) == (settled, signed_on):
                return
            raise StaleReport(f"Báo cáo lần {version} đã được ghi số {document_number(report.number)}/{symbol}.")
        if report.state != "approved":
            raise StaleReport(f"Báo cáo lần {version} không chờ số: chưa được phê duyệt, hoặc đã gửi đi.")
        _check_day(house, session, report, signed_on, now)
        _refuse_taken(session, report, settled, signed_on, symbol)
        originals = house.ledger.originals
        final = filled_in(originals.read(report.outward_docx_sha), settled, symbol, signed_on)
        write_private(final_path(house, round_key, version), final)  # before the commit: a numbered report has its file
        report.final_docx_sha = originals.keep(final)
        report.sent_digest = digest_of(report.final_docx_sha, report.outward_xlsx_sha)
        report.number, report.signed_on, report.numbered_by, report.numbered_at = settled, signed_on, by, now
        report.state = "numbered"
        record(
            session, "report_numbered", now, round_id=report.round_id, version=version, number=settled,
            signed_on=signed_on.isoformat(), by=by, digest=report.sent_digest,
        )  # fmt: skip


def final_path(house: House, round_key: str, version: int) -> Path:
    """Where the Word document with number and date lies."""
    return document_paths(house, round_key, version)[2].with_name(
        f"{round_key.replace('/', '-')}-v{version}-chinh-thuc.docx"
    )


def digest_of(*shas: str) -> str:
    """One digest for several files."""
    return sha256("".join(shas).encode()).hexdigest()


def _settled(number: str) -> str:
    """A number as it is kept: without leading zeros, which the document adds again below 10."""
    found = NUMBER.fullmatch(number.strip())
    if not found:
        raise DecisionRefused(
            f"Số “{number.strip()}” không đúng. Chỉ ghi phần số Văn thư đã cấp, ví dụ 12 hoặc 12a; không ghi ký hiệu."
        )
    return found[1].lower()


def _check_day(house: House, session: Session, report: Report, signed_on: date, now: datetime) -> None:
    today = house.local(now).date()
    if signed_on > today:
        raise DecisionRefused(f"Ngày {short_date(signed_on)} chưa tới. Hãy ghi ngày ban hành, không sau hôm nay.")
    decided_at = session.scalars(select(Approval.decided_at).where(Approval.report_id == report.id)).one()
    approved_on = house.local(decided_at).date()
    if signed_on < approved_on:
        raise DecisionRefused(
            f"Ngày {short_date(signed_on)} trước ngày lãnh đạo phê duyệt ({short_date(approved_on)}). Hãy kiểm tra lại."
        )


def _refuse_taken(session: Session, report: Report, number: str, signed_on: date, symbol: str) -> None:
    """A number is given once a year."""
    query = (
        select(Round.key)
        .join(Report)
        .where(
            func.lower(Report.number) == number,
            extract("year", Report.signed_on) == signed_on.year,
            Report.id != report.id,
        )
    )
    taken = session.scalars(query).first()
    if taken:
        raise DecisionRefused(
            f"Số {document_number(number)}/{symbol} năm {signed_on.year} đã ghi cho {taken}. Hãy hỏi lại Văn thư."
        )


def _approved(session: Session, round_key: str) -> Report | None:
    report = latest_report(session, round_key)
    return report if report and report.state == "approved" else None
