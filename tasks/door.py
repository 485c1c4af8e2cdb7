"""What every task shares: the way into the house, the clock, and which failures pass by themselves. No steps here."""

import os
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from sqlalchemy.exc import OperationalError

from treem.mailroom.errors import MailUnreachable
from treem.rounds.house import House, house_from_environment

PASSING = (MailUnreachable, OperationalError, ConnectionError, TimeoutError)
"""Failures that pass by themselves: a server that does not answer, a database that is busy."""


def passes(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether trying the step again may help."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, PASSING) and getattr(error, "retryable", True)


STEP: dict[str, Any] = {
    "cache_policy": NO_CACHE,  # the ledger knows what has been done; a cache would only know what was asked
    "retries": 3,
    "retry_delay_seconds": [10, 60, 300],
    "retry_condition_fn": passes,
}
"""Options of every task."""


def house() -> House:
    """The house the environment names; opened once a process."""
    return _open(*(os.environ.get(name) for name in ("TREEM_CONFIG", "TREEM_HOME", "TREEM_LEDGER")))


@lru_cache(maxsize=1)
def _open(*_place: str | None) -> House:
    return house_from_environment(os.environ)


def moment(now: str | None) -> datetime:
    """The given time (ISO 8601 with offset), else the clock's. This is where the application asks the clock."""
    if now is None:
        return datetime.now(UTC)
    given = datetime.fromisoformat(now)
    if given.tzinfo is None:
        raise ValueError(f"Thời điểm {now} thiếu múi giờ; hãy viết như 2027-06-01T08:00:00+07:00.")
    return given
