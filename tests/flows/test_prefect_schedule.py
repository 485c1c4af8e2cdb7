"""The trap of docs/decisions/0002-pins.md: a server that answers /health while its scheduler creates nothing."""

import time

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun

from flows.deployments import deployments, register, settle


@pytest.mark.slow
def test_a_cron_schedule_yields_scheduled_runs(client: SyncPrefectClient) -> None:
    register(deployments())
    deployment = client.read_deployment_by_name("Nhận thư/10 phút một lần").id
    runs: list[FlowRun] = []
    deadline = time.monotonic() + 30
    while not runs and time.monotonic() < deadline:
        runs = client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])))
        time.sleep(0.2)
    assert runs, "the scheduler created no run"
    assert all(run.state and run.state.is_scheduled() for run in runs)
    assert all(run.expected_start_time and run.expected_start_time.minute % 10 == 0 for run in runs)


def test_every_deployment_is_loaded_by_module_and_named_in_vietnamese() -> None:
    entrypoints = {f"{d.flow_name}/{d.name}": d.entrypoint for d in deployments()}
    assert entrypoints == {
        "Phê duyệt báo cáo/chờ quyết định": "flows.reports.approve_report",
        "Cấp số báo cáo/chờ số và ngày": "flows.reports.number_report",
        "Bước của đợt báo cáo/các mốc": "flows.reports.advance_round",
        "Nhận thư/10 phút một lần": "flows.mailbox.collect_mailbox",
        "Nhìn trước lịch/hằng ngày": "flows.agenda.look_ahead",
    }


def test_a_pause_set_by_the_office_survives_and_an_undeclared_schedule_goes(client: SyncPrefectClient) -> None:
    register(deployments())
    there = client.read_deployment_by_name("Nhìn trước lịch/hằng ngày")
    daily = client.read_deployment_schedules(there.id)[0]
    client.update_deployment_schedule(there.id, daily.id, active=False)
    register(deployments())
    assert [s.active for s in client.read_deployment_schedules(there.id)] == [False]

    renamed = next(d for d in deployments() if d.name == "hằng ngày")
    renamed.schedules[0].slug = "buoi-trua"  # type: ignore[index]
    settle(client, renamed)
    renamed.apply()
    assert [s.slug for s in client.read_deployment_schedules(there.id)] == ["buoi-trua"]
