"""Finds the request a letter answers, and says "hold" rather than guess.

Belongs here: the signals in the letter, weighed against the ledger and the register. A token finds a request but never
authorises: the sender must be registered for the request's body.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from treem.ledger import queries
from treem.ledger.tables import LetterOut, Request
from treem.mailroom.parse import Parsed
from treem.mailroom.robots import BOUNCE_TAG
from treem.plan.settings import Settings

IN_SUBJECT = re.compile(r"\[#([0-9A-Za-z]{4,40})\]")
BOUNCE_PREFIX = f"{BOUNCE_TAG}-"
GONE_OUT = ("sent", "unknown", "leased", "bounced")

MOST_TOKENS = 50  # of very many, which only a guesser writes, the first

NO_SENDER = "thư không có đúng một người gửi rõ ràng (From)"
STRANGER = "người gửi không có trong danh bạ của đơn vị được yêu cầu"
DISAGREE = "các dấu hiệu trong thư chỉ đến những phiếu yêu cầu khác nhau"
FOREIGN_FORM = "biểu mẫu mang mã phiếu không có trong sổ theo dõi"
UNREGISTERED = "người gửi không có trong danh bạ và thư không mang mã phiếu nào"
NOTHING_OPEN = "người gửi hiện không có phiếu yêu cầu nào đang chờ trả lời"
SEVERAL_OPEN = "người gửi có nhiều phiếu yêu cầu đang chờ, thư không cho biết trả lời phiếu nào"


@dataclass(frozen=True)
class Match:
    """The request, or why a person must decide. `signals` names what pointed where: signal → request ids."""

    request_id: int | None
    signals: Mapping[str, tuple[int, ...]]
    hold_reason: str | None
    request: Request | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Told:
    """What a report says of a letter of ours.

    Permanent: refused for good. Delayed: still being tried, nothing is lost. Neither: given up after a passing trouble;
    this letter is lost, the address may be well.
    """

    letter: LetterOut
    code: str | None  # RFC 3463: "5.1.1" nobody by that name, "5.2.2" mailbox full
    permanent: bool
    delayed: bool

    @property
    def lost(self) -> bool:
        """Whether the letter will never arrive."""
        return not self.delayed


@dataclass(frozen=True)
class Signposts:
    """What the ledger says of the tokens and threads of some letters, asked once for all of them."""

    requests: Mapping[str, Request]  # by token
    answered: Mapping[str, int]  # the request of a letter of ours, by Message-ID
    by_id: Mapping[int, Request]


def signposts(session: Session, settings: Settings, letters: Iterable[tuple[Parsed, Sequence[str]]]) -> Signposts:
    """The signposts of letters, each with the tokens in its forms."""
    tokens, ids = set[str](), set[str]()
    for parsed, form_tokens in letters:
        tokens |= _few(token for found in _tokens(settings, parsed, form_tokens).values() for token in found)
        ids |= {*parsed.in_reply_to, *parsed.references}
    answered = _answered(session, ids)
    pointed = or_(Request.token.in_(tokens), Request.id.in_(set(answered.values())))
    query = select(Request).where(pointed).options(joinedload(Request.round, innerjoin=True))
    found = list(session.scalars(query)) if tokens or answered else []
    return Signposts({r.token: r for r in found}, answered, {r.id: r for r in found})


def match(
    session: Session, settings: Settings, parsed: Parsed, form_tokens: Sequence[str], on: date,
    known: Signposts | None = None,
) -> Match:  # fmt: skip
    """The request the letter answers. Order of trust: plus address, thread, form, subject, then the sender alone."""
    known = known or signposts(session, settings, [(parsed, form_tokens)])
    signals = _signals(known, settings, parsed, form_tokens)
    named = {request_id for ids in signals.values() for request_id in ids}
    if parsed.from_address is None:
        return Match(None, signals, NO_SENDER)
    if len(named) > 1:
        return Match(None, signals, DISAGREE)
    if form_tokens and len(signals.get("form", ())) < len(set(map(str.upper, form_tokens))):
        return Match(None, signals, FOREIGN_FORM)
    if not named:
        return _by_sender(session, settings, parsed.from_address, on)
    (request_id,) = named
    request = known.by_id[request_id]
    if not may_answer(settings, parsed.from_address, request, on):
        return Match(None, signals, STRANGER)
    return Match(request_id, signals, None, request)


def may_answer(settings: Settings, sender: str, request: Request, on: date) -> bool:
    """Registered for the body on the day of the letter, or on the day it was asked to answer by."""
    code = settings.answering(request.round.activity, request.collection, request.body)
    bodies = (b for b in settings.register_.by_address.get(sender, ()) if b.code == code)
    return any(b.is_valid_on(on) or b.is_valid_on(request.due) for b in bodies)


def plus_tokens(addresses: Iterable[str], own_address: str) -> list[str]:
    """The tags of our own plus-addresses; a bounce's tag gives its token too."""
    return [tag.removeprefix(BOUNCE_PREFIX).upper() for tag in _tags(addresses, own_address)]


