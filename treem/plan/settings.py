"""What administrators edit, as closed and frozen models: office, bodies, plan, indicators, forms, mail, holidays.

Belongs here: the shape of the configuration and what one entry must satisfy on its own. Reading YAML, finding lines
and checks across files live in `plan.load`; dates live in `plan.almanac` and `plan.agenda`.
"""

from collections.abc import Container, Iterable, Mapping
from datetime import date, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field

Column = Literal["total", "male", "female", "minority"]
"""Columns of a figure: tổng số, nam, nữ, dân tộc thiểu số."""

MergeRule = Literal["sum", "count_yes", "latest", "rate", "primary", "none"]
"""`none`: listed by body only, without a district total (a score means nothing when added)."""
Authentication = Literal["require", "hold", "accept"]
"""What becomes of a letter whose sender our mail server did not authenticate: refused, held for a person, taken."""
FigureType = Literal["count", "money", "yes_no", "score", "rate"]


class Closed(BaseModel):
    """A model that refuses unknown keys and never changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A changed copy. What was worked out from the old fields does not come along."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


class Signatory(Closed):
    """Who signs a document, in the layout of Nghị định 30/2020 (Phụ lục I, ô 7a, 7b)."""

    authority: str  # "TM. ỦY BAN NHÂN DÂN"
    capacity: str = ""  # "KT. CHỦ TỊCH"
    position: str  # "PHÓ CHỦ TỊCH"
    name: str = ""  # left blank until the office fills it in


class Confidentiality(Closed):
    """Which numbers what leaves the office hides, because a child may be recognised from them."""

    threshold: int = Field(default=5, ge=2)  # numbers below it are hidden, with what they could be worked out from
    units: tuple[str, ...] = ("trẻ em", "học sinh")  # of the figures that are not sensitive, those in these units
    hide_zero: bool = False  # whether 0 is hidden too
    hide_small_totals: bool = False  # sensitive figures: a small total of several bodies too


class Office(Closed):
    """The office that runs the plan, and what stands at the head and foot of its documents."""

    name: str  # "Phòng Lao động - Thương binh và Xã hội"
    short_name: str  # "Phòng LĐTBXH"
    district: str  # "huyện Tam Đường"
    province: str  # "tỉnh Lai Châu"
    place: str  # "Tam Đường": địa danh before the date
    letter_parent: str  # "UBND HUYỆN TAM ĐƯỜNG": the upper line of the office's own letters
    report_issuer: tuple[str, ...]  # ("ỦY BAN NHÂN DÂN", "HUYỆN TAM ĐƯỜNG"): whose report it is
    report_symbol: str = "BC-UBND"
    letter_symbol: str
    report_recipients: tuple[str, ...]  # Kính gửi
    report_copies: tuple[str, ...]  # Nơi nhận
    report_emails: tuple[str, ...]  # where the approved report is sent
    report_signatory: Signatory
    letter_signatory: Signatory
    approvers: tuple[str, ...] = ()  # titles or names that may approve; empty = anyone
    confidentiality: Confidentiality = Confidentiality()
    number_before_sending: bool = True  # an approved report waits for its number and date
    timezone: str = "Asia/Ho_Chi_Minh"


class Group(Closed):
    """Bodies that answer the same form, e.g. `xa` (the communes) or `cong-an` (the police)."""

    key: str
    name: str
    duty_group: str  # "III.9"
    tone: Literal["instruct", "request"]  # the Fatherland Front is asked ("Đề nghị"), others are instructed


class Body(Closed):
    """A body (cơ quan, đơn vị) of the register. Keyed by code and validity: GSO codes are re-used."""

    code: str  # GSO code as a string ("03424") or a slug ("cong-an")
    name: str
    group: str
    kind: Literal["division", "police", "front", "union", "commune", "office", "service"]
    emails: tuple[str, ...] = Field(min_length=1)
    valid_from: date
    valid_to: date | None = None
    successors: tuple[str, ...] = ()  # codes, meant as the bodies that have them on the day after `valid_to`
    also_from: str = ""  # what it took in that the register never had: earlier figures are without it
    authentication: Authentication | None = None  # another rule than mail.yaml has for everybody
    to_confirm: bool = False  # the seed plan does not name it; the office must confirm

    def is_valid_on(self, day: date) -> bool:
        """Whether the body exists on that day (both ends included)."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    @property
    def day_after(self) -> date | None:
        """The day after its last, on which its successors are there; None while it has no end."""
        return self.valid_to + timedelta(days=1) if self.valid_to and self.valid_to < date.max else None

    def address_except(self, useless: Container[str]) -> str | None:
        """The first address that is not among those (lower case), or None when nobody there can be reached."""
        return next((address for address in self.emails if address.lower() not in useless), None)


