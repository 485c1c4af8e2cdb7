"""Taking letters apart: identity, files, robots and bounces, and whatever is thrown at it."""

import base64
import binascii
import os
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from time import thread_time

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


WORKBOOK = b"PK\x03\x04" + bytes(range(256)) * 40


def uuencoded(data: bytes, name: str = "bao-cao.xlsx") -> str:
    lines = (binascii.b2a_uu(data[n : n + 45]).decode() for n in range(0, len(data), 45))
    return f"begin 644 {name}\n" + "".join(lines) + "`\nend\n"


def multipart(kind: str, *parts: bytes, boundary: bytes = b"q") -> bytes:
    lines = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return (
        f'Content-Type: multipart/{kind}; boundary="{boundary.decode()}"\r\n\r\n'.encode()
        + lines
        + b"--%s--\r\n" % boundary
    )


def part(content_type: str, *headers: str, data: bytes = b"abc") -> bytes:
    head = "\r\n".join((f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64", *headers))
    return head.encode() + b"\r\n\r\n" + base64.encodebytes(data)


def from_a(body: bytes) -> Parsed:
    return parsed(f"From: {XA_A}\r\n".encode() + body)


def test_case_60_letters_without_an_id_are_told_apart_by_their_content() -> None:
    one, two = plain(f"From: {XA_A}", body="một"), plain(f"From: {XA_A}", body="hai")
    assert parsed(one).message_id is parsed(two).message_id is None
    assert parsed(one).content_key != parsed(two).content_key
    assert parsed(b"Message-ID: <a@x>\r\n" + one).content_key != parsed(b"Message-ID: <a@x>\r\n" + two).content_key


@pytest.mark.parametrize(
    "value", ["<>", "<[..]>", "<a b@x>", "<a\x00b@x.test>", "<a\x07@x.test>", "abc", "<" + "a" * 2000 + ">"]
)
def test_case_60_odd_ids_do_no_harm(value: str) -> None:
    letter = parsed(plain(f"From: {XA_A}", f"Message-ID: {value}", f"In-Reply-To: {value}"))
    assert letter.message_id in (None, "<[..]>")
    assert letter.from_address == XA_A


def test_case_61_raw_headers_of_eight_bits() -> None:
    for encoding in ("utf-8", "latin-1", "cp1258"):
        raw = "Subject: Gửi".encode() if encoding == "utf-8" else "Subject: Göi".encode(encoding)
        assert parsed(raw + b"\r\n\r\nx").subject == ("Gửi" if encoding == "utf-8" else "Göi")
    assert parsed(b"From: \xc4\x90\xe1\xba\xa1i <xa-a@tamduong.test>\r\n\r\n").from_address == XA_A


@pytest.mark.parametrize(
    "charset", ["x-unknown", "utf-7", "unicode_escape", "\x00", "rot13", "idna", "undefined", "utf-16", '"']
)
def test_case_62_odd_charsets_give_readable_text(charset: str) -> None:
    body = "Báo cáo +2AA- \\ud800 \\x00"
    letter = parsed(plain(f"From: {XA_A}", f"Content-Type: text/plain; charset={charset}", "Date: 99 Foo", body=body))
    assert letter.whole
    assert "\x00" not in letter.text
    letter.text.encode()  # no lone surrogates


def test_case_62_a_broken_boundary_keeps_what_can_be_read() -> None:
    inner = b"\r\nB\xc3\xa1o c\xc3\xa1o"
    words = b"Content-Type: text/plain; charset=utf-8\r\n" + inner
    cut = multipart("mixed", words, part("application/zip; name=a.xlsx"))
    letter = from_a(cut.removesuffix(b"--q--\r\n"))
    assert letter.text == "Báo cáo"
    assert [file.name for file in letter.attachments] == ["a.xlsx"]
    for broken in (b"Content-Type: multipart/mixed\r\n\r\n--q\r\n\r\nx\r\n--q--\r\n", cut.replace(b'"q"', b'"khac"')):
        letter = from_a(broken)
        assert (letter.attachments, letter.whole) == ((), False)


def nested(levels: int, *, body: bytes = b"x") -> bytes:
    opening = b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n'
    return b"".join(opening % (n, n) for n in range(levels)) + b"Content-Type: text/plain\r\n\r\n" + body


PARTS = [part("application/zip; name=a.xlsx")] * 10_000


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (multipart("mixed", *PARTS), 1),
        (multipart("mixed", *[b"Content-Type: multipart/mixed; boundary=z\r\n\r\n--z--"] * 10_000), 1),
        (nested(300), 1),
        (nested(1500), 1),
        (nested(300, body=b"abc\r\n" * 2_000_000), 2),
        (b"X: y\r\n" * 1_000_000 + b"\r\nx", 2),
        (b"To: a@x.test, b@x.test\r\n" * 100_000 + b"\r\nx", 2),
        (b"\r\n" + b"\r" * 10_000_000, 2),
        (b"\r\n" + b"begin 644 x\n" * 500_000, 2),
    ],
    ids=[
        "parts",
        "multiparts",
        "300 levels",
        "1500 levels",
        "levels and lines",
        "headers",
        "recipients",
        "CR",
        "begin",
    ],
)
def test_case_63_what_is_too_much_is_not_looked_at_and_told(body: bytes, seconds: float) -> None:
    raw = f"From: {XA_A}\r\n".encode() + body
    started = thread_time()
    letter = parsed(raw)
    assert thread_time() - started < seconds
    assert not letter.whole or body.startswith(b"\r\nbegin")
    assert len(letter.attachments) <= 300


