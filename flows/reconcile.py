"""Keeps Prefect's coming runs in line with the plan: one named run for each milestone of the coming 400 days.

Prefect neither moves nor deletes a run whose date left the configuration, and a yearly schedule of its own shows only
what lies within 100 days. So the dates are one-off runs, and this module compares: `coming` says which should be
there, `scheduled` which are, `differences` decides, `line_up` applies. Round and milestone identify a run, so all of it
may happen twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from prefect import task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Scheduled

from tasks.approvals import PAGE
from tasks.door import STEP, house, moment
from tasks.naming import milestone_name, round_tag
from treem.plan.agenda import calendar
from treem.rounds.house import House

HORIZON = timedelta(days=400)
MANAGED = "lich-tu-dong"
"""The tag of the runs this module owns; runs without it are left alone."""
DEPLOYMENT = "Bước của đợt báo cáo/các mốc"


@dataclass(frozen=True)
class Coming:
    """A run that should be on the schedule."""

    round: str
    milestone: str
    at: datetime
    name: str

    @property
    def key(self) -> tuple[str, str]:
        """What identifies it however its date moves."""
        return self.round, self.milestone

    @property
    def idempotency_key(self) -> str:
        """Two who create it at the same time create one run; another date is another run."""
        return f"{self.round}:{self.milestone}@{self.at.isoformat()}"


@dataclass(frozen=True)
class Planned:
    """A run that is on the schedule and has not started."""

    id: UUID
    key: tuple[str, str]
    at: datetime
    name: str


@dataclass(frozen=True)
class Changes:
    """What to do to bring the schedule in line."""

    create: tuple[Coming, ...] = ()
    move: tuple[tuple[Planned, Coming], ...] = ()
    delete: tuple[Planned, ...] = ()
    keep: int = field(default=0)

    def counts(self) -> dict[str, int]:
        """For the log."""
        return {"thêm": len(self.create), "dời": len(self.move), "bỏ": len(self.delete), "giữ": self.keep}


@task(task_run_name="Đối chiếu lịch chạy với kế hoạch", **STEP)
def line_up(now: str | None) -> dict[str, int]:
    """Compare and apply; returns how many runs were created, moved, deleted and kept."""
    at = moment(now)
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(DEPLOYMENT).id
        changes = differences(coming(house(), at), scheduled(client, deployment), at)
        apply(client, deployment, changes)
    return changes.counts()


def coming(house: House, now: datetime) -> list[Coming]:
    """Every milestone of last year's to next year's rounds, the past ones too: a late run must not look dropped."""
    year = house.local(now).year
    rows = [row for y in range(year - 1, year + 3) for row in calendar(house.settings, house.almanac, y)]
    plans = [house.plan(key) for key in dict.fromkeys(row.round for row in rows)]
    return [Coming(p.key, m.key, p.instant_of(m), milestone_name(p, m.key)) for p in plans for m in p.milestones]


def scheduled(client: SyncPrefectClient, deployment: UUID) -> list[Planned]:
    """The runs this module put on the schedule that have never started, over all pages."""
    runs: list[FlowRun] = []
    while True:
        page = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
                tags=FlowRunFilterTags(all_=[MANAGED]),
            ),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=PAGE,
            offset=len(runs),
        )
        runs += page
        if len(page) < PAGE:
            return [_planned(run) for run in runs if run.run_count == 0]


def differences(wanted: Iterable[Coming], present: Sequence[Planned], now: datetime) -> Changes:
    """Decide. Runs are created up to the horizon only; a run of the past that is merely late stays."""
    by_key = {c.key: c for c in wanted}
    move: list[tuple[Planned, Coming]] = []
    delete: list[Planned] = []
    seen: set[tuple[str, str]] = set()
    for run in present:
        target = by_key.get(run.key)
        if target is None or run.key in seen:
            delete.append(run)
            continue
        seen.add(run.key)
        if (run.at, run.name) != (target.at, target.name):
            move.append((run, target))
    create = tuple(c for c in by_key.values() if c.key not in seen and now < c.at <= now + HORIZON)
    return Changes(create, tuple(move), tuple(delete), len(seen) - len(move))


def apply(client: SyncPrefectClient, deployment: UUID, changes: Changes) -> None:
    """Apply; every call may be repeated."""
    for run in changes.delete:
        client.delete_flow_run(run.id)
    for run, target in changes.move:
        client.set_flow_run_state(run.id, Scheduled(scheduled_time=target.at))
        client.update_flow_run(run.id, name=target.name)
    for new in changes.create:
        client.create_flow_run_from_deployment(
            deployment,
            name=new.name,
            parameters={"round_key": new.round, "milestone": new.milestone},
            tags=[MANAGED, round_tag(new.round)],
            state=Scheduled(scheduled_time=new.at),
            idempotency_key=new.idempotency_key,
        )


def _planned(run: FlowRun) -> Planned:
    at = run.next_scheduled_start_time or run.expected_start_time
    if at is None:
        raise ValueError(f"scheduled run {run.id} has no time")
    return Planned(run.id, (run.parameters["round_key"], run.parameters["milestone"]), at, run.name)
