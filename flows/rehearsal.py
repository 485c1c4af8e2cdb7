"""The rehearsal with Prefect in it: the office's part is played by the real flows, on a private server.

Belongs here: starting and stopping what the rehearsal needs, and what its result is. The days and the bodies are in
`treem.rehearsal`. Prefect is imported only after its settings are in the environment.
"""

import json
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from flows.server import PrefectServer
from treem.ledger import queries
from treem.plan.agenda import RoundPlan
from treem.plan.load import load_settings
from treem.rehearsal.bodies import SimulatedBody
from treem.rehearsal.clerks import Clerk
from treem.rehearsal.compare import differences, totals_of
from treem.rehearsal.conductor import live, live_year
from treem.rehearsal.stage import Stage, cast, cast_year, set_stage, write_config
from treem.rehearsal.year import complaints, differences_of
from treem.rounds import board
from treem.rounds.house import House, house_from_environment

SUMMARY = "summary.json"
MARK = ".treem-rehearsal"
"""Stands in every folder a rehearsal made; only such a folder is ever cleared."""
OURS = (
    "ledger.sqlite",
    "ledger.sqlite-wal",
    "ledger.sqlite-shm",
    "originals",
    "documents",
    "config",
    "prefect",
    SUMMARY,
)


ANNUAL = "bao-cao-nam"
COUNTED = ("bodies", "letters_out", "accepted", "late", "missing", "reminders")


class RehearsalRefused(Exception):
    """The rehearsal was not started, or could not end; the words say why."""


@dataclass(frozen=True)
class Result:
    """What the rehearsal ended with. `differences` names every figure that is not what was meant; empty is good."""

    summary: dict[str, Any]
    differences: list[str]


class Rehearsal(ABC):
    """One rehearsal in one folder. What is lived through is said by its kinds: one round, or a whole year."""

    def __init__(self, config: Path, out: Path, seed: int, screen: Console) -> None:
        """Raises nothing; the folder is looked at in `run`."""
        self.config, self.out, self.seed, self.screen = config, out.resolve(), seed, screen

    def run(self, tell_result: Callable[[Result], None], keep_ui: bool = False) -> Result:
        """Live through it, tell the result, then leave the interface up on request.

        Raises RehearsalRefused, ConfigError, UnknownRound, LunarDateUnknown, ServerDown.
        """
        settings = load_settings(self.config, os.environ)
        stage = set_stage(settings)
        with ExitStack() as running:
            self._clear()
            running.enter_context(stage.mail)
            write_config(self.config, self.out / "config", stage, settings)
            os.environ.update(stage.environment(self.out))
            house = house_from_environment(os.environ)
            play = self.prepare(house, stage, running)
            server = PrefectServer(self.out / "prefect")
            running.callback(server.stop)
            self._start(server)
            result = play(_PrefectOffice(server, settings.office.approvers))
            tell_result(result)
            if keep_ui:
                self._leave_open(server)
        return result

    @abstractmethod
    def prepare(self, house: House, stage: Stage, running: ExitStack) -> "Callable[[_PrefectOffice], Result]":
        """Cast the bodies, before the server is started; returns what plays it all and compares."""

    def _clear(self) -> None:
        """Start from an empty folder. A folder that is not an earlier rehearsal's is left alone."""
        if self.out.exists() and any(self.out.iterdir()) and not (self.out / MARK).is_file():
            raise RehearsalRefused(
                f"Thư mục {self.out} không trống và không phải của lần diễn tập trước. Hãy chọn thư mục khác."
            )
        for name in OURS:
            path = self.out / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self.out.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.out / MARK).touch()

    def _start(self, server: PrefectServer) -> None:
        """Start the server, and import the flows while it boots: both take seconds."""
        with self.screen.status("Đang khởi động máy chủ Prefect…"):
            server.start()
            # the screen shows the days; what the runs log is in the interface
            os.environ.update(server.settings, PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL="WARNING")
            import_module("flows.deployments")
            server.wait()

    def tell(self, what: str, now: datetime) -> None:
        """A line on the screen, with the rehearsed time."""
        self.screen.print(f"[dim]{now:%d/%m/%Y %H:%M}[/dim]  {what}", highlight=False)

    def ended(self, summary: dict[str, Any], unequal: list[str]) -> Result:
        """Keep the summary beside the documents."""
        (self.out / SUMMARY).write_text(json.dumps(summary, ensure_ascii=False, indent=2), encoding="utf-8")
        return Result(summary, unequal)

    def _leave_open(self, server: PrefectServer) -> None:
        self.screen.print(f"Giao diện Prefect: {server.ui_url} – nhấn Ctrl-C để kết thúc.")
        try:
            server.join()
        except KeyboardInterrupt:
            self.screen.print("Kết thúc.")


