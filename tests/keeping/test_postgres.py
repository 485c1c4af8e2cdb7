"""The same on PostgreSQL, where TREEM_TEST_POSTGRES names a server."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.ledger.conftest import _postgres
from treem.keeping import backup, restore
from treem.keeping.errors import TargetExists
from treem.keeping.places import places_from_environment
from treem.ledger.events import record
from treem.ledger.store import open_ledger

WORDS = "một mật khẩu đủ dài"
NOON = datetime(2027, 6, 10, 5, tzinfo=UTC)


@pytest.fixture
def urls() -> Iterator[tuple[str, str]]:
    if "TREEM_TEST_POSTGRES" not in os.environ:
        pytest.skip("TREEM_TEST_POSTGRES names no server")
    one, other = (_postgres(os.environ["TREEM_TEST_POSTGRES"]) for _ in range(2))
    yield next(one), next(other)
    for made in (one, other):
        next(made, None)


def test_a_dump_comes_back_whole_and_only_into_an_empty_database(urls: tuple[str, str], tmp_path: Path) -> None:
    ledger = open_ledger(urls[0], tmp_path / "home" / "originals")
    ledger.originals.keep(b"original")
    with ledger.begin() as session:
        record(session, "planted", NOON, why="ghi chú")
    ledger.engine.dispose()
    env = {"TREEM_HOME": str(tmp_path / "home"), "TREEM_CONFIG": str(tmp_path / "none"), "TREEM_LEDGER": urls[0]}
    kept = backup.back_up(places_from_environment(env), tmp_path / "copy.zip", WORDS, NOON)
    there = places_from_environment({"TREEM_HOME": str(tmp_path / "new"), "TREEM_LEDGER": urls[1]})
    back = restore.restore(there, tmp_path / "copy.zip", WORDS)
    assert (back.rows, back.originals) == (kept.rows, 1)
    engine = create_engine(make_url(urls[1]).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM event WHERE kind = 'planted'")) == 1
    engine.dispose()
    again = places_from_environment({"TREEM_HOME": str(tmp_path / "more"), "TREEM_LEDGER": urls[1]})
    with pytest.raises(TargetExists):
        restore.restore(again, tmp_path / "copy.zip", WORDS)
