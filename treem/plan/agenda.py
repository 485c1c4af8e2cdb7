"""What should have happened by now: the milestones of a round, and the steps the ledger still lacks.

Belongs here: dates from rules, and the pure difference between plan and ledger. Carrying steps out is in `rounds`;
working days and lunar dates are in `plan.almanac`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from treem.plan.almanac import Almanac
from treem.plan.settings import Activity, Body, Offset, Settings, When

Action = Literal["open", "ask", "remind", "chase", "close", "draft", "ask_approval", "send_on"]
Day = date  # the type, inside classes that have a field named `date`
ROUND_KEY = re.compile(r"([a-z0-9-]+)/(2\d{3})")


class UnknownRound(Exception):
    """There is no such round: the activity is not in the plan, or the key is not `activity/year`."""

    def __init__(self, round_key: str, known: Sequence[str]) -> None:
        example = ", ".join(f"{key}/2027" for key in known) or "chưa có hoạt động nào trong kế hoạch"
        super().__init__(f"Không có đợt “{round_key}”. Hãy viết hoạt động/năm, ví dụ: {example}.")


@dataclass(frozen=True)
class Milestone:
    """A date of a round (mốc). `legal_date` is the last day in time where the plan names one."""

    key: str  # open, remind-1.., due, chase-1.., close, send-on
    date: Day
    legal_date: Day | None
    title: str


@dataclass(frozen=True)
class RoundPlan:
    """A round (đợt) as the plan has it: its milestones, its data period and whom it asks."""

    key: str
    activity: Activity
    year: int
    milestones: tuple[Milestone, ...]
    period_start: date
    period_end: date
    bodies: tuple[Body, ...]
    timezone: str = "Asia/Ho_Chi_Minh"

    @property
    def title(self) -> str:
        """The round's name, e.g. "Báo cáo 6 tháng 2027"."""
        return f"{self.activity.title} {self.year}"

    @property
    def due(self) -> date:
        """The due date people see: a working day where the plan says "trước ngày"."""
        return self.date_of("due")

    @property
    def legal_due(self) -> date:
        """The last day in time."""
        return self.milestone("due").legal_date or self.due

    def date_of(self, key: str) -> date:
        """The date of a milestone. Raises KeyError when the round has none of that key."""
        return self.milestone(key).date

    def instant_of(self, milestone: Milestone) -> datetime:
        """The moment a milestone takes effect: its date, at the activity's hour in the office's zone."""
        return datetime.combine(milestone.date, time(self.activity.hour), ZoneInfo(self.timezone))

    def body(self, code: str) -> Body:
        """The body of that code. Raises KeyError when the round asks none such, or no longer."""
        for body in self.bodies:
            if body.code == code:
                return body
        raise KeyError(code)

    def staged(self, prefix: str) -> tuple[Milestone, ...]:
        """The numbered milestones of one kind, e.g. chase-1, chase-2, in order of date."""
        return tuple(m for m in self.milestones if m.key.startswith(f"{prefix}-"))

    def milestone(self, key: str) -> Milestone:
        """The milestone of that key. Raises KeyError when the round has none."""
        for milestone in self.milestones:
            if milestone.key == key:
                return milestone
        raise KeyError(key)


@dataclass(frozen=True)
class CalendarRow:
    """One milestone of one round, as the yearly calendar lists it."""

    round: str
    activity: str
    milestone: str
    date: Day
    legal_date: Day | None
    title: str


@dataclass(frozen=True)
class RequestFact:
    """What the ledger knows of one request. `letters`: the letters written, by stage ("request", "chase-1", …).

    `lost`: the stages none of whose letters arrived, each with the addresses that were tried in vain.
    """

    body: str
    sent: bool
    filed: bool
    closed: bool  # waived or closed
    letters: frozenset[str]
    asked_at: datetime | None = None  # when the request letter was written; unknown counts as long ago
    due: Day | None = None  # the day the body was asked to answer by; later than the plan's where it was extended
    lost: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class RoundFacts:
    """What the ledger knows of one round."""

    opened: bool
    requests: tuple[RequestFact, ...]
    closed: bool
    report_state: str | None
    dead: frozenset[str] = frozenset()  # addresses nothing is sent to any more


@dataclass(frozen=True)
class Step:
    """One thing to do, and the milestone that makes it due."""

    action: Action
    milestone: str
    body: str | None = None


def plan_round(settings: Settings, almanac: Almanac, round_key: str) -> RoundPlan:
    """The round `activity/year` as the config has it today. Raises UnknownRound."""
    parts = ROUND_KEY.fullmatch(round_key)
    activity = next((a for a in settings.plan.activities if parts and a.key == parts[1]), None)
    if not parts or not activity:
        raise UnknownRound(round_key, [a.key for a in settings.plan.activities])
    year = int(parts[2])
    milestones = _milestones(activity, almanac, year)
    due = next(m.date for m in milestones if m.key == "due")
    period = activity.period
    return RoundPlan(
        key=round_key,
        activity=activity,
        year=year,
        milestones=milestones,
        period_start=_day(year + period.start_year, period.start),
        period_end=_day(year, period.end),
        bodies=tuple(b for b in settings.register_.bodies if b.group in activity.audience and b.is_valid_on(due)),
        timezone=settings.office.timezone,
    )


def calendar(settings: Settings, almanac: Almanac, year: int) -> list[CalendarRow]:
    """Every milestone that falls in the year, by date, whatever year its round is named after."""
    plans = [
        plan_round(settings, almanac, f"{activity.key}/{y}")
        for activity in settings.plan.activities
        for y in (year - 1, year, year + 1)
    ]
    rows = [
        CalendarRow(p.key, p.activity.key, m.key, m.date, m.legal_date, f"{p.title} – {m.title}")
        for p in plans
        for m in p.milestones
        if m.date.year == year
    ]
    return sorted(rows, key=lambda row: row.date)


