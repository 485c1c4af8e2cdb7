"""The numbered cases of the mail checklist (tests/test_cases.py), as real letters over the embedded SMTP and IMAP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cases.office import CaseDesk, Prepared, prepare, stage_for_cases
from treem.rehearsal.stage import Stage


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """One mail server a process; each case empties the office's mailbox first."""
    made = stage_for_cases()
    with made.mail:
        yield made


@pytest.fixture(scope="session")
def prepared(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The office after asking `dai`, `tckh` and the commune 03390."""
    return prepare(stage, tmp_path_factory.mktemp("office"))


@pytest.fixture
def desk(prepared: Prepared, tmp_path: Path) -> CaseDesk:
    """A copy of that office: every case begins with three requests sent and nothing received."""
    return prepared.desk(tmp_path / "home")
