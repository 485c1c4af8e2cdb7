"""Steps of rounds: carry out what is due, know which rounds are in motion, show their state. Letters: `mailbox`."""

import json
from collections import Counter
from typing import Any
from uuid import UUID

from prefect import runtime, task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import ArtifactCollectionFilter, ArtifactCollectionFilterKey

from tasks.door import STEP, house, moment
from tasks.naming import slug
from treem.rounds import board, steps


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
    title, share = house().plan(round_key).title, board.progress(house(), round_key)
    with get_client(sync_client=True) as client:
        put_artifact(
            client,
            slug(round_key),
            "table",
            json.dumps(rows, ensure_ascii=False),
            f"## {title}\n\n{updated}",
        )
        put_artifact(client, f"{slug(round_key)}-tien-do", "progress", round(share, 1), f"{title}: đã chấp nhận")


def put_artifact(client: SyncPrefectClient, key: str, kind: str, data: Any, description: str) -> None:
    """Write the artifact with that key, over the earlier one: a table every ten minutes must not pile up."""
    wanted = ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(any_=[key]))
    for earlier in client.read_latest_artifacts(artifact_filter=wanted, limit=1):
        client.update_artifact(earlier.latest_id, ArtifactUpdate(data=data, description=description))
        return
    run = runtime.flow_run.id
    new = ArtifactCreate(key=key, type=kind, data=data, description=description, flow_run_id=UUID(run) if run else None)
    client.create_artifact(new)
