"""Letters that no person wrote, and people's letters that must not be taken for them."""

import os
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from tests.mailroom.builders import OFFICE, TOKEN_A, XA_A, answer, mail_for, put
from treem.ledger.store import Ledger
from treem.mailroom.parse import Parsed, parse

MAIL = mail_for()
CORPORA = os.environ.get("TREEM_CORPORA")
BOUNCE_ADDRESS = f"treem+bounce-{TOKEN_A.lower()}@tamduong.test"


def letter(*headers: str, body: str = "Kính gửi Phòng") -> Parsed:
    return parse(("\r\n".join((f"To: {OFFICE}", *headers)) + "\r\n\r\n" + body).encode(), MAIL)


def by_xa_a(*headers: str, **more: str) -> Parsed:
    return letter(f"From: {XA_A}", *headers, **more)


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-replied (vacation)",
        "Auto-Submitted: AUTO-GENERATED; owner-email=x",
        "Auto-Submitted: auto-notified",
        "Precedence: auto_reply",
        "Precedence: Junk",
        "X-Autoreply: yes",
        "X-Autorespond: x",
        "X-Auto-Reply: 1",
        "Return-Path: <>",
        "Return-Path: < >",
    ],
)
def test_case_34_out_of_office_by_its_headers(header: str) -> None:
    found = by_xa_a(header, "Subject: Re: Yêu cầu gửi báo cáo")
    assert found.is_auto_reply
    assert not found.is_bounce


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: [#A1B2] Yêu cầu",
        "Auto-Reply: x",
        "AutoReply",
        "Auto response",
        "Out of Office: x",
        "Out of office AutoReply: x",
        "Re: Out of the office",
        "Vacation reply",
        "Trả lời tự động: báo cáo",
        "TRẢ LỜI TỰ ĐỘNG: báo cáo",
        "Re: Trả lời tự động",
        "[Trả lời tự động] báo cáo",
        "Thư trả lời tự động",
        "Tự động trả lời: x",
        "Phản hồi tự động",
        "Tra loi tu dong: x",
        "Tu dong tra loi",
        "Thông báo vắng mặt",
        "Vắng mặt: đi công tác",
        "Nghỉ phép đến 20/6",
        "Đang nghỉ phép",
        "Tôi đang nghỉ phép",
        "Ngoài văn phòng",
        "=?utf-8?b?VOG7sSDEkeG7mW5nIHRy4bqjIGzhu51p?=: x",
    ],
)
def test_case_34_and_35_out_of_office_by_its_subject(subject: str) -> None:
    assert by_xa_a(f"Subject: {subject}").is_auto_reply


@pytest.mark.parametrize(
    "body",
    [
        "Đây là thư trả lời tự động. Tôi nghỉ đến ngày 20/6.",
        "Tôi đang đi công tác. Đây là thư trả lời tự động.",
        "Thư này là thư được gửi tự động, xin không trả lời.",
        "Toi hien dang nghi phep den het ngay 20/6.",
        "Tôi hiện đang nghỉ thai sản, việc gấp xin gọi văn thư.",
        "This is an automatic reply.",
        "I am currently out of the office.",
    ],
)
def test_case_35_vacation_without_headers_and_subject(body: str) -> None:
    assert by_xa_a("Subject: Re: Yêu cầu gửi báo cáo", body=body).is_auto_reply


@pytest.mark.parametrize(
    "body",
    [
        "Em gửi báo cáo.\n\n> Thư do hệ thống tổng hợp gửi tự động. Đây là thư tự động",
        "Vâng.\nVào Th 2, 17 thg 5, 2027 lúc 08:00 Phòng <treem@tamduong.test> đã viết:\nĐây là thư trả lời tự động.",
        "Đã nhận.\n\n-----Original Message-----\nFrom: x\nThis is an automatic reply.",
        "Đã nhận.\nTừ: Phòng\nĐây là thư tự động.",
        "Thư do hệ thống tổng hợp báo cáo của Phòng LĐTBXH gửi tự động.",
        "Tôi đang đi công tác, mai gửi báo cáo.",
        "Bảng tính của xã không tự động cộng được.",
    ],
)
def test_case_35_people_are_not_taken_for_robots_by_their_words(body: str) -> None:
    assert not by_xa_a("Subject: Re: Yêu cầu gửi báo cáo", body=body).is_auto_reply


