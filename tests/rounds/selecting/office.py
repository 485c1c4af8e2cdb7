"""A small office with a ledger of its own and no mail: four communes that report, are inspected and are trained."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select

from treem.forms.check import Checked, CheckedValue
from treem.forms.read import RawText
from treem.ledger.store import open_ledger
from treem.ledger.tables import Recommendation, Request, Round, Selected, Submission
from treem.plan.almanac import Almanac
from treem.plan.load import load_settings
from treem.plan.settings import (
    Activity,
    Body,
    Closing,
    Collection,
    Form,
    Offset,
    OpenRecommendations,
    Places,
    Rotation,
    SelectedBefore,
    Settings,
    When,
)
from treem.rounds.filing import file_submission, submissions_of
from treem.rounds.house import House
from treem.rounds.steps import carry_out

CONFIG = Path(__file__).parents[3] / "config"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
COMMUNES = ("03390", "03394", "03400", "03405")
SELF, RECORD, FOLLOW_UP = "tu-kiem-tra", "bien-ban", "kien-nghi"
NOMINATED = "LD-19"
_shas = count(1)


def at(year: int, month: int, day: int, hour: int = 9) -> datetime:
    return datetime(year, month, day, hour, tzinfo=ZONE)


def collection(key: str, due: When, **more: object) -> Collection:
    values: dict[str, object] = {
        "key": key,
        "title": f"Lần {key}",
        "period_title": "năm {year}",
        "audience": ("xa",),
        "document": "tong-hop",
        "due": due,
        "open": Offset(working_days=-10),
        "close": Offset(working_days=5),
    }
    return Collection.model_validate(values | more)


REPORT = Activity(
    key="bao-cao",
    title="Báo cáo",
    kind="report",
    source="",
    collections=(collection("bao-cao", When(on="03-15")),),
)
ROTATION = Rotation(rule="rotation", every_years=2, at_most=2, reports=("bao-cao",), incidents=("LD-12",))
INSPECTION = Activity(
    key="kiem-tra",
    title="Kiểm tra",
    kind="inspection",
    source="",
    day=When(on="09-15"),
    until=When(on="10-15"),
    collections=(
        collection(SELF, When(on="09-10"), selection=ROTATION, choose=Offset(working_days=-20)),
        collection(
            RECORD,
            When(on="10-22"),
            selection=SelectedBefore(rule="selected", collection=SELF),
            reporter="ldtbxh",
            open=Offset(working_days=-25),
        ),
        collection(FOLLOW_UP, When(on="11-25"), selection=OpenRecommendations(rule="open_recommendations")),
    ),
)
TRAINING = Activity(
    key="tap-huan",
    title="Tập huấn",
    kind="training",
    source="",
    collections=(
        collection("de-cu", When(on="07-01")),
        collection(
            "ket-qua",
            When(on="08-30"),
            selection=Places(rule="places", nominations="de-cu", figure=NOMINATED, places=6),
        ),
    ),
)


def form(code: str, use: str, *figures: str, boxes: int = 0) -> Form:
    closings = tuple(Closing(key=f"kien-nghi-{n}", title=f"Kiến nghị {n}") for n in range(1, boxes + 1))
    return Form(code=code, version=1, title=code, group="xa", activities=(use,), figures=figures, closings=closings)


FORMS = (
    form("BM-BC", "bao-cao", "LD-12"),
    form("BM-TKT", f"kiem-tra/{SELF}", "LD-12"),
    form("BM-BB", f"kiem-tra/{RECORD}", "LD-15", boxes=5),
    form("BM-KN", f"kiem-tra/{FOLLOW_UP}", "LD-17.2"),
    form("BM-DC", "tap-huan/de-cu", NOMINATED),
    form("BM-TH", "tap-huan/ket-qua", NOMINATED),
)


def small(settings: Settings) -> Settings:
    """The shipped office and register, with four communes and the activities of this module."""
    kept = [b for b in settings.register_.bodies if b.code in (*COMMUNES, "ldtbxh")]
    bodies = tuple(b.model_copy(update={"valid_from": date(2020, 1, 1), "valid_to": None}) for b in kept)
    return settings.model_copy(
        update={
            "register_": settings.register_.model_copy(update={"bodies": bodies}),
            "plan": settings.plan.model_copy(update={"activities": (REPORT, INSPECTION, TRAINING)}),
            "forms": FORMS,
        }
    )


@cache
def shipped() -> Settings:
    return load_settings(CONFIG, {})


class Office:
    """The house, and a hand that files what bodies answer."""

    def __init__(self, home: Path) -> None:
        settings = small(shipped())
        ledger = open_ledger(f"sqlite:///{home}/ledger.sqlite", home / "originals")
        (home / "documents").mkdir()
        self.house = House(settings, Almanac(settings.holidays), ledger, home / "documents")

    def registered(self, code: str, *more: Body, **changes: object) -> None:
        """From now on the register says something else of a body; `more` are further bodies."""
        bodies = [b.model_copy(update=changes) if b.code == code else b for b in self.house.settings.register_.bodies]
        self._register((*bodies, *more))

    def turn_register(self) -> None:
        """From now on the register has its bodies the other way round."""
        self._register(self.house.settings.register_.bodies[::-1])

    def _register(self, bodies: tuple[Body, ...]) -> None:
        settings = self.house.settings
        register = settings.register_.model_copy(update={"bodies": bodies})
        self.house = replace(self.house, settings=settings.model_copy(update={"register_": register}), _plans={})

    def step(self, round_key: str, now: datetime) -> None:
        carry_out(self.house, round_key, now)

    def choose(self, round_key: str) -> None:
        """The day of choosing has come."""
        plan = self.house.plan(round_key)
        self.step(round_key, plan.instant_of(plan.milestone("choose")))

    def open(self, round_key: str) -> datetime:
        plan = self.house.plan(round_key)
        now = plan.instant_of(plan.milestone("open"))
        self.step(round_key, now)
        return now

    def close(self, round_key: str) -> None:
        plan = self.house.plan(round_key)
        self.step(round_key, plan.instant_of(plan.milestone("close")))

    def file(
        self, round_key: str, body: str, when: datetime, texts: dict[str, str] | None = None, **figures: int
    ) -> int:
        """A valid answer: totals by figure (LD_12=3), and texts by box. Returns the submission's id."""
        values = [
            CheckedValue(code.replace("_", "-", 1).replace("_", "."), "total", "number", Decimal(n), "S", f"C{row}")
            for row, (code, n) in enumerate(figures.items(), 5)
        ]
        boxes = [RawText(section, text, "T", f"C{row}") for row, (section, text) in enumerate((texts or {}).items(), 5)]
        checked = Checked(tuple(values), tuple(boxes), (), blank=False, complete=True)
        with self.house.ledger.begin() as session:
            query = select(Request).join(Round).where(Round.key == round_key, Request.body == body)
            request = session.scalars(query).one()
            filed = file_submission(
                self.house, session, request, checked, submissions_of(session, request.id),
                file_sha=f"{next(_shas)}", file_name="a.xlsx", received_at=when, letter_in_id=None, source="hand",
                now=when,
            )  # fmt: skip
            return filed.id

    def selected(self, round_key: str) -> dict[str, Selected]:
        with self.house.ledger.begin() as session:
            query = select(Selected).where(Selected.round_key == round_key).order_by(Selected.rank)
            return {row.body: row for row in session.scalars(query)}

    def chosen(self, round_key: str) -> list[str]:
        return [row.body for row in self.selected(round_key).values() if row.chosen]

    def inspect(self, year: int, texts: dict[str, str] | None = None) -> list[str]:
        """Choose, visit, and record every visit of a year; returns whom."""
        own, records = f"kiem-tra/{year}/{SELF}", f"kiem-tra/{year}/{RECORD}"
        self.choose(own)
        self.open(own)
        self.choose(records)
        opened = self.open(records)
        for body in self.chosen(records):
            self.file(records, body, opened + timedelta(days=3), texts, LD_15=1)
        return self.chosen(own)

    def recommendations(self) -> list[Recommendation]:
        with self.house.ledger.begin() as session:
            return list(session.scalars(select(Recommendation).order_by(Recommendation.id)))

    def submission(self, number: int) -> Submission:
        with self.house.ledger.begin() as session:
            return session.get_one(Submission, number)
