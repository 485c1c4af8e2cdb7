"""What a rehearsed year must end with: every round's workbook equal to what the bodies meant, figure by figure.

Belongs here: which requests of the clerks belong to which round, and which rounds count in another. This is worked out
from the config's words a second time, apart from `rounds.reporting`, so that a mistake there is not repeated here.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from treem.plan.agenda import RoundPlan
from treem.plan.settings import Settings
from treem.rehearsal.bodies import SimulatedBody
from treem.rehearsal.clerks import Clerk
from treem.rehearsal.compare import differences_from, rules_of
from treem.rehearsal.expected import Reported, added_up
from treem.rehearsal.inventing import Meant


def answers_in(clerks: Sequence[Clerk], title: str) -> list[SimulatedBody]:
    """How each request of a round was dealt with."""
    return [e.body for clerk in clerks for e in clerk.errands.values() if e.title == title]


def differences_of(
    plan: RoundPlan, plans: Sequence[RoundPlan], workbook: Path, clerks: Sequence[Clerk], settings: Settings
) -> list[str]:
    """A line for each figure of a round's workbook that is not what was meant, with the round's name before it."""
    return [
        f"{plan.title}: {line}"
        for line in differences_from(workbook, _reported(plan, plans, clerks, settings), settings)
    ]


def complaints(clerks: Sequence[Clerk]) -> list[str]:
    """What a body expected of the office and did not get, and who never came to the end of what it meant to do."""
    errands = [e for clerk in clerks for e in clerk.errands.values()]
    said = [f"{e.title}: {line}" for e in errands for line in e.body.complaints]
    return said + [f"{e.title}: {e.body.name} chưa nộp được báo cáo" for e in errands if not e.body.finished]


def _reported(plan: RoundPlan, plans: Sequence[RoundPlan], clerks: Sequence[Clerk], settings: Settings) -> Reported:
    own = {body.body_code: body.meant() for body in answers_in(clerks, plan.title)}
    taken: dict[str, list[Meant]] = {}
    for source in sorted(_sources(plan, plans), key=lambda s: s.period_end):
        for body in answers_in(clerks, source.title):
            taken.setdefault(body.body_code, []).append(body.meant())
    rules, group = rules_of(settings), {b.code: b.group for b in settings.register_.bodies}
    codes = dict.fromkeys([*own, *taken])
    return [(group[code], added_up(taken.get(code, []), rules) | own.get(code, {})) for code in codes]


def _sources(plan: RoundPlan, plans: Sequence[RoundPlan]) -> Iterator[RoundPlan]:
    for source in plans:
        names = {f"{source.activity.key}/{source.collection.key}", source.activity.key}
        ended = plan.period_start <= source.period_end <= plan.period_end
        if ended and names & set(plan.collection.takes):
            yield source
