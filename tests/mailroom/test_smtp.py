"""Sending through a real server, and what every way of failing leaves in the ledger.

The numbers are those of the checklist such a system must pass. case_19, clock and holidays, is the agenda's:
tests/plan/test_agenda.py and test_almanac.py. The same on Postfix and Dovecot is in tests/servers.
"""

import asyncio
import mimetypes
import re
import smtplib
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from email.header import Header, decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier, Thread
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from sqlalchemy import delete, select

from tests.mailroom.builders import (
    NOW,
    OFFICE,
    TOKEN_A,
    XA_A,
    XA_B,
    XLSX,
    account,
    add_requests,
    answer,
    mail_for,
    put,
)
from tests.mailroom.raw_server import misbehaving
from tests.servers.processes import needs_fork, together
from treem.ledger.store import Ledger
from treem.ledger.tables import Contact, Event, LetterBytes, LetterIn, LetterOut, Request
from treem.mailroom import smtp as smtp_room
from treem.mailroom.errors import (
    CertificateRefused,
    HeaderInjection,
    LoginRefused,
    MailUnreachable,
    PlainRefused,
    TlsUnavailable,
)
from treem.mailroom.headers import text_of
from treem.mailroom.imap import CollectTally, collect
from treem.mailroom.line import Outcome
from treem.mailroom.parse import parse
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


def test_case_02_greylisted_then_accepted(ledger: Ledger, server: EmbeddedMail, mail: Mail) -> None:
    write_request(ledger, mail)
    server.rules[XA_A] = "451 4.7.1 Try again later"
    assert send_due(ledger, mail, NOW) == SendTally(retry=1)
    assert (only_letter(ledger).last_code, only_letter(ledger).next_at) == ("451 4.7.1", NOW + timedelta(minutes=5))
    assert send_due(ledger, mail, NOW + timedelta(minutes=4)) == SendTally()
    assert send_due(ledger, mail, NOW + timedelta(minutes=5)) == SendTally(retry=1)
    assert only_letter(ledger).next_at == NOW + timedelta(minutes=20)
    server.rules.clear()
    assert send_due(ledger, mail, NOW + timedelta(minutes=20)) == SendTally(sent=1)


