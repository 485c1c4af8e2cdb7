"""The embedded server behaves as servers do: plus-addresses, trace headers, refusals, returned letters."""

import imaplib
import smtplib
from datetime import UTC, datetime
from email import message_from_bytes

import pytest

from tests.mailroom.builders import OFFICE, PASSWORD, XA_A, answer
from treem.rehearsal.mail_server import EmbeddedMail


def mailbox(server: EmbeddedMail, address: str, password: str) -> list[bytes]:
    with imaplib.IMAP4(*server.imap) as client:
        client.login(address, password)
        client.select(readonly=True)
        found = client.search(None, "ALL")[1][0].split()
        return [client.fetch(n, "(BODY.PEEK[])")[1][0][1] for n in found]  # type: ignore[index,misc]


def test_a_plus_address_reaches_its_mailbox_with_trace_headers(server: EmbeddedMail) -> None:
    with smtplib.SMTP(*server.smtp) as client:
        client.login(XA_A, "a")
        client.sendmail(XA_A, ["treem+ABC@tamduong.test"], answer())
    (raw,) = mailbox(server, OFFICE, PASSWORD)
    trace = (
        b"Return-Path: <xa-a@tamduong.test>\r\nDelivered-To: treem+ABC@tamduong.test\r\n"
        b"Authentication-Results: mail.test; dmarc=pass header.from=tamduong.test\r\n"
    )
    assert raw == trace + answer()
    assert [(a.sender, a.recipients, a.raw) for a in server.log] == [(XA_A, ("treem+ABC@tamduong.test",), answer())]


@pytest.mark.parametrize("forged", [b"mail.test; dmarc=pass", b"MAIL.TEST;\r\n\tdmarc=pass\r\n header.from=x.test"])
def test_nobody_else_speaks_in_the_servers_name(server: EmbeddedMail, forged: bytes) -> None:
    with smtplib.SMTP(*server.smtp) as client:
        client.login(XA_A, "a")
        other = answer(sender="ai-do@noi-khac.test")
        client.sendmail(XA_A, [OFFICE], b"Authentication-Results: " + forged + b"\r\n" + other)
    (raw,) = mailbox(server, OFFICE, PASSWORD)
    said = message_from_bytes(raw).get_all("Authentication-Results")
    assert said == ["mail.test; dmarc=fail header.from=noi-khac.test"]
    assert raw.endswith(other)


def test_refusals(server: EmbeddedMail) -> None:
    server.rules[OFFICE] = "552 5.2.2 Mailbox full"
    with smtplib.SMTP(*server.smtp) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(XA_A, "sai")
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            client.sendmail(XA_A, [OFFICE, "khong-co@tamduong.test"], answer())
    codes = {address: code for address, (code, _) in caught.value.recipients.items()}
    assert codes == {OFFICE: 552, "khong-co@tamduong.test": 550}
    assert server.log == []


def test_a_bouncing_address_returns_the_whole_letter(server: EmbeddedMail) -> None:
    server.bouncing.add("khong-co@tamduong.test")
    with smtplib.SMTP(*server.smtp) as client:
        client.sendmail("treem+bounce-X@tamduong.test", ["khong-co@tamduong.test"], answer())
    (raw,) = mailbox(server, OFFICE, PASSWORD)
    report = message_from_bytes(raw)
    assert report["Return-Path"] == "<>"
    assert report["Delivered-To"] == "treem+bounce-X@tamduong.test"
    assert report.get_content_type() == "multipart/report"
    kinds = [part.get_content_type() for part in report.get_payload()]  # type: ignore[union-attr]
    assert kinds == ["text/plain", "message/delivery-status", "message/rfc822"]
    assert b"<tra-loi-1@tamduong.test>" in raw
    assert b"filename" in raw


def test_letters_are_stamped_with_the_owner_s_clock() -> None:
    then = datetime(2027, 6, 14, 2, 3, 4, tzinfo=UTC)
    with EmbeddedMail({OFFICE: PASSWORD}, clock=lambda: then) as server:
        server.inject(OFFICE, answer())
        with imaplib.IMAP4(*server.imap) as client:
            client.login(OFFICE, PASSWORD)
            client.select()
            (line,) = client.fetch("1", "(INTERNALDATE)")[1]
    assert b"14-Jun-2027 02:03:04 +0000" in line