def test_case_63_usual_letters_are_looked_at_whole() -> None:
    assert parsed(answer()).whole
    assert from_a(nested(6)).whole
    assert from_a(multipart("mixed", *PARTS[:300])).whole
    assert not from_a(multipart("mixed", *PARTS[:301])).whole


def test_case_64_a_letter_of_25_megabytes_is_taken_apart_within_seconds() -> None:
    big = os.urandom(18_000_000)
    raw = multipart("mixed", part("text/plain", data=b"Gui bao cao"), part('application/zip; name="a.xlsx"', data=big))
    started = thread_time()
    letter = from_a(raw)
    assert thread_time() - started < 2
    assert [len(file.data) for file in letter.attachments] == [len(big)]


def test_case_64_many_ids_and_addresses_are_bounded() -> None:
    letter = parsed(plain("References: " + "<a@b> " * 3_000, *["To: " + "a@x.test, " * 900] * 300))
    assert len(letter.references) <= 100
    assert len(letter.delivered_to) <= 200


@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        ("filename*0*=utf-8''B%C3%A1o%20; filename*1*=c%C3%A1o.xlsx", "Báo cáo.xlsx"),
        ("filename*0=bao-; filename*1=cao.xlsx", "bao-cao.xlsx"),
        ('filename="=?utf-8?q?B=C3=A1o?= =?utf-8?q?_c=C3=A1o.xlsx?="', "Báo cáo.xlsx"),
        ('filename="=?utf-8?q?B=C3=A1o?=\r\n =?utf-8?q?_c=C3=A1o.xlsx?="', "Báo cáo.xlsx"),
        ("filename=B\u00e1o.xlsx", "Báo.xlsx"),
        ('filename="Ba\u0301o ca\u0301o.xlsx"', "Báo cáo.xlsx"),
        ("filename*=utf-8''..%2F..%2Fa.xlsx", "a.xlsx"),
        ("filename*=utf-8''a%00b.xlsx", "ab.xlsx"),
        ("filename*=utf-8''baocao%E2%80%AExslx.exe", "baocaoxslx.exe"),
        ("filename*=\x00''a.xlsx", ""),
        ('filename="' + "d" * 500 + '.xlsx"', "d" * 190 + ".xlsx"),
        ("filename=", ""),
    ],
)
def test_case_66_file_names_of_every_kind(parameter: str, name: str) -> None:
    headers = ("Content-Type: application/octet-stream", f"Content-Disposition: attachment; {parameter}")
    (file,) = parsed(plain(f"From: {XA_A}", *headers)).attachments
    assert file.name == name


def test_case_66_old_vietnamese_fonts_stay_as_they_are() -> None:
    """TCVN3 arrives as Latin-1 letters; it is kept raw rather than lost."""
    told = "B\u00b8o c\u00b8o.xlsx".encode("latin-1")
    raw = b'Content-Type: application/zip\r\nContent-Disposition: attachment; filename="' + told + b'"\r\n\r\nabc'
    (file,) = from_a(raw).attachments
    assert file.name == "B\u00b8o c\u00b8o.xlsx"


@pytest.mark.parametrize(
    "content_type",
    ["application/vnd.ms-excel", "application/octet-stream", "text/plain", "x", "text/html; charset=utf-8"],
)
def test_case_67_a_workbook_without_a_name_is_a_file(content_type: str) -> None:
    workbook = part(content_type, "Content-Disposition: inline", data=WORKBOOK)
    letter = from_a(multipart("mixed", part("text/plain", data=b"Gui"), workbook))
    assert [(file.name, file.data, file.inline) for file in letter.attachments] == [("", WORKBOOK, False)]
    assert letter.text == "Gui"


