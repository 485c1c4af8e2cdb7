"""A house that keeps its whole state in one JSON file: these tests are about Prefect, not about rounds.

`install` puts it in place of the application's services, in this process or, through `sitecustomize`, in a runner's.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from treem.mailroom.accounts import Pause
from treem.rounds.decisions import DecisionRefused

ROUND = "bao-cao-6-thang/2027"
TITLES = {"open": "Mở đợt", "remind-1": "Nhắc lần 1", "due": "Hạn nộp", "close": "Khóa đợt", "send-on": "Gửi báo cáo"}
APPROVERS = ("Trưởng phòng", "Phó Trưởng phòng")


class StaleReport(Exception):
    """As in treem.rounds.reporting."""


@dataclass(frozen=True)
class View:
    """As treem.rounds.reporting.ReportView."""

    version: int
    digest: str
    summary_md: str


@dataclass(frozen=True)
class Tally:
    """As every tally of the application."""

    done: int = 0


class Book:
    """The state: what has been called, the waiting version, the decisions."""

    def __init__(self, home: Path) -> None:
        self.path = home / "book.json"

    def read(self) -> dict[str, Any]:
        if self.path.exists():
            return json.loads(self.path.read_text())
        return {
            "version": 1,
            "state": "draft",
            "decisions": [],
            "numbers": [],
            "calls": [],
            "down": False,
            "pauses": [],
        }

    def change(self, **more: Any) -> None:
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.read() | more))
        part.replace(self.path)

    def called(self, name: str) -> None:
        self.change(calls=[*self.read()["calls"], name])


def book() -> Book:
    return Book(Path(os.environ["TREEM_HOME"]))


def carry_out(_house: Any, _round_key: str, _now: datetime) -> tuple[SimpleNamespace, ...]:
    book().called("carry_out")
    action = {
        "draft": "ask_approval", "awaiting_approval": "ask_approval", "approved": "ask_number", "numbered": "send_on",
    }.get(book().read()["state"])  # fmt: skip
    if action == "send_on":
        book().change(state="sent")
    return (SimpleNamespace(action=action),) if action else ()


def waiting(_house: Any, _round_key: str) -> View | None:
    state = book().read()
    if state["state"] not in ("draft", "awaiting_approval"):
        return None
    return View(state["version"], f"digest-{state['version']}", "**Báo cáo 6 tháng 2027**: 25/25 đơn vị")


def waiting_number(_house: Any, _round_key: str) -> View | None:
    state = book().read()
    if state["state"] != "approved":
        return None
    return View(state["version"], f"digest-{state['version']}", "**Báo cáo 6 tháng 2027** chờ số")


def give_number(
    _house: Any, _round: str, version: int, _digest: str, number: str, signed_on: date, by: str, now: datetime
) -> None:
    state = book().read()
    if number == "99":
        raise DecisionRefused("Số 99/BC-UBND năm 2027 đã ghi cho đợt khác.")
    made = [version, number, signed_on.isoformat(), by, now.isoformat()]
    book().change(numbers=[*state["numbers"], made], state="numbered")


def decide(
    _house: Any,
    _round: str,
    version: int,
    _digest: str,
    decision: str,
    decided_by: str,
    remark: str,
    now: datetime,
    named: Any,
) -> None:
    state = book().read()
    if state["version"] != version:
        raise StaleReport("Dự thảo không còn là bản đang chờ duyệt.")
    made = [version, decision, decided_by, remark, now.isoformat(), *named]
    book().change(decisions=[*state["decisions"], made], state=decision)


def send_due(_ledger: Any, _mail: Any, _now: datetime) -> Tally:
    book().called("send_due")
    if book().read()["down"]:
        raise ValueError("máy chủ thư không nhận")
    return Tally(1)


def _called(name: str) -> Callable[..., Tally]:
    def call(*_anything: Any) -> Tally:
        book().called(name)
        return Tally(1)

    return call


def letters_that_wait(_house: Any) -> list[SimpleNamespace]:
    book().called("inbox")
    return [
        SimpleNamespace(
            id=7, received="08:00 01/6/2027", who="…@xa.test", kind="Không rõ phiếu",
            reason="người gửi không có trong danh bạ",
        )
    ]  # fmt: skip


def pauses(_ledger: Any, _mail: Any, now: datetime) -> tuple[Pause, ...]:
    return tuple(Pause(role, now + timedelta(minutes=30), reason) for role, reason in book().read()["pauses"])


def rows(_house: Any, _round_key: str, _now: datetime) -> list[dict[str, str]]:
    return [{"Đơn vị": f"Xã số {n}", "Trạng thái": book().read()["state"]} for n in range(25)]


def _plan(round_key: str) -> SimpleNamespace:
    milestones = [SimpleNamespace(key=k, title=t) for k, t in TITLES.items()]
    return SimpleNamespace(
        title=f"Báo cáo 6 tháng {round_key[-4:]}",
        milestones=milestones,
        instant_of=lambda _m: datetime.combine(date(2027, 6, 1), time(8), UTC),
    )


def stand_in_house(_env: Any) -> SimpleNamespace:
    office = SimpleNamespace(approvers=APPROVERS, timezone="Asia/Ho_Chi_Minh")
    settings = SimpleNamespace(office=office, mail=None)
    return SimpleNamespace(settings=settings, ledger=None, plan=_plan, local=lambda moment: moment)


def install(put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Put this house where the tasks look for the real one."""
    from tasks import approvals, door, mailbox, rounds

    put(door, "house_from_environment", stand_in_house)
    put(rounds, "steps", SimpleNamespace(carry_out=carry_out, rounds_in_motion=lambda *_: (ROUND,)))
    put(rounds, "report_record", SimpleNamespace(standing=lambda *_: ["Báo cáo lần 1: dự thảo"]))
    put(rounds, "board", SimpleNamespace(rows=rows, progress=lambda *_: 40.0))
    put(mailbox, "smtp", SimpleNamespace(send_due=send_due))
    put(mailbox, "accounts", SimpleNamespace(pauses=pauses))
    put(mailbox, "imap", SimpleNamespace(collect=_called("collect")))
    put(mailbox, "intake", SimpleNamespace(process_stored=_called("process_stored")))
    put(mailbox, "inbox", SimpleNamespace(waiting=letters_that_wait))
    put(mailbox, "digest", SimpleNamespace(raise_alarm=_called("raise_alarm"), write_digest=_called("write_digest")))
    put(approvals, "numbering", SimpleNamespace(waiting_number=waiting_number, give_number=give_number))
    put(approvals, "reporting", SimpleNamespace(waiting=waiting, decide=decide, StaleReport=StaleReport))
