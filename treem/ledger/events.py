"""The append-only record of what happened, for people who ask later. Ids, counts and states only: no figures."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from treem.ledger.prepared import insertion
from treem.ledger.rows import add_rows
from treem.ledger.tables import Event

_ADD = insertion(Event.__table__, ("at", "kind", "round_id", "request_id", "data"))


def record(
    into: Session | Connection,
    kind: str,
    now: datetime,
    round_id: int | None = None,
    request_id: int | None = None,
    **data: Any,
) -> None:
    """Add one event to the caller's transaction. `data` must be what JSON can hold."""
    row = {"at": now, "kind": kind, "round_id": round_id, "request_id": request_id, "data": data}
    if isinstance(into, Session):
        add_rows(into, Event, [row])
    else:
        _ADD.run(into, [row])
