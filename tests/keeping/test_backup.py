"""`treem backup` and `treem restore`: what is brought back is what was kept, and nothing is sent twice."""

import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from tests.cases.office import house_in
from tests.keeping.conftest import PASSPHRASE, Office
from tests.rounds.conftest import at
from treem.cli import app
from treem.keeping import archive, backup, database, restore
from treem.keeping.errors import (
    ArchiveDamaged,
    ArchiveTooNew,
    KeepingError,
    NoPassphrase,
    NothingToKeep,
    OtherDatabase,
    ProgramMissing,
    TargetExists,
    WrongPassphrase,
)
from treem.keeping.places import passphrase, places_from_environment
from treem.ledger.tables import LetterOut, Mailbox
from treem.mailroom import smtp

NOON = at(6, 10, 12)


def kept(office: Office, file: Path) -> backup.Kept:
    return backup.back_up(places_from_environment(office.env), file, PASSPHRASE, NOON)


def brought(office: Office, file: Path, home: Path, words: str = PASSPHRASE) -> restore.BroughtBack:
    return restore.restore(places_from_environment(office.at(home)), file, words)


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_is_brought_back_is_what_was_kept(office: Office, tmp_path: Path) -> None:
    file, home = tmp_path / "copy.zip", tmp_path / "new" / "home"
    made = kept(office, file)
    back = brought(office, file, home)
    assert made.rows == back.rows > 30
    assert made.originals == back.originals > 0
    assert (made.documents, made.config > 5, made.damaged) == (1, True, ())
    for room in ("originals", "documents", "config"):
        assert files(home / room) == files(office.home / room)
    before, after = (database.sums_of_sqlite(h / "ledger.sqlite") for h in (office.home, home))
    assert {t for t in before if before[t] != after[t]} == {"letter_out"}  # the lease, given back
    assert file.stat().st_mode & 0o777 == 0o600
    assert {p.stat().st_mode & 0o077 for p in home.rglob("*")} | {home.stat().st_mode & 0o077} == {0}
    assert not list(office.home.glob(".backup-*"))
    assert [p.name for p in home.parent.iterdir()] == ["home"]


def test_nothing_is_sent_again_and_what_waited_is_sent_as_it_was(office: Office, tmp_path: Path) -> None:
    file, home = tmp_path / "copy.zip", tmp_path / "new"
    with office.desk.house.ledger.begin() as session:
        letters = {x.message_id: (x.state, x.raw, x.sent_at) for x in session.scalars(select(LetterOut))}
        places = [(m.folder, m.uidvalidity, m.last_uid) for m in session.scalars(select(Mailbox))]
    kept(office, file)
    back = brought(office, file, home)
    waiting = {m for m, (state, _, _) in letters.items() if state in ("queued", "leased")}
    assert (back.waiting, back.leases) == (len(waiting), 1)
    house = house_in(home, office.desk.house.settings)
    with house.ledger.begin() as session:
        assert {x.message_id: x.raw for x in session.scalars(select(LetterOut))} == {
            m: x[1] for m, x in letters.items()
        }
        assert [(m.folder, m.uidvalidity, m.last_uid) for m in session.scalars(select(Mailbox))] == places
    taken = office.desk.world.stage.mail.log
    before = len(taken)
    smtp.send_due(house.ledger, house.settings.mail, NOON)
    smtp.send_due(house.ledger, house.settings.mail, at(6, 11, 12))
    sent = [x.raw for x in taken[before:]]
    house.ledger.engine.dispose()
    assert len(sent) == len(set(sent)) > 0
    assert {raw.rstrip() for raw in sent} <= {letters[m][1].rstrip() for m in waiting}


def test_a_copy_is_of_one_moment_while_another_connection_writes(office: Office, tmp_path: Path) -> None:
    """A pair of rows is always written together; no copy has half of a pair."""
    ledger = office.home / "ledger.sqlite"
    stop = threading.Event()

    def write() -> None:
        other = sqlite3.connect(ledger, timeout=30, isolation_level=None)
        n = 0
        while not stop.is_set():
            n += 1
            other.execute("BEGIN IMMEDIATE")
            for side in "ab":
                other.execute(
                    "INSERT INTO contact (address, state, since, bounces) VALUES (?, 'ok', '2027-01-01 00:00:00', 0)",
                    (f"{side}{n}@x.test",),
                )
            other.execute("COMMIT")
        other.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        time.sleep(0.2)
        kept(office, tmp_path / "copy.zip")
    finally:
        stop.set()
        writer.join()
    brought(office, tmp_path / "copy.zip", tmp_path / "new")
    with sqlite3.connect(tmp_path / "new" / "ledger.sqlite") as there:
        sides = [x for (x,) in there.execute("SELECT substr(address, 1, 1) FROM contact WHERE address LIKE '%@x.test'")]
    assert sides.count("a") == sides.count("b") > 0


