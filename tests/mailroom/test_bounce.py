"""Delivery reports of every kind: whose letter, refused or delayed, with which code; and what only looks like one."""

import os
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from tests.mailroom.builders import OFFICE, TOKEN_A, XA_A, XA_B, answer, mail_for
from treem.mailroom.bounce import BouncedRecipient
from treem.mailroom.parse import Parsed, parse

MAIL = mail_for()
CORPORA = os.environ.get("TREEM_CORPORA")
ID = "<goc@tamduong.test>"
BOUNCE_ADDRESS = f"treem+bounce-{TOKEN_A}@tamduong.test"
RETURNED = b"Content-Type: message/rfc822\r\n\r\n" + answer(message_id=ID)
RETURNED_HEADERS = f"Content-Type: text/rfc822-headers\r\n\r\nTo: {XA_A}\r\nMessage-ID: {ID}\r\n".encode()


def parsed(raw: bytes) -> Parsed:
    return parse(raw, MAIL)


def plain(*headers: str, body: str = "Nội dung") -> bytes:
    return ("\r\n".join(headers) + "\r\n\r\n" + body).encode()


def report(*parts: bytes, kind: str = "multipart/report; report-type=delivery-status") -> bytes:
    head = plain("Return-Path: <>", "From: MAILER-DAEMON@x.test", f'Content-Type: {kind}; boundary="q"', body="")
    return head + b"".join(b"--q\r\n" + part + b"\r\n" for part in parts) + b"--q--\r\n"


def words(text: str) -> bytes:
    return f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}".encode()


def status(*recipients: tuple[str, str, str, str], kind: str = "message/delivery-status") -> bytes:
    """A machine's half: of each recipient the address, Action, Status and Diagnostic-Code."""
    blocks = [
        f"Final-Recipient: rfc822; {address}\r\nAction: {action}\r\nStatus: {code}\r\nDiagnostic-Code: smtp; {said}\r\n"
        for address, action, code, said in recipients
    ]
    return "\r\n".join([f"Content-Type: {kind}\r\n\r\nReporting-MTA: dns; x.test\r\n", *blocks]).encode()


def told(raw: bytes) -> list[tuple[str, str | None, str]]:
    """Who was not reached, with code and fate."""
    letter = parsed(raw)
    assert letter.is_bounce
    assert not letter.is_auto_reply
    return [(b.recipient, b.code, fate(b)) for b in letter.bounced]


def fate(about: BouncedRecipient) -> str:
    assert not (about.permanent and about.delayed)
    return "refused" if about.permanent else "delayed" if about.delayed else "given up"


@pytest.mark.parametrize(
    ("recipient", "code", "expected"),
    [
        ((XA_A, "failed", "5.1.1", "550 5.1.1 no such user"), "5.1.1", "refused"),
        ((XA_A, "failed", "5.2.2 (mailbox full)", "552"), "5.2.2", "refused"),
        ((XA_A, "failed", "5.0.0", "550 5.2.1 <xa-a@tamduong.test>: disabled."), "5.2.1", "refused"),
        ((XA_A, "failed", "5.0.0", "unknown"), "5.0.0", "refused"),
        ((XA_A, "failed", "553 Too big", "unknown"), None, "refused"),
        ((XA_A, "Failed (bad destination)", "5.1.1", ""), "5.1.1", "refused"),
        ((XA_A, "error", "5.1.2", ""), "5.1.2", "refused"),
        ((XA_A, "failure", "", "550 10.1.1.1 refused"), None, "refused"),
        ((XA_A, "failed", "4.4.7", "expired"), "4.4.7", "given up"),
        ((XA_A, "delayed", "4.4.1", "timeout"), "4.4.1", "delayed"),
        ((XA_A, "delayed", "4.0.0", "451 4.7.1 greylisted"), "4.7.1", "delayed"),
    ],
)
def test_case_41_and_45_reports_of_the_standard(
    recipient: tuple[str, str, str, str], code: str | None, expected: str
) -> None:
    raw = report(words("Sorry"), status(recipient), RETURNED)
    assert told(raw) == [(XA_A, code, expected)]
    assert parsed(raw).bounced[0].message_id == ID


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_case_41_a_report_of_success_names_nobody(action: str) -> None:
    assert told(report(words(f"Delivered to {XA_A}"), status((XA_A, action, "2.0.0", "ok")), RETURNED)) == []


