"""The whole round with the ledger on PostgreSQL."""

import os
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.rounds.conftest import ROUND, PlainOffice, World
from treem.ledger.store import open_ledger
from treem.rehearsal.compare import differences
from treem.rehearsal.conductor import live
from treem.rounds import reporting

URL = os.environ.get("TREEM_TEST_POSTGRES")


@pytest.mark.slow
@pytest.mark.skipif(URL is None, reason="TREEM_TEST_POSTGRES names no server")
def test_every_figure_is_what_the_bodies_meant_on_postgresql(world: World) -> None:
    url = make_url(str(URL)).set(drivername="postgresql+psycopg")
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as server:
        server.execute(text("DROP DATABASE IF EXISTS treem_round"))
        server.execute(text("CREATE DATABASE treem_round"))
    plain = world.open()
    ledger = open_ledger(
        url.set(database="treem_round").render_as_string(hide_password=False), plain.documents.parent / "pg"
    )
    house, bodies = replace(plain, ledger=ledger), world.cast()
    live(house.plan(ROUND), PlainOffice(house), bodies, world.stage.clock, "Asia/Ho_Chi_Minh")
    assert differences(reporting.document_paths(house, ROUND, 1)[1], bodies, house.settings) == []
    ledger.engine.dispose()