class NoSuccessor(LookupError):
    """A body names a successor that does not exist on the day after it ended, or has not ended at all."""

    def __init__(self, body: Body, code: str) -> None:
        ended = f"kết thúc {body.valid_to:%d/%m/%Y}" if body.valid_to else "chưa có valid_to"
        super().__init__(f"{body.name} ({body.code}, {ended}): hôm sau danh bạ không có đơn vị kế tục mã “{code}”.")


class Register(Closed):
    """The register of bodies (bodies.yaml)."""

    groups: tuple[Group, ...]
    bodies: tuple[Body, ...]

    @cached_property
    def by_code(self) -> dict[str, list[Body]]:
        """The bodies of each code: one after the other, as the years go by."""
        return _grouped((body.code, body) for body in self.bodies)

    @cached_property
    def by_address(self) -> dict[str, list[Body]]:
        """The bodies registered with each address (lower case)."""
        return _grouped((address.lower(), body) for body in self.bodies for address in body.emails)

    def successors_of(self, body: Body) -> tuple[Body, ...]:
        """The bodies that go on after it: their codes may have meant others before. Raises NoSuccessor."""
        return tuple(self._on_the_day_after(body, code) for code in body.successors)

    def predecessors_of(self, body: Body) -> tuple[Body, ...]:
        """The bodies that it goes on after, also where it stood before and took them in. Raises NoSuccessor."""
        return tuple(other for other in self.bodies if body in self.successors_of(other))

    def _on_the_day_after(self, body: Body, code: str) -> Body:
        day = body.day_after
        found = next((other for other in self.by_code.get(code, []) if day and other.is_valid_on(day)), None)
        if found is None:
            raise NoSuccessor(body, code)
        return found


class Duty(Closed):
    """One bullet of part III of the plan, numbered as in the plan."""

    code: str  # "III.9.5"
    text: str
    groups: tuple[str, ...]  # keys of the groups that have this duty


class NthWeekday(Closed):
    """The nth (or, with -1, the last) weekday of a month."""

    nth: Literal[1, 2, 3, 4, -1]
    weekday: Literal["T2", "T3", "T4", "T5", "T6", "T7", "CN"]
    month: int = Field(ge=1, le=12)


class When(Closed):
    """A date rule: exactly one of `before`, `on`, `lunar`, `nth`, `school`, `from`. Dates are "MM-DD".

    `from` counts from the activity's own day (or its last day), by exactly one of `days` and `working_days`.
    """

    before: str | None = None  # "06-15" = "trước ngày 15 tháng 6": the 15th itself is too late
    on: str | None = None
    lunar: str | None = None  # "08-15" = rằm tháng Tám âm lịch
    nth: NthWeekday | None = None
    school: str | None = None  # a day of the school year, named in holidays.yaml
    from_: Literal["day", "until"] | None = Field(default=None, alias="from")
    days: int | None = None
    working_days: int | None = None
    roll: Literal["before", "after"] | None = None  # a day that is not worked gives way to the working day beside it
    year: Literal[-1, 0, 1] = 0  # relative to the round's


class Offset(Closed):
    """Days from the due date people see; negative is earlier. Exactly one of the two."""

    days: int | None = None
    working_days: int | None = None


class Period(Closed):
    """The data period as "MM-DD", with the year relative to the round's."""

    start: str
    start_year: Literal[-1, 0] = -1
    end: str
    estimate: bool = False  # the period ends after the due date: figures carry the mark "ước"


class RiskPoints(Closed):
    """What each thing known of a body adds to its risk."""

    missing: int = Field(default=3, ge=0)  # a report that never came
    late: int = Field(default=1, ge=0)
    recommendation: int = Field(default=2, ge=0)  # one that is still open
    incident: int = Field(default=1, ge=0)
    incidents_at_most: int = Field(default=5, ge=0)  # points of one figure


