"""Steps of rounds: carry out what is due, know which rounds are in motion, show their state. Letters: `mailbox`."""

import json
from collections import Counter

from prefect import task
from prefect.client.orchestration import get_client

from tasks.artifacts import put_artifact
from tasks.door import STEP, house, moment
from tasks.naming import slug
from treem.rounds import board, report_record, steps


@task(task_run_name="Thực hiện việc đến hạn · {round_key}", **STEP)
def carry_out_round(round_key: str, now: str | None) -> dict[str, int]:
    """Do what the plan says and the ledger lacks; returns how many steps of each kind were done."""
    done = steps.carry_out(house(), round_key, moment(now))
    return dict(Counter(step.action for step in done))


@task(task_run_name="Các đợt đang chạy", **STEP)
def rounds_in_motion(now: str | None) -> list[str]:
    """Keys of the rounds that are open or due to open."""
    return list(steps.rounds_in_motion(house(), moment(now)))


@task(task_run_name="Cập nhật bảng theo dõi · {round_key}", **STEP)
def show_round(round_key: str, now: str | None) -> None:
    """Bring the round's table and progress in Prefect up to date. A round that is not open shows nothing."""
    rows = board.rows(house(), round_key, moment(now))
    if not rows:
        return
    updated = f"Cập nhật lúc {house().local(moment(now)):%H:%M %d/%m/%Y}."
    report = "".join(f"\n\n{line.strip()}" for line in report_record.standing(house(), round_key))
    title, share = house().plan(round_key).title, board.progress(house(), round_key)
    with get_client(sync_client=True) as client:
        put_artifact(
            client,
            slug(round_key),
            "table",
            json.dumps(rows, ensure_ascii=False),
            f"## {title}\n\n{updated}{report}",
        )
        put_artifact(client, f"{slug(round_key)}-tien-do", "progress", round(share, 1), f"{title}: đã chấp nhận")
