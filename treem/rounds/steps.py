"""Carry out what the plan asks and the ledger lacks, one transaction a step, so that a stop between two loses nothing.

Belongs here: opening a round, asking, reminding, chasing, closing. The report's own steps are in `rounds.reporting`;
what is due is decided by `plan.agenda`.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from secrets import token_hex

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from treem.documents.letters import render_letter
from treem.forms.write import write_form
from treem.ledger import queries
from treem.ledger.events import record
from treem.ledger.tables import LetterOut, Request, Round
from treem.mailroom.compose import XLSX, Attachment
from treem.mailroom.contacts import dead_addresses
from treem.mailroom.outbox import write_letter
from treem.plan.agenda import RoundPlan, Step, due_steps
from treem.plan.settings import Body
from treem.rounds import reporting
from treem.rounds.house import House
from treem.rounds.wording import as_of_text, due_text, letter_context, period_text

AT_LEAST = timedelta(days=2)  # a letter written shortly before the closing is tried that long all the same
log = logging.getLogger(__name__)


def carry_out(
    house: House, round_key: str, now: datetime, pause: Callable[[Step], None] | None = None
) -> tuple[Step, ...]:
    """Do every step of the round that is due at `now`, and return them in the order done. Raises UnknownRound, and
    the errors of the step that fails.

    Steps create new steps (closing makes the draft due), so the agenda is asked again until it is silent or repeats
    itself (an approval that is waited for stays due). `pause` is called after each step's commit: tests stop there.
    """
    plan = house.plan(round_key)
    _look_for_overdue(house, plan, now)
    done: list[Step] = []
    while pending := [step for step in _due(house, plan, now) if step not in done]:
        for step in pending:
            _apply(house, plan, step, now)
            done.append(step)
            if pause:
                pause(step)
    return tuple(done)


def rounds_in_motion(house: House, now: datetime) -> tuple[str, ...]:
    """Keys of the rounds that have something due at `now`, or are open: last year's, this year's and next year's."""
    year = house.local(now).year
    keys = (f"{a.key}/{y}" for a in house.settings.plan.activities for y in (year - 1, year, year + 1))
    return tuple(key for key in keys if _in_motion(house, key, now))


def _in_motion(house: House, round_key: str, now: datetime) -> bool:
    plan = house.plan(round_key)
    today = house.local(now).date()
    if not plan.date_of("open") <= today:
        return False
    with house.ledger.begin() as session:
        facts, awaited = queries.round_facts(session, round_key), _awaited(session, round_key)
    if not facts.opened:  # a round whose time passed before the office began is not opened years late
        return today < plan.date_of("close")
    return facts.report_state != "sent" or bool(awaited)


def _due(house: House, plan: RoundPlan, now: datetime) -> tuple[Step, ...]:
    with house.ledger.begin() as session:
        facts = queries.round_facts(session, plan.key)
    return due_steps(plan, facts, house.local(now))


def _apply(house: House, plan: RoundPlan, step: Step, now: datetime) -> None:
    match step.action:
        case "open":
            _open(house, plan, now)
        case "ask" | "remind" | "chase":
            _write_to_body(house, plan, step, now)
        case "close":
            _close(house, plan, now)
        case "draft":
            reporting.draft_report(house, plan.key, now)
        case "ask_approval":
            reporting.await_approval(house, plan.key, now)
        case "send_on":
            reporting.send_on(house, plan.key, now)


def _open(house: House, plan: RoundPlan, now: datetime) -> None:
    """Create the round and one request a body, all or nothing."""
    with house.ledger.begin() as session:
        if queries.find_round(session, plan.key):
            return
        entry = Round(key=plan.key, activity=plan.activity.key, year=plan.year, opened_at=now)
        session.add(entry)
        session.flush()
        for body in plan.bodies:
            form = house.settings.form_for(plan.activity.key, body.group)
            session.add(
                Request(
                    round_id=entry.id,
                    body=body.code,
                    token=token_hex(10).upper(),
                    form=form.code,
                    form_version=form.version,
                    due=plan.due,
                    legal_due=plan.legal_due,
                )
            )
        record(session, "round_opened", now, round_id=entry.id, bodies=len(plan.bodies))
    log.info("Đã mở %s: %d đơn vị", plan.key, len(plan.bodies))


