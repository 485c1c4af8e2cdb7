"""The `treem` command as it is typed: words, exit codes, JSON, and never a traceback."""

import json
import os
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import select
from typer.testing import CliRunner

from flows.commands import app
from tests.rounds.desk import ASKED, few_bodies, filled
from treem import cli
from treem.ledger.tables import LetterBytes, LetterIn, LetterOut, Report, Request, Submission
from treem.rehearsal.postbox import read_letter
from treem.rounds.house import House, house_from_environment
from treem.rounds.steps import carry_out

ROUND = "bao-cao-6-thang/2027"
CONFIG = Path(__file__).parents[1] / "config"
MOMENT = datetime(2027, 5, 20, 1, tzinfo=UTC)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str | None]:
    """A house of its own: a copy of the shipped config with few bodies, and an empty ledger."""
    shutil.copytree(CONFIG, tmp_path / "config")
    few_bodies(tmp_path / "config")
    return {
        "TREEM_CONFIG": str(tmp_path / "config"),
        "TREEM_HOME": str(tmp_path / "var"),
        "TREEM_LEDGER": f"sqlite:///{tmp_path}/ledger.sqlite",
    }


def house_of(env: dict[str, str | None]) -> House:
    return house_from_environment({name: value or "" for name, value in env.items()})


@pytest.fixture
def opened(env: dict[str, str | None], monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """The same with the round opened and everyone asked."""
    monkeypatch.setattr(cli.look, "now", lambda: MOMENT)
    carry_out(house_of(env), ROUND, MOMENT)
    return env


def treem(env: dict[str, str | None], *words: str) -> Result:
    """Run the command; whatever goes wrong must be said, not raised."""
    result = CliRunner().invoke(app, words, env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def spoil(env: dict[str, str | None], file: str, old: str, new: str) -> int:
    """Write a mistake into the copied config; returns its line."""
    path = Path(env["TREEM_CONFIG"] or "") / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


# ---- check


def test_check_of_the_shipped_config_counts_what_it_found() -> None:
    result = treem({}, "check", "--config", str(CONFIG))
    assert result.exit_code == 0
    assert "Cấu hình hợp lệ: 28 cơ quan, 31 nhiệm vụ" in " ".join(result.stdout.split())


def test_check_names_every_mistake_with_file_and_line(env: dict[str, str | None]) -> None:
    unknown = spoil(env, "plan.yaml", "    kind: report\n", "    kindd: report\n")
    duplicate = spoil(env, "indicators.yaml", "- code: LD-02\n", "- code: LD-01\n")
    result = treem(env, "check")
    assert result.exit_code == 1
    assert f"config/plan.yaml:{unknown}: " in result.stderr
    assert f"config/indicators.yaml:{duplicate}: " in result.stderr
    assert re.search(r"Cấu hình có \d+ lỗi", result.stderr)
    assert "→" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("file", "old", "new", "word"),
    [
        ("plan.yaml", 'due: {before: "06-15"}', 'due: {before: "06-31"}', "06-31"),
        ("bodies.yaml", "valid_from: 2020-10-30", "valid_from: 30/10/2020", "30/10/2020"),
        ("indicators.yaml", "- code: LD-02\n", "- code: LD-01\n", "LD-01"),
        ("mail.yaml", "${TREEM_MAIL_PASSWORD:-}", "bi-mat-123", "Mật khẩu"),
    ],
)
def test_check_names_the_mistake(env: dict[str, str | None], file: str, old: str, new: str, word: str) -> None:
    line = spoil(env, file, old, new)
    result = treem(env, "check")
    assert result.exit_code == 1
    assert f"config/{file}:{line}: " in result.stderr
    assert word in result.stderr
    assert "bi-mat" not in result.output


def test_check_without_a_config_folder_says_which_files_are_missing(tmp_path: Path) -> None:
    result = treem({}, "check", "--config", str(tmp_path / "config"))
    assert result.exit_code == 1
    assert "config/plan.yaml:1: Thiếu tệp này." in result.stderr


@pytest.mark.parametrize("words", [("status", ROUND), ("inbox",), ("report", ROUND), ("calendar",)])
def test_every_command_says_what_is_wrong_with_the_config(env: dict[str, str | None], words: tuple[str, ...]) -> None:
    line = spoil(env, "plan.yaml", "    kind: report\n", "    kindd: report\n")
    result = treem(env, *words)
    assert result.exit_code == 1
    assert f"config/plan.yaml:{line}: " in result.stderr


# ---- calendar


@pytest.mark.parametrize(("year", "due"), [(2026, "2026-06-12"), (2025, "2025-06-13"), (2027, "2027-06-14")])
def test_the_calendar_shows_the_last_working_day_before_the_bound(year: int, due: str) -> None:
    result = treem({}, "calendar", "--year", str(year), "--json", "--config", str(CONFIG))
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert {tuple(row) for row in rows} == {("round", "activity", "milestone", "date", "legal_date", "title")}
    assert [row["date"] for row in rows] == sorted(row["date"] for row in rows)
    of_round = [row for row in rows if row["round"] == f"bao-cao-6-thang/{year}"]
    assert [row["milestone"] for row in of_round] == [
        "open", "remind-1", "remind-2", "due", "chase-1", "chase-2", "close", "send-on",
    ]  # fmt: skip
    (row,) = (row for row in of_round if row["milestone"] == "due")
    assert (row["date"], row["legal_date"], row["activity"]) == (due, f"{year}-06-14", "bao-cao-6-thang")
    assert {r["legal_date"] for r in of_round if r["milestone"] != "due"} == {None}


def test_the_calendar_of_this_year_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.look, "now", lambda: datetime(2026, 3, 1, tzinfo=UTC))
    result = treem({}, "calendar", "--config", str(CONFIG))
    assert result.exit_code == 0
    assert "12/06/2026" in result.stdout