def test_case_41_international_and_wrapped_reports() -> None:
    one = (XA_A, "failed", "5.1.1", "no")
    assert told(report(status(one, kind="message/global-delivery-status"), RETURNED)) == [(XA_A, "5.1.1", "refused")]
    inner = report(words("Sorry"), status(one), RETURNED).replace(b'"q"', b'"z"').replace(b"--q", b"--z")
    wrapped = report(b"Content-Type: multipart/report" + inner.partition(b"multipart/report")[2], words("Quảng cáo"),
                     kind="multipart/mixed").replace(b"From: MAILER-DAEMON", b"From: he-thong")  # fmt: skip
    assert told(wrapped) == [(XA_A, "5.1.1", "refused")]
    assert parsed(wrapped).bounced[0].message_id == ID


def test_case_42_a_report_in_multipart_mixed_says_more_in_its_words() -> None:
    """OpenSMTPD: Status 5.0.0 for everybody, the code stands in the text."""
    said = f"{XA_A}: 552 5.2.2 mailbox full\n{XA_B}: 550 5.1.1 <{XA_B}>: no such user\n"
    both = status((XA_A, "failed", "5.0.0", ""), (XA_B, "failed", "5.0.0", ""))
    raw = report(words(said), both, RETURNED_HEADERS, kind="multipart/mixed")
    assert told(raw) == [(XA_A, "5.2.2", "refused"), (XA_B, "5.1.1", "refused")]
    assert {b.message_id for b in parsed(raw).bounced} == {ID}


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        (f"<{XA_A}>:\nSorry, no mailbox here by that name. (#5.1.1)\n", "5.1.1", "refused"),
        (f"<{XA_A}>:\nSorry, no mailbox here by that name.\n", None, "refused"),
        (f"<{XA_A}>:\nI'm not going to try again; this message has been in the queue too long. (#4.4.1)\n", "4.4.1",
         "given up"),
        (f"550 5.1.1 <{XA_A}>: unknown\n", "5.1.1", "refused"),
        (f"Thư gửi đến {XA_A} không phát được: 552 5.2.2 hộp thư đầy\n", "5.2.2", "refused"),
        (f"THIS IS A WARNING MESSAGE ONLY.\nDelivery to {XA_A} has been delayed.\n", None, "delayed"),
        (f"A message has not yet been delivered to {XA_A}. Eventually the software will give up.\n", None, "delayed"),
        (f"{XA_A}: connection timed out (4.4.1). Will be retried until 2 days old.\n", "4.4.1", "delayed"),
        (f"Thư gửi {XA_A} chưa phát được, hệ thống sẽ tiếp tục thử lại.\n", None, "delayed"),
        (f"{XA_A}: 550 5.1.1 unknown. Other recipients will be retried.\n", "5.1.1", "refused"),
        (f"Delivery has failed permanently, it was delayed for 5 days: {XA_A}\n", None, "refused"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["8bit", "base64", "html"])
def test_case_43_and_45_reports_in_prose(text: str, code: str | None, expected: str, encoding: str) -> None:
    message = EmailMessage(policy=SMTP)
    message["Return-Path"], message["From"], message["Subject"] = "<>", "MAILER-DAEMON@x.test", "failure notice"
    body = f"Hi. This is the qmail-send program.\n{text}\n--- Below this line is a copy of the message.\n\n"
    body += f"Return-Path: <{BOUNCE_ADDRESS}>\nMessage-ID: {ID}\nSubject: delayed 5.7.1, will be retried\n"
    if encoding == "html":
        message.set_content(f"<pre>{body}</pre>".replace(f"<{XA_A}>", XA_A), subtype="html", cte="8bit")
    else:
        message.set_content(body, cte=encoding)
    found = {recipient: (c, f) for recipient, c, f in told(message.as_bytes())}
    assert found[XA_A] == (code, expected)


