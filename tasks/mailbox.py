"""Steps of the mailbox: fetch, read and acknowledge, send. Prefect never sees a letter, only how many there were."""

from dataclasses import asdict

from prefect import task

from tasks.door import STEP, house, moment
from treem.mailroom import imap, smtp
from treem.rounds import intake


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
