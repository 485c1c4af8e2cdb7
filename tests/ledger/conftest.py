"""A ledger on SQLite, and the same tests on PostgreSQL where TREEM_TEST_POSTGRES names a server (a URL with rights to
create databases)."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

from treem.ledger.store import Ledger, open_ledger


def _postgres(url: str) -> Iterator[str]:
    server, name = make_url(url).set(drivername="postgresql+psycopg"), f"treem_test_{uuid4().hex[:12]}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    elif "TREEM_TEST_POSTGRES" in os.environ:
        yield from _postgres(os.environ["TREEM_TEST_POSTGRES"])
    else:
        pytest.skip("TREEM_TEST_POSTGRES names no server")


@pytest.fixture
def ledger(url: str, tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(url, tmp_path / "originals")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def sqlite_ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path / 'home' / 'ledger.sqlite'}", tmp_path / "originals")
    yield opened
    opened.engine.dispose()
