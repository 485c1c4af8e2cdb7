"""What the rules look at, from the ledger: earlier visits, returns, incidents, nominations. Nothing here decides.

Codes of bodies are used again for others, so what happened before a body began is not its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from treem.ledger.tables import Request, Round, Selected, Submission, Value
from treem.plan.agenda import ROUND_KEY, RoundPlan
from treem.plan.settings import Activity, Body, Places, Rotation, SelectedBefore, Settings
from treem.rounds import recommendations
from treem.rounds.filing import is_on_time
from treem.rounds.house import House
from treem.rounds.selecting.places import Nomination
from treem.rounds.selecting.risk import Incidents, Record, weigh
from treem.rounds.selecting.rotation import Candidate

# ---- rotation


def candidates(house: House, session: Session, plan: RoundPlan, rule: Rotation, today: date) -> list[Candidate]:
    """The audience with what is known of each."""
    earlier = dict(_earlier_selections(session, plan))
    recorded = _recorded_visits(house, session, plan)
    records = _records(house, session, plan, rule, today)
    found = []
    for body in plan.bodies:
        own = {year: chosen[body.code] for year, chosen in earlier.items() if _is_of(house, plan, body, year, chosen)}
        visited = {y for y in recorded.get(body.code, ()) if _began_before(house, plan, body, y)}
        planned = {year for year, chosen in own.items() if chosen} - visited
        awaited = {year for year in planned if _record_may_come(house, plan, year, today)}
        last = max(visited | awaited, default=None)
        missed = max(planned - awaited, default=None)
        found.append(
            Candidate(
                body.code,
                listed=min([*own, *visited, plan.year]),
                visited=last,
                missed=missed if missed and missed > (last or 0) else None,
                risk=weigh(records[body.code], rule.points),
            )
        )
    return found


def visits_of(settings: Settings, plan: RoundPlan) -> str | None:
    """The collection in which the visits of this selection are recorded, or None when there is none."""
    for collection in plan.activity.collections:
        rule = collection.selection
        of_it = isinstance(rule, SelectedBefore) and rule.collection == plan.collection.key
        if (of_it or collection is plan.collection) and recommendations.boxes(settings, plan.activity, collection.key):
            return collection.key
    return None


def plan_of(house: House, activity: Activity, collection: str, year: int) -> RoundPlan:
    """The round of a collection in a year."""
    occasion = f"{activity.key}/{year}"
    return house.plan(occasion if len(activity.collections) == 1 else f"{occasion}/{collection}")


def _earlier_selections(session: Session, plan: RoundPlan) -> Iterator[tuple[int, dict[str, bool]]]:
    """Year by year: whether a body of the audience was chosen."""
    rows = session.execute(
        select(Selected.round_key, Selected.body, Selected.chosen).where(
            Selected.round_key.startswith(f"{plan.activity.key}/", autoescape=True)
        )
    ).all()
    for year in sorted({_year(row.round_key) for row in rows}):
        chosen = {row.body: row.chosen for row in rows if row.round_key == plan.key_of(year)}
        if year < plan.year and chosen:
            yield year, chosen


def _recorded_visits(house: House, session: Session, plan: RoundPlan) -> dict[str, set[int]]:
    """The years before this one in which the record of a visit to a body was accepted."""
    part, found = visits_of(house.settings, plan), dict[str, set[int]]()
    rows = session.execute(
        select(Round.year, Request.body)
        .join(Request, Request.round_id == Round.id)
        .join(Submission, Submission.request_id == Request.id)
        .where(Round.activity == plan.activity.key, Round.year < plan.year, Request.collection == part)
        .where(Submission.state == "accepted")
    )
    for row in rows:
        found.setdefault(row.body, set()).add(row.year)
    return found


def _record_may_come(house: House, plan: RoundPlan, year: int, today: date) -> bool:
    """Whether a planned visit still counts: it has no record of its own, or the record is not overdue."""
    part = visits_of(house.settings, plan)
    if part is None:
        return True
    return today <= plan_of(house, plan.activity, part, year).date_of("close")


def _is_of(house: House, plan: RoundPlan, body: Body, year: int, chosen: Mapping[str, bool]) -> bool:
    return body.code in chosen and _began_before(house, plan, body, year)


def _began_before(house: House, plan: RoundPlan, body: Body, year: int) -> bool:
    return body.valid_from <= house.plan(plan.key_of(year)).due


def _year(round_key: str) -> int:
    parts = ROUND_KEY.fullmatch(round_key)
    return int(parts[2]) if parts else 0


# ---- risk


def _records(house: House, session: Session, plan: RoundPlan, rule: Rotation, today: date) -> dict[str, Record]:
    missing, late = _returns(house, session, plan, rule.reports)
    open_ones = recommendations.open_ones(house.settings, session, today)
    incidents = _incidents(house, session, plan, rule.incidents)
    return {
        body.code: Record(
            tuple(missing.get(body.code, ())),
            tuple(late.get(body.code, ())),
            len(open_ones.get(body.code, ())),
            tuple(incidents.get(body.code, ())),
        )
        for body in plan.bodies
    }


def _returns(
    house: House, session: Session, plan: RoundPlan, activities: Iterable[str]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The titles of the closed rounds of last year and this year for which a body sent nothing, or was late."""
    missing: dict[str, list[str]] = {}
    late: dict[str, list[str]] = {}
    for source in _last_rounds(house, plan, activities):
        query = select(Request).join(Round).where(Round.key == source.key, Round.closed_at.is_not(None))
        for request in session.scalars(query.order_by(Request.id)):
            if not is_own(plan, request.body, request.due):
                continue
            if request.first_received_at is not None:
                if not is_on_time(house, request):
                    late.setdefault(request.body, []).append(source.title)
            elif request.state not in ("waived", "closed", "bounced"):  # a letter that never arrived is no fault
                missing.setdefault(request.body, []).append(source.title)
    return missing, late