# ---- a round


@pytest.mark.parametrize("command", ["status", "report"])
@pytest.mark.parametrize("round_key", ["khong-co/2027", "bao-cao-6-thang", "bao-cao-6-thang/27", "../etc/2027"])
def test_an_unknown_round_is_said_to_be_unknown(env: dict[str, str | None], command: str, round_key: str) -> None:
    result = treem(env, command, round_key)
    assert result.exit_code == 2
    assert f"Không có đợt “{round_key}”" in result.stderr
    assert ROUND in result.stderr


def test_a_round_that_is_not_open_yet_is_said_so(env: dict[str, str | None]) -> None:
    status = treem(env, "status", ROUND)
    assert (status.exit_code, status.stdout.strip()) == (0, f"Đợt {ROUND} chưa mở.")
    as_json = treem(env, "status", ROUND, "--json")
    assert json.loads(as_json.stdout) == {"round": ROUND, "progress": 0.0, "bodies": []}
    report = treem(env, "report", ROUND)
    assert report.exit_code == 1
    assert "chưa mở" in report.stderr


def test_status_shows_each_body_that_was_asked(opened: dict[str, str | None]) -> None:
    result = treem(opened, "status", ROUND, "--json")
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert len(said["bodies"]) == len(ASKED)
    assert {row["Trạng thái"] for row in said["bodies"]} == {"Đang chờ gửi"}
    table = treem(opened, "status", ROUND)
    assert table.exit_code == 0
    assert "Trạng thái" in " ".join(table.stdout.split())


def documents(env: dict[str, str | None]) -> list[str]:
    return sorted(p.name for p in (Path(env["TREEM_HOME"] or "") / "documents").iterdir())


def test_report_of_an_open_round_is_a_preview_that_asks_nobody(opened: dict[str, str | None]) -> None:
    result = treem(opened, "report", ROUND, "--no-pdf")
    assert result.exit_code == 0
    assert "xem trước" in result.stdout
    assert len(documents(opened)) == 4
    assert all("xem-truoc" in name and name in result.stdout for name in documents(opened))
    with house_of(opened).ledger.begin() as session:
        assert session.scalars(select(Report)).all() == []