def due_steps(plan: RoundPlan, facts: RoundFacts, now: datetime) -> tuple[Step, ...]:
    """What the plan asks for by `now` and the ledger lacks, in the order to do it. Pure: same input, same steps.

    Doing a step changes the facts and may make the next one due (closing makes the draft due).
    """
    return (*_collecting(plan, facts, now), *_reporting(facts))


def _collecting(plan: RoundPlan, facts: RoundFacts, now: datetime) -> Iterator[Step]:
    if facts.closed or not _reached(plan, "open", now):
        return
    if not facts.opened:
        if _reached(plan, "close", now):  # nobody is asked by a day that is long past: the office decides
            return
        yield Step("open", "open")
    requests = [r for r in _requests(plan, facts) if _unanswered(r)]
    yield from (Step("ask", "open", r.body) for r in requests if _wants(plan, facts, r, "request"))
    yield from _latest_letters(plan, facts, requests, "remind", now)
    yield from _latest_letters(plan, facts, requests, "chase", now)
    if _reached(plan, "close", now):
        yield Step("close", "close")


def _reporting(facts: RoundFacts) -> Iterator[Step]:
    if not facts.closed:
        return
    match facts.report_state:
        case None | "returned" | "superseded":  # superseded with no successor: late figures came in before a decision
            yield Step("draft", "close")
        case "draft" | "awaiting_approval":
            yield Step("ask_approval", "close")
        case "approved":
            yield Step("send_on", "send-on")


def _requests(plan: RoundPlan, facts: RoundFacts) -> list[RequestFact]:
    """The requests of bodies that are still in the plan; before the round is opened, those it is going to have."""
    if not facts.opened:
        return [RequestFact(b.code, sent=False, filed=False, closed=False, letters=frozenset()) for b in plan.bodies]
    known = {r.body: r for r in facts.requests}
    return [known[b.code] for b in plan.bodies if b.code in known]


def _latest_letters(
    plan: RoundPlan,
    facts: RoundFacts,
    requests: Sequence[RequestFact],
    action: Literal["remind", "chase"],
    now: datetime,
) -> Iterator[Step]:
    """After an outage only the latest passed stage is due, and only to those who were asked before it.

    A body whose day was extended is reminded and chased that much later.
    """
    today = now.astimezone(ZoneInfo(plan.timezone)).date()
    for request in requests:
        due = max(request.due or plan.due, plan.due)
        if action == "remind" and today > due:  # nobody is reminded of a day that has passed
            continue
        passed = [m for m in plan.staged(action) if plan.instant_of(m) + (due - plan.due) <= now]
        if not passed:
            continue
        latest, moment = passed[-1], plan.instant_of(passed[-1]) + (due - plan.due)
        asked_before = "request" in request.letters and (request.asked_at is None or request.asked_at < moment)
        if asked_before and _wants(plan, facts, request, latest.key):
            yield Step(action, latest.key, request.body)


def _wants(plan: RoundPlan, facts: RoundFacts, request: RequestFact, stage: str) -> bool:
    """Whether the stage's letter is still to be written: not yet, or in vain while another address is left to try."""
    if stage in request.letters and stage not in request.lost:
        return False
    in_vain = request.lost.get(stage, frozenset())
    return plan.body(request.body).address_except(facts.dead | in_vain) is not None


def _unanswered(request: RequestFact) -> bool:
    return not (request.filed or request.closed)


def _reached(plan: RoundPlan, key: str, now: datetime) -> bool:
    return plan.instant_of(next(m for m in plan.milestones if m.key == key)) <= now


def _milestones(activity: Activity, almanac: Almanac, year: int) -> tuple[Milestone, ...]:
    due, legal_due = _due(activity.due, almanac, year)

    def at(offset: Offset) -> date:
        return _shift(almanac, due, offset)

    return (
        Milestone("open", at(activity.open), None, "Mở đợt"),
        *_stages("remind", "Nhắc lần", activity.reminders, at),
        Milestone("due", due, legal_due, "Hạn nộp"),
        *_stages("chase", "Đôn đốc lần", activity.chases, at),
        Milestone("close", at(activity.close), None, "Chốt số liệu, lập báo cáo"),
        Milestone("send-on", at(activity.send_on), None, "Gửi báo cáo của huyện"),
    )


def _stages(prefix: str, title: str, offsets: Sequence[Offset], at: Callable[[Offset], date]) -> Iterator[Milestone]:
    for number, day in enumerate(sorted(at(offset) for offset in offsets), start=1):
        yield Milestone(f"{prefix}-{number}", day, None, f"{title} {number}")


def _due(when: When, almanac: Almanac, year: int) -> tuple[date, date | None]:
    """The due date people see, and the last day in time. "Trước ngày 15" excludes the 15th (plan, part V)."""
    if when.before is not None:
        bound = _day(year, when.before)
        return almanac.last_working_before(bound), bound - timedelta(days=1)
    if when.on is not None:
        return _day(year, when.on), None
    raise ValueError("a due date needs `before` or `on`")


def _shift(almanac: Almanac, due: date, offset: Offset) -> date:
    if offset.working_days is not None:
        return almanac.shift_working(due, offset.working_days)
    if offset.days is not None:
        return due + timedelta(days=offset.days)
    raise ValueError("an offset needs `days` or `working_days`")


def _day(year: int, month_day: str) -> date:
    return date.fromisoformat(f"{year:04d}-{month_day}")
