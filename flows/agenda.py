"""The flow that looks ahead: it puts the coming runs on Prefect's schedule and does what a missed run left undone."""

from prefect import flow, get_run_logger

from flows import reconcile
from flows.reports import advance, send_and_show
from tasks import mailbox, rounds


@flow(name="Nhìn trước lịch", flow_run_name="Nhìn trước lịch")
def look_ahead(now: str | None = None) -> dict[str, int]:
    """Bring the schedule in line with the plan, take in what has arrived, write the day's digest, look at
    plan against ledger.

    While the mailbox cannot be read, or is left in peace, nobody is written to about a round: the answer may lie there.
    """
    changes = reconcile.line_up(now)
    get_run_logger().info("Lịch chạy: %s", changes)
    fetched = mailbox.collect_letters(now, return_state=True)  # after an outage the answers lie in the mailbox: nobody
    mailbox.process_letters(now)  # who answered meanwhile is reminded
    mailbox.write_digest(now)
    in_motion = rounds.rounds_in_motion(now)
    if fetched.is_completed() and not fetched.result().get("paused"):
        return advance(in_motion, now)
    get_run_logger().warning("Chưa đọc được hộp thư: chưa nhắc, chưa đôn đốc ai; việc của các đợt chờ lượt sau.")
    send_and_show(in_motion, now)
    return {}
