"""What becomes of letters that come in: who may answer, which version counts, what is on time, what is said back."""

import threading
from dataclasses import replace
from datetime import datetime
from io import BytesIO

import pytest
from openpyxl import Workbook

from tests.rounds.conftest import ROUND, at
from tests.rounds.desk import ASKED, FIGURE, Desk, filled
from treem.mailroom import imap, smtp
from treem.rehearsal.covers import COVERS, PROSE
from treem.rehearsal.questionnaire import read_questionnaire
from treem.rehearsal.writers import Typed
from treem.rounds import answers
from treem.rounds.intake import process_stored
from treem.rounds.steps import carry_out

# ---- who may answer


def test_a_token_does_not_authorise_a_stranger_or_another_body(desk: Desk) -> None:
    good = filled(desk.form("dai"))
    letters = [
        desk.write("dai", at(6, 1), good, sender="la@noi-khac.test"),
        desk.write("dai", at(6, 1), good, sender=desk.address("tckh")),
    ]
    desk.collect(at(6, 2))
    assert [(x.state, x.request_id) for x in desk.letters_in()] == [("hold", None)] * 2
    assert all("không có trong danh bạ" in (x.reason or "") for x in desk.letters_in())
    assert [desk.replies(x) for x in letters] == [[], []]
    assert desk.submissions("dai") == desk.submissions("tckh") == []
    assert desk.filing("dai").first_received_at is None


def test_a_form_of_one_body_in_the_thread_of_another_is_held(desk: Desk) -> None:
    letter = desk.write("tckh", at(6, 1), filled(desk.form("dai")))
    desk.collect(at(6, 2))
    (held,) = desk.letters_in()
    assert held.state == "hold"
    assert "khác nhau" in (held.reason or "")
    assert desk.replies(letter) == []
    assert desk.submissions("dai") == desk.submissions("tckh") == []


# ---- which version counts


def test_a_later_invalid_file_never_unaccepts_and_a_newer_valid_one_supersedes(desk: Desk) -> None:
    form = desk.form("dai")
    first = desk.write("dai", at(6, 1), filled(form, 2))
    desk.collect(at(6, 1, 9))
    assert "hợp lệ" in desk.reply(first)
    assert (desk.filing("dai").state, desk.accepted("dai")) == ("accepted", 4)

    wrong = desk.write("dai", at(6, 2), filled(form, 3, instead="khoảng 20"))
    desk.collect(at(6, 2, 9))
    assert "khoảng 20" in desk.reply(wrong)
    assert (desk.filing("dai").state, desk.filing("dai").version, desk.accepted("dai")) == ("accepted", 1, 4)

    right = desk.write("dai", at(6, 3), filled(form, 5), cover=COVERS["correction"])
    desk.collect(at(6, 3, 9))
    assert "bản thứ 3" in desk.reply(right)
    assert desk.accepted("dai") == 10
    states = [(s.version, s.state) for s in desk.submissions("dai")]
    assert states == [(1, "superseded"), (2, "superseded"), (3, "accepted")]


def test_an_invalid_file_is_received_but_not_accepted_and_no_reminder_follows(desk: Desk) -> None:
    letter = desk.write("dai", at(6, 1), filled(desk.form("dai"), instead="khoảng 20"))
    desk.collect(at(6, 1, 9))
    cell = next(
        q.cell for q in read_questionnaire(desk.form("dai")).questions if (q.figure, q.column) == (FIGURE, "total")
    )
    assert cell in desk.reply(letter)
    assert (desk.filing("dai").state, desk.filing("dai").on_time, desk.accepted("dai")) == (
        "needs_correction", True, None,
    )  # fmt: skip
    chased = {s.body for s in carry_out(desk.house, ROUND, at(6, 15)) if s.action == "chase"}
    assert chased == {"tckh", "03390"}


