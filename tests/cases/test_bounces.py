"""Cases 41 to 48: reports that a letter did not arrive, true ones and forged ones."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.cases.letters import answer, letter
from tests.cases.office import JUNE, LATER, SECOND, STRANGER, CaseDesk, Prepared, prepare
from tests.cases.reports import About, qmail, rfc3464
from tests.rounds.conftest import ROUND, at
from tests.rounds.desk import OPENING
from treem.ledger.tables import LetterOut
from treem.mailroom import smtp
from treem.rehearsal.stage import Stage
from treem.rounds import digest
from treem.rounds.steps import carry_out

HOUR = timedelta(hours=1)
REPORTED = OPENING + HOUR


def reported(desk: CaseDesk, report: bytes, when: datetime = REPORTED, to: str | None = None) -> None:
    """The report comes from outside, with no envelope sender, to the envelope sender of our letter to `dai`."""
    desk.post("", report, when, to or desk.letter_out("request", "dai").envelope_from)
    desk.collect(when + HOUR)


def asked(desk: CaseDesk, body: str = "dai") -> LetterOut:
    return desk.letter_out("request", body)


def look_again(desk: CaseDesk, now: datetime) -> set[str]:
    """The next look at plan against ledger: who is written to."""
    before = len(desk.sent())
    carry_out(desk.house, ROUND, now)
    smtp.send_due(desk.house.ledger, desk.house.settings.mail, now)
    return {recipient for recipient, _ in desk.sent()[before:]}


@pytest.fixture(scope="module")
def with_two_addresses(stage: Stage, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """An office whose `dai` has a second address."""
    first = prepared.settings.body("dai", OPENING.date()).emails[0]
    return prepare(stage, tmp_path_factory.mktemp("two"), {"dai": {"emails": [first, SECOND]}})


# ---- 41: the standard's report, as a server really writes it


def test_case_41_after_a_bounce_the_body_s_second_address_is_written_to_and_may_answer(
    with_two_addresses: Prepared, tmp_path: Path
) -> None:
    desk = with_two_addresses.desk(tmp_path / "home")
    first = desk.address("dai")
    reported(desk, rfc3464(asked(desk).message_id, About(first, "failed", "5.1.1")))
    assert (desk.ends(), desk.out()) == ([("done", "bounce")], [])
    assert desk.requests() == {"dai": "bounced", "tckh": "sent", "03390": "sent"}
    assert desk.contacts() == {first: ("dead", "5.1.1")}
    assert look_again(desk, at(5, 21)) == {SECOND}
    assert look_again(desk, at(5, 22)) == set()
    assert desk.requests()["dai"] == "sent"
    (again,) = desk.mail_to(SECOND)
    assert (again.token, again.workbook) == (desk.asked("dai").token, desk.form("dai"))
    desk.post(SECOND, answer(again, SECOND, desk.good("dai"))[1], JUNE, again.reply_to)
    desk.collect(LATER)
    assert desk.out()[-1] == (SECOND, "accepted")
    assert (desk.requests()["dai"], desk.contacts()) == ("accepted", {first: ("dead", "5.1.1")})


def test_case_41_a_body_without_another_address_is_told_of_in_the_digest_and_not_written_to(desk: CaseDesk) -> None:
    """The report is the mail server's own, over SMTP, with the whole letter in it."""
    address = desk.address("dai")
    desk.world.stage.mail.bouncing.add(address)
    assert look_again(desk, at(6, 7)) == {desk.address(body) for body in ("dai", "tckh", "03390")}  # reminders
    desk.collect(at(6, 7, 9))
    assert desk.ends() == [("done", "bounce")]
    assert desk.letter_out("reminder", "dai").state == "bounced"
    assert desk.contacts() == {address: ("dead", "5.1.1")}
    assert len(desk.out()) == 3  # nothing answers the report
    assert address in digest.gather(desk.house, at(6, 8)).bounced[0]
    assert address not in look_again(desk, at(6, 15))


@pytest.mark.parametrize(
    ("code", "state"),
    [("5.2.2", "bouncing"), ("5.1.1", "dead"), ("5.3.4", None), ("5.7.1", None), ("4.4.7", "bouncing")],
)
def test_case_41_what_the_code_says_of_the_address(desk: CaseDesk, code: str, state: str | None) -> None:
    """A full mailbox may be emptied; a letter that is too big or looks like spam says nothing of the address."""
    address = desk.address("dai")
    reported(desk, rfc3464(asked(desk).message_id, About(address, "failed", code)))
    assert desk.requests()["dai"] == "bounced"
    assert asked(desk).last_code == code
    assert desk.contacts() == ({address: (state, code)} if state else {})


def test_case_41_an_address_that_writes_again_is_well(desk: CaseDesk) -> None:
    address = desk.address("dai")
    reported(desk, rfc3464(asked(desk).message_id, About(address, "failed", "5.1.1")))
    desk.answer("dai", desk.good("dai"))
    desk.collect(LATER)
    assert (desk.requests()["dai"], desk.contacts()) == ("accepted", {})


# ---- 42 to 45: other reports


def test_case_42_a_report_in_multipart_mixed_is_a_report(desk: CaseDesk) -> None:
    """OpenSMTPD: the status says 5.0.0, the words say why."""
    address = desk.address("dai")
    about = About(address, "failed", "5.0.0", "552 5.2.2 mailbox full")
    reported(desk, rfc3464(asked(desk).message_id, about, kind="mixed"))
    assert (desk.ends(), desk.out()) == ([("done", "bounce")], [])
    assert (desk.requests()["dai"], desk.contacts()) == ("bounced", {address: ("bouncing", "5.2.2")})


