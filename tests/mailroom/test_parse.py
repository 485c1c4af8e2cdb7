"""Taking letters apart: identity, files, robots and bounces, and whatever is thrown at it."""

import os
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from tests.mailroom.builders import OFFICE, TOKEN_A, XA_A, answer, mail_for
from treem.mailroom.bounce import BouncedRecipient
from treem.mailroom.parse import Parsed, parse

MAIL = mail_for()


def parsed(raw: bytes) -> Parsed:
    return parse(raw, MAIL)


def plain(*headers: str, body: str = "Nội dung") -> bytes:
    return ("\r\n".join(headers) + "\r\n\r\n" + body).encode()


def test_an_answer_in_plain_values() -> None:
    raw = (
        b"Delivered-To: treem+"
        + TOKEN_A.encode()
        + b"@tamduong.test\r\n"
        + answer(in_reply_to="<1@x>", references="<0@x> <1@x>")
    )
    letter = parsed(raw)
    assert letter.from_address == XA_A
    assert letter.message_id == "<tra-loi-1@tamduong.test>"
    assert (letter.in_reply_to, letter.references) == (("<1@x>",), ("<0@x>", "<1@x>"))
    assert letter.delivered_to == (f"treem+{TOKEN_A.lower()}@tamduong.test", OFFICE)
    assert [(a.name, a.data) for a in letter.attachments] == [("Báo cáo xã A.xlsx", b"PK\x03\x04 filled")]
    assert letter.text == "Đơn vị gửi báo cáo."
    assert not (letter.is_bounce or letter.is_auto_reply or letter.is_own or letter.carries_letter)


@pytest.mark.parametrize(
    ("lines", "sender"),
    [
        ([f"From: {XA_A}"], XA_A),
        (["From: Văn thư xã A <Xa-A@TamDuong.test>"], XA_A),
        (["From: =?utf-8?b?WMOjIEE=?= <xa-a@tamduong.test>"], XA_A),
        (['From: "xa-b@tamduong.test" <xa-a@tamduong.test>'], XA_A),
        (["From: xa-a@tamduong.test <evil@x.test>"], None),
        ([f"From: {XA_A}", "From: evil@x.test"], None),
        ([f"From: {XA_A}, evil@x.test"], None),
        ([f"From: {XA_A}:evil@x.test;"], None),
        ([f"From: {XA_A}:evil@x.test"], None),
        ([f"From: <{XA_A}> <evil@x.test>"], None),
        ([f"From: evil@x.test\x00{XA_A}"], None),
        ([f"From: =?utf-8?q?xa-a=40tamduong.test?= <{XA_A}@x.test>"], None),
        (["From: =?utf-8?q?xa-a=40tamduong.test=3E?="], None),
        (["From: a@["], None),
        (["From: " + "(" * 3000], None),
        (["From: "], None),
        (["Reply-To: xa-a@tamduong.test", f"Sender: {XA_A}"], None),
    ],
)
def test_identity_is_the_one_address_of_the_one_from(lines: list[str], sender: str | None) -> None:
    letter = parsed(plain(*lines, f"Reply-To: {XA_A}", "Subject: x"))
    assert letter.from_address in (sender, "evil@x.test") if sender is None else letter.from_address == sender
    assert sender or letter.from_address != XA_A


def report(*parts: bytes, kind: str = "delivery-status") -> bytes:
    kind_line = f'Content-Type: multipart/report; report-type={kind}; boundary="q"'
    head = plain("Return-Path: <>", "From: MAILER-DAEMON@x.test", kind_line, body="")
    return head + b"".join(b"--q\r\n" + part + b"\r\n" for part in parts) + b"--q--\r\n"


def status(recipient: str, action: str = "failed", code: str = "5.1.1") -> bytes:
    return (
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x.test\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {code}\r\n"
    ).encode()


RETURNED = b"Content-Type: message/rfc822\r\n\r\n" + answer(message_id="<goc@tamduong.test>")


def test_a_bounce_with_our_workbook_inside_brings_no_file() -> None:
    letter = parsed(report(b"\r\nSorry", status(XA_A), RETURNED))
    assert letter.is_bounce
    assert letter.bounced == (BouncedRecipient("<goc@tamduong.test>", XA_A, permanent=True, code="5.1.1"),)
    assert letter.attachments == ()
    assert not letter.is_auto_reply


def test_delayed_is_not_failed() -> None:
    (lost,) = parsed(report(status(XA_A, "delayed", "4.4.1"), RETURNED)).bounced
    assert not lost.permanent


def test_one_report_may_name_several() -> None:
    letter = parsed(report(status(XA_A), status("xa-b@tamduong.test", "delayed", "4.0.0"), RETURNED))
    assert [(b.recipient, b.permanent) for b in letter.bounced] == [(XA_A, True), ("xa-b@tamduong.test", False)]


def test_a_bounce_in_prose() -> None:
    body = f"<{XA_A}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below\nMessage-ID: <goc@tamduong.test>\n"
    letter = parsed(plain("Return-Path: <>", "From: MAILER-DAEMON@x.test", "Subject: failure notice", body=body))
    assert letter.bounced == (BouncedRecipient("<goc@tamduong.test>", XA_A, permanent=True, code="5.1.1"),)


