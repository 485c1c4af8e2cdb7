"""Carry out what the plan asks and the ledger lacks, one transaction a step, so that a stop between two loses nothing.

Belongs here: the order of the steps, and closing. Opening a round and the letters to its bodies are in `rounds.asking`,
whom it asks in `rounds.selecting`, the report's own steps in `rounds.reporting`, `numbering` and `sending`; what is due
is decided by `plan.agenda`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from treem.ledger import queries
from treem.ledger.events import record
from treem.ledger.tables import Request, Round
from treem.plan.agenda import Action, RoundPlan, Step, due_steps, is_over
from treem.plan.almanac import LUNAR_YEARS
from treem.rounds import asking, numbering, reporting, selecting, sending, supplementing
from treem.rounds.house import House


def carry_out(
    house: House, round_key: str, now: datetime, pause: Callable[[Step], None] | None = None
) -> tuple[Step, ...]:
    """Do every step of the round that is due at `now`, and return them in the order done. Raises UnknownRound, and
    the errors of the step that fails.

    Steps create new steps (closing makes the draft due), so the agenda is asked again until it is silent or repeats
    itself (an approval or a number that is waited for stays due). `pause` is called after each step's commit: tests
    stop there.
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
    years = [y for y in (year - 1, year, year + 1) if y in LUNAR_YEARS]
    plans = [plan for y in years for plan in house.plans_of(y)]
    with house.ledger.begin() as session:
        opened = set(session.scalars(select(Round.key)))
        return tuple(p.key for p in plans if (_goes_on(session, p) if p.key in opened else _is_to_open(house, p, now)))


def _is_to_open(house: House, plan: RoundPlan, now: datetime) -> bool:
    """A round whose time passed before the office began is not opened years late."""
    return plan.begins <= house.local(now).date() < plan.date_of("close")


def _goes_on(session: Session, plan: RoundPlan) -> bool:
    return not is_over(queries.round_facts(session, plan.key)) or bool(_awaited(session, plan.key))


def _due(house: House, plan: RoundPlan, now: datetime) -> tuple[Step, ...]:
    with house.ledger.begin() as session:
        facts = queries.round_facts(session, plan.key)
    return due_steps(plan, facts, house.local(now))


def _apply(house: House, plan: RoundPlan, step: Step, now: datetime) -> None:
    if step.action in BODY_STEPS:
        BODY_STEPS[step.action](house, plan, step, now)
    else:
        ROUND_STEPS[step.action](house, plan, now)


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


def _draft(house: House, plan: RoundPlan, now: datetime) -> None:
    supplementing.draft_next(house, plan.key, now)


BODY_STEPS: Mapping[Action, Callable[[House, RoundPlan, Step, datetime], None]] = {
    "join": asking.join,
    "leave": asking.leave,
    "move": asking.tell_moved,
    "ask": asking.write_to_body,
    "remind": asking.write_to_body,
    "chase": asking.write_to_body,
}
ROUND_STEPS: Mapping[Action, Callable[[House, RoundPlan, datetime], None]] = {
    "choose": selecting.select_bodies,
    "open": asking.open_round,
    "close": _close,
    "draft": _draft,
    "ask_approval": lambda house, plan, now: reporting.await_approval(house, plan.key, now),
    "ask_number": lambda house, plan, now: numbering.await_number(house, plan.key, now),
    "send_on": lambda house, plan, now: sending.send_on(house, plan.key, now),
}