class Rotation(Closed):
    """Whom to inspect: everybody at least every so many years, then those at risk (rounds.selecting.rotation)."""

    rule: Literal["rotation"]
    every_years: int = Field(ge=1)
    at_most: int = Field(ge=1)  # bodies a year; exceeded only where `every_years` demands it
    reports: tuple[str, ...] = ()  # activities whose late and missing returns count as risk
    incidents: tuple[str, ...] = ()  # figures whose number counts as risk
    points: RiskPoints = RiskPoints()


class Places(Closed):
    """Who gets how many places (rounds.selecting.places)."""

    rule: Literal["places"]
    nominations: str  # the collection of the same activity in which bodies nominated
    figure: str  # the figure that says how many
    places: int = Field(ge=1)
    trained: str | None = None  # the figure that says how many came; without it, the places given count
    years: int = Field(default=3, ge=1)  # how far back people trained are counted


class UntilYes(Closed):
    """Those who have not yet answered "Có" to every figure of theirs; who has is not asked again."""

    rule: Literal["until_yes"]
    figures: tuple[str, ...] = Field(min_length=1)


class SelectedBefore(Closed):
    """Those whom another collection of the same round selected."""

    rule: Literal["selected"]
    collection: str


class OpenRecommendations(Closed):
    """Those with recommendations of an inspection that are not done (rounds.recommendations)."""

    rule: Literal["open_recommendations"]
    done: str = "LD-17.2"  # the figure that says how many are done
    days: int = Field(default=60, ge=1)  # from the visit to the day a recommendation is to be done by


Selection = Annotated[Rotation | Places | UntilYes | SelectedBefore | OpenRecommendations, Field(discriminator="rule")]
"""Which bodies of the audience are asked. Without one: all of them."""


class Collection(Closed):
    """One request–answer–merge (lần thu thập) of an activity: when, whom, which form, which document."""

    key: str  # "bao-cao", "ke-hoach", "ket-qua"
    title: str = ""  # "Kết quả tổ chức Tết Trung thu"; empty: the activity's
    content: str = ""  # what the letter asks for, in a phrase; empty: figures and results of the duties
    period_title: str  # "6 tháng đầu năm {year}"
    letter: Literal["request", "invitation", "inspection"] = "request"
    audience: tuple[str, ...]  # group keys
    selection: Selection | None = None
    reporter: str | None = None  # the body that answers for those asked: an inspection team for each commune
    document: str  # name of the template in templates/documents, without .docx
    due: When
    choose: Offset | None = None  # when the selection is made; before `open`, so that a person can change it
    open: Offset
    reminders: tuple[Offset, ...] = ()
    chases: tuple[Offset, ...] = ()
    close: Offset
    send_on: Offset | None = None  # none: the document stays in the office, without approval
    send_on_to_confirm: bool = True  # the plan says "theo qui định" and names no day
    period: Period | None = None  # none: the activity's own days
    takes: tuple[str, ...] = ()  # "tet-trung-thu/ket-qua": figures filed there count here and are not asked again
    reconciles: str | None = None  # the activity whose estimates final figures replace here; only flows are asked
    hour: int = Field(default=8, ge=0, le=23)  # local hour at which steps of a day start


class Activity(Closed):
    """A recurring activity: what the plan says of it, its own day where it has one, and what is collected."""

    key: str  # "bao-cao-6-thang"
    title: str  # "Báo cáo 6 tháng"
    kind: Literal["report", "inspection", "event", "training", "other"]
    source: str  # the sentence of the plan
    day: When | None = None  # an event's own day
    until: When | None = None  # its last day, where it lasts
    collections: tuple[Collection, ...] = Field(min_length=1)

    def collection(self, key: str) -> Collection:
        """The collection with that key. Raises KeyError when there is none."""
        return next((c for c in self.collections if c.key == key), None) or _missing(f"{self.key}/{key}")


class Plan(Closed):
    """The plan (plan.yaml): its identity, duties and activities."""

    title: str
    number: str = ""  # not in the published text: stays blank until the office fills it in
    signed_on: date | None = None
    duties: tuple[Duty, ...]
    activities: tuple[Activity, ...]


class Figure(Closed):
    """One number of an indicator. Rates are computed, everything else is typed by a body.

    `code` is the indicator's code when it has one figure, else "LD-24.1", "LD-24.2", …
    """

    code: str
    label: str
    unit: str
    type: FigureType
    merge: MergeRule
    groups: tuple[str, ...] = ()  # who types it; empty for rates
    primary: str | None = None  # merge = primary: this group's figure counts, the other groups' are cross-checks
    columns: tuple[Column, ...] = ("total",)
    numerator: str | None = None  # rates: figure codes
    denominator: str | None = None
    scale: int = 100  # 100 for %, 1000 for ‰
    guidance: str = ""


