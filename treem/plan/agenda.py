"""What should have happened by now: the milestones of a round, and the steps the ledger still lacks.

Belongs here: dates from rules, and the pure difference between plan and ledger. Carrying steps out is in `rounds`;
working days and lunar dates are in `plan.almanac`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

from treem.plan.almanac import Almanac, LunarDateUnknown
from treem.plan.dates import month_day, resolve, shift
from treem.plan.settings import Activity, Body, Collection, Offset, Settings

Action = Literal[
    "choose", "open", "join", "leave", "move", "ask", "remind", "chase", "close", "draft", "ask_approval", "ask_number",
    "send_on",
]  # fmt: skip
Day = date  # the type, inside classes that have a field named `date`
ROUND_KEY = re.compile(r"([a-z0-9-]+)/(2\d{3})(?:/([a-z0-9-]+))?")
OWN_DAYS = ("day", "until")
"""Milestones of the round itself, not of one of its collections."""
LISTED = 8
REACH = 2  # years: a rule may name a day of the next year, and what follows it may fall in the year after that


class UnknownRound(Exception):
    """There is no such round: the activity is not in the plan, or the key is not one of a round."""

    def __init__(self, round_key: str, known: Sequence[str]) -> None:
        shown = ", ".join(known[:LISTED]) + (", …" if len(known) > LISTED else "")
        example = shown or "chưa có hoạt động nào trong kế hoạch"
        super().__init__(f"Không có đợt “{round_key}”. Hãy viết hoạt động/năm[/lần thu thập], ví dụ: {example}.")


@dataclass(frozen=True)
class Milestone:
    """A date of a round (mốc). `legal_date` is the last day in time where the plan names one."""

    key: str  # open, remind-1.., due, chase-1.., close, send-on
    date: Day
    legal_date: Day | None
    title: str


@dataclass(frozen=True)
class RoundPlan:
    """One collection of a round (đợt) as the plan has it: its milestones, its data period and whom it asks.

    Each collection is asked, chased, merged and approved by itself, under a key of its own: "bao-cao-nam/2027", and
    "tet-trung-thu/2027/ket-qua" where the activity has several. `bodies`: the audience, before any selection.
    """

    key: str
    activity: Activity
    collection: Collection
    year: int
    milestones: tuple[Milestone, ...]
    period_start: date
    period_end: date
    bodies: tuple[Body, ...]
    reporter: Body | None = None  # answers for all of them: an inspection team for the communes
    timezone: str = "Asia/Ho_Chi_Minh"
    needs_number: bool = False  # its approved report waits for the number and date the registry clerk assigns

    @property
    def title(self) -> str:
        """The round's name, e.g. "Báo cáo 6 tháng 2027", "Kết quả tổ chức Tết Trung thu 2027"."""
        return f"{self.collection.title or self.activity.title} {self.year}"

    @property
    def occasion_title(self) -> str:
        """The name of the round whose collection this is: "Tết Trung thu 2027"."""
        return f"{self.activity.title} {self.year}"

    @property
    def occasion(self) -> str:
        """The round whose collection this is: "tet-trung-thu/2027"."""
        return f"{self.activity.key}/{self.year}"

    def key_of(self, year: int) -> str:
        """The key of the same collection in another year."""
        return _key(self.activity, self.collection, year)

    @property
    def begins(self) -> date:
        """The day of the first step."""
        return self.date_of("choose" if self.collection.selection else "open")

    @property
    def own_day(self) -> date | None:
        """The activity's own day, where it has one."""
        return next((m.date for m in self.milestones if m.key == "day"), None)

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
        return datetime.combine(milestone.date, time(self.collection.hour), ZoneInfo(self.timezone))

    @property
    def is_estimate(self) -> bool:
        """Whether the figures are estimates: the period ends after the deadline."""
        return self.collection.period is not None and self.collection.period.estimate

    def answering(self, body: Body) -> Body:
        """Who is written to about a body that is asked, and answers for it."""
        return self.reporter or body

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
    left: bool = False  # closed because the body is no longer asked
    told: Day | None = None  # the plan's day as the body was last told it; None: as the plan has it


@dataclass(frozen=True)
class RoundFacts:
    """What the ledger knows of one round."""

    opened: bool
    requests: tuple[RequestFact, ...]
    closed: bool
    report_state: str | None
    dead: frozenset[str] = frozenset()  # addresses nothing is sent to any more
    chosen: frozenset[str] | None = None  # codes of the bodies selected; None: no selection has been made
    mending: bool = False  # a body was asked to look at its accepted answer again, and has not answered


@dataclass(frozen=True)
class Step:
    """One thing to do, and the milestone that makes it due."""

    action: Action
    milestone: str
    body: str | None = None

    @property
    def of_body(self) -> str:
        """The body's code, for steps that are about one."""
        if self.body is None:
            raise ValueError(f"the step {self.action} is about no body")
        return self.body


