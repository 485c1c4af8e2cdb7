"""Opens a round and writes to its bodies: the request, reminders, chases, and what a changed config means for those
already asked. When each is due is decided by `plan.agenda`; each function here is one transaction, and may be repeated.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from secrets import token_hex
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from treem.documents.letters import render_letter
from treem.documents.periods import as_of_text, event_text, period_label, period_text, weekday_date
from treem.forms.write import write_form
from treem.ledger import queries
from treem.ledger.events import record
from treem.ledger.tables import LetterOut, Request, Round, Selected
from treem.mailroom.compose import XLSX, Attachment
from treem.mailroom.contacts import dead_addresses
from treem.mailroom.outbox import write_letter
from treem.plan.agenda import RoundPlan, Step
from treem.plan.settings import Body
from treem.rounds import recommendations
from treem.rounds.filing import settle, submissions_of
from treem.rounds.house import House
from treem.rounds.wording import due_text, form_of, letter_context, previous_title

AT_LEAST = timedelta(days=2)  # a letter written shortly before the closing is tried that long all the same
log = logging.getLogger(__name__)


def open_round(house: House, plan: RoundPlan, now: datetime) -> None:
    """Create the round and one request a body that is asked, all or nothing."""
    with house.ledger.begin() as session:
        if queries.find_round(session, plan.key):
            return
        entry = Round(key=plan.key, activity=plan.activity.key, year=plan.year, opened_at=now)
        session.add(entry)
        session.flush()
        chosen = queries.selection_of(session, plan.key)
        asked = [body for body in plan.bodies if chosen is None or body.code in chosen]
        session.add_all(_new_request(house, plan, body, entry.id) for body in asked)
        record(session, "round_opened", now, round_id=entry.id, bodies=len(asked))
    log.info("Đã mở %s: %d đơn vị", plan.key, len(asked))


def join(house: House, plan: RoundPlan, step: Step, now: datetime) -> None:
    """Ask a body that came into the round after it was opened, or came back into it."""
    with house.ledger.begin() as session:
        entry = session.scalars(select(Round).where(Round.key == plan.key)).one()
        request = session.scalar(select(Request).where(Request.round_id == entry.id, Request.body == step.of_body))
        if request is None:
            request = _new_request(house, plan, plan.body(step.of_body), entry.id)
            session.add(request)
            session.flush()
        elif request.state == "closed":
            request.state = "sent" if _letters_of(session, request.id, "request") else "queued"
        else:
            return
        record(session, "request_joined", now, round_id=entry.id, request_id=request.id)


def leave(house: House, plan: RoundPlan, step: Step, now: datetime) -> None:
    """Ask a body no longer: it ended, or the round does not concern it any more. What it sends is still taken."""
    with house.ledger.begin() as session:
        request = _request(session, plan.key, step.of_body)
        if request.state not in ("closed", "waived") and request.first_received_at is None:
            request.state = "closed"
            record(session, "request_left", now, round_id=request.round_id, request_id=request.id)


def tell_moved(house: House, plan: RoundPlan, step: Step, now: datetime) -> None:
    """Note the round's new day, and tell a body that was asked by the old one.

    A body whose day was extended past the new one keeps it, and has nothing to be told.
    """
    with house.ledger.begin() as session:
        request = _request(session, plan.key, step.of_body)
        if request.told_due == plan.due:
            return
        if request.first_received_at is not None:
            _move_answered(house, session, plan, request, now)
            return
        extended = request.told_due is not None and request.due > max(request.told_due, plan.due)
        request.told_due = plan.due
        facts = {"due": plan.due.isoformat(), "kept": extended}
        record(session, "request_moved", now, round_id=request.round_id, request_id=request.id, **facts)
        if extended:
            return
        request.due, request.legal_due = plan.due, plan.legal_due
        if _letters_of(session, request.id, "request"):
            told = _count(session, request.id, "moved")  # a day may move away, back, and away again
            key = f"moved:{request.token}:{plan.due.isoformat()}" + (f":{told + 1}" if told else "")
            _write(house, session, plan, request, "notice", key, "moved", now, attach=False)


def _move_answered(house: House, session: Session, plan: RoundPlan, request: Request, now: datetime) -> None:
    """A body that has answered is told nothing; a later day may bring its answer in time."""
    request.told_due = plan.due
    if plan.due > request.due:
        request.due, request.legal_due = plan.due, plan.legal_due
        settle(house, session, request, submissions_of(session, request.id))
    record(session, "request_moved", now, round_id=request.round_id, request_id=request.id, due=plan.due.isoformat())


def tell_rearranged(house: House, session: Session, plan: RoundPlan, body: str, now: datetime) -> None:
    """Tell a body that was asked already of other places, or another visit day, in the caller's transaction."""
    request = session.scalar(select(Request).join(Round).where(Round.key == plan.key, Request.body == body))
    if request is not None and _letters_of(session, request.id, "request"):
        key = f"rearranged:{request.token}:{now.isoformat()}"
        _write(house, session, plan, request, "notice", key, "rearranged", now, attach=False)


