"""Steps of a report's two questions: the leader's decision, and the number the registry clerk assigned.

Ask, say what waits, record the answer. The forms themselves are in `flows.reports`, the runs that wait in
`waiting_runs`.
"""

from dataclasses import asdict
from datetime import date
from typing import Any, Literal

from prefect import task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun

from tasks.door import STEP, house, moment
from tasks.naming import approval_name, number_name
from tasks.waiting_runs import NobodyServes, Question, keep_one, runs_of
from treem.rounds import numbering, reporting
from treem.rounds.decisions import DecisionRefused
from treem.rounds.returning import codes_in

__all__ = ["APPROVAL", "NUMBER", "NobodyServes", "approval_runs", "ask_for_decision", "ask_for_number"]

APPROVAL = Question("Phê duyệt báo cáo", "chờ quyết định", "phe-duyet")
NUMBER = Question("Cấp số báo cáo", "chờ số và ngày", "cap-so")


@task(task_run_name="Trình phê duyệt · {round_key}", **STEP)
def ask_for_decision(round_key: str, due: bool, now: str | None) -> str | None:
    """Make sure exactly one run waits for the decision that is `due`, and none when none is; returns the run's id."""
    view = reporting.waiting(house(), round_key) if due else None
    with get_client(sync_client=True) as client:
        return keep_one(client, APPROVAL, round_key, view, approval_name(round_key, view.version) if view else "", now)


@task(task_run_name="Chờ Văn thư cấp số · {round_key}", **STEP)
def ask_for_number(round_key: str, due: bool, now: str | None) -> str | None:
    """Make sure exactly one run waits for the number that is `due`, and none when none is; returns the run's id."""
    view = numbering.waiting_number(house(), round_key) if due else None
    with get_client(sync_client=True) as client:
        return keep_one(client, NUMBER, round_key, view, number_name(round_key, view.version) if view else "", now)


@task(task_run_name="Xem dự thảo lần {version} · {round_key}", **STEP)
def waiting_report(round_key: str, version: int, digest: str) -> dict[str, Any]:
    """What the leader must know to decide. Raises StaleReport when another version waits, or none."""
    view = reporting.waiting(house(), round_key)
    if view is None or (view.version, view.digest) != (version, digest):
        raise reporting.StaleReport(f"Dự thảo lần {version} không còn chờ phê duyệt; hãy xem bản mới nhất.")
    return asdict(view)


@task(task_run_name="Xem báo cáo lần {version} · {round_key}", **STEP)
def waiting_number(round_key: str, version: int, digest: str) -> dict[str, Any]:
    """What the registry clerk must know. Raises StaleReport when another version waits for its number, or none."""
    view = numbering.waiting_number(house(), round_key)
    if view is None or (view.version, view.digest) != (version, digest):
        raise reporting.StaleReport(f"Báo cáo lần {version} không còn chờ số; hãy xem bản mới nhất.")
    return asdict(view)


@task(task_run_name="Ghi quyết định · {round_key}", **STEP)
def record_decision(
    round_key: str,
    version: int,
    digest: str,
    decision: Literal["approved", "returned"],
    decided_by: str,
    remark: str,
    named: str,
    now: str | None,
) -> None:
    """Put the decision on exactly this version into the ledger. Raises StaleReport."""
    codes = codes_in(named)
    reporting.decide(house(), round_key, version, digest, decision, decided_by, remark, moment(now), codes)


@task(task_run_name="Ghi số và ngày · {round_key}", **STEP)
def record_number(
    round_key: str, version: int, digest: str, number: str, signed_on: date, by: str, now: str | None
) -> str:
    """Put number and date of exactly this version into the ledger; returns why not, in words. Raises StaleReport."""
    try:
        numbering.give_number(house(), round_key, version, digest, number, signed_on, by, moment(now))
    except DecisionRefused as refused:
        return str(refused)
    return ""


def approval_runs(client: SyncPrefectClient, round_key: str) -> list[FlowRun]:
    """Every approval run of the round, ended or not."""
    return runs_of(client, APPROVAL, round_key)