def test_case_03_a_refusal_for_good_fails_and_does_not_stop_the_others(
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


@pytest.mark.parametrize("said", ["552 5.3.4 Message too big for system", "552 5.2.3 Message exceeds fixed limit"])
def test_case_04_a_letter_too_big_for_the_server_fails_and_says_nothing_about_the_address(
    ledger: Ledger, server: EmbeddedMail, mail: Mail, said: str
) -> None:
    write_request(ledger, mail)
    server.rules[XA_A] = said
    assert send_due(ledger, mail, NOW) == SendTally(failed=1)
    letter = only_letter(ledger)
    assert (letter.state, letter.last_code) == ("failed", said[:9])
    with ledger.begin() as session:
        assert session.scalars(select(Contact)).all() == []
    assert send_due(ledger, mail, NOW + timedelta(days=1)) == SendTally()


def test_case_11_one_bad_address_stops_no_other_letter(ledger: Ledger, server: EmbeddedMail, mail: Mail) -> None:
    wrong = {"ai@tamduong.test": "550 5.1.1 No such user", "cham@tamduong.test": "451 4.7.1 Later"}
    server.rules.update(wrong)
    people = [XA_A, *wrong, XA_B, "khong-co@tamduong.test", OFFICE]
    with ledger.begin() as session:
        for n, address in enumerate(people):
            put(session, mail, f"notice:{n}", kind="notice", recipient=("Ai đó", address))
    assert send_due(ledger, mail, NOW) == SendTally(sent=3, failed=2, retry=1)
    assert [taken.recipients for taken in server.log] == [(XA_A,), (XA_B,), (OFFICE,)]


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


def test_case_06_lost_after_data_is_unknown_and_the_same_bytes_go_again(ledger: Ledger) -> None:
    with misbehaving("after_data") as raw:
        mail = without_login(raw.port)
        write_request(ledger, mail)
        assert send_due(ledger, mail, NOW) == SendTally(unknown=1)
        assert only_letter(ledger).state == "unknown"
        assert send_due(ledger, mail, NOW + timedelta(minutes=5)) == SendTally(sent=1)
        assert raw.received == [stored(ledger)] * 2


def test_case_06_an_acknowledgement_is_repeated_once_at_most(ledger: Ledger) -> None:
    with misbehaving("after_data", faults=9) as raw:
        mail = without_login(raw.port)
        write_request(ledger, mail, kind="ack")
        assert send_due(ledger, mail, NOW) == SendTally(unknown=1)
        assert send_due(ledger, mail, NOW + timedelta(hours=1)) == SendTally(failed=1)
        assert send_due(ledger, mail, NOW + timedelta(days=9)) == SendTally()
        assert len(raw.received) == 2


def test_case_01_lost_before_data_is_tried_again(ledger: Ledger) -> None:
    with misbehaving("before_data") as raw:
        mail = without_login(raw.port)
        write_request(ledger, mail)
        assert send_due(ledger, mail, NOW) == SendTally(retry=1)
        assert raw.received == []
        assert send_due(ledger, mail, NOW + timedelta(minutes=5)) == SendTally(sent=1)
        assert len(raw.received) == 1


def test_case_05_421_ends_the_pass_and_keeps_the_rest_untouched(ledger: Ledger) -> None:
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


def test_case_05_a_letter_sent_before_the_421_is_not_sent_again(ledger: Ledger, server: EmbeddedMail) -> None:
    mail = mail_for(server)
    server.rules[XA_B] = "421 4.3.2 Closing"
    with ledger.begin() as session:
        for n, address in enumerate((XA_A, XA_B, XA_A)):
            put(session, mail, f"notice:{n}", kind="notice", recipient=("Ai đó", address))
    assert send_due(ledger, mail, NOW) == SendTally(sent=1, retry=1, paused=1)
    server.rules.clear()
    assert send_due(ledger, mail, NOW + timedelta(minutes=15)) == SendTally(sent=2)
    assert len({taken.raw for taken in server.log}) == len(server.log) == 3


@pytest.mark.parametrize(
    "where", [{"fault": "at_greeting"}, {"fault": "at_login", "login": "421 4.7.0 Too many connections"}], ids=str
)
def test_case_05_421_before_any_letter_leaves_the_account_in_peace_too(ledger: Ledger, where: dict[str, str]) -> None:
    with misbehaving(**where) as raw:
        mail = mail_for(smtp=account("127.0.0.1", raw.port))
        write_request(ledger, mail)
        assert send_due(ledger, mail, NOW) == SendTally(paused=1)
        assert_untouched(ledger)
        assert send_due(ledger, mail, NOW + timedelta(minutes=14)) == SendTally(paused=1)
        assert raw.connections == 1
        assert send_due(ledger, mail, NOW + timedelta(minutes=15)) == SendTally(sent=1)


def test_case_05_a_greeting_that_is_no_421_is_trouble_that_may_pass(ledger: Ledger) -> None:
    with misbehaving("at_greeting", greeting="554 5.3.2 No service") as raw:
        mail = mail_for(smtp=account("127.0.0.1", raw.port))
        write_request(ledger, mail)
        with pytest.raises(MailUnreachable):
            send_due(ledger, mail, NOW)
        assert send_due(ledger, mail, NOW + timedelta(minutes=1)) == SendTally(sent=1)


def assert_untouched(ledger: Ledger) -> None:
    letter = only_letter(ledger)
    assert (letter.state, letter.attempts, letter.lease_until) == ("queued", 0, None)


def test_case_10_a_wrong_password_is_named_and_nothing_stays_leased(ledger: Ledger, server: EmbeddedMail) -> None:
    mail = mail_for(server, smtp=account(*server.smtp, password="sai-mat-khau"))
    write_request(ledger, mail)
    with pytest.raises(LoginRefused, match="Không đăng nhập được") as caught:
        send_due(ledger, mail, NOW)
    assert not caught.value.retryable
    assert "sai-mat-khau" not in str(caught.value)
    assert_untouched(ledger)


def test_case_10_a_wrong_password_is_tried_once_and_the_account_has_peace(ledger: Ledger) -> None:
    with misbehaving("at_login", faults=9, mechanisms="GSSAPI CRAM-MD5 LOGIN PLAIN") as raw:
        mail = mail_for(smtp=account("127.0.0.1", raw.port))
        write_request(ledger, mail)
        with pytest.raises(LoginRefused):
            send_due(ledger, mail, NOW)
        assert raw.connections == 1
        for minutes in (1, 10, 29):
            assert send_due(ledger, mail, NOW + timedelta(minutes=minutes)) == SendTally(paused=1)
        assert (raw.connections, raw.logins) == (1, 1)
        assert_untouched(ledger)
        raw.faults = 0
        assert send_due(ledger, mail, NOW + timedelta(minutes=30)) == SendTally(sent=1)


@pytest.mark.parametrize("mechanisms", ["LOGIN PLAIN", "CRAM-MD5 LOGIN"])
def test_a_server_may_offer_any_mechanism_smtplib_knows(ledger: Ledger, mechanisms: str) -> None:
    with misbehaving("at_login", faults=0, mechanisms=mechanisms) as raw:
        mail = mail_for(smtp=account("127.0.0.1", raw.port))
        write_request(ledger, mail)
        assert send_due(ledger, mail, NOW) == SendTally(sent=1)


def test_case_10_a_server_with_no_time_for_the_password_has_not_refused_it(ledger: Ledger) -> None:
    with misbehaving("at_login", login="454 4.7.0 Temporary authentication failure") as raw:
        mail = mail_for(smtp=account("127.0.0.1", raw.port))
        write_request(ledger, mail)
        with pytest.raises(MailUnreachable) as caught:
            send_due(ledger, mail, NOW)
        assert caught.value.retryable
        assert_untouched(ledger)
        assert send_due(ledger, mail, NOW + timedelta(minutes=10)) == SendTally(sent=1)


def test_an_unreachable_server_is_named_and_may_be_tried_again(ledger: Ledger) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    mail = mail_for(smtp=account("127.0.0.1", port))
    write_request(ledger, mail)
    with pytest.raises(MailUnreachable, match="Không kết nối được máy chủ gửi thư") as caught:
        send_due(ledger, mail, NOW)
    assert caught.value.retryable
    assert_untouched(ledger)


def test_case_07_a_silent_server_does_not_hang_the_office(ledger: Ledger) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mail = mail_for(smtp=account("127.0.0.1", silent.getsockname()[1], timeout=0.3))
        write_request(ledger, mail)
        with pytest.raises(MailUnreachable):
            send_due(ledger, mail, NOW)
    assert_untouched(ledger)


def test_case_07_silence_after_the_letter_leaves_it_uncertain(ledger: Ledger) -> None:
    with misbehaving("silent_after_data") as raw:
        mail = mail_for(smtp=account("127.0.0.1", raw.port, user="", password="", timeout=0.3))
        write_request(ledger, mail)
        assert send_due(ledger, mail, NOW) == SendTally(unknown=1)
        assert send_due(ledger, mail, NOW + timedelta(minutes=5)) == SendTally(sent=1)
        assert raw.received == [stored(ledger)] * 2


@pytest.mark.parametrize("host", ["mail.tamduong.test", "192.0.2.1", "127.0.0.1.evil.test"])
def test_plain_text_is_refused_to_any_other_host(ledger: Ledger, host: str) -> None:
    mail = mail_for(smtp=account(host, 25))
    write_request(ledger, mail)
    with pytest.raises(PlainRefused, match="không mã hóa"):
        send_due(ledger, mail, NOW)
    assert_untouched(ledger)


def test_case_09_starttls_that_is_not_offered_is_never_replaced_by_plain(ledger: Ledger, server: EmbeddedMail) -> None:
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
        listener = asyncio.run_coroutine_threadsafe(job, server._loop).result(5)
        yield listener.sockets[0].getsockname()[1]


def test_case_08_a_certificate_nobody_vouches_for_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    with self_signed(tmp_path) as port:
        mail = mail_for(smtp=account("127.0.0.1", port, security="tls"))
        write_request(ledger, mail)
        with pytest.raises(CertificateRefused, match="Chứng chỉ"):
            send_due(ledger, mail, NOW)
    assert_untouched(ledger)


class Killed(BaseException):
    """Stands for a process that is gone between two statements."""


def test_case_01_killed_between_lease_and_send_the_same_bytes_go_once(
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


def test_case_01_killed_after_sending_the_same_bytes_go_twice(
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


# ---- uncertain letters and leases ------------------------------------------------------------------------------

PUT_OFF, LOST, DONE = Outcome("retry", "451 4.7.1"), Outcome("unknown", "TimeoutError"), Outcome("sent", "250")
UNCERTAIN = pytest.mark.parametrize(("kind", "most"), [("ack", 2), ("request", 4)])


def script(monkeypatch: pytest.MonkeyPatch, *steps: Outcome | Callable[[], Outcome]) -> list[object]:
    """Letters end like this, one after the other; who they were offered for."""
    left, offered = list(steps), list[object]()

    def deliver(_smtp: object, _sender: str, recipient: str, _raw: bytes) -> Outcome:
        offered.append(recipient)
        step = left.pop(0)
        return step if isinstance(step, Outcome) else step()

    monkeypatch.setattr(smtp_room, "deliver", deliver)
    return offered


@UNCERTAIN
def test_case_06_only_uncertain_tries_use_up_the_patience_with_uncertainty(
    ledger: Ledger, mail: Mail, monkeypatch: pytest.MonkeyPatch, kind: str, most: int
) -> None:
    """A letter that was put off before goes again after a lost connection like any other."""
    write_request(ledger, mail, kind=kind)
    script(monkeypatch, *[PUT_OFF] * 6, *[LOST] * most)
    ends = [send_due(ledger, mail, NOW + timedelta(hours=5 * n)) for n in range(6 + most)]
    assert ends == [SendTally(retry=1)] * 6 + [SendTally(unknown=1)] * (most - 1) + [SendTally(failed=1)]
    letter = only_letter(ledger)
    assert (letter.attempts, letter.uncertain) == (6 + most, most)
    assert send_due(ledger, mail, NOW + timedelta(days=9)) == SendTally()


@UNCERTAIN
def test_case_06_a_letter_whose_every_lease_runs_out_is_not_sent_for_ever(
    ledger: Ledger, mail: Mail, monkeypatch: pytest.MonkeyPatch, kind: str, most: int
) -> None:
    write_request(ledger, mail, kind=kind)

    def die() -> Outcome:
        raise Killed

    offered = script(monkeypatch, *[die] * 9)
    for hour in range(most):
        with pytest.raises(Killed):
            send_due(ledger, mail, NOW + timedelta(hours=hour))
    assert send_due(ledger, mail, NOW + timedelta(hours=most)) == SendTally(failed=1)
    letter = only_letter(ledger)
    assert (letter.state, letter.lease_until, letter.uncertain) == ("failed", None, most)
    assert len(offered) == most
    with ledger.begin() as session:
        states = set(session.scalars(select(Request.state)))
        assert states == ({"queued", "bounced"} if kind == "request" else {"queued"})
        assert "letter_failed" in session.scalars(select(Event.kind)).all()


def test_case_01_a_kill_leaves_the_letter_in_flight_uncertain_and_no_other(
    ledger: Ledger, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed twice for one acknowledgement after another: each is sent in the end, the rest were never tried."""
    with ledger.begin() as session:
        for n in range(4):
            put(session, mail, f"ack:{n}", kind="ack", recipient=("Ai đó", f"{n}@tamduong.test"))

    def die() -> Outcome:
        raise Killed

    offered = script(monkeypatch, DONE, die, DONE, die, *[DONE] * 4)
    for hour in range(2):
        with pytest.raises(Killed):
            send_due(ledger, mail, NOW + timedelta(hours=hour))
    assert send_due(ledger, mail, NOW + timedelta(hours=2)) == SendTally(sent=2)
    assert [str(address)[0] for address in offered] == ["0", "1", "1", "2", "2", "3"]
    with ledger.begin() as session:
        ends = session.execute(select(LetterOut.state, LetterOut.attempts, LetterOut.uncertain).order_by(LetterOut.id))
        assert ends.tuples().all() == [("sent", 1, 0), ("sent", 2, 1), ("sent", 2, 1), ("sent", 1, 0)]
        assert session.scalars(select(Event.kind)).all().count("letter_unknown") == 2


def test_a_slow_server_leaves_the_rest_of_a_batch_as_it_was(
    ledger: Ledger, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three minutes a letter: nobody else may take what is still in our hands when the lease ends."""
    write_notices(ledger, mail, 6)
    clock = [0.0]
    monkeypatch.setattr(smtp_room, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def slowly() -> Outcome:
        clock[0] += 180
        return DONE

    offered = script(monkeypatch, *[slowly] * 6)
    assert send_due(ledger, mail, NOW) == SendTally(sent=4)  # the fourth ends after twelve of the fifteen minutes
    with ledger.begin() as session:
        rest = session.execute(
            select(LetterOut.state, LetterOut.attempts, LetterOut.lease_until, LetterOut.next_at).where(
                LetterOut.id > 4
            )
        )
        assert rest.tuples().all() == [("queued", 0, None, NOW)] * 2
    assert send_due(ledger, mail, NOW + timedelta(minutes=13)) == SendTally(sent=2)
    assert len(offered) == 6


@pytest.mark.parametrize("late", [LOST, PUT_OFF, Outcome("failed", "550 5.1.1"), DONE], ids=lambda o: o.end)
def test_whoever_holds_the_newest_lease_says_what_became_of_a_letter(
    ledger: Ledger, mail: Mail, monkeypatch: pytest.MonkeyPatch, late: Outcome
) -> None:
    write_request(ledger, mail)
    another = NOW + timedelta(hours=1)

    def overtaken() -> Outcome:
        assert send_due(ledger, mail, another) == SendTally(sent=1)
        return late

    script(monkeypatch, overtaken, DONE)
    assert send_due(ledger, mail, NOW) == SendTally(unknown=1)
    letter = only_letter(ledger)
    assert (letter.state, letter.sent_at, letter.last_code, letter.uncertain) == ("sent", another, "250", 1)
    with ledger.begin() as session:
        assert session.scalars(select(Contact)).all() == []
        assert session.scalar(select(Request.state).where(Request.body == "xa-a")) == "sent"
        events = session.scalars(select(Event.kind).where(Event.kind.like("letter_%")).order_by(Event.id)).all()
        assert events == ["letter_unknown", "letter_sent", "letter_lease_lost"]


def test_what_is_given_back_late_stays_with_whoever_has_taken_it(
    ledger: Ledger, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_notices(ledger, mail, 2)

    def overtaken() -> Outcome:
        assert send_due(ledger, mail, NOW + timedelta(hours=1)) == SendTally(sent=2)
        return Outcome("retry", "ConnectionResetError", broken=True)

    script(monkeypatch, overtaken, DONE, DONE)
    send_due(ledger, mail, NOW)
    with ledger.begin() as session:
        assert session.scalars(select(LetterOut.state)).all() == ["sent", "sent"]


def test_a_letter_without_bytes_does_not_keep_a_pass_going_for_ever(
    ledger: Ledger, server: EmbeddedMail, mail: Mail
) -> None:
    write_notices(ledger, mail, 2)
    with ledger.begin() as session:
        session.execute(delete(LetterBytes).where(LetterBytes.letter_out_id == 1))
    assert send_due(ledger, mail, NOW) == SendTally(sent=1)
    assert len(server.log) == 1


@pytest.mark.parametrize("kind", ["reminder", "chase"])
@pytest.mark.parametrize("answered", ["filed", "waived"])
def test_case_17_a_reminder_overtaken_by_the_answer_is_cancelled(
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


def test_case_18_no_more_letters_a_minute_than_allowed(ledger: Ledger, server: EmbeddedMail) -> None:
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


# ---- what a letter says ----------------------------------------------------------------------------------------


@contextmanager
def web_server() -> Iterator[tuple[str, list[str]]]:
    """A web server of our own, and the paths somebody asked it for."""
    asked: list[str] = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 (http.server's name)
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, _class=EmailMessage, policy=policy.default)


def test_case_12_a_body_that_names_a_file_or_a_page_stays_text(
    ledger: Ledger, server: EmbeddedMail, mail: Mail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.txt").write_text("bí mật", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with web_server() as (address, asked):
        pages = f'<link rel="stylesheet" href="{address}/a.css"><img src="{address}/b.png"><p>secret.txt</p>'
        texts = ("/etc/hostname", "secret.txt", str(tmp_path / "secret.txt"), f"{address}/c.txt")
        with ledger.begin() as session:
            for n, text in enumerate(texts):
                words = SimpleNamespace(subject="secret.txt", text=text, html=pages)
                put(session, mail, f"notice:{n}", kind="notice", letter=words, attachments=[])
        assert send_due(ledger, mail, NOW) == SendTally(sent=len(texts))
        assert asked == []
    for taken, text in zip(server.log, texts, strict=True):
        letter = read(taken.raw)
        assert list(letter.iter_attachments()) == []
        assert letter.get_body(("plain",)).get_content().strip() == text
        assert letter.get_body(("html",)).get_content().strip() == pages
        assert "bí mật".encode() not in taken.raw


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028", "\x00"])
@pytest.mark.parametrize("where", ["subject", "name", "address"])
def test_case_13_a_line_break_in_subject_name_or_address_is_refused(
    ledger: Ledger, server: EmbeddedMail, mail: Mail, where: str, line_break: str
) -> None:
    smuggled = f"a{line_break}Bcc: ai@noi-khac.test"
    change: dict[str, object] = {
        "subject": {"letter": SimpleNamespace(subject=smuggled, text="", html="")},
        "name": {"recipient": (smuggled, XA_A)},
        "address": {"recipient": ("Xã A", f"{XA_A}{line_break}")},
    }[where]
    with pytest.raises(HeaderInjection), ledger.begin() as session:
        put(session, mail, **change)
    assert send_due(ledger, mail, NOW) == SendTally()
    assert server.log == []


LONG_NAME = "Ủy ban nhân dân thị trấn Tam Đường, huyện Tam Đường, tỉnh Lai Châu (Văn phòng Hội đồng nhân dân)"


@pytest.mark.parametrize(
    "name", ["Công an huyện", "Phòng Y tế; Trạm “Bản Giang”, xã", 'Ông "Tư" <x@y.test>', LONG_NAME]
)
def test_case_14_vietnamese_names_survive_as_two_parsers_read_them(
    ledger: Ledger, server: EmbeddedMail, mail: Mail, name: str
) -> None:
    words = SimpleNamespace(subject=f"Đề nghị {name} gửi báo cáo sáu tháng", text=name, html=f"<p>{name}</p>")
    with ledger.begin() as session:
        put(session, mail, recipient=(name, XA_A), letter=words)
    assert send_due(ledger, mail, NOW) == SendTally(sent=1)
    (taken,) = server.log
    letter, old = read(taken.raw), message_from_bytes(taken.raw, policy=policy.compat32)
    assert letter["Subject"] == text_of(old, "Subject") == f"[#{TOKEN_A}] {words.subject}"
    assert letter["To"].addresses == (Address(name, addr_spec=XA_A),)
    shown, address = parseaddr(old["To"])
    assert (str(make_header(decode_header(shown))), address) == (name, XA_A)
    assert letter.get_body(("plain",)).get_content().strip() == name
    assert all(len(line) <= 998 and line.isascii() for line in taken.raw.split(b"\r\n"))


@pytest.mark.parametrize("name", ["Báo cáo xã Bản Giang.xlsx", "Biểu 01 – trẻ em (6 tháng).xls", "ờ" * 80 + ".ods"])
@pytest.mark.parametrize("way", ["rfc 2231", "rfc 2047", "8 bit"])
def test_case_14_vietnamese_file_names_of_an_answer_survive(
    ledger: Ledger, server: EmbeddedMail, mail: Mail, name: str, way: str
) -> None:
    raw = answer()
    (old,) = [line for line in raw.split(b"\r\n") if line.startswith(b"Content-Disposition")]
    rest = raw.partition(old + b"\r\n")[2]
    (continued,) = re.findall(rb"^(?: .*\r\n)*", rest)
    given = {
        "rfc 2231": b"filename*=utf-8''" + quote(name).encode(),
        "rfc 2047": b'filename="' + Header(name, "utf-8", maxlinelen=900).encode().encode() + b'"',
        "8 bit": b'filename="' + name.encode() + b'"',
    }[way]
    raw = raw.replace(old + b"\r\n" + continued, b"Content-Disposition: attachment; " + given + b"\r\n")
    with smtplib.SMTP(*server.smtp) as body:
        body.login(XA_A, "a")
        body.sendmail(XA_A, [OFFICE], raw)
    assert collect(ledger, mail, NOW) == CollectTally(stored=1)
    with ledger.begin() as session:
        kept = ledger.originals.read(session.scalars(select(LetterIn.raw_sha)).one())
    assert [file.name for file in parse(kept, mail).attachments] == [name]


def test_case_15_a_workbook_keeps_its_type_on_a_machine_that_knows_none(
    ledger: Ledger, server: EmbeddedMail, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in ("types_map", "common_types", "suffix_map", "encodings_map", "_db"):
        monkeypatch.setattr(mimetypes, table, None)  # put back afterwards
    monkeypatch.setattr(mimetypes, "knownfiles", [])
    mimetypes.init(files=[])
    assert mimetypes.guess_type("BM-XA.xlsx") == (None, None)
    write_request(ledger, mail)
    send_due(ledger, mail, NOW)
    (file,) = read(server.log[0].raw).iter_attachments()
    assert (file.get_content_type(), file.get_filename()) == (XLSX, "BM-XA.xlsx")
    assert file.get_content_disposition() == "attachment"


# ---- several at once -------------------------------------------------------------------------------------------


def assert_each_left_once(ledger: Ledger, server: EmbeddedMail, count: int) -> None:
    assert len(server.log) == count
    assert len({taken.raw for taken in server.log}) == count
    with ledger.begin() as session:
        assert set(session.execute(select(LetterOut.state, LetterOut.attempts)).tuples()) == {("sent", 1)}


def write_notices(ledger: Ledger, mail: Mail, count: int) -> None:
    with ledger.begin() as session:
        for n in range(count):
            put(session, mail, f"notice:{n}", kind="notice")


def test_case_16_two_runs_in_one_process_send_each_letter_once(
    ledger: Ledger, server: EmbeddedMail, mail: Mail
) -> None:
    write_notices(ledger, mail, 60)
    gate = Barrier(3)

    def run() -> SendTally:
        gate.wait(10)
        return send_due(ledger, mail, NOW)

    with ThreadPoolExecutor(3) as pool:
        tallies = [job.result() for job in [pool.submit(run) for _ in range(3)]]
    assert sum(tally.sent for tally in tallies) == 60
    assert_each_left_once(ledger, server, 60)


@needs_fork
def test_case_16_two_runs_in_two_processes_send_each_letter_once(
    ledger: Ledger, server: EmbeddedMail, mail: Mail
) -> None:
    write_notices(ledger, mail, 60)
    assert together(ledger, [lambda own: send_due(own, mail, NOW)] * 3) == [0, 0, 0]
    assert_each_left_once(ledger, server, 60)
