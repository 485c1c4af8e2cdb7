"""The ledger as values that must not depend on crashes or on order: no row numbers, no counts of tries, no clock times
of our own."""

from collections import Counter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.ledger.store import Ledger
from treem.ledger.tables import (
    Contact,
    Event,
    Finding,
    LetterIn,
    LetterOut,
    Narrative,
    Request,
    Submission,
    Value,
)

ONCE = (
    "letter_stored", "letter_done", "letter_held", "letter_sent", "letter_bounced", "submission_filed",
    "contact_bouncing", "contact_dead", "contact_ok",
)  # fmt: skip
"""Events that say something happened, as against events that say it was tried."""


def snapshot(ledger: Ledger) -> dict[str, Any]:
    """Everything that counts."""
    with ledger.begin() as session:
        return {
            "requests": _requests(session),
            "submissions": submissions(session),
            "letters in": _letters_in(session),
            "letters out": sorted(
                session.execute(
                    select(LetterOut.idem_key, LetterOut.kind, LetterOut.recipient, LetterOut.subject,
                           LetterOut.message_id, LetterOut.state)
                ).tuples()
            ),
            "contacts": sorted(
                session.execute(
                    select(Contact.address, Contact.state, Contact.bounces).where(Contact.state != "ok")
                ).tuples()
            ),
            "events": Counter(session.scalars(select(Event.kind).where(Event.kind.in_(ONCE)))),
        }  # fmt: skip


def submissions(session: Session, *, versions: bool = True) -> list[tuple[Any, ...]]:
    """What was filed and what of it counts. The version is the order of taking in: left out on request."""
    found = session.scalars(select(Submission)).all()
    rows = [
        (
            s.request.body, s.file_sha, s.version if versions else 0, s.state, s.valid, s.complete, s.on_time,
            s.received_at, _contents(session, s.id),
        )
        for s in found
    ]  # fmt: skip
    return sorted(rows)


def _contents(session: Session, submission_id: int) -> tuple[int, ...]:
    """Digests of the values, texts and findings."""
    tables: tuple[tuple[Any, ...], ...] = (
        (Value, Value.figure, Value.column, Value.kind, Value.number, Value.cell),
        (Narrative, Narrative.section, Narrative.text, Narrative.cell),
        (Finding, Finding.rule, Finding.cell, Finding.message),
    )
    return tuple(
        hash(tuple(sorted(map(str, session.execute(select(*columns).where(table.submission_id == submission_id))))))
        for table, *columns in tables
    )


def _requests(session: Session) -> list[tuple[Any, ...]]:
    return sorted(session.execute(select(Request.body, Request.state, Request.first_received_at)).tuples(), key=str)


def _letters_in(session: Session) -> list[tuple[Any, ...]]:
    letters = session.scalars(select(LetterIn)).all()
    shas = {x.id: x.raw_sha for x in letters}
    return sorted(
        (x.raw_sha, x.state, x.verdict, x.reason, x.received_at, shas.get(x.duplicate_of or 0)) for x in letters
    )
