"""Recommendations of inspections (kiến nghị): taken from the team's record, asked about until they are done.

Belongs here: what an accepted record or answer does to them, generically: a record is a collection of an inspection
whose form has the boxes kien-nghi-1, kien-nghi-2, …; an answer is one of a collection whose rule is
`open_recommendations`. What a person decides about them is in `recommending`. Their words are the bodies' own business:
they stand in the ledger and in the letter to the body, never in a log, a subject or an event.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from treem.documents.dates import short_date
from treem.ledger.events import record
from treem.ledger.rows import write_rows
from treem.ledger.tables import LetterOut, Narrative, Recommendation, Request, Selected, Submission, Value
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Activity, Body, OpenRecommendations, Settings
from treem.rounds.house import House

BOX = re.compile(r"kien-nghi-(\d+)")
REPLACED = "biên bản đang có hiệu lực không còn kiến nghị này"


def boxes(settings: Settings, activity: Activity, collection: str) -> dict[str, int]:
    """The boxes for recommendations in the record of an inspection, with their numbers; none in any other form."""
    if activity.kind != "inspection":
        return {}
    keys = [c.key for form in settings.forms_for(activity.key, collection) for c in form.closings]
    return {key: int(found[1]) for key in keys if (found := BOX.fullmatch(key))}


def follow(house: House, session: Session, request: Request, now: datetime) -> None:
    """Bring the recommendations in line with the submission of a request that counts now. May be repeated."""
    plan = house.plan(request.round.key)
    rule, numbers = plan.collection.selection, boxes(house.settings, plan.activity, plan.collection.key)
    if not numbers and not isinstance(rule, OpenRecommendations):
        return
    write_rows(session)  # what the submission says may still wait to be written
    if numbers:
        _take_over(house, session, request, numbers, now)
    if isinstance(rule, OpenRecommendations):
        _close_what_is_done(house, session, request, rule, now)


def open_ones(settings: Settings, session: Session, today: date) -> dict[str, list[Recommendation]]:
    """Those that are not done, by the body that has to do them today, in order of their due dates."""
    found: dict[str, list[Recommendation]] = {}
    query = select(Recommendation).where(Recommendation.state == "open")
    for one in session.scalars(query.order_by(Recommendation.due, Recommendation.id)):
        found.setdefault(_holder(settings, one.request, today).code, []).append(one)
    return found


def listed(house: House, session: Session, plan: RoundPlan, body: str, today: date) -> list[tuple[int, str, str]]:
    """What a letter asks a body about: number, text and due date of each open recommendation."""
    if not isinstance(plan.collection.selection, OpenRecommendations):
        return []
    own = open_ones(house.settings, session, today).get(body, [])
    return [(n, one.text, short_date(one.due)) for n, one in enumerate(own, start=1)]


def due_of(house: House, session: Session, request: Request) -> date:
    """The day a recommendation of that record is to be done by, when nobody says another."""
    plan = house.plan(request.round.key)
    chosen = select(Selected.day).where(Selected.round_key == plan.key, Selected.body == request.body)
    days = [c.selection.days for a in _beginning_with(plan.activity, house.settings) for c in a.collections
            if isinstance(c.selection, OpenRecommendations)]  # fmt: skip
    return (session.scalar(chosen) or request.due) + timedelta(days=days[0] if days else 60)


def _beginning_with(activity: Activity, settings: Settings) -> Iterable[Activity]:
    return (activity, *(a for a in settings.plan.activities if a is not activity))


def _holder(settings: Settings, request: Request, today: date) -> Body:
    """The body that has to do it: the one inspected, or its (first) successor once it has ended."""
    body = settings.body(request.body, request.due)
    while body.valid_to is not None and body.valid_to < today and body.successors:
        body = settings.body(body.successors[0], body.valid_to + timedelta(days=1))
    return body


# ---- records


def _take_over(house: House, session: Session, request: Request, numbers: Mapping[str, int], now: datetime) -> None:
    """The boxes of the accepted record become recommendations; what a person has closed, or an answer, stays closed."""
    written = _written(session, request, numbers)
    known = {one.number: one for one in _of_boxes(session, request)}
    changed = 0
    for number, (section, text) in written.items():
        one = known.get(number)
        if one is None:
            due = due_of(house, session, request)
            session.add(Recommendation(
                request_id=request.id, number=number, section=section, text=text, due=due, created_at=now
            ))  # fmt: skip
        elif one.state == "open" and one.text != text:
            one.text = text
        elif one.state == "withdrawn" and one.closed_by is None:  # a record that was replaced is back
            one.state, one.text, one.closed_at, one.closed_why = "open", text, None, None
        else:
            continue
        changed += 1
    for number, one in known.items():
        if number not in written and one.state == "open":
            one.state, one.closed_at, one.closed_why = "withdrawn", now, REPLACED
            changed += 1
    if changed:
        record(session, "recommendations_noted", now, request.round_id, request.id, there=len(written), changed=changed)


def _written(session: Session, request: Request, numbers: Mapping[str, int]) -> dict[int, tuple[str, str]]:
    """Box and text of each recommendation in the record that counts."""
    rows = session.execute(
        select(Narrative.section, Narrative.text)
        .join(Submission, Submission.id == Narrative.submission_id)
        .where(Submission.request_id == request.id, Submission.state == "accepted", Narrative.section.in_(numbers))
    )
    return {numbers[row.section]: (row.section, row.text.strip()) for row in rows if row.text.strip()}


def _of_boxes(session: Session, request: Request) -> Sequence[Recommendation]:
    query = select(Recommendation).where(Recommendation.request_id == request.id)
    return session.scalars(query.where(Recommendation.section.is_not(None))).all()


# ---- answers


def _close_what_is_done(
    house: House, session: Session, request: Request, rule: OpenRecommendations, now: datetime
) -> None:
    """A body that says all is done closes what it was asked about; one that says less keeps everything open.

    Its number is about what its last letter listed, though a person may have closed some of that since.
    """
    told, today = _told_until(session, request), house.local(now).date()
    own = open_ones(house.settings, session, today).get(request.body, [])
    asked = [*_closed_by(session, request), *(one for one in own if one.created_at <= told)]
    gone = _closed_since(house.settings, session, request, told, today)
    all_done = bool(asked) and _said_done(session, request, rule.done) >= len(asked) + len(gone)
    for one in asked:
        if all_done and one.state == "open":
            one.state, one.answer_id, one.closed_at = "done", request.id, now
        elif not all_done and one.state == "done":
            one.state, one.answer_id, one.closed_at = "open", None, None
        else:
            continue
        record(session, f"recommendation_{one.state}", now, request.round_id, request.id, recommendation=one.id)


def _closed_by(session: Session, request: Request) -> Sequence[Recommendation]:
    """Those that this request's answer closed."""
    return session.scalars(select(Recommendation).where(Recommendation.answer_id == request.id)).all()


def _closed_since(
    settings: Settings, session: Session, request: Request, told: datetime, today: date
) -> list[Recommendation]:
    """Those of the body that its last letter listed, and that were closed since by another than its answer."""
    query = select(Recommendation).where(
        Recommendation.state != "open", Recommendation.answer_id.is_(None),
        Recommendation.created_at <= told, Recommendation.closed_at > told,
    )  # fmt: skip
    return [one for one in session.scalars(query) if _holder(settings, one.request, today).code == request.body]


def _told_until(session: Session, request: Request) -> datetime:
    """When the body was last written to: what was recommended since it was not asked about."""
    asking = LetterOut.kind.in_(("request", "reminder", "chase"))
    last = session.scalar(select(func.max(LetterOut.created_at)).where(LetterOut.request_id == request.id, asking))
    return last or request.round.opened_at


def _said_done(session: Session, request: Request, figure: str) -> int:
    number = session.scalar(
        select(Value.number)
        .join(Submission, Submission.id == Value.submission_id)
        .where(Submission.request_id == request.id, Submission.state == "accepted")
        .where(Value.figure == figure, Value.column == "total", Value.kind == "number")
    )
    return int(number or 0)