def _last_rounds(house: House, plan: RoundPlan, names: Iterable[str]) -> list[RoundPlan]:
    """The rounds of last year and this year of activities, or of collections ("activity/collection")."""
    wanted, settings = set(names), house.settings
    named = [a for a in settings.plan.activities if wanted & {a.key, *(f"{a.key}/{c.key}" for c in a.collections)}]
    plans = [
        plan_of(house, a, c.key, year) for year in (plan.year - 1, plan.year) for a in named for c in a.collections
    ]
    return [p for p in plans if {p.activity.key, f"{p.activity.key}/{p.collection.key}"} & wanted]


def _incidents(house: House, session: Session, plan: RoundPlan, figures: tuple[str, ...]) -> dict[str, list[Incidents]]:
    """The largest number a body reported in one round of last year or this year: periods overlap, so none are added."""
    rows = session.execute(
        select(Request.body, Request.due, Value.figure, Value.number)
        .join(Submission, Submission.request_id == Request.id)
        .join(Value, Value.submission_id == Submission.id)
        .join(Round, Round.id == Request.round_id)
        .where(Submission.state == "accepted", Value.figure.in_(figures), Value.column == "total")
        .where(Value.kind == "number", Round.year.in_((plan.year - 1, plan.year)))
    )
    largest: dict[tuple[str, str], Decimal] = {}
    for row in rows:
        if is_own(plan, row.body, row.due):
            largest[row.body, row.figure] = max(largest.get((row.body, row.figure), Decimal(0)), row.number)
    found: dict[str, list[Incidents]] = {}
    for (body, figure), number in sorted(largest.items(), key=lambda entry: figures.index(entry[0][1])):
        sensitive = house.settings.indicator_of(figure).sensitive
        found.setdefault(body, []).append(Incidents(figure, number, sensitive))
    return found


def is_own(plan: RoundPlan, code: str, due: date) -> bool:
    """Whether what a code was asked by that day was asked of the body that has the code now."""
    return any(body.code == code and body.valid_from <= due for body in plan.bodies)


# ---- places


def nominations(house: House, session: Session, plan: RoundPlan, rule: Places) -> list[Nomination]:
    """How many people each body of the audience nominated, and how many were trained in the last years."""
    there = Round.key == f"{plan.occasion}/{rule.nominations}"
    people = _people(session, plan, rule.figure, there)
    trained = _trained(house, session, plan, rule)
    return [Nomination(b.code, people.get(b.code, 0), trained.get(b.code, 0)) for b in plan.bodies]


def _trained(house: House, session: Session, plan: RoundPlan, rule: Places) -> dict[str, int]:
    """People trained in the years before: those who came where that is asked for, else the places given."""
    years = range(plan.year - rule.years, plan.year)
    if rule.trained is not None:
        return _people(session, plan, rule.trained, Round.activity == plan.activity.key, Round.year.in_(years))
    due = {earlier.key: earlier.due for earlier in (house.plan(plan.key_of(year)) for year in years)}
    given = select(Selected.round_key, Selected.body, Selected.places).where(Selected.round_key.in_(due))
    return _sums(
        (row.body, row.places or 0)
        for row in session.execute(given.where(Selected.chosen))
        if is_own(plan, row.body, due[row.round_key])
    )


def _people(session: Session, plan: RoundPlan, figure: str, *where: ColumnElement[bool]) -> dict[str, int]:
    """The totals of a figure that the bodies of today gave in accepted answers, by body."""
    rows = session.execute(
        select(Request.body, Request.due, Value.number)
        .join(Submission, Submission.request_id == Request.id)
        .join(Value, Value.submission_id == Submission.id)
        .join(Round, Round.id == Request.round_id)
        .where(Submission.state == "accepted", Value.figure == figure, Value.column == "total")
        .where(Value.kind == "number", *where)
    )
    return _sums((row.body, int(row.number)) for row in rows if is_own(plan, row.body, row.due))


def _sums(counted: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for body, number in counted:
        found[body] = found.get(body, 0) + number
    return found