@pytest.mark.parametrize("moment", ["encrypt_io", "replace"])
def test_a_kill_in_the_middle_leaves_no_half_archive(office: Office, tmp_path: Path, moment: str) -> None:
    target = tmp_path / "out" / "copy.zip"
    target.parent.mkdir()
    killed = "os.kill(os.getpid(), signal.SIGKILL)"
    planted = {
        "encrypt_io": f"pyrage.encrypt_io = lambda i, o, r: (o.write(i.read(500)), {killed})",
        "replace": f"pathlib.Path.replace = lambda self, to: {killed}",
    }[moment]
    code = (
        "import os, pathlib, pyrage, signal, sys; from datetime import datetime, UTC\n"
        "from treem.keeping import backup; from treem.keeping.places import places_from_environment as p\n"
        f"{planted}\n"
        "from treem.keeping import archive; archive.SCRYPT['n'] = 1024\n"
        "backup.back_up(p(os.environ), pathlib.Path(sys.argv[1]), 'một mật khẩu đủ dài', datetime.now(UTC))\n"
    )
    env = dict(os.environ) | dict(office.env)
    done = subprocess.run([sys.executable, "-c", code, str(target)], env=env, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not target.exists()
    kept(office, target)
    brought(office, target, tmp_path / "new")


def test_a_failure_leaves_no_archive_at_all(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.pyrage, "encrypt_io", full)
    (tmp_path / "out").mkdir()
    with pytest.raises(OSError, match="No space"):
        kept(office, tmp_path / "out" / "copy.zip")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_wrong_passphrase_is_named(office: Office, tmp_path: Path) -> None:
    kept(office, tmp_path / "copy.zip")
    with pytest.raises(WrongPassphrase):
        brought(office, tmp_path / "copy.zip", tmp_path / "new", "một mật khẩu khác hẳn")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("place", [0.001, 0.02, 0.3, 0.6, 0.9, 0.999])
def test_a_changed_byte_is_found(office: Office, tmp_path: Path, place: float) -> None:
    file = tmp_path / "copy.zip"
    kept(office, file)
    data = bytearray(file.read_bytes())
    data[int(len(data) * place)] ^= 0x55
    file.write_bytes(data)
    with pytest.raises((ArchiveDamaged, WrongPassphrase)):
        brought(office, file, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".new*"))


