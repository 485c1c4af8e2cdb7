"""Sends what stands in the outbox, always the stored bytes, one letter and one recipient at a time.

Belongs here: leases and what an ending means for letter, request and account; the dialogue is in `line`. Letters are
leased in one transaction, sent outside any, and each is settled in another; a lease that ran out means that nobody
knows whether the letter was sent, so the same bytes go once more and the receiver can tell by the Message-ID. What
became of a letter is said by whoever holds its newest lease.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, select, update
from sqlalchemy.orm import Session

from treem.ledger.events import record
from treem.ledger.prepared import Prepared
from treem.ledger.store import Ledger
from treem.ledger.tables import LetterBytes, LetterOut, Request
from treem.mailroom import accounts
from treem.mailroom.contacts import note_undelivered
from treem.mailroom.errors import LoginRefused
from treem.mailroom.line import End, Line, Outcome, ServerBusy, deliver
from treem.plan.settings import Mail

BACKOFF = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4))
LEASE = timedelta(minutes=15)
ONE_LETTER = timedelta(minutes=5)  # what a slow server may take for one: five waits of a minute
BATCH = 50  # letters leased at once; each is settled on its own
MAX_UNCERTAIN = {"ack": 2}  # an acknowledgement is repeated once at most; a request must not be lost
MAX_UNCERTAIN_OTHERS = 4
LEASE_LOST = "lease_lost"  # in place of the server's code, which nobody heard
ASKING_AGAIN = ("reminder", "chase")
WAITING = ("queued", "sent", "overdue", "bounced")  # states of a request that has not been answered
_LETTER: Any = LetterOut.__table__
_REQUEST: Any = Request.__table__
_STILL_OURS = (
    update(_LETTER)
    .where(_LETTER.c.id == bindparam("letter"))
    .where(_LETTER.c.state == "leased", _LETTER.c.lease_until == bindparam("until"))
    .values(state=bindparam("becomes"), lease_until=None)
)
_ENDED = Prepared(
    _STILL_OURS.values(
        last_code=bindparam("code"), next_at=bindparam("next"), sent_at=bindparam("sent"), uncertain=bindparam("doubts")
    )
)
_GIVEN_BACK = _STILL_OURS.values(attempts=bindparam("tries"))
_ASKED = Prepared(
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

    until: datetime
    id: int
    kind: str
    round_id: int | None
    request_id: int | None
    envelope_from: str
    recipient: str
    raw: bytes
    attempts: int
    uncertain: int
    give_up_at: datetime
    before: str


def send_due(ledger: Ledger, mail: Mail, now: datetime, pause: Callable[[float], None] = time.sleep) -> SendTally:
    """Send every letter that is due at `now`. Raises MailUnreachable when there is no working connection.

    When it raises, no letter is left leased. `pause` keeps to the limit of letters a minute. While the server has asked
    to be left alone, nothing is tried. Where it is so slow that the lease would run out, the next pass goes on.
    """
    if accounts.paused_until(ledger, "smtp", mail.smtp, now):
        return SendTally(paused=1)
    with Line(mail) as line:
        try:
            return _send_all(ledger, mail, line, now, pause)
        except LoginRefused:
            accounts.pause(ledger, "smtp", mail.smtp, accounts.LOGIN, now + accounts.LOGIN_REFUSED, now)
            raise


def _send_all(ledger: Ledger, mail: Mail, line: Line, now: datetime, pause: Callable[[float], None]) -> SendTally:
    tally = _close_lost_leases(ledger, now)
    pace = _Pace(now, mail.letters_per_minute, _sent_this_minute(ledger, now), pause)
    with ledger.held() as book:
        try:
            _pass(ledger, book, mail, line, now, pace, tally)
        except ServerBusy as busy:
            accounts.pause(ledger, "smtp", mail.smtp, busy.code, now + accounts.SERVER_BUSY, now)
            tally["paused"] = 1
    if tally:
        with ledger.begin() as session:  # forced to disk, and with it every ending of this pass
            record(session, "sending_ended", now, **tally)
    return SendTally(**tally)


def _pass(
    ledger: Ledger, book: Connection, mail: Mail, line: Line, now: datetime, pace: "_Pace", tally: Counter[str]
) -> None:
    """Batch after batch until nothing is due, or the server is too slow. Raises ServerBusy when it wants no more."""
    slow = False
    while not slow and _anything_due(ledger, now):  # nothing due: no connection
        line.opened()
        pace.keep()
        batch, cancelled = _lease(ledger, pace.clock() + LEASE, now, min(BATCH, pace.left))
        tally["cancelled"] += cancelled
        slow = not _hand_over(book, mail, line, batch, now, pace, tally)


def _hand_over(
    book: Connection,
    mail: Mail,
    line: Line,
    batch: Sequence[_Leased],
    now: datetime,
    pace: "_Pace",
    tally: Counter[str],
) -> bool:
    """Letter after letter; what is not tried goes back. False when there is no time left. Raises ServerBusy."""
    for place, letter in enumerate(batch):
        if pace.clock() + ONE_LETTER > letter.until:
            _give_back(book, batch[place:])
            return False
        smtp = line.opened()
        outcome = deliver(smtp, letter.envelope_from, mail.redirect_all_to or letter.recipient, letter.raw)
        tally[_settle(book, letter, outcome, now)] += 1
        pace.count()
        if outcome.broken or outcome.stop:
            line.close()
            _give_back(book, batch[place + 1 :])
            if outcome.stop:
                raise ServerBusy(outcome.code)
            break
    return True


# ---- leases ----------------------------------------------------------------------------------------------------


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(LetterOut.state.in_(("queued", "retry", "unknown")), LetterOut.next_at <= now)


def _anything_due(ledger: Ledger, now: datetime) -> bool:
    with ledger.begin(relaxed=True) as session:
        return session.scalar(select(LetterOut.id).join(LetterBytes).where(_is_due(now)).limit(1)) is not None


def _sent_this_minute(ledger: Ledger, now: datetime) -> int:
    """Letters of an earlier run count towards the minute's share too."""
    recent = select(LetterOut.id).where(LetterOut.sent_at > now - timedelta(minutes=1), LetterOut.sent_at < now)
    with ledger.begin(relaxed=True) as session:
        return len(session.scalars(recent.limit(100_000)).all())