class RoundRehearsal(Rehearsal):
    """One round, each milestone by its own run from Prefect's schedule."""

    def __init__(self, round_key: str, config: Path, out: Path, seed: int, screen: Console) -> None:
        super().__init__(config, out, seed, screen)
        self.round_key = round_key

    def prepare(self, house: House, stage: Stage, running: ExitStack) -> "Callable[[_PrefectOffice], Result]":
        """Cast every kind of behaviour once."""
        plan = house.plan(self.round_key)
        bodies = cast(plan, house.settings, stage, self.seed)
        for body in bodies:
            running.callback(body.close)

        def play(office: _PrefectOffice) -> Result:
            office.prepare(self.round_key, house)
            live(plan, office, bodies, stage.clock, house.settings.office.timezone, self.tell)
            self.tell("Đối chiếu với số liệu các cơ quan định báo", stage.clock.now)
            return self._result(house, stage, bodies)

        return play

    def _result(self, house: House, stage: Stage, bodies: tuple[SimulatedBody, ...]) -> Result:
        workbooks = sorted(house.documents.glob("*-noi-bo.xlsx"), key=lambda p: p.stat().st_mtime)
        if not workbooks:
            raise RehearsalRefused(f"Đợt {self.round_key} không hỏi đơn vị nào nên không có gì để diễn tập riêng.")
        workbook, plan = workbooks[-1], house.plan(self.round_key)
        with house.ledger.begin() as session:
            asked = {row.body for row in queries.filing_record(session, self.round_key)}
        bodies = tuple(body for body in bodies if body.body_code in asked)
        unequal = differences(workbook, bodies, house.settings)
        unequal += [complaint for body in bodies for complaint in body.complaints]
        unequal += [f"{body.name}: chưa nộp được báo cáo" for body in bodies if not body.finished]
        unequal += _undelivered(house, stage) if plan.collection.send_on else []
        summary = {
            "round": self.round_key,
            **board.counts(house, self.round_key),
            "documents": _documents(house),
            "totals": totals_of(workbook),
        }
        return self.ended(summary, unequal)


class YearRehearsal(Rehearsal):
    """Every round of a year, one Prefect run a day for what is due on it."""

    def __init__(self, year: int, config: Path, out: Path, seed: int, screen: Console) -> None:
        super().__init__(config, out, seed, screen)
        self.year = year

    def prepare(self, house: House, stage: Stage, running: ExitStack) -> "Callable[[_PrefectOffice], Result]":
        """One clerk for each body, for all it is asked through the year."""
        plans = house.plans_of(self.year)
        clerks = cast_year(plans, house.settings, stage, self.seed)
        for clerk in clerks:
            running.callback(clerk.close)

        def play(office: _PrefectOffice) -> Result:
            office.serve_approvals()
            live_year(plans, _PrefectYear(office), clerks, stage.clock, house.settings.office.timezone, self.tell)
            self.tell("Đối chiếu với số liệu các cơ quan định báo", stage.clock.now)
            return self._result(house, stage, plans, clerks)

        return play

    def _result(self, house: House, stage: Stage, plans: list[RoundPlan], clerks: tuple[Clerk, ...]) -> Result:
        unequal, rounds = complaints(clerks), []
        annual: dict[str, int | float | None] = {}
        for plan in plans:
            counts = board.counts(house, plan.key)
            rounds.append({"round": plan.key, "title": plan.title} | {key: counts[key] for key in COUNTED})
            found = sorted(house.documents.glob(f"{plan.key.replace('/', '-')}-v*-noi-bo.xlsx"))
            if found:
                unequal += differences_of(plan, plans, found[-1], clerks, house.settings)
                annual = totals_of(found[-1]) if plan.key == f"{ANNUAL}/{self.year}" else annual
            elif counts["bodies"]:
                unequal.append(f"{plan.title}: không có tài liệu tổng hợp")
        unequal += _undelivered(house, stage)
        return self.ended(
            {"year": self.year, "rounds": rounds, "documents": _documents(house), "totals": annual}, unequal
        )


