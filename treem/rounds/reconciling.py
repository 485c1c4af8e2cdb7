"""What a round's figures are compared with: its own half year, the years before, and what bodies said when asked.

Belongs here: reading the ledger for `district.reconcile` and `district.compare`. Nothing here writes; questions to
bodies are in `questions`.

A code of the register may have meant another body before: only what the same entry of the register said counts as a
body's own past.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from treem.district.compare import Compared, Held, compare
from treem.district.merge import District
from treem.district.outward import DISTRICT, hidden_places
from treem.district.reconcile import Key, Material, reconcile
from treem.documents.reconciliation_sheet import Asked, Findings, RuleCount
from treem.ledger import queries
from treem.ledger.queries import ValueRow
from treem.ledger.tables import Question, Round
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Body, Settings
from treem.rounds.house import House
from treem.rounds.merged import asked_bodies, district_of, sources_of
from treem.rounds.screening import Screen

FIRST_YEAR = 2000  # of which the almanac is certain


def is_reconciled(plan: RoundPlan) -> bool:
    """Whether a round's documents have the sheets: the reports, and the final figures of a year."""
    return plan.activity.kind == "report" or plan.collection.reconciles is not None


def findings_of(house: House, session: Session, plan: RoundPlan, district: District | None = None) -> Findings:
    """Every difference of the round, and what became of the questions about them."""
    own = queries.accepted_values(session, plan.key)
    bodies = _bodies(house, session, plan)
    material = Material(
        district or district_of(house, session, plan),
        {(row.body, row.figure, row.column): (row.sheet, row.cell) for row in own},
        _half_year(house, session, plan, own, bodies),
        _past(house, session, plan, bodies),
    )
    return Findings(
        reconcile(material, house.settings),
        {code: body.name for code, body in bodies.items()},
        {code: body.group for code, body in bodies.items()},
        _asked(house, session, plan),
        _counts(session, plan),
    )


def _asked(house: House, session: Session, plan: RoundPlan) -> dict[str, Asked]:
    """The round's questions by their mark."""
    query = select(Question).join(Round, Round.id == Question.round_id).where(Round.key == plan.key)
    screen = Screen(session, house.settings)
    return {
        q.fingerprint: Asked(q.state, house.local(q.asked_at).date(), q.outcome or "", screen.answer(q))
        for q in session.scalars(query.order_by(Question.id))
    }


def _counts(session: Session, plan: RoundPlan) -> dict[str, RuleCount]:
    """How the rules have done in this round and those opened before it: what is asked later must not change a document
    that was approved."""
    entry = queries.find_round(session, plan.key)
    query = select(Question.rule, Question.state, Question.outcome, func.count(Question.id))
    query = query.where(Question.round_id <= (entry.id if entry else 0))
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for rule, state, outcome, count in session.execute(query.group_by(Question.rule, Question.state, Question.outcome)):
        found[rule]["asked"] += count
        if state != "open":
            found[rule]["withdrawn" if state == "withdrawn" else outcome] += count
    return {
        rule: RuleCount(counts["asked"], counts["justified"], counts["corrected"], counts["withdrawn"])
        for rule, counts in found.items()
    }


def compared_of(
    house: House, session: Session, plan: RoundPlan, district: District | None = None
) -> tuple[Compared, ...]:
    """The round's totals beside last year's and since the plan began; nothing where there is nothing to compare."""
    before = [p for p in _final_first(house, house.plan(plan.key_of(plan.year - 1))) if _has_values(session, p)]
    years = {year: [_held(house, session, p) for p in rounds] for year, rounds in _years(house, session, plan)}
    if not before and not years:
        return ()
    now, earlier = _held(house, session, plan, district), [_held(house, session, p) for p in before]
    hidden = {code for held in earlier for code in _hidden_totals(held, house.settings)}
    found = compare(now, earlier, years, house.settings)
    return tuple(replace(one, hidden_before=one.figure.code in hidden) for one in found)