def _close_lost_leases(ledger: Ledger, now: datetime) -> Counter[str]:
    """Of a lease that ran out, nobody knows whether its first letter was sent; the others were never tried.

    For the letters of a lease are tried in order, and a settled one is leased no more.
    """
    tally: Counter[str] = Counter()
    lost = select(LetterOut).where(LetterOut.state == "leased", LetterOut.lease_until <= now)
    in_order = lost.order_by(LetterOut.lease_until, LetterOut.next_at, LetterOut.id)
    with ledger.begin() as session:
        leases = groupby(session.scalars(in_order.with_for_update()).all(), key=lambda letter: letter.lease_until)
        for in_flight, *untried in (tuple(letters) for _, letters in leases):
            tally["failed"] += _doubt(session, in_flight, now)
            for letter in untried:
                letter.state, letter.lease_until = "unknown" if letter.uncertain else "queued", None
                letter.attempts -= 1
    return tally


def _doubt(session: Session, letter: LetterOut, now: datetime) -> bool:
    """Nobody knows whether the letter was sent; whether it has failed by that."""
    letter.uncertain += 1
    failed = _too_uncertain(letter.kind, letter.uncertain)
    end: End = "failed" if failed else "unknown"
    letter.state, letter.lease_until, letter.last_code = end, None, LEASE_LOST
    _carry_to_request(session.connection(), letter, end)
    _note_end(session, letter, end, LEASE_LOST, now)
    return failed


def _lease(ledger: Ledger, until: datetime, now: datetime, most: int) -> tuple[list[_Leased], int]:
    """Take the next due letters; how many reminders were cancelled because the answer has overtaken them.

    A reminder is taken alone, so that its request is looked at just before it leaves.
    """
    cancelled = 0
    with ledger.begin() as session:
        while found := _next_due(session, until, now, most):
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
                _mark_leased(session, batch)
                return batch, cancelled
    return [], cancelled


def _next_due(session: Session, until: datetime, now: datetime, most: int) -> list[_Leased]:
    columns = (
        LetterOut.id, LetterOut.kind, LetterOut.round_id, LetterOut.request_id, LetterOut.envelope_from,
        LetterOut.recipient, LetterBytes.raw, LetterOut.attempts + 1, LetterOut.uncertain, LetterOut.give_up_at,
        LetterOut.state,
    )  # fmt: skip
    query = select(*columns).join(LetterBytes).where(_is_due(now)).order_by(LetterOut.next_at, LetterOut.id).limit(most)
    return [_Leased(until, *row) for row in session.execute(query.with_for_update(skip_locked=True, of=LetterOut))]


