"""Takes in what lies in the mailbox, in a process whose memory is only this work's; says in JSON what became of it."""

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from sqlalchemy import func, select

from tests.rounds.conftest import at
from treem.forms import sandbox
from treem.ledger.tables import LetterIn, LetterOut
from treem.mailroom import imap
from treem.rounds import intake
from treem.rounds.house import house_from_environment

NOW = at(6, 20)


def main() -> None:
    """Collect, process, look at memory and children."""
    house = house_from_environment(os.environ)
    imap.collect(house.ledger, house.settings.mail, NOW)
    slowest, process = [0.0], intake._process

    def timed(*args):  # type: ignore[no-untyped-def]
        begun = time.monotonic()
        try:
            return process(*args)
        finally:
            slowest[0] = max(slowest[0], time.monotonic() - begun)

    intake._process = timed
    intake.process_stored(house, NOW)
    with house.ledger.begin() as session:
        states = Counter(session.scalars(select(LetterIn.state)))
        verdicts = Counter(session.scalars(select(LetterIn.verdict)))
        acks = session.scalar(select(func.count(LetterOut.id)).where(LetterOut.kind == "ack"))
    sandbox._close()
    said = {
        "states": states, "verdicts": verdicts, "acks": acks, "slowest": slowest[0],
        "memory": _most_memory(), "children": _children(),
    }  # fmt: skip
    sys.stdout.write(json.dumps(said) + "\n")


def _most_memory() -> int:
    """The most memory this program has had, in bytes. Not getrusage: there Linux counts what its parent had, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _children() -> int:
    """Processes of ours that are still there."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    return len(listed.read_text().split()) if listed.exists() else 0


if __name__ == "__main__":
    main()
