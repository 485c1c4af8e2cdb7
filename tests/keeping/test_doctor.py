"""`treem doctor` names each planted fault, says what to do, and shows no secret."""

import json
import shutil
import sqlite3
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows import doctor as command
from flows.commands import app
from flows.server import free_port
from tests.keeping.conftest import PASSPHRASE, Office
from tests.rounds.conftest import at
from treem.keeping import doctor
from treem.keeping.doctor import Finding, look
from treem.rehearsal.stage import PASSWORD, PASSWORD_NAME

NOON = at(6, 10, 12)
WRONG = "mat-khau-sai-bi-mat"


def found(office: Office, **env: str) -> list[Finding]:
    lines = list(look({**office.env, **env}, NOON))
    shown = repr(lines)
    assert not [secret for secret in (PASSPHRASE, PASSWORD + "'", WRONG) if secret in shown]
    return lines


def fault(lines: list[Finding], what: str, words: str, state: str = "broken") -> Finding:
    (line,) = [x for x in lines if x.what == what and words in x.found and x.state == state]
    assert line.remedy
    return line


def change(office: Office, old: str, new: str) -> None:
    file = office.home / "config" / "mail.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text, text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_nothing_is_broken_where_nothing_was_planted(office: Office) -> None:
    lines = found(office)
    assert [x for x in lines if x.state == "broken"] == []
    assert "UIDVALIDITY" in next(x.found for x in lines if x.what == "Nhận thư (IMAP)")


def test_the_letter_comes_back(office: Office) -> None:
    lines = [x for x in look(office.env, NOON, send=True) if x.what == "Thư thử"]
    assert [(x.state, x.found) for x in lines] == [("ok", "thư thử đã đi và về tới hộp thư")]


def test_a_letter_that_does_not_come_back(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LETTER_BACK", -1.0)
    monkeypatch.setattr(doctor, "deliver", lambda *_: doctor_sent())
    fault(list(look(office.env, NOON, send=True)), "Thư thử", "chưa thấy trong hộp thư")


def doctor_sent() -> object:
    return namedtuple("Sent", "end code")("sent", "250")


def test_a_wrong_password(office: Office) -> None:
    lines = found(office, **{PASSWORD_NAME: WRONG})
    fault(lines, "Gửi thư (SMTP)", "Không đăng nhập được")
    fault(lines, "Nhận thư (IMAP)", "Không đăng nhập được")


def test_no_password_at_all(office: Office) -> None:
    fault(found(office, **{PASSWORD_NAME: ""}), "Mật khẩu", "không có mật khẩu")


@pytest.mark.parametrize(("role", "what"), [("smtp", "Gửi thư (SMTP)"), ("imap", "Nhận thư (IMAP)")])
def test_a_server_that_is_not_there(office: Office, role: str, what: str) -> None:
    mail = office.desk.world.stage.mail
    change(office, str(getattr(mail, role)[1]), str(free_port()))
    fault(found(office), what, "Không kết nối được")


def test_a_folder_that_is_not_there(office: Office) -> None:
    file = office.home / "config" / "mail.yaml"
    lines = [x for x in file.read_text(encoding="utf-8").splitlines() if not x.startswith("folder:")]
    file.write_text("\n".join([*lines, "folder: KhongCo"]), encoding="utf-8")
    fault(found(office), "Nhận thư (IMAP)", "không có thư mục “KhongCo”")


def test_a_config_with_an_unknown_key(office: Office) -> None:
    file = office.home / "config" / "mail.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "\nkhong_co: 1\n", encoding="utf-8")
    lines = found(office)
    assert any(x.what == "Cấu hình" and "mail.yaml" in x.found and x.state == "broken" and x.remedy for x in lines)
    fault(lines, "Thư điện tử", "chưa kiểm tra được", "warning")


def test_a_database_that_is_damaged_missing_too_new_or_behind(office: Office, tmp_path: Path) -> None:
    office.desk.house.ledger.engine.dispose()
    behind = tmp_path / "behind"
    for name, version in (("late", "9999_later"), ("behind", "0001")):
        (tmp_path / name).mkdir()
        shutil.copyfile(office.home / "ledger.sqlite", tmp_path / name / "ledger.sqlite")
        with sqlite3.connect(tmp_path / name / "ledger.sqlite") as there:
            there.execute("UPDATE alembic_version SET version_num = ?", (version,))
    fault(found(office, TREEM_HOME=str(tmp_path / "late")), "Cơ sở dữ liệu", "phiên bản mới hơn")
    (tmp_path / "junk.sqlite").write_bytes(b"junk " * 1000)
    fault(found(office, TREEM_LEDGER=f"sqlite:///{tmp_path}/junk.sqlite"), "Cơ sở dữ liệu", "không mở được")
    fault(found(office, TREEM_HOME=str(tmp_path / "none")), "Cơ sở dữ liệu", "chưa có", "warning")
    assert behind.exists()


def test_a_postgres_that_is_not_there(office: Office) -> None:
    url = f"postgresql://treem:{WRONG}@127.0.0.1:{free_port()}/treem"
    fault(found(office, TREEM_LEDGER=url), "Cơ sở dữ liệu", "không mở được")


def test_a_full_disk(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage(10**10, 10**10, 10**6))
    fault(found(office), "Đĩa", "còn trống 0.0 GB")


def test_no_libreoffice_no_fonts_no_passphrase(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    bare = tmp_path / "bin" / "fc-list"
    bare.write_text("#!/bin/sh\necho 'DejaVu Sans'\n")
    bare.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    lines = found(office, TREEM_BACKUP_PASSPHRASE="")
    fault(lines, "LibreOffice", "chưa cài", "warning")
    fault(lines, "Phông chữ", "không có phông", "warning")
    fault(lines, "Mật khẩu", "chưa có mật khẩu cho bản sao lưu", "warning")


def test_a_clock_of_the_past(office: Office) -> None:
    fault(list(look(office.env, datetime(1970, 1, 2, tzinfo=UTC))), "Đồng hồ", "02/01/1970")


def test_no_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    fault(list(command.prefect(NOON)), "Prefect", "chưa có PREFECT_API_URL")


def test_the_command_ends_with_one_where_something_is_broken(office: Office) -> None:
    env = {**office.env, PASSWORD_NAME: WRONG, "PREFECT_API_URL": ""}
    for options in ([], ["--json"]):
        done = CliRunner().invoke(app, ["doctor", *options], env=env)
        assert done.exit_code == 1, done.output
        assert "Không đăng nhập được" in done.output
        assert WRONG not in done.output
        assert PASSPHRASE not in done.output
    assert {x["state"] for x in json.loads(done.output)} <= {"ok", "warning", "broken"}
