"""Runs a milestone's run from the schedule in this process, at a given time: how the rehearsal makes time pass."""

from contextlib import AbstractContextManager
from datetime import datetime

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Pending

from flows.reconcile import DEPLOYMENT, scheduled
from flows.reports import advance, advance_round
from tasks import mailbox


class NotScheduled(Exception):
    """A milestone has no run on Prefect's schedule: the reconciler has not done its work."""


def at_once() -> AbstractContextManager[object]:
    """Runs in here send no heartbeat, whose thread would make each of them wait a second to end."""
    return temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})


def play_scheduled(round_key: str, milestone: str, now: datetime) -> None:
    """Take the run off the schedule and run it. Raises NotScheduled."""
    parameters = {"round_key": round_key, "milestone": milestone, "now": now.isoformat()}
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(DEPLOYMENT)
        planned = next((p for p in scheduled(client, deployment.id) if p.key == (round_key, milestone)), None)
        if planned is None:
            raise NotScheduled(f"Không thấy lượt {milestone} của {round_key} trong lịch chạy của Prefect.")
        client.set_flow_run_state(planned.id, Pending(message="Diễn tập"), force=True)
        run = client.read_flow_run(planned.id)
    run_flow(advance_round, flow_run=run, parameters=parameters)


@flow(name="Một ngày của Phòng", flow_run_name="Một ngày của Phòng")
def play_day(round_keys: list[str], now: str) -> dict[str, int]:
    """What is due in those rounds on one day."""
    return advance(round_keys, now)


@flow(name="Nhận thư trong ngày", flow_run_name="Nhận thư trong ngày")
def play_mail(now: str) -> dict[str, int]:
    """Collect, read, acknowledge; the rounds themselves wait for their next day."""
    mailbox.collect_letters(now)
    read = mailbox.process_letters(now)
    mailbox.send_letters(now)
    return read