@pytest.mark.parametrize("old, new", [("", ""), ("\n", "\r\n"), (" \n", "\n")])
def test_case_68_uuencoded_files_leave_the_text(old: str, new: str) -> None:
    body = "Gửi báo cáo.\n\n" + uuencoded(WORKBOOK) + "Trân trọng\n" + uuencoded(b"hai", "../hai.txt")
    letter = parsed(plain(f"From: {XA_A}", "Content-Type: text/plain; charset=utf-8", body=body.replace(old, new)))
    assert [(file.name, file.data) for file in letter.attachments] == [("bao-cao.xlsx", WORKBOOK), ("hai.txt", b"hai")]
    assert letter.text.split() == ["Gửi", "báo", "cáo.", "Trân", "trọng"]


@pytest.mark.parametrize(
    "body",
    [
        "begin 644 bao-cao.xlsx\nxin chào\nend\n",
        uuencoded(WORKBOOK).removesuffix("end\n"),
        "begin 644 \nend\n",
        "> " + uuencoded(b"abc").replace("\n", "\n> "),
        "xin begin 644 a.xlsx\nend",
    ],
)
def test_case_68_what_only_looks_uuencoded_is_text(body: str) -> None:
    letter = parsed(plain(f"From: {XA_A}", body=body))
    assert letter.attachments == ()
    assert "644" in letter.text


def test_case_68_the_transfer_encoding_of_old() -> None:
    headers = ("Content-Type: application/zip; name=a.xlsx", "Content-Transfer-Encoding: x-uuencode")
    (file,) = parsed(plain(f"From: {XA_A}", *headers, body=uuencoded(WORKBOOK))).attachments
    assert (file.name, file.data) == ("a.xlsx", WORKBOOK)


SIGNATURE = part('application/pkcs7-signature; name="smime.p7s"', "Content-Disposition: attachment; filename=smime.p7s")


def test_case_69_a_signed_letter_is_read() -> None:
    inside = multipart("mixed", part("text/plain", data=b"Gui"), part("application/zip; name=a.xlsx"), boundary=b"z")
    letter = from_a(multipart('signed; protocol="application/pkcs7-signature"', inside, SIGNATURE))
    assert not letter.sealed
    assert letter.text == "Gui"
    assert [(file.name, file.inline) for file in letter.attachments] == [("a.xlsx", False), ("smime.p7s", True)]


