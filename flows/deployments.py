"""The only list of deployments. `python -m flows.deployments serve` registers and runs them.

Repeated work has a schedule here; the dates of rounds are one-off runs that `flows.reconcile` keeps in line.
"""

import argparse
import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.runner import Runner
from prefect.schedules import Cron, Schedule
from prefect.types.entrypoint import EntrypointType

from flows import lost_runs
from flows.agenda import look_ahead
from flows.mailbox import collect_mailbox
from flows.reports import advance_round, approve_report, number_report
from tasks.approvals import APPROVAL, NUMBER

ZONE = "Asia/Ho_Chi_Minh"
AT_ONCE = 4  # runs at the same time; an approval that waits is not one of them
LOOK = "Nhìn trước lịch/hằng ngày"
OURS = "treem"
"""The tag of the deployments of this list."""


def approvals() -> list[RunnerDeployment]:
    """What never looks at the clock by itself: enough for a rehearsal, which lives at another time."""
    deciding = "Chờ quyết định của lãnh đạo về dự thảo. Mở lượt chạy đang dừng và bấm Resume để quyết định."
    numbering = "Chờ số, ngày Văn thư cấp rồi gửi báo cáo. Mở lượt chạy đang dừng và bấm Resume để ghi."
    return [
        _deployment(approve_report, APPROVAL.deployment, deciding),
        _deployment(number_report, NUMBER.deployment, numbering),
    ]


def deployments(repeating: bool = True) -> list[RunnerDeployment]:
    """Every deployment of the application; without its repeating schedules where the real clock has no say."""
    mail = [Cron("*/10 * * * *", timezone=ZONE, slug="moi-10-phut")] if repeating else []
    daily = [Cron("0 6 * * *", timezone=ZONE, slug="sang-som")] if repeating else []
    return [
        *approvals(),
        _deployment(advance_round, "các mốc", "Các mốc sắp tới của mọi đợt (thẻ Upcoming)."),
        _deployment(collect_mailbox, "10 phút một lần", "Nhận, đọc và báo nhận thư của các đơn vị.", mail),
        _deployment(look_ahead, "hằng ngày", "Đối chiếu kế hoạch với sổ theo dõi.", daily),
    ]


def _deployment(
    work: Flow[..., Any], name: str, description: str, schedules: Sequence[Schedule] = ()
) -> RunnerDeployment:
    """Loaded by module, so that it runs wherever the package is installed."""
    made = work.to_deployment(
        name,
        description=description,
        schedules=list(schedules) or None,
        tags=[OURS],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return cast(RunnerDeployment, made)  # `to_deployment` is a coroutine only where a loop is running


def register(wanted: Iterable[RunnerDeployment]) -> None:
    """Put the deployments on the server without running them."""
    with get_client(sync_client=True) as client:
        for deployment in wanted:
            settle(client, deployment)
            deployment.apply()


def settle(client: SyncPrefectClient, deployment: RunnerDeployment) -> None:
    """What registering leaves undone: drop schedules that left this list, and respect a pause set in the interface."""
    with contextlib.suppress(ObjectNotFound):  # not registered yet: nothing to settle
        there = client.read_deployment_by_name(f"{deployment.flow_name}/{deployment.name}")
        declared = {s.slug: s for s in deployment.schedules or []}
        for schedule in client.read_deployment_schedules(there.id):
            if schedule.slug in declared:
                declared[schedule.slug].active = schedule.active
            else:
                client.delete_deployment_schedule(there.id, schedule.id)


@dataclass(frozen=True)
class DeploymentChange:
    """How one deployment on the server differs from this list."""

    name: str
    change: Literal["added", "changed", "unchanged", "dropped"]
    details: tuple[str, ...] = ()


def compare(client: SyncPrefectClient, wanted: Sequence[RunnerDeployment]) -> list[DeploymentChange]:
    """What registering will change, and the deployments that left this list."""
    found = [_compared(client, deployment) for deployment in wanted]
    return found + [DeploymentChange(name, "dropped") for name in strangers(client, wanted)]


def strangers(client: SyncPrefectClient, wanted: Iterable[RunnerDeployment]) -> dict[str, UUID]:
    """Deployments of ours that are no longer in the list, by name."""
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[OURS]))
    there = {
        f"{client.read_flow(d.flow_id).name}/{d.name}": d.id for d in client.read_deployments(deployment_filter=ours)
    }
    return {name: there[name] for name in sorted(there.keys() - {f"{d.flow_name}/{d.name}" for d in wanted})}


def drop_strangers(client: SyncPrefectClient, wanted: Iterable[RunnerDeployment]) -> None:
    """Delete them with the runs that wait in them; runs of the past stay."""
    for there in strangers(client, wanted).values():
        client.delete_deployment(there)


def _compared(client: SyncPrefectClient, deployment: RunnerDeployment) -> DeploymentChange:
    name = f"{deployment.flow_name}/{deployment.name}"
    try:
        there = client.read_deployment_by_name(name)
    except ObjectNotFound:
        return DeploymentChange(name, "added")
    before, after = _rules(client.read_deployment_schedules(there.id)), _rules(deployment.schedules or [])
    details = [f"thêm lịch “{slug}”: {after[slug]}" for slug in after.keys() - before.keys()]
    details += [f"bỏ lịch “{slug}”: {before[slug]}" for slug in before.keys() - after.keys()]
    both = [slug for slug in after if slug in before and after[slug] != before[slug]]
    details += [f"đổi lịch “{slug}”: {before[slug]} → {after[slug]}" for slug in both]
    known = (there.description, there.entrypoint, set(there.tags))
    if known != (deployment.description, deployment.entrypoint, set(deployment.tags)):
        details.append("sửa mô tả")
    return DeploymentChange(name, "changed" if details else "unchanged", tuple(sorted(details)))


def _rules(schedules: Iterable[Any]) -> dict[str, str]:
    return {str(s.slug): f"{s.schedule.cron} ({s.schedule.timezone})" for s in schedules}


def serve(approvals_only: bool = False) -> None:
    """Register, look ahead at once, and run until told to stop. A stop never pauses the schedules."""
    wanted = approvals() if approvals_only else deployments()
    runner = Runner(name="treem", pause_on_shutdown=False, limit=AT_ONCE)
    with get_client(sync_client=True) as client:
        for deployment in wanted:
            settle(client, deployment)
            runner.add_deployment(deployment)
        lost_runs.watch()
        if not approvals_only:
            drop_strangers(client, wanted)
            client.create_flow_run_from_deployment(client.read_deployment_by_name(LOOK).id)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(runner.start())


def main() -> None:
    """The command line: `serve [--approvals-only]`."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.deployments", description="Chạy các luồng việc trên Prefect."
    )
    command = parser.add_subparsers(required=True).add_parser("serve", help="đăng ký và chạy cho đến khi dừng")
    command.add_argument("--approvals-only", action="store_true", help="chỉ chạy phê duyệt (dùng khi diễn tập)")
    serve(parser.parse_args().approvals_only)


if __name__ == "__main__":
    main()
