"""Sends what stands in the outbox, always the stored bytes, one letter and one recipient at a time.

Belongs here: leases and what an ending means for letter, request and account; the dialogue is in `line`. Letters are
leased in one transaction, sent outside any, and each is settled in another; a lease that ran out means that nobody
knows whether the letter was sent, so the same bytes go once more and the receiver can tell by the Message-ID.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, or_, select, update
from sqlalchemy.orm import Session

from treem.ledger.events import record
from treem.ledger.store import Ledger
from treem.ledger.tables import LetterBytes, LetterOut, Request
from treem.mailroom import accounts
from treem.mailroom.contacts import note_undelivered
from treem.mailroom.errors import LoginRefused
from treem.mailroom.line import End, Line, Outcome, deliver
from treem.plan.settings import Mail

BACKOFF = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4))
LEASE = timedelta(minutes=15)
BATCH = 25  # letters leased at once; each is settled on its own
MAX_UNCERTAIN = {"ack": 2}  # an acknowledgement is repeated once at most; a request must not be lost
MAX_UNCERTAIN_OTHERS = 4
ASKING_AGAIN = ("reminder", "chase")
WAITING = ("queued", "sent", "overdue", "bounced")  # states of a request that has not been answered
_LETTER: Any = LetterOut.__table__
_REQUEST: Any = Request.__table__
_ENDED = (
    update(_LETTER)
    .where(_LETTER.c.id == bindparam("letter"))
    .values(
        state=bindparam("end"), last_code=bindparam("code"), lease_until=None, next_at=bindparam("next"),
        sent_at=bindparam("sent"),
    )
)  # fmt: skip
_ASKED = (
    update(_REQUEST)
    .where(_REQUEST.c.id == bindparam("request"), _REQUEST.c.state == "queued")
    .values(state=bindparam("becomes"))
)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SendTally:
    """How many letters ended how. `cancelled`: reminders whose answer came first. `paused`: 1 when none may leave."""

    sent: int = 0
    retry: int = 0
    failed: int = 0
    unknown: int = 0
    cancelled: int = 0
    paused: int = 0


@dataclass(frozen=True)
class _Leased:
    """A letter in our hands, free of any session. `attempts` counts the one to be made; `before` is the old state."""

    id: int
    kind: str
    round_id: int | None
    request_id: int | None
    envelope_from: str
    recipient: str
    raw: bytes
    attempts: int
    give_up_at: datetime
    before: str


def send_due(ledger: Ledger, mail: Mail, now: datetime, pause: Callable[[float], None] = time.sleep) -> SendTally:
    """Send every letter that is due at `now`. Raises MailUnreachable when there is no working connection.

    When it raises, no letter is left leased. `pause` keeps to the limit of letters a minute. While the server has asked
    to be left alone, nothing is tried.
    """
    if accounts.paused_until(ledger, "smtp", mail.smtp, now):
        return SendTally(paused=1)
    with Line(mail) as line:
        try:
            return _send_all(ledger, mail, line, now, pause)
        except LoginRefused:
            accounts.pause(ledger, "smtp", mail.smtp, "login", now + accounts.LOGIN_REFUSED, now)
            raise


def _send_all(ledger: Ledger, mail: Mail, line: Line, now: datetime, pause: Callable[[float], None]) -> SendTally:
    tally: Counter[str] = Counter()
    pace = _Pace(mail.letters_per_minute, _sent_this_minute(ledger, now), pause)
    with ledger.held() as book:
        _pass(ledger, book, mail, line, now, pace, tally)
    if tally:
        with ledger.begin() as session:  # forced to disk, and with it every ending of this pass
            record(session, "sending_ended", now, **tally)
    return SendTally(**tally)


def _pass(
    ledger: Ledger, book: Connection, mail: Mail, line: Line, now: datetime, pace: "_Pace", tally: Counter[str]
) -> None:
    """Batch after batch until nothing is due, or the server wants no more."""
    while _anything_due(ledger, now):  # nothing due: no connection
        line.opened()
        pace.keep()
        batch, cancelled = _lease(ledger, now + pace.elapsed(), now, min(BATCH, pace.left))
        tally["cancelled"] += cancelled
        for place, letter in enumerate(batch):
            smtp = line.opened()
            outcome = deliver(smtp, letter.envelope_from, mail.redirect_all_to or letter.recipient, letter.raw)
            tally[_settle(book, letter, outcome, now)] += 1
            pace.count()
            if outcome.broken or outcome.stop:
                line.close()
                _give_back(ledger, batch[place + 1 :])
                break
        if batch and outcome.stop:
            accounts.pause(ledger, "smtp", mail.smtp, outcome.code, now + accounts.SERVER_BUSY, now)
            tally["paused"] = 1
            break


# ---- leases ----------------------------------------------------------------------------------------------------


def _is_due(now: datetime) -> ColumnElement[bool]:
    waiting = and_(LetterOut.state.in_(("queued", "retry", "unknown")), LetterOut.next_at <= now)
    return or_(waiting, and_(LetterOut.state == "leased", LetterOut.lease_until <= now))


def _anything_due(ledger: Ledger, now: datetime) -> bool:
    with ledger.begin(relaxed=True) as session:
        return session.scalar(select(LetterOut.id).where(_is_due(now)).limit(1)) is not None


def _sent_this_minute(ledger: Ledger, now: datetime) -> int:
    """Letters of an earlier run count towards the minute's share too."""
    recent = select(LetterOut.id).where(LetterOut.sent_at > now - timedelta(minutes=1), LetterOut.sent_at < now)
    with ledger.begin(relaxed=True) as session:
        return len(session.scalars(recent.limit(100_000)).all())


