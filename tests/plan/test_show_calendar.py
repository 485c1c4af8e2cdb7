"""`treem calendar` as it is typed: rows for programs, a file for calendars, words for a year that is not certain."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from icalendar import Calendar
from typer.testing import CliRunner

from treem.cli import app

SMALL = str(Path(__file__).parent / "small")


def show(*words: str) -> Result:
    result = CliRunner().invoke(app, ("calendar", "--config", SMALL, *words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def test_rows_have_exactly_six_entries() -> None:
    rows = json.loads(show("--year", "2027", "--json").stdout)
    assert {tuple(row) for row in rows} == {("round", "activity", "milestone", "date", "legal_date", "title")}
    assert {
        "round": "tet-trung-thu/2027",
        "activity": "tet-trung-thu",
        "milestone": "ke-hoach-due",
        "date": "2027-08-23",
        "legal_date": None,
        "title": "Kế hoạch tổ chức Tết Trung thu 2027 – Hạn nộp",
    } in rows
    due = next(row for row in rows if (row["round"], row["milestone"]) == ("bao-cao-6-thang/2027", "due"))
    assert (due["date"], due["legal_date"]) == ("2027-06-14", "2027-06-14")


def test_the_file_holds_the_same_rows_and_json_stays_pure(tmp_path: Path) -> None:
    file = tmp_path / "lich.ics"
    rows = json.loads(show("--year", "2034", "--json", "--ics", str(file)).stdout)
    found = list(Calendar.from_ical(file.read_bytes()).walk("VEVENT"))
    assert [e["DTSTART"].dt.isoformat() for e in found] == [row["date"] for row in rows]
    before = file.read_bytes()
    said = show("--year", "2034", "--ics", str(file)).stdout
    assert said == f"Đã ghi {len(rows)} mốc vào {file}.\n"
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("year", ["1999", "2051", "20270", "0", "-1"])
def test_a_year_that_was_not_checked_is_refused_in_words(year: str, tmp_path: Path) -> None:
    result = show("--year", year, "--ics", str(tmp_path / "lich.ics"))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"của năm {year}; lịch chỉ dùng cho các năm 2000–2050." in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    result = show("--year", "2027", "--ics", str(tmp_path / "khong-co" / "lich.ics"))
    assert result.exit_code == 1
    assert "Không đọc hoặc ghi được tệp" in result.stderr
