"""Which request a letter answers, and when a person must decide."""

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import select
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
from treem.ledger.tables import LetterOut, Report, Request
from treem.mailroom import match as room
from treem.mailroom.match import Match, match, may_answer, told_of
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
        lost = (written.id, True)
        assert [(x.letter.id, x.permanent) for x in told_of(session, SETTINGS, bounce)] == [lost]
        without_id = parse(report.replace(b"Message-ID:", b"X-Was:"), MAIL)
        assert without_id.bounced[0].message_id is None
        assert [(x.letter.id, x.permanent) for x in told_of(session, SETTINGS, without_id)] == [lost]
        forged = parse(report.replace(written.message_id.encode(), b"<forged@x.test>"), MAIL)
        assert told_of(session, SETTINGS, forged) == ()
        about_b = parse(report.replace(b"rfc822; xa-a@", b"rfc822; xa-b@"), MAIL)
        assert told_of(session, SETTINGS, about_b) == ()


def server_without_login(server: EmbeddedMail) -> object:
    from tests.mailroom.builders import account

    return account(*server.smtp, user="", password="")


def mailbox_of_office(server: EmbeddedMail) -> bytes:
    import imaplib

    with imaplib.IMAP4(*server.imap) as client:
        client.login(OFFICE, "x")
        client.select(readonly=True)
        return client.fetch("1", "(BODY.PEEK[])")[1][0][1]  # type: ignore[index,return-value]


def test_case_20_a_reply_from_a_phone_has_no_token_in_its_subject(session: Session) -> None:
    written = put(session, MAIL, request_id=1)
    for raw in (
        answer(subject="Re:", in_reply_to=written.message_id),
        answer(subject="", to=PLUS_A),
        answer(subject="Gửi từ iPhone của tôi", to=f"Phòng LĐTBXH <{PLUS_A.upper()}>"),
        b"X-Original-To: " + PLUS_A.encode() + b"\r\n" + answer(subject="(không có tiêu đề)"),
    ):
        assert found(session, raw).request_id == 1, raw


@pytest.mark.parametrize(
    "prefix", ["Trả lời: ", "Re: ", "RE: ", "Fwd: ", "TL: ", "Chuyển tiếp: ", "AW: ", "回复: ", ""]
)
def test_case_21_a_subject_is_rewritten_and_translated(session: Session, prefix: str) -> None:
    add_requests(session, 2028, ("C1C2C3C4", "D1D2D3D4"))  # without the token it could be either
    for subject in (f"{prefix}[#{TOKEN_A}] Yêu cầu", f"{prefix}báo cáo của xã [#{TOKEN_A.lower()}]"):
        assert found(session, answer(subject=subject)).signals == {"subject": (1,)}
        assert found(session, answer(subject=subject)).request_id == 1
    assert found(session, answer(subject=f"{prefix}Yêu cầu")).hold_reason == room.SEVERAL_OPEN
    written = put(session, MAIL, request_id=1)
    assert found(session, answer(subject=f"{prefix}Request", in_reply_to=written.message_id)).request_id == 1


def test_case_22_the_thread_was_stripped(session: Session) -> None:
    written = put(session, MAIL, request_id=1)
    add_requests(session, 2028, ("C1C2C3C4", "D1D2D3D4"))
    for raw, tokens in (
        (answer(references=written.message_id), ()),
        (answer(in_reply_to=written.message_id), ()),
        (answer(in_reply_to="<cua-nguoi-khac@x.test>", references=f"{written.message_id} <x@x.test>"), ()),
        (answer(to=PLUS_A), ()),
        (answer(), (TOKEN_A,)),
        (answer(subject=f"[#{TOKEN_A}]"), ()),
    ):
        assert found(session, raw, *tokens).request_id == 1, raw


def test_case_23_a_new_letter_of_a_sender_with_one_open_request(session: Session) -> None:
    result = found(session, answer(subject="Báo cáo 6 tháng", message_id="<moi@x.test>"))
    assert (result.request_id, result.signals, result.hold_reason) == (1, {"sender": (1,)}, None)


@pytest.mark.parametrize("state", ["queued", "sent", "needs_correction", "accepted", "overdue", "bounced"])
def test_case_23_the_order_in_which_letters_are_taken_in_makes_no_difference(session: Session, state: str) -> None:
    """The sender's other letter may have been accepted before this one is looked at."""
    session.get_one(Request, 1).state = state
    assert found(session, answer()).request_id == 1
    add_requests(session, 2028, ("C1C2C3C4", "D1D2D3D4"))
    assert found(session, answer()).hold_reason == room.SEVERAL_OPEN


