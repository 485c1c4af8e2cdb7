"""What the office watches: each body's state in a round, and how far the round is."""

from datetime import datetime

from sqlalchemy import select

from treem.district.compare import reporting_rate
from treem.documents.dates import short_date
from treem.ledger import queries
from treem.ledger.tables import LetterIn, LetterOut, Round
from treem.rounds.house import House

STATES = {
    "queued": "Đang chờ gửi",
    "sent": "Đã gửi, chưa nộp",
    "received": "Đã nhận",
    "accepted": "Đã chấp nhận",
    "needs_correction": "Cần sửa",
    "bounced": "Thư bị trả lại",
    "overdue": "Quá hạn",
    "waived": "Được miễn",
    "closed": "Đã đóng",
}


def rows(house: House, round_key: str, now: datetime) -> list[dict[str, str]]:
    """One row a body: state, first receipt, on time, version, findings, last letter. Counts only, no figures."""
    plan = house.plan(round_key)
    names = {b.code: b.name for b in plan.bodies}
    late = house.local(now).date() > plan.legal_due
    with house.ledger.begin() as session:
        filing = queries.filing_record(session, round_key)
    return [
        {
            "Mã": f.body,
            "Đơn vị": names.get(f.body, f.body),
            "Trạng thái": STATES[f.state],
            "Nhận lần đầu": _day(house, f.first_received_at),
            "Đúng hạn": "Có" if f.on_time else ("Không" if f.first_received_at or late else "–"),
            "Bản": f"{f.version} (số {f.submission_id})" if f.version else "–",
            "Lỗi": str(f.findings or 0),
            "Thư gần nhất": _day(house, f.last_letter_at),
        }
        for f in filing
    ]


def progress(house: House, round_key: str) -> float:
    """Bodies whose figures are accepted, in per cent of those asked."""
    with house.ledger.begin() as session:
        filing = queries.filing_record(session, round_key)
    return float(reporting_rate(sum(f.state == "accepted" for f in filing), len(filing)) or 0)


def counts(house: House, round_key: str) -> dict[str, int]:
    """The round in numbers: bodies, requests, letters, what came of them. Keys as in `summary.json`."""
    with house.ledger.begin() as session:
        filing = queries.filing_record(session, round_key)
        late_codes = [f for f in filing if f.first_received_at and not f.on_time]
        out = session.execute(
            select(LetterOut.kind, LetterOut.state, LetterOut.request_id).join(Round).where(Round.key == round_key)
        ).all()
        letters_in = session.scalars(select(LetterIn.state)).all()
    return {
        "bodies": len(filing),
        "requests": sum(k == "request" for k, _, _ in out),
        "letters_out": sum(s in ("sent", "bounced") for _, s, _ in out),
        "letters_in": len(letters_in),
        "accepted": sum(f.state == "accepted" for f in filing),
        "corrected": sum(f.state == "accepted" and (f.version or 0) > 1 for f in filing),
        "late": len(late_codes),
        "missing": sum(f.first_received_at is None for f in filing),
        "held": sum(s in ("hold", "quarantine") for s in letters_in),
        "bounced": len({r for _, s, r in out if s in ("bounced", "failed")}),  # bodies, not letters
        "reminders": sum(k in ("reminder", "chase") and s in ("sent", "bounced") for k, s, _ in out),
    }


def _day(house: House, moment: datetime | None) -> str:
    return short_date(house.local(moment).date()) if moment else "–"
