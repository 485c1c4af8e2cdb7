"""The schedule in line with the plan: decided purely, then applied to a real server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient

from flows import reconcile
from flows.deployments import deployments
from flows.reconcile import Coming, Planned, differences
from treem.plan.almanac import Almanac
from treem.plan.load import load_settings
from treem.rounds.house import House

NOW = datetime(2027, 5, 1, tzinfo=UTC)
SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


def coming(milestone: str = "open", at: datetime = NOW + timedelta(days=20), year: int = 2027) -> Coming:
    return Coming(f"bao-cao-6-thang/{year}", milestone, at, f"Báo cáo 6 tháng {year} · {milestone}")


def planned(of: Coming) -> Planned:
    return Planned(uuid4(), of.key, of.at, of.name)


def test_a_schedule_in_line_changes_nothing() -> None:
    wanted = [coming(), coming("due")]
    changes = differences(wanted, [planned(c) for c in wanted], NOW)
    assert changes.counts() == {"thêm": 0, "dời": 0, "bỏ": 0, "giữ": 2}


def test_a_moved_date_moves_the_run_and_a_dropped_one_deletes_it() -> None:
    here, gone = planned(coming()), planned(coming("due"))
    target = replace(coming(), at=NOW + timedelta(days=21))
    changes = differences([target], [here, gone], NOW)
    assert (changes.create, changes.move, changes.delete) == ((), ((here, target),), (gone,))


@pytest.mark.parametrize(("days", "created"), [(-1, 0), (1, 1), (400, 1), (401, 0)])
def test_only_the_coming_400_days_are_created(days: int, created: int) -> None:
    assert len(differences([coming(at=NOW + timedelta(days=days))], [], NOW).create) == created


def test_a_late_run_is_not_taken_for_a_dropped_one() -> None:
    late = coming(at=NOW - timedelta(hours=3))
    assert differences([late], [planned(late)], NOW).delete == ()


def test_a_second_run_of_the_same_milestone_is_deleted() -> None:
    first, second = planned(coming()), planned(coming())
    assert differences([coming()], [first, second], NOW).delete == (second,)


@pytest.fixture
def deployment(client: SyncPrefectClient) -> UUID:
    found = next(d for d in deployments() if d.name == "các mốc")
    found.apply()
    return client.read_deployment_by_name(reconcile.DEPLOYMENT).id


def line_up(client: SyncPrefectClient, deployment: UUID, wanted: list[Coming]) -> dict[str, int]:
    changes = differences(wanted, reconcile.scheduled(client, deployment), datetime.now(UTC))
    reconcile.apply(client, deployment, changes)
    return changes.counts()


def test_on_a_real_server_runs_are_created_kept_moved_and_deleted(client: SyncPrefectClient, deployment: UUID) -> None:
    wanted = [coming(m, SOON + timedelta(days=i)) for i, m in enumerate(("open", "due", "close"))]
    assert line_up(client, deployment, wanted) == {"thêm": 3, "dời": 0, "bỏ": 0, "giữ": 0}
    assert line_up(client, deployment, wanted) == {"thêm": 0, "dời": 0, "bỏ": 0, "giữ": 3}

    before = {r.key: r for r in reconcile.scheduled(client, deployment)}
    moved = [replace(wanted[0], at=SOON + timedelta(days=9)), wanted[1]]
    assert line_up(client, deployment, moved) == {"thêm": 0, "dời": 1, "bỏ": 1, "giữ": 1}

    after = {r.key: r for r in reconcile.scheduled(client, deployment)}
    assert after[wanted[0].key].id == before[wanted[0].key].id  # moved, not made anew
    assert after[wanted[0].key].at == SOON + timedelta(days=9)
    assert after[wanted[0].key].name == "Báo cáo 6 tháng 2027 · open"
    assert set(after) == {wanted[0].key, wanted[1].key}
    assert line_up(client, deployment, []) == {"thêm": 0, "dời": 0, "bỏ": 2, "giữ": 0}


def test_more_runs_than_a_page_are_all_seen(
    client: SyncPrefectClient, deployment: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "PAGE", 3)
    wanted = [coming(f"remind-{i}", SOON + timedelta(days=i % 2)) for i in range(7)]
    line_up(client, deployment, wanted)
    assert line_up(client, deployment, wanted) == {"thêm": 0, "dời": 0, "bỏ": 0, "giữ": 7}
    line_up(client, deployment, [])


def test_the_shipped_plan_puts_every_milestone_of_the_six_month_report_on_the_schedule(tmp_path: Path) -> None:
    settings = load_settings(Path(__file__).parents[2] / "config", {})
    house = House(settings, Almanac(settings.holidays), cast(Any, None), tmp_path)
    changes = differences(reconcile.coming(house, NOW), [], NOW)
    plan = house.plan("bao-cao-6-thang/2027")
    mine = {c.milestone: c for c in changes.create if c.round == plan.key}
    assert set(mine) == {m.key for m in plan.milestones}
    assert mine["open"].name == "Báo cáo 6 tháng 2027 · mở đợt"
    assert {c.at.hour for c in mine.values()} == {plan.collection.hour}
    assert len({c.name for c in changes.create}) == len(changes.create)
    assert all(NOW < c.at <= NOW + reconcile.HORIZON for c in changes.create)
