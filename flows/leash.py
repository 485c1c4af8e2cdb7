"""Runs a command that never outlives the process that asked for it, even when that process is killed.

`python -m flows.leash COMMAND…` starts the command in a session of its own and holds on to standard input: when the
other end of that pipe goes away, for whatever reason, the command and everything it started is ended. No Prefect here.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

GRACE = 15.0  # seconds between asking to stop and killing


def start(command: Sequence[str], env: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    """Start the command on a leash; its output goes to `log`. Close the returned process's stdin to end it."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.leash", *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            start_new_session=True,  # Ctrl-C reaches the caller only, who then lets go in its own order
        )


def let_go(leashed: "subprocess.Popen[bytes]") -> None:
    """End what `start` started, and wait for it. Doing it twice is harmless."""
    if leashed.stdin and not leashed.stdin.closed:
        leashed.stdin.close()
    try:
        leashed.wait(GRACE + 5)
    except subprocess.TimeoutExpired:
        leashed.kill()
        leashed.wait()


def _hold(command: Sequence[str]) -> NoReturn:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def ended() -> None:
        status = child.wait()
        _signal(child, kill=True)  # what the command left behind in its session
        os._exit(status if status >= 0 else 128 - status)

    def asked(_number: int, _frame: FrameType | None) -> None:
        _end(child)

    threading.Thread(target=ended, daemon=True).start()
    signal.signal(signal.SIGTERM, asked)
    while os.read(sys.stdin.fileno(), 1024):
        pass
    _end(child)
    threading.Event().wait(5)  # `ended` leaves with the command's own status
    os._exit(1)


def _end(child: "subprocess.Popen[bytes]") -> None:
    _signal(child)
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        _signal(child, kill=True)


def _signal(child: "subprocess.Popen[bytes]", kill: bool = False) -> None:
    """Ask the command to stop; or kill its whole session."""
    try:
        if os.name == "nt":
            child.kill() if kill else child.terminate()
        elif kill:
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.send_signal(signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        return  # it is gone already


if __name__ == "__main__":
    _hold(sys.argv[1:])
