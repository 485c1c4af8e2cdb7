"""The flow of the mailbox: fetch what has arrived, read it, acknowledge it, show it."""

from prefect import flow, get_run_logger

from flows.reports import advance
from tasks import mailbox, rounds


@flow(name="Nhận thư", flow_run_name="Nhận thư")
def collect_mailbox(now: str | None = None) -> dict[str, int]:
    """Collect, process, acknowledge. What was fetched before a failure is kept and processed next time.

    Fails as long as a server refuses the office's account: it is seen here, where letters cannot tell it.
    """
    fetched = mailbox.collect_letters(now, return_state=True)
    read = mailbox.process_letters(now)  # letters kept earlier do not wait for the mail server
    mailbox.raise_alarm(now)
    try:
        advance(rounds.rounds_in_motion(now), now)  # acknowledgements leave, and late figures make a new draft
    finally:  # a server that takes no letters hides neither what waits nor what to do about it
        mailbox.show_inbox(now)
        mailbox.show_pauses(now)
    got = fetched.result()
    get_run_logger().info("Thư đến: %s; đã đọc: %s", got, read)
    return got | read