@pytest.mark.parametrize("instead", ["khoảng 20", None])
def test_a_marked_copy_too_big_for_a_letter_is_left_out_and_the_filing_stands(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, instead: Typed
) -> None:
    monkeypatch.setattr(answers, "mark_form", lambda *_: bytes(300_000))
    mail = desk.house.settings.mail.model_copy(update={"max_letter_bytes": 200_000})
    desk.house = replace(desk.house, settings=desk.house.settings.model_copy(update={"mail": mail}))
    letter = desk.write("dai", at(6, 1), filled(desk.form("dai"), instead=instead))
    desk.collect(at(6, 1, 9))
    assert len(desk.submissions("dai")) == 1
    (reply,) = desk.replies(letter)
    assert reply.workbook is None
    assert "quá lớn nên không gửi kèm được" in reply.text
    assert "Kèm thư này" not in reply.text


def test_the_same_file_twice_is_one_submission_and_said_so(desk: Desk) -> None:
    data = filled(desk.form("dai"))
    first = desk.write("dai", at(6, 1), data)
    second = desk.write("dai", at(6, 1, 9), data, cover=COVERS["again"])
    desk.collect(at(6, 2))
    assert len(desk.submissions("dai")) == 1
    assert "hợp lệ" in desk.reply(first)
    assert "giống hệt bản thứ 1" in desk.reply(second)
    assert [x.verdict for x in desk.letters_in()] == ["answer", "same_file"]


def test_the_same_letter_delivered_twice_is_answered_once(desk: Desk) -> None:
    letter = desk.write("dai", at(6, 1), filled(desk.form("dai")))
    desk.collect(at(6, 1, 9))
    house = desk.house
    raw = house.ledger.originals.read(desk.letters_in()[0].raw_sha)
    desk.world.stage.mail.inject(house.settings.mail.address, b"Received: by other.test\r\n" + raw, at(6, 2))
    desk.world.stage.mail.inject(house.settings.mail.address, raw, at(6, 2))
    desk.collect(at(6, 2, 9))
    assert [x.verdict for x in desk.letters_in()] == ["answer", "duplicate"]
    assert len(desk.replies(letter)) == len(desk.submissions("dai")) == 1


# ---- what cannot be used


