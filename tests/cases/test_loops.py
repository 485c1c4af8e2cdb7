"""Cases 34 to 40: robots, our own letters come back, and very many letters. Nothing here may go round in circles."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.cases.letters import answer, letter
from tests.cases.office import JUNE, LATER, STRANGER, CaseDesk, Prepared
from tests.cases.reports import read_receipt
from tests.rounds.conftest import at
from treem.mailroom import smtp
from treem.rounds import digest, inbox

AWAY = "Tôi đang nghỉ phép đến hết ngày 15/6, việc gấp xin liên hệ văn thư.\n"
MINUTE = timedelta(minutes=1)


def answered_by_nobody(desk: CaseDesk) -> bool:
    """Whether the letters were taken for a robot's, nobody was written to, and every body is still waited for."""
    assert set(desk.ends()) == {("done", "auto_reply")}
    assert desk.out() == []
    return desk.nothing_filed()


# ---- 34, 35: vacation notices


@pytest.mark.parametrize(
    "header",
    [
        {"auto_submitted": "auto-replied (vacation)"},
        {"precedence": "auto_reply"},
        {"x_autoreply": "yes"},
        {"subject": "Automatic reply: báo cáo"},
        {"subject": "Trả lời tự động: Yêu cầu gửi báo cáo"},
    ],
    ids=str,
)
def test_case_34_an_absence_told_by_header_or_subject_is_not_answered(desk: CaseDesk, header: dict[str, str]) -> None:
    desk.answer("dai", text=AWAY, **header)
    desk.collect(LATER)
    assert answered_by_nobody(desk)
    assert inbox.waiting(desk.house) == []


def test_case_34_a_robot_that_carries_the_filled_form_waits_for_a_person(desk: CaseDesk) -> None:
    """Some offices' systems stamp every letter as automatic."""
    desk.answer("dai", desk.good("dai"), auto_submitted="auto-generated")
    desk.collect(LATER)
    assert (desk.ends(), desk.out()) == ([("hold", "auto_reply")], [])
    assert desk.nothing_filed()


@pytest.mark.parametrize("words", [AWAY, "I am out of the office until June 15.\n", "Đây là thư trả lời tự động.\n"])
def test_case_35_a_vacation_notice_without_any_sign_in_its_head_is_not_answered(desk: CaseDesk, words: str) -> None:
    desk.answer("dai", text=words)
    desk.collect(LATER)
    assert answered_by_nobody(desk)


# ---- 36 to 39: answers to our answers


def test_case_36_an_acknowledgement_that_bounces_is_noted_and_answered_by_nothing(desk: CaseDesk) -> None:
    address = desk.address("dai")
    desk.answer("dai", desk.good("dai"))
    desk.world.stage.mail.bouncing.add(address)
    desk.collect(LATER)
    desk.collect(LATER + MINUTE)  # what came back
    desk.collect(LATER + 2 * MINUTE)
    assert desk.ends() == [("done", "answer"), ("done", "bounce")]
    assert desk.out() == [(address, "accepted")]
    ack = desk.letter_out("ack", "dai")
    assert (ack.state, ack.last_code) == ("bounced", "5.1.1")
    assert desk.requests()["dai"] == "accepted"  # the figures stand
    assert len(desk.submissions("dai")) == 1


@pytest.mark.parametrize("announced", [True, False])
def test_case_37_two_robots_fall_silent(desk: CaseDesk, announced: bool) -> None:
    """The body's helpdesk answers every letter, ours too. One that hides it is answered a few times a day at most."""
    address, most = desk.address("dai"), desk.house.settings.mail.acks_per_request
    header, answered = {"auto_submitted": "auto-replied"} if announced else {}, 0
    for turn in range(most + 5):
        for ours in desk.mail_to(address)[answered:]:
            words = f"Phiếu hỗ trợ số {turn} đã được ghi nhận, chúng tôi sẽ liên hệ.\n"
            desk.post(address, answer(ours, address, text=words, **header)[1], JUNE + turn * MINUTE, ours.reply_to)
            answered += 1
        desk.collect(JUNE + turn * MINUTE)
    assert len(desk.out()) == (0 if announced else most)
    assert answered == len(desk.out()) + 1
    assert len(desk.events("ack_capped")) == (0 if announced else 1)
    assert desk.nothing_filed()


