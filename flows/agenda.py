"""The flow that looks ahead: it puts the coming runs on Prefect's schedule and does what a missed run left undone."""

from prefect import flow, get_run_logger

from flows import reconcile
from flows.reports import advance
from tasks import mailbox, rounds


@flow(name="Nhìn trước lịch", flow_run_name="Nhìn trước lịch")
def look_ahead(now: str | None = None) -> dict[str, int]:
    """Bring the schedule in line with the plan, take in what has arrived, write the day's digest, look at
    plan against ledger."""
    changes = reconcile.line_up(now)
    get_run_logger().info("Lịch chạy: %s", changes)
    mailbox.collect_letters(now, return_state=True)  # after an outage the answers lie in the mailbox: nobody who
    mailbox.process_letters(now)  # answered meanwhile is reminded; a mail server that is down stops nothing here
    mailbox.write_digest(now)
    return advance(rounds.rounds_in_motion(now), now)
