"""What the ledger knows of a round's report: every version, who decided on which digest, its number, its receipts.

Nothing here writes. Words for people are those of `lines`, which the commands and Prefect's page show alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.documents.dates import document_number, short_date
from treem.ledger import queries
from treem.ledger.tables import Approval, Report
from treem.plan.agenda import RoundPlan
from treem.rounds.house import House
from treem.rounds.returning import named_words
from treem.rounds.sending import Receipt, receipts

STATES = {
    "draft": "dự thảo",
    "awaiting_approval": "chờ phê duyệt",
    "approved": "đã phê duyệt",
    "returned": "trả lại để sửa",
    "numbered": "đã có số, chờ gửi",
    "sent": "đã gửi",
    "superseded": "đã được thay",
    "kept": "lưu tại Phòng",
}
DECISIONS = {"approved": "Phê duyệt", "returned": "Trả lại"}
KINDS = {"report": "Báo cáo", "supplement": "Báo cáo bổ sung"}
LETTERS = {"bounced": "thư bị trả lại", "failed": "không gửi được", "cancelled": "đã hủy"}


@dataclass(frozen=True)
class Decision:
    """Who decided on which digest."""

    decision: str
    by: str
    at: datetime
    remark: str
    named: tuple[str, ...]
    digest: str


@dataclass(frozen=True)
class Version:
    """A version of the report, from its draft to its receipts."""

    version: int
    kind: str
    supplements: int | None
    state: str
    digest: str
    created_at: datetime
    made_by: str | None
    why: str | None
    adopted_sha: str | None
    decision: Decision | None
    number: str | None
    signed_on: date | None
    numbered_by: str | None
    numbered_at: datetime | None
    sent_at: datetime | None
    sent_digest: str | None
    receipts: tuple[Receipt, ...]


def versions(house: House, round_key: str) -> list[Version]:
    """Every version of the round's report, oldest first. Raises UnknownRound."""
    house.plan(round_key)
    with house.ledger.begin(relaxed=True) as session:
        entry = queries.find_round(session, round_key)
        if entry is None:
            return []
        rows = session.scalars(select(Report).where(Report.round_id == entry.id).order_by(Report.version)).all()
        return [_version(session, row) for row in rows]


def lines(house: House, plan: RoundPlan, one: Version) -> Iterator[str]:
    """One version in words, its own line first. Who decided and who was written to; no figure."""
    symbol = house.settings.office.report_symbol
    of = f" cho báo cáo lần {one.supplements}" if one.supplements else ""
    made = _moment(house, one.created_at)
    yield f"{KINDS[one.kind]} lần {one.version}{of}: {STATES[one.state]}; lập {made}, mã kiểm tra {one.digest[:12]}"
    if one.made_by:
        what = "lấy lại từ tệp sửa tay" if one.adopted_sha else "lập theo yêu cầu"
        yield f"  {what} của {one.made_by}: {one.why}"
    if one.decision:
        yield from _decided(house, plan, one.decision)
    if one.number and one.signed_on and one.numbered_at:
        number = f"{document_number(one.number)}/{symbol} ngày {short_date(one.signed_on)}"
        yield f"  Số {number}; {one.numbered_by} nhập {_moment(house, one.numbered_at)}"
    for receipt in one.receipts:
        became = f"{_became(house, receipt)}, {receipt.message_id}, mã tệp {receipt.digest[:12]}"
        yield f"  Gửi {receipt.recipient}: {became}"


def standing(house: House, round_key: str) -> list[str]:
    """How the newest version stands; empty while there is none."""
    there = versions(house, round_key)
    return list(lines(house, house.plan(round_key), there[-1])) if there else []


def _decided(house: House, plan: RoundPlan, made: Decision) -> Iterator[str]:
    remark = f": {made.remark}" if made.remark else ""
    digest = f"mã {made.digest[:12]}"
    yield f"  {DECISIONS[made.decision]} – {made.by}, {_moment(house, made.at)}, {digest}{remark}"
    if made.named:
        yield f"  Cần sửa: {'; '.join(named_words(house.settings, plan, made.named))}"


def _became(house: House, receipt: Receipt) -> str:
    if receipt.state in LETTERS:
        return LETTERS[receipt.state]
    return f"máy chủ thư nhận {_moment(house, receipt.accepted_at)}" if receipt.accepted_at else "đang chờ gửi"


def _moment(house: House, moment: datetime) -> str:
    local = house.local(moment)
    return f"{local:%H:%M} {short_date(local.date())}"


def _version(session: Session, row: Report) -> Version:
    made = session.scalar(select(Approval).where(Approval.report_id == row.id))
    decision = None
    if made:
        named = tuple(made.named or ())
        decision = Decision(made.decision, made.decided_by, made.decided_at, made.remark, named, made.digest)
    return Version(
        row.version,
        row.kind,
        row.supplements,
        row.state,
        row.digest,
        row.created_at,
        row.made_by,
        row.why,
        row.adopted_sha,
        decision,
        row.number,
        row.signed_on,
        row.numbered_by,
        row.numbered_at,
        row.sent_at,
        row.sent_digest,
        tuple(receipts(session, row.id)),
    )