def _write_to_body(house: House, plan: RoundPlan, step: Step, now: datetime) -> None:
    """Put one letter to one body in the outbox. A body that filed meanwhile, or cannot be reached, gets none."""
    assert step.body is not None
    body = plan.body(step.body)
    kind = {"ask": "request", "remind": "reminder", "chase": "chase"}[step.action]
    stage = "request" if step.action == "ask" else step.milestone
    with house.ledger.begin() as session:
        request = _request(session, plan.key, body.code)
        earlier = _letters_of(session, request.id, stage)
        address = body.address_except(dead_addresses(session) | earlier.keys())
        if address is None or not _all_lost(earlier) or (kind != "request" and request.first_received_at):
            return
        if kind == "request" and request.state == "bounced":
            request.state = "queued"
        context = letter_context(house.settings, plan, body, request) | {"stage": stage}
        write_letter(
            session,
            house.settings.mail,
            kind=kind,
            idem_key=f"{stage}:{request.token}" + (f":{len(earlier) + 1}" if earlier else ""),
            recipient=(body.name, address),
            letter=render_letter(kind, context),
            attachments=[_form(house, session, plan, body, request)],
            token=request.token,
            round_id=request.round_id,
            request_id=request.id,
            in_reply_to=queries.message_id_of(session, f"request:{request.token}"),
            now=now,
            give_up_at=max(plan.instant_of(plan.milestone("close")), now + AT_LEAST),
        )
        record(session, f"{kind}_written", now, round_id=request.round_id, request_id=request.id, stage=stage)


def _letters_of(session: Session, request_id: int, stage: str) -> dict[str, str]:
    """Where letters of that stage have gone already, and their states; another one goes to another address."""
    written = LetterOut.idem_key.startswith(f"{stage}:", autoescape=True)
    query = select(LetterOut.recipient, LetterOut.state).where(LetterOut.request_id == request_id, written)
    return {row.recipient: row.state for row in session.execute(query)}


def _all_lost(letters: Mapping[str, str]) -> bool:
    return all(state in queries.UNDELIVERED for state in letters.values())


def _request(session: Session, round_key: str, body: str) -> Request:
    return session.scalars(select(Request).join(Round).where(Round.key == round_key, Request.body == body)).one()


def _form(house: House, session: Session, plan: RoundPlan, body: Body, request: Request) -> Attachment:
    settings = house.settings
    data = write_form(
        settings.form_for(plan.activity.key, body.group),
        settings,
        body=body,
        group=settings.group(body.group),
        title=plan.title,
        period_text=period_text(plan),
        as_of_text=as_of_text(plan),
        due_text=due_text(request.due, request.legal_due),
        token=request.token,
        previous=_previous(session, plan, body.code),
    )
    name = f"{settings.form_for(plan.activity.key, body.group).code}-{body.code}-{plan.key.replace('/', '-')}.xlsx"
    return Attachment(name, data, XLSX)


def _previous(session: Session, plan: RoundPlan, body: str) -> Mapping[tuple[str, str], Decimal]:
    """What the body reported for the same period last year; empty where it is not known."""
    rows = queries.accepted_values(session, f"{plan.activity.key}/{plan.year - 1}")
    return {(r.figure, r.column): r.number for r in rows if r.body == body and r.number is not None}


def _close(house: House, plan: RoundPlan, now: datetime) -> None:
    """Close the round: who has not filed is overdue. What comes later is still recorded."""
    with house.ledger.begin() as session:
        entry = queries.find_round(session, plan.key)
        if entry is None or entry.closed_at:
            return
        entry.closed_at = now
        unanswered = Request.first_received_at.is_(None)
        silent = session.scalar(select(func.count(Request.id)).where(Request.round_id == entry.id, unanswered))
        record(session, "round_closed", now, round_id=entry.id, silent=silent)
        _mark_overdue(house, session, plan, now)


def _look_for_overdue(house: House, plan: RoundPlan, now: datetime) -> None:
    """A body whose day was extended past the closing is overdue once that day is over."""
    with house.ledger.begin() as session:
        entry = queries.find_round(session, plan.key)
        if entry and entry.closed_at:
            _mark_overdue(house, session, plan, now)


def _mark_overdue(house: House, session: Session, plan: RoundPlan, now: datetime) -> None:
    today = house.local(now).date()
    for request in _awaited(session, plan.key):
        if request.legal_due < today:
            request.state = "overdue"
            record(session, "request_overdue", now, round_id=request.round_id, request_id=request.id)


def _awaited(session: Session, round_key: str) -> Sequence[Request]:
    """The requests that were not answered yet and are not said to be overdue."""
    waiting = (Request.first_received_at.is_(None), Request.state.in_(("queued", "sent")))
    return session.scalars(select(Request).join(Round).where(Round.key == round_key, *waiting)).all()