def test_a_forwarded_letter_is_not_opened() -> None:
    outer = EmailMessage(policy=SMTP)
    outer["From"], outer["Subject"] = XA_A, "Fwd"
    outer.set_content("Chuyển tiếp")
    inner = EmailMessage(policy=SMTP)
    inner["From"] = "x@x.test"
    inner.add_attachment(b"PK", maintype="application", subtype="zip", filename="a.xlsx")
    outer.add_attachment(inner)
    letter = parsed(outer.as_bytes())
    assert letter.carries_letter
    assert letter.attachments == ()


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (x)",
        "Precedence: auto_reply",
        "Precedence: bulk",
        "List-Id: <a.x.test>",
        "X-Autoreply: yes",
        "Return-Path: <>",
        "Subject: Trả lời tự động: báo cáo",
        "Subject: =?utf-8?q?T=E1=BB=B1_=C4=91=E1=BB=99ng_tr=E1=BA=A3_l=E1=BB=9Di=3A?= x",
        "Subject: Out of office",
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=q",
    ],
)
def test_robots_are_known(header: str) -> None:
    letter = parsed(plain(f"From: {XA_A}", header))
    assert letter.is_auto_reply
    assert not letter.is_bounce


@pytest.mark.parametrize(
    "header", ["Auto-Submitted: no", "X-Auto-Response-Suppress: All", "Subject: Re: Báo cáo", "Precedence: normal"]
)
def test_people_are_not_robots(header: str) -> None:
    assert not parsed(plain(f"From: {XA_A}", header)).is_auto_reply


@pytest.mark.parametrize("header", [f"X-Loop: {OFFICE}", f"From: {OFFICE}", "From: treem+X@tamduong.test"])
def test_our_own_letters_are_known(header: str) -> None:
    assert parsed(plain(header, "Subject: x")).is_own


def test_the_content_key_is_the_same_by_every_route_and_differs_by_content() -> None:
    one = b"Return-Path: <a@x.test>\r\nReceived: from a\r\n by b\r\nDelivered-To: x@x.test\r\n" + answer()
    two = answer().replace(b"\r\n", b"\n") + b"\n"
    assert parsed(one).content_key == parsed(two).content_key == parsed(answer()).content_key
    assert parsed(answer(message_id="<2@x.test>")).content_key != parsed(answer()).content_key
    assert parsed(answer() + b"more").content_key != parsed(answer()).content_key


@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        ('filename="../../etc/cron.d/x.xlsx"', "x.xlsx"),
        (r'filename="C:\\temp\\b.xlsx"', "b.xlsx"),
        ("filename*=utf-8''B%C3%A1o%20c%C3%A1o.xlsx", "Báo cáo.xlsx"),
        ('filename="=?utf-8?b?QsOhbyBjw6FvLnhsc3g=?="', "Báo cáo.xlsx"),
        ('filename="Báo cáo.xlsx"', "Báo cáo.xlsx"),
        ('filename="ba\u202excel.xlsx"', "baxcel.xlsx"),
        ("filename*=no-such-charset''a%FF.xlsx", "aÿ.xlsx"),
    ],
)
def test_file_names_are_names_only(parameter: str, name: str) -> None:
    raw = plain(
        f"From: {XA_A}",
        "Content-Type: application/octet-stream",
        f"Content-Disposition: attachment; {parameter}",
        body="abc",
    )
    (file,) = parsed(raw).attachments
    assert file.name.replace("\ufffd", "ÿ") == name


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        plain("Message-ID: <>", "Date: " + "9" * 400, "References: " + "<a@b>" * 5000),
        plain("Message-ID: <[..]>", "Content-Type: text/plain; charset=\x00unknown"),
        plain("Content-Type: multipart/mixed"),
        plain("Content-Type: multipart/mixed; boundary=q", body="--q\r\n" * 20_000),
        b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(1500)),
        plain("Content-Type: message/rfc822") * 900,
        plain("Subject: =?utf-8?b?////?= =?x-unknown?q?=ff?= =?utf-8?b?a?="),
        plain("Content-Transfer-Encoding: base64", "Content-Type: application/zip", body="!!!"),
        plain("Content-Type: message/delivery-status", body="\r\n\r\nFinal-Recipient: rfc822;;;<<"),
        plain("Content-Type: text/html", body="<script>" * 2000 + "<![x"),
    ],
)
def test_nothing_makes_it_raise(raw: bytes) -> None:
    letter = parsed(raw)
    assert len(letter.content_key) == 64
    assert "\x00" not in letter.subject + letter.text


CORPORA = os.environ.get("TREEM_CORPORA")


@pytest.mark.skipif(not CORPORA, reason="TREEM_CORPORA names no folder of real letters")
def test_real_letters() -> None:
    files = [p for p in Path(CORPORA or ".").rglob("*") if p.suffix in (".eml", ".txt") and p.name != "SOURCE.txt"]
    assert files
    bounces = [parsed(p.read_bytes()) for p in files if p.parent.name == "flufl-bounce"]
    for path in files:
        assert isinstance(parsed(path.read_bytes()), Parsed)
    assert sum(b.is_bounce and bool(b.bounced) for b in bounces) >= 0.95 * len(bounces)
    assert not any(b.attachments for b in bounces if b.is_bounce)
    people = [parsed(p.read_bytes()) for p in files if p.parent.name == "standard_replies"]
    assert not any(letter.is_bounce or letter.is_auto_reply for letter in people)
