"""A command on a leash ends with whoever started it, however that one ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows import leash

SLEEPER = "import os, time; print(os.getpid(), flush=True); time.sleep(120)"


def pid_in(log: Path) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if log.exists() and (text := log.read_text()).endswith("\n"):
            return int(text)
        time.sleep(0.05)
    raise AssertionError("the command did not start")


def is_gone(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_letting_go_ends_the_command(tmp_path: Path) -> None:
    held = leash.start([sys.executable, "-c", SLEEPER], os.environ, tmp_path / "log")
    pid = pid_in(tmp_path / "log")
    leash.let_go(held)
    assert is_gone(pid)
    leash.let_go(held)


def test_the_command_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    starter = (
        "import os, sys, time; from pathlib import Path; from flows import leash;"
        f"held = leash.start([sys.executable, '-c', {SLEEPER!r}], os.environ, Path({str(tmp_path / 'log')!r}));"
        "time.sleep(120)"
    )
    process = subprocess.Popen([sys.executable, "-c", starter])
    pid = pid_in(tmp_path / "log")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert is_gone(pid)


@pytest.mark.parametrize("status", [0, 3])
def test_the_commands_own_end_is_told(tmp_path: Path, status: int) -> None:
    held = leash.start([sys.executable, "-c", f"raise SystemExit({status})"], os.environ, tmp_path / "log")
    assert held.wait(20) == status
    leash.let_go(held)