def test_case_23_a_round_that_was_reported_waits_for_nobody(session: Session) -> None:
    shas = {"docx_sha": "d", "xlsx_sha": "x", "outward_docx_sha": "o", "outward_xlsx_sha": "p", "digest": "dxo"}
    session.add(Report(round_id=1, version=1, state="sent", created_at=NOW, **shas))
    session.flush()
    assert found(session, answer()).hold_reason == room.NOTHING_OPEN
    assert found(session, answer(to=PLUS_A)).request_id == 1  # who says which may still answer late
    add_requests(session, 2028, ("C1C2C3C4", "D1D2D3D4"))
    assert found(session, answer()).request_id == 3


def test_case_24_two_open_requests_are_held(session: Session) -> None:
    add_requests(session, 2028, ("C1C2C3C4", "D1D2D3D4"))
    result = found(session, answer())
    assert (result.request_id, result.hold_reason) == (None, room.SEVERAL_OPEN)
    assert result.signals == {"sender": (1, 3)}


def test_case_25_the_token_of_a_from_body_b_is_held(session: Session) -> None:
    written = put(session, MAIL, request_id=1)
    for raw, tokens in (
        (answer(sender=XA_B, to=PLUS_A), ()),
        (answer(sender=XA_B, subject=f"[#{TOKEN_A}]"), ()),
        (answer(sender=XA_B, in_reply_to=written.message_id), ()),
        (answer(sender=XA_B), (TOKEN_A,)),
    ):
        result = found(session, raw, *tokens)
        assert (result.request_id, result.hold_reason) == (None, room.STRANGER)


def test_case_26_a_token_and_an_unknown_sender_are_held(session: Session) -> None:
    for raw, tokens in (
        (answer(sender="la@x.test", to=PLUS_A), ()),
        (answer(sender="xa-a@tamduong.test.x.test", to=PLUS_A), ()),
        (answer(sender="la@x.test"), (TOKEN_A,)),
    ):
        result = found(session, raw, *tokens)
        assert (result.request_id, result.hold_reason) == (None, room.STRANGER)


@pytest.mark.parametrize(
    "sender",
    [
        f'"{XA_A}" <evil@x.test>',
        f"{XA_A} <evil@x.test>",
        f"<{XA_A}> <evil@x.test>",
        f"{XA_A}, evil@x.test",
        f"evil@x.test, {XA_A}",
        f"{XA_A}:evil@x.test;",
        f"nhom:{XA_A};",
        f"evil@x.test ({XA_A})",
        f"evil@x.test\r\nFrom: {XA_A}",
        f"{XA_A}\r\nFrom: evil@x.test",
        f"=?utf-8?q?{XA_A.replace('@', '=40')}?= <evil@x.test>",
        f"=?utf-8?q?{XA_A.replace('@', '=40')}_=3Cevil=40x.test=3E?=",
        f"{XA_A}@x.test",
        f"evil@x.test\x00{XA_A}",
        f'"{XA_A},"@x.test',
        f"<@{XA_A},@x.test:evil@x.test>",
        f"{XA_A}\r\n <evil@x.test>",
        "xa-a@tamduong.test\u200b",
        "xа-a@tamduong.test",  # a Cyrillic а
        "(" * 3000,
        "",
    ],
)
def test_case_28_trick_senders_are_nobody(session: Session, sender: str) -> None:
    raw = f"From: {sender}\r\n".encode() + answer(to=PLUS_A).partition(b"\r\n")[2]
    result = found(session, raw)
    assert result.request_id is None
    assert result.hold_reason in (room.NO_SENDER, room.STRANGER)


def test_case_29_reply_to_and_sender_are_no_identity(session: Session) -> None:
    for headers in (f"Reply-To: {XA_A}", f"Sender: {XA_A}", f"Return-Path: <{XA_A}>", f"Resent-From: {XA_A}"):
        raw = f"{headers}\r\n".encode() + answer(sender="la@x.test", to=PLUS_A)
        assert found(session, raw).hold_reason == room.STRANGER
    raw = b"Reply-To: la@x.test\r\n" + answer(to=PLUS_A)
    assert found(session, raw).request_id == 1
    assert parse(raw, MAIL).from_address == XA_A


