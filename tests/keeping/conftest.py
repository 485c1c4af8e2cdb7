"""An office in the middle of a round: requests sent, one answered, reminders queued, a lease out, a document made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.cases.office import JUNE, CaseDesk, Prepared, prepare, stage_for_cases
from tests.rounds.conftest import ROUND, at
from treem.keeping import archive
from treem.ledger.tables import LetterOut
from treem.rehearsal.stage import PASSWORD, PASSWORD_NAME, Stage
from treem.rounds.steps import carry_out

PASSPHRASE = "một mật khẩu đủ dài"


@pytest.fixture(autouse=True)
def quick_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes guessing dear makes tests slow."""
    monkeypatch.setitem(archive.SCRYPT, "n", 1 << 10)


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    made = stage_for_cases()
    with made.mail:
        yield made


@pytest.fixture(scope="session")
def prepared(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(stage, tmp_path_factory.mktemp("office"))


@dataclass
class Office:
    """A desk and the environment that names its house."""

    desk: CaseDesk
    home: Path
    env: Mapping[str, str]

    def at(self, home: Path) -> dict[str, str]:
        """The environment of another house."""
        return {**self.env, "TREEM_HOME": str(home)}


@pytest.fixture
def office(prepared: Prepared, tmp_path: Path) -> Iterator[Office]:
    home = tmp_path / "home"
    desk = prepared.desk(home)
    desk.answer("dai", desk.good("dai"), when=JUNE)
    desk.collect(at(6, 1, 9))
    carry_out(desk.house, ROUND, at(6, 10))  # writes reminders; nobody sends them
    (home / "documents" / "dot").mkdir()
    (home / "documents" / "dot" / "Báo cáo.docx").write_bytes(b"PK document")
    with desk.house.ledger.begin() as session:
        first = min(letter.id for letter in session.query(LetterOut) if letter.state == "queued")
        leased = {"state": "leased", "attempts": 1, "lease_until": at(6, 10) + timedelta(minutes=15)}
        session.execute(update(LetterOut).where(LetterOut.id == first).values(leased))
    env = {
        "TREEM_HOME": str(home),
        "TREEM_CONFIG": str(home / "config"),
        "TREEM_BACKUP_PASSPHRASE": PASSPHRASE,
        PASSWORD_NAME: PASSWORD,
    }
    yield Office(desk, home, env)
    desk.house.ledger.engine.dispose()
