"""`treem ask`, `questions` and `answer` as they are typed."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.rounds.desk import few_bodies
from tests.rounds.test_reconciling import COMMUNE, SIX, hold
from tests.test_cli import CONFIG, house_of, treem
from treem import cli

ROUND = f"{SIX}/2027"
Env = dict[str, str | None]


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Env:
    shutil.copytree(CONFIG, tmp_path / "config")
    few_bodies(tmp_path / "config")
    monkeypatch.setattr(cli.base, "now", lambda: datetime(2027, 6, 1, 2, tzinfo=UTC))
    made: Env = {
        "TREEM_CONFIG": str(tmp_path / "config"),
        "TREEM_HOME": str(tmp_path / "var"),
        "COLUMNS": "400",
        "TREEM_LEDGER": f"sqlite:///{tmp_path}/ledger.sqlite",
    }
    hold(house_of(made), ROUND, LD_12=3, LD_11=2)
    return made


def test_from_the_preview_to_the_answer(env: Env) -> None:
    preview = treem(env, "ask", ROUND, "--dry-run")
    assert preview.exit_code == 0
    assert f"({COMMUNE}): " in preview.output
    assert "LD-12 (Trong đó: số trẻ em tử vong do tai nạn, thương tích): số này lớn hơn LD-11" in preview.output
    assert "Xem trước: 1 thư" in preview.output
    assert "Chưa hỏi câu nào" in treem(env, "questions", ROUND).output
    assert "Đã lập 1 thư" in treem(env, "ask", ROUND, "--rule", "parts").output
    assert "Không có câu hỏi mới" in treem(env, "ask", ROUND, "--rule", "parts").output
    (one,) = json.loads(treem(env, "questions", ROUND, "--json").output)
    assert (one["body"], one["figure"], one["state"]) == (COMMUNE, "LD-12", "open")
    told = treem(env, "answer", str(one["id"]), "--text", "Hai số bị ghi ngược", "--why", "xã gọi điện")
    assert told.exit_code == 0
    shown = treem(env, "questions", ROUND).output
    assert "đã trả lời" in shown
    assert "Trả lời: Hai số bị ghi ngược" in shown


def test_what_cannot_be_asked_is_said(env: Env) -> None:
    unopened = treem(env, "ask", f"{SIX}/2026")
    assert (unopened.exit_code, "chưa mở" in unopened.output) == (1, True)
    nothing = treem(env, "answer", "7", "--text", "đúng", "--why", "gọi điện")
    assert (nothing.exit_code, "Không có câu hỏi số 7" in nothing.output) == (1, True)
    unknown = treem(env, "ask", ROUND, "--rule", "jump")
    assert (unknown.exit_code, "“jumps”" in unknown.output) == (1, True)
