"""What a person decides about the recommendations of inspections, each with a reason. What records and answers do to
them is in `recommendations`.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from treem.documents.dates import short_date
from treem.ledger.events import record
from treem.ledger.tables import Recommendation, Request, Round
from treem.rounds.decisions import Decided, DecisionRefused
from treem.rounds.house import House
from treem.rounds.recommendations import boxes, due_of


@dataclass(frozen=True)
class Shown:
    """One recommendation, as people look at it."""

    id: int
    round: str
    body: str
    name: str
    number: int
    text: str
    due: date
    state: str
    overdue: bool
    closed_by: str | None
    closed_why: str | None


def shown(house: House, today: date, round_key: str | None = None, body: str | None = None) -> list[Shown]:
    """The recommendations of a round's records or of a body, or all; the open ones first, by due date."""
    if round_key is not None:
        house.plan(round_key)  # an unknown round has its own words
    query = (
        select(Recommendation, Request.body, Request.due, Round.key)
        .join(Request, Request.id == Recommendation.request_id)
        .join(Round, Round.id == Request.round_id)
        .order_by(Recommendation.due, Recommendation.id)
    )
    query = query.where(Round.key == round_key) if round_key else query
    query = query.where(Request.body == body) if body else query
    with house.ledger.begin(relaxed=True) as session:
        found = [
            Shown(
                one.id, key, code, house.settings.body(code, asked).name, one.number, one.text, one.due, one.state,
                one.state == "open" and one.due < today, one.closed_by, one.closed_why,
            )
            for one, code, asked, key in session.execute(query)
        ]  # fmt: skip
    return sorted(found, key=lambda x: x.state != "open")


def add(house: House, round_key: str, body: str, text: str, due: date | None, decided: Decided) -> int:
    """Add a recommendation to the record of a body; returns its number in the ledger. Raises DecisionRefused."""
    plan = house.plan(round_key)
    numbers = boxes(house.settings, plan.activity, plan.collection.key)
    if not numbers:
        raise DecisionRefused(f"Đợt {round_key} không phải biên bản kiểm tra nên không ghi kiến nghị.")
    if not text.strip():
        raise DecisionRefused("Hãy ghi nội dung kiến nghị.")
    with house.ledger.begin() as session:
        query = select(Request).join(Round).where(Round.key == round_key, Request.body == body)
        request = session.scalar(query.with_for_update(of=Request))
        if request is None:
            raise DecisionRefused(f"Đợt {round_key} chưa mở, hoặc không kiểm tra đơn vị có mã “{body}”.")
        if due is not None and due < house.local(decided.now).date():
            raise DecisionRefused(f"Hạn {short_date(due)} đã qua. Hãy ghi một ngày từ hôm nay.")
        highest = select(func.max(Recommendation.number)).where(Recommendation.request_id == request.id)
        one = Recommendation(
            request_id=request.id,
            number=max(session.scalar(highest) or 0, *numbers.values()) + 1,  # the boxes keep their own numbers
            text=text.strip(),
            due=due or due_of(house, session, request),
            added_by=decided.by,
            added_why=decided.why.strip(),
            created_at=decided.now,
        )
        session.add(one)
        session.flush()
        record(
            session, "recommendation_added", decided.now, request.round_id, request.id, recommendation=one.id,
            due=one.due.isoformat(), **decided.facts,
        )  # fmt: skip
        return one.id


def close(house: House, recommendation: int, decided: Decided, withdrawn: bool = False) -> None:
    """Close a recommendation: done, or withdrawn. Raises DecisionRefused."""
    with house.ledger.begin() as session:
        one = session.get(Recommendation, recommendation, with_for_update=True)
        if one is None:
            raise DecisionRefused(f"Không có kiến nghị số {recommendation}. Xem bằng: treem recommendations.")
        if one.state != "open":
            raise DecisionRefused(f"Kiến nghị số {recommendation} đã khép lại trước đó.")
        one.state = "withdrawn" if withdrawn else "done"
        one.closed_by, one.closed_why, one.closed_at = decided.by, decided.why.strip(), decided.now
        record(
            session, f"recommendation_{one.state}", decided.now, one.request.round_id, one.request_id,
            recommendation=one.id, **decided.facts,
        )  # fmt: skip
