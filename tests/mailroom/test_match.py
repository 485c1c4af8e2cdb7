"""Which request a letter answers, and when a person must decide."""

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy.orm import Session

from tests.mailroom.builders import (
    NOW,
    OFFICE,
    TOKEN_A,
    TOKEN_B,
    XA_A,
    XA_B,
    add_requests,
    answer,
    mail_for,
    put,
    settings_for,
)
from treem.ledger.store import Ledger
from treem.mailroom import match as room
from treem.mailroom.match import Match, lost_letters, match
from treem.mailroom.parse import parse
from treem.mailroom.smtp import send_due
from treem.rehearsal.mail_server import EmbeddedMail

MAIL = mail_for()
SETTINGS = settings_for(MAIL)
PLUS_A, PLUS_B = (f"treem+{token.lower()}@tamduong.test" for token in (TOKEN_A, TOKEN_B))
ON = date(2027, 6, 1)


@pytest.fixture
def session(ledger: Ledger) -> Iterator[Session]:
    with ledger.begin() as opened:
        add_requests(opened)
        yield opened


def found(session: Session, raw: bytes, *form_tokens: str) -> Match:
    return match(session, SETTINGS, parse(raw, MAIL), form_tokens, ON)


def test_each_signal_finds_the_request_by_itself(session: Session) -> None:
    written = put(session, MAIL, request_id=1)
    for raw, tokens in (
        (answer(to=PLUS_A), ()),
        (answer(in_reply_to=written.message_id), ()),
        (answer(references=f"<x@y> {written.message_id}"), ()),
        (answer(), (TOKEN_A,)),
        (answer(subject=f"Trả lời: [#{TOKEN_A}] báo cáo"), ()),
        (answer(), ()),
        (answer(sender="van.thu.a@tamduong.test", to=PLUS_A), ()),
    ):
        result = found(session, raw, *tokens)
        assert (result.request_id, result.hold_reason) == (1, None), raw


def test_the_token_of_a_from_a_sender_of_b_is_held(session: Session) -> None:
    for raw, tokens in ((answer(sender=XA_B, to=PLUS_A), ()), (answer(sender=XA_B), (TOKEN_A,))):
        result = found(session, raw, *tokens)
        assert (result.request_id, result.hold_reason) == (None, room.STRANGER)


def test_two_signals_that_disagree_are_held(session: Session) -> None:
    for raw, tokens in (
        (answer(to=PLUS_A), (TOKEN_B,)),
        (answer(to=f"{PLUS_A}, {PLUS_B}"), ()),
        (answer(to=PLUS_A, subject=f"[#{TOKEN_B}]"), ()),
        (answer(), (TOKEN_A, TOKEN_B)),
    ):
        result = found(session, raw, *tokens)
        assert (result.request_id, result.hold_reason) == (None, room.DISAGREE)
        assert {i for ids in result.signals.values() for i in ids} == {1, 2}


def test_a_form_of_another_ledger_is_held(session: Session) -> None:
    assert found(session, answer(to=PLUS_A), "FFFFFFFFFFFF").hold_reason == room.FOREIGN_FORM


def test_an_unknown_token_elsewhere_is_no_signal(session: Session) -> None:
    assert found(session, answer(to="treem+guess@tamduong.test", subject="[#GUESS1]")).request_id == 1


def test_strangers_and_tricks_are_held(session: Session) -> None:
    assert found(session, answer(sender="la@x.test")).hold_reason == room.UNREGISTERED
    assert found(session, answer(sender="la@x.test", to=PLUS_A)).hold_reason == room.STRANGER
    assert found(session, b"From: evil@x.test\r\n" + answer(to=PLUS_A)).hold_reason == room.NO_SENDER
    assert (
        found(session, b"Reply-To: xa-a@tamduong.test\r\n" + answer(sender="la@x.test", to=PLUS_A)).request_id is None
    )


def test_a_sender_with_two_open_requests_must_say_which(session: Session) -> None:
    add_requests(session, 2028, ("C1C2C3C4", "D1D2D3D4"))
    assert found(session, answer()).hold_reason == room.SEVERAL_OPEN
    assert found(session, answer(to="treem+c1c2c3c4@tamduong.test")).request_id == 3


def test_lost_letters_are_ours_or_nobody_s(ledger: Ledger) -> None:
    with EmbeddedMail({OFFICE: "x", XA_A: "a"}) as server:
        mail = mail_for(server, smtp=server_without_login(server))
        server.bouncing.add(XA_A)
        with ledger.begin() as session:
            request, _ = add_requests(session)
            written = put(session, mail, request_id=request.id)
        send_due(ledger, mail, NOW)
        report = mailbox_of_office(server)
    with ledger.begin() as session:
        bounce = parse(report, MAIL)
        assert bounce.is_bounce
        assert bounce.attachments == ()
        assert [x.id for x in lost_letters(session, SETTINGS, bounce)] == [written.id]
        without_id = parse(report.replace(b"Message-ID:", b"X-Was:"), MAIL)
        assert without_id.bounced[0].message_id is None
        assert [x.id for x in lost_letters(session, SETTINGS, without_id)] == [written.id]
        forged = parse(report.replace(written.message_id.encode(), b"<forged@x.test>"), MAIL)
        assert lost_letters(session, SETTINGS, forged) == ()
        about_b = parse(report.replace(b"rfc822; xa-a@", b"rfc822; xa-b@"), MAIL)
        assert lost_letters(session, SETTINGS, about_b) == ()


def server_without_login(server: EmbeddedMail) -> object:
    from tests.mailroom.builders import account

    return account(*server.smtp, user="", password="")


def mailbox_of_office(server: EmbeddedMail) -> bytes:
    import imaplib

    with imaplib.IMAP4(*server.imap) as client:
        client.login(OFFICE, "x")
        client.select(readonly=True)
        return client.fetch("1", "(BODY.PEEK[])")[1][0][1]  # type: ignore[index,return-value]
