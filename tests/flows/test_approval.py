"""The leader's decision: one suspended run a version, resumed through the API, asked again when it is lost."""

from datetime import date
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.states import Crashed

from flows import approval_desk
from flows.approval_desk import NotDecided
from flows.deployments import approvals, register
from flows.reports import Decision, advance_round
from flows.server import PrefectServer
from tasks.approvals import APPROVAL, NUMBER, NobodyServes, approval_runs, ask_for_decision, ask_for_number
from tasks.waiting_runs import runs_of
from tests.flows.conftest import house_env
from tests.flows.stand_in import APPROVERS, ROUND, Book

NOW = "2027-06-18T09:00:00+07:00"


@pytest.fixture(autouse=True)
def none_before(client: SyncPrefectClient) -> None:
    for question in (APPROVAL, NUMBER):
        for run in runs_of(client, question, ROUND):
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


def test_the_number_is_asked_for_once_and_no_longer_when_it_is_there(client: SyncPrefectClient, book: Book) -> None:
    register(approvals())
    book.change(state="approved")
    asked = [ask_for_number.fn(ROUND, True, NOW) for _ in range(2)]
    assert asked[0] == asked[1]
    assert [r.name for r in runs_of(client, NUMBER, ROUND)] == ["Báo cáo 6 tháng 2027 · cấp số báo cáo lần 1"]
    book.change(state="numbered")  # typed on the command line meanwhile
    assert ask_for_number.fn(ROUND, False, NOW) is None
    assert [r.state.type.value for r in runs_of(client, NUMBER, ROUND) if r.state] == ["CANCELLED"]


@pytest.mark.slow
def test_suspended_runs_are_resumed_and_the_report_sent_on(
    server: PrefectServer, client: SyncPrefectClient, book: Book
) -> None:
    register(approvals())
    advance_round(ROUND, "close", now=NOW)
    server.start_runner(house_env(), approvals_only=True)
    try:
        run = approval_desk.waiting_run(client, ROUND)
        form = approval_desk.form_of(client, run)
        assert form is not None
        assert [f["title"] for f in form["properties"].values()] == [
            "Quyết định",
            "Người phê duyệt",
            "Ý kiến",
            "Nội dung cần sửa (khi trả lại)",
        ]
        assert form["required"] == ["decision", "decided_by"]
        with pytest.raises(NotDecided):
            approval_desk.answer(client, run.id, Decision.approved, "Người lạ")
        approval_desk.answer(client, run.id, Decision.approved, APPROVERS[0], "Đồng ý")
        ended = approval_desk.ended(client, run.id)
        assert ended.state and ended.state.is_completed(), ended.state
        run = approval_desk.waiting_run(client, ROUND, question=NUMBER)
        form = approval_desk.form_of(client, run)
        assert form is not None
        assert [f["title"] for f in form["properties"].values()] == ["Số", "Ngày ban hành", "Người nhập"]
        for wrong in ("12/BC-UBND", "mười hai", ""):
            with pytest.raises(NotDecided):
                approval_desk.give_number(client, run.id, wrong, date(2027, 6, 18), "Văn thư")
        approval_desk.give_number(client, run.id, "99", date(2027, 6, 18), "Văn thư")  # taken: it is asked again
        first = run.state.state_details.run_input_keyset if run.state else None
        run = approval_desk.waiting_run(client, ROUND, question=NUMBER, after=first)
        assert run.state and run.state.state_details.run_input_keyset != first
        approval_desk.give_number(client, run.id, "12a", date(2027, 6, 18), "Văn thư")
        ended = approval_desk.ended(client, run.id)
    finally:
        server.stop_runner()
    assert ended.state and ended.state.is_completed(), ended.state
    assert book.read()["numbers"] == [[1, "12a", "2027-06-18", "Văn thư", NOW]]
    assert book.read()["state"] == "sent"
    assert book.read()["decisions"] == [[1, "approved", "Trưởng phòng", "Đồng ý", NOW]]
    assert len(approval_runs(client, ROUND)) == 1
