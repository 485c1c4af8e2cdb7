"""What a person in the office decides: each with a reason in the ledger, and a letter to the body it concerns."""

from datetime import date, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.rounds.conftest import ROUND, at
from tests.rounds.desk import ASKED, Desk, filled, vouched
from treem.ledger.tables import Event, LetterIn, Request
from treem.mailroom import smtp
from treem.rehearsal.covers import PROSE
from treem.rounds import decisions, digest, inbox
from treem.rounds.decisions import Decided, DecisionRefused
from treem.rounds.steps import carry_out

LATER = at(6, 2, 10)


def by_officer(why: str = "đã gọi điện xác nhận", now: datetime = LATER) -> Decided:
    return Decided("can-bo", why, now)


def events(desk: Desk, kind: str) -> list[dict[str, object]]:
    with desk.house.ledger.begin() as session:
        return list(session.scalars(select(Event.data).where(Event.kind == kind)))


def request(desk: Desk, body: str) -> Request:
    with desk.house.ledger.begin() as session:
        return session.scalars(select(Request).where(Request.body == body)).one()


def sent_to(desk: Desk, body: str, part_of_subject: str, now: datetime = LATER) -> list[str]:
    """The texts of letters to the body whose subject has these words."""
    smtp.send_due(desk.house.ledger, desk.house.settings.mail, now)
    return [x.text for x in desk.mail_to(desk.address(body)) if part_of_subject in x.subject]


def test_every_decision_needs_a_reason() -> None:
    with pytest.raises(DecisionRefused, match="lý do"):
        Decided("can-bo", "  ", LATER)


# ---- letters that wait


def held(desk: Desk, body: str = "dai", sender: str = "la@noi-khac.test") -> LetterIn:
    """A letter with a good form from a stranger."""
    desk.write(body, at(6, 1), filled(desk.form(body)), sender=sender)
    desk.collect(at(6, 1, 9))
    (letter,) = (x for x in desk.letters_in() if x.state == "hold")
    return letter


def test_the_inbox_lists_and_shows_what_waits(desk: Desk, tmp_path: Path) -> None:
    letter = held(desk)
    (line,) = inbox.waiting(desk.house)
    assert (line.id, line.sender, line.kind) == (letter.id, "la@noi-khac.test", "Không rõ phiếu")
    assert line.who == "…@noi-khac.test"
    assert "không có trong danh bạ" in line.reason
    shown = inbox.show(desk.house, letter.id)
    assert shown.authentication == "đã xác thực"
    (file,) = shown.files
    assert (file.name, "biểu mẫu BM-" in file.what, desk.asked("dai").token in file.what) == (
        "Báo cáo.xlsx",
        True,
        True,
    )
    saved = inbox.save(desk.house, letter.id, tmp_path / "thu")
    assert [p.suffix for p in saved] == [".eml", ".xlsx"]
    assert {oct(p.stat().st_mode & 0o777) for p in saved} == {"0o600"}
    with pytest.raises(DecisionRefused, match="Không có thư số 99"):
        inbox.show(desk.house, 99)


@pytest.mark.parametrize("reference", ["token", "place"])
def test_a_letter_assigned_is_filed_and_answered_to_the_body_never_to_the_stranger(desk: Desk, reference: str) -> None:
    letter = held(desk)
    token = desk.asked("dai").token or ""
    outcome = decisions.assign(
        desk.house, letter.id, f"[#{token.lower()}]" if reference == "token" else f"{ROUND}/dai", by_officer()
    )
    assert outcome.verdict == "answer"
    assert desk.filing("dai").state == "accepted"
    assert len(sent_to(desk, "dai", "số liệu hợp lệ")) == 1
    assert desk.mail_to("la@noi-khac.test") == []
    assert inbox.waiting(desk.house) == []
    (fact,) = events(desk, "letter_assigned")
    assert (fact["by"], fact["why"]) == ("can-bo", "đã gọi điện xác nhận")
    with pytest.raises(DecisionRefused, match="đã được xử lý"):
        decisions.assign(desk.house, letter.id, token, by_officer())