@pytest.mark.parametrize(
    "body",
    [
        part("application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"),
        part("application/x-pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "Content-Disposition: attachment"),
        part("application/pkcs7-mime"),
        multipart("mixed", part("text/plain"), part("application/octet-stream; name=smime.p7m")),
        multipart("encrypted", part("application/pgp-encrypted"), part("application/octet-stream; name=encrypted.asc")),
    ],
)
def test_case_69_a_sealed_letter_is_told(body: bytes) -> None:
    letter = from_a(body)
    assert letter.sealed
    assert not any(file.name.endswith(".asc") for file in letter.attachments)


def test_case_69_certificates_alone_seal_nothing() -> None:
    body = multipart(
        "mixed", part("text/plain", data=b"Gui"), part("application/pkcs7-mime; smime-type=certs-only; name=smime.p7c")
    )
    assert not from_a(body).sealed


def test_case_71_no_nul_reaches_a_value() -> None:
    nul = "\x00"
    named = ("From", "To", "Subject", "Message-ID", "References", "In-Reply-To")
    headers = [f"{name}: a{nul}b <c{nul}@x.test>" for name in named]
    file = [f"Content-Type: text/plain; name=a{nul}b.txt", f"Content-Disposition: attachment; filename=a{nul}.xlsx"]
    bounce = ["From: MAILER-DAEMON@x.test", "Content-Type: text/html"]
    for lines in (headers, headers + file, headers[1:] + bounce):
        letter = parsed(plain(*lines, body=f"a{nul}b Message-ID: <a{nul}@x> begin{nul} {nul}@x.test"))
        assert nul not in "".join(texts_in(letter))


def texts_in(values: object) -> list[str]:
    """Every text among the values of a letter, however deep."""
    if isinstance(values, str):
        return [values]
    if isinstance(values, tuple):
        return [text for value in values for text in texts_in(value)]
    return [text for value in vars(values).values() for text in texts_in(value)] if hasattr(values, "__dict__") else []


LOGO = part("image/png; name=logo.png", "Content-ID: <logo@x>", "Content-Disposition: inline; filename=logo.png")


def names(letter: Parsed, *, inline: bool) -> Sequence[str]:
    return [file.name for file in letter.attachments if file.inline == inline]


def test_case_84_a_form_and_a_scan_stand_beside_what_only_decorates() -> None:
    html = part("text/html", data=b'<p>Gui <img src="cid:anh%201"> <img src=cid:logo@x></p>')
    letter = from_a(
        multipart(
            "mixed",
            multipart(
                "related",
                multipart("alternative", part("text/plain", data=b"Gui"), html, boundary=b"y"),
                LOGO,
                boundary=b"z",
            ),
            part("application/vnd.ms-excel; name=a.xlsx"),
            part("application/pdf; name=scan.pdf", "Content-Disposition: inline"),
            part("image/jpeg; name=chup.jpg", "Content-ID: <f_abc>", "Content-Disposition: attachment"),
            part("image/jpeg; name=anh.jpg", "Content-ID: <anh 1>", "Content-Disposition: attachment"),
            part("image/jpeg; name=iphone.jpg", "Content-Disposition: inline"),
            part("text/x-vcard; name=toi.vcf"),
            part("text/html; name=ATT00001.htm", "Content-Disposition: attachment"),
            SIGNATURE,
        )
    )
    assert names(letter, inline=False) == ["a.xlsx", "scan.pdf", "chup.jpg", "iphone.jpg"]
    assert names(letter, inline=True) == ["logo.png", "anh.jpg", "toi.vcf", "ATT00001.htm", "smime.p7s"]
    assert letter.text == "Gui"


def test_case_84_another_rendering_of_the_words_is_no_file() -> None:
    body = multipart(
        "alternative", part("text/plain", data=b"Gui"), part("text/x-amp-html"), part("text/calendar; method=REPLY")
    )
    assert from_a(body).attachments == ()


def test_case_85_a_picture_without_words_about_it_is_a_file() -> None:
    letter = from_a(part("image/jpeg; name=bao-cao.jpg", "Content-Disposition: inline"))
    assert names(letter, inline=False) == ["bao-cao.jpg"]


@pytest.mark.parametrize(
    "link",
    [
        "https://docs.google.com/spreadsheets/d/1AbC/edit?usp=sharing",
        "https://drive.google.com/file/d/1AbC/view",
        "https://1drv.ms/x/s!AbC",
        "https://onedrive.live.com/edit?id=1",
        "https://laichau-my.sharepoint.com/:x:/g/personal/a/EbC",
        "HTTPS://DOCS.GOOGLE.COM/spreadsheets/d/1",
        "https://apc01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fdocs.google.com%2Fspreadsheets%2Fd%2F1",
    ],
)
def test_case_86_a_link_instead_of_a_file(link: str) -> None:
    assert parsed(plain(f"From: {XA_A}", body=f"Gửi báo cáo: {link}")).links_file
    page = f'<p>Xem <a href="{link.replace("&", "&amp;")}">báo cáo</a></p>'
    assert parsed(plain(f"From: {XA_A}", "Content-Type: text/html; charset=utf-8", body=page)).links_file


@pytest.mark.parametrize(
    "body",
    ["https://laichau.gov.vn/spreadsheets/d/1", "https://x.test/docs.google.com/1", "https://docs.google.com.x.test/1",
     "Google Sheets", "https://docs.google.com/", '<img src="https://drive.google.com/uc?id=logo">'],
)  # fmt: skip
def test_case_86_other_links_are_links(body: str) -> None:
    for kind in ("plain", "html"):
        assert not parsed(plain(f"From: {XA_A}", f"Content-Type: text/{kind}", body=body)).links_file or "<img" in body


def test_odd_html_does_not_lose_the_files() -> None:
    page = part("text/html", data=b"<p>Gui <![x bao cao")
    letter = from_a(multipart("mixed", page, part("application/zip; name=a.xlsx")))
    assert letter.whole
    assert names(letter, inline=False) == ["a.xlsx"]
    assert letter.text == "Gui"


CORPORA = os.environ.get("TREEM_CORPORA")


@pytest.mark.skipif(not CORPORA, reason="TREEM_CORPORA names no folder of real letters")
def test_real_letters() -> None:
    files = [p for p in Path(CORPORA or ".").rglob("*") if p.suffix in (".eml", ".txt") and p.name != "SOURCE.txt"]
    assert files
    bounces = [parsed(p.read_bytes()) for p in files if p.parent.name == "flufl-bounce"]
    for path in files:
        assert isinstance(parsed(path.read_bytes()), Parsed)
    assert sum(b.is_bounce and bool(b.bounced) for b in bounces) >= 0.97 * len(bounces)
    assert not any(b.attachments for b in bounces if b.is_bounce)
    people = [parsed(p.read_bytes()) for p in files if p.parent.name == "standard_replies"]
    assert not any(letter.is_bounce or letter.is_auto_reply for letter in people)
