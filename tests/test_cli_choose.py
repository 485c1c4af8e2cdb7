"""The commands about whom a round asks and what inspections recommended, as they are typed, on the shipped plan."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.test_cli import CONFIG, house_of, treem
from treem import cli
from treem.forms.check import Checked
from treem.forms.read import RawText
from treem.ledger.tables import LetterOut, Request, Round
from treem.rehearsal.postbox import read_letter
from treem.rounds.filing import file_submission
from treem.rounds.steps import carry_out

OWN, RECORDS, FOLLOW_UP = (f"kiem-tra/2027/{key}" for key in ("tu-kiem-tra", "bien-ban", "kien-nghi"))
Env = dict[str, str | None]


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Env:
    shutil.copytree(CONFIG, tmp_path / "config")
    at(monkeypatch, datetime(2027, 8, 25, 2, tzinfo=UTC))
    return {
        "TREEM_CONFIG": str(tmp_path / "config"),
        "TREEM_HOME": str(tmp_path / "var"),
        "COLUMNS": "400",  # a screen on which no cell is broken
        "TREEM_LEDGER": f"sqlite:///{tmp_path}/ledger.sqlite",
    }


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(cli.choose, "now", lambda: moment)
    monkeypatch.setattr(cli.base, "now", lambda: moment)


def reached(env: Env, round_key: str, milestone: str) -> datetime:
    house = house_of(env)
    plan = house.plan(round_key)
    now = plan.instant_of(plan.milestone(milestone))
    carry_out(house, round_key, now)
    return now


def rows(env: Env, *words: str) -> dict[str, dict[str, object]]:
    shown = json.loads(treem(env, "select", OWN, "--json", *words).output)
    return {row["body"]: row for row in shown["bodies"]}


def test_before_the_day_of_choosing_the_table_says_it_is_not_made(env: Env) -> None:
    result = treem(env, "select", OWN)
    assert result.exit_code == 0
    assert "Chưa chọn chính thức" in result.output
    refused = treem(env, "select", OWN, "--add", "03390", "--why", "gần đường")
    assert (refused.exit_code, "chưa chọn đơn vị; máy chọn ngày" in refused.output) == (1, True)


def test_who_follows_another_selection_says_whose(env: Env) -> None:
    result = treem(env, "select", RECORDS)
    assert result.exit_code == 0
    assert f"danh sách lấy theo đợt {OWN}, ngày " in result.output
    assert json.loads(treem(env, "select", RECORDS, "--json").output)["follows"] == OWN
    reached(env, OWN, "choose")
    reached(env, RECORDS, "choose")
    assert "danh sách lấy theo" not in treem(env, "select", RECORDS).output


def test_the_help_names_a_round_that_selects(env: Env) -> None:
    assert "Ví dụ kiem-tra/2027/tu-kiem-tra." in treem(env, "select", "--help").output


def test_a_selection_is_shown_and_changed(env: Env) -> None:
    reached(env, OWN, "choose")
    first = rows(env)
    chosen = [body for body, row in first.items() if row["chosen"]]
    assert len(chosen) == 5
    assert all(row["reasons"] and row["day"] for row in first.values() if row["chosen"])
    left = next(body for body, row in first.items() if not row["chosen"])
    assert treem(env, "select", OWN, "--add", left, "--day", "21/9/2027", "--why", "có đơn thư").exit_code == 0
    changed = rows(env, "--drop", chosen[0], "--why", "đường sạt lở")
    assert (changed[left]["chosen"], changed[left]["day"]) == (True, "2027-09-21")
    assert (changed[chosen[0]]["chosen"], changed[chosen[0]]["changed_why"]) == (False, "đường sạt lở")
    assert "bỏ: đường sạt lở" in treem(env, "select", OWN).output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--drop", "03390"), "lý do"),
        (("--add", "03390", "--drop", "03394", "--why", "thử"), "một đơn vị"),
        (("--places", "2"), "chỉ dùng cùng --add"),
        (("--add", "03390", "--day", "hôm qua", "--why", "thử"), "Không hiểu ngày"),
    ],
)
def test_what_cannot_be_is_refused_in_words(env: Env, words: tuple[str, ...], said: str) -> None:
    result = treem(env, "select", OWN, *words)
    assert (result.exit_code, said in result.output) == (1, True)


def recorded(env: Env) -> str:
    """The first body that is inspected has one recommendation in its record."""
    for key in (OWN, RECORDS):
        reached(env, key, "choose")
        now = reached(env, key, "open")
    house = house_of(env)
    with house.ledger.begin() as session:
        request = session.scalars(select(Request).join(Round).where(Round.key == RECORDS).order_by(Request.id)).first()
        assert request is not None
        said = Checked((), (RawText("kien-nghi-1", "Rào các ao ở bản", "T", "C5"),), (), blank=False, complete=True)
        file_submission(
            house, session, request, said, [], file_sha="1", file_name="a.xlsx", received_at=now, letter_in_id=None,
            source="hand", now=now,
        )  # fmt: skip
        return request.body


def test_recommendations_are_listed_added_and_closed(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    body = recorded(env)
    at(monkeypatch, datetime(2027, 10, 5, 2, tzinfo=UTC))
    added = treem(env, "recommend", RECORDS, body, "Sửa biển báo", "--due", "30/11/2027", "--why", "kiểm tra lại")
    assert "Đã ghi kiến nghị số 2" in added.output
    listed = json.loads(treem(env, "recommendations", "--round", RECORDS, "--body", body, "--json").output)
    assert {(x["number"], x["text"]) for x in listed} == {(1, "Rào các ao ở bản"), (6, "Sửa biển báo")}
    assert next(x["due"] for x in listed if x["number"] == 6) == "2027-11-30"
    assert treem(env, "recommend-close", "1", "--why", "đã rào").exit_code == 0
    assert "đã thực hiện (đã rào)" in treem(env, "recommendations").output
    assert treem(env, "recommend-close", "1", "--why", "đã rào").exit_code == 1
    assert treem(env, "recommendations", "--round", "kiem-tra/2027/x").exit_code == 2


def test_the_letters_tell_the_visit_day_and_what_is_open(env: Env) -> None:
    body = recorded(env)
    reached(env, FOLLOW_UP, "choose")
    reached(env, FOLLOW_UP, "open")
    house = house_of(env)
    with house.ledger.begin() as session:
        query = select(LetterOut).join(Request).join(Round).where(Request.body == body, LetterOut.kind == "request")
        letters = {
            key: read_letter(letter.raw).text
            for key in (OWN, FOLLOW_UP)
            for letter in session.scalars(query.where(Round.key == key))
        }
    day = rows(env)[body]["day"]
    assert isinstance(day, str)
    year, month, date = day.split("-")
    assert f"{date}/{int(month)}/{year}" in letters[OWN]
    assert "Rào các ao ở bản" in letters[FOLLOW_UP]
