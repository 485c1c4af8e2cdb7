"""Exactly one suspended run waits in Prefect for what waits in the ledger, whatever the question.

The ledger is the truth: a run that got lost is asked again, a run about an older version is cancelled. What is asked is
in `approvals`; the forms are in `flows.reports`.
"""

from dataclasses import dataclass

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled

from tasks.naming import round_tag
from treem.rounds.reporting import ReportView

PAGE = 200  # the most runs a Prefect server gives at once


class NobodyServes(Exception):
    """The question has no deployment to run in."""


@dataclass(frozen=True)
class Question:
    """A form of a suspended run: the flow that shows it, its deployment, and the tag of its runs."""

    flow: str
    deployment: str
    tag: str


def keep_one(
    client: SyncPrefectClient, question: Question, round_key: str, view: ReportView | None, name: str, now: str | None
) -> str | None:
    """Make sure exactly one run asks about the version that waits, and none when none does; returns its id."""
    runs = runs_of(client, question, round_key)
    _cancel_outdated(client, runs, view)
    if view is None:
        return None
    mine = [r for r in runs if _is_about(r, view)]
    alive = [r for r in mine if not _ended(r)]
    return str((alive or [_ask(client, question, round_key, view, name, len(mine), now)])[0].id)


def runs_of(client: SyncPrefectClient, question: Question, round_key: str) -> list[FlowRun]:
    """Every run of the question about the round, ended or not."""
    found: list[FlowRun] = []
    while len(found) % PAGE == 0:
        page = client.read_flow_runs(
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[question.deployment])),
            flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[round_tag(round_key)])),
            limit=PAGE,
            offset=len(found),
        )
        found += page
        if not page:
            break
    return found


def _ask(
    client: SyncPrefectClient,
    question: Question,
    round_key: str,
    view: ReportView,
    name: str,
    attempt: int,
    now: str | None,
) -> FlowRun:
    """Create the run. Two who ask at the same time ask with the same key, and get the same run."""
    try:
        deployment = client.read_deployment_by_name(f"{question.flow}/{question.deployment}")
    except ObjectNotFound:
        raise NobodyServes(
            f"Chưa có nơi chạy “{question.flow}” trong Prefect; hãy chạy `python -m flows.deployments serve`."
        ) from None
    return client.create_flow_run_from_deployment(
        deployment.id,
        parameters={"round_key": round_key, "version": view.version, "digest": view.digest, "now": now},
        name=name,
        tags=[round_tag(round_key), question.tag],
        idempotency_key=f"{question.tag}:{round_key}:{view.version}:{view.digest}:{attempt}",
    )


def _cancel_outdated(client: SyncPrefectClient, runs: list[FlowRun], view: ReportView | None) -> None:
    """Cancel what still waits about a version that no longer waits. A run at work is left to end by itself."""
    for run in runs:
        waits = run.state is not None and (run.state.is_paused() or run.state.is_scheduled())
        if waits and not (view and _is_about(run, view)):
            client.set_flow_run_state(
                run.id, Cancelled(message="Bản này đã được thay, hoặc câu hỏi đã có câu trả lời."), force=True
            )


def _is_about(run: FlowRun, view: ReportView) -> bool:
    return (run.parameters.get("version"), run.parameters.get("digest")) == (view.version, view.digest)


def _ended(run: FlowRun) -> bool:
    return run.state is not None and run.state.is_final()
