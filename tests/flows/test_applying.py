"""`treem apply` on a real server: told before it is done, done once however often, and the look-ahead does the same."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import Result
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelled, Completed
from prefect.types.entrypoint import EntrypointType
from typer.testing import CliRunner

from flows import reconcile
from flows.commands import app
from flows.deployments import OURS
from flows.server import free_port
from tasks import door

SMALL = Path(__file__).parents[1] / "plan" / "small"
NAMES = {
    "Phê duyệt báo cáo/chờ quyết định",
    "Cấp số báo cáo/chờ số và ngày",
    "Bước của đợt báo cáo/các mốc",
    "Nhận thư/10 phút một lần",
    "Nhìn trước lịch/hằng ngày",
}


@dataclass
class Administrator:
    """Somebody who edits a configuration and types `treem apply`."""

    config: Path
    client: SyncPrefectClient

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.config / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def type(self, *words: str) -> Result:
        result = CliRunner().invoke(app, ("apply", "--config", str(self.config), *words))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return result

    def told(self, *words: str) -> str:
        result = self.type(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def data(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.told("--json", *words))
        return found

    def runs(self) -> dict[tuple[str, str], FlowRun]:
        """The coming runs by round and milestone."""
        deployment = self.client.read_deployment_by_name(reconcile.DEPLOYMENT).id
        waiting = [run for run in reconcile.scheduled(self.client, deployment) if run.waits]
        assert len({run.key for run in waiting}) == len(waiting)
        return {run.key: self.client.read_flow_run(run.id) for run in waiting}

    def deployments(self) -> list[UUID]:
        ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[OURS]))
        return [d.id for d in self.client.read_deployments(deployment_filter=ours)]

    def soon(self, activity: str, milestone: str) -> FlowRun:
        """The next run of that milestone."""
        found = [r for (key, m), r in self.runs().items() if m == milestone and key.startswith(activity)]
        return min(found, key=lambda run: run.expected_start_time or datetime.max.replace(tzinfo=UTC))


@pytest.fixture
def admin(client: SyncPrefectClient, tmp_path: Path) -> Iterator[Administrator]:
    """A copy of the small configuration, and a server without our deployments."""
    someone = Administrator(shutil.copytree(SMALL, tmp_path / "config"), client)
    for deployment in someone.deployments():
        client.delete_deployment(deployment)
    yield someone
    for deployment in someone.deployments():
        client.delete_deployment(deployment)


def test_a_look_at_what_would_change_changes_nothing(admin: Administrator) -> None:
    said = admin.told("--dry-run")
    assert "+ thêm nơi chạy: Nhận thư/10 phút một lần" in said
    assert "Tết Trung thu" in said
    assert "+ thêm: ngày tổ chức, 08:00 " in said
    assert said.splitlines()[-1] == "Chưa đổi gì (--dry-run). Để áp dụng: treem apply"
    assert admin.deployments() == []
    assert admin.data("--dry-run")["dry_run"] is True
    assert admin.deployments() == []


def test_applied_every_milestone_has_a_named_and_tagged_run_and_again_changes_nothing(admin: Administrator) -> None:
    first = admin.data()
    assert {d["name"]: d["change"] for d in first["deployments"]} == dict.fromkeys(NAMES, "added")
    runs = admin.runs()
    assert {(row["round"], row["milestone"]) for row in first["added"]} == set(runs)
    day = admin.soon("tet-trung-thu", "day")
    year = day.parameters["round_key"].split("/")[1]
    assert day.name == f"Tết Trung thu {year} · ngày tổ chức"
    rounds = {f"dot:tet-trung-thu/{year}", f"dot:tet-trung-thu/{year}/ket-qua"}
    assert set(day.tags) == {OURS, "lich-tu-dong", "hoat-dong:tet-trung-thu"} | rounds

    again = admin.data()
    assert {d["change"] for d in again["deployments"]} == {"unchanged"}
    assert (again["added"], again["moved"], again["dropped"], again["renamed"]) == ([], [], [], [])
    assert again["unchanged"] == len(runs)
    assert {key: run.id for key, run in admin.runs().items()} == {key: run.id for key, run in runs.items()}
    assert admin.told().splitlines()[-1] == "Prefect đã khớp với kế hoạch, không có gì phải đổi."


def test_a_moved_date_moves_its_run_and_is_told_from_and_to(admin: Administrator) -> None:
    admin.told()
    before = admin.runs()
    admin.edit("plan.yaml", '{before: "06-15"}', '{before: "06-12"}')
    said = admin.told("--dry-run")
    assert "~ dời: hạn nộp, từ 08:00 " in said
    assert " sang 08:00 " in said
    assert "Hạn nộp có dời: đơn vị đã được hỏi mà chưa nộp sẽ nhận thư báo hạn mới" in said
    assert {k: r.expected_start_time for k, r in admin.runs().items()} == {
        k: r.expected_start_time for k, r in before.items()
    }

    done = admin.data()
    after = admin.runs()
    assert done["moved"]
    assert {row["round"].split("/")[0] for row in done["moved"]} == {"bao-cao-6-thang"}
    for row in done["moved"]:
        key = row["round"], row["milestone"]
        assert after[key].expected_start_time == datetime.fromisoformat(row["to"])
        assert before[key].expected_start_time == datetime.fromisoformat(row["from"])
    assert admin.data()["moved"] == []


def test_a_dropped_activity_drops_its_coming_runs_and_keeps_its_past(admin: Administrator) -> None:
    admin.told()
    past = admin.soon("tet-trung-thu", "day")
    kept = len([1 for key, _ in admin.runs() if not key.startswith("tet-trung-thu")])
    admin.client.set_flow_run_state(past.id, Completed(), force=True)
    plan = admin.config / "plan.yaml"
    head, _, tail = plan.read_text(encoding="utf-8").partition("  - key: tet-trung-thu\n")
    plan.write_text(head + tail[tail.index("  - key: khai-giang") :], encoding="utf-8")
    admin.edit("forms/xa.yaml", ", tet-trung-thu", "")

    said = admin.told()
    assert "- bỏ: hạn nộp, 08:00 " in said
    assert {key.split("/")[0] for key, _ in admin.runs()} == {"bao-cao-6-thang", "khai-giang"}
    assert len(admin.runs()) == kept
    assert admin.client.read_flow_run(past.id).name == past.name


def test_a_new_name_is_given_to_the_run_that_is_there(admin: Administrator) -> None:
    admin.told()
    before = admin.soon("tet-trung-thu", "day")
    admin.edit("plan.yaml", "title: Tết Trung thu\n", "title: Đêm hội Trăng rằm\n")
    assert f"= đổi tên từ “{before.name}”: ngày tổ chức, 08:00 " in admin.told()
    after = admin.client.read_flow_run(before.id)
    assert after.name == before.name.replace("Tết Trung thu", "Đêm hội Trăng rằm")
    assert after.expected_start_time == before.expected_start_time


def test_a_run_that_a_person_cancelled_stays_cancelled(admin: Administrator) -> None:
    admin.told()
    run = admin.soon("khai-giang", "due")
    admin.client.set_flow_run_state(run.id, Cancelled(), force=True)
    assert admin.data()["added"] == []
    assert admin.client.read_flow_run(run.id).state_name == "Cancelled"


def test_a_run_started_by_hand_before_its_day_does_not_take_the_place_of_the_planned_one(admin: Administrator) -> None:
    admin.told()
    early = admin.soon("khai-giang", "due")
    admin.client.set_flow_run_state(early.id, Completed(), force=True)
    assert len(admin.data()["added"]) == 1
    assert admin.soon("khai-giang", "due").expected_start_time == early.expected_start_time
    assert admin.data()["added"] == []


def test_a_deployment_that_left_the_list_goes(admin: Administrator) -> None:
    @flow(name="Việc cũ")
    def old() -> None: ...

    old.to_deployment("mỗi tuần", tags=[OURS], entrypoint_type=EntrypointType.MODULE_PATH).apply()  # type: ignore[union-attr]
    old.to_deployment("của người khác", entrypoint_type=EntrypointType.MODULE_PATH).apply()  # type: ignore[union-attr]
    said = admin.told()
    assert "- bỏ nơi chạy: Việc cũ/mỗi tuần" in said
    assert len(admin.deployments()) == len(NAMES)
    assert admin.client.read_deployment_by_name("Việc cũ/của người khác")
    assert "bỏ nơi chạy" not in admin.told()


def test_a_changed_schedule_is_told(admin: Administrator) -> None:
    admin.told()
    there = admin.client.read_deployment_by_name("Nhìn trước lịch/hằng ngày")
    (daily,) = admin.client.read_deployment_schedules(there.id)
    admin.client.delete_deployment_schedule(there.id, daily.id)
    said = admin.told("--dry-run")
    assert "~ sửa nơi chạy: Nhìn trước lịch/hằng ngày\n    thêm lịch “sang-som”: 0 6 * * *" in said


@pytest.fixture
def at_home(admin: Administrator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """The tasks' house is that of the administrator; called, it is opened anew, as every run does."""
    monkeypatch.setenv("TREEM_CONFIG", str(admin.config))
    monkeypatch.setenv("TREEM_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("TREEM_LEDGER", f"sqlite:///{tmp_path}/ledger.sqlite")
    door._open.cache_clear()
    yield door._open.cache_clear
    door._open.cache_clear()


def test_the_daily_look_ahead_does_the_same_by_itself(admin: Administrator, at_home: Callable[[], None]) -> None:
    admin.told()
    admin.edit("plan.yaml", '{before: "06-15"}', '{before: "06-12"}')
    admin.edit("plan.yaml", "title: Rà soát đầu năm học", "title: Rà soát ngày khai giảng")
    expected = admin.data("--dry-run")
    at_home()
    counts = reconcile.line_up.fn(None)
    assert (counts["dời"], counts["đổi tên"]) == (len(expected["moved"]), len(expected["renamed"]))
    assert counts["dời"] > 0 < counts["đổi tên"]
    assert "không có gì phải đổi" in admin.told("--dry-run")
    a_year_on = datetime.now(UTC) + timedelta(days=300)
    assert reconcile.line_up.fn(a_year_on.isoformat())["thêm"] > 0  # as the days go by, later rounds come into view


# --- when it cannot be done


def test_a_wrong_config_is_told_as_by_check_before_prefect_is_asked(admin: Administrator) -> None:
    admin.edit("plan.yaml", '{before: "06-15"}', '{before: "06-31"}')
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}):
        result = admin.type()
    check = CliRunner().invoke(app, ("check", "--config", str(admin.config)))
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", check.stderr)
    assert "config/plan.yaml:15: " in result.stderr
    assert admin.deployments() == []


def test_without_a_server_the_address_is_named(admin: Administrator) -> None:
    url = f"http://ai-do:mat-khau@127.0.0.1:{free_port()}/api"
    with temporary_settings({PREFECT_API_URL: url}):
        result = admin.type("--dry-run")
    assert result.exit_code == 1
    assert f"Máy chủ Prefect không trả lời ở {url.replace('ai-do:mat-khau@', '')}. Hãy chạy" in result.stderr
    assert "mat-khau" not in result.output


def test_without_an_address_no_server_is_started_in_secret(admin: Administrator) -> None:
    with temporary_settings(restore_defaults=[PREFECT_API_URL]):
        result = admin.type("--dry-run")
    assert result.exit_code == 1
    assert "chưa đặt PREFECT_API_URL" in result.stderr
