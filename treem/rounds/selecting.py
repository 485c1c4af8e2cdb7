"""Whom a round asks where it asks only some of its audience: the selection, its reasons, and a person's changes to it.

Belongs here: gathering what a rule looks at, and recording the outcome. The rules themselves are pure functions: each
takes what the ledger knows and gives every body of the audience its place, chosen or not, with reasons in Vietnamese.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.ledger.events import record
from treem.ledger.tables import Request, Selected, Submission, Value
from treem.plan.agenda import RoundPlan
from treem.plan.settings import SelectedBefore, UntilYes
from treem.rounds.house import House
from treem.rounds.wording import form_of


@dataclass(frozen=True)
class Choice:
    """One body's place in a selection, in the rule's order; the reasons are shown to people."""

    body: str
    chosen: bool
    reasons: tuple[str, ...]
    places: int | None = None


def select_bodies(house: House, plan: RoundPlan, now: datetime) -> None:
    """Make the round's selection, once: later changes are a person's."""
    with house.ledger.begin() as session:
        if session.scalar(select(Selected.id).where(Selected.round_key == plan.key).limit(1)):
            return
        rule = plan.collection.selection
        choices = RULES[type(rule)](house, session, plan, rule)
        session.add_all(
            Selected(
                round_key=plan.key,
                body=choice.body,
                chosen=choice.chosen,
                rank=rank,
                places=choice.places,
                reasons=list(choice.reasons),
                at=now,
            )
            for rank, choice in enumerate(choices, start=1)
        )
        record(session, "bodies_selected", now, round=plan.key, chosen=sum(c.chosen for c in choices))


def _until_yes(house: House, session: Session, plan: RoundPlan, rule: UntilYes) -> list[Choice]:
    """Those who have not answered "Có" to every figure of theirs in their newest accepted answer."""
    done = _said_yes(session, rule.figures)
    found = []
    for body in plan.bodies:
        asked = [code for code in form_of(house.settings, plan, body).figures if code in rule.figures]
        missing = [code for code in asked if (body.code, code) not in done]
        reason = f"chưa có: {', '.join(missing)}" if missing else "đã thực hiện xong"
        found.append(Choice(body.code, bool(missing), (reason,)))
    return found


def _said_yes(session: Session, figures: tuple[str, ...]) -> set[tuple[str, str]]:
    """(body, figure) of every "Có" that stands in an accepted answer, of whatever round."""
    rows = session.execute(
        select(Request.body, Value.figure)
        .join(Submission, Submission.id == Value.submission_id)
        .join(Request, Request.id == Submission.request_id)
        .where(Submission.state == "accepted", Value.figure.in_(figures), Value.kind == "number", Value.number != 0)
    )
    return {(row.body, row.figure) for row in rows}


def _selected_before(house: House, session: Session, plan: RoundPlan, rule: SelectedBefore) -> list[Choice]:  # noqa: ARG001
    """Those whom another collection of the same round selected, with its reasons and places."""
    rows = session.scalars(
        select(Selected).where(Selected.round_key == f"{plan.occasion}/{rule.collection}").order_by(Selected.rank)
    )
    known = {body.code for body in plan.bodies}
    return [Choice(r.body, r.chosen, tuple(r.reasons), r.places) for r in rows if r.body in known]


RULES: Mapping[type, Callable[[House, Session, RoundPlan, Any], list[Choice]]] = {
    UntilYes: _until_yes,
    SelectedBefore: _selected_before,
}