def _hidden_totals(held: Held, settings: Settings) -> Iterator[str]:
    """The figures whose total the outward edition of that round does not tell."""
    for code, places in hidden_places(held.district, settings).items():
        if ("total", DISTRICT) in places:
            yield code


def _held(house: House, session: Session, plan: RoundPlan, district: District | None = None) -> Held:
    merged = district or district_of(house, session, plan)
    return Held(plan.year, merged, _bodies(house, session, plan), plan.due, plan.is_estimate)


def _bodies(house: House, session: Session, plan: RoundPlan) -> dict[str, Body]:
    """Everybody whose figures count in the round: asked in it, or in those it takes figures from."""
    found = {b.code: b for source in sources_of(house, plan) for b in asked_bodies(house, session, source)}
    return found | {b.code: b for b in asked_bodies(house, session, plan)}


# ---- the same body's earlier words


def _half_year(
    house: House, session: Session, plan: RoundPlan, own: Sequence[ValueRow], bodies: Mapping[str, Body]
) -> dict[Key, Decimal]:
    """What was counted by the middle of the year, of the figures that the bodies were asked again in this round."""
    rule = house.settings.differences.within_year
    if plan.activity.key not in rule.later or rule.off:
        return {}
    again = {(row.body, row.figure, row.column) for row in own}
    earlier = (p for p in house.plans_of(plan.year) if p.activity.key == rule.earlier)
    said = (row for p in earlier for row in _said(house, session, p, bodies))
    found = {(row.body, row.figure, row.column): row.number for row in said if row.number is not None}
    return {key: number for key, number in found.items() if key in again}


def _past(
    house: House, session: Session, plan: RoundPlan, bodies: Mapping[str, Body]
) -> dict[tuple[str, str], list[Decimal]]:
    """What each body reported in the same collection of earlier years, by final figures where there are any."""
    found: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for year in range(_first_year(session), plan.year):
        of_year: dict[tuple[str, str], Decimal] = {}
        for earlier in reversed(_final_first(house, house.plan(plan.key_of(year)))):
            said = _said(house, session, earlier, bodies)
            of_year |= {(r.body, r.figure): r.number for r in said if r.column == "total" and r.number is not None}
        for key, number in of_year.items():
            found[key].append(number)
    return found


def _said(house: House, session: Session, plan: RoundPlan, bodies: Mapping[str, Body]) -> Iterator[ValueRow]:
    """What was accepted in that round of bodies that are the same today."""
    for row in queries.accepted_values(session, plan.key):
        if row.body in bodies and house.settings.body(row.body, plan.due) is bodies[row.body]:
            yield row


# ---- rounds of other years


def _final_first(house: House, plan: RoundPlan) -> list[RoundPlan]:
    """The rounds that tell of a round's period, the one with final figures first."""
    others = house.plans_of(plan.year)
    finals = [p for p in others if p.collection.reconciles == plan.activity.key]
    estimates = [p for p in others if plan.collection.reconciles == p.activity.key]
    return [*finals, plan, *estimates]


def _years(house: House, session: Session, plan: RoundPlan) -> Iterator[tuple[int, list[RoundPlan]]]:
    """The whole years before the round's, since the plan began, that somebody reported of."""
    rules = house.settings.differences
    if plan.activity.key not in (rules.within_year.earlier, *rules.within_year.later):
        return
    for year in range(max(rules.since, _first_year(session)), plan.year):
        whole = [p for key in reversed(rules.within_year.later) for p in house.plans_of(year) if p.activity.key == key]
        if known := [p for p in whole if _has_values(session, p)]:
            yield year, known


def _first_year(session: Session) -> int:
    return session.scalar(select(Round.year).order_by(Round.year).limit(1)) or FIRST_YEAR


def _has_values(session: Session, plan: RoundPlan) -> bool:
    return bool(queries.accepted_values(session, plan.key))
