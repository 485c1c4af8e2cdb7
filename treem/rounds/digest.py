"""What the office is told by letter: every morning who is late, what is held, what bounced; at once what is broken.

Belongs here: gathering and writing these letters. A day's letter is written once, and only when there is something to
tell.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from treem.documents.dates import short_date
from treem.documents.letters import LetterText, render_letter
from treem.ledger.tables import Account, Event, LetterIn, LetterOut, Report, Request, Round
from treem.mailroom.contacts import known_bad
from treem.mailroom.outbox import write_letter
from treem.rounds.house import House
from treem.rounds.inbox import Waiting, waiting

DAY = timedelta(days=1)
TO_READ = ("prose", "link")
ACCOUNTS = {"smtp": "gửi thư", "imap": "nhận thư"}
PAUSES = {"login": "máy chủ không nhận tên đăng nhập hoặc mật khẩu"}
LETTERS = {"request": "thư yêu cầu", "reminder": "thư nhắc", "chase": "thư đôn đốc", "ack": "thư báo nhận",
           "report": "báo cáo gửi đi", "notice": "thông báo"}  # fmt: skip


@dataclass(frozen=True)
class RoundNews:
    """How a round that is open stands. `late`: names of the bodies that have not filed after their day."""

    title: str
    asked: int
    filed: int
    accepted: int
    due_text: str
    late: tuple[str, ...]
    to_correct: tuple[str, ...]


@dataclass(frozen=True)
class Digest:
    """What the office should know today. Empty: nothing to tell."""

    rounds: tuple[RoundNews, ...] = ()
    held: tuple[Waiting, ...] = ()
    bounced: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    to_read: tuple[str, ...] = ()
    refused: int = 0  # letters not taken because nobody vouches for their sender, in the last 24 hours
    unanswered: int = 0  # letters that got no acknowledgement because of the caps, in the last 24 hours
    paused: tuple[str, ...] = field(default=())

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing a person has to do."""
        troubles = (self.held, self.bounced, self.failed, self.to_read, self.refused, self.unanswered, self.paused)
        return not any(troubles) and not any(r.late or r.to_correct for r in self.rounds)


def gather(house: House, now: datetime) -> Digest:
    """Look through the ledger."""
    held = tuple(waiting(house))
    with house.ledger.begin(relaxed=True) as session:
        return Digest(
            rounds=tuple(_round_news(house, session, key, now) for key in _open_rounds(session)),
            held=held,
            bounced=tuple(_bounced(house, session)),
            failed=tuple(_failed(session, now)),
            to_read=tuple(_to_read(session, now)),
            refused=_count(session, "letter_done", now, verdict="unauthenticated"),
            unanswered=_count(session, "ack_capped", now),
            paused=tuple(_paused(house, session, now)),
        )


def write_digest(house: House, now: datetime) -> bool:
    """Put today's digest in the outbox; False when there is nothing to tell. Doing it again changes nothing."""
    digest = gather(house, now)
    if digest.is_empty:
        return False
    _write(house, words(house, digest, now), f"digest:{house.local(now).date().isoformat()}", now)
    return True


def words(house: House, digest: Digest, now: datetime) -> LetterText:
    """The digest as a letter."""
    return render_letter(
        "digest",
        {"office": house.settings.office, "digest": digest, "day_text": short_date(house.local(now).date())},
    )


def raise_alarm(house: House, now: datetime) -> bool:
    """Tell the office at once of what keeps letters from coming and going; once a day, the digest has the rest."""
    digest = gather(house, now)
    with house.ledger.begin(relaxed=True) as session:
        quarantined = _count(session, "letter_quarantined", now)
    if not (digest.failed or digest.paused or quarantined):
        return False
    day = house.local(now).date()
    context = {"digest": digest, "quarantined": quarantined, "day_text": short_date(day)}
    _write(house, render_letter("alarm", context | {"office": house.settings.office}), f"alarm:{day.isoformat()}", now)
    return True


