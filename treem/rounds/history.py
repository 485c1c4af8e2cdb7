"""What bodies said of one figure in every round of an activity, each as the body it was when it was asked.

Belongs here: reading the ledger for `district.series`. A request bears only a code, and codes are re-used: the day it
was to be answered by, as the body was told, says which body of the register is meant. Nothing here writes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.district.cells import SaidKind
from treem.district.series import Said, Series, series
from treem.ledger.tables import Request, Round, Submission, Value
from treem.plan.agenda import RoundPlan
from treem.plan.problems import choose
from treem.plan.settings import Body, Figure
from treem.rounds.gathered import sources_of
from treem.rounds.house import House


class HistoryRefused(Exception):
    """What was asked for cannot be shown; the words say why and what to do instead."""


@dataclass(frozen=True)
class Held:
    """A round that was held: its year, whether it is closed, whether its figures are estimates."""

    year: int
    round: str
    closed: bool
    estimate: bool


@dataclass(frozen=True)
class History:
    """A figure through the rounds of one collection, on one map."""

    series: Series
    column: str
    held: tuple[Held, ...]


def history(house: House, activity: str, figure: str, column: str, on: date) -> History:
    """The figure on the map of that day. `activity`: "bao-cao-nam", "tet-trung-thu/ket-qua". Raises HistoryRefused."""
    settings = house.settings
    key, collection = _named(house, activity)
    asked_for = _figure(house, figure, column)
    if not any(body.is_valid_on(on) for body in settings.register_.bodies):
        raise HistoryRefused(f"Ngày {on:%d/%m/%Y} danh bạ không có đơn vị nào. Hãy chọn ngày khác cho --map.")
    with house.ledger.begin(relaxed=True) as session:
        plans = [house.plan(name) for name in _rounds(session, key, collection)]
        said = [word for plan in plans for word in _said(house, session, plan, asked_for, column)]
        held = tuple(_held(session, plan) for plan in plans)
    return History(series(said, asked_for, settings, on), column, held)


def _named(house: House, name: str) -> tuple[str, str]:
    """The activity and the collection; which of several must be said."""
    activities = {a.key: a for a in house.settings.plan.activities}
    key, _, part = name.partition("/")
    if key not in activities:
        raise HistoryRefused(f"Kế hoạch không có hoạt động “{key}”. {choose(key, activities)}")
    collections = [c.key for c in activities[key].collections]
    if len(collections) == 1 and part in ("", collections[0]):
        return key, collections[0]
    if part not in collections:
        names = ", ".join(f"{key}/{c}" for c in collections)
        raise HistoryRefused(f"Hãy ghi rõ lần thu thập của hoạt động “{key}”: {names}.")
    return key, part


def _figure(house: House, code: str, column: str) -> Figure:
    figures = house.settings.figures()
    if code not in figures:
        raise HistoryRefused(f"Không có số liệu “{code}” trong indicators.yaml. {choose(code, figures)}")
    if column not in figures[code].columns:
        raise HistoryRefused(f"Số liệu {code} không có cột “{column}”. {choose(column, figures[code].columns)}")
    return figures[code]


def _rounds(session: Session, activity: str, collection: str) -> Sequence[str]:
    query = select(Round.key).where(Round.activity == activity).order_by(Round.year, Round.key)
    return session.scalars(query.join(Request).where(Request.collection == collection).distinct()).all()


def _held(session: Session, plan: RoundPlan) -> Held:
    closed = session.scalar(select(Round.closed_at).where(Round.key == plan.key))
    return Held(plan.year, plan.key, closed is not None, plan.is_estimate)


def _said(house: House, session: Session, plan: RoundPlan, figure: Figure, column: str) -> Iterator[Said]:
    """What was said in the round, and in those it takes figures from by bodies that were not asked for it here."""
    codes = (figure.numerator or "", figure.denominator or "") if figure.merge == "rate" else (figure.code,)
    own = list(_words(house, session, plan, plan.year, codes, column))
    told = {(word.body, word.figure) for word in own}
    yield from own
    for source in sources_of(house, plan):
        for word in _words(house, session, source, plan.year, codes, column):
            if (word.body, word.figure) not in told:
                yield word


def _words(
    house: House, session: Session, plan: RoundPlan, year: int, codes: Sequence[str], column: str
) -> Iterator[Said]:
    """One word for each figure that a body was asked for. One that was closed unanswered is asked no longer."""
    filed = _values(session, plan.key, codes, column)
    query = select(Request).join(Round).where(Round.key == plan.key, Request.state != "closed").order_by(Request.id)
    for request in session.scalars(query):
        day = request.told_due or request.due
        body = _body(house, request, day)
        for code in codes:
            if (request.id, code) in filed:
                kind, number = filed[request.id, code]
                yield Said(year, plan.key, day, body, code, kind, number)
            elif request.state != "accepted" and _asks(house, plan, body, code):
                yield Said(year, plan.key, day, body, code, "not_filed")


def _values(
    session: Session, round_key: str, codes: Sequence[str], column: str
) -> dict[tuple[int, str], tuple[SaidKind, Decimal | None]]:
    """What accepted forms say, by request and figure. Every cell of a form has its row, the blank ones as well: a
    figure without one was not in the form."""
    query = (
        select(Submission.request_id, Value.figure, Value.kind, Value.number)
        .join(Submission, Submission.id == Value.submission_id)
        .join(Request, Request.id == Submission.request_id)
        .join(Round, Round.id == Request.round_id)
        .where(Round.key == round_key, Submission.state == "accepted")
        .where(Value.figure.in_(codes), Value.column == column)
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in session.execute(query)}


def _body(house: House, request: Request, day: date) -> Body:
    try:
        return house.settings.body(request.body, day)
    except KeyError:
        raise HistoryRefused(
            f"Đợt {request.round.key} đã hỏi đơn vị mã “{request.body}” mà danh bạ không còn. Hãy ghi lại đơn vị đó "
            "vào bodies.yaml, kèm valid_to và successors: đơn vị cũ không được xóa."
        ) from None


def _asks(house: House, plan: RoundPlan, body: Body, code: str) -> bool:
    """Whether the group's form of today asks for the figure: the ledger does not keep what old forms asked."""
    forms = house.settings.forms_for(plan.activity.key, plan.collection.key)
    return any(form.group == body.group and code in form.figures for form in forms)
