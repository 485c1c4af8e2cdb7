"""The calendar as a file for the officers' own calendars: valid by RFC 5545, and the same event when its date moves."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from icalendar import Calendar, Component, Event

from treem.documents.ics import calendar_file
from treem.plan.agenda import CalendarRow, calendar
from treem.plan.almanac import Almanac
from treem.plan.load import load_settings
from treem.plan.settings import Settings

SMALL = Path(__file__).parents[1] / "plan" / "small"


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(SMALL, {})


@pytest.fixture(scope="module")
def rows(settings: Settings) -> list[CalendarRow]:
    return calendar(settings, Almanac(settings.holidays), 2027)


def events(file: bytes) -> dict[str, Component]:
    found = [event for event in Calendar.from_ical(file).walk("VEVENT") if isinstance(event, Event)]
    assert len({str(e["UID"]) for e in found}) == len(found)
    return {str(e["UID"]): e for e in found}


def moved(rows: list[CalendarRow], milestone: str, days: int) -> list[CalendarRow]:
    return [
        CalendarRow(r.round, r.activity, r.milestone, r.date + timedelta(days=days), r.legal_date, r.title)
        if r.milestone == milestone
        else r
        for r in rows
    ]


def test_lines_are_folded_and_end_as_the_standard_says(settings: Settings, rows: list[CalendarRow]) -> None:
    file = calendar_file(settings, rows)
    assert file.endswith(b"\r\n")
    lines = file.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    unfolded = file.replace(b"\r\n ", b"").decode()  # a fold never cuts a letter in two, and no text is lost
    assert "SUMMARY:Tết Trung thu 2027 – Ngày tổ chức" in unfolded
    assert "X-WR-CALNAME:Công tác trẻ em – Phòng LĐTBXH huyện Tam Đường" in unfolded
    for line in lines:
        line.decode()


def test_the_file_reads_back_as_it_was_written(settings: Settings, rows: list[CalendarRow]) -> None:
    file = calendar_file(settings, rows)
    read = Calendar.from_ical(file)
    assert read.to_ical() == file
    assert (read["VERSION"], read["METHOD"], read["CALSCALE"]) == ("2.0", "PUBLISH", "GREGORIAN")
    assert read["PRODID"]
    assert not list(read.walk("VTIMEZONE"))  # all-day events need none
    assert not [problem for event in read.walk() for problem in event.errors]


def test_every_milestone_is_one_all_day_event(settings: Settings, rows: list[CalendarRow]) -> None:
    found = list(events(calendar_file(settings, rows)).values())
    assert [(str(e["SUMMARY"]), e["DTSTART"].dt) for e in found] == [(r.title, r.date) for r in rows]
    for event in found:
        assert type(event["DTSTART"].dt) is date
        assert event["DTEND"].dt - event["DTSTART"].dt == timedelta(days=1)
        assert {"UID", "DTSTAMP", "SEQUENCE", "DESCRIPTION"} <= event.keys()
        assert event["TRANSP"] == "TRANSPARENT"


def test_the_deadline_says_the_last_day_in_time_and_where_it_comes_from(
    settings: Settings, rows: list[CalendarRow]
) -> None:
    due = events(calendar_file(settings, rows))["bao-cao-6-thang-2027-due@huyen-tam-duong.treem"]
    assert str(due["DESCRIPTION"]).splitlines() == [
        "Hạn cuối cùng theo kế hoạch: hết ngày 14/06/2027",
        "Đợt: bao-cao-6-thang/2027",
        "Căn cứ: Mục V: “Báo cáo 6 tháng gửi trước ngày 15 tháng 6”",
    ]


def test_what_the_office_must_do_is_announced_on_the_morning_before(
    settings: Settings, rows: list[CalendarRow]
) -> None:
    found = events(calendar_file(settings, rows))
    alarmed = {uid.partition("@")[0]: list(event.walk("VALARM")) for uid, event in found.items()}
    assert {name for name, alarms in alarmed.items() if alarms and name.startswith("tet")} == {
        "tet-trung-thu-2027-ke-hoach-open",
        "tet-trung-thu-2027-ke-hoach-due",
        "tet-trung-thu-2027-day",
        "tet-trung-thu-2027-ket-qua-choose",
        "tet-trung-thu-2027-ket-qua-open",
        "tet-trung-thu-2027-ket-qua-due",
    }
    (alarm,) = alarmed["tet-trung-thu-2027-day"]
    assert (alarm["ACTION"], alarm["TRIGGER"].dt) == ("DISPLAY", timedelta(hours=-16))
    assert alarm["DESCRIPTION"] == "Ngày mai: Tết Trung thu 2027 – Ngày tổ chức"


def test_the_same_plan_makes_the_same_file(settings: Settings, rows: list[CalendarRow]) -> None:
    file = calendar_file(settings, rows)
    assert calendar_file(settings, rows) == file
    assert calendar_file(settings, rows, earlier=file) == file


def test_a_moved_milestone_is_the_same_event_one_number_higher(settings: Settings, rows: list[CalendarRow]) -> None:
    before = calendar_file(settings, rows)
    after = calendar_file(settings, moved(rows, "close", 2), before)
    old, new = events(before), events(after)
    assert old.keys() == new.keys()
    changed = {uid for uid in old if old[uid].to_ical() != new[uid].to_ical()}
    assert {uid.partition("@")[0] for uid in changed} == {"bao-cao-6-thang-2027-close", "khai-giang-2027-close"}
    for uid in changed:
        assert new[uid]["SEQUENCE"] == old[uid]["SEQUENCE"] + 1
        assert new[uid]["DTSTAMP"].dt > old[uid]["DTSTAMP"].dt
    back = events(calendar_file(settings, rows, after))
    assert {int(back[uid]["SEQUENCE"]) for uid in changed} == {2}  # moving back is a change too


@pytest.mark.parametrize("strange", [b"\xff\xfe not a calendar", b"BEGIN:VCALENDAR\r\n", "Lịch".encode()])
def test_a_file_that_is_no_calendar_is_written_over(
    settings: Settings, rows: list[CalendarRow], strange: bytes
) -> None:
    assert calendar_file(settings, rows, strange) == calendar_file(settings, rows)
