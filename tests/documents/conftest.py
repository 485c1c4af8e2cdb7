"""One made-up round of the shipped config, shared by the tests of the documents."""

from dataclasses import dataclass

import pytest

from tests.documents import world
from treem.district.merge import District
from treem.ledger.queries import ValueRow
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Settings


@dataclass(frozen=True)
class Round:
    settings: Settings
    plan: RoundPlan
    values: list[ValueRow]
    district: District


@pytest.fixture(scope="session")
def held() -> Round:
    settings = world.settings()
    plan = world.plan(settings)
    values = world.values(settings, plan)
    return Round(settings, plan, values, world.district(settings, plan, values))
