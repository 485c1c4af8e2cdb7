"""Sends what stands in the outbox, always the stored bytes, one letter and one recipient at a time.

Belongs here: leases, the SMTP dialogue and its outcomes; this is the only module that imports yagmail. A letter is
leased in one transaction, sent outside any, and settled in another; a lease that ran out means that nobody knows
whether it was sent, so the same bytes go once more and the receiver can tell by the Message-ID.
"""

import logging
import re
import smtplib
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Literal

import yagmail
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from treem.ledger.events import record
from treem.ledger.store import Ledger
from treem.ledger.tables import LetterOut, Request
from treem.mailroom.connection import TROUBLE, named_trouble, refuse_plain, tls_context
from treem.plan.settings import Mail, Server

End = Literal["sent", "retry", "failed", "unknown"]
BACKOFF = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4))
LEASE = timedelta(minutes=15)
MAX_ATTEMPTS = 14  # with the backoff above: about two days
MAX_UNCERTAIN = {"ack": 2}  # an acknowledgement is repeated once at most; a request must not be lost
MAX_UNCERTAIN_OTHERS = 4
SERVICE_CLOSING = 421  # RFC 5321: the server wants no more from us now
ASKING_AGAIN = ("reminder", "chase")
WAITING = ("queued", "sent", "overdue", "bounced")  # states of a request that has not been answered
ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SendTally:
    """How many letters ended how. `cancelled`: reminders whose answer came first."""

    sent: int = 0
    retry: int = 0
    failed: int = 0
    unknown: int = 0
    cancelled: int = 0


@dataclass(frozen=True)
class _Leased:
    """A letter in our hands, free of any session."""

    id: int
    envelope_from: str
    recipient: str
    raw: bytes


@dataclass(frozen=True)
class _Outcome:
    """What the server said to a letter, and whether the connection can carry another."""

    end: End
    code: str
    stop: bool = False
    broken: bool = False


def send_due(ledger: Ledger, mail: Mail, now: datetime, pause: Callable[[float], None] = time.sleep) -> SendTally:
    """Send every letter that is due at `now`. Raises MailUnreachable when there is no working connection.

    When it raises, no letter is left leased. `pause` keeps to the limit of letters a minute.
    """
    tally: Counter[str] = Counter()
    pace = _Pace(mail.letters_per_minute, pause)
    with _Line(mail) as line:
        while _anything_due(ledger, now):  # nothing due: no connection
            line.ensure_open()
            letter, cancelled = _lease(ledger, now, pace.elapsed())
            tally["cancelled"] += cancelled
            if letter is None:
                break
            outcome = line.hand_over(letter)
            tally[_settle(ledger, letter.id, outcome, now)] += 1
            if outcome.stop:
                break
            pace.keep()
    return SendTally(**tally)


# ---- the ledger's side -----------------------------------------------------------------------------------------


def _is_due(now: datetime) -> ColumnElement[bool]:
    waiting = and_(LetterOut.state.in_(("queued", "retry", "unknown")), LetterOut.next_at <= now)
    return or_(waiting, and_(LetterOut.state == "leased", LetterOut.lease_until <= now))


def _anything_due(ledger: Ledger, now: datetime) -> bool:
    with ledger.begin() as session:
        return session.scalar(select(LetterOut.id).where(_is_due(now)).limit(1)) is not None


def _lease(ledger: Ledger, now: datetime, elapsed: timedelta) -> tuple[_Leased | None, int]:
    """Take the next due letter, cancelling reminders that the answer has overtaken; how many were cancelled."""
    cancelled = 0
    with ledger.begin() as session:
        while letter := _next_due(session, now):
            if _overtaken(session, letter):
                letter.state, letter.lease_until = "cancelled", None
                record(session, "letter_cancelled", now, letter.round_id, letter.request_id, letter_out=letter.id)
                session.flush()
                cancelled += 1
                continue
            if letter.state == "leased":
                record(session, "letter_unknown", now, letter.round_id, letter.request_id, letter_out=letter.id)
            letter.state, letter.lease_until = "leased", now + elapsed + LEASE
            letter.attempts += 1
            return _Leased(letter.id, letter.envelope_from, letter.recipient, letter.raw), cancelled
    return None, cancelled


def _next_due(session: Session, now: datetime) -> LetterOut | None:
    query = select(LetterOut).where(_is_due(now)).order_by(LetterOut.next_at, LetterOut.id).limit(1)
    return session.scalar(query.with_for_update(skip_locked=True))


def _overtaken(session: Session, letter: LetterOut) -> bool:
    """Whether a reminder is about a request that needs none any more."""
    if letter.kind not in ASKING_AGAIN or letter.request_id is None:
        return False
    request = session.get_one(Request, letter.request_id, with_for_update=True)
    return request.first_received_at is not None or request.state not in WAITING


def _settle(ledger: Ledger, letter_id: int, outcome: _Outcome, now: datetime) -> End:
    """Write down what became of a letter, and of the request it carried."""
    with ledger.begin() as session:
        letter = session.get_one(LetterOut, letter_id)
        end = _final(letter, outcome.end)
        letter.state, letter.last_code, letter.lease_until = end, outcome.code, None
        if end == "sent":
            letter.sent_at = now
        elif end in ("retry", "unknown"):
            letter.next_at = now + BACKOFF[min(letter.attempts, len(BACKOFF)) - 1]
        _carry_to_request(session, letter)
        record(
            session, f"letter_{end}", now, letter.round_id, letter.request_id, letter_out=letter.id, code=outcome.code
        )
    if end == "failed":
        log.error("Thư số %d không gửi được (mã %s)", letter_id, outcome.code)
    return end


