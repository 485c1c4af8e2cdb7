"""What Postfix sends back, and what becomes of it in a real round: cases 41, 45 and 46, and an answer all the way.

The round asks three bodies; where their letters go is changed from test to test.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
import yaml
from sqlalchemy import select

from tests.mailroom.builders import OFFICE, PASSWORD, XA_A, XA_B
from tests.rounds.conftest import CONFIG, ROUND, PlainOffice
from tests.rounds.desk import OPENING, few_bodies, filled
from tests.servers import dovecot as dovecot_room
from tests.servers import postfix as postfix_room
from tests.servers.authority import Certificate
from tests.servers.loopback import wait_until
from tests.servers.post_office import ELSEWHERE, NOBODY, UNREACHABLE, PostOffice, post_office
from treem.ledger.tables import Contact, Event, LetterIn, LetterOut, Request, Submission
from treem.mailroom import imap, smtp
from treem.plan.settings import Server
from treem.rehearsal.covers import COVERS, compose
from treem.rehearsal.postbox import read_letter
from treem.rounds.house import House, house_from_environment
from treem.rounds.intake import process_stored

pytestmark = pytest.mark.servers
SOON = OPENING + timedelta(hours=1)
HASTY = {  # tells of a delay at once, gives up within seconds, returns only the head of a letter
    "delay_warning_time": "1s", "maximal_queue_lifetime": "8s", "bounce_queue_lifetime": "8s",
    "bounce_size_limit": "1000",
}  # fmt: skip


@dataclass
class Office:
    """The office with its round, between real servers."""

    house: House
    post: PostOffice

    def open_round(self) -> None:
        PlainOffice(self.house).advance(ROUND, "open", OPENING)

    def collect(self, now: datetime = SOON) -> None:
        """Take in what has come. What is to be sent stays in the outbox."""
        imap.collect(self.house.ledger, self.house.settings.mail, now)
        process_stored(self.house, now)

    def reports(self, count: int = 1) -> list[EmailMessage]:
        """The delivery reports in the office's mailbox, once there are so many."""
        raws = self.post.arrived(OFFICE, count)
        return [message_from_bytes(raw, _class=EmailMessage, policy=policy.default) for raw in raws]

    def letters_in(self) -> list[tuple[str, str | None]]:
        with self.house.ledger.begin() as session:
            return list(session.execute(select(LetterIn.state, LetterIn.verdict).order_by(LetterIn.id)).tuples())

    def request(self, body: str) -> str:
        """How the request of a body stands."""
        with self.house.ledger.begin() as session:
            return session.scalars(select(Request.state).where(Request.body == body)).one()

    def contacts(self) -> dict[str, str]:
        with self.house.ledger.begin() as session:
            return dict(session.execute(select(Contact.address, Contact.state)).tuples().all())

    def to(self, address: str) -> LetterOut:
        """Our one letter to an address."""
        with self.house.ledger.begin() as session:
            letter = session.scalars(select(LetterOut).where(LetterOut.recipient == address)).one()
            _ = letter.raw
            return letter

    def assert_nothing_was_taken_for_an_answer(self) -> None:
        with self.house.ledger.begin() as session:
            assert session.scalars(select(Submission)).all() == []
            assert session.scalars(select(Request.first_received_at)).all() == [None] * 3
            assert session.scalars(select(LetterOut).where(LetterOut.kind == "ack")).all() == []


def open_office(post: PostOffice, home: Path, emails: Mapping[str, str]) -> Office:
    """The shipped config with three bodies at those addresses and the mail servers of the post office."""
    config = home / "config"
    shutil.copytree(CONFIG, config)
    few_bodies(config)
    register = yaml.safe_load((config / "bodies.yaml").read_text(encoding="utf-8"))
    for entry in register["bodies"]:
        if entry["code"] in emails:
            entry["emails"] = [emails[entry["code"]]]
    _write(config / "bodies.yaml", register)
    _write(config / "mail.yaml", mail_config(post))
    names = {"TREEM_CONFIG": str(config), "TREEM_HOME": str(home), "TREEM_MAIL_PASSWORD": PASSWORD}
    return Office(house_from_environment(names), post)


