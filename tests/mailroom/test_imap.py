"""Collecting from a real server: nothing is lost, nothing is stored twice, the mailbox is not touched."""

import imaplib
import socket
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from tests.mailroom.builders import NOW, OFFICE, PASSWORD, account, answer, mail_for
from treem.ledger.originals import Originals
from treem.ledger.store import Ledger, StoreFull
from treem.ledger.tables import LetterIn, Location, Mailbox
from treem.mailroom.errors import FolderMissing, LoginRefused, MailUnreachable, PlainRefused
from treem.mailroom.imap import CollectTally, collect
from treem.plan.settings import Mail
from treem.rehearsal.mail_server import EmbeddedMail

EARLIER = datetime(2027, 5, 16, 3, 4, 5, tzinfo=UTC)


def letters(ledger: Ledger) -> list[LetterIn]:
    with ledger.begin() as session:
        return list(session.scalars(select(LetterIn).order_by(LetterIn.id)))


def test_a_letter_is_kept_byte_for_byte_with_the_server_s_time(
    ledger: Ledger, server: EmbeddedMail, mail: Mail
) -> None:
    server.inject(OFFICE, answer(), EARLIER)
    assert collect(ledger, mail, NOW) == CollectTally(stored=1)
    (letter,) = letters(ledger)
    assert ledger.originals.read(letter.raw_sha) == answer()
    assert (letter.state, letter.size, letter.received_at) == ("stored", len(answer()), EARLIER)


def test_only_new_letters_are_fetched_and_none_is_marked(ledger: Ledger, server: EmbeddedMail, mail: Mail) -> None:
    server.inject(OFFICE, answer(message_id="<1@x.test>"))
    assert collect(ledger, mail, NOW) == CollectTally(stored=1)
    assert collect(ledger, mail, NOW) == CollectTally()
    server.inject(OFFICE, answer(message_id="<2@x.test>"))
    assert collect(ledger, mail, NOW) == CollectTally(stored=1)
    with imaplib.IMAP4(*server.imap) as client:
        client.login(OFFICE, PASSWORD)
        client.select(readonly=True)
        assert client.search(None, "UNSEEN")[1] == [b"1 2"]


def test_the_same_letter_twice_in_the_mailbox_is_one_letter(ledger: Ledger, server: EmbeddedMail, mail: Mail) -> None:
    server.inject(OFFICE, answer())
    server.inject(OFFICE, answer())
    assert collect(ledger, mail, NOW) == CollectTally(stored=1, seen=1)
    with ledger.begin() as session:
        assert session.scalar(select(func.count(Location.id))) == 2


def test_a_new_uidvalidity_looks_at_everything_and_stores_nothing_twice(ledger: Ledger) -> None:
    validities = []
    for _ in range(2):
        with EmbeddedMail({OFFICE: PASSWORD}) as server:
            for n in range(3):
                server.inject(OFFICE, answer(message_id=f"<{n}@x.test>"))
            tally = collect(ledger, mail_for(server), NOW)
        with ledger.begin() as session:
            validities.append(session.scalars(select(Mailbox.uidvalidity)).one())
    assert validities[0] != validities[1]
    assert tally == CollectTally(seen=3)
    assert len(letters(ledger)) == 3
    with ledger.begin() as session:
        assert session.scalar(select(func.count(Location.id))) == 6


def test_a_stamp_from_the_future_counts_as_now(ledger: Ledger, server: EmbeddedMail, mail: Mail) -> None:
    server.inject(OFFICE, answer(), NOW + timedelta(days=2))
    collect(ledger, mail, NOW)
    assert letters(ledger)[0].received_at == NOW


def test_a_letter_that_is_too_big_waits_for_a_person(ledger: Ledger, server: EmbeddedMail) -> None:
    server.inject(OFFICE, answer() + b"x" * 5000)
    assert collect(ledger, mail_for(server, max_letter_bytes=3000), NOW) == CollectTally(stored=1)
    (letter,) = letters(ledger)
    assert (letter.state, letter.verdict) == ("hold", "too_big")
    kept = ledger.originals.read(letter.raw_sha)
    assert b"From: xa-a@tamduong.test" in kept
    assert b"xxx" not in kept


def test_a_full_disk_loses_nothing(
    ledger: Ledger, server: EmbeddedMail, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.inject(OFFICE, answer())

    def full(_self: Originals, _contents: object) -> list[str]:
        raise StoreFull

    with monkeypatch.context() as patched:
        patched.setattr(Originals, "keep_all", full)
        with pytest.raises(StoreFull):
            collect(ledger, mail, NOW)
    assert letters(ledger) == []
    assert collect(ledger, mail, NOW) == CollectTally(stored=1)


def test_troubles_are_named(ledger: Ledger, server: EmbeddedMail) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        closed = probe.getsockname()[1]
    host, port = server.imap
    for hour, (error, mail) in enumerate(
        (
            (LoginRefused, mail_for(server, imap=account(host, port, password="sai"))),
            (MailUnreachable, mail_for(server, imap=account(host, closed))),
            (MailUnreachable, mail_for(server, imap=account(host, port, security="starttls"))),
            (PlainRefused, mail_for(server, imap=account("imap.tamduong.test", 143))),
            (FolderMissing, mail_for(server, folder="Báo cáo")),
        )
    ):
        with pytest.raises(error) as caught:
            collect(ledger, mail, NOW + timedelta(hours=hour))  # after a refused login the account has peace
        assert "sai" not in str(caught.value)
        assert caught.value.retryable == (error is MailUnreachable)