def _final(letter: LetterOut, end: End) -> End:
    """Patience has an end: what was tried often enough has failed, and a person is told."""
    uncertain = MAX_UNCERTAIN.get(letter.kind, MAX_UNCERTAIN_OTHERS)
    if end == "retry" and letter.attempts >= MAX_ATTEMPTS or end == "unknown" and letter.attempts >= uncertain:
        return "failed"
    return end


def _carry_to_request(session: Session, letter: LetterOut) -> None:
    if letter.kind != "request" or letter.request_id is None:
        return
    request = session.get_one(Request, letter.request_id)
    if request.state == "queued" and letter.state in ("sent", "failed"):
        request.state = "sent" if letter.state == "sent" else "bounced"


# ---- the server's side -----------------------------------------------------------------------------------------


class _Line:
    """One connection through yagmail, used as smtplib: its send() repeats letters and takes texts for file names."""

    def __init__(self, mail: Mail) -> None:
        refuse_plain(mail.smtp, "gửi thư")
        self._server = mail.smtp
        self._redirect = mail.redirect_all_to
        self._client: yagmail.SMTP | None = None

    def __enter__(self) -> "_Line":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def ensure_open(self) -> None:
        """Connect and log in unless that is done. Raises MailUnreachable."""
        if self._client is not None:
            return
        client = _client(self._server)
        try:
            with named_trouble(self._server, "gửi thư"):
                client.login()
                client.smtp.ehlo_or_helo_if_needed()
        except BaseException:
            _hang_up(client)
            raise
        self._client = client

    def hand_over(self, letter: _Leased) -> _Outcome:
        """Hand over one letter. Every ending is an outcome; the connection is dropped when it is of no more use."""
        if self._client is None:
            raise RuntimeError("ensure_open first")
        outcome = deliver(self._client.smtp, letter, self._redirect or letter.recipient)
        if outcome.broken or outcome.stop:
            self._close()
        return outcome

    def _close(self) -> None:
        if self._client is not None:
            _hang_up(self._client)
            self._client = None


def _client(server: Server) -> yagmail.SMTP:
    """A yagmail client with every default that would surprise replaced. It does not connect yet."""
    direct_tls = server.security == "tls"
    more = {"context": tls_context()} if direct_tls else {}
    client = yagmail.SMTP(
        user=server.user,
        password=server.password,  # always given: None would ask the keyring, then the terminal
        host=server.host,
        port=server.port,
        smtp_ssl=direct_tls,
        smtp_starttls={"context": tls_context()} if server.security == "starttls" else False,
        smtp_skip_login=not server.user,
        soft_email_validation=False,
        timeout=server.timeout,
        **more,
    )
    client.user = server.user  # yagmail makes "treem" into "treem@gmail.com"
    client.is_closed = True  # nothing to close yet, whatever its destructor thinks
    logging.getLogger("yagmail.log").handlers.clear()  # it writes to stderr on its own
    return client


def _hang_up(client: yagmail.SMTP) -> None:
    """QUIT where anyone listens, and close the socket in any case."""
    client.is_closed = True
    if client.smtp is not None:
        with suppress(*TROUBLE):
            client.smtp.quit()
        client.smtp.close()


def deliver(smtp: smtplib.SMTP, letter: _Leased, recipient: str) -> _Outcome:
    """MAIL, RCPT, DATA. What is lost before DATA was not sent; what is lost in it may have been."""
    try:
        options = [f"size={len(letter.raw)}"] if smtp.has_extn("size") else []
        code, text = smtp.mail(letter.envelope_from, options)
        if 200 <= code < 300:
            code, text = smtp.rcpt(recipient)
        if not 200 <= code < 300:
            return _refused(smtp, code, text)
    except TROUBLE as error:
        return _Outcome("retry", type(error).__name__, broken=True)
    try:
        code, text = smtp.data(letter.raw)
    except smtplib.SMTPDataError as error:  # refused before any byte of the letter went
        return _refused(smtp, error.smtp_code, error.smtp_error)
    except TROUBLE as error:
        return _Outcome("unknown", type(error).__name__, broken=True)
    return _Outcome("sent", _code(code, text)) if 200 <= code < 300 else _refused(smtp, code, text)


def _refused(smtp: smtplib.SMTP, code: int, text: bytes | str) -> _Outcome:
    """A refusal: 5xx for ever, anything else for now. RSET makes the connection fit for the next letter."""
    end: End = "failed" if 500 <= code < 600 else "retry"
    stop = code == SERVICE_CLOSING
    broken = False
    if not stop:
        try:
            smtp.rset()
        except TROUBLE:
            broken = True
    return _Outcome(end, _code(code, text), stop=stop, broken=broken)


def _code(code: int, text: bytes | str) -> str:
    """The code and the enhanced code; never the server's prose, which may repeat addresses."""
    words = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    enhanced = ENHANCED.match(words.strip())
    return f"{code} {enhanced[0]}" if enhanced else str(code)


class _Pace:
    """No more than so many letters a minute, and how long the pass has lasted."""

    def __init__(self, per_minute: int, pause: Callable[[float], None]) -> None:
        self._per_minute, self._pause = max(1, per_minute), pause
        self._begun = self._minute_begun = time.monotonic()
        self._count = 0

    def elapsed(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self._begun)

    def keep(self) -> None:
        """Count a letter; once the minute's share is used up, wait for the next minute."""
        self._count += 1
        if self._count < self._per_minute:
            return
        self._pause(max(0.0, 60 - (time.monotonic() - self._minute_begun)))
        self._count, self._minute_begun = 0, time.monotonic()
