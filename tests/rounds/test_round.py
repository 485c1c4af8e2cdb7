"""A whole round by plain calls over real SMTP and IMAP: the figures, the states, the letters."""

import pytest

from tests.rounds.conftest import ROUND, PlainOffice, World
from treem.rehearsal.compare import differences
from treem.rehearsal.conductor import live
from treem.rounds import board, reporting


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_every_figure_of_the_workbook_is_what_the_bodies_meant(world: World, seed: int) -> None:
    house, bodies = world.open(), world.cast(seed)
    live(house.plan(ROUND), PlainOffice(house), bodies, world.stage.clock, "Asia/Ho_Chi_Minh")
    workbook = reporting.document_paths(house, ROUND, 1)[1]
    assert differences(workbook, bodies, house.settings) == []
    counts = board.counts(house, ROUND)
    assert counts["bodies"] == counts["requests"] == len(bodies)
    assert counts["missing"] == 2  # one never answers, one address bounces
    assert counts["bounced"] == 1
    assert counts["accepted"] == len(bodies) - 2
    assert counts["late"] >= 1
    assert counts["corrected"] >= 2
    assert [b.complaints for b in bodies if b.complaints] == []
