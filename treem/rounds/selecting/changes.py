"""What a person changes in a selection: one body more or one less, with the reason, and what follows from it.

A change is kept beside the rule's reasons and recorded. Collections of the same round that ask "those selected there"
and have chosen already follow. Before a round is opened only the selection changes; afterwards a body that is added
joins at the next step, and one that is dropped is let off.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from treem.documents.dates import short_date
from treem.ledger import queries
from treem.ledger.events import record
from treem.ledger.tables import Event, LetterOut, Request, Round, Selected
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Places, SelectedBefore
from treem.rounds import asking, decisions
from treem.rounds.decisions import Decided, DecisionRefused
from treem.rounds.house import House
from treem.rounds.selecting import choices_of, visit_days


@dataclass(frozen=True)
class Shown:
    """One row of a selection, as people look at it."""

    body: str
    name: str
    chosen: bool
    rank: int
    reasons: tuple[str, ...]
    places: int | None
    day: date | None
    changed_by: str | None = None
    changed_why: str | None = None


def shown(house: House, round_key: str, now: datetime) -> tuple[bool, list[Shown]]:
    """Whether the selection has been made, and its rows; before that, what the rule would say today.

    Raises DecisionRefused for a round that asks everybody.
    """
    plan = _plan(house, round_key)
    names = {body.code: body.name for body in plan.bodies}
    with house.ledger.begin(relaxed=True) as session:
        made = _rows(session, plan.key)
        if made:
            return True, [
                Shown(r.body, names.get(r.body, r.body), r.chosen, r.rank, tuple(r.reasons), r.places, r.day,
                      r.changed_by, r.changed_why)
                for r in made
            ]  # fmt: skip
        choices = choices_of(house, session, plan, house.local(now).date())
    return False, [
        Shown(c.body, names.get(c.body, c.body), c.chosen, rank, c.reasons, c.places, c.day)
        for rank, c in enumerate(choices, start=1)
    ]


def followed(house: House, round_key: str) -> str | None:
    """The round whose selection this one copies, if it does. Raises DecisionRefused for a round that asks everybody."""
    return _followed(_plan(house, round_key))


def add(
    house: House, round_key: str, body: str, decided: Decided, places: int | None = None, day: date | None = None
) -> None:
    """Ask a body that the rule did not choose, or give a chosen one other places or another day. Raises
    DecisionRefused."""
    plan = _plan(house, round_key)
    with house.ledger.begin() as session:
        row = _row(session, plan, body)
        if row.chosen and places is None and day is None:
            raise DecisionRefused(f"Đơn vị {body} đã được chọn trong đợt {round_key}.")
        _refuse_late(house, session, plan, row, decided.now)
        given = _places(session, plan, row, places)
        wanted = _day(house, session, plan, row, day)
        for follower in _with_followers(house, session, plan):
            _ask_again(session, follower, body, decided)
            _change(session, follower, body, True, decided, given, wanted)
        asking.tell_rearranged(house, session, plan, body, decided.now)


def drop(house: House, round_key: str, body: str, decided: Decided) -> None:
    """Ask a body no more, though the rule chose it. Raises DecisionRefused."""
    plan = _plan(house, round_key)
    with house.ledger.begin() as session:
        row = _row(session, plan, body)
        if not row.chosen:
            raise DecisionRefused(f"Đơn vị {body} không được chọn trong đợt {round_key} nên không cần bỏ.")
        if _answered(session, plan.key, body):
            raise DecisionRefused(f"Đơn vị {body} đã nộp trong đợt {round_key}; không bỏ được nữa.")
        plans = [p for p in _with_followers(house, session, plan) if not _answered(session, p.key, body)]
        for follower in plans:
            _change(session, follower, body, False, decided, 0 if row.places is not None else None, None)
            request = _request(session, follower.key, body)
            if request is not None and request.state not in ("waived", "closed"):
                decisions.let_off(house, session, request, decided)


# ---- one row


def _ask_again(session: Session, plan: RoundPlan, body: str, decided: Decided) -> None:
    """Take back what a drop of the body did to its request; one that was waived by itself stays so."""
    row = session.scalar(select(Selected).where(Selected.round_key == plan.key, Selected.body == body))
    request = _request(session, plan.key, body)
    if row is None or request is None or not _let_off_by_drop(session, row, request):
        return
    asked = select(LetterOut.id).where(LetterOut.request_id == request.id, LetterOut.kind == "request")
    request.state = "sent" if session.scalar(asked.limit(1)) else "queued"
    record(session, "request_asked_again", decided.now, request.round_id, request.id, **decided.facts)


def _let_off_by_drop(session: Session, row: Selected, request: Request) -> bool:
    """Whether the request was last waived in the moment in which a person dropped the body."""
    if request.state != "waived" or row.chosen or row.changed_by is None:
        return False
    waived = select(func.max(Event.at)).where(Event.request_id == request.id, Event.kind == "request_waived")
    return session.scalar(waived) == row.at


def _change(
    session: Session, plan: RoundPlan, body: str, chosen: bool, decided: Decided, places: int | None, day: date | None
) -> None:
    row = session.scalar(select(Selected).where(Selected.round_key == plan.key, Selected.body == body))
    if row is None:
        return
    row.chosen, row.places, row.day = chosen, places, day
    row.changed_by, row.changed_why, row.at = decided.by, decided.why.strip(), decided.now
    entry = queries.find_round(session, plan.key)
    record(
        session, "selection_changed", decided.now, round_id=entry.id if entry else None, round=plan.key, body=body,
        chosen=chosen, places=places, day=day.isoformat() if day else None, **decided.facts,
    )  # fmt: skip


def _places(session: Session, plan: RoundPlan, row: Selected, places: int | None) -> int | None:
    rule = plan.collection.selection
    if not isinstance(rule, Places):
        if places is not None:
            raise DecisionRefused("Đợt này không phân chỗ; hãy bỏ --places.")
        return row.places
    wanted = places if places is not None else (row.places if row.chosen else None) or 1
    if wanted < 1:
        raise DecisionRefused("Số chỗ phải từ 1 trở lên; để không cho chỗ nào, hãy dùng --drop.")
    others = select(func.coalesce(func.sum(Selected.places), 0)).where(
        Selected.round_key == plan.key, Selected.chosen, Selected.id != row.id
    )
    left = rule.places - int(session.scalar(others) or 0)
    if wanted > left:
        raise DecisionRefused(f"Chỉ còn {max(left, 0)} trong {rule.places} chỗ. Hãy bỏ bớt đơn vị khác (--drop) trước.")
    return wanted


def _day(house: House, session: Session, plan: RoundPlan, row: Selected, day: date | None) -> date | None:
    """The day that was asked for, the one the body has, or the least busy of the days there are."""
    days = visit_days(house, plan)
    if day is not None:
        if day not in days:
            said = f" từ {short_date(days[0])} đến {short_date(days[-1])}" if days else ""
            raise DecisionRefused(f"Ngày {short_date(day)} không phải ngày làm việc trong thời gian kiểm tra{said}.")
        return day
    taken = Counter(r.day for r in _rows(session, plan.key) if r.chosen and r.day)
    if not taken or (row.chosen and row.day):
        return row.day
    return min(days, key=lambda d: (taken[d], d), default=None)


def _refuse_late(house: House, session: Session, plan: RoundPlan, row: Selected, now: datetime) -> None:
    opened = queries.find_round(session, plan.key) is not None
    if opened and not row.chosen and house.local(now).date() > plan.due:
        raise DecisionRefused(
            f"Đã quá hạn nộp của đợt {plan.key} ({short_date(plan.due)}); không thêm đơn vị được nữa."
        )
    request = _request(session, plan.key, row.body)
    if request is not None and request.state == "waived" and not _let_off_by_drop(session, row, request):
        raise DecisionRefused(f"Đơn vị {row.body} đã được miễn trong đợt {plan.key}; không thêm lại được.")


# ---- rounds


def _plan(house: House, round_key: str) -> RoundPlan:
    plan = house.plan(round_key)
    if plan.collection.selection is None:
        raise DecisionRefused(f"Đợt {round_key} hỏi tất cả đơn vị, không có lựa chọn.")
    return plan


def _followed(plan: RoundPlan) -> str | None:
    rule = plan.collection.selection
    return f"{plan.occasion}/{rule.collection}" if isinstance(rule, SelectedBefore) else None


def _with_followers(house: House, session: Session, plan: RoundPlan) -> Iterator[RoundPlan]:
    """The round itself, and those of the same occasion that copied its selection and have chosen already."""
    yield plan
    for collection in plan.activity.collections:
        rule = collection.selection
        if isinstance(rule, SelectedBefore) and rule.collection == plan.collection.key:
            follower = house.plan(f"{plan.occasion}/{collection.key}")
            if _rows(session, follower.key):
                yield from _with_followers(house, session, follower)


def _rows(session: Session, round_key: str) -> Sequence[Selected]:
    return session.scalars(select(Selected).where(Selected.round_key == round_key).order_by(Selected.rank)).all()


def _row(session: Session, plan: RoundPlan, body: str) -> Selected:
    rows = _rows(session, plan.key)
    if not rows:
        on, source = short_date(plan.date_of("choose")), _followed(plan)
        other = f" Danh sách lấy theo đợt {source}: trước ngày ấy hãy đổi ở đó." if source else ""
        raise DecisionRefused(f"Đợt {plan.key} chưa chọn đơn vị; máy chọn ngày {on}, sau đó mới thay đổi được.{other}")
    row = next((r for r in rows if r.body == body), None)
    if row is None:
        raise DecisionRefused(f"Đơn vị có mã “{body}” không thuộc diện được chọn của đợt {plan.key}.")
    return row


def _request(session: Session, round_key: str, body: str) -> Request | None:
    return session.scalar(select(Request).join(Round).where(Round.key == round_key, Request.body == body))


def _answered(session: Session, round_key: str, body: str) -> bool:
    request = _request(session, round_key, body)
    return request is not None and request.first_received_at is not None
