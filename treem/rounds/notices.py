"""Letters that tell and ask for no form: to a body about its request, to the office about a report.

Belongs here: to whom such a letter goes, and to what in the ledger it belongs. What it says is in `templates/mail`; why
and when it is written is decided by the callers, in whose transaction it stands.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from treem.documents.letters import render_letter
from treem.ledger.tables import Report, Request
from treem.mailroom.compose import Attachment
from treem.mailroom.contacts import dead_addresses
from treem.mailroom.outbox import write_letter
from treem.rounds.house import House
from treem.rounds.wording import about, letter_context, report_title


def tell_body(
    house: House,
    session: Session,
    request: Request,
    name: str,
    key: str,
    now: datetime,
    more: dict[str, Any],
    *,
    files: Sequence[Attachment] = (),
    in_reply_to: str | None = None,
) -> None:
    """Write the letter `name` to who answers for the body, at the first address that is not given up.

    Raises LetterTooBig where the files are too big for one letter.
    """
    plan = house.plan(request.round.key)
    body = house.settings.body(request.body, plan.due)
    addressee = plan.answering(body)
    write_letter(
        session,
        house.settings.mail,
        kind="notice",
        idem_key=key,
        recipient=(addressee.name, addressee.address_except(dead_addresses(session)) or addressee.emails[0]),
        letter=render_letter(name, letter_context(house.settings, plan, body, request) | more),
        attachments=files,
        token=request.token,
        round_id=request.round_id,
        request_id=request.id,
        in_reply_to=in_reply_to,
        now=now,
    )


def tell_office(house: House, session: Session, round_key: str, report: Report, name: str, now: datetime) -> None:
    """Write the letter `name` to the office about a version of a report, once a version."""
    settings, plan = house.settings, house.plan(round_key)
    context = {
        "office": settings.office,
        "round_title": report_title(plan, report.kind),
        "about": about(plan),
        "version": report.version,
        "digest": report.digest[:12],
    }
    write_letter(
        session,
        settings.mail,
        kind="notice",
        idem_key=f"{name}:{round_key}:{report.version}",
        recipient=(settings.office.name, settings.mail.address),
        letter=render_letter(name, context),
        attachments=[],
        token=None,
        round_id=report.round_id,
        request_id=None,
        in_reply_to=None,
        now=now,
    )