@pytest.mark.parametrize("words", ["Sorry, no mailbox here by that name. (#5.1.1)", "550 5.1.1 User unknown"])
def test_case_43_a_report_in_plain_text_is_a_report(desk: CaseDesk, words: str) -> None:
    address = desk.address("dai")
    reported(desk, qmail(asked(desk).message_id, address, words))
    assert (desk.ends(), desk.out()) == ([("done", "bounce")], [])
    assert (desk.requests()["dai"], desk.contacts()) == ("bounced", {address: ("dead", "5.1.1")})


def test_case_44_of_several_recipients_only_the_letter_s_own_is_believed(desk: CaseDesk) -> None:
    """Each letter of ours has one recipient. Each body's report comes to the address of its own letter."""
    dai, tckh = desk.address("dai"), desk.address("tckh")
    both = (About(dai, "failed", "5.1.1"), About(tckh, "failed", "5.2.2"))
    reported(desk, rfc3464(asked(desk).message_id, *both))
    assert desk.requests() == {"dai": "bounced", "tckh": "sent", "03390": "sent"}
    assert desk.contacts() == {dai: ("dead", "5.1.1")}
    reported(desk, rfc3464(asked(desk, "tckh").message_id, *both), to=asked(desk, "tckh").envelope_from)
    assert desk.requests() == {"dai": "bounced", "tckh": "bounced", "03390": "sent"}
    assert desk.contacts() == {dai: ("dead", "5.1.1"), tckh: ("bouncing", "5.2.2")}
    assert desk.out() == []


def test_case_45_a_delay_loses_nothing_and_the_failure_after_it_counts(desk: CaseDesk) -> None:
    address = desk.address("dai")
    reported(desk, rfc3464(asked(desk).message_id, About(address, "delayed", "4.4.1")))
    assert (desk.ends(), desk.contacts()) == ([("done", "delayed")], {})
    assert desk.nothing_filed()
    assert look_again(desk, at(5, 21)) == set()
    reported(desk, rfc3464(asked(desk).message_id, About(address, "failed", "5.1.1")), at(5, 22))
    assert desk.ends() == [("done", "delayed"), ("done", "bounce")]
    assert (desk.requests()["dai"], desk.contacts()) == ("bounced", {address: ("dead", "5.1.1")})
    assert desk.out() == []


# ---- 46 to 48: what is no such report


@pytest.mark.parametrize("form", ["our blank form", "the body's filled form"])
def test_case_46_the_form_inside_a_bounce_is_no_answer(desk: CaseDesk, form: str) -> None:
    """The whole letter comes back, attachment and all; a filled form in it is none the body has sent us."""
    address = desk.address("dai")
    data = desk.form("dai") if form == "our blank form" else desk.good("dai")[1]
    inner = answer(desk.asked("dai"), address, ("Báo cáo.xlsx", data))[1]
    part = b"\r\n--=ranh-gioi=\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--=ranh-gioi=--"
    report = rfc3464(asked(desk).message_id, About(address, "failed", "5.2.2"))
    head, _, end = report.rpartition(b"\r\n--=ranh-gioi=--")
    reported(desk, head + part + end)
    assert (desk.ends(), desk.out()) == ([("done", "bounce")], [])
    assert desk.requests()["dai"] == "bounced"
    assert (desk.submissions("dai"), desk.filing("dai").first_received_at) == ([], None)


@pytest.mark.parametrize(
    "forgery", ["another id", "another recipient", "no id", "no id, to the people's address", "plain text"]
)
def test_case_47_a_forged_bounce_changes_nothing(desk: CaseDesk, forgery: str) -> None:
    """Whoever forges it knows the addresses, but not what only our letter to that address bore."""
    address, ours = About(desk.address("dai"), "failed", "5.1.1"), asked(desk)
    reports = {
        "another id": rfc3464("<doan@tamduong.test>", address),
        "another recipient": rfc3464(ours.message_id, About(desk.address("tckh"), "failed", "5.1.1")),
        "no id": rfc3464(None, address),
        "no id, to the people's address": rfc3464(None, address),
        "plain text": qmail("<doan@tamduong.test>", address.recipient, "Sorry. (#5.1.1)"),
    }
    to = {"no id": desk.mailbox.replace("@", "+bounce-0123456789ABCDEF0123@"), "another recipient": ours.envelope_from}
    to["no id, to the people's address"] = desk.reply_address("dai")
    reported(desk, reports[forgery], to=to.get(forgery, desk.mailbox))
    assert (desk.ends(), desk.out()) == ([("hold", "bounce")], [])
    assert desk.contacts() == {}
    assert desk.nothing_filed()
    assert {x.state for x in desk.outbox()} == {"sent"}


@pytest.mark.parametrize(
    ("sender", "subject"),
    [
        (None, "Please confirm your message"),
        (None, "Vui lòng xác nhận người gửi"),
        (STRANGER, "Verification required"),
        ("no-reply@tamduong.test", "Your message is being held"),
    ],
)
def test_case_48_a_challenge_is_not_answered_and_no_link_is_followed(
    desk: CaseDesk, sender: str | None, subject: str
) -> None:
    who = sender or desk.address("dai")
    words = "Thư của bạn đang được giữ lại. Bấm vào https://noi-khac.test/xac-nhan?x=1 để chuyển tiếp.\n"
    desk.post(who, letter(who, desk.mailbox, subject=subject, text=words)[1], JUNE)
    desk.collect(LATER)
    assert (desk.ends(), desk.out()) == ([("done", "auto_reply")], [])
    assert desk.nothing_filed()
