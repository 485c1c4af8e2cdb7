"""Steps of the mailbox: fetch, read and acknowledge, send. Prefect never sees a letter, only how many there were."""

import json
from dataclasses import asdict

from prefect import task
from prefect.client.orchestration import get_client

from tasks.artifacts import put_artifact
from tasks.door import STEP, house, moment
from treem.mailroom import accounts, imap, smtp
from treem.mailroom.accounts import LOGIN, Pause
from treem.mailroom.errors import LoginRefused
from treem.rounds import digest, inbox, intake

INBOX = "thu-cho-nguoi-xem"
"""The key of the table of letters that wait for a person."""

SERVERS = "may-chu-thu"
"""The key of the table of mail servers that are left alone for a while."""


@task(task_run_name="Gửi thư trong hộp đi", **STEP)
def send_letters(now: str | None) -> dict[str, int]:
    """Send every letter that is due; returns the tally."""
    return asdict(smtp.send_due(house().ledger, house().settings.mail, moment(now)))


@task(task_run_name="Nhận thư mới", **STEP)
def collect_letters(now: str | None) -> dict[str, int]:
    """Keep every new letter of the office's mailbox; returns the tally."""
    return asdict(imap.collect(house().ledger, house().settings.mail, moment(now)))


@task(task_run_name="Đọc thư đã nhận", **STEP)
def process_letters(now: str | None) -> dict[str, int]:
    """Work through every kept letter and write the acknowledgements; returns the tally."""
    return asdict(intake.process_stored(house(), moment(now)))


@task(task_run_name="Báo sự cố thư", **STEP)
def raise_alarm(now: str | None) -> bool:
    """Write to the office when letters cannot leave or be read; whether there was anything to tell."""
    return digest.raise_alarm(house(), moment(now))


@task(task_run_name="Viết thư tổng hợp hằng ngày", **STEP)
def write_digest(now: str | None) -> bool:
    """Write today's digest to the office; whether there was anything to tell."""
    return digest.write_digest(house(), moment(now))


@task(task_run_name="Cập nhật bảng thư chờ người xem", **STEP)
def show_inbox(now: str | None) -> int:
    """Bring the table of letters that wait up to date, empty too; returns how many wait."""
    named = {"id": "Số", "received": "Nhận lúc", "who": "Người gửi", "kind": "Loại"}
    waiting = inbox.waiting(house())
    rows = [{title: getattr(x, key) for key, title in (named | {"reason": "Lý do"}).items()} for x in waiting]
    updated = f"Cập nhật lúc {house().local(moment(now)):%H:%M %d/%m/%Y}."
    how = "Xem: `treem inbox show SỐ`; gán: `treem inbox assign SỐ PHIẾU`; bỏ qua: `treem inbox dismiss SỐ --why …`."
    title = f"## Thư chờ người xem: {len(rows)}\n\n{updated} {how}"
    with get_client(sync_client=True) as client:
        put_artifact(client, INBOX, "table", json.dumps(rows, ensure_ascii=False), title)
    return len(rows)


@task(task_run_name="Cập nhật bảng máy chủ thư", **STEP)
def show_pauses(now: str | None) -> int:
    """Bring the table of mail servers that are left alone up to date, empty too; returns how many there are.

    Raises LoginRefused where a person must mend the account: no letter could tell so.
    """
    left_alone = accounts.pauses(house().ledger, house().settings.mail, moment(now))
    rows = [_words(pause) for pause in left_alone]
    title = f"## Máy chủ thư đang tạm dừng: {len(rows)}\n\nCập nhật lúc {house().local(moment(now)):%H:%M %d/%m/%Y}."
    with get_client(sync_client=True) as client:
        put_artifact(client, SERVERS, "table", json.dumps(rows, ensure_ascii=False), title)
    refused = [" ".join(row.values()) for pause, row in zip(left_alone, rows, strict=True) if pause.reason == LOGIN]
    if refused:
        raise LoginRefused(" ".join(refused))
    return len(rows)


def _words(pause: Pause) -> dict[str, str]:
    """A pause as a row: what is left alone, why, and what to do."""
    what = {"smtp": "Gửi thư:", "imap": "Nhận thư:"}[pause.role]
    again = f"{house().local(pause.until):%H:%M %d/%m}"
    if pause.reason == LOGIN:
        why = "máy chủ không nhận tên đăng nhập hoặc mật khẩu."
        todo = (
            "Hãy sửa tài khoản trong mail.yaml, hoặc đặt lại biến mật khẩu và khởi động lại chương trình, rồi chạy "
            f"treem mail-check. Hệ thống tự thử lại lúc {again}."
        )
    else:
        why = f"máy chủ đề nghị chờ (mã {pause.reason})."
        todo = f"Không phải làm gì; hệ thống tự thử lại lúc {again}."
    return {"Việc": what, "Vì sao": why, "Phải làm gì": todo}