def write_to_body(house: House, plan: RoundPlan, step: Step, now: datetime) -> None:
    """Put one letter to one body in the outbox. A body that filed meanwhile, or cannot be reached, gets none."""
    kind = {"ask": "request", "remind": "reminder", "chase": "chase"}[step.action]
    stage = "request" if step.action == "ask" else step.milestone
    with house.ledger.begin() as session:
        request = _request(session, plan.key, step.of_body)
        earlier = _letters_of(session, request.id, stage)
        if not _all_lost(earlier) or (kind != "request" and request.first_received_at):
            return
        written = _count(session, request.id, stage)
        key = f"{stage}:{request.token}" + (f":{written + 1}" if written else "")
        template = plan.collection.letter if kind == "request" else kind
        if not _write(house, session, plan, request, kind, key, template, now, tried=earlier):
            return
        if kind == "request" and request.state == "bounced":
            request.state = "queued"
        record(session, f"{kind}_written", now, round_id=request.round_id, request_id=request.id, stage=stage)


def _write(
    house: House,
    session: Session,
    plan: RoundPlan,
    request: Request,
    kind: str,
    key: str,
    template: str,
    now: datetime,
    tried: Mapping[str, str] = {},
    attach: bool = True,
) -> bool:
    """Write the letter to the first address that can be reached and was not tried; whether there was one."""
    body = plan.body(request.body)
    addressee = plan.answering(body)
    address = addressee.address_except(dead_addresses(session) | tried.keys())
    if address is None:
        return False
    own = _of_selection(session, plan, body) | {
        "event_text": event_text(plan) or event_text(_last_of_occasion(house, plan)),
        "recommendations": recommendations.listed(house, session, plan, body.code, house.local(now).date()),
    }
    write_letter(
        session,
        house.settings.mail,
        kind=kind,
        idem_key=key,
        recipient=(addressee.name, address),
        letter=render_letter(template, letter_context(house.settings, plan, body, request) | own),
        attachments=[_form(house, session, plan, body, request)] if attach else [],
        token=request.token,
        round_id=request.round_id,
        request_id=request.id,
        in_reply_to=queries.message_id_of(session, f"request:{request.token}"),
        now=now,
        give_up_at=max(plan.instant_of(plan.milestone("close")), now + AT_LEAST),
    )
    return True


def _of_selection(session: Session, plan: RoundPlan, body: Body) -> dict[str, Any]:
    """The places and the visit day that the selection gives a body."""
    if plan.collection.selection is None:
        return {}
    query = select(Selected).where(Selected.round_key == plan.key, Selected.body == body.code)
    chosen = session.scalar(query)
    if chosen is None:
        return {}
    return {"places": chosen.places, "visit_text": weekday_date(chosen.day) if chosen.day else ""}


def _last_of_occasion(house: House, plan: RoundPlan) -> RoundPlan:
    """The collection of the same round that knows the activity's own days."""
    several = len(plan.activity.collections) > 1
    return house.plan(f"{plan.occasion}/{plan.activity.collections[-1].key}") if several else plan


def _new_request(house: House, plan: RoundPlan, body: Body, round_id: int) -> Request:
    form = form_of(house.settings, plan, body)
    return Request(
        round_id=round_id,
        collection=plan.collection.key,
        body=body.code,
        token=token_hex(10).upper(),
        form=form.code,
        form_version=form.version,
        due=plan.due,
        legal_due=plan.legal_due,
        told_due=plan.due,
    )


def _letters_of(session: Session, request_id: int, stage: str) -> dict[str, str]:
    """Where letters of that stage that still count have gone, and their states; another goes to another address."""
    letters = queries.standing_letters(session, Request.id == request_id).get(request_id, [])
    return {letter.recipient: letter.state for letter in letters if letter.stage == stage}


def _count(session: Session, request_id: int, stage: str) -> int:
    written = LetterOut.idem_key.startswith(f"{stage}:", autoescape=True)
    query = select(func.count(LetterOut.id)).where(LetterOut.request_id == request_id, written)
    return session.scalar(query) or 0


def _all_lost(letters: Mapping[str, str]) -> bool:
    return all(state in queries.UNDELIVERED for state in letters.values())


def _request(session: Session, round_key: str, body: str) -> Request:
    return session.scalars(select(Request).join(Round).where(Round.key == round_key, Request.body == body)).one()


def _form(house: House, session: Session, plan: RoundPlan, body: Body, request: Request) -> Attachment:
    settings = house.settings
    form = form_of(settings, plan, body)
    data = write_form(
        form,
        settings,
        body=body,
        group=settings.group(body.group),
        title=plan.title,
        period_label=period_label(plan),
        period_text=period_text(plan),
        as_of_text=as_of_text(plan),
        due_text=due_text(plan, request),
        token=request.token,
        previous=_previous(house, session, plan, body.code),
        previous_title=previous_title(plan),
        estimate=plan.is_estimate,
    )
    return Attachment(f"{form.code}-{body.code}-{plan.key.replace('/', '-')}.xlsx", data, XLSX)


def _previous(house: House, session: Session, plan: RoundPlan, body: str) -> Mapping[tuple[str, str], Decimal]:
    """What the body reported before, empty where it is not known: where estimates are replaced the estimate, else the
    same collection of last year, by its final figures where there are any. A code that meant another body then says
    nothing of this one.
    """
    if plan.collection.reconciles:
        earlier = [p for p in house.plans_of(plan.year) if p.activity.key == plan.collection.reconciles]
    else:
        final = [p for p in house.plans_of(plan.year - 1) if p.collection.reconciles == plan.activity.key]
        earlier = [house.plan(plan.key_of(plan.year - 1)), *final]  # the later one counts
    own = [p for p in earlier if house.settings.body(body, p.due) is plan.body(body)]
    rows = [row for p in own for row in queries.accepted_values(session, p.key, body)]
    return {(r.figure, r.column): r.number for r in rows if r.number is not None}