class Indicator(Closed):
    """An indicator (chỉ tiêu) of indicators.yaml."""

    code: str  # "LD-01"
    name: str
    section: Literal["I", "III.1", "III.2", "III.3", "III.4", "III.5", "III.6", "III.7", "III.8"]
    accrual: Literal["flow", "stock"]  # cumulative over the period, or as of its last day
    sensitive: bool = False
    basis: Literal["S", "S~", "Q", "U"]  # dossier A.6: named in the plan, implied, national standard, customary
    duties: tuple[str, ...]  # as the dossier cites them: "III.9.1", "II.1.3.1", "V"
    figures: tuple[Figure, ...] = Field(min_length=1)


class Inequality(Closed):
    """A rule between figures of one body: smaller ≤ larger (dossier A.6, "Ràng buộc")."""

    smaller: str
    larger: str


class Sum(Closed):
    """A figure that is the sum of others: 13 criteria and their total."""

    total: str
    parts: tuple[str, ...] = Field(min_length=2)


class Threshold(Closed):
    """A Có/Không that follows from scores: "Có" when every part has more than 0 and the total is high enough."""

    verdict: str
    total: str
    parts: tuple[str, ...] = Field(min_length=1)
    at_least: int = Field(ge=1)
    at_least_of: Mapping[str, int] = {}  # what a group, or a body by its code, needs instead

    def needed(self, group: str, body: str | None = None) -> int:
        """The total a body of that group needs."""
        return self.at_least_of.get(body or "", self.at_least_of.get(group, self.at_least))


class IndicatorBook(Closed):
    """All indicators and the rules between them (indicators.yaml)."""

    indicators: tuple[Indicator, ...]
    inequalities: tuple[Inequality, ...] = ()
    sums: tuple[Sum, ...] = ()
    thresholds: tuple[Threshold, ...] = ()

    @cached_property
    def figures(self) -> Mapping[str, Figure]:
        """Every figure by code, in the order of the book."""
        return MappingProxyType({f.code: f for i in self.indicators for f in i.figures})


class Closing(Closed):
    """A closing narrative section: tồn tại, nguyên nhân, kiến nghị, phương hướng."""

    key: str  # "ton-tai"
    title: str


class Form(Closed):
    """What a group is asked (forms/*.yaml): figures in order, a narrative box per duty, closing sections.

    A file may serve several groups (`groups` instead of `group`); `Settings.forms` has one form a group.
    """

    code: str  # "BM-XA"
    version: int
    title: str
    group: str = ""
    groups: tuple[str, ...] = ()
    activities: tuple[str, ...]  # "tet-trung-thu": all its collections; "tet-trung-thu/ket-qua": one
    figures: tuple[str, ...]  # figure codes, never rates
    duties: tuple[str, ...] = ()  # narrative boxes
    closings: tuple[Closing, ...] = ()
    guidance: Mapping[str, str] = {}  # of a figure, where this form says it otherwise than indicators.yaml

    def each(self) -> "tuple[Form, ...]":
        """The same form for each of its groups."""
        return tuple(self.model_copy(update={"group": key, "groups": ()}) for key in self.groups) or (self,)

    def serves(self, activity: str, collection: str) -> bool:
        """Whether the form is the one for that collection."""
        return activity in self.activities or f"{activity}/{collection}" in self.activities


class Server(Closed):
    """One mail server. Plain text is refused unless the host is a loopback address."""

    host: str
    port: int
    security: Literal["tls", "starttls", "plain"]
    user: str = ""
    password: str = Field(default="", repr=False)
    timeout: float = 60


