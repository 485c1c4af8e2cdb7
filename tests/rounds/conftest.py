"""A small office on a real mail server: the shipped config, embedded SMTP and IMAP, a SQLite ledger, no Prefect."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from treem.mailroom import imap, smtp
from treem.plan.load import load_settings
from treem.plan.settings import Settings
from treem.rehearsal.bodies import SimulatedBody
from treem.rehearsal.stage import Stage, cast, set_stage, write_config
from treem.rounds import numbering, reporting
from treem.rounds.house import House, house_from_environment
from treem.rounds.intake import process_stored
from treem.rounds.steps import carry_out

if TYPE_CHECKING:
    from tests.rounds.desk import Desk

ROUND = "bao-cao-6-thang/2027"
CONFIG = Path(__file__).parents[2] / "config"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def at(month: int, day: int, hour: int = 8) -> datetime:
    return datetime(2027, month, day, hour, tzinfo=ZONE)


@dataclass
class PlainOffice:
    """The office's part by plain calls: what the Prefect flows call, without Prefect."""

    house: House

    def advance(self, round_key: str, milestone: str, now: datetime) -> None:  # noqa: ARG002
        carry_out(self.house, round_key, now)
        smtp.send_due(self.house.ledger, self.house.settings.mail, now)

    def collect(self, now: datetime) -> None:
        imap.collect(self.house.ledger, self.house.settings.mail, now)
        process_stored(self.house, now)
        smtp.send_due(self.house.ledger, self.house.settings.mail, now)

    def approve(self, round_key: str, now: datetime) -> None:
        view = reporting.waiting(self.house, round_key)
        assert view is not None
        reporting.decide(self.house, round_key, view.version, view.digest, "approved", "Phó Chủ tịch", "", now)
        self.advance(round_key, "send-on", now)

    def number(self, round_key: str, now: datetime, given: str = "12") -> None:
        view = numbering.waiting_number(self.house, round_key)
        assert view is not None
        day = self.house.local(now).date()
        numbering.give_number(self.house, round_key, view.version, view.digest, given, day, "Văn thư", now)
        self.advance(round_key, "send-on", now)


@dataclass
class World:
    """A stage with its mail running, and the way to open the house anew (as a restarted process does)."""

    stage: Stage
    open: Callable[[], House]
    settings: Settings

    def cast(self, seed: int = 1) -> tuple[SimulatedBody, ...]:
        return cast(self.open().plan(ROUND), self.settings, self.stage, seed)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    settings = load_settings(CONFIG, os.environ)
    stage = set_stage(settings)
    with stage.mail:
        write_config(CONFIG, tmp_path / "config", stage, settings)
        env = stage.environment(tmp_path)
        yield World(stage, lambda: house_from_environment(env), settings)


@pytest.fixture
def desk(world: World, tmp_path: Path) -> "Desk":
    """A desk whose round asks three bodies, with the requests sent."""
    from tests.rounds.desk import open_desk

    made = open_desk(world, tmp_path)
    made.ask()
    return made