def test_case_43_a_lost_address_may_stand_in_the_returned_letter_only() -> None:
    body = f"The mail could not be delivered. 5.4.4\n\n--- Below\nTo: {XA_A}\nMessage-ID: {ID}\n"
    raw = plain("Return-Path: <>", "From: Mail Delivery Subsystem <root@x.test>", "Subject: x", body=body)
    assert (XA_A, "5.4.4", "refused") in told(raw)
    assert parsed(raw).bounced[0].message_id == ID


def test_case_43_failed_recipients_in_a_header_come_first() -> None:
    raw = plain("From: a@x.test", "Subject: x", f"X-Failed-Recipients: {XA_A}, {XA_B}", body="call x@y.test")
    assert [b.recipient for b in parsed(raw).bounced] == [XA_A, XA_B, "x@y.test"]


def test_case_44_several_recipients_keep_their_own_codes() -> None:
    raw = report(
        words("Sorry"),
        status((XA_A, "failed", "5.1.1", ""), (XA_B, "delayed", "4.2.2", ""), ("c@x.test", "failed", "4.4.7", "")),
        RETURNED,
    )
    assert told(raw) == [(XA_A, "5.1.1", "refused"), (XA_B, "4.2.2", "delayed"), ("c@x.test", "4.4.7", "given up")]
    prose = f"<{XA_A}>: host x said: 552 5.2.2 full\n\n<{XA_B}>: host x said: 550\n    5.1.1 <{XA_B}>: unknown\n"
    raw = plain("Return-Path: <>", "From: MAILER-DAEMON@x.test", "Subject: x", body=prose)
    assert told(raw) == [(XA_A, "5.2.2", "refused"), (XA_B, "5.1.1", "refused")]


def test_case_46_the_form_inside_a_bounce_is_no_answer() -> None:
    for kind in ("multipart/report; report-type=delivery-status", "multipart/mixed"):
        letter = parsed(report(words("Sorry"), status((XA_A, "failed", "5.1.1", "")), RETURNED, kind=kind))
        assert letter.is_bounce
        assert letter.attachments == ()
        assert letter.text == ""
        assert not letter.carries_letter


@pytest.mark.parametrize(
    "headers",
    [
        ("From: Mail Delivery System <x@x.test>", "Subject: x"),
        ("From: MAILER-DAEMON", "Subject: x"),
        ("From: x@x.test", "Subject: Undeliverable: Yêu cầu"),
        ("From: x@x.test", "Subject: Mail delivery failed: returning message to sender"),
        ("Return-Path: <>", "From: postmaster@x.test", "Subject: Yêu cầu"),
        ("Return-Path: <>", "From: x@x.test", "Subject: Không gửi được: Yêu cầu"),
        ("Auto-Submitted: auto-replied", "From: x@x.test", "Subject: Thư bị trả lại"),
        (f"To: {BOUNCE_ADDRESS}", "From: x@x.test", "Subject: Gửi thư không thành công"),
    ],
)
def test_case_43_reports_are_known_by_sender_or_subject(headers: tuple[str, ...]) -> None:
    assert parsed(plain(*headers)).is_bounce


QMAIL = f"Hi. This is the qmail-send program at x.test.\n\n<{XA_A}>:\nSorry, no mailbox here by that name.\n"
POSTFIX = (
    f"This is the Postfix program at host x.test.\n\n<{XA_A}>: unknown user\n\n"
    "    ----- Message from the system follows -----\n"
)


def test_case_43_flufl_is_asked_about_machines_letters_only() -> None:
    """People quote delivery reports: their letter, and the form in it, must not be thrown away."""
    body = "Your message could not be delivered to\nxa-a@tamduong.test\n***\n"
    for sign in (f"To: {BOUNCE_ADDRESS}", "Return-Path: <>", "Auto-Submitted: auto-generated"):
        assert parsed(plain("From: x@x.test", "Subject: Yêu cầu", sign, body=QMAIL)).is_bounce
    for text in (body, QMAIL, POSTFIX):
        assert not parsed(plain(f"From: {XA_A}", "Subject: Re: Yêu cầu", f"To: {OFFICE}", body=text)).is_bounce


