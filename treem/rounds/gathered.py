"""What the ledger knows of a round, as its documents need it: the district's figures, and what stands beside them.

Belongs here: which figures of which rounds count, which estimates meet which final figures, the selection and the
recommendations that a round is about. Nothing here writes.
"""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from treem.district.duties import Evidence, duty_matrix
from treem.district.merge import District
from treem.documents.beside import Beside, Picked, Recommended, Reconciliation, Source, reconcile
from treem.documents.duty_sheet import has_matrix
from treem.documents.figures import Merged, merged_figures
from treem.documents.periods import period_title
from treem.ledger import queries
from treem.ledger.tables import Recommendation, Request, Round, Selected
from treem.plan.agenda import RoundPlan
from treem.plan.settings import OpenRecommendations
from treem.rounds import recommendations
from treem.rounds.house import House
from treem.rounds.merged import asked_bodies, district_of, sources_of
from treem.rounds.reconciling import compared_of, findings_of, is_reconciled
from treem.rounds.screening import Screen

__all__ = ["asked_bodies", "beside_of", "district_of", "sources_of"]


def beside_of(house: House, session: Session, plan: RoundPlan, district: District | None = None) -> Beside:
    """What stands beside the round's own figures (`district`, where it is known already) in its documents."""
    return Beside(
        _taken(house, session, plan),
        _reconciliation(house, session, plan, district),
        _selection(house, session, plan),
        _recommendations(house, session, plan),
        _duties(house, session, plan, district),
        findings_of(house, session, plan, district) if is_reconciled(plan) else None,
        compared_of(house, session, plan, district) if is_reconciled(plan) else (),
    )


def _taken(house: House, session: Session, plan: RoundPlan) -> tuple[Source, ...]:
    found = ((s.title, queries.accepted_values(session, s.key)) for s in sources_of(house, plan))
    return tuple(Source(title, tuple(rows)) for title, rows in found if rows)


# ---- estimates and final figures


def _reconciliation(
    house: House, session: Session, plan: RoundPlan, district: District | None
) -> Reconciliation | None:
    """Estimates beside final figures: in the round that has the final ones, and in the next report that is no estimate.

    Both must have been answered by somebody.
    """
    pair = _reconciled(house, plan)
    if pair is None or not all(queries.accepted_values(session, p.key) for p in pair):
        return None
    estimate, final = pair
    finals = _merged(house, session, final, district if final is plan else None)
    return reconcile(period_title(final), _merged(house, session, estimate), finals)


def _reconciled(house: House, plan: RoundPlan) -> tuple[RoundPlan, RoundPlan] | None:
    """The estimating and the final round that a round's document compares."""
    if plan.collection.reconciles:
        final: RoundPlan | None = plan
    elif plan.activity.kind == "report" and not _replaced(house, plan):
        final = next((p for p in house.plans_of(plan.year - 1) if p.collection.reconciles), None)
    else:
        return None
    if final is None:
        return None
    wanted = final.collection.reconciles
    estimate = next((p for p in house.plans_of(final.year) if p.activity.key == wanted), None)
    return (estimate, final) if estimate else None


def _replaced(house: House, plan: RoundPlan) -> bool:
    """Whether the round's own figures are replaced by final ones later: it is the one that estimates."""
    collections = (c for a in house.settings.plan.activities for c in a.collections)
    return any(c.reconciles == plan.activity.key for c in collections)


def _merged(house: House, session: Session, plan: RoundPlan, district: District | None = None) -> tuple[Merged, ...]:
    sources = Beside(_taken(house, session, plan)).sources
    return merged_figures(district or district_of(house, session, plan), house.settings, sources, plan)


# ---- duties


def _duties(house: House, session: Session, plan: RoundPlan, district: District | None) -> tuple[Evidence, ...]:
    """What every body that was asked gave for each of its duties, where the round is about them."""
    if not has_matrix(plan, house.settings):
        return ()
    said = (district or district_of(house, session, plan)).by_body
    return duty_matrix(house.settings, asked_bodies(house, session, plan), said, queries.narratives(session, plan.key))


# ---- selections and recommendations


def _selection(house: House, session: Session, plan: RoundPlan) -> tuple[Picked, ...]:
    if plan.collection.selection is None:
        return ()
    rows = session.scalars(select(Selected).where(Selected.round_key == plan.key).order_by(Selected.rank)).all()
    names = {row.body: house.settings.body(row.body, plan.due).name for row in rows}
    return tuple(
        Picked(
            row.body,
            names[row.body],
            row.chosen,
            row.places,
            tuple(row.reasons),
            row.day,
            row.changed_by or "",
            row.changed_why or "",
        )
        for row in rows
    )


def _recommendations(house: House, session: Session, plan: RoundPlan) -> tuple[Recommended, ...]:
    """Those of a record's round; in the round that follows them up, those still open and those answered in it."""
    query = select(Recommendation).order_by(Recommendation.due, Recommendation.id)
    own = select(Request.id).join(Round).where(Round.key == plan.key)
    if recommendations.boxes(house.settings, plan.activity, plan.collection.key):
        query = query.where(Recommendation.request_id.in_(own))
    elif isinstance(plan.collection.selection, OpenRecommendations):
        query = query.where(or_(Recommendation.state == "open", Recommendation.answer_id.in_(own)))
    else:
        return ()
    screen = Screen(session, house.settings)
    return tuple(
        Recommended(
            house.settings.body(one.request.body, one.request.due).name,
            screen.recommendation(one),
            one.due,
            one.state,
            house.local(one.closed_at).date() if one.closed_at else None,
            one.closed_why or "",
        )
        for one in session.scalars(query)
    )