class Mail(Closed):
    """Servers, addresses and limits (mail.yaml). Secrets come as ${NAME} from the environment."""

    address: str  # the office's mailbox, "treem@tamduong.test"
    display_name: str
    smtp: Server
    imap: Server
    folder: str = "INBOX"
    junk_folder: str | None = "Junk"  # looked through too; the folder the server marks as \\Junk comes first
    collect_since: date | None = None  # letters that arrived before this day are left alone
    authserv_id: str | None = None  # who may say in Authentication-Results that a sender is genuine (RFC 8601)
    authserv_topmost: bool = False  # the server writes no name there (Microsoft 365): only the topmost header counts
    authentication: Authentication = "hold"
    notify: tuple[str, ...] = ()  # who reads the daily digest and the alarms; empty: the office's mailbox
    letters_per_minute: int = 60
    acks_per_request: int = 6  # acknowledgements of one request in 24 hours
    acks_per_hour: int = 600
    max_letter_bytes: int = 25_000_000
    redirect_all_to: str | None = None

    @property
    def office_addresses(self) -> tuple[str, ...]:
        """Who in the office is told."""
        return self.notify or (self.address,)

    def authentication_of(self, body: Body) -> Authentication:
        """The rule for a body's letters."""
        return body.authentication or self.authentication


class Holidays(Closed):
    """Local corrections to the working-day calendar (holidays.yaml)."""

    off: tuple[date, ...] = ()
    working: tuple[date, ...] = ()
    school_days: Mapping[str, str] = {}  # "hk1-start": "09-05", the same every year …
    school_days_of: Mapping[int, Mapping[str, str]] = {}  # … and what a year has otherwise


class DifferenceRule(Closed):
    """A rule of the reconciliation: what it is called, how serious it is, where it does not apply and why."""

    title: str
    severity: Literal["warning", "error"] = "warning"
    off: str = ""  # why the rule is switched off; empty: it is on
    without: Mapping[str, str] = {}  # figures it leaves alone, each with the reason


class SourcesRule(DifferenceRule):
    """Two groups tell of the same event: the primary source and those beside it."""

    title: str = "Hai nguồn cùng một số liệu"
    at_least: int = Field(default=1, ge=1)  # smaller differences are passed over …
    share: int = Field(default=0, ge=0)  # … and those below so many per cent of the larger number


class BreakdownRule(DifferenceRule):
    """Nam + nữ = tổng số, and no part is more than the total."""

    title: str = "Phân tổ khớp tổng số"


class PartsRule(DifferenceRule):
    """The inequalities and sums of indicators.yaml."""

    title: str = "Số “trong đó” không lớn hơn số chung"


class WithinYearRule(DifferenceRule):
    """What was counted by the middle of a year cannot be more than what is counted by its end."""

    title: str = "Số 6 tháng không lớn hơn số cả năm"
    earlier: str = "bao-cao-6-thang"  # an activity …
    later: tuple[str, ...] = ("bao-cao-nam", "so-chinh-thuc")  # … and those whose period goes on from the same day


class JumpsRule(DifferenceRule):
    """A number far from what the body itself reported before (`district.reconcile` says how far is reckoned)."""

    title: str = "Tăng, giảm đột biến so với chính đơn vị"
    periods: int = Field(default=3, ge=2)  # earlier periods needed
    score: float = Field(default=3.5, gt=0)
    at_least: int = Field(default=5, ge=1)  # smaller differences are passed over …
    share: int = Field(default=25, ge=0)  # … and those below so many per cent of the usual number


class Differences(Closed):
    """What is compared before a report is trusted (reconciliation.yaml)."""

    since: int = 2020  # the first year of the plan: cumulative numbers begin there
    answer_days: int = Field(default=3, ge=1)  # working days a body has to answer a question
    sources: SourcesRule = SourcesRule()
    breakdown: BreakdownRule = BreakdownRule()
    parts: PartsRule = PartsRule()
    within_year: WithinYearRule = WithinYearRule()
    jumps: JumpsRule = JumpsRule()

    @property
    def rules(self) -> Mapping[str, DifferenceRule]:
        """The rules by key, in the order of the sheet."""
        keys = ("sources", "breakdown", "parts", "within_year", "jumps")
        return {key: getattr(self, key) for key in keys}


