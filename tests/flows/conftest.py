"""One real Prefect server for every test of the flows, started from a migrated database."""

import os
from collections.abc import Iterator
from pathlib import Path

import prefect
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_HOME,
    PREFECT_LOGGING_LEVEL,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)

from flows.server import PrefectServer, migrated_database
from tasks import door
from tests.flows import stand_in

RUNNER_ENV = {"PYTHONPATH": str(Path(__file__).parent / "in_runner"), "PREFECT_LOGGING_LEVEL": "WARNING"}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[PrefectServer]:
    """A running server; this process talks to it, without the second that a heartbeat costs each flow."""
    template = Path(request.config.cache.mkdir("prefect")) / f"prefect-{prefect.__version__}.db"  # type: ignore[union-attr]
    home = tmp_path_factory.mktemp("prefect")
    with PrefectServer(home, template=migrated_database(template)) as running:
        mine = {
            PREFECT_HOME: home,
            PREFECT_API_URL: running.api_url,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            PREFECT_LOGGING_LEVEL: "WARNING",
            PREFECT_LOGGING_TO_API_ENABLED: False,  # what is still unsent when the server stops is an error message
        }
        with temporary_settings(mine):
            yield running


@pytest.fixture
def client(server: PrefectServer) -> Iterator[SyncPrefectClient]:
    """A client of that server."""
    with get_client(sync_client=True) as talking:
        assert str(talking.api_url).rstrip("/") == server.api_url
        yield talking


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> stand_in.Book:
    """The stand-in house, installed for this test, with a book of its own."""
    monkeypatch.setenv("TREEM_HOME", str(tmp_path))
    stand_in.install(monkeypatch.setattr)
    door._open.cache_clear()
    yield stand_in.book()  # type: ignore[misc]
    door._open.cache_clear()


def house_env() -> dict[str, str]:
    """What a runner needs to find the stand-in house of this test."""
    return RUNNER_ENV | {"TREEM_HOME": os.environ["TREEM_HOME"]}
