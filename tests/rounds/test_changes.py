"""The config changes in the middle of a round: by real mail, told once, safe to kill, history kept."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.rounds.conftest import ROUND, World, at
from tests.rounds.desk import Desk, filled
from tests.rounds.test_crash import in_child, kill_at
from treem.ledger.tables import Event, LetterOut, Request
from treem.mailroom import smtp
from treem.plan.load import load_settings
from treem.rehearsal.postbox import Letter
from treem.rehearsal.stage import set_stage, write_config
from treem.rounds import board, decisions, reporting
from treem.rounds.decisions import Decided
from treem.rounds.house import house_from_environment
from treem.rounds.steps import carry_out, rounds_in_motion

SMALL = Path(__file__).parents[1] / "plan" / "small"
OPENED, CHANGED = at(5, 20), at(5, 26)
NEW_DAY = "trước ngày 22/6/2027 (chậm nhất hết thứ Hai, ngày 21/6/2027)"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config"


@pytest.fixture
def small_world(tmp_path: Path, config: Path) -> Iterator[World]:
    """Three bodies, and mailboxes for those that come later."""
    settings = load_settings(SMALL, {})
    first, *others = settings.register_.bodies
    known = (first, *others, first.model_copy(update={"emails": ("xa-moi@tamduong.test",)}))
    register = settings.register_.model_copy(update={"bodies": known})
    stage = set_stage(settings.model_copy(update={"register_": register}))
    with stage.mail:
        write_config(SMALL, config, stage, settings)
        env = stage.environment(tmp_path)
        yield World(stage, lambda: house_from_environment(env), settings)


@pytest.fixture
def office(small_world: World) -> Desk:
    """The six-month round, with everybody asked."""
    desk = Desk(small_world, small_world.open())
    desk.ask(OPENED)
    return desk


def edit(config: Path, file: str, old: str, new: str) -> None:
    text = (config / file).read_text(encoding="utf-8")
    assert old in text
    (config / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def move_to(config: Path, before: str, earlier: str = "06-15") -> None:
    edit(config, "plan.yaml", f'{{before: "{earlier}"}}', f'{{before: "{before}"}}')


def look(office: Desk, now: datetime) -> list[str]:
    """The next step of the round, by the config as it is now; the actions done."""
    office.house = office.world.open()
    done = carry_out(office.house, ROUND, now)
    smtp.send_due(office.house.ledger, office.house.settings.mail, now)
    return [step.action for step in done]


def told(office: Desk, body: str) -> list[Letter]:
    return [x for x in office.mail_to(office.address(body)) if "Thay đổi thời hạn" in x.subject]


def requests(office: Desk) -> dict[str, Request]:
    with office.house.ledger.begin() as session:
        return {r.body: r for r in session.scalars(select(Request).order_by(Request.id))}


def events(office: Desk, kind: str) -> int:
    with office.house.ledger.begin() as session:
        return len(session.scalars(select(Event).where(Event.kind == kind)).all())


def test_a_moved_deadline_is_told_once_to_those_who_have_not_answered(office: Desk, config: Path) -> None:
    office.write("cong-an", at(5, 24), filled(office.form("cong-an")))
    office.collect(at(5, 24, 9))
    move_to(config, "06-22")
    assert look(office, CHANGED) == ["move"] * 3
    for body in ("03390", "03424"):
        (letter,) = told(office, body)
        assert NEW_DAY in letter.text
        assert letter.token == office.asked(body).token
        assert letter.in_reply_to == office.asked(body).message_id
        assert letter.workbook is None
    assert told(office, "cong-an") == []
    assert {r.due for r in requests(office).values()} == {date(2027, 6, 21)}

    written = office.row_counts()
    assert look(office, CHANGED) == []
    assert office.row_counts() == written


def test_who_answered_between_the_old_day_and_the_new_is_in_time(office: Desk, config: Path) -> None:
    office.write("cong-an", at(6, 16), filled(office.form("cong-an")))
    office.collect(at(6, 16, 9))
    assert not office.filing("cong-an").on_time
    move_to(config, "06-22")
    look(office, at(6, 17))
    assert office.filing("cong-an").on_time
    assert told(office, "cong-an") == []


def test_after_a_later_day_a_body_is_chased_anew(office: Desk, config: Path) -> None:
    for month_day in ((6, 7), (6, 11), (6, 15), (6, 17)):
        look(office, at(*month_day))
    chased = len(office.mail_to(office.address("03390")))
    move_to(config, "06-30", "06-15")
    look(office, at(6, 18))
    assert "remind" in look(office, at(6, 22))
    assert "chase" in look(office, at(6, 30))
    assert len(office.mail_to(office.address("03390"))) == chased + 3  # the new day, a reminder, a chase


def test_a_round_whose_days_moved_far_is_still_looked_after(office: Desk, config: Path) -> None:
    move_to(config, "08-15")
    office.house = office.world.open()
    assert ROUND in rounds_in_motion(office.house, CHANGED)
    assert look(office, CHANGED) == ["move"] * 3


def test_the_round_goes_on_by_the_new_day(office: Desk, config: Path) -> None:
    move_to(config, "06-22")
    look(office, CHANGED)
    assert look(office, at(6, 7)) == []  # by the old day everybody would be reminded now
    assert look(office, at(6, 14)) == ["remind"] * 3
    assert NEW_DAY in office.mail_to(office.address("03390"))[-1].text
    assert look(office, at(6, 21)) == []  # the old closing day
    office.write("03390", at(6, 19), filled(office.form("03390")))
    office.collect(at(6, 21))
    assert office.filing("03390").on_time
    assert look(office, at(6, 28)) == ["chase", "chase", "close", "draft", "ask_approval"]


def test_a_deadline_that_moves_away_and_back_and_away_again_is_told_each_time(office: Desk, config: Path) -> None:
    days = ["06-22", "06-15", "06-22"]
    for n, (day, earlier) in enumerate(zip(days, ["06-15", *days], strict=False)):
        move_to(config, day, earlier)
        assert look(office, at(5, 26 + n)) == ["move"] * 3
    said = [letter.text for letter in told(office, "03390")]
    assert [NEW_DAY in text for text in said] == [True, False, True]
    assert "trước ngày 15/6/2027" in said[1]


def test_an_extended_body_keeps_its_later_day(office: Desk, config: Path) -> None:
    decisions.extend(office.house, ROUND, "03424", date(2027, 6, 30), Decided("cán bộ", "mưa lũ", at(5, 24)))
    move_to(config, "06-22")
    look(office, CHANGED)
    assert told(office, "03424") == []  # its own day has not changed
    assert len(told(office, "03390")) == 1
    assert requests(office)["03424"].due == date(2027, 6, 30)
    move_to(config, "07-10", "06-22")  # now it has
    look(office, at(5, 27))
    assert "trước ngày 10/7/2027" in told(office, "03424")[0].text
    assert requests(office)["03424"].due == date(2027, 7, 9)


def test_a_body_let_off_is_told_nothing(office: Desk, config: Path) -> None:
    decisions.waive(office.house, ROUND, "03424", Decided("cán bộ", "mới thành lập", at(5, 24)))
    move_to(config, "06-22")
    assert look(office, CHANGED) == ["move", "move"]
    assert told(office, "03424") == []


def end_and_succeed(config: Path) -> None:
    """Bản Bo ends on 31/5 and Bản Mới takes its place."""
    ended = "xa-ban-bo@tamduong.test]\n    valid_from: 2020-03-01"
    successor = (
        '  - code: "03425"\n    name: "Ủy ban nhân dân xã Bản Mới"\n    group: xa\n    kind: commune\n'
        "    emails: [xa-moi@tamduong.test]\n    valid_from: 2027-06-01\n"
    )
    edit(config, "bodies.yaml", ended, f'{ended}\n    valid_to: 2027-05-31\n    successors: ["03425"]')
    edit(config, "bodies.yaml", '  - code: "cong-an"', f'{successor}  - code: "cong-an"')


def test_a_body_that_ends_is_asked_no_longer_its_successor_is_and_history_stays(office: Desk, config: Path) -> None:
    before = requests(office)["03424"]
    end_and_succeed(config)
    assert Counter(look(office, CHANGED)) == Counter(["join", "leave", "ask"])
    known = requests(office)
    assert {body: r.state for body, r in known.items()} == {
        "03390": "sent", "03424": "closed", "03425": "sent", "cong-an": "sent"
    }  # fmt: skip
    assert (known["03424"].token, known["03424"].id) == (before.token, before.id)
    assert office.asked("03425").workbook
    assert (events(office, "request_left"), events(office, "request_joined")) == (1, 1)
    written = office.row_counts()
    assert look(office, CHANGED) == []
    assert office.row_counts() == written

    look(office, at(6, 7))
    assert len(office.mail_to("xa-ban-bo@tamduong.test")) == 1  # the request, and no reminder after it
    assert [x.token for x in office.mail_to("xa-moi@tamduong.test")] == [known["03425"].token] * 2
    assert {row["Mã"] for row in board.rows(office.house, ROUND, at(6, 7))} == set(known)


def test_what_an_ended_body_had_filed_is_kept_and_goes_into_the_report(office: Desk, config: Path) -> None:
    office.write("03424", at(5, 24), filled(office.form("03424")))
    office.collect(at(5, 24, 9))
    end_and_succeed(config)
    assert Counter(look(office, CHANGED)) == Counter(["join", "ask"])
    assert requests(office)["03424"].state == "accepted"
    office.write("03425", at(6, 2), filled(office.form("03425"), number=5))
    office.collect(at(6, 2, 9))
    assert "close" in look(office, at(6, 21))
    assert all(path.exists() for path in reporting.document_paths(office.house, ROUND, 1))


def test_a_group_that_is_asked_from_now_on_joins_and_one_that_is_not_leaves(office: Desk, config: Path) -> None:
    edit(config, "plan.yaml", "audience: [cong-an, xa]", "audience: [xa]")
    edit(config, "forms/cong-an.yaml", "[bao-cao-6-thang, khai-giang]", "[khai-giang]")
    assert look(office, CHANGED) == ["leave"]
    edit(config, "plan.yaml", "audience: [xa]", "audience: [cong-an, xa]")
    edit(config, "forms/cong-an.yaml", "[khai-giang]", "[bao-cao-6-thang, khai-giang]")
    assert look(office, at(5, 27)) == ["join"]
    assert requests(office)["cong-an"].state == "sent"
    assert len(office.mail_to(office.address("cong-an"))) == 1  # it was asked already


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_killed_after_every_step_of_a_change_each_is_told_once(office: Desk, config: Path) -> None:
    move_to(config, "06-22")
    end_and_succeed(config)
    kills = 0

    def step_and_die() -> None:
        carry_out(office.world.open(), ROUND, CHANGED, kill_at(1))

    while (ended := in_child(step_and_die)) == -signal.SIGKILL:
        kills += 1
        assert kills < 20
    assert ended == 0
    assert kills == 5  # one joins and is asked, one leaves, two are told
    look(office, CHANGED)
    with office.house.ledger.begin() as session:
        keys = session.scalars(select(LetterOut.idem_key)).all()
    assert Counter(key.partition(":")[0] for key in keys) == {"request": 4, "moved": 2}
    assert [len(told(office, body)) for body in ("03390", "cong-an")] == [1, 1]
    assert office.asked("03425").workbook
    assert NEW_DAY in office.asked("03425").text  # asked by the new day: there is nothing to tell


def test_in_the_last_certain_year_the_look_ahead_still_looks(office: Desk) -> None:
    late = datetime(2050, 5, 24, 8, tzinfo=OPENED.tzinfo)
    assert ROUND.replace("2027", "2050") in rounds_in_motion(office.house, late)
