"""A round's figures made one, with those it takes from other rounds.

Belongs here: which figures of which rounds and bodies count. What stands beside them is in `gathered`.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.district.merge import District, added_up, merge
from treem.documents.told import told_by
from treem.ledger import queries
from treem.ledger.queries import ValueRow
from treem.ledger.tables import Report, Request, Round
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Body
from treem.rounds.house import House
from treem.rounds.wording import form_of

COLUMNS = ["body", "figure", "column", "kind", "number"]


def district_of(house: House, session: Session, plan: RoundPlan) -> District:
    """The accepted figures of a round made one, with those it takes from other rounds."""
    settings = house.settings
    own = queries.accepted_values(session, plan.key)
    taken = [row for source in sources_of(house, plan) for row in queries.accepted_values(session, source.key)]
    district = merge(
        pd.concat([_frame(own), added_up(_frame(taken), settings)]),
        settings,
        asked_bodies(house, session, plan),
        forms=settings.forms_for(plan.activity.key, plan.collection.key),
        taken=[
            (body, form_of(settings, source, body))
            for source in sources_of(house, plan)
            for body in asked_bodies(house, session, source)
        ],
    )
    sent = select(Report.outward_xlsx_sha).join(Round).where(Round.key == plan.key, Report.sent_at.is_not(None))
    told: dict[tuple[str, ...], int] = {}
    for sha in session.scalars(sent.order_by(Report.version)):
        told |= told_by(house.ledger.originals.read(sha), district)
    return replace(district, told=told)


def sources_of(house: House, plan: RoundPlan) -> list[RoundPlan]:
    """The rounds whose figures count in this one: those named by its `takes` that end within its data period."""
    wanted = {house.settings.named(name) for name in plan.collection.takes}
    near = [source for year in (plan.year - 1, plan.year) for source in house.plans_of(year)] if wanted else []
    within = (s for s in near if plan.period_start <= s.period_end <= plan.period_end)
    return sorted((s for s in within if (s.activity.key, s.collection.key) in wanted), key=lambda s: s.period_end)


def asked_bodies(house: House, session: Session, plan: RoundPlan) -> list[Body]:
    """The bodies that are asked in this round, in the order of the register; one that ended after filing is among them,
    one that was closed unanswered is not."""
    query = select(Request.body).join(Round).where(Round.key == plan.key, Request.state != "closed")
    asked = [house.settings.body(code, plan.due) for code in session.scalars(query)]
    return sorted(asked, key=house.settings.register_.bodies.index)


def _frame(rows: Sequence[ValueRow]) -> pd.DataFrame:
    return pd.DataFrame([asdict(row) for row in rows], columns=COLUMNS, dtype=object)