def test_a_letter_assigned_after_it_was_answered_gets_the_answer_of_its_new_place_too(desk: Desk) -> None:
    """Answered as prose in the wrong round or thread; a person finds the report in the letter it carries."""
    own_id = desk.write("dai", at(6, 1), None, cover=PROSE)
    desk.collect(at(6, 1, 9))
    (letter,) = desk.letters_in()
    assert (letter.verdict, len(desk.replies(own_id))) == ("prose", 1)
    for _ in range(2):  # prose can be assigned again; nothing is said twice
        decisions.assign(desk.house, letter.id, f"{ROUND}/dai", by_officer())
    assert len(sent_to(desk, "dai", "Chưa có biểu mẫu")) == 2
    decisions.assign(desk.house, letter.id, f"{ROUND}/tckh", by_officer())
    assert len(sent_to(desk, "tckh", "Chưa có biểu mẫu")) == 1


def test_of_several_forms_one_must_be_chosen(desk: Desk) -> None:
    form, message = desk.form("dai"), EmailMessage(policy=SMTP)
    message["From"], message["To"] = desk.address("dai"), desk.house.settings.mail.address
    message["Subject"], message["Message-ID"] = "Báo cáo", "<hai-tep@may-tinh.test>"
    message.set_content("Đơn vị gửi hai tệp.\n")
    for number in (2, 5):
        message.add_attachment(
            filled(form, number), maintype="application", subtype="vnd.ms-excel", filename=f"ban-{number}.xlsx"
        )
    desk.put(vouched(message.as_bytes(), desk.address("dai")), at(6, 1))
    desk.collect(at(6, 1, 9))
    (line,) = inbox.waiting(desk.house)
    assert line.kind == "Nhiều biểu mẫu"
    with pytest.raises(DecisionRefused, match=r"1\. ban-2\.xlsx; 2\. ban-5\.xlsx"):
        decisions.assign(desk.house, line.id, f"{ROUND}/dai", by_officer())
    decisions.assign(desk.house, line.id, f"{ROUND}/dai", by_officer(), choice=2)
    assert desk.accepted("dai") == 10


def test_case_30_a_report_forwarded_as_a_letter_is_held_and_can_be_assigned(desk: Desk) -> None:
    inner, outer = EmailMessage(policy=SMTP), EmailMessage(policy=SMTP)
    inner["From"], inner["Subject"] = "ke-toan@xa.test", "Số liệu"
    inner.set_content("Gửi anh\n")
    inner.add_attachment(
        filled(desk.form("dai")), maintype="application", subtype="vnd.ms-excel", filename="Báo cáo.xlsx"
    )
    outer["From"], outer["To"], outer["Subject"] = desk.address("dai"), desk.house.settings.mail.address, "Fwd: Số liệu"
    outer.set_content("Chuyển tiếp\n")
    outer.add_attachment(inner)
    desk.put(vouched(outer.as_bytes(), desk.address("dai")), at(6, 1))
    desk.collect(at(6, 1, 9))
    (line,) = inbox.waiting(desk.house)
    assert line.kind == "Thư chuyển tiếp"
    assert [f.name for f in inbox.show(desk.house, line.id).files] == ["Báo cáo.xlsx"]
    assert decisions.assign(desk.house, line.id, f"{ROUND}/dai", by_officer()).verdict == "answer"


def test_a_letter_dismissed_is_kept_and_no_longer_waits(desk: Desk) -> None:
    letter = held(desk)
    decisions.dismiss(desk.house, letter.id, by_officer("thư quảng cáo"))
    assert inbox.waiting(desk.house) == []
    (kept,) = desk.letters_in()
    assert (kept.state, kept.verdict, kept.reason) == ("done", "dismissed", "thư quảng cáo")
    with pytest.raises(DecisionRefused, match="không chờ xử lý"):
        decisions.dismiss(desk.house, letter.id, by_officer())
    decisions.assign(desk.house, letter.id, f"{ROUND}/dai", by_officer())  # a dismissal can be taken back
    assert desk.filing("dai").state == "accepted"


