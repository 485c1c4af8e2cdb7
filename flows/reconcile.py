"""Keeps Prefect's coming runs in line with the plan: one named run for each milestone of the coming 400 days.

Prefect neither moves nor deletes a run whose date left the configuration, and a yearly schedule of its own shows only
what lies within 100 days. So the dates are one-off runs, and this module compares: `coming` says which should be
there, `scheduled` which are, `differences` decides, `apply` does it. Round and milestone identify a run, so all of it
may happen twice. What the differences are called is in `flows.applying`.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

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
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

from tasks.door import STEP, house, moment
from tasks.naming import milestone_name, round_tags
from tasks.waiting_runs import PAGE
from treem.plan.agenda import certain_plans, years_around
from treem.plan.almanac import Almanac
from treem.plan.settings import Settings

HORIZON = timedelta(days=400)
MANAGED = "lich-tu-dong"
"""The tag of the runs this module owns; runs without it are left alone."""
DEPLOYMENT = "Bước của đợt báo cáo/các mốc"
ATTEMPTS = 10  # runs of one milestone on one date, of which all but the last have ended
READ = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLED]
"""The runs of a milestone that still has to come: waiting, just beginning, or cancelled by a person."""


@dataclass(frozen=True)
class Coming:
    """A run that should be on the schedule."""

    round: str
    milestone: str
    at: datetime
    name: str
    tags: frozenset[str] = frozenset()

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
    """A run that is on the schedule. One that does not wait has begun, or was cancelled by a person."""

    id: UUID
    key: tuple[str, str]
    at: datetime
    name: str
    tags: frozenset[str] = frozenset()
    waits: bool = True
    shown: datetime | None = None  # what Prefect's pages say instead of `at`, of a run whose state was rescheduled

    def stands(self, target: Coming) -> bool:
        """Whether it starts when it should, and the pages say so."""
        return self.at == target.at == (self.shown or self.at)


@dataclass(frozen=True)
class Changes:
    """What to do to bring the schedule in line. Those in `rename` keep their date; `keep` changes nothing."""

    create: tuple[Coming, ...] = ()
    move: tuple[tuple[Planned, Coming], ...] = ()
    rename: tuple[tuple[Planned, Coming], ...] = ()
    delete: tuple[Planned, ...] = ()
    keep: tuple[Planned, ...] = ()

    def counts(self) -> dict[str, int]:
        """For the log."""
        return {
            "thêm": len(self.create),
            "dời": len(self.move),
            "bỏ": len(self.delete),
            "đổi tên": len(self.rename),
            "giữ": len(self.keep),
        }


@task(task_run_name="Đối chiếu lịch chạy với kế hoạch", **STEP)
def line_up(now: str | None) -> dict[str, int]:
    """Compare and apply; returns how many runs were created, moved, deleted, renamed and kept."""
    at, settings = moment(now), house().settings
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(DEPLOYMENT).id
        changes = differences(coming(settings, house().almanac, at), scheduled(client, deployment), at)
        apply(client, deployment, changes)
    return changes.counts()


def coming(settings: Settings, almanac: Almanac, now: datetime) -> list[Coming]:
    """Every milestone of the rounds of some years around now, the past ones too: a late run must not look dropped."""
    year = now.astimezone(ZoneInfo(settings.office.timezone)).year
    plans = certain_plans(settings, almanac, years_around(year))
    return [
        Coming(p.key, m.key, p.instant_of(m), milestone_name(p, m.key), round_tags(p))
        for p in plans
        for m in p.milestones
    ]


def scheduled(client: SyncPrefectClient, deployment: UUID) -> list[Planned]:
    """The runs this module put on the schedule that are still to come, over all pages."""
    runs: list[FlowRun] = []
    while True:
        page = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=READ)),
                tags=FlowRunFilterTags(all_=[MANAGED]),
            ),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=PAGE,
            offset=len(runs),
        )
        runs += page
        if len(page) < PAGE:
            return [_planned(run) for run in runs]


def differences(wanted: Iterable[Coming], present: Sequence[Planned], now: datetime) -> Changes:
    """Decide. Runs are created up to the horizon only; a run of the past that is merely late stays.

    A run that a person cancelled is not made anew for the same date. Of two runs of one milestone the one that stands
    right stays.
    """
    by_key = {c.key: c for c in wanted}
    changes: dict[str, list[tuple[Planned, Coming]]] = {"move": [], "rename": [], "keep": []}
    delete: list[Planned] = []
    seen: set[tuple[str, str]] = set()
    waiting = [run for run in present if run.waits]
    for run in sorted(waiting, key=lambda run: not (run.key in by_key and run.stands(by_key[run.key]))):
        target = by_key.get(run.key)
        if target is None or run.key in seen:
            delete.append(run)
        else:
            seen.add(run.key)
            changes[_change(run, target)].append((run, target))
    settled = {(run.key, run.at) for run in present if not run.waits}
    create = [c for c in by_key.values() if c.key not in seen and (c.key, c.at) not in settled]
    return Changes(
        create=tuple(c for c in create if now < c.at <= now + HORIZON),
        move=tuple(changes["move"]),
        rename=tuple(changes["rename"]),
        delete=tuple(delete),
        keep=tuple(run for run, _ in changes["keep"]),
    )


def _change(run: Planned, target: Coming) -> str:
    if not run.stands(target):
        return "move"
    return "keep" if run.name == target.name and target.tags <= run.tags else "rename"


def apply(client: SyncPrefectClient, deployment: UUID, changes: Changes) -> None:
    """Apply; every call may be repeated, and another who does the same at the same time does no harm.

    A run that moves is made anew: rescheduling would leave the old date on Prefect's pages. The new one comes first, so
    that a stop between the two leaves one too many, which the next look deletes.
    """
    for new in (*changes.create, *(target for _, target in changes.move)):
        _create(client, deployment, new)
    for run in (*changes.delete, *(run for run, _ in changes.move)):
        with suppress(ObjectNotFound):
            client.delete_flow_run(run.id)
    for run, target in changes.rename:
        with suppress(ObjectNotFound):
            client.update_flow_run(run.id, name=target.name, tags=sorted(run.tags | target.tags))


def _create(client: SyncPrefectClient, deployment: UUID, new: Coming) -> None:
    """Create the run; who creates the same at the same time gets the same.

    A run under that key that has ended, as one started by hand before its day, or that was put to another day, is not
    what was asked for: then under the next key.
    """
    for attempt in range(1, ATTEMPTS + 1):
        run = client.create_flow_run_from_deployment(
            deployment,
            name=new.name,
            parameters={"round_key": new.round, "milestone": new.milestone},
            tags=sorted({MANAGED} | new.tags),
            state=Scheduled(scheduled_time=new.at),
            idempotency_key=new.idempotency_key + (f":{attempt}" if attempt > 1 else ""),
        )
        ended = run.state is not None and run.state.is_final()
        if run.deployment_id == deployment and not ended and _planned(run).stands(new):
            return


def _planned(run: FlowRun) -> Planned:
    at = run.next_scheduled_start_time or run.expected_start_time
    if at is None:
        raise ValueError(f"scheduled run {run.id} has no time")
    return Planned(
        id=run.id,
        key=(run.parameters.get("round_key", ""), run.parameters.get("milestone", "")),
        at=at,
        name=run.name,
        tags=frozenset(run.tags),
        waits=run.state_type == StateType.SCHEDULED and run.run_count == 0,
        shown=run.expected_start_time,
    )
