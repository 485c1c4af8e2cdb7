"""Every message and workbook of the corpora goes through the whole way in, over a real server.

TREEM_CORPORA names the folder. Nothing may escape: every letter ends classified, no report of a mail server is ever
acknowledged, no child outlives its limits, and the process that takes the letters in stays small.
"""

import json
import os
import subprocess
import sys
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
import yaml

from tests.rounds.conftest import World, at, world  # noqa: F401 (a fixture)
from tests.rounds.desk import Desk, open_desk, vouched

CORPORA = Path(os.environ.get("TREEM_CORPORA", ""))
MOST_MEMORY = 300_000_000
LONGEST = 25.0  # seconds for one letter: the reader's own limit is 20
MESSAGES = ("cpython/msg_*.txt", "flufl-bounce/*.txt", "talon/**/*.eml", "talon/**/*.txt", "made-hostile/*.eml")
WORKBOOKS = ("calamine/tests/*", "xlrd/tests/**/*", "made-hostile/*")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory and children are read from /proc"),
    pytest.mark.skipif("TREEM_CORPORA" not in os.environ, reason="TREEM_CORPORA names no corpora"),
]


def files(patterns: tuple[str, ...]) -> list[Path]:
    found = {path for pattern in patterns for path in CORPORA.glob(pattern) if path.is_file()}
    return sorted(path for path in found if path.name not in ("SOURCE.txt", "LICENSE.upstream"))


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:  # noqa: F811
    desk = open_desk(world, tmp_path)
    mail = tmp_path / "config" / "mail.yaml"
    generous = {"acks_per_request": 5000, "acks_per_hour": 5000}
    mail.write_text(yaml.safe_dump(yaml.safe_load(mail.read_text("utf-8")) | generous, allow_unicode=True), "utf-8")
    desk.ask()
    return desk


def take_in(desk: Desk, tmp_path: Path) -> dict[str, object]:
    """Collect and process in a process of its own, which says what became of each letter and how big it grew."""
    environment = os.environ | desk.world.stage.environment(tmp_path)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.sweep.take_in"], env=environment, capture_output=True, text=True, check=False,
        timeout=1500,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    said: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
    return said


def test_every_message_is_classified_and_none_of_them_answered(desk: Desk, tmp_path: Path) -> None:
    messages = files(MESSAGES)
    assert len(messages) > 150
    for number, path in enumerate(messages):
        desk.put(path.read_bytes(), at(6, 1) + timedelta(seconds=number))
    said = take_in(desk, tmp_path)
    assert said["states"] == {"done": said["states"].get("done", 0), "hold": said["states"].get("hold", 0)}  # type: ignore[attr-defined]
    assert said["acks"] == 0
    assert said["slowest"] < LONGEST  # type: ignore[operator]
    assert said["memory"] < MOST_MEMORY  # type: ignore[operator]
    assert said["children"] == 0


def test_every_workbook_costs_its_sender_a_clear_answer_and_the_office_nothing(desk: Desk, tmp_path: Path) -> None:
    workbooks = files(WORKBOOKS)
    assert len(workbooks) > 180
    for number, path in enumerate(workbooks):
        desk.put(vouched(_answer(desk, path, number), desk.address("dai")), at(6, 1) + timedelta(seconds=number))
    said = take_in(desk, tmp_path)
    assert said["states"] == {"done": len(workbooks)}
    assert said["acks"] == len(workbooks)
    assert set(said["verdicts"]) <= {"unreadable", "same_file", "needs_correction", "blank_form"}  # type: ignore[call-overload]
    assert said["slowest"] < LONGEST  # type: ignore[operator]
    assert said["memory"] < MOST_MEMORY  # type: ignore[operator]
    assert said["children"] == 0


def _answer(desk: Desk, path: Path, number: int) -> bytes:
    """A reply of a registered body with this file."""
    asked, message = desk.asked("dai"), EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = desk.address("dai"), asked.reply_to, f"Re: {asked.subject}"
    message["Message-ID"] = f"<corpus-{number}@may-tinh.test>"
    message.set_content("Đơn vị gửi báo cáo.\n")
    message.add_attachment(
        path.read_bytes() or b" ", maintype="application", subtype="vnd.ms-excel", filename=path.name[:60]
    )
    return message.as_bytes()