def _write(house: House, letter: LetterText, key: str, now: datetime) -> None:
    settings = house.settings
    with house.ledger.begin() as session:
        for address in settings.mail.office_addresses:
            write_letter(
                session,
                settings.mail,
                kind="notice",
                idem_key=f"{key}:{address.lower()}",
                recipient=(settings.office.name, address),
                letter=letter,
                attachments=[],
                token=None,
                round_id=None,
                request_id=None,
                in_reply_to=None,
                now=now,
            )


# ---- gathering -------------------------------------------------------------------------------------------------


def _open_rounds(session: Session) -> list[str]:
    """Rounds whose report has not been sent on."""
    sent = select(Report.round_id).where(Report.state == "sent")
    return list(session.scalars(select(Round.key).where(Round.id.not_in(sent)).order_by(Round.id)))


def _round_news(house: House, session: Session, round_key: str, now: datetime) -> RoundNews:
    plan, today = house.plan(round_key), house.local(now).date()
    names = {b.code: b.name for b in plan.bodies}
    requests = session.scalars(select(Request).join(Round).where(Round.key == round_key).order_by(Request.id)).all()
    open_ones = [r for r in requests if r.first_received_at is None and r.state not in ("waived", "closed")]
    return RoundNews(
        title=plan.title,
        asked=len(requests),
        filed=sum(r.first_received_at is not None for r in requests),
        accepted=sum(r.state == "accepted" for r in requests),
        due_text=short_date(plan.legal_due),
        late=tuple(
            f"{names.get(r.body, r.body)} (quá {(today - r.legal_due).days} ngày)"
            for r in open_ones
            if r.legal_due < today
        ),
        to_correct=tuple(names.get(r.body, r.body) for r in requests if r.state == "needs_correction"),
    )


def _bounced(house: House, session: Session) -> list[str]:
    owners = {e.lower(): b.name for b in house.settings.register_.bodies for e in b.emails}
    words = {"dead": "không gửi được nữa", "bouncing": "thư bị trả lại"}
    return [
        f"{owners.get(c.address, 'địa chỉ không có trong danh bạ')} – {c.address}: {words[c.state]} "
        f"từ {short_date(house.local(c.since).date())}" + (f" (mã {c.last_code})" if c.last_code else "")
        for c in known_bad(session).values()
    ]


def _failed(session: Session, now: datetime) -> list[str]:
    """Letters given up in the last 24 hours."""
    query = (
        select(LetterOut.id, LetterOut.kind, LetterOut.recipient, LetterOut.last_code)
        .join(Event, Event.data["letter_out"].as_integer() == LetterOut.id)
        .where(Event.kind == "letter_failed", Event.at > now - DAY, LetterOut.state == "failed")
        .order_by(LetterOut.id)
    )
    return [
        f"{LETTERS.get(kind, kind)} số {number} gửi {recipient} (mã {code})"
        for number, kind, recipient, code in session.execute(query)
    ]


def _to_read(session: Session, now: datetime) -> list[str]:
    """Letters of the last 24 hours that say something in words only: somebody should read them."""
    query = (
        select(LetterIn.id, LetterIn.sender)
        .join(Event, Event.data["letter"].as_integer() == LetterIn.id)
        .where(Event.kind == "letter_done", Event.at > now - DAY, LetterIn.verdict.in_(TO_READ))
        .order_by(LetterIn.id)
    )
    return [f"thư số {number} của {sender}" for number, sender in session.execute(query)]


def _paused(house: House, session: Session, now: datetime) -> list[str]:
    query = select(Account).where(Account.paused_until > now).order_by(Account.id)
    return [
        f"{ACCOUNTS[a.role]}: tạm dừng đến {house.local(a.paused_until):%H:%M %d/%m}, "
        f"{PAUSES.get(a.reason, f'máy chủ đề nghị chờ (mã {a.reason})')}"
        for a in session.scalars(query)
    ]


def _count(session: Session, kind: str, now: datetime, **data: str) -> int:
    query = select(func.count(Event.id)).where(Event.kind == kind, Event.at > now - DAY)
    for name, value in data.items():
        query = query.where(Event.data[name].as_string() == value)
    return session.scalar(query) or 0
