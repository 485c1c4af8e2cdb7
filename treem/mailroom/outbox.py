"""Writes a letter's final bytes into the ledger, in the transaction of whatever causes it. Sending is in `smtp`.

A letter is written once: its `idem_key` is unique, its Message-ID follows from the key, and only the stored bytes are
ever sent. How the bytes are made is in `compose`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from treem.ledger.rows import add_rows, write_rows
from treem.ledger.tables import LetterBytes, LetterOut
from treem.mailroom.compose import Attachment, Envelope, LetterLike, compose, plus_address, subject_line
from treem.mailroom.errors import LetterTooBig
from treem.plan.settings import Mail

PATIENCE = timedelta(days=5)


def write_letter(
    session: Session,
    mail: Mail,
    *,
    kind: str,
    idem_key: str,
    recipient: tuple[str, str],
    letter: LetterLike,
    attachments: Sequence[Attachment],
    token: str | None,
    round_id: int | None,
    request_id: int | None,
    in_reply_to: str | None,
    now: datetime,
    give_up_at: datetime | None = None,
    known: Mapping[str, LetterOut] | None = None,
) -> LetterOut:
    """Put a letter in the outbox; where one with this `idem_key` stands already, return that one unchanged.

    Until `give_up_at` (otherwise five days, RFC 5321, 4.5.4.1) a letter that the server only puts off is tried again.
    `known`: letters by key, where the caller has looked for this one already.
    Raises HeaderInjection, BadAddress, BadAttachment or LetterTooBig; all are permanent.
    """
    earlier = (letters_by_key(session, [idem_key]) if known is None else known).get(idem_key)
    if earlier is not None:
        return earlier
    message_id = message_id_for(mail, idem_key)
    envelope = Envelope(
        sender=(mail.display_name, mail.address),
        recipient=recipient,
        reply_to=plus_address(mail.address, token) if token else None,
        token=token,
        message_id=message_id,
        in_reply_to=in_reply_to,
    )
    raw = compose(envelope, letter, attachments, now, answers=kind == "ack")
    if len(raw) > mail.max_letter_bytes:
        raise LetterTooBig(len(raw), mail.max_letter_bytes)
    entry = LetterOut(
        kind=kind,
        idem_key=idem_key,
        round_id=round_id,
        request_id=request_id,
        envelope_from=plus_address(mail.address, f"bounce-{token}" if token else "bounce"),
        recipient=recipient[1].lower(),
        subject=subject_line(token, letter.subject),
        message_id=message_id,
        state="queued",
        attempts=0,
        next_at=now,
        give_up_at=give_up_at or now + PATIENCE,
        created_at=now,
    )
    session.add(entry)
    add_rows(session, LetterBytes, [{"raw": raw}], letter_out_id=entry)
    if session.autoflush:
        write_rows(session)
    set_committed_value(entry, "raw", raw)
    return entry


def letters_by_key(session: Session, idem_keys: Sequence[str]) -> dict[str, LetterOut]:
    """Those of the letters that have been written."""
    found = session.scalars(select(LetterOut).where(LetterOut.idem_key.in_(idem_keys)))
    return {letter.idem_key: letter for letter in found}


def message_id_for(mail: Mail, idem_key: str) -> str:
    """The Message-ID of the letter with that key. Keys of requests carry the token, so nobody else can compute it."""
    domain = mail.address.rpartition("@")[2]
    digest = blake2b(idem_key.encode(), digest_size=16, key=mail.address.encode()[:64], person=b"treem-letter")
    return f"<{digest.hexdigest()}@{domain}>"
