"""Rows that nothing else in their transaction asks for: written together at its end, one statement a table.

Belongs here: keeping such rows until then. What refers to them, or reads them, must be in a later transaction.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from treem.ledger.prepared import insertion
from treem.ledger.tables import Table

WAITING = "rows that wait"
Rows = dict[type[Table], list[tuple[list[dict[str, Any]], Mapping[str, Any]]]]


def add_rows(session: Session, table: type[Table], rows: list[dict[str, Any]], **of: Any) -> None:
    """Add rows to the session's transaction. `of` names columns that take the id of an object, which may still be new.

    In a session that the ledger did not begin they are written at once.
    """
    waiting: Rows = session.info.get(WAITING, {})
    if rows:
        waiting.setdefault(table, []).append((rows, of))
    if WAITING not in session.info:
        _write(session, waiting)


def keep_rows_waiting(session: Session) -> None:
    """From now on rows wait for `write_rows`."""
    session.info[WAITING] = {}


def write_rows(session: Session) -> None:
    """Write what waits, and before it everything it may refer to."""
    waiting: Rows = session.info.get(WAITING, {})
    _write(session, waiting)
    waiting.clear()


def _write(session: Session, waiting: Rows) -> None:
    if not waiting:
        return
    session.flush()
    connection = session.connection()
    for table, together in waiting.items():
        for rows, of in together:
            ids = {column: owner.id for column, owner in of.items()}
            for row in rows:
                row |= ids
        every = [row for rows, _ in together for row in rows]
        insertion(table.__table__, tuple(every[0])).run(connection, every)