def test_report_makes_pdf_too_or_says_why_not(opened: dict[str, str | None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("treem.documents.pdf.libreoffice", lambda: None)
    result = treem(opened, "report", ROUND)
    assert result.exit_code == 0
    assert "không có LibreOffice" in result.stdout
    assert len(documents(opened)) == 4


def test_report_of_a_closed_round_names_the_same_version_while_nothing_changes(opened: dict[str, str | None]) -> None:
    carry_out(house_of(opened), ROUND, MOMENT + timedelta(days=40))
    first, second = (treem(opened, "report", ROUND, "--no-pdf") for _ in range(2))
    assert first.exit_code == second.exit_code == 0
    assert first.stdout == second.stdout
    assert len(documents(opened)) == 4
    assert all("-v1-" in name and name in first.stdout for name in documents(opened))


# ---- the inbox


def test_the_inbox_shows_who_waits_and_why(opened: dict[str, str | None]) -> None:
    assert treem(opened, "inbox").stdout.strip() == "Không có thư nào đang chờ."
    assert json.loads(treem(opened, "inbox", "--json").stdout) == []
    with house_of(opened).ledger.begin() as session:
        session.add(
            LetterIn(raw_sha="0" * 64, size=1, received_at=MOMENT, state="hold", reason="[b]lạ[/b]", sender="a@b.vn")
        )
        session.add(LetterIn(raw_sha="1" * 64, size=1, received_at=MOMENT, state="done"))
    (letter,) = json.loads(treem(opened, "inbox", "--json").stdout)
    assert letter == {
        "id": 1, "received": "08:00 20/05/2027", "sender": "a@b.vn", "body": "–", "state": "hold", "verdict": None,
        "kind": "–", "reason": "[b]lạ[/b]",
    }  # fmt: skip
    table = treem(opened, "inbox")
    assert table.exit_code == 0
    assert "[b]lạ[/b]" in "".join(table.stdout.split())  # a stranger's words are shown as they are, not obeyed


def test_the_inbox_says_in_words_what_the_ledger_keeps_as_a_code(opened: dict[str, str | None]) -> None:
    with house_of(opened).ledger.begin() as session:
        for number, reason in enumerate(("damaged", "double_heading")):
            session.add(
                LetterIn(
                    raw_sha=str(number) * 64, size=1, received_at=MOMENT, state="hold", reason=reason, sender="a@b"
                )
            )
    damaged, headings = (x["reason"] for x in json.loads(treem(opened, "inbox", "--json").stdout))
    assert "Tệp bị hỏng" in damaged
    assert "tiêu đề cột" in headings


# ---- paper


@pytest.mark.parametrize(
    ("received", "moment"),
    [("12/5/2027", "2027-05-12T23:59:59.999999+07:00"), ("20/5/2027", MOMENT.isoformat())],
)
def test_what_came_on_paper_was_received_by_the_end_of_that_day_or_by_now(
    opened: dict[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, received: str, moment: str
) -> None:
    monkeypatch.setattr(cli.decide, "now", lambda: MOMENT)
    house = house_of(opened)
    with house.ledger.begin() as session:
        (raw,) = session.scalars(select(LetterBytes.raw).join(LetterOut).join(Request).where(Request.body == "dai"))
    paper = tmp_path / "giay.xlsx"
    paper.write_bytes(filled(read_letter(raw).workbook or b""))
    result = treem(opened, "file", ROUND, "dai", str(paper), "--received", received)
    assert result.exit_code == 0, result.output
    with house.ledger.begin() as session:
        (submission,) = session.scalars(select(Submission))
        assert submission.received_at == datetime.fromisoformat(moment)


def test_what_is_to_come_on_paper_tomorrow_is_refused(
    opened: dict[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli.decide, "now", lambda: MOMENT)
    (tmp_path / "giay.xlsx").write_bytes(b"PK")
    result = treem(opened, "file", ROUND, "dai", str(tmp_path / "giay.xlsx"), "--received", "21/5/2027")
    assert result.exit_code == 1
    assert "Ngày nhận 21/05/2027 chưa tới" in result.stderr


# ---- the ledger


@pytest.mark.parametrize("url", ["nonsense", "foo://x/y", "sqlite:///{home}/text.sqlite", "sqlite:////proc/x/y.sqlite"])
def test_a_ledger_that_cannot_be_used_is_named(
    env: dict[str, str | None], tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.sqlite").write_text("this is no database\n" * 100)
    result = treem(env | {"TREEM_LEDGER": url.format(home=tmp_path)}, "inbox")
    assert result.exit_code == 1
    assert "Không dùng được cơ sở dữ liệu" in result.stderr or "Không đọc hoặc ghi được tệp" in result.stderr


def test_help_is_vietnamese_and_lists_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200", "TERM": "dumb"} | dict(os.environ))
    assert result.exit_code == 0
    assert "Điều hành báo cáo định kỳ" in result.output
    assert all(word in result.output for word in ("check", "calendar", "rehearse", "status", "inbox", "report"))
