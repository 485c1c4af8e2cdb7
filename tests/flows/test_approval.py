"""The leader's decision: one suspended run a version, resumed through the API, asked again when it is lost."""

from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.states import Crashed

from flows import approval_desk
from flows.approval_desk import NotDecided
from flows.deployments import approvals, register
from flows.reports import Decision, advance_round
from flows.server import PrefectServer
from tasks.approvals import NobodyServes, approval_runs, ask_for_decision
from tests.flows.conftest import house_env
from tests.flows.stand_in import APPROVERS, ROUND, Book

NOW = "2027-06-18T09:00:00+07:00"


@pytest.fixture(autouse=True)
def none_before(client: SyncPrefectClient) -> None:
    for run in approval_runs(client, ROUND):
        client.delete_flow_run(run.id)


def ask() -> UUID:
    return UUID(ask_for_decision.fn(ROUND, True, NOW) or "")


@pytest.mark.usefixtures("book")
def test_asking_twice_gives_one_run(client: SyncPrefectClient) -> None:
    register(approvals())
    assert ask() == ask()
    assert [r.name for r in approval_runs(client, ROUND)] == ["Báo cáo 6 tháng 2027 · phê duyệt dự thảo lần 1"]


@pytest.mark.usefixtures("book")
def test_a_lost_run_is_asked_again(client: SyncPrefectClient) -> None:
    register(approvals())
    lost = ask()
    client.set_flow_run_state(lost, Crashed(message="mất tiến trình"), force=True)
    again = ask()
    assert again != lost
    assert ask() == again


def test_a_new_version_cancels_the_question_about_the_old_one(client: SyncPrefectClient, book: Book) -> None:
    register(approvals())
    old = ask()
    book.change(version=2)
    new = ask()
    states = {r.id: r.state.type.value for r in approval_runs(client, ROUND) if r.state}
    assert states == {old: "CANCELLED", new: "SCHEDULED"}


def test_nothing_waits_once_it_is_decided(client: SyncPrefectClient, book: Book) -> None:
    register(approvals())
    ask()
    book.change(state="sent")
    assert ask_for_decision.fn(ROUND, False, NOW) is None
    assert [r.state.type.value for r in approval_runs(client, ROUND) if r.state] == ["CANCELLED"]


@pytest.mark.usefixtures("book")
def test_without_a_deployment_the_failure_says_what_to_start(client: SyncPrefectClient) -> None:
    register(approvals())
    client.delete_deployment(client.read_deployment_by_name("Phê duyệt báo cáo/chờ quyết định").id)
    with pytest.raises(NobodyServes, match="deployments serve"):
        ask()


@pytest.mark.slow
def test_a_suspended_run_is_resumed_and_the_report_sent_on(
    server: PrefectServer, client: SyncPrefectClient, book: Book
) -> None:
    register(approvals())
    advance_round(ROUND, "close", now=NOW)
    server.start_runner(house_env(), approvals_only=True)
    try:
        run = approval_desk.waiting_run(client, ROUND)
        form = approval_desk.form_of(client, run)
        assert form is not None
        assert [f["title"] for f in form["properties"].values()] == ["Quyết định", "Người phê duyệt", "Ý kiến"]
        assert form["required"] == ["decision", "decided_by"]
        with pytest.raises(NotDecided):
            approval_desk.answer(client, run.id, Decision.approved, "Người lạ")
        approval_desk.answer(client, run.id, Decision.approved, APPROVERS[0], "Đồng ý")
        ended = approval_desk.ended(client, run.id)
    finally:
        server.stop_runner()
    assert ended.state and ended.state.is_completed(), ended.state
    assert book.read()["state"] == "sent"
    assert book.read()["decisions"] == [[1, "approved", "Trưởng phòng", "Đồng ý", NOW]]
    assert len(approval_runs(client, ROUND)) == 1