def test_case_35_who_sends_a_file_is_no_robot_by_words_alone() -> None:
    raw = answer().replace(b"=C4=90=C6=A1n", b"This is an automatic reply. =C4=90=C6=A1n")
    raw = raw.replace("Đơn vị".encode(), b"This is an automatic reply.")
    found = parse(raw, MAIL)
    assert found.attachments
    assert "This is an automatic reply." in found.text
    assert not found.is_auto_reply


@pytest.mark.parametrize(
    "headers",
    [
        ("X-Auto-Response-Suppress: All",),
        ("X-Auto-Response-Suppress: DR, OOF, AutoReply", "Auto-Submitted: no"),
        ("Auto-Submitted: no (a person)",),
        ("Precedence: normal",),
        ("Return-Path: <xa-a@tamduong.test>",),
        ("Subject: Re: báo cáo tự động cộng",),
        ("Subject: Báo cáo công tác nghỉ hè",),
        ("Subject: V/v trả lời tự động",),
        ("Subject: Đọc và góp ý: báo cáo",),
        ("Disposition-Notification-To: xa-a@tamduong.test",),
        ("X-Mailer: Microsoft Outlook", "X-MS-Exchange-Inbox-Rules-Loop: a@x.test"),
    ],
)
def test_case_34_people_are_not_robots(headers: tuple[str, ...]) -> None:
    found = by_xa_a(*headers)
    assert not (found.is_auto_reply or found.is_bounce or found.is_own)


def receipt(kind: str = "multipart/report; report-type=disposition-notification") -> bytes:
    return (
        f'From: {XA_A}\r\nTo: {OFFICE}\r\nSubject: Yêu cầu\r\nContent-Type: {kind}; boundary="q"\r\n\r\n'
        "--q\r\n\r\nThư của bạn đã được đọc.\r\n--q\r\nContent-Type: message/disposition-notification\r\n\r\n"
        f"Final-Recipient: rfc822; {XA_A}\r\nOriginal-Message-ID: <goc@tamduong.test>\r\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\r\n--q--\r\n"
    ).encode()


def test_case_39_read_receipts() -> None:
    wrapped = receipt("multipart/mixed")
    deleted = receipt().replace(b"displayed", b"deleted")
    for raw in (receipt(), wrapped, deleted):
        found = parse(raw, MAIL)
        assert found.is_auto_reply
        assert not found.is_bounce
        assert found.bounced == ()
    for subject in ("Read: Yêu cầu", "Đã đọc: Yêu cầu", "Not read: Yêu cầu", "Da doc: Yeu cau"):
        assert by_xa_a(f"Subject: {subject}").is_auto_reply


@pytest.mark.parametrize(
    "headers",
    [
        ("Subject: Please confirm your message",),
        ("Subject: Please verify your email address to deliver your message",),
        ("Subject: Action required: verify your identity",),
        ("Subject: Your message to xa-a@tamduong.test is being held",),
        ("Subject: Xác nhận người gửi",),
        ("Subject: Vui lòng xác nhận thư của bạn",),
        ("Subject: [TMDA] x", "Precedence: bulk"),
        ("Subject: Yêu cầu gửi báo cáo", f"Delivered-To: {BOUNCE_ADDRESS}"),
        ("Subject: Yêu cầu gửi báo cáo", f"X-Original-To: {BOUNCE_ADDRESS.upper()}"),
    ],
)
def test_case_48_challenges_are_not_answered(headers: tuple[str, ...]) -> None:
    found = by_xa_a(*headers, body="Bấm vào liên kết để thư được chuyển: https://x.test/1")
    assert found.is_auto_reply
    assert not found.is_bounce


@pytest.mark.parametrize("to", ["treem+bounced@tamduong.test", "treem+bounce-x@y.test", "x+bounce-x@tamduong.test"])
def test_case_48_only_our_bounce_address_is_no_address_for_people(to: str) -> None:
    assert not by_xa_a(f"Cc: {to}", "Subject: x").is_auto_reply


@pytest.mark.parametrize(
    "headers",
    [
        ("Auto-Submitted: auto-replied", "Subject: [Ticket#1] Đã nhận yêu cầu"),
        ("X-Loop: helpdesk@x.test",),
        ("X-OTRS-Loop: yes",),
        ("X-RT-Loop-Prevention: x",),
        ("Precedence: bulk", "Subject: Re: x"),
    ],
)
def test_case_37_another_robot_is_not_answered(headers: tuple[str, ...]) -> None:
    found = by_xa_a(*headers)
    assert found.is_auto_reply
    assert not found.is_own


