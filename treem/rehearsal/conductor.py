"""Lives through a round in time-lapse: at each milestone the office acts, the bodies answer, the office collects.

Belongs here: the order of the days and the clock. Who carries out the office's part is passed in as `Office`: Prefect
flows in `treem rehearse`, plain calls in tests.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from treem.plan.agenda import RoundPlan
from treem.rehearsal.bodies import SimulatedBody
from treem.rehearsal.clerks import Clerk


@dataclass
class Clock:
    """The rehearsal's time. The mail server stamps letters with it; nothing else keeps time."""

    now: datetime = field(default_factory=lambda: datetime(2020, 1, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now


class Office(Protocol):
    """What the office does, each at a given time."""

    def advance(self, round_key: str, milestone: str, now: datetime) -> None:
        """Carry out what is due and send the letters."""

    def collect(self, now: datetime) -> None:
        """Fetch, read and acknowledge what has arrived."""

    def approve(self, round_key: str, now: datetime) -> None:
        """The leader's decision; the report is sent on where it needs no number."""

    def number(self, round_key: str, now: datetime) -> None:
        """The registry clerk's number and date, and sending the report on."""


class YearOffice(Protocol):
    """What the office does in a year, each at a given time."""

    def advance(self, round_keys: Sequence[str], now: datetime) -> None:
        """Carry out what is due in those rounds and send the letters."""

    def collect(self, now: datetime) -> None:
        """Fetch, read and acknowledge what has arrived."""

    def approve(self, round_key: str, now: datetime) -> None:
        """The leader's decision; the report is sent on where it needs no number."""

    def number(self, round_key: str, now: datetime) -> None:
        """The registry clerk's number and date, and sending the report on."""


EXCHANGES = 2  # answer, then correct what the acknowledgement named


def live(
    plan: RoundPlan,
    office: Office,
    bodies: Sequence[SimulatedBody],
    clock: Clock,
    zone: str,
    tell: Callable[[str, datetime], None] = lambda _milestone, _now: None,
) -> None:
    """Go through every milestone of the round up to the report being sent on."""
    for milestone in plan.milestones:
        clock.now = datetime.combine(milestone.date, time(plan.collection.hour), ZoneInfo(zone))
        tell(milestone.title, clock.now)
        office.advance(plan.key, milestone.key, clock.now)
        if milestone.key == "close":
            break
        for _ in range(EXCHANGES):
            clock.now += timedelta(hours=1)
            written = [line for body in bodies for line in body.play(clock.now, milestone.key)]
            if not written:
                break
            tell(f"  {len(written)} thư của các cơ quan", clock.now)
            clock.now += timedelta(minutes=30)
            office.collect(clock.now)
    if plan.collection.send_on:  # what stays in the office needs no approval
        clock.now += timedelta(hours=1)
        tell("Trình lãnh đạo phê duyệt", clock.now)
        office.approve(plan.key, clock.now)
        if plan.needs_number:
            clock.now += timedelta(minutes=30)
            tell("Văn thư cấp số, ngày", clock.now)
            office.number(plan.key, clock.now)


def live_year(
    plans: Sequence[RoundPlan],
    office: YearOffice,
    clerks: Sequence[Clerk],
    clock: Clock,
    zone: str,
    tell: Callable[[str, datetime], None] = lambda _what, _now: None,
) -> None:
    """Go through the days on which any of the rounds has a milestone, up to each report being sent on."""
    for day, due in _days(plans):
        clock.now = datetime.combine(day, time(min(plan.collection.hour for plan, _ in due)), ZoneInfo(zone))
        tell("; ".join(f"{plan.title} – {key}" for plan, key in due), clock.now)
        office.advance(list(dict.fromkeys(plan.key for plan, _ in due)), clock.now)
        today = {plan.title: key for plan, key in due}
        for _ in range(EXCHANGES):
            clock.now += timedelta(hours=1)
            written = [line for clerk in clerks for line in clerk.play(clock.now, today)]
            if not written:
                break
            tell(f"  {len(written)} thư của các cơ quan", clock.now)
            clock.now += timedelta(minutes=30)
            office.collect(clock.now)
        for plan in [plan for plan, key in due if key == "close" and plan.collection.send_on]:
            clock.now += timedelta(minutes=10)
            tell(f"  Trình lãnh đạo phê duyệt {plan.title}", clock.now)
            office.approve(plan.key, clock.now)
            if plan.needs_number:
                clock.now += timedelta(minutes=5)
                office.number(plan.key, clock.now)


def _days(plans: Sequence[RoundPlan]) -> list[tuple[date, list[tuple[RoundPlan, str]]]]:
    """The days with what is due on them. Reports are sent on once they are approved, so that day brings nothing."""
    found: dict[date, list[tuple[RoundPlan, str]]] = {}
    for plan in plans:
        for milestone in plan.milestones:
            if milestone.key not in ("day", "until", "send-on"):
                found.setdefault(milestone.date, []).append((plan, milestone.key))
    return sorted(found.items())