class Settings(Closed):
    """The whole configuration."""

    office: Office
    register_: Register = Field(alias="register")
    plan: Plan
    book: IndicatorBook
    forms: tuple[Form, ...]
    mail: Mail
    holidays: Holidays = Holidays()
    differences: Differences = Differences()

    def body(self, code: str, on: date) -> Body:
        """The body with that code on that day, else the newest of that code: a body that has been merged since still
        answers what it was asked. Raises KeyError when the register has no such code."""
        known = self.register_.by_code.get(code) or _missing(code)
        return next((body for body in known if body.is_valid_on(on)), None) or max(known, key=lambda b: b.valid_from)

    def group(self, key: str) -> Group:
        """The group with that key. Raises KeyError when there is none."""
        return next((g for g in self.register_.groups if g.key == key), None) or _missing(key)

    def activity(self, key: str) -> Activity:
        """The activity with that key. Raises KeyError when there is none."""
        return next((a for a in self.plan.activities if a.key == key), None) or _missing(key)

    def form_for(self, activity: str, collection: str, group: str) -> Form:
        """The form a group answers in a collection, without the figures the collection takes from others.

        Raises KeyError when there is none.
        """
        return self._forms_by_use.get((activity, collection, group)) or _missing(f"{activity}/{collection}/{group}")

    def forms_for(self, activity: str, collection: str) -> tuple[Form, ...]:
        """The forms of all groups in a collection."""
        return tuple(f for (a, c, _), f in self._forms_by_use.items() if (a, c) == (activity, collection))

    def forms_taken(self, collection: Collection) -> tuple[Form, ...]:
        """The forms in which a collection's taken figures were asked for."""
        return tuple(form for name in collection.takes for form in self.forms_for(*self.named(name)))

    def named(self, name: str) -> tuple[str, str]:
        """Activity and collection of "activity/collection", or of the activity's only one. Raises KeyError."""
        key, _, part = name.partition("/")
        collections = self.activity(key).collections
        return key, (part or collections[0].key)

    def answering(self, activity: str, collection: str, body: str) -> str:
        """The code of the body that answers for a body asked in that collection."""
        return self._reporters.get((activity, collection), body)

    @cached_property
    def _reporters(self) -> dict[tuple[str, str], str]:
        return {(a.key, c.key): c.reporter for a in self.plan.activities for c in a.collections if c.reporter}

    @cached_property
    def _forms_by_use(self) -> dict[tuple[str, str, str], Form]:
        uses = [(a, c, f) for a in self.plan.activities for c in a.collections for f in self.forms]
        plain = {(a.key, c.key, f.group): f for a, c, f in uses if f.serves(a.key, c.key)}
        taken = {(a.key, c.key): self._taken(plain, c) for a in self.plan.activities for c in a.collections if c.takes}
        again = {(a.key, c.key) for a in self.plan.activities for c in a.collections if c.reconciles}
        left = {use: _without(form, taken.get(use[:2], frozenset())) for use, form in plain.items()}
        return {use: self._only_flows(form) if use[:2] in again else form for use, form in left.items()}

    def _only_flows(self, form: Form) -> Form:
        """What replaces an estimate: the figures that went on growing until the end of the period, and no words."""
        flows = {f.code for i in self.book.indicators if i.accrual == "flow" for f in i.figures}
        figures = tuple(code for code in form.figures if code in flows)
        return form.model_copy(update={"figures": figures, "duties": (), "closings": ()})

    def _taken(self, forms: Mapping[tuple[str, str, str], Form], collection: Collection) -> frozenset[tuple[str, str]]:
        """What a collection takes from others, as (group, figure): who was asked there, or answered there for others,
        is not asked again; a group that was not, is."""
        sources = {self.named(name) for name in collection.takes}
        asked = [(use, form) for use, form in forms.items() if use[:2] in sources]
        return frozenset((key, code) for use, form in asked for key in self._saying(*use) for code in form.figures)

    def _saying(self, activity: str, collection: str, group: str) -> set[str]:
        """The group that is asked in a collection, and that of the body that answers for it."""
        reporter = self._reporters.get((activity, collection))
        return {group, *(body.group for body in self.register_.by_code.get(reporter or "", []))}

    def figures(self) -> Mapping[str, Figure]:
        """Every figure by code, in the order of the book."""
        return self.book.figures

    def indicator_of(self, figure_code: str) -> Indicator:
        """The indicator a figure belongs to. Raises KeyError when there is none."""
        for indicator in self.book.indicators:
            if any(f.code == figure_code for f in indicator.figures):
                return indicator
        raise KeyError(figure_code)


def _grouped(pairs: Iterable[tuple[str, Body]]) -> dict[str, list[Body]]:
    found: dict[str, list[Body]] = {}
    for key, body in pairs:
        found.setdefault(key, []).append(body)
    return found


def _without(form: Form, taken: Container[tuple[str, str]]) -> Form:
    left = tuple(code for code in form.figures if (form.group, code) not in taken)
    return form if left == form.figures else form.model_copy(update={"figures": left})


def _missing(key: str) -> NoReturn:
    raise KeyError(key)
