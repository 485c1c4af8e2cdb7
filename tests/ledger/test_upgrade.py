"""A ledger of the first version, with rows in every table, under today's schema: nothing is lost or changed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Date, DateTime, Engine, Integer, LargeBinary, MetaData, Table, select, text
from sqlalchemy.dialects.postgresql import JSON as PG_JSON
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import JSON, TypeEngine

from treem.ledger import store
from treem.ledger.store import Ledger, open_ledger
from treem.ledger.tables import LetterOut

STATES = ("queued", "leased", "retry", "unknown", "sent", "failed", "bounced", "cancelled")
WAITING = STATES[:4]
ROWS = len(STATES)
BEGUN = datetime(2027, 5, 15, 1, 2, 3, 456789, tzinfo=UTC).replace(tzinfo=None)  # as the database keeps it
Rows = list[dict[str, Any]]


def example(column: Column[Any], n: int) -> Any:
    """The n-th row's value: of every column another, and references to rows that exist."""
    if column.foreign_keys or column.primary_key:
        return n
    if column.table.name == "letter_out" and column.name == "state":
        return STATES[n - 1]
    kind: TypeEngine[Any] = column.type
    known = {
        Boolean: n % 2 == 0,
        LargeBinary: bytes(range(256)) * n,
        Integer: 10_000_000 + n,
        DateTime: BEGUN + timedelta(days=n),
        Date: date(2027, 6, n),
        JSON: {"đơn vị": n},
        PG_JSON: {"đơn vị": n},
    }
    return next((v for t, v in known.items() if isinstance(kind, t)), f"{column.table.name} {column.name} ấn {n}")


def tables(engine: Engine) -> dict[str, Table]:
    """Every table as it is in the database, in the order of references."""
    found = MetaData()
    found.reflect(engine)
    return {t.name: t for t in found.sorted_tables if t.name != "alembic_version"}


def rows(engine: Engine, table: Table) -> Rows:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]


def fill(engine: Engine) -> dict[str, Rows]:
    there = tables(engine)
    with engine.begin() as connection:
        for table in there.values():
            wanted = [{c.name: example(c, n) for c in table.columns} for n in range(1, ROWS + 1)]
            connection.execute(table.insert(), wanted)
    return {name: rows(engine, table) for name, table in there.items()}


@pytest.fixture
def before(url: str) -> dict[str, Rows]:
    """What a ledger of the first version holds."""
    engine = store._engine(store.make_url(url))
    store._migrate(engine, "0001")
    held = fill(engine)
    engine.dispose()
    return held


@pytest.fixture
def upgraded(before: dict[str, Rows], url: str, tmp_path: Path) -> Iterator[Ledger]:
    assert [len(held) for held in before.values()] == [ROWS] * 13
    opened = open_ledger(url, tmp_path / "originals")
    yield opened
    opened.engine.dispose()


def test_every_row_of_every_table_is_kept(before: dict[str, Rows], upgraded: Ledger) -> None:
    there = tables(upgraded.engine)
    for name, held in before.items():
        moved = {"raw"} if name == "letter_out" else set()
        kept = [c for c in held[0] if c not in moved]
        after = rows(upgraded.engine, there[name])
        assert [{c: row[c] for c in kept} for row in after] == [{c: row[c] for c in kept} for row in held]


def test_every_letter_has_its_bytes(before: dict[str, Rows], upgraded: Ledger) -> None:
    with upgraded.begin() as session:
        found = dict(session.execute(select(LetterOut.id, LetterOut.raw)).tuples().all())
    assert found == {letter["id"]: letter["raw"] for letter in before["letter_out"]}


def test_letters_that_wait_get_a_limit_and_an_uncertain_one_counts_as_such(
    before: dict[str, Rows], upgraded: Ledger
) -> None:
    due = {letter["state"]: letter["next_at"].replace(tzinfo=UTC) for letter in before["letter_out"]}
    with upgraded.begin() as session:
        letters = {letter.state: letter for letter in session.scalars(select(LetterOut))}
    assert {state: letters[state].give_up_at for state in WAITING} == {state: due[state] for state in WAITING}
    assert {state: letter.uncertain for state, letter in letters.items() if letter.uncertain} == {"unknown": 1}


def test_references_and_the_rule_about_events_still_hold(before: dict[str, Rows], upgraded: Ledger) -> None:
    with upgraded.begin() as session:
        if upgraded.engine.dialect.name == "sqlite":
            assert session.execute(text("PRAGMA foreign_key_check")).all() == []
    for change in ("UPDATE event SET kind = 'other'", "DELETE FROM event"):
        with pytest.raises(DBAPIError, match="append-only"), upgraded.begin() as session:
            session.execute(text(change))
    assert len(before["event"]) == ROWS
