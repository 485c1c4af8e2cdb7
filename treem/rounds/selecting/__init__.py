"""Whom a round asks where it asks only some of its audience: the selection and its reasons.

Belongs here: recording the outcome of a rule. The rules are pure functions in `rotation`, `places` and `risk`: each
takes what `gathering` found in the ledger and gives every body of the audience its place, chosen or not, with reasons
in Vietnamese. What a person changes is in `changes`.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.ledger.events import record
from treem.ledger.tables import Request, Selected, Submission, Value
from treem.plan.agenda import RoundPlan
from treem.plan.dates import resolve
from treem.plan.settings import OpenRecommendations, Places, Rotation, SelectedBefore, UntilYes
from treem.rounds import recommendations
from treem.rounds.house import House
from treem.rounds.selecting import gathering
from treem.rounds.selecting.choice import Choice
from treem.rounds.selecting.places import allocate
from treem.rounds.selecting.rotation import rotate, spread
from treem.rounds.wording import form_of

__all__ = ["RULES", "Choice", "choices_of", "select_bodies", "visit_days"]


def select_bodies(house: House, plan: RoundPlan, now: datetime) -> None:
    """Make the round's selection, once: later changes are a person's."""
    with house.ledger.begin() as session:
        if session.scalar(select(Selected.id).where(Selected.round_key == plan.key).limit(1)):
            return
        choices = choices_of(house, session, plan, house.local(now).date())
        session.add_all(
            Selected(
                round_key=plan.key,
                body=choice.body,
                chosen=choice.chosen,
                rank=rank,
                places=choice.places,
                day=choice.day,
                reasons=list(choice.reasons),
                at=now,
            )
            for rank, choice in enumerate(choices, start=1)
        )
        record(session, "bodies_selected", now, round=plan.key, chosen=sum(c.chosen for c in choices))


def choices_of(house: House, session: Session, plan: RoundPlan, today: date) -> list[Choice]:
    """What the round's rule says today. Nothing is recorded. Raises KeyError for a round that asks everybody."""
    rule = plan.collection.selection
    return RULES[type(rule)](house, session, plan, rule, today)


def visit_days(house: House, plan: RoundPlan) -> list[date]:
    """The working days from the activity's own day to its last; none where it has no own day."""
    activity = plan.activity
    if activity.day is None:
        return []
    first = resolve(activity.day, house.almanac, plan.year).shown
    last = resolve(activity.until, house.almanac, plan.year, first).shown if activity.until else first
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [day for day in days if house.almanac.is_working(day)]


def _rotation(house: House, session: Session, plan: RoundPlan, rule: Rotation, today: date) -> list[Choice]:
    """Those whose turn it is and those at risk, each with a day for the visit."""
    known = gathering.candidates(house, session, plan, rule, today)
    choices = rotate(known, plan.year, rule.every_years, rule.at_most)
    days = spread([c.body for c in choices if c.chosen], visit_days(house, plan))
    return [Choice(c.body, c.chosen, c.reasons, c.places, days.get(c.body)) for c in choices]


def _places(house: House, session: Session, plan: RoundPlan, rule: Places, today: date) -> list[Choice]:  # noqa: ARG001
    """Those who get at least one place."""
    return allocate(gathering.nominations(house, session, plan, rule), rule.places)


def _until_yes(house: House, session: Session, plan: RoundPlan, rule: UntilYes, today: date) -> list[Choice]:  # noqa: ARG001
    """Those who have not answered "Có" to every figure of theirs in their newest accepted answer."""
    done = _said_yes(session, plan, rule.figures)
    found = []
    for body in plan.bodies:
        asked = [code for code in form_of(house.settings, plan, body).figures if code in rule.figures]
        missing = [code for code in asked if (body.code, code) not in done]
        reason = f"chưa có: {', '.join(missing)}" if missing else "đã thực hiện xong"
        found.append(Choice(body.code, bool(missing), (reason,)))
    return found


def _said_yes(session: Session, plan: RoundPlan, figures: tuple[str, ...]) -> set[tuple[str, str]]:
    """(body, figure) of every "Có" that stands in an accepted answer of the bodies of today, of whatever round."""
    rows = session.execute(
        select(Request.body, Request.due, Value.figure)
        .join(Submission, Submission.id == Value.submission_id)
        .join(Request, Request.id == Submission.request_id)
        .where(Submission.state == "accepted", Value.figure.in_(figures), Value.kind == "number", Value.number != 0)
    )
    return {(row.body, row.figure) for row in rows if gathering.is_own(plan, row.body, row.due)}


def _selected_before(
    house: House, session: Session, plan: RoundPlan, rule: SelectedBefore, today: date  # noqa: ARG001
) -> list[Choice]:  # fmt: skip
    """Those whom another collection of the same round selected, with its reasons, places and days."""
    source = f"{plan.occasion}/{rule.collection}"
    rows = session.scalars(select(Selected).where(Selected.round_key == source).order_by(Selected.rank)).all()
    known = {body.code for body in plan.bodies}
    found = [Choice(r.body, r.chosen, tuple(r.reasons), r.places, r.day) for r in rows if r.body in known]
    why = f"đợt {source} không xét đơn vị này" if rows else f"đợt {source} chưa chọn đơn vị nào"
    left = known - {choice.body for choice in found}  # a person may still add them
    return found + [Choice(b.code, False, (why,)) for b in plan.bodies if b.code in left]


def _open_recommendations(
    house: House, session: Session, plan: RoundPlan, rule: OpenRecommendations, today: date  # noqa: ARG001
) -> list[Choice]:  # fmt: skip
    """Those with recommendations that are not done, the most first."""
    there = recommendations.open_ones(house.settings, session, today)
    numbers = {code: len(ones) for code, ones in there.items()}
    found = []
    for body in sorted(plan.bodies, key=lambda b: -numbers.get(b.code, 0)):  # stable: the register's order
        number = numbers.get(body.code, 0)
        reason = f"còn {number} kiến nghị chưa thực hiện" if number else "không còn kiến nghị nào chưa thực hiện"
        found.append(Choice(body.code, number > 0, (reason,)))
    return found


RULES: Mapping[type, Callable[[House, Session, RoundPlan, Any, date], list[Choice]]] = {
    Rotation: _rotation,
    Places: _places,
    UntilYes: _until_yes,
    SelectedBefore: _selected_before,
    OpenRecommendations: _open_recommendations,
}