@pytest.mark.parametrize("reference", ["KHONGCO", f"{ROUND}/khong-co", "bao-cao-6-thang/2031/dai"])
def test_an_unknown_request_is_named(desk: Desk, reference: str) -> None:
    letter = held(desk)
    with pytest.raises(DecisionRefused, match="Không có phiếu|chưa mở, hoặc không hỏi"):
        decisions.assign(desk.house, letter.id, reference, by_officer())


# ---- paper


def test_what_came_on_paper_is_filed_like_any_other(desk: Desk) -> None:
    data = filled(desk.form("dai"))
    filed = decisions.file_by_hand(desk.house, ROUND, "dai", ("giay.xlsx", data), at(6, 10, 12), by_officer("nộp giấy"))
    assert (filed.version, filed.valid) == (1, True)
    row = desk.filing("dai")
    assert (row.state, row.on_time, row.first_received_at) == ("accepted", True, at(6, 10, 12))
    assert desk.submissions("dai")[0].source == "hand"
    (fact,) = events(desk, "submission_by_hand")
    assert fact["why"] == "nộp giấy"
    with pytest.raises(DecisionRefused, match="bản thứ 1"):
        decisions.file_by_hand(desk.house, ROUND, "dai", ("giay.xlsx", data), at(6, 11), by_officer())
    assert "dai" not in {s.body for s in carry_out(desk.house, ROUND, at(6, 15)) if s.action == "chase"}


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"%PDF-1.7", "không phải là bảng tính"), (b"", "rỗng|không phải là bảng tính"), (None, "còn trống")],
)
def test_a_file_that_is_no_filled_form_is_refused(desk: Desk, data: bytes | None, words: str) -> None:
    given = desk.form("dai") if data is None else data
    with pytest.raises(DecisionRefused, match=words):
        decisions.file_by_hand(desk.house, ROUND, "dai", ("a.pdf", given), at(6, 10), by_officer())
    assert desk.submissions("dai") == []


# ---- rejecting


def test_a_rejected_version_takes_the_earlier_ones_with_it_and_asks_for_another(desk: Desk) -> None:
    form = desk.form("dai")
    refused = filled(form, 5)
    desk.write("dai", at(6, 1), filled(form, 2))
    desk.write("dai", at(6, 1, 9), refused)
    desk.collect(at(6, 1, 10))
    first, second = desk.submissions("dai")
    decisions.reject(desk.house, second.id, by_officer("số liệu của năm trước"))
    assert [s.state for s in desk.submissions("dai")] == ["superseded", "rejected"]
    assert (desk.filing("dai").state, desk.accepted("dai")) == ("needs_correction", None)
    (told,) = sent_to(desk, "dai", "gửi lại")
    assert "số liệu của năm trước" in told
    assert "bản thứ 2" in told
    again = desk.write("dai", at(6, 3), refused)
    desk.collect(at(6, 3, 9))
    assert "trả lại và chưa dùng được" in desk.reply(again)
    desk.write("dai", at(6, 4), filled(form, 7))
    desk.collect(at(6, 4, 9))
    assert (desk.filing("dai").state, desk.accepted("dai")) == ("accepted", 14)
    with pytest.raises(DecisionRefused, match="đã bị trả lại"):
        decisions.reject(desk.house, second.id, by_officer())
    assert first.version == 1


# ---- extending and waiving


def test_an_extension_after_the_day_makes_a_late_answer_timely_and_stops_the_chasing(desk: Desk) -> None:
    carry_out(desk.house, ROUND, at(6, 21))  # closed: everybody is overdue
    decisions.extend(desk.house, ROUND, "dai", date(2027, 6, 25), by_officer("mưa lũ", at(6, 21, 9)))
    assert (request(desk, "dai").due, request(desk, "dai").state) == (date(2027, 6, 25), "sent")
    assert request(desk, "tckh").state == "overdue"
    (told,) = sent_to(desk, "dai", "Gia hạn", at(6, 21, 10))
    assert "25/6/2027" in told
    desk.write("dai", at(6, 24), filled(desk.form("dai")))
    desk.collect(at(6, 24, 9))
    assert (desk.filing("dai").state, desk.filing("dai").on_time) == ("accepted", True)
    with pytest.raises(DecisionRefused, match="25/6/2027"):
        decisions.extend(desk.house, ROUND, "dai", date(2027, 6, 20), by_officer())