def mail_config(post: PostOffice) -> dict[str, object]:
    mail = post.mail()

    def server(known: Server) -> dict[str, object]:
        return known.model_dump(exclude={"password"}) | {"password": "${TREEM_MAIL_PASSWORD}"}

    return {
        "address": mail.address,
        "display_name": mail.display_name,
        "letters_per_minute": 60_000,
        "authentication": "accept",  # neither Postfix nor Dovecot says anything of a sender
        "smtp": server(mail.smtp),
        "imap": server(mail.imap),
    }


def _write(file: Path, content: object) -> None:
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


@pytest.fixture
def asks(post: PostOffice, tmp_path: Path) -> "Asks":
    return Asks(post, tmp_path)


@dataclass
class Asks:
    """Opens a round whose first body, the radio station, has that address; the others have mailboxes."""

    post: PostOffice
    home: Path

    def __call__(self, address: str) -> Office:
        office = open_office(self.post, self.home, {"dai": address, "tckh": XA_A, "03390": XA_B})
        office.open_round()
        self.post.arrived(XA_A)
        self.post.arrived(XA_B)
        return office


def test_case_41_and_case_46_a_returned_request_with_our_form_in_it_is_a_bounce_and_no_answer(asks: Asks) -> None:
    office = asks(NOBODY)
    (report,) = office.reports()
    assert report.get_content_type() == "multipart/report"
    assert report["Return-Path"] == "<>"
    assert report["To"].lower() == office.to(NOBODY).envelope_from.lower()
    assert workbook_in(report) == read_letter(office.to(NOBODY).raw).workbook
    office.collect()
    assert office.letters_in() == [("done", "bounce")]
    assert office.contacts() == {NOBODY: "dead"}
    assert office.to(NOBODY).state == "bounced"
    assert [office.request(body) for body in ("dai", "tckh", "03390")] == ["bounced", "sent", "sent"]
    office.assert_nothing_was_taken_for_an_answer()
    office.collect(SOON + timedelta(days=1))
    assert office.letters_in() == [("done", "bounce")]


def workbook_in(report: EmailMessage) -> bytes:
    """The workbook of the letter that a report returns."""
    (returned,) = (part for part in report.iter_parts() if part.get_content_type() == "message/rfc822")
    (file,) = returned.get_payload(0).iter_attachments()
    content: bytes = file.get_content()
    return content


@pytest.mark.parametrize(
    ("said", "contact"),
    [
        ("550 5.1.1 User unknown", "dead"),
        ("552 5.2.2 Mailbox full", "bouncing"),
        ("550 5.7.1 Rejected as spam", None),
        ("552 5.3.4 Message too big", None),
    ],
)
def test_case_41_the_reason_of_the_next_hop_decides_about_the_address(
    asks: Asks, said: str, contact: str | None
) -> None:
    asks.post.next_hop.rules[ELSEWHERE] = said
    office = asks(ELSEWHERE)
    office.reports()
    office.collect()
    assert office.letters_in() == [("done", "bounce")]
    assert office.contacts() == ({ELSEWHERE: contact} if contact else {})
    assert (office.to(ELSEWHERE).state, office.request("dai")) == ("bounced", "bounced")
    office.assert_nothing_was_taken_for_an_answer()


def test_case_41_a_report_that_comes_twice_counts_once(asks: Asks) -> None:
    office = asks(NOBODY)
    (raw,) = office.post.arrived(OFFICE)
    asks.post.dovecot.put(OFFICE, raw.replace(b"Delivered-To:", b"X-Copy: 1\r\nDelivered-To:", 1))
    office.collect()
    assert sorted(office.letters_in(), key=str) == [("done", "bounce"), ("done", "duplicate")]
    with office.house.ledger.begin() as session:
        assert session.scalars(select(Contact.bounces)).all() == [1]
        assert len(session.scalars(select(Event).where(Event.kind == "letter_bounced")).all()) == 1


