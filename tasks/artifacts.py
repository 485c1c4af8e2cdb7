"""Tables and progress in Prefect that are brought up to date in place. What they show is decided by the steps."""

from typing import Any
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import ArtifactCollectionFilter, ArtifactCollectionFilterKey


def put_artifact(client: SyncPrefectClient, key: str, kind: str, data: Any, description: str) -> None:
    """Write the artifact with that key, over the earlier one: a table every ten minutes must not pile up."""
    wanted = ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(any_=[key]))
    for earlier in client.read_latest_artifacts(artifact_filter=wanted, limit=1):
        client.update_artifact(earlier.latest_id, ArtifactUpdate(data=data, description=description))
        return
    run = runtime.flow_run.id
    new = ArtifactCreate(key=key, type=kind, data=data, description=description, flow_run_id=UUID(run) if run else None)
    client.create_artifact(new)
