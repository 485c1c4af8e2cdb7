"""Steps of an approval: ask for it, say what waits, record the decision. The form itself is in `flows.reports`.

Asking means that exactly one run waits in Prefect for the version that waits in the ledger. The ledger is the truth: a
run that got lost is asked again, a run about an older version is cancelled.
"""

from dataclasses import asdict
from typing import Any, Literal

from prefect import task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled

from tasks.door import STEP, house, moment
from tasks.naming import approval_name, round_tag
from treem.rounds import reporting
from treem.rounds.reporting import ReportView

FLOW, DEPLOYMENT = "Phê duyệt báo cáo", "chờ quyết định"
PAGE = 200  # the most runs a Prefect server gives at once


class NobodyServes(Exception):
    """The approval has no deployment to run in."""


@task(task_run_name="Trình phê duyệt · {round_key}", **STEP)
def ask_for_decision(round_key: str, due: bool, now: str | None) -> str | None:
    """Make sure exactly one run waits for the decision that is `due`, and none when none is; returns the run's id."""
    view = reporting.waiting(house(), round_key) if due else None
    with get_client(sync_client=True) as client:
        runs = approval_runs(client, round_key)
        _cancel_outdated(client, runs, view)
        if view is None:
            return None
        mine = [r for r in runs if _is_about(r, view)]
        alive = [r for r in mine if not _ended(r)]
        return str((alive or [_ask(client, round_key, view, len(mine), now)])[0].id)


@task(task_run_name="Xem dự thảo lần {version} · {round_key}", **STEP)
def waiting_report(round_key: str, version: int, digest: str) -> dict[str, Any]:
    """What the leader must know to decide. Raises StaleReport when another version waits, or none."""
    view = reporting.waiting(house(), round_key)
    if view is None or (view.version, view.digest) != (version, digest):
        raise reporting.StaleReport(f"Dự thảo lần {version} không còn chờ phê duyệt; hãy xem bản mới nhất.")
    return asdict(view)


@task(task_run_name="Ghi quyết định · {round_key}", **STEP)
def record_decision(
    round_key: str,
    version: int,
    digest: str,
    decision: Literal["approved", "returned"],
    decided_by: str,
    remark: str,
    now: str | None,
) -> None:
    """Put the decision on exactly this version into the ledger. Raises StaleReport."""
    reporting.decide(house(), round_key, version, digest, decision, decided_by, remark, moment(now))


def approval_runs(client: SyncPrefectClient, round_key: str) -> list[FlowRun]:
    """Every approval run of the round, ended or not."""
    found: list[FlowRun] = []
    while len(found) % PAGE == 0:
        page = client.read_flow_runs(
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[DEPLOYMENT])),
            flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[round_tag(round_key)])),
            limit=PAGE,
            offset=len(found),
        )
        found += page
        if not page:
            break
    return found


def _ask(client: SyncPrefectClient, round_key: str, view: ReportView, attempt: int, now: str | None) -> FlowRun:
    """Create the run. Two who ask at the same time ask with the same key, and get the same run."""
    try:
        deployment = client.read_deployment_by_name(f"{FLOW}/{DEPLOYMENT}")
    except ObjectNotFound:
        raise NobodyServes(
            "Chưa có nơi chạy phê duyệt trong Prefect; hãy chạy `python -m flows.deployments serve`."
        ) from None
    return client.create_flow_run_from_deployment(
        deployment.id,
        parameters={"round_key": round_key, "version": view.version, "digest": view.digest, "now": now},
        name=approval_name(round_key, view.version),
        tags=[round_tag(round_key), "phe-duyet"],
        idempotency_key=f"phe-duyet:{round_key}:{view.version}:{view.digest}:{attempt}",
    )


def _cancel_outdated(client: SyncPrefectClient, runs: list[FlowRun], view: ReportView | None) -> None:
    """Cancel what still waits about a version that no longer waits. A run at work is left to end by itself."""
    for run in runs:
        waits = run.state is not None and (run.state.is_paused() or run.state.is_scheduled())
        if waits and not (view and _is_about(run, view)):
            client.set_flow_run_state(
                run.id, Cancelled(message="Bản dự thảo này đã được thay hoặc đã có quyết định."), force=True
            )


def _is_about(run: FlowRun, view: ReportView) -> bool:
    return (run.parameters.get("version"), run.parameters.get("digest")) == (view.version, view.digest)


def _ended(run: FlowRun) -> bool:
    return run.state is not None and run.state.is_final()
