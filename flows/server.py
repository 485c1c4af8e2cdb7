"""A private Prefect server and its runner, on 127.0.0.1, for the rehearsal and for tests.

Belongs here: starting and stopping the two processes and the settings they need. Nothing here imports Prefect, so that
a caller can put `server_env` into its environment first: Prefect reads its settings when it is imported.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

from flows import leash

HOST = "127.0.0.1"
STARTING = 120.0  # seconds a server may take: a new database is migrated first


class ServerDown(Exception):
    """The private Prefect server did not start, or died."""


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def server_env(home: Path, port: int) -> dict[str, str]:
    """Prefect's settings for a server at that port and everyone who talks to it."""
    url = f"http://{HOST}:{port}"
    return {
        "PREFECT_HOME": str(home.resolve()),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
        # The older interface: "Resume" is a visible button there, and its pages load nothing from outside hosts.
        "PREFECT_SERVER_UI_V2_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # Without these two, any page open in the same browser could resume an approval.
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": url,
        # SQLite takes one writer: fewer, larger transactions record a task run in half the time.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "50",
    }


class PrefectServer:
    """A server, and on request a runner, that end with this object or with the process that made it."""

    def __init__(self, home: Path, port: int | None = None, template: Path | None = None) -> None:
        """`template` is an already migrated SQLite database: starting from a copy saves about ten seconds."""
        self.home = home
        self.port = port or free_port()
        self.settings = server_env(home, self.port)
        self.api_url = self.settings["PREFECT_API_URL"]
        self.ui_url = f"http://{HOST}:{self.port}"
        self._template = template
        self._server: subprocess.Popen[bytes] | None = None
        self._runner: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the server and return at once; `wait` says when it answers."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = self.home / "prefect.db"
        if self._template and not database.exists():
            shutil.copyfile(self._template, database)
        self._server = leash.start(_prefect("server", "start"), self._env({}), self.home / "server.log")
        return self

    def wait(self, seconds: float = STARTING) -> None:
        """Wait until the server answers. Raises ServerDown."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._server is None or self._server.poll() is not None:
                raise ServerDown("Máy chủ Prefect đã dừng khi đang khởi động; xem server.log trong thư mục của nó.")
            if _healthy(self.api_url):
                return
            time.sleep(0.1)
        raise ServerDown(f"Máy chủ Prefect không trả lời sau {seconds:.0f} giây; xem server.log trong thư mục của nó.")

    def join(self) -> None:
        """Wait until the server ends by itself or is stopped from elsewhere."""
        if self._server:
            self._server.wait()

    def start_runner(self, env: Mapping[str, str], *, poll: float = 1.0, approvals_only: bool = False) -> None:
        """Start `python -m flows.deployments serve`; `env` says where the house is.

        `approvals_only` leaves out everything that looks at the real clock: the rehearsal lives at another time.
        """
        more = dict(env) | {"PREFECT_RUNNER_POLL_FREQUENCY": str(max(1, round(poll)))}
        command = [
            sys.executable,
            "-m",
            "flows.deployments",
            "serve",
            *(["--approvals-only"] if approvals_only else []),
        ]
        self._runner = leash.start(command, self._env(more), self.home / "runner.log")

    def stop_runner(self) -> None:
        """Stop the runner; runs it has not started stay scheduled."""
        if self._runner:
            leash.let_go(self._runner)
            self._runner = None

    def stop(self) -> None:
        """Stop the runner, then the server."""
        self.stop_runner()
        if self._server:
            leash.let_go(self._server)
            self._server = None

    def __enter__(self) -> Self:
        """Start and wait."""
        try:
            self.start().wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _env(self, more: Mapping[str, str]) -> dict[str, str]:
        """The caller's environment without Prefect settings of another server."""
        return {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")} | self.settings | dict(more)


def migrated_database(path: Path) -> Path:
    """An empty, migrated Prefect database at `path`, made once: a template for `PrefectServer`."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        home = path.parent / f"home-{os.getpid()}"
        env = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        env |= server_env(home, 1) | {"PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{part.resolve()}"}
        env.pop("PREFECT_API_URL")
        subprocess.run(_prefect("server", "database", "upgrade", "-y"), env=env, check=True, capture_output=True)
        part.replace(path)
        shutil.rmtree(home, ignore_errors=True)
    return path


def _prefect(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "prefect", *arguments]


def _healthy(api_url: str) -> bool:
    try:
        with urlopen(f"{api_url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
