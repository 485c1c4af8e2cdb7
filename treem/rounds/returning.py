"""What a leader who returns a draft wants mended: codes of sections, figures and bodies; and asking a body again.

Belongs here: what the codes mean, and reopening a body's request in the caller's transaction. What the body filed still
counts until it files again. Who may decide to reopen is elsewhere (`reporting`, `redrafting`).
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.documents.sections import TITLES
from treem.ledger.events import record
from treem.ledger.tables import Report, Request
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Settings
from treem.rounds.house import House
from treem.rounds.notices import tell_body

UNKNOWN = "không rõ mã"


def codes_in(text: str) -> tuple[str, ...]:
    """The codes in "III.3, LD-11; 03424"; each once."""
    return tuple(dict.fromkeys(code.rstrip(".") for code in re.split(r"[,;\s]+", text) if code.rstrip(".")))


def named_words(settings: Settings, plan: RoundPlan, codes: Iterable[str]) -> list[str]:
    """Each code with what it stands for: "LD-11 (Số trẻ em …)". A code nobody knows is said to be unknown."""
    return [f"{code} ({_meaning(settings, plan, code)})" for code in codes]


def reopen_named(house: House, session: Session, report: Report, codes: Sequence[str], why: str, now: datetime) -> None:
    """Ask the bodies among the codes to look again at the rest of them."""
    query = select(Request).where(Request.round_id == report.round_id, Request.body.in_(list(codes)))
    requests = session.scalars(query.order_by(Request.id).with_for_update()).all()
    bodies = {request.body for request in requests}
    for request in requests:
        what = [code for code in codes if code not in bodies]
        reopen_request(house, session, request, what, why, f"reopen:{request.token}:{report.version}", now)


def reopen_request(
    house: House, session: Session, request: Request, codes: Sequence[str], why: str, key: str, now: datetime
) -> bool:
    """Ask a body that has been accepted to look at its answer again; False where there is nothing to look at."""
    if request.state != "accepted":
        return False
    settings, plan = house.settings, house.plan(request.round.key)
    request.state = "needs_correction"
    record(session, "request_reopened", now, request.round_id, request.id, named=list(codes))
    more = {"why": why, "items": named_words(settings, plan, codes)}
    tell_body(house, session, request, "reopened", key, now, more)
    return True


def _meaning(settings: Settings, plan: RoundPlan, code: str) -> str:
    figures = settings.figures()
    if code in figures:
        return figures[code].label
    known = {i.code: i.name for i in settings.book.indicators} | TITLES
    known |= {d.code: d.text for d in settings.plan.duties} | {b.code: b.name for b in plan.bodies}
    return known.get(code, UNKNOWN)
