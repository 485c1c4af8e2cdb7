"""What the office sees of a round in Prefect: names, artifacts, and few task runs."""

import json
import time

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun

from flows import reconcile
from flows.agenda import look_ahead
from flows.deployments import approvals, register
from flows.mailbox import collect_mailbox
from flows.reports import advance_round
from tasks.door import moment
from tasks.mailbox import INBOX
from tests.flows.stand_in import ROUND, Book


def artifacts(client: SyncPrefectClient, key: str) -> list[object]:
    return [a for a in client.read_artifacts(limit=200) if a.key == key]


def task_names(client: SyncPrefectClient, run: FlowRun, expected: int) -> list[str]:
    """Names of the run's task runs; the server records them a moment after they ended."""
    mine = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = client.read_task_runs(flow_run_filter=mine)
        if len(found) >= expected:
            break
        time.sleep(0.2)
    return sorted(t.name for t in found)


def last_run(client: SyncPrefectClient) -> FlowRun:
    return max(client.read_flow_runs(limit=200), key=lambda r: r.created or 0)


@pytest.mark.usefixtures("book")
def test_a_step_is_named_and_shows_the_round_in_one_table(client: SyncPrefectClient) -> None:
    register(approvals())
    for _ in range(2):
        advance_round(ROUND, "open", now="2027-05-04T08:00:00+07:00")
    run = last_run(client)
    assert run.name == "Báo cáo 6 tháng 2027 · mở đợt"
    tables, shares = artifacts(client, "bao-cao-6-thang-2027"), artifacts(client, "bao-cao-6-thang-2027-tien-do")
    assert (len(tables), len(shares)) == (1, 1)
    assert len(json.loads(tables[0].data)) == 25  # type: ignore[attr-defined]
    assert "Báo cáo lần 1: dự thảo" in str(tables[0].description)  # type: ignore[attr-defined]
    assert shares[0].data == 40.0  # type: ignore[attr-defined]
    assert task_names(client, run, 5) == [
        "Chờ Văn thư cấp số · bao-cao-6-thang/2027",
        "Cập nhật bảng theo dõi · bao-cao-6-thang/2027",
        "Gửi thư trong hộp đi",
        "Thực hiện việc đến hạn · bao-cao-6-thang/2027",
        "Trình phê duyệt · bao-cao-6-thang/2027",
    ]


@pytest.mark.usefixtures("server")
def test_a_mail_server_that_is_down_does_not_hide_the_board(book: Book, client: SyncPrefectClient) -> None:
    register(approvals())
    book.change(down=True, state="sent")
    with pytest.raises(ValueError, match="máy chủ thư"):
        advance_round(ROUND, "close", now="2027-07-01T08:00:00+07:00")
    latest = artifacts(client, "bao-cao-6-thang-2027")[0]
    assert json.loads(latest.data)[0]["Trạng thái"] == "sent"  # type: ignore[attr-defined]


@pytest.mark.usefixtures("server")
def test_the_mailbox_is_fetched_read_and_acknowledged_in_that_order(book: Book, client: SyncPrefectClient) -> None:
    register(approvals())
    for _ in range(2):
        collect_mailbox(now="2027-06-01T08:00:00+07:00")
    once = ["collect", "process_stored", "raise_alarm", "carry_out", "send_due", "inbox"]
    assert book.read()["calls"] == once * 2
    (waiting,) = artifacts(client, INBOX)
    assert "Thư chờ người xem: 1" in str(waiting.description)
    assert [row["Lý do"] for row in json.loads(waiting.data)] == [  # type: ignore[attr-defined]
        "người gửi không có trong danh bạ"
    ]


@pytest.mark.usefixtures("server")
def test_the_look_ahead_knows_who_answered_before_it_writes_to_anybody(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(approvals())
    monkeypatch.setattr(reconcile, "line_up", lambda _now: {})
    look_ahead(now="2027-06-01T06:00:00+07:00")
    assert book.read()["calls"] == ["collect", "process_stored", "write_digest", "carry_out", "send_due"]


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="múi giờ"):
        moment("2027-06-01T08:00:00")
