"""Sending through a real server, and what every way of failing leaves in the ledger."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.mailroom.builders import NOW, OFFICE, TOKEN_A, XA_A, XA_B, account, add_requests, mail_for, put
from tests.mailroom.raw_server import misbehaving
from treem.ledger.store import Ledger
from treem.ledger.tables import Event, LetterOut, Request
from treem.mailroom import smtp as smtp_room
from treem.mailroom.errors import CertificateRefused, LoginRefused, MailUnreachable, PlainRefused, TlsUnavailable
from treem.mailroom.smtp import SendTally, send_due
from treem.plan.settings import Mail
from treem.rehearsal.mail_server import EmbeddedMail


def only_letter(ledger: Ledger) -> LetterOut:
    with ledger.begin() as session:
        return session.scalars(select(LetterOut)).one()


def stored(ledger: Ledger) -> bytes:
    with ledger.begin() as session:
        return session.scalars(select(LetterOut.raw)).one()


def write_request(ledger: Ledger, mail: Mail, **changes: object) -> None:
    with ledger.begin() as session:
        request, _ = add_requests(session)
        put(session, mail, request_id=request.id, **changes)


def test_the_stored_bytes_arrive_and_the_request_counts_as_sent(
    ledger: Ledger, server: EmbeddedMail, mail: Mail
) -> None:
    write_request(ledger, mail)
    assert send_due(ledger, mail, NOW) == SendTally(sent=1)
    (taken,) = server.log
    assert taken.raw == stored(ledger)
    assert taken.sender == f"treem+bounce-{TOKEN_A}@tamduong.test"
    assert taken.recipients == (XA_A,)
    letter = only_letter(ledger)
    assert (letter.state, letter.sent_at, letter.attempts) == ("sent", NOW, 1)
    with ledger.begin() as session:
        assert session.scalar(select(Request.state).where(Request.body == "xa-a")) == "sent"
        assert "letter_sent" in session.scalars(select(Event.kind)).all()
    assert send_due(ledger, mail, NOW) == SendTally()
    assert len(server.log) == 1


def test_greylisted_then_accepted(ledger: Ledger, server: EmbeddedMail, mail: Mail) -> None:
    write_request(ledger, mail)
    server.rules[XA_A] = "451 4.7.1 Try again later"
    assert send_due(ledger, mail, NOW) == SendTally(retry=1)
    assert (only_letter(ledger).last_code, only_letter(ledger).next_at) == ("451 4.7.1", NOW + timedelta(minutes=5))
    assert send_due(ledger, mail, NOW + timedelta(minutes=4)) == SendTally()
    assert send_due(ledger, mail, NOW + timedelta(minutes=5)) == SendTally(retry=1)
    assert only_letter(ledger).next_at == NOW + timedelta(minutes=20)
    server.rules.clear()
    assert send_due(ledger, mail, NOW + timedelta(minutes=20)) == SendTally(sent=1)


def test_a_refusal_for_good_fails_and_does_not_stop_the_others(
    ledger: Ledger, server: EmbeddedMail, mail: Mail
) -> None:
    server.rules[XA_A] = "550 5.1.1 No such user"
    with ledger.begin() as session:
        one, two = add_requests(session)
        put(session, mail, "request:a", request_id=one.id)
        put(session, mail, "request:b", request_id=two.id, recipient=("Xã B", XA_B))
    assert send_due(ledger, mail, NOW) == SendTally(sent=1, failed=1)
    with ledger.begin() as session:
        states = session.execute(select(LetterOut.idem_key, LetterOut.state, LetterOut.last_code)).all()
        assert [tuple(s)[:2] for s in states] == [("request:a", "failed"), ("request:b", "sent")]
        assert states[0][2] == "550 5.1.1"
        assert session.scalar(select(Request.state).where(Request.body == "xa-a")) == "bounced"
    assert send_due(ledger, mail, NOW + timedelta(days=1)) == SendTally()


def test_patience_ends(ledger: Ledger, server: EmbeddedMail, mail: Mail) -> None:
    write_request(ledger, mail)
    server.rules[XA_A] = "451 4.7.1 Try again later"
    give_up_at, when, tries = only_letter(ledger).give_up_at, NOW, 0
    while send_due(ledger, mail, when) == SendTally(retry=1):
        when, tries = only_letter(ledger).next_at, tries + 1
        assert when <= give_up_at
    letter = only_letter(ledger)
    assert (letter.state, letter.last_code) == ("failed", "451 4.7.1")
    assert tries > 25
    assert when > give_up_at - timedelta(hours=5)


def without_login(port: int) -> Mail:
    return mail_for(smtp=account("127.0.0.1", port, user="", password="", timeout=5))


def test_lost_after_data_is_unknown_and_the_same_bytes_go_again(ledger: Ledger) -> None:
    with misbehaving("after_data") as raw:
        mail = without_login(raw.port)
        write_request(ledger, mail)
        assert send_due(ledger, mail, NOW) == SendTally(unknown=1)
        assert only_letter(ledger).state == "unknown"
        assert send_due(ledger, mail, NOW + timedelta(minutes=5)) == SendTally(sent=1)
        assert raw.received == [stored(ledger)] * 2


def test_an_acknowledgement_is_repeated_once_at_most(ledger: Ledger) -> None:
    with misbehaving("after_data", faults=9) as raw:
        mail = without_login(raw.port)
        write_request(ledger, mail, kind="ack")
        assert send_due(ledger, mail, NOW) == SendTally(unknown=1)
        assert send_due(ledger, mail, NOW + timedelta(hours=1)) == SendTally(failed=1)
        assert send_due(ledger, mail, NOW + timedelta(days=9)) == SendTally()
        assert len(raw.received) == 2


def test_lost_before_data_is_tried_again(ledger: Ledger) -> None:
    with misbehaving("before_data") as raw:
        mail = without_login(raw.port)
        write_request(ledger, mail)
        assert send_due(ledger, mail, NOW) == SendTally(retry=1)
        assert raw.received == []
        assert send_due(ledger, mail, NOW + timedelta(minutes=5)) == SendTally(sent=1)
        assert len(raw.received) == 1


def test_421_ends_the_pass_and_keeps_the_rest_untouched(ledger: Ledger) -> None:
    with misbehaving("at_mail_421") as raw:
        mail = without_login(raw.port)
        with ledger.begin() as session:
            put(session, mail, "notice:1", kind="notice")
            put(session, mail, "notice:2", kind="notice")
        assert send_due(ledger, mail, NOW) == SendTally(retry=1, paused=1)
        with ledger.begin() as session:
            assert list(session.scalars(select(LetterOut.attempts).order_by(LetterOut.id))) == [1, 0]
        assert raw.connections == 1
        assert send_due(ledger, mail, NOW + timedelta(minutes=14)) == SendTally(paused=1)
        assert raw.connections == 1
        assert send_due(ledger, mail, NOW + timedelta(minutes=15)) == SendTally(sent=2)


def assert_untouched(ledger: Ledger) -> None:
    letter = only_letter(ledger)
    assert (letter.state, letter.attempts, letter.lease_until) == ("queued", 0, None)


def test_a_wrong_password_is_named_and_nothing_stays_leased(ledger: Ledger, server: EmbeddedMail) -> None:
    mail = mail_for(server, smtp=account(*server.smtp, password="sai-mat-khau"))
    write_request(ledger, mail)
    with pytest.raises(LoginRefused, match="Không đăng nhập được") as caught:
        send_due(ledger, mail, NOW)
    assert not caught.value.retryable
    assert "sai-mat-khau" not in str(caught.value)
    assert_untouched(ledger)


def test_an_unreachable_server_is_named_and_may_be_tried_again(ledger: Ledger) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    mail = mail_for(smtp=account("127.0.0.1", port))
    write_request(ledger, mail)
    with pytest.raises(MailUnreachable, match="Không kết nối được máy chủ gửi thư") as caught:
        send_due(ledger, mail, NOW)
    assert caught.value.retryable
    assert_untouched(ledger)


def test_a_silent_server_does_not_hang_the_office(ledger: Ledger) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mail = mail_for(smtp=account("127.0.0.1", silent.getsockname()[1], timeout=0.3))
        write_request(ledger, mail)
        with pytest.raises(MailUnreachable):
            send_due(ledger, mail, NOW)
    assert_untouched(ledger)


@pytest.mark.parametrize("host", ["mail.tamduong.test", "192.0.2.1", "127.0.0.1.evil.test"])
def test_plain_text_is_refused_to_any_other_host(ledger: Ledger, host: str) -> None:
    mail = mail_for(smtp=account(host, 25))
    write_request(ledger, mail)
    with pytest.raises(PlainRefused, match="không mã hóa"):
        send_due(ledger, mail, NOW)
    assert_untouched(ledger)


def test_starttls_that_is_not_offered_is_never_replaced_by_plain(ledger: Ledger, server: EmbeddedMail) -> None:
    mail = mail_for(server, smtp=account(*server.smtp, security="starttls"))
    write_request(ledger, mail)
    with pytest.raises(TlsUnavailable, match="STARTTLS"):
        send_due(ledger, mail, NOW)
    assert_untouched(ledger)
    assert server.log == []


@contextmanager
def self_signed(folder: Path) -> Iterator[int]:
    """A TLS port whose certificate nobody vouches for."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with EmbeddedMail({OFFICE: "x"}) as server:
        job = server._loop.create_server(server._smtp_session, "127.0.0.1", 0, ssl=context)
        import asyncio

        listener = asyncio.run_coroutine_threadsafe(job, server._loop).result(5)
        yield listener.sockets[0].getsockname()[1]