def test_an_extended_body_is_not_chased_before_its_day(desk: Desk) -> None:
    decisions.extend(desk.house, ROUND, "dai", date(2027, 6, 18), by_officer())
    chased = {s.body for s in carry_out(desk.house, ROUND, at(6, 15)) if s.action == "chase"}
    assert chased == set(ASKED) - {"dai"}
    later = {s.body for s in carry_out(desk.house, ROUND, at(6, 19)) if s.action == "chase"}
    assert "dai" in later


def test_a_waived_body_is_left_alone_and_what_it_sends_is_taken_all_the_same(desk: Desk) -> None:
    carry_out(desk.house, ROUND, at(6, 7))  # reminders are written and wait in the outbox
    decisions.waive(desk.house, ROUND, "dai", by_officer("không phát sinh", at(6, 7, 9)))
    assert len(sent_to(desk, "dai", "Không phải gửi", at(6, 7, 10))) == 1
    assert [x.state for x in desk.outbox() if x.kind == "reminder" and x.request_id == request(desk, "dai").id] == [
        "cancelled"
    ]
    assert "dai" not in {s.body for s in carry_out(desk.house, ROUND, at(6, 15)) if s.action == "chase"}
    with pytest.raises(DecisionRefused, match="đã được miễn"):
        decisions.waive(desk.house, ROUND, "dai", by_officer())
    desk.write("dai", at(6, 10), filled(desk.form("dai")))
    desk.collect(at(6, 10, 9))
    assert desk.filing("dai").state == "accepted"


# ---- the digest


def test_the_digest_tells_once_a_day_and_only_when_there_is_something(desk: Desk) -> None:
    quiet = at(5, 21, 6)
    assert digest.write_digest(desk.house, quiet) is False
    held(desk)
    desk.write("tckh", at(6, 1), filled(desk.form("tckh"), instead="khoảng 20"))
    desk.collect(at(6, 1, 9))
    morning = at(6, 16, 6)
    assert digest.write_digest(desk.house, morning)
    assert digest.write_digest(desk.house, at(6, 16, 7))
    smtp.send_due(desk.house.ledger, desk.house.settings.mail, morning)
    (told,) = [x for x in desk.mail_to(desk.house.settings.mail.address) if "Việc cần xem" in x.subject]
    for words in ("quá 2 ngày", "người gửi không có trong danh bạ", "Đang chờ bản sửa"):
        assert words in told.text
    desk.collect(at(6, 16, 8))
    assert [x.verdict for x in desk.letters_in()][-1] == "own"  # it came back to us, and nobody answers it


def test_letters_that_cannot_leave_raise_an_alarm_at_once_but_once(desk: Desk) -> None:
    address = desk.address("dai")
    desk.world.stage.mail.rules[address] = "550 5.1.1 No such user"
    carry_out(desk.house, ROUND, at(6, 7))
    smtp.send_due(desk.house.ledger, desk.house.settings.mail, at(6, 7))
    assert digest.raise_alarm(desk.house, at(6, 7, 9))
    assert digest.raise_alarm(desk.house, at(6, 7, 10))
    smtp.send_due(desk.house.ledger, desk.house.settings.mail, at(6, 7, 10))
    (told,) = [x for x in desk.mail_to(desk.house.settings.mail.address) if "Cần xử lý ngay" in x.subject]
    assert f"gửi {address} (mã 550 5.1.1)" in told.text
    assert any(address in line and "5.1.1" in line for line in digest.gather(desk.house, at(6, 7, 11)).bounced)
    again = {s.body for s in carry_out(desk.house, ROUND, at(6, 15)) if s.action == "chase"}
    assert "dai" not in again  # nothing more is sent to a mailbox that does not exist
    decisions.address_works(desk.house, address, by_officer("đã tạo lại hộp thư", at(6, 15, 9)))
    assert "dai" in {s.body for s in carry_out(desk.house, ROUND, at(6, 15, 10)) if s.action == "chase"}
