"""What is known of the bodies' addresses: well, bouncing, or dead.

Belongs here: what a failure says about an address. Only failures of letters that we really sent to it get here; which
those are is decided in `match` (delivery reports) and in `smtp` (refusals in the dialogue).
"""

import re
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.ledger.events import record
from treem.ledger.queries import dead_addresses as dead_addresses
from treem.ledger.tables import Contact, LetterIn

NO_SUCH_MAILBOX = re.compile(r"5\.1\.[1236]\b|5\.1\.10\b|5\.2\.1\b|5\.4\.4\b")  # RFC 3463, and RFC 7505 for 5.1.10
NOT_THE_ADDRESS = re.compile(r"5\.3\.4|5\.2\.3|5\.7\.|5\.5\.|^(552|554|421)$")  # size, policy, protocol
ANSWERS = ("answer", "needs_correction", "same_file", "blank_form", "prose", "link", "unreadable")
"""Verdicts of letters whose sender was genuine."""
MANY = 3  # bounces in a row after which an address counts as dead


def note_undelivered(session: Session, address: str, code: str | None, when: datetime, now: datetime) -> None:
    """A letter did not reach the address, we learnt at `when`.

    A letter that was too big, or taken for spam, says nothing about the address; nor does a report that is older than
    the last letter that came from there.
    """
    if code and NOT_THE_ADDRESS.search(code) and not NO_SUCH_MAILBOX.search(code):
        return
    if _wrote_after(session, address, when):
        return
    contact = _contact(session, address, when)
    contact.bounces += 1
    contact.last_code = code
    gone = bool(code and NO_SUCH_MAILBOX.search(code))
    _become(session, contact, "dead" if gone or contact.bounces >= MANY else "bouncing", when, now)


def note_well(session: Session, address: str, when: datetime, now: datetime) -> None:
    """A genuine letter came from the address at `when`, or a person says that it works."""
    contact = locked(session, [address]).get(address.lower())
    if contact is not None:
        become_well(session, contact, when, now)


def locked(session: Session, addresses: Iterable[str]) -> dict[str, Contact]:
    """What is known of the addresses, locked."""
    wanted = Contact.address.in_({address.lower() for address in addresses})
    found = session.scalars(select(Contact).where(wanted).order_by(Contact.id).with_for_update())
    return {contact.address: contact for contact in found}


def become_well(session: Session, contact: Contact, when: datetime, now: datetime) -> None:
    """As `note_well`, of a contact that is locked."""
    if contact.state != "ok" and when > contact.since:
        contact.bounces, contact.last_code = 0, None
        _become(session, contact, "ok", when, now)


def known_bad(session: Session) -> dict[str, Contact]:
    """Every address that bounces or is dead."""
    return {c.address: c for c in session.scalars(select(Contact).where(Contact.state != "ok").order_by(Contact.id))}


def _wrote_after(session: Session, address: str, when: datetime) -> bool:
    genuine = (LetterIn.sender == address.lower(), LetterIn.verdict.in_(ANSWERS), LetterIn.received_at > when)
    return session.scalar(select(LetterIn.id).where(*genuine).limit(1)) is not None


def _contact(session: Session, address: str, when: datetime) -> Contact:
    contact = session.scalar(select(Contact).where(Contact.address == address.lower()).with_for_update())
    if contact is None:
        contact = Contact(address=address.lower(), state="ok", since=when, bounces=0)
        session.add(contact)
        session.flush()
    return contact


def _become(session: Session, contact: Contact, state: str, when: datetime, now: datetime) -> None:
    if contact.state != state:
        contact.state, contact.since = state, when
        record(session, f"contact_{state}", now, contact=contact.id, code=contact.last_code)