def _documents(house: House) -> list[str]:
    return [str(path) for path in sorted(p for p in house.documents.iterdir() if p.suffix in (".docx", ".xlsx"))]


def _undelivered(house: House, stage: Stage) -> list[str]:
    """The addressees the report did not reach."""
    reached = {recipient for letter in stage.mail.log for recipient in letter.recipients}
    return [f"Báo cáo chưa tới {a}" for a in house.settings.office.report_emails if a not in reached]


class _PrefectOffice:
    """The office's part, by the flows. Prefect's settings are in the environment by now."""

    def __init__(self, server: PrefectServer, approvers: Sequence[str]) -> None:
        self.server = server
        self.numbers = 0  # given in the registry so far
        self.leader = approvers[0] if approvers else "Phó Chủ tịch UBND huyện (diễn tập)"

    def prepare(self, round_key: str, house: House) -> None:
        """Register the deployments, put the coming runs on the schedule, start the runner that approvals need."""
        from flows.deployments import deployments, register
        from flows.reconcile import line_up

        register(deployments(repeating=False))
        day_before = house.plan(round_key).date_of("open").isoformat()
        line_up.fn(f"{day_before}T00:00:00+07:00")
        self.server.start_runner(os.environ, approvals_only=True)

    def serve_approvals(self) -> None:
        """Only what a year needs of the deployments: the runs of its days are started here."""
        from flows.deployments import approvals, register

        register(approvals())
        self.server.start_runner(os.environ, approvals_only=True)

    def advance(self, round_key: str, milestone: str, now: datetime) -> None:
        """Run the milestone's run from the schedule, now instead of at its date."""
        from flows.played import at_once, play_scheduled

        with at_once():
            play_scheduled(round_key, milestone, now)

    def collect(self, now: datetime) -> None:
        """Fetch, read, acknowledge. Other rounds of those days are left alone: only this one is rehearsed."""
        from flows.played import at_once, play_mail

        with at_once():
            play_mail(now.isoformat())

    def approve(self, round_key: str, now: datetime) -> None:
        """Answer the form that waits in Prefect, as the leader does in the interface."""
        from prefect.client.orchestration import get_client

        from flows.approval_desk import answer, ended, waiting_run
        from flows.reports import Decision

        with get_client(sync_client=True) as client:
            run = waiting_run(client, round_key)
            answer(client, run.id, Decision.approved, self.leader, "Đồng ý gửi tỉnh.")
            self._demand_completed(ended(client, run.id).state, "phê duyệt")

    def number(self, round_key: str, now: datetime) -> None:
        """Type number and date into the form that waits in Prefect, as the registry clerk does."""
        from prefect.client.orchestration import get_client

        from flows.approval_desk import ended, give_number, waiting_run
        from tasks.approvals import NUMBER

        self.numbers += 1
        with get_client(sync_client=True) as client:
            run = waiting_run(client, round_key, question=NUMBER)
            give_number(client, run.id, str(self.numbers), now.date(), "Văn thư (diễn tập)")
            self._demand_completed(ended(client, run.id).state, "cấp số")

    def _demand_completed(self, state: Any, what: str) -> None:
        if state is None or not state.is_completed():
            raise RehearsalRefused(f"Lượt {what} không hoàn thành; xem {self.server.home / 'runner.log'}.")


class _PrefectYear:
    """The office's part in a year, by the flows: a run for each day, a run for each look into the mailbox."""

    def __init__(self, office: _PrefectOffice) -> None:
        self.office, self.approve, self.number = office, office.approve, office.number

    def advance(self, round_keys: Sequence[str], now: datetime) -> None:
        """What is due on this day."""
        from flows.played import at_once, play_day

        with at_once():
            play_day(list(round_keys), now.isoformat())

    def collect(self, now: datetime) -> None:
        """Fetch, read, acknowledge."""
        from flows.played import at_once, play_mail

        with at_once():
            play_mail(now.isoformat())