def test_a_certificate_nobody_vouches_for_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    with self_signed(tmp_path) as port:
        mail = mail_for(smtp=account("127.0.0.1", port, security="tls"))
        write_request(ledger, mail)
        with pytest.raises(CertificateRefused, match="Chứng chỉ"):
            send_due(ledger, mail, NOW)
    assert_untouched(ledger)


class Killed(BaseException):
    """Stands for a process that is gone between two statements."""


def test_killed_between_lease_and_send_the_same_bytes_go_once(
    ledger: Ledger, server: EmbeddedMail, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_request(ledger, mail)
    before = stored(ledger)

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(smtp_room, "deliver", die)
        with pytest.raises(Killed):
            send_due(ledger, mail, NOW)
    assert only_letter(ledger).state == "leased"
    assert send_due(ledger, mail, NOW + timedelta(minutes=1)) == SendTally()  # still in somebody's hands
    assert send_due(ledger, mail, NOW + timedelta(hours=1)) == SendTally(sent=1)
    assert [taken.raw for taken in server.log] == [before]


def test_killed_after_sending_the_same_bytes_go_twice(
    ledger: Ledger, server: EmbeddedMail, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_request(ledger, mail)

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(smtp_room, "_settle", die)
        with pytest.raises(Killed):
            send_due(ledger, mail, NOW)
    assert send_due(ledger, mail, NOW + timedelta(hours=1)) == SendTally(sent=1)
    assert [taken.raw for taken in server.log] == [stored(ledger)] * 2
    with ledger.begin() as session:
        assert "letter_unknown" in session.scalars(select(Event.kind)).all()


@pytest.mark.parametrize("kind", ["reminder", "chase"])
@pytest.mark.parametrize("answered", ["filed", "waived"])
def test_a_reminder_overtaken_by_the_answer_is_cancelled(
    ledger: Ledger, server: EmbeddedMail, mail: Mail, kind: str, answered: str
) -> None:
    with ledger.begin() as session:
        one, two = add_requests(session)
        put(session, mail, "remind-1:a", kind=kind, request_id=one.id)
        put(session, mail, "remind-1:b", kind=kind, request_id=two.id, recipient=("Xã B", XA_B))
        one.state, two.state = "sent", "overdue"
        if answered == "filed":
            one.first_received_at = NOW
        else:
            one.state = "waived"
    assert send_due(ledger, mail, NOW) == SendTally(sent=1, cancelled=1)
    assert [taken.recipients for taken in server.log] == [(XA_B,)]
    with ledger.begin() as session:
        assert session.scalars(select(LetterOut.state).order_by(LetterOut.id)).all() == ["cancelled", "sent"]


def test_no_more_letters_a_minute_than_allowed(ledger: Ledger, server: EmbeddedMail) -> None:
    mail = mail_for(server, letters_per_minute=2)
    with ledger.begin() as session:
        for n in range(5):
            put(session, mail, f"notice:{n}", kind="notice")
    waits: list[float] = []
    assert send_due(ledger, mail, NOW, pause=waits.append) == SendTally(sent=5)
    assert len(waits) == 2
    assert all(50 < wait <= 60 for wait in waits)


def test_a_trial_run_sends_everything_to_one_address(ledger: Ledger, server: EmbeddedMail) -> None:
    mail = mail_for(server, redirect_all_to=XA_B)
    write_request(ledger, mail)
    send_due(ledger, mail, NOW)
    assert [taken.recipients for taken in server.log] == [(XA_B,)]


def test_nothing_due_means_no_connection(ledger: Ledger) -> None:
    assert send_due(ledger, mail_for(), NOW) == SendTally()
