"""Encrypted connections to Postfix and Dovecot that succeed, and those that must not: cases 08, 09, 10."""

import re
from typing import Literal

import pytest
from sqlalchemy import select

from tests.mailroom.builders import NOW, OFFICE, XA_A, account, answer, put
from tests.servers.conftest import NewDovecot
from tests.servers.dovecot import Dovecot
from tests.servers.post_office import PostOffice
from treem.ledger.store import Ledger
from treem.ledger.tables import LetterIn, LetterOut
from treem.mailroom.errors import CertificateRefused, LoginRefused, TlsUnavailable
from treem.mailroom.imap import CollectTally, collect
from treem.mailroom.smtp import SendTally, send_due
from treem.plan.settings import Mail, Server

pytestmark = pytest.mark.servers
Security = Literal["tls", "starttls"]
BOTH = pytest.mark.parametrize("security", ["tls", "starttls"])


def sending(post: PostOffice, security: Security, host: str = "localhost", **more: object) -> Server:
    port = {"tls": post.postfix.smtps, "starttls": post.postfix.submission}[security]
    return account(host, port, security=security, **more)


def collecting(dovecot: Dovecot, security: Security, host: str = "localhost", **more: object) -> Server:
    port = {"tls": dovecot.imaps, "starttls": dovecot.imap}[security]
    return account(host, port, security=security, **more)


def write(ledger: Ledger, mail: Mail) -> None:
    with ledger.begin() as session:
        put(session, mail)


def assert_nothing_happened(ledger: Ledger) -> None:
    with ledger.begin() as session:
        assert session.execute(select(LetterOut.state, LetterOut.attempts)).tuples().all() in ([("queued", 0)], [])
        assert session.scalars(select(LetterIn)).all() == []


@BOTH
def test_sent_and_collected_over_tls_with_a_login(ledger: Ledger, post: PostOffice, security: Security) -> None:
    mail = post.mail(smtp=sending(post, security), imap=collecting(post.dovecot, security))
    write(ledger, mail)
    assert send_due(ledger, mail, NOW) == SendTally(sent=1)
    post.arrived(XA_A)
    post.hand_in(XA_A, OFFICE, answer())
    post.arrived(OFFICE)
    assert collect(ledger, mail, NOW) == CollectTally(stored=1)
    assert re.search(rf"with ESMTPSA|sasl_username={OFFICE}", post.postfix.log)
    assert re.search(rf"Login: user=<{OFFICE}>.*TLS", post.dovecot.log)


@BOTH
def test_case_08_an_authority_nobody_trusts_is_refused(
    ledger: Ledger, post: PostOffice, security: Security, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    mail = post.mail(smtp=sending(post, security), imap=collecting(post.dovecot, security))
    write(ledger, mail)
    with pytest.raises(CertificateRefused):
        send_due(ledger, mail, NOW)
    with pytest.raises(CertificateRefused):
        collect(ledger, mail, NOW)
    assert_nothing_happened(ledger)


@BOTH
def test_case_08_another_host_name_is_refused(ledger: Ledger, post: PostOffice, security: Security) -> None:
    by_number = {
        "smtp": sending(post, security, "127.0.0.1"),
        "imap": collecting(post.dovecot, security, "127.0.0.1"),
    }
    mail = post.mail(**by_number)
    write(ledger, mail)
    with pytest.raises(CertificateRefused):
        send_due(ledger, mail, NOW)
    with pytest.raises(CertificateRefused):
        collect(ledger, mail, NOW)
    assert_nothing_happened(ledger)


def test_case_09_postfix_without_starttls_gets_no_letter(ledger: Ledger, post: PostOffice) -> None:
    mail = post.mail(smtp=account("localhost", post.postfix.plain, security="starttls"))
    write(ledger, mail)
    with pytest.raises(TlsUnavailable, match="STARTTLS"):
        send_due(ledger, mail, NOW)
    assert_nothing_happened(ledger)


def test_case_09_dovecot_without_starttls_gets_no_password(
    ledger: Ledger, new_dovecot: NewDovecot, post: PostOffice
) -> None:
    bare = new_dovecot()
    with pytest.raises(TlsUnavailable, match="STARTTLS"):
        collect(ledger, post.mail(imap=collecting(bare, "starttls")), NOW)
    assert f"user=<{OFFICE}>" not in bare.log


def test_case_10_a_wrong_password_is_tried_once_on_either_side(ledger: Ledger, post: PostOffice) -> None:
    mail = post.mail(
        smtp=sending(post, "starttls", password="sai"), imap=collecting(post.dovecot, "starttls", password="sai")
    )
    write(ledger, mail)

    def tries() -> tuple[int, int]:
        refused = post.postfix.log.count("SASL PLAIN authentication failed")
        return refused, len(re.findall(r"Disconnected.*auth failed", post.dovecot.log))

    before = tries()
    with pytest.raises(LoginRefused):
        send_due(ledger, mail, NOW)
    with pytest.raises(LoginRefused):
        collect(ledger, mail, NOW)
    after = tries()
    assert send_due(ledger, mail, NOW) == SendTally(paused=1)
    assert collect(ledger, mail, NOW) == CollectTally(paused=1)
    assert tries() == after
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1]
    assert_nothing_happened(ledger)