def test_case_30_a_superior_s_forward_is_held(session: Session) -> None:
    """Registered elsewhere or nowhere: what A reported, another body cannot file for it."""
    for sender in (XA_B, "huyen@tamduong.test"):
        for raw, tokens in (
            (answer(sender=sender, subject=f"Fwd: [#{TOKEN_A}]"), ()),
            (answer(sender=sender), (TOKEN_A,)),
        ):
            assert found(session, raw, *tokens).hold_reason == room.STRANGER


def test_case_31_one_letter_by_two_routes_is_one_letter(session: Session) -> None:
    """To us and in copy to us; Bcc'd, To does not name us."""
    copy = answer(to="chanh-van-phong@tamduong.test")
    by_plus = b"Received: from a\r\nDelivered-To: " + PLUS_A.encode() + b"\r\nX-Spam: no\r\n" + copy
    by_bcc = b"Return-Path: <xa-a@tamduong.test>\r\nDelivered-To: treem@tamduong.test\r\n" + copy
    first, second = parse(by_plus, MAIL), parse(by_bcc, MAIL)
    assert first.content_key == second.content_key
    for raw in (by_plus, by_bcc):
        assert found(session, raw).request_id == 1


def test_case_31_a_copy_to_both_bodies_addresses_is_held(session: Session) -> None:
    assert found(session, b"Cc: " + PLUS_B.encode() + b"\r\n" + answer(to=PLUS_A)).hold_reason == room.DISAGREE


def test_case_33_guessed_tokens_gain_nothing(session: Session) -> None:
    guesses = [f"{n:020X}" for n in range(3000)]
    everywhere = ", ".join(f"treem+{guess}@tamduong.test" for guess in guesses[:400])
    subject = " ".join(f"[#{guess}]" for guess in guesses[:40])
    raw = answer(sender="la@x.test", to=OFFICE, subject=subject, cc=everywhere)
    assert found(session, raw).hold_reason == room.UNREGISTERED
    assert found(session, answer(sender="la@x.test", to=PLUS_A)).hold_reason == room.STRANGER  # even a right one
    assert found(session, answer(), *guesses).hold_reason == room.FOREIGN_FORM
    many = b"".join(f"Delivered-To: treem+{guess}@tamduong.test\r\n".encode() for guess in guesses)
    assert found(session, many + answer(sender="la@x.test")).request_id is None


def test_case_33_a_token_works_only_whole(session: Session) -> None:
    add_requests(session, 2028, ("C1C2C3C4", "D1D2D3D4"))
    for part in (TOKEN_A[:-1], TOKEN_A + "0", f"{TOKEN_A[:4]}%", "%", "_" * 20):
        raw = answer(to=f"treem+{part}@tamduong.test", subject=f"[#{part}]")
        assert found(session, raw).hold_reason == room.SEVERAL_OPEN


def test_may_answer_knows_both_days(session: Session) -> None:
    request = session.get_one(Request, 1)
    assert may_answer(SETTINGS, XA_A, request, ON)
    assert not may_answer(SETTINGS, XA_B, request, ON)
    body = SETTINGS.register_.bodies[0].model_copy(update={"valid_to": date(2027, 6, 20)})
    register = SETTINGS.register_.model_copy(update={"bodies": (body,)})
    settings = SETTINGS.model_copy(update={"register_": register})
    assert may_answer(settings, XA_A, request, date(2027, 7, 1))  # it was there on the day it was asked to answer by
    request.due = date(2027, 6, 30)
    assert not may_answer(settings, XA_A, request, date(2027, 7, 1))


def dsn(*recipients: tuple[str, str, str], message_id: str = "", to: str = OFFICE) -> bytes:
    """A delivery report: of each recipient address, Action and Status."""
    blocks = "".join(f"\r\nFinal-Recipient: rfc822; {a}\r\nAction: {b}\r\nStatus: {c}\r\n" for a, b, c in recipients)
    returned = f"--q\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {message_id}\r\n" if message_id else ""
    return (
        f"Return-Path: <>\r\nFrom: MAILER-DAEMON@x.test\r\nTo: {to}\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="q"\r\n\r\n'
        f"--q\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x.test\r\n{blocks}{returned}--q--\r\n"
    ).encode()