@pytest.mark.parametrize(
    ("file", "reason"),
    [("damaged", "bị hỏng"), ("picture", "không phải là bảng tính"), ("other", "không phải biểu mẫu")],
)
def test_a_file_that_cannot_be_read_is_kept_named_and_not_counted(desk: Desk, file: str, reason: str) -> None:
    good = filled(desk.form("dai"))
    data = {"damaged": good[: len(good) // 2], "picture": b"\xff\xd8\xff\xe0" + bytes(2000), "other": _other_workbook()}
    letter = desk.write("dai", at(6, 1), data[file])
    desk.collect(at(6, 1, 9))
    assert reason in desk.reply(letter)
    assert "Báo cáo.xlsx" in desk.reply(letter)
    (kept,) = desk.letters_in()
    assert (kept.state, kept.verdict) == ("done", "unreadable")
    assert b"Content-Disposition" in desk.house.ledger.originals.read(kept.raw_sha)
    assert desk.submissions("dai") == []
    assert desk.filing("dai").first_received_at is None
    assert "dai" in {s.body for s in carry_out(desk.house, ROUND, at(6, 15)) if s.action == "chase"}


def _other_workbook() -> bytes:
    """A workbook that has nothing to do with any form."""
    book, out = Workbook(), BytesIO()
    book.create_sheet("Trực")["A1"] = "Danh sách trực"
    book.save(out)
    return out.getvalue()


def test_a_blank_form_or_prose_is_answered_kindly_and_the_body_is_still_chased(desk: Desk) -> None:
    blank = desk.write("dai", at(6, 1), desk.form("dai"), cover=COVERS["empty"])
    prose = desk.write("tckh", at(6, 1), None, cover=PROSE)
    desk.collect(at(6, 1, 9))
    assert "còn trống" in desk.reply(blank)
    assert "không có tệp Excel biểu mẫu" in desk.reply(prose)
    assert desk.submissions("dai") == desk.submissions("tckh") == []
    assert [desk.filing(b).first_received_at for b in ASKED] == [None] * 3
    assert {s.body for s in carry_out(desk.house, ROUND, at(6, 15)) if s.action == "chase"} == set(ASKED)


def test_an_out_of_office_notice_is_never_answered(desk: Desk) -> None:
    away = desk.write("dai", at(6, 1), None, cover=COVERS["away"])
    desk.collect(at(6, 1, 9))
    assert desk.replies(away) == []
    assert [(x.state, x.verdict) for x in desk.letters_in()] == [("done", "auto_reply")]
    assert desk.filing("dai").state == "sent"


# ---- on time


@pytest.mark.parametrize(
    ("arrived", "on_time"), [(at(6, 14, 23), True), (at(6, 15, 0), False), (at(6, 30), False)], ids=str
)
def test_the_servers_stamp_decides_on_time_not_the_letters_date_nor_our_reading(
    desk: Desk, arrived: datetime, on_time: bool
) -> None:
    """The office's server was off for weeks; the sender's clock is wrong."""
    wrong_clock = at(6, 1) if not on_time else at(7, 1)
    desk.write("dai", arrived, filled(desk.form("dai")), dated=wrong_clock)
    desk.collect(at(7, 2))
    row = desk.filing("dai")
    assert (row.state, row.first_received_at, row.on_time) == ("accepted", arrived, on_time)


def test_a_correction_after_the_deadline_keeps_the_first_receipt(desk: Desk) -> None:
    form = desk.form("dai")
    desk.write("dai", at(6, 11), filled(form, instead="khoảng 20"))
    desk.write("dai", at(6, 18), filled(form, 3), cover=COVERS["correction"])
    desk.collect(at(6, 18, 9))
    assert [(s.state, s.on_time) for s in desk.submissions("dai")] == [("superseded", True), ("accepted", True)]
    assert desk.filing("dai").on_time


def test_an_answer_after_the_closing_is_recorded_late(desk: Desk) -> None:
    carry_out(desk.house, ROUND, at(6, 21))
    assert desk.filing("dai").state == "overdue"
    desk.write("dai", at(6, 22), filled(desk.form("dai")))
    desk.collect(at(6, 22, 9))
    assert (desk.filing("dai").state, desk.filing("dai").on_time) == ("accepted", False)


# ---- once is enough


def test_looking_again_adds_nothing(desk: Desk) -> None:
    desk.write("dai", at(6, 1), filled(desk.form("dai")))
    desk.write("tckh", at(6, 1), desk.form("tckh"))
    desk.collect(at(6, 2))
    carry_out(desk.house, ROUND, at(6, 21))
    smtp.send_due(desk.house.ledger, desk.house.settings.mail, at(6, 21))
    before, sent = desk.row_counts(), len(desk.world.stage.mail.log)
    assert before["submission"] == 1
    assert before["report"] == 1
    for now in (at(6, 21, 9), at(6, 21, 10)):
        process_stored(desk.house, now)
        carry_out(desk.house, ROUND, now)
        smtp.send_due(desk.house.ledger, desk.house.settings.mail, now)
    assert desk.row_counts() == before
    assert len(desk.world.stage.mail.log) == sent


def test_two_processes_at_the_same_letters_record_each_once(desk: Desk) -> None:
    desk.write("dai", at(6, 1), filled(desk.form("dai")))
    desk.write("tckh", at(6, 1), filled(desk.form("tckh")))
    imap.collect(desk.house.ledger, desk.house.settings.mail, at(6, 2))
    others = [threading.Thread(target=process_stored, args=(desk.world.open(), at(6, 2))) for _ in range(2)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert [(x.state, x.verdict) for x in desk.letters_in()] == [("done", "answer")] * 2
    assert [len(desk.submissions(b)) for b in ("dai", "tckh")] == [1, 1]
    assert sum(x.kind == "ack" for x in desk.outbox()) == 2
    assert all("hợp lệ" in x.subject for x in desk.outbox() if x.kind == "ack")
