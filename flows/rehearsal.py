"""The rehearsal with Prefect in it: the office's part is played by the real flows, on a private server.

Belongs here: starting and stopping what the rehearsal needs, and what its result is. The days and the bodies are in
`treem.rehearsal`. Prefect is imported only after its settings are in the environment.
"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from flows.server import PrefectServer
from treem.plan.load import load_settings
from treem.rehearsal.bodies import SimulatedBody
from treem.rehearsal.compare import differences, totals_of
from treem.rehearsal.conductor import live
from treem.rehearsal.stage import Stage, cast, set_stage, write_config
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


class RehearsalRefused(Exception):
    """The rehearsal was not started, or could not end; the words say why."""


@dataclass(frozen=True)
class Result:
    """What the rehearsal ended with. `differences` names every figure that is not what was meant; empty is good."""

    summary: dict[str, Any]
    differences: list[str]


class Rehearsal:
    """One rehearsal of one round in one folder."""

    def __init__(self, round_key: str, config: Path, out: Path, seed: int, screen: Console) -> None:
        """Raises nothing; the folder is looked at in `run`."""
        self.round_key, self.config, self.out, self.seed, self.screen = round_key, config, out.resolve(), seed, screen

    def run(self, tell_result: Callable[[Result], None], keep_ui: bool = False) -> Result:
        """Live through the round, tell the result, then leave the interface up on request.

        Raises RehearsalRefused, ConfigError, UnknownRound, ServerDown.
        """
        settings = load_settings(self.config, os.environ)
        stage = set_stage(settings)
        with ExitStack() as running:
            self._clear()
            running.enter_context(stage.mail)
            write_config(self.config, self.out / "config", stage, settings)
            os.environ.update(stage.environment(self.out))
            house = house_from_environment(os.environ)
            plan = house.plan(self.round_key)
            bodies = cast(plan, settings, stage, self.seed)
            for body in bodies:
                running.callback(body.close)
            server = PrefectServer(self.out / "prefect")
            running.callback(server.stop)
            self._start(server)
            office = _PrefectOffice(server, settings.office.approvers)
            office.prepare(self.round_key, house, server)
            live(plan, office, bodies, stage.clock, settings.office.timezone, self._tell)
            self._tell("Đối chiếu với số liệu các cơ quan định báo", stage.clock.now)
            result = self._result(house, stage, bodies)
            tell_result(result)
            if keep_ui:
                self._leave_open(server)
        return result

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

    def _tell(self, what: str, now: datetime) -> None:
        self.screen.print(f"[dim]{now:%d/%m/%Y %H:%M}[/dim]  {what}", highlight=False)

    def _result(self, house: House, stage: Stage, bodies: tuple[SimulatedBody, ...]) -> Result:
        documents = sorted(p for p in house.documents.iterdir() if p.suffix in (".docx", ".xlsx"))
        workbook = max(house.documents.glob("*-noi-bo.xlsx"), key=lambda p: p.stat().st_mtime)
        unequal = differences(workbook, bodies, house.settings)
        unequal += [complaint for body in bodies for complaint in body.complaints]
        unequal += [f"{body.name}: chưa nộp được báo cáo" for body in bodies if not body.finished]
        unequal += _undelivered(house, stage)
        summary = {
            "round": self.round_key,
            **board.counts(house, self.round_key),
            "documents": [str(p) for p in documents],
            "totals": totals_of(workbook),
        }
        (self.out / SUMMARY).write_text(json.dumps(summary, ensure_ascii=False, indent=2), encoding="utf-8")
        return Result(summary, unequal)

    def _leave_open(self, server: PrefectServer) -> None:
        self.screen.print(f"Giao diện Prefect: {server.ui_url} – nhấn Ctrl-C để kết thúc.")
        try:
            server.join()
        except KeyboardInterrupt:
            self.screen.print("Kết thúc.")


def _undelivered(house: House, stage: Stage) -> list[str]:
    """The addressees the report did not reach."""
    reached = {recipient for letter in stage.mail.log for recipient in letter.recipients}
    return [f"Báo cáo chưa tới {a}" for a in house.settings.office.report_emails if a not in reached]


class _PrefectOffice:
    """The office's part, by the flows. Prefect's settings are in the environment by now."""

    def __init__(self, server: PrefectServer, approvers: Sequence[str]) -> None:
        self.server = server
        self.leader = approvers[0] if approvers else "Phó Chủ tịch UBND huyện (diễn tập)"

    def prepare(self, round_key: str, house: House, server: PrefectServer) -> None:
        """Register the deployments, put the coming runs on the schedule, start the runner that approvals need."""
        from flows.deployments import deployments, register
        from flows.reconcile import line_up

        register(deployments(repeating=False))
        day_before = house.plan(round_key).date_of("open").isoformat()
        line_up.fn(f"{day_before}T00:00:00+07:00")
        server.start_runner(os.environ, approvals_only=True)

    def advance(self, round_key: str, milestone: str, now: datetime) -> None:
        """Run the milestone's run from the schedule, now instead of at its date."""
        from flows.played import at_once, play_scheduled

        with at_once():
            play_scheduled(round_key, milestone, now)

    def collect(self, now: datetime) -> None:
        """The mailbox flow."""
        from flows.mailbox import collect_mailbox
        from flows.played import at_once

        with at_once():
            collect_mailbox(now.isoformat())

    def approve(self, round_key: str, now: datetime) -> None:
        """Answer the form that waits in Prefect, as the leader does in the interface."""
        from prefect.client.orchestration import get_client

        from flows.approval_desk import answer, ended, waiting_run
        from flows.reports import Decision

        with get_client(sync_client=True) as client:
            run = waiting_run(client, round_key)
            answer(client, run.id, Decision.approved, self.leader, "Đồng ý gửi tỉnh.")
            state = ended(client, run.id).state
        if state is None or not state.is_completed():
            raise RehearsalRefused(f"Lượt phê duyệt không hoàn thành; xem {self.server.home / 'runner.log'}.")
