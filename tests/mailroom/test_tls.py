"""Encrypted connections that succeed, and those that must not: case_08 and case_09 of the checklist, both ways.

The servers run in this process; an authority made for the test vouches for them. The same on Postfix and Dovecot is in
tests/servers/test_tls.py.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from aiosmtpd.smtp import SMTP
from sqlalchemy import select

from tests.mailroom.builders import NOW, OFFICE, PASSWORD, XA_A, account, answer, mail_for, put
from tests.mailroom.raw_server import mailbox
from tests.servers.authority import Authority, Certificate
from tests.servers.loopback import missing
from treem.ledger.store import Ledger
from treem.ledger.tables import LetterIn, LetterOut
from treem.mailroom.errors import CertificateRefused, MailUnreachable, TlsUnavailable
from treem.mailroom.imap import CollectTally, collect
from treem.mailroom.smtp import SendTally, send_due
from treem.plan.settings import Mail
from treem.rehearsal.mail_server import EmbeddedMail

Security = Literal["tls", "starttls"]
BOTH = pytest.mark.parametrize("security", ["tls", "starttls"])


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    if reason := missing(openssl="openssl"):
        pytest.skip(reason)
    folder = tmp_path / "authority"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process trusts the authority, as an office's machine trusts the public ones."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))


def speaks(certificate: Certificate, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    context.maximum_version = newest
    return context


@contextmanager
def sending(security: Security, context: ssl.SSLContext) -> Iterator[tuple[EmbeddedMail, Mail]]:
    """A server for sending that takes passwords only over TLS."""
    with EmbeddedMail({OFFICE: PASSWORD, XA_A: "a"}) as server:

        def session() -> SMTP:
            over_tls = None if security == "tls" else context
            return SMTP(
                server, hostname="mail.test", loop=server._loop, tls_context=over_tls,
                authenticator=server._authenticate, auth_require_tls=security == "starttls",
            )  # fmt: skip

        job = server._loop.create_server(session, "127.0.0.1", 0, ssl=context if security == "tls" else None)
        listener = asyncio.run_coroutine_threadsafe(job, server._loop).result(10)
        port = listener.sockets[0].getsockname()[1]
        yield server, mail_for(smtp=account("127.0.0.1", port, security=security, timeout=5))


@contextmanager
def collecting(security: Security, context: ssl.SSLContext) -> Iterator[Mail]:
    """A server for collecting, with one letter."""
    with mailbox({1: answer()}, tls=context, direct_tls=security == "tls") as box:
        yield mail_for(imap=account("127.0.0.1", box.port, security=security, timeout=5))


@pytest.mark.usefixtures("trusted")
@BOTH
def test_a_letter_is_sent_over_tls(ledger: Ledger, authority: Authority, security: Security) -> None:
    with sending(security, speaks(authority.vouch_for())) as (server, mail):
        write(ledger, mail)
        assert send_due(ledger, mail, NOW) == SendTally(sent=1)
        assert len(server.log) == 1


@pytest.mark.usefixtures("trusted")
@BOTH
def test_letters_are_collected_over_tls(ledger: Ledger, authority: Authority, security: Security) -> None:
    with collecting(security, speaks(authority.vouch_for())) as mail:
        assert collect(ledger, mail, NOW) == CollectTally(stored=1)


def write(ledger: Ledger, mail: Mail) -> None:
    with ledger.begin() as session:
        put(session, mail)


def assert_nothing_happened(ledger: Ledger) -> None:
    with ledger.begin() as session:
        assert session.execute(select(LetterOut.state, LetterOut.attempts)).tuples().all() in ([("queued", 0)], [])
        assert session.scalars(select(LetterIn)).all() == []


@contextmanager
def either(way: str, ledger: Ledger, security: Security, context: ssl.SSLContext) -> Iterator[Callable[[], object]]:
    """Sending or collecting, as one call."""
    if way == "sending":
        with sending(security, context) as (server, mail):
            write(ledger, mail)
            yield lambda: send_due(ledger, mail, NOW)
            assert server.log == []
    else:
        with collecting(security, context) as mail:
            yield lambda: collect(ledger, mail, NOW)


@pytest.mark.parametrize("way", ["sending", "collecting"])
@BOTH
def test_case_08_an_authority_nobody_trusts_is_refused(
    ledger: Ledger, authority: Authority, way: str, security: Security
) -> None:
    with either(way, ledger, security, speaks(authority.vouch_for())) as run, pytest.raises(CertificateRefused) as no:
        run()
    assert "Chứng chỉ" in str(no.value)
    assert_nothing_happened(ledger)


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("way", ["sending", "collecting"])
@BOTH
def test_case_08_a_certificate_for_another_name_is_refused(
    ledger: Ledger, authority: Authority, way: str, security: Security
) -> None:
    another = authority.vouch_for("DNS:mail.noi-khac.test")
    with either(way, ledger, security, speaks(another)) as run, pytest.raises(CertificateRefused):
        run()
    assert_nothing_happened(ledger)


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("way", ["sending", "collecting"])
def test_case_08_a_server_that_only_speaks_what_is_broken_is_refused(
    ledger: Ledger, authority: Authority, way: str
) -> None:
    with pytest.warns(DeprecationWarning):
        outdated = speaks(authority.vouch_for(), ssl.TLSVersion.TLSv1_1)
    with either(way, ledger, "tls", outdated) as run, pytest.raises(MailUnreachable):
        run()
    assert_nothing_happened(ledger)


def test_case_09_starttls_that_is_not_offered_sends_no_password(ledger: Ledger) -> None:
    """On the receiving side; the sending side is in test_smtp."""
    with mailbox({1: answer()}) as box:
        mail = mail_for(imap=account("127.0.0.1", box.port, security="starttls"))
        with pytest.raises(TlsUnavailable, match="STARTTLS") as caught:
            collect(ledger, mail, NOW)
        assert not caught.value.retryable
        assert box.logins == 0


def test_tls_to_a_port_that_speaks_plain_is_trouble_and_no_wrong_password(ledger: Ledger) -> None:
    with mailbox({1: answer()}) as box, pytest.raises(MailUnreachable) as caught:
        collect(ledger, mail_for(imap=account("127.0.0.1", box.port, security="tls", timeout=2)), NOW)
    assert type(caught.value) is MailUnreachable


def test_case_07_a_server_silent_in_the_middle_of_tls_does_not_hang_the_office(ledger: Ledger) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_one = account("127.0.0.1", silent.getsockname()[1], security="tls", timeout=0.3)
        write(ledger, mail_for())
        with pytest.raises(MailUnreachable):
            send_due(ledger, mail_for(smtp=silent_one), NOW)
        with pytest.raises(MailUnreachable):
            collect(ledger, mail_for(imap=silent_one), NOW)
    assert_nothing_happened(ledger)