def _lease(ledger: Ledger, clock: datetime, now: datetime, most: int) -> tuple[list[_Leased], int]:
    """Take the next due letters; how many reminders were cancelled because the answer has overtaken them.

    A reminder is taken alone, so that its request is looked at just before it leaves.
    """
    cancelled = 0
    with ledger.begin() as session:
        while found := _next_due(session, now, most):
            batch: list[_Leased] = []
            for letter in found:
                if letter.kind not in ASKING_AGAIN:
                    batch.append(letter)
                elif batch:
                    break
                elif _overtaken(session, letter):
                    _cancel(session, letter, now)
                    cancelled += 1
                else:
                    batch.append(letter)
                    break
            if batch:
                _mark_leased(session, batch, clock + LEASE, now)
                return batch, cancelled
    return [], cancelled


def _next_due(session: Session, now: datetime, most: int) -> list[_Leased]:
    columns = (
        LetterOut.id, LetterOut.kind, LetterOut.round_id, LetterOut.request_id, LetterOut.envelope_from,
        LetterOut.recipient, LetterBytes.raw, LetterOut.attempts + 1, LetterOut.give_up_at, LetterOut.state,
    )  # fmt: skip
    query = select(*columns).join(LetterBytes).where(_is_due(now)).order_by(LetterOut.next_at, LetterOut.id).limit(most)
    return [_Leased(*row) for row in session.execute(query.with_for_update(skip_locked=True, of=LetterOut))]


def _mark_leased(session: Session, batch: Sequence[_Leased], until: datetime, now: datetime) -> None:
    for letter in batch:
        if letter.before == "leased":
            record(session, "letter_unknown", now, letter.round_id, letter.request_id, letter_out=letter.id)
    ids = [letter.id for letter in batch]
    taken = {"state": "leased", "lease_until": until, "attempts": LetterOut.attempts + 1}
    session.execute(update(LetterOut).where(LetterOut.id.in_(ids)).values(taken))


def _give_back(ledger: Ledger, untouched: Sequence[_Leased]) -> None:
    """Letters that were leased and never offered to the server are as they were."""
    if not untouched:
        return
    with ledger.begin() as session:
        for letter in untouched:
            before = "unknown" if letter.before == "leased" else letter.before
            given = {"state": before, "lease_until": None, "attempts": letter.attempts - 1}
            session.execute(update(LetterOut).where(LetterOut.id == letter.id).values(given))


def _overtaken(session: Session, letter: _Leased) -> bool:
    """Whether a reminder is about a request that needs none any more."""
    if letter.request_id is None:
        return False
    request = session.get_one(Request, letter.request_id, with_for_update=True)
    return request.first_received_at is not None or request.state not in WAITING


def _cancel(session: Session, letter: _Leased, now: datetime) -> None:
    session.execute(update(LetterOut).where(LetterOut.id == letter.id).values(state="cancelled", lease_until=None))
    record(session, "letter_cancelled", now, letter.round_id, letter.request_id, letter_out=letter.id)


# ---- endings ---------------------------------------------------------------------------------------------------


def _settle(book: Connection, letter: _Leased, outcome: Outcome, now: datetime) -> End:
    """Write down what became of a letter, and of the request it carried.

    The commit outlives this process; the next lease, or the end of the pass, forces it to disk.
    """
    end, next_at = _final(letter, outcome, now)
    row = {"letter": letter.id, "end": end, "code": outcome.code, "next": next_at}
    with book.begin():
        book.execute(_ENDED, row | {"sent": now if end == "sent" else None})
        _carry_to_request(book, letter, end)
        if end == "failed" and outcome.end == "failed":
            with Session(book) as session:
                note_undelivered(session, letter.recipient, outcome.code, now, now)
                session.flush()
        record(book, f"letter_{end}", now, letter.round_id, letter.request_id, letter_out=letter.id, code=outcome.code)
    if end == "failed":
        log.error("Thư số %d không gửi được (mã %s)", letter.id, outcome.code)
    return end


def _final(letter: _Leased, outcome: Outcome, now: datetime) -> tuple[End, datetime]:
    """Patience has an end: what was put off until its deadline, or is uncertain too often, has failed."""
    next_at = now + BACKOFF[min(letter.attempts, len(BACKOFF)) - 1]
    uncertain = MAX_UNCERTAIN.get(letter.kind, MAX_UNCERTAIN_OTHERS)
    if outcome.end == "retry" and next_at > letter.give_up_at:
        return "failed", now
    if outcome.end == "unknown" and letter.attempts >= uncertain:
        return "failed", now
    return outcome.end, next_at


def _carry_to_request(book: Connection, letter: _Leased, end: End) -> None:
    if letter.kind == "request" and letter.request_id is not None and end in ("sent", "failed"):
        book.execute(_ASKED, {"request": letter.request_id, "becomes": "sent" if end == "sent" else "bounced"})


class _Pace:
    """No more than so many letters a minute, and how long the pass has lasted."""

    def __init__(self, per_minute: int, already: int, pause: Callable[[float], None]) -> None:
        self._per_minute, self._pause = max(1, per_minute), pause
        self._begun = self._minute_begun = time.monotonic()
        self._count = already

    @property
    def left(self) -> int:
        """The minute's share that is not used up; at least 1 after `keep`."""
        return max(0, self._per_minute - self._count)

    def elapsed(self) -> timedelta:
        """How long the pass has lasted."""
        return timedelta(seconds=time.monotonic() - self._begun)

    def count(self) -> None:
        """A letter has left."""
        self._count += 1

    def keep(self) -> None:
        """Once the minute's share is used up, wait for the next minute."""
        if self.left:
            return
        self._pause(max(0.0, 60 - (time.monotonic() - self._minute_begun)))
        self._count, self._minute_begun = 0, time.monotonic()