def plan_round(settings: Settings, almanac: Almanac, round_key: str) -> RoundPlan:
    """The round of that key as the config has it today. Raises UnknownRound, and LunarDateUnknown for far years."""
    parts = ROUND_KEY.fullmatch(round_key)
    activity = next((a for a in settings.plan.activities if parts and a.key == parts[1]), None)
    if not parts or not activity:
        raise UnknownRound(round_key, round_keys(settings, 2027))
    keys = {_key(activity, c, int(parts[2])): c for c in activity.collections}
    if round_key not in keys:
        raise UnknownRound(round_key, list(keys))
    return _planned(settings, almanac, activity, keys[round_key], int(parts[2]))


def round_keys(settings: Settings, year: int) -> list[str]:
    """The key of every collection of every activity in a year, in the order of the plan."""
    return [_key(activity, c, year) for activity in settings.plan.activities for c in activity.collections]


def plans_of(settings: Settings, almanac: Almanac, year: int) -> list[RoundPlan]:
    """Every collection of every activity in a year. Raises LunarDateUnknown for years whose dates are not certain."""
    return [_planned(settings, almanac, a, c, year) for a in settings.plan.activities for c in a.collections]


def certain_plans(settings: Settings, almanac: Almanac, years: Iterable[int]) -> list[RoundPlan]:
    """Every collection of every activity in those years, without those whose dates are not certain."""
    found: list[RoundPlan] = []
    for year in years:
        for activity in settings.plan.activities:
            for collection in activity.collections:
                with suppress(LunarDateUnknown):
                    found.append(_planned(settings, almanac, activity, collection, year))
    return found


def years_around(year: int) -> range:
    """The years after which rounds are named that may have a milestone in the year."""
    return range(year - REACH, year + REACH + 1)


def calendar(settings: Settings, almanac: Almanac, year: int) -> list[CalendarRow]:
    """Every milestone that falls in the year, by date, whatever year its round is named after.

    Raises LunarDateUnknown for a year whose dates are not certain.
    """
    plans = plans_of(settings, almanac, year)
    plans += certain_plans(settings, almanac, (y for y in years_around(year) if y != year))
    rows = [row for plan in plans for row in _rows(plan) if row.date.year == year]
    return sorted(rows, key=lambda row: row.date)


def _rows(plan: RoundPlan) -> Iterator[CalendarRow]:
    """Milestones of a round with several collections carry the collection's key; the round's own day does not."""
    several = len(plan.activity.collections) > 1
    for m in plan.milestones:
        own = m.key in OWN_DAYS
        key = f"{plan.collection.key}-{m.key}" if several and not own else m.key
        title = plan.occasion_title if own else plan.title
        yield CalendarRow(plan.occasion, plan.activity.key, key, m.date, m.legal_date, f"{title} – {m.title}")


def _key(activity: Activity, collection: Collection, year: int) -> str:
    occasion = f"{activity.key}/{year}"
    return occasion if len(activity.collections) == 1 else f"{occasion}/{collection.key}"


def _planned(settings: Settings, almanac: Almanac, activity: Activity, collection: Collection, year: int) -> RoundPlan:
    own, last = own_days(activity, almanac, year)
    milestones = milestones_of(activity, collection, almanac, year)
    due = next(m.date for m in milestones if m.key == "due")
    period, whole_year = collection.period, (date(year, 1, 1), date(year, 12, 31))
    start, end = (own, last) if own and last else whole_year
    return RoundPlan(
        key=_key(activity, collection, year),
        activity=activity,
        collection=collection,
        year=year,
        milestones=milestones,
        period_start=month_day(year + period.start_year, period.start) if period else start,
        period_end=month_day(year, period.end) if period else end,
        bodies=tuple(b for b in settings.register_.bodies if b.group in collection.audience and b.is_valid_on(due)),
        reporter=settings.body(collection.reporter, due) if collection.reporter else None,
        timezone=settings.office.timezone,
        needs_number=settings.office.number_before_sending,
    )


def due_steps(plan: RoundPlan, facts: RoundFacts, now: datetime) -> tuple[Step, ...]:
    """What the plan asks for by `now` and the ledger lacks, in the order to do it. Pure: same input, same steps.

    Doing a step changes the facts and may make the next one due (closing makes the draft due).
    """
    return (*_collecting(plan, facts, now), *_reporting(plan, facts))


def _collecting(plan: RoundPlan, facts: RoundFacts, now: datetime) -> Iterator[Step]:
    if facts.closed:
        return
    if not facts.opened and _reached(plan, "close", now):  # nobody is asked by a day that is long past: the office
        return  # decides
    if plan.collection.selection and facts.chosen is None and _reached(plan, "choose", now):
        yield Step("choose", "choose")
        return
    if not facts.opened:  # a round that is open stays so, though its days were moved and it should open only now
        if not _reached(plan, "open", now) or (plan.collection.selection and facts.chosen is None):
            return
        yield Step("open", "open")
    else:
        yield from _changed(plan, facts, now)
    requests = [r for r in _requests(plan, facts) if _unanswered(r)]
    yield from (Step("ask", "open", r.body) for r in requests if _wants(plan, facts, r, "request"))
    yield from _latest_letters(plan, facts, requests, "remind", now)
    yield from _latest_letters(plan, facts, requests, "chase", now)
    if _reached(plan, "close", now):
        yield Step("close", "close")


