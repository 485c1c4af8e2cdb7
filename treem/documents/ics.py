"""The calendar as officers' own calendars read it: one all-day event a milestone (RFC 5545).

Belongs here: what an event says, and how it is told from the file written before that its date has moved. Which
milestones there are is in `plan.agenda`.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from icalendar import Alarm, Calendar, Event

from treem.plan.agenda import CalendarRow
from treem.plan.settings import Settings

PRODUCT = "-//treem//Lich cong tac tre em//VI"
FIRST = datetime(2021, 1, 1, tzinfo=UTC)  # the plan's first day: the same rows make the same file whenever it is made
MORNING_BEFORE = timedelta(hours=-16)  # from midnight: eight o'clock on the day before
ALARMED = ("choose", "open", "due", "day")
SAID = ("SUMMARY", "DESCRIPTION", "DTSTART")
"""What makes an event another one than in the file before."""


def calendar_file(settings: Settings, rows: Iterable[CalendarRow], earlier: bytes = b"") -> bytes:
    """The file for these rows. `earlier`: the file it replaces.

    An event is known by round and milestone. Where it says something else than before its SEQUENCE rises, by which
    calendars that took in the earlier file know that the date has moved.
    """
    before = _events(earlier)
    made = Calendar()
    made.add("PRODID", PRODUCT)
    made.add("VERSION", "2.0")
    made.add("CALSCALE", "GREGORIAN")
    made.add("METHOD", "PUBLISH")
    made.add("X-WR-CALNAME", f"Công tác trẻ em – {settings.office.short_name} {settings.office.district}")
    made.add("X-WR-TIMEZONE", settings.office.timezone)
    for row in rows:
        event = _event(settings, row)
        _number(event, before.get(str(event["UID"])))
        made.add_component(event)
    return bytes(made.to_ical())


def _events(file: bytes) -> Mapping[str, Event]:
    """The events of a file by UID; none where it is no calendar of ours."""
    try:
        found = Calendar.from_ical(file).walk("VEVENT") if file else []
    except ValueError:
        return {}
    return {str(event["UID"]): event for event in found if isinstance(event, Event) and "UID" in event}


def _event(settings: Settings, row: CalendarRow) -> Event:
    event = Event()
    event.add("UID", f"{row.round.replace('/', '-')}-{row.milestone}@{_ascii(settings.office.district)}.treem")
    event.add("SUMMARY", row.title)
    event.add("DESCRIPTION", _description(settings, row))
    event.add("DTSTART", row.date)
    event.add("DTEND", row.date + timedelta(days=1))  # the first day after it
    event.add("CATEGORIES", [settings.activity(row.activity).title])
    event.add("TRANSP", "TRANSPARENT")  # a deadline does not make the day busy
    if row.milestone.rpartition("-")[2] in ALARMED:
        event.add_component(_alarm(row))
    return event


def _number(event: Event, before: Event | None) -> None:
    number = int(before.get("SEQUENCE", 0)) + (not _says_the_same(before, event)) if before else 0
    event.add("SEQUENCE", number)
    event.add("DTSTAMP", FIRST + timedelta(minutes=number))


def _says_the_same(one: Event, other: Event) -> bool:
    return all(one.get(key) and one[key].to_ical() == other[key].to_ical() for key in SAID)


def _description(settings: Settings, row: CalendarRow) -> str:
    lines = [f"Đợt: {row.round}", f"Căn cứ: {settings.activity(row.activity).source}"]
    if row.legal_date:
        lines.insert(0, f"Hạn cuối cùng theo kế hoạch: hết ngày {row.legal_date:%d/%m/%Y}")
    return "\n".join(lines)


def _alarm(row: CalendarRow) -> Alarm:
    alarm = Alarm()
    alarm.add("ACTION", "DISPLAY")
    alarm.add("DESCRIPTION", f"Ngày mai: {row.title}")
    alarm.add("TRIGGER", MORNING_BEFORE)
    return alarm


def _ascii(text: str) -> str:
    """ "huyện Tam Đường" → "huyen-tam-duong"."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("đ", "d")).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", plain))
