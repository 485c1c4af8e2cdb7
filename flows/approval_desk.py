"""Answering a report's questions from a program, as people do in the interface: find the run, fill in the form, wait.

Used by the rehearsal and by tests. What the decision means is in `flows.reports`.
"""

import json
import time
from datetime import date
from typing import Any, cast
from uuid import UUID

from httpx import HTTPStatusError
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from flows.reports import Decision
from tasks.approvals import APPROVAL
from tasks.waiting_runs import Question, runs_of


class NotDecided(Exception):
    """The approval did not come as far as was waited for."""


def waiting_run(
    client: SyncPrefectClient,
    round_key: str,
    seconds: float = 60,
    question: Question = APPROVAL,
    after: dict[str, str] | None = None,
) -> FlowRun:
    """The suspended run of the round's question, as soon as there is one with its form. Raises NotDecided.

    `after`: the keys of a form that was answered; the next one is waited for.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for run in runs_of(client, question, round_key):
            keys = run.state.state_details.run_input_keyset if run.state and run.state.is_paused() else None
            if keys and keys != after and form_of(client, run):
                return run
        time.sleep(0.2)
    raise NotDecided(f"Không có lượt “{question.flow}” nào của đợt {round_key} đang chờ.")


def form_of(client: SyncPrefectClient, run: FlowRun) -> dict[str, Any] | None:
    """The JSON schema of the form a suspended run shows; None in the moment before Prefect has saved it."""
    keys = run.state.state_details.run_input_keyset if run.state else None
    if not keys:
        return None
    try:
        client.read_flow_run_input(run.id, keys["description"])  # saved last: once it is there, the form is whole
        return cast(dict[str, Any], json.loads(client.read_flow_run_input(run.id, keys["schema"])))
    except HTTPStatusError as error:
        if error.response.status_code == 404:
            return None
        raise


def answer(client: SyncPrefectClient, run_id: UUID, decision: Decision, decided_by: str, remark: str = "") -> None:
    """Fill in the form and resume. Raises NotDecided when Prefect refuses what was filled in."""
    _resume(client, run_id, {"decision": decision.value, "decided_by": decided_by, "remark": remark})


def give_number(client: SyncPrefectClient, run_id: UUID, number: str, signed_on: date, given_by: str) -> None:
    """Fill in number and date and resume. Raises NotDecided when Prefect refuses what was filled in."""
    _resume(client, run_id, {"number": number, "signed_on": signed_on.isoformat(), "given_by": given_by})


def _resume(client: SyncPrefectClient, run_id: UUID, given: dict[str, str]) -> None:
    result = client.resume_flow_run(run_id, run_input=given)
    if result.status.value != "ACCEPT":
        raise NotDecided(f"Prefect không nhận câu trả lời: {getattr(result.details, 'reason', None)}")


def ended(client: SyncPrefectClient, run_id: UUID, seconds: float = 60) -> FlowRun:
    """The run once it has ended, however it ended. Raises NotDecided."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        run = client.read_flow_run(run_id)
        if run.state and run.state.is_final():
            return run
        time.sleep(0.2)
    raise NotDecided("Lượt chạy chưa kết thúc.")
