"""What no letter can tell, because letters do not leave: the office sees it in Prefect."""

import json

import pytest
from prefect.client.orchestration import SyncPrefectClient

from flows.deployments import approvals, register
from flows.mailbox import collect_mailbox
from tasks.mailbox import INBOX, SERVERS
from tests.flows.stand_in import Book
from tests.flows.test_rounds import artifacts, last_run
from treem.mailroom.accounts import LOGIN
from treem.mailroom.errors import LoginRefused

NOW = "2027-06-01T08:00:00+07:00"


def shown(client: SyncPrefectClient) -> list[dict[str, str]]:
    (table,) = artifacts(client, SERVERS)
    return json.loads(table.data)  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def registered(client: SyncPrefectClient) -> None:  # noqa: ARG001 (it talks to the server)
    register(approvals())


@pytest.mark.parametrize(("role", "what"), [("smtp", "Gửi thư"), ("imap", "Nhận thư")])
def test_a_refused_login_fails_the_run_and_says_what_to_do(
    book: Book, client: SyncPrefectClient, role: str, what: str
) -> None:
    book.change(state="sent", pauses=[(role, LOGIN)])
    with pytest.raises(LoginRefused):
        collect_mailbox(now=NOW)
    state = last_run(client).state
    assert state is not None and state.is_failed()
    told = f"{what}: máy chủ không nhận tên đăng nhập hoặc mật khẩu. Hãy sửa tài khoản trong mail.yaml"
    assert told in str(state.message)
    assert "treem mail-check" in str(state.message)
    assert [row["Việc"] for row in shown(client)] == [f"{what}:"]
    assert book.read()["calls"].count("inbox") == 1


def test_a_server_that_asked_to_wait_is_shown_and_needs_nobody(book: Book, client: SyncPrefectClient) -> None:
    book.change(state="sent", pauses=[("smtp", "421 4.3.2")])
    collect_mailbox(now=NOW)
    (row,) = shown(client)
    assert row["Vì sao"] == "máy chủ đề nghị chờ (mã 421 4.3.2)."
    assert row["Phải làm gì"] == "Không phải làm gì; hệ thống tự thử lại lúc 08:30 01/06."
    book.change(pauses=[])
    collect_mailbox(now=NOW)
    assert shown(client) == []


def test_letters_that_wait_are_shown_also_when_nothing_can_be_sent(book: Book, client: SyncPrefectClient) -> None:
    book.change(state="sent", down=True)
    with pytest.raises(ValueError, match="máy chủ thư"):
        collect_mailbox(now=NOW)
    assert "inbox" in book.read()["calls"]
    assert len(artifacts(client, INBOX)) == 1