@pytest.mark.parametrize(
    "sender",
    ["noreply@x.test", "no-reply@x.test", "no_reply@x.test", "do-not-reply@x.test", "noreply+1@x.test",
     "no-reply-vps@x.test", "mailer-daemon@x.test", "postmaster@x.test"],
)  # fmt: skip
def test_case_37_senders_that_nobody_reads(sender: str) -> None:
    found = letter(f"From: {sender}", "Subject: Thông báo")
    assert found.is_auto_reply or found.is_bounce
    assert not letter(f"From: x{sender}", "Subject: Thông báo").is_auto_reply


@pytest.mark.parametrize(
    "headers",
    [
        (f"X-Loop: {OFFICE}", "From: la@x.test"),
        ("X-Loop: <TREEM@TamDuong.test>", "From: la@x.test"),
        ("X-Loop: x@x.test", f"X-Loop: {OFFICE}", "From: la@x.test"),
        (f"From: {OFFICE}",),
        ("From: Phòng LĐTBXH <Treem+A1B2@tamduong.test>",),
    ],
)
def test_case_38_our_own_letters_are_known(headers: tuple[str, ...]) -> None:
    assert letter(*headers, "Subject: Yêu cầu", "Message-ID: <doi-boi-nha-cung-cap@google.test>").is_own


def test_case_38_our_letter_comes_back_with_another_message_id(ledger: Ledger) -> None:
    """A provider rewrote the id, or a body's mailbox forwards everything to us."""
    with ledger.begin() as session:
        written = put(session, MAIL)
        raw, own_id = written.raw, written.message_id.encode()
    for back in (raw, raw.replace(own_id, b"<khac@x.test>"), b"Resent-From: xa-a@tamduong.test\r\n" + raw):
        found = parse(b"Delivered-To: treem@tamduong.test\r\n" + back, MAIL)
        assert found.is_own
        assert not found.is_bounce


def test_case_38_an_answer_that_quotes_us_is_not_ours() -> None:
    assert not by_xa_a("Subject: Re: x", body=f"> X-Loop: {OFFICE}\n> From: {OFFICE}\n").is_own
    assert not letter("From: treemx@tamduong.test", "Subject: x").is_own
    assert not letter("From: treem@khac.test", "Subject: x").is_own


@pytest.mark.parametrize(
    "header",
    ["List-Id: <vanban.x.test>", "List-Unsubscribe: <mailto:x@x.test>", "List-Post: NO", "List-Help: <mailto:x@x.test>",
     "Precedence: list", "X-Mailing-List: a@x.test", "X-BeenThere: a@x.test"],
)  # fmt: skip
def test_case_32_lists_are_not_answered(header: str) -> None:
    found = parse(header.encode() + b"\r\n" + answer(to="vanban@x.test"), MAIL)
    assert found.is_auto_reply
    assert found.attachments  # a form on a list is for a person to look at


def test_case_34_our_letters_forbid_answers_by_robots(ledger: Ledger) -> None:
    with ledger.begin() as session:
        for kind in ("request", "ack"):
            raw = put(session, MAIL, idem_key=f"{kind}:1", kind=kind).raw
            mail = mail_for(address="nguoi-khac@x.test")
            assert parse(raw, mail).is_auto_reply


@pytest.mark.skipif(not CORPORA, reason="TREEM_CORPORA names no folder of real letters")
def test_real_people_are_no_robots() -> None:
    files = list((Path(CORPORA or ".") / "talon").rglob("*.eml"))
    assert files
    for path in files:
        found = parse(path.read_bytes(), MAIL)
        assert not (found.is_auto_reply or found.is_bounce or found.is_own), path.name


def test_case_34_a_robot_may_carry_the_form() -> None:
    """Some offices' systems stamp Auto-Submitted on everything: the file is kept for a person."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Auto-Submitted"] = XA_A, OFFICE, "auto-generated"
    message.set_content("Báo cáo")
    message.add_attachment(b"PK\x03\x04", maintype="application", subtype="zip", filename="a.xlsx")
    found = parse(message.as_bytes(), MAIL)
    assert found.is_auto_reply
    assert [file.name for file in found.attachments] == ["a.xlsx"]