def told_of(session: Session, settings: Settings, parsed: Parsed) -> tuple[Told, ...]:
    """What a report says of letters of ours. It is believed only about what we really sent.

    A letter is named by its recipient and its Message-ID; where the report leaves the id out, by the token in the
    address the report came to, which only that letter's envelope bore.
    """
    tags = _tags(parsed.delivered_to, settings.mail.address)
    tokens = (tag.removeprefix(BOUNCE_PREFIX) for tag in tags if tag.startswith(BOUNCE_PREFIX))
    requests = tuple(_by_token(session, tokens).values())
    found: dict[int, Told] = {}
    for about in parsed.bounced:
        named = LetterOut.message_id == about.message_id if about.message_id else LetterOut.request_id.in_(requests)
        query = select(LetterOut).where(named, LetterOut.recipient == about.recipient, LetterOut.state.in_(GONE_OUT))
        if letter := session.scalar(query.order_by(LetterOut.id.desc()).limit(1)):
            found.setdefault(letter.id, Told(letter, about.code, about.permanent, about.delayed))
    return tuple(found.values())


def _tags(addresses: Iterable[str], own_address: str) -> list[str]:
    local, _, domain = own_address.lower().rpartition("@")
    prefix, suffix = f"{local}+", f"@{domain}"
    ours = (a for a in addresses if a.startswith(prefix) and a.endswith(suffix))
    return [tag for a in ours if (tag := a.removeprefix(prefix).removesuffix(suffix))]


def _tokens(settings: Settings, parsed: Parsed, form_tokens: Sequence[str]) -> dict[str, Sequence[str]]:
    return {
        "plus": plus_tokens(parsed.delivered_to, settings.mail.address),
        "form": form_tokens,
        "subject": IN_SUBJECT.findall(parsed.subject),
    }


def _few(tokens: Iterable[str]) -> set[str]:
    """Ours are in capitals; mail systems change the case of local parts."""
    return {token.upper() for token in islice(tokens, MOST_TOKENS)}


def _signals(
    known: Signposts, settings: Settings, parsed: Parsed, form_tokens: Sequence[str]
) -> dict[str, tuple[int, ...]]:
    tokens = _tokens(settings, parsed, form_tokens)
    looked_at = _few(token for found in tokens.values() for token in found) & known.requests.keys()
    found = {
        name: tuple(sorted({known.requests[t.upper()].id for t in given if t.upper() in looked_at}))
        for name, given in tokens.items()
    }
    found["thread"] = _by_thread(known, parsed.in_reply_to) or _by_thread(known, parsed.references)
    return {name: found[name] for name in ("plus", "thread", "form", "subject") if found[name]}


def _by_token(session: Session, tokens: Iterable[str]) -> dict[str, int]:
    """Request ids by token."""
    wanted = _few(tokens)
    if not wanted:
        return {}
    return dict(session.execute(select(Request.token, Request.id).where(Request.token.in_(wanted))).tuples().all())


def _by_thread(known: Signposts, ids: Sequence[str]) -> tuple[int, ...]:
    return tuple(sorted({known.answered[message_id] for message_id in ids if message_id in known.answered}))


def _answered(session: Session, ids: Collection[str]) -> dict[str, int]:
    """The requests that letters of ours were about, by Message-ID."""
    about = select(LetterOut.message_id, LetterOut.request_id).where(LetterOut.message_id.in_(ids))
    rows = session.execute(about.where(LetterOut.request_id.is_not(None))).tuples() if ids else ()
    return {message_id: request_id for message_id, request_id in rows if request_id is not None}


def _by_sender(session: Session, settings: Settings, sender: str, on: date) -> Match:
    """The one request of the sender's bodies that still counts. Whether it was answered before makes no difference, so
    that the result does not depend on the order in which letters are taken in."""
    bodies = {b.code for b in settings.register_.by_address.get(sender, ()) if b.is_valid_on(on)}
    if not bodies:
        return Match(None, {}, UNREGISTERED)
    waiting = queries.open_requests_of_sender(session, bodies)
    signals = {"sender": tuple(request.id for request in waiting)} if waiting else {}
    if len(waiting) != 1:
        return Match(None, signals, SEVERAL_OPEN if waiting else NOTHING_OPEN)
    return Match(waiting[0].id, signals, None, waiting[0])