def _changed(plan: RoundPlan, facts: RoundFacts, now: datetime) -> Iterator[Step]:
    """What a change of the config in the middle of a round asks for: bodies that came or went, a day that moved."""
    known, wanted = {r.body: r for r in facts.requests}, [b.code for b in _asked(plan, facts)]
    in_time = now.astimezone(ZoneInfo(plan.timezone)).date() <= plan.due
    for code in wanted:
        if in_time and (code not in known or known[code].left):
            yield Step("join", "open", code)
    for request in facts.requests:
        if request.body not in wanted:
            yield from [Step("leave", "open", request.body)] if _unanswered(request) else []
        elif not request.closed and request.told not in (None, plan.due):
            yield Step("move", "due", request.body)


def _asked(plan: RoundPlan, facts: RoundFacts) -> list[Body]:
    """The bodies of the audience that are asked: those selected, where there is a selection."""
    return [b for b in plan.bodies if facts.chosen is None or b.code in facts.chosen]


def _reporting(plan: RoundPlan, facts: RoundFacts) -> Iterator[Step]:
    if not facts.closed or not facts.requests:
        return
    match facts.report_state:
        case "returned" if facts.mending:  # the leader is not asked again before what was named is mended
            return
        case None | "returned" | "superseded":  # superseded with no successor: late figures came in before a decision
            yield Step("draft", "close")
        case "draft" | "awaiting_approval":
            yield Step("ask_approval", "close")
        case "approved" if plan.needs_number:
            yield Step("ask_number", "send-on")
        case "approved" | "numbered":
            yield Step("send_on", "send-on")


def is_over(facts: RoundFacts) -> bool:
    """Whether nothing more is to come of a round that was opened: its document is sent, or kept in the office."""
    return facts.report_state in ("sent", "kept") or (facts.closed and not facts.requests)


def _requests(plan: RoundPlan, facts: RoundFacts) -> list[RequestFact]:
    """The requests of bodies that are still asked; before the round is opened, those it is going to have."""
    asked = _asked(plan, facts)
    if not facts.opened:
        return [RequestFact(b.code, sent=False, filed=False, closed=False, letters=frozenset()) for b in asked]
    known = {r.body: r for r in facts.requests}
    return [known[b.code] for b in asked if b.code in known]


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
    return plan.answering(plan.body(request.body)).address_except(facts.dead | in_vain) is not None


def _unanswered(request: RequestFact) -> bool:
    return not (request.filed or request.closed)


def _reached(plan: RoundPlan, key: str, now: datetime) -> bool:
    return plan.instant_of(next(m for m in plan.milestones if m.key == key)) <= now


def own_days(activity: Activity, almanac: Almanac, year: int) -> tuple[date | None, date | None]:
    """The activity's own day and its last, where it has them.

    Raises LunarDateUnknown outside the checked years even where nothing is lunar: working days hang on feasts.
    """
    almanac.certain(year)
    own = resolve(activity.day, almanac, year).shown if activity.day else None
    return own, resolve(activity.until, almanac, year, own).shown if activity.until else own


def milestones_of(activity: Activity, collection: Collection, almanac: Almanac, year: int) -> tuple[Milestone, ...]:
    """The milestones of one collection in a year, by date. Raises LunarDateUnknown."""
    own, last = own_days(activity, almanac, year)
    due = resolve(collection.due, almanac, year, own, last)

    def at(offset: Offset) -> date:
        return shift(almanac, due.shown, offset)

    found = [
        Milestone("open", at(collection.open), None, "Mở đợt"),
        *_stages("remind", "Nhắc lần", collection.reminders, at),
        Milestone("due", due.shown, due.legal, "Hạn nộp"),
        *_stages("chase", "Đôn đốc lần", collection.chases, at),
        Milestone("close", at(collection.close), None, "Chốt số liệu, lập báo cáo"),
    ]
    if collection.selection:
        found.insert(0, Milestone("choose", at(collection.choose or collection.open), None, "Chọn đơn vị"))
    if collection.send_on:
        found.append(Milestone("send-on", at(collection.send_on), None, "Gửi báo cáo của huyện"))
    if collection is activity.collections[-1]:  # the round's own days stand once
        found += _of_own_days(own, last)
    return tuple(sorted(found, key=lambda m: m.date))


def _of_own_days(own: date | None, last: date | None) -> Iterator[Milestone]:
    if own:
        yield Milestone("day", own, None, "Ngày tổ chức")
    if last and last != own:
        yield Milestone("until", last, None, "Ngày kết thúc")


def _stages(prefix: str, title: str, offsets: Sequence[Offset], at: Callable[[Offset], date]) -> Iterator[Milestone]:
    for number, day in enumerate(sorted(at(offset) for offset in offsets), start=1):
        yield Milestone(f"{prefix}-{number}", day, None, f"{title} {number}")
