"""What every throw-away server here needs: ports, a folder its unprivileged parts may enter, and patience."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on, all different."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


@contextmanager
def state_folder(name: str) -> Iterator[Path]:
    """A folder that is gone afterwards. Pytest's own may be entered by nobody else, and socket paths must be short."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_until(happened: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Look again and again until it has happened."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Whether anybody answers there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def missing(**programs: str) -> str | None:
    """Why a server cannot run here: the first program that is not installed, with the Debian package that has it."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/lib/dovecot"])
    for program, package in programs.items():
        if shutil.which(program, path=path) is None:
            return f"{program} is not installed (Debian package {package})"
    return None