@pytest.mark.parametrize(
    "subject", ["Không gửi được biểu mẫu", "Re: Undeliverable: Yêu cầu", "Báo cáo về thư bị trả lại", "Delivery"]
)
def test_case_43_people_who_write_about_bounces_are_people(subject: str) -> None:
    letter = parsed(plain(f"From: {XA_A}", f"Subject: {subject}", f"To: {OFFICE}", body="Em gửi lại"))
    assert not (letter.is_bounce or letter.is_auto_reply)


def test_case_41_a_filter_s_rejection_dressed_as_a_read_receipt() -> None:
    """RFC 5429: Dovecot's and Cyrus' "reject" answer with an MDN."""
    receipt = (
        f"Content-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822; {XA_A}\r\n"
        f"Original-Message-ID: {ID}\r\nDisposition: automatic-action/MDN-sent-automatically; deleted\r\n"
    ).encode()
    kind = "multipart/report; report-type=disposition-notification"
    raw = report(words(f"Your message to <{XA_A}> was automatically rejected:\nQuota exceeded"), receipt, kind=kind)
    assert told(raw) == [(XA_A, None, "refused")]
    assert parsed(raw).bounced[0].message_id == ID
    by_person = parsed(raw.replace(b"MAILER-DAEMON@x.test", XA_A.encode()))
    assert by_person.is_auto_reply
    assert not by_person.is_bounce


@pytest.mark.parametrize(
    "raw",
    [
        report(b"Content-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\n\r\n" * 2000),
        report(b"Content-Type: message/global-delivery-status\r\n\r\nx"),
        report(
            b"Content-Type: message/delivery-status; \xff\r\n\r\nFinal-Recipient: \xff;\x00<<\r\nAction: failed\r\n"
        ),
        report(status(*[(f"a{n}@x.test", "failed", "5.1.1", "") for n in range(5000)])),
        report(words("@" * 200_000)),
        b"From: \xff\xfe\r\nX-Failed-Recipients: \xff,,<\r\n\r\n" + b"a@b." * 50_000,
        b"Return-Path: <>\r\n\r\n",
    ],
)
def test_case_41_odd_reports_never_raise(raw: bytes) -> None:
    letter = parsed(raw)
    assert letter.is_bounce or letter.is_auto_reply
    assert len(letter.bounced) <= 20


def letters_of(folder: str, pattern: str) -> dict[str, Parsed]:
    files = sorted((Path(CORPORA or ".") / folder).rglob(pattern))
    return {p.name: parsed(p.read_bytes()) for p in files if p.name != "SOURCE.txt"}


@pytest.mark.skipif(not CORPORA, reason="TREEM_CORPORA names no folder of real letters")
def test_real_bounces() -> None:
    letters = letters_of("flufl-bounce", "*.txt") | letters_of("made-hostile", "*.eml")
    missed = {name for name, letter in letters.items() if not (letter.is_bounce and letter.bounced)}
    # a person's letter, a vacation notice, and a notice known only by the address it came to
    assert missed == {"groupwise_03.txt", "qmail_08.txt", "simple_20.txt"}
    assert not any(letter.attachments for letter in letters.values() if letter.is_bounce)
    warnings = {name for name, letter in letters.items() if any(b.delayed for b in letter.bounced)}
    named = ("dsn_05", "dsn_06", "dsn_07", "dsn_08", "dsn_17", "simple_03", "simple_21", "simple_22", "simple_28",
             "simple_35", "simple_40")  # fmt: skip
    assert warnings == {"bounce1.eml", *(f"{name}.txt" for name in named)}
    codes = {b.recipient: b.code for name in ("bounce0.eml", "postfix-bounce.eml") for b in letters[name].bounced}
    assert codes == {"day@tinh.gov.vn": "5.2.2", "khongco@tinh.gov.vn": "5.1.1"}


@pytest.mark.skipif(not CORPORA, reason="TREEM_CORPORA names no folder of real letters")
def test_ordinary_letters_are_no_bounces() -> None:
    letters = letters_of("talon", "*.eml") | letters_of("cpython", "msg_*.txt")
    taken = {name for name, letter in letters.items() if letter.is_bounce}
    assert taken == {f"msg_{n}.txt" for n in ("05", "16", "25", "42", "43")}  # what they are: delivery reports