def told(session: Session, raw: bytes) -> list[tuple[int, str | None, bool, bool]]:
    return [(x.letter.id, x.code, x.permanent, x.delayed) for x in told_of(session, SETTINGS, parse(raw, MAIL))]


def sent(session: Session, key: str = "request:1", **changes: object) -> LetterOut:
    letter = put(session, MAIL, idem_key=key, **changes)
    letter.state = "sent"
    session.flush()
    return letter


def test_case_41_a_report_tells_code_and_fate_of_our_letter(session: Session) -> None:
    letter = sent(session, request_id=1)
    for action, code, permanent, delayed in (
        ("failed", "5.1.1", True, False), ("failed", "4.4.7", False, False), ("delayed", "4.4.1", False, True),
    ):  # fmt: skip
        raw = dsn((XA_A, action, code), message_id=letter.message_id)
        assert told(session, raw) == [(letter.id, code, permanent, delayed)]
        (about,) = told_of(session, SETTINGS, parse(raw, MAIL))
        assert about.lost is not delayed


def test_case_36_an_acknowledgement_bounces(session: Session) -> None:
    ack = sent(session, "ack:1", kind="ack", request_id=1)
    assert told(session, dsn((XA_A, "failed", "5.2.2"), message_id=ack.message_id)) == [(ack.id, "5.2.2", True, False)]


def test_case_44_each_recipient_is_told_of_its_own_letter(session: Session) -> None:
    for_a = sent(session, request_id=1)
    sent(session, "request:2", request_id=2, token=TOKEN_B, recipient=("xã B", XA_B))
    raw = dsn((XA_A, "failed", "5.1.1"), (XA_B, "failed", "5.2.2"), message_id=for_a.message_id)
    assert told(session, raw) == [(for_a.id, "5.1.1", True, False)]  # the id is of A's letter: nothing is said of B's


def test_case_45_the_failure_counts_not_the_delay_before_it(session: Session) -> None:
    letter = sent(session, request_id=1)
    named = [(XA_A, "delayed", "4.4.1"), (XA_A.upper(), "failed", "5.1.1")]
    for recipients in (named, named[::-1]):
        assert told(session, dsn(*recipients, message_id=letter.message_id)) == [(letter.id, "5.1.1", True, False)]


def test_case_43_without_an_id_the_address_of_the_envelope_tells(session: Session) -> None:
    first = sent(session, request_id=1)
    second = sent(session, "remind-1:1", kind="reminder", request_id=1)
    bounce_address = f"treem+bounce-{TOKEN_A.lower()}@tamduong.test"
    assert told(session, dsn((XA_A, "failed", "5.1.1"), to=bounce_address)) == [(second.id, "5.1.1", True, False)]
    assert told(session, dsn((XA_B, "failed", "5.1.1"), to=bounce_address)) == []
    assert told(session, dsn((XA_A, "failed", "5.1.1"), to=PLUS_A)) == []  # people know that one
    assert told(session, dsn((XA_A, "failed", "5.1.1"), to="treem+bounce-FFFF@tamduong.test")) == []
    assert first.state == second.state == "sent"


def test_case_47_a_forged_report_changes_nothing(session: Session) -> None:
    letter = sent(session, request_id=1)
    queued = put(session, MAIL, idem_key="request:3", request_id=1)
    before = [(x.id, x.state, x.last_code) for x in session.scalars(select(LetterOut))]
    for raw in (
        dsn((XA_A, "failed", "5.1.1"), message_id="<gia-mao@x.test>"),
        dsn((XA_A, "failed", "5.1.1"), message_id="<gia-mao@x.test>", to=f"treem+bounce-{TOKEN_A}@tamduong.test"),
        dsn((XA_A, "failed", "5.1.1")),
        dsn((XA_B, "failed", "5.1.1"), message_id=letter.message_id),
        dsn(("la@x.test", "failed", "5.1.1"), message_id=letter.message_id),
        dsn((XA_A, "failed", "5.1.1"), message_id=queued.message_id),  # what has not gone out cannot bounce
        dsn((XA_A, "delivered", "2.0.0"), message_id=letter.message_id),
        dsn((XA_A.replace("a@", "_@"), "failed", "5.1.1"), message_id=letter.message_id),
    ):
        assert told(session, raw) == []
    assert [(x.id, x.state, x.last_code) for x in session.scalars(select(LetterOut))] == before
