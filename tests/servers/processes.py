"""Work in forked processes: killed at a chosen step, or several at the same moment."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence

import pytest

from treem.ledger.store import Ledger, open_ledger

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
Work = Callable[[Ledger], object]


def in_child(ledger: Ledger, work: Work) -> int:
    """Run `work` in a process of its own with the ledger opened anew; how it ended (negative: the signal)."""
    return together(ledger, [work])[0]


def together(ledger: Ledger, works: Sequence[Work]) -> list[int]:
    """Run several at the same moment, each in a process of its own; how they ended."""
    ledger.engine.dispose()  # a database connection must not cross a fork
    gate, opener = os.pipe()
    children = [_child(ledger, work, gate, opener) for work in works]
    os.close(opener)
    os.close(gate)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def reopened(ledger: Ledger) -> Ledger:
    """The same ledger, opened by another."""
    return open_ledger(ledger.engine.url.render_as_string(hide_password=False), ledger.originals._folder)


def _child(ledger: Ledger, work: Work, gate: int, opener: int) -> int:
    child = os.fork()
    if child:
        return child
    try:
        own = reopened(ledger)
        os.close(opener)
        os.read(gate, 1)  # returns when everybody is there
        work(own)
        os._exit(0)
    except BaseException:
        traceback.print_exc(file=sys.stderr)
        os._exit(1)