def _mark_leased(session: Session, batch: Sequence[_Leased]) -> None:
    ids = [letter.id for letter in batch]
    taken = {"state": "leased", "lease_until": batch[0].until, "attempts": LetterOut.attempts + 1}
    session.execute(update(LetterOut).where(LetterOut.id.in_(ids)).values(taken))


def _give_back(book: Connection, untouched: Sequence[_Leased]) -> None:
    """Letters that were leased and never offered to the server are as they were."""
    rows = [
        {"letter": letter.id, "until": letter.until, "becomes": letter.before, "tries": letter.attempts - 1}
        for letter in untouched
    ]
    if rows:
        with book.begin():
            book.execute(_GIVEN_BACK, rows)


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
    """Write down what became of a letter, and of the request it carried; unknown when another pass has taken it.

    The commit outlives this process; the next lease, or the end of the pass, forces it to disk.
    """
    end, next_at = _final(letter, outcome, now)
    row = {
        "letter": letter.id, "until": letter.until, "becomes": end, "code": outcome.code, "next": next_at,
        "sent": now if end == "sent" else None, "doubts": letter.uncertain + (outcome.end == "unknown"),
    }  # fmt: skip
    with book.begin():
        if not _ENDED.run(book, [row]).rowcount:
            _note_end(book, letter, "lease_lost", outcome.code, now)
            return "unknown"
        _carry_to_request(book, letter, end)
        if end == "failed" and outcome.end == "failed":
            with Session(book) as session:
                note_undelivered(session, letter.recipient, outcome.code, now, now)
                session.flush()
        _note_end(book, letter, end, outcome.code, now)
    return end


def _note_end(into: Session | Connection, letter: _Leased | LetterOut, end: str, code: str, now: datetime) -> None:
    record(into, f"letter_{end}", now, letter.round_id, letter.request_id, letter_out=letter.id, code=code)
    if end == "failed":
        log.error("Thư số %d không gửi được (mã %s)", letter.id, code)


def _final(letter: _Leased, outcome: Outcome, now: datetime) -> tuple[End, datetime]:
    """Patience has an end: what was put off until its deadline, or is uncertain too often, has failed."""
    next_at = now + BACKOFF[min(letter.attempts, len(BACKOFF)) - 1]
    if outcome.end == "retry" and next_at > letter.give_up_at:
        return "failed", now
    if outcome.end == "unknown" and _too_uncertain(letter.kind, letter.uncertain + 1):
        return "failed", now
    return outcome.end, next_at


def _too_uncertain(kind: str, times: int) -> bool:
    """Whether a letter may have been sent so often that it is not sent again."""
    return times >= MAX_UNCERTAIN.get(kind, MAX_UNCERTAIN_OTHERS)


def _carry_to_request(book: Connection, letter: _Leased | LetterOut, end: End) -> None:
    if letter.kind == "request" and letter.request_id is not None and end in ("sent", "failed"):
        _ASKED.run(book, [{"request": letter.request_id, "becomes": "sent" if end == "sent" else "bounced"}])


class _Pace:
    """No more than so many letters a minute, and what time it is in a pass that began at `now`."""

    def __init__(self, now: datetime, per_minute: int, already: int, pause: Callable[[float], None]) -> None:
        self._now, self._per_minute, self._pause = now, max(1, per_minute), pause
        self._begun = self._minute_begun = time.monotonic()
        self._count = already

    @property
    def left(self) -> int:
        """The minute's share that is not used up; at least 1 after `keep`."""
        return max(0, self._per_minute - self._count)

    def clock(self) -> datetime:
        """The time at which the pass began, and how long it has lasted."""
        return self._now + timedelta(seconds=time.monotonic() - self._begun)

    def count(self) -> None:
        """A letter has left."""
        self._count += 1

    def keep(self) -> None:
        """Once the minute's share is used up, wait for the next minute."""
        if self.left:
            return
        self._pause(max(0.0, 60 - (time.monotonic() - self._minute_begun)))
        self._count, self._minute_begun = 0, time.monotonic()