def test_a_short_or_foreign_file_is_damaged(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "copy.zip"
    kept(office, file)
    whole = file.read_bytes()
    with ZipFile(BytesIO(), "w") as other:
        other.writestr("a", b"b")
    for n, data in enumerate((whole[: len(whole) // 2], whole[:-30], b"", b"not a zip")):
        file.write_bytes(data)
        with pytest.raises(ArchiveDamaged):
            brought(office, file, tmp_path / f"new{n}")


def locked(tmp_path: Path, entries: dict[str, bytes], **facts: object) -> Path:
    """An archive made with the right passphrase by somebody who means no good."""
    content, file = tmp_path / "content", tmp_path / "evil.zip"
    with archive.packing(content) as packer:
        for name, data in entries.items():
            packer.add(name, data)
        packer.finish({"made_at": "", "database": "sqlite", "tables": {}, "damaged_originals": [], **facts})
    archive.lock(content, file, PASSPHRASE)
    return file


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "documents/../../evil", "documents/..\\..\\evil", "documents/C:evil", "evil",
     "documents//evil", "elsewhere/evil", "documents/./evil", "documents/"],
)  # fmt: skip
def test_no_name_leads_out(office: Office, tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchiveDamaged):
        brought(office, locked(tmp_path, {name: b"x"}), tmp_path / "inner" / "new")
    assert not list(tmp_path.rglob("evil"))
    assert not (tmp_path / "inner" / "new").exists()


def test_no_link_is_followed(office: Office, tmp_path: Path) -> None:
    content, file = tmp_path / "content", tmp_path / "evil.zip"
    with tarfile.open(content, "w:gz") as tar:
        link = tarfile.TarInfo("documents/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(link)
    archive.lock(content, file, PASSPHRASE)
    with pytest.raises(ArchiveDamaged):
        brought(office, file, tmp_path / "new")


def test_an_original_under_another_digest_and_a_later_format_are_refused(office: Office, tmp_path: Path) -> None:
    with pytest.raises(ArchiveDamaged):
        brought(office, locked(tmp_path, {f"originals/aa/{'a' * 64}": b"x"}), tmp_path / "new")
    with pytest.raises(ArchiveTooNew):
        brought(office, locked(tmp_path, {}, format=99), tmp_path / "new")


def test_a_ledger_of_a_later_version_is_refused(office: Office, tmp_path: Path) -> None:
    with sqlite3.connect(office.home / "ledger.sqlite") as there:
        there.execute("UPDATE alembic_version SET version_num = '9999_later'")
    kept(office, tmp_path / "copy.zip")
    with pytest.raises(ArchiveTooNew):
        brought(office, tmp_path / "copy.zip", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_written_over(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "copy.zip"
    kept(office, file)
    with pytest.raises(TargetExists):
        kept(office, file)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(TargetExists):
        brought(office, file, tmp_path / "full")
    (tmp_path / "other.sqlite").touch()
    env = {**office.at(tmp_path / "new"), "TREEM_LEDGER": f"sqlite:///{tmp_path / 'other.sqlite'}"}
    with pytest.raises(TargetExists):
        restore.restore(places_from_environment(env), file, PASSPHRASE)


def test_an_empty_folder_and_a_ledger_elsewhere_will_do(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "copy.zip"
    kept(office, file)
    (tmp_path / "new").mkdir()
    elsewhere = tmp_path / "db" / "so.sqlite"
    env = {**office.at(tmp_path / "new"), "TREEM_LEDGER": f"sqlite:///{elsewhere}"}
    restore.restore(places_from_environment(env), file, PASSPHRASE)
    assert "letter_out" in database.sums_of_sqlite(elsewhere)
    assert not (tmp_path / "new" / "ledger").exists()
    assert elsewhere.stat().st_mode & 0o777 == 0o600


def test_a_damaged_original_is_kept_and_named(office: Office, tmp_path: Path) -> None:
    victim = next(p for p in (office.home / "originals").glob("*/*"))
    victim.write_bytes(b"damaged")
    assert kept(office, tmp_path / "copy.zip").damaged == (victim.name,)
    assert brought(office, tmp_path / "copy.zip", tmp_path / "new").damaged == (victim.name,)


def test_what_is_missing_is_named(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in ("", "ngắn"):
        with pytest.raises(NoPassphrase):
            passphrase({"TREEM_BACKUP_PASSPHRASE": words})
    with pytest.raises(NothingToKeep):
        backup.back_up(places_from_environment(office.at(tmp_path / "none")), tmp_path / "c.zip", PASSPHRASE, NOON)
    with pytest.raises(OtherDatabase):
        brought(office, locked(tmp_path, {}, database="postgresql"), tmp_path / "new")
    monkeypatch.setenv("PATH", str(tmp_path))
    env = {**office.env, "TREEM_LEDGER": "postgresql://u:mat-khau-bi-mat@127.0.0.1:1/treem"}
    with pytest.raises(ProgramMissing) as error:
        backup.back_up(places_from_environment(env), tmp_path / "c.zip", PASSPHRASE, NOON)
    assert "pg_dump" in str(error.value)
    assert "bi-mat" not in str(error.value)


def test_the_commands_say_what_happened(office: Office, tmp_path: Path) -> None:
    file = str(tmp_path / "copy.zip")
    said = CliRunner().invoke(app, ["backup", file], env=dict(office.env))
    assert said.exit_code == 0, said.output
    assert "bản gốc" in said.output
    again = CliRunner().invoke(app, ["backup", file], env=dict(office.env))
    assert (again.exit_code, "không bị ghi đè" in again.output) == (1, True)
    back = CliRunner().invoke(app, ["restore", file], env=office.at(tmp_path / "new"))
    assert back.exit_code == 0, back.output
    assert "Thư đã gửi không gửi lại" in back.output
    wrong = {**office.at(tmp_path / "more"), "TREEM_BACKUP_PASSPHRASE": "không phải mật khẩu ấy"}
    refused = CliRunner().invoke(app, ["restore", file], env=wrong)
    assert (refused.exit_code, "Sai mật khẩu" in refused.output) == (1, True)
    assert PASSPHRASE not in said.output + again.output + back.output + refused.output


def test_every_failure_has_a_name_of_ours() -> None:
    assert all(issubclass(e, KeepingError) for e in (WrongPassphrase, ArchiveDamaged, TargetExists, ProgramMissing))