def test_an_answer_all_the_way_is_accepted_and_acknowledged_all_the_way(asks: Asks) -> None:
    office = asks(NOBODY)
    (raw,) = office.post.arrived(XA_A)
    asked = read_letter(raw)
    assert asked.workbook is not None
    file = ("Báo cáo phòng TC-KH.xlsx", filled(asked.workbook))
    own_id = "<tra-loi@may-tinh.test>"
    reply = compose(COVERS["answer"], ("Cán bộ", XA_A), asked, file, own_id, SOON)
    office.post.hand_in(XA_A, read_address(asked.reply_to), reply)
    office.post.arrived(OFFICE, 2)  # the answer, and the report about the letter to nobody
    office.collect()
    assert sorted(office.letters_in(), key=str) == [("done", "answer"), ("done", "bounce")]
    with office.house.ledger.begin() as session:
        assert len(session.scalars(select(Submission)).all()) == 1
    assert smtp.send_due(office.house.ledger, office.house.settings.mail, SOON).sent == 1
    _, ack = office.post.arrived(XA_A, 2)
    assert read_letter(ack).in_reply_to == own_id
    office.collect(SOON + timedelta(days=1))
    assert len(office.letters_in()) == 2


def read_address(header: str) -> str:
    """The bare address of a Reply-To."""
    message = EmailMessage(policy=policy.default)
    message["To"] = header
    return str(message["To"].addresses[0].addr_spec)


# ---- letters that Postfix cannot get rid of --------------------------------------------------------------------


@pytest.fixture(scope="module")
def hasty_for_all(certificate: Certificate) -> Iterator[PostOffice]:
    if reason := dovecot_room.why_not() or postfix_room.why_not():
        pytest.skip(reason)
    with post_office(certificate, **HASTY) as running:
        yield running


@pytest.fixture
def hasty(hasty_for_all: PostOffice, trusted: None, tmp_path: Path) -> Asks:  # noqa: ARG001
    hasty_for_all.empty()
    return Asks(hasty_for_all, tmp_path)


def test_case_45_a_delay_is_no_failure_and_the_letter_arrives_later(hasty: Asks) -> None:
    hasty.post.next_hop.rules[ELSEWHERE] = "451 4.7.1 Greylisted, try again later"
    office = hasty(ELSEWHERE)
    (report,) = office.reports()
    hasty.post.next_hop.rules.clear()
    assert "delayed" in str(report).lower()
    office.collect()
    assert office.letters_in() == [("done", "delayed")]
    assert office.contacts() == {}
    assert (office.to(ELSEWHERE).state, office.request("dai")) == ("sent", "sent")
    office.assert_nothing_was_taken_for_an_answer()
    hasty.post.settle()
    (taken,) = hasty.post.next_hop.log
    assert taken.raw.endswith(office.to(ELSEWHERE).raw)
    office.collect(SOON + timedelta(days=1))
    assert office.letters_in() == [("done", "delayed")]


def test_case_41_given_up_after_the_delay_the_request_is_known_not_to_have_arrived(hasty: Asks) -> None:
    """Action: failed with a 4.x.x code: the next hop never answered. The address may be well. Only the head returns."""
    office = hasty(UNREACHABLE)
    _, final = office.reports(2)  # of the delay, then of the end
    assert [part.get_content_type() for part in final.iter_parts()][-1] == "text/rfc822-headers"
    office.collect()
    assert office.letters_in() == [("done", "delayed"), ("done", "bounce")]
    assert (office.to(UNREACHABLE).state, office.request("dai")) == ("bounced", "bounced")
    assert office.contacts() == {UNREACHABLE: "bouncing"}
    office.assert_nothing_was_taken_for_an_answer()
    wait_until(lambda: hasty.post.postfix.queued() == 0, "the letter stays in the queue")