@pytest.mark.parametrize("kind", ["as it was", "redirected", "with another id"])
def test_case_38_our_own_letter_in_the_inbox_is_known_and_left(desk: CaseDesk, kind: str) -> None:
    """A copy to ourselves, a body's rule that sends everything back, a provider that writes its own Message-ID."""
    ours = next(x.raw for x in desk.world.stage.mail.log if x.recipients == (desk.address("dai"),))
    if kind == "redirected":
        ours = f"Resent-From: {desk.address('dai')}\r\nReceived: by noi-khac.test\r\n".encode() + ours
    elif kind == "with another id":
        ours = ours.replace(b"Message-ID: <", b"Message-ID: <x", 1)
    desk.post(desk.address("dai"), ours, JUNE)
    desk.collect(LATER)
    assert (desk.ends(), desk.out()) == ([("done", "own")], [])
    assert desk.nothing_filed()


def test_case_39_a_read_receipt_is_neither_an_answer_nor_answered(desk: CaseDesk) -> None:
    asked, address = desk.asked("dai"), desk.address("dai")
    desk.post(address, read_receipt(address, asked.reply_to, asked.message_id), JUNE, asked.reply_to)
    desk.collect(LATER)
    assert answered_by_nobody(desk)


# ---- 40: very many letters


def test_case_40_one_sender_s_many_letters_are_all_kept_and_few_are_answered(
    prepared: Prepared, tmp_path: Path
) -> None:
    """Forty letters with three acknowledgements allowed: a thousand with six differ in number only."""
    desk = prepared.desk(tmp_path / "home", {"acks_per_request": 3})
    address = desk.address("dai")
    for n in range(40):
        desk.answer("dai", text=f"Thư số {n}: chúng tôi đang tổng hợp.\n", when=JUNE)
    desk.answer("tckh", desk.good("tckh"), when=JUNE)
    desk.answer("dai", desk.good("dai"), when=JUNE + MINUTE)
    desk.collect(LATER)
    assert sorted(desk.out()) == [(address, "prose")] * 3 + [(desk.address("tckh"), "accepted")]
    assert [x.state for x in desk.letters_in()] == ["done"] * 42
    assert desk.requests() == {"dai": "accepted", "tckh": "accepted", "03390": "sent"}  # taken, though not answered
    assert len(desk.events("ack_capped")) == 38
    assert digest.gather(desk.house, LATER).unanswered == 38
    desk.answer("dai", desk.good("dai", 5), when=at(6, 3))
    desk.collect(at(6, 3, 9))
    assert desk.out()[-1] == (address, "accepted")  # a day later there are answers again


def test_case_40_many_senders_together_are_answered_no_faster_than_the_office_allows(
    prepared: Prepared, tmp_path: Path
) -> None:
    desk = prepared.desk(tmp_path / "home", {"acks_per_hour": 2})
    for n in range(3):
        for body in ("dai", "tckh", "03390"):
            desk.answer(body, text=f"Thư số {n}.\n")
    desk.collect(LATER)
    assert len(desk.out()) == 2
    assert desk.ends() == [("done", "prose")] * 9


def test_case_40_a_stranger_s_many_letters_are_never_answered(desk: CaseDesk) -> None:
    for n in range(30):
        desk.post(STRANGER, letter(STRANGER, desk.mailbox, subject=f"Quảng cáo {n}")[1], JUNE)
    desk.collect(LATER)
    assert (desk.ends(), desk.out()) == ([("hold", "unmatched")] * 30, [])
    assert smtp.send_due(desk.house.ledger, desk.house.settings.mail, LATER).sent == 0
