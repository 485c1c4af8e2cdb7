"""Collecting from a real server: nothing is lost, nothing is stored twice, the mailbox is not touched.

The numbers are those of the checklist such a system must pass. case_54, a move that fails, cannot happen: nothing is
moved. The same on Dovecot is in tests/servers.
"""

import imaplib
import socket
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import func, select

from tests.mailroom.builders import NOW, OFFICE, PASSWORD, account, answer, mail_for
from tests.mailroom.raw_server import Mailbox as RawMailbox
from tests.mailroom.raw_server import mailbox
from treem.ledger.originals import Originals
from treem.ledger.store import Ledger, StoreFull
from treem.ledger.tables import LetterIn, Location, Mailbox
from treem.mailroom import imap as imap_room
from treem.mailroom.errors import FolderMissing, LoginRefused, MailUnreachable, PlainRefused, TlsUnavailable
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


def test_case_50_only_new_letters_are_fetched_and_none_is_marked(
    ledger: Ledger, server: EmbeddedMail, mail: Mail
) -> None:
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


@pytest.mark.parametrize("stamps", [(EARLIER, NOW), (NOW, EARLIER)], ids=["earlier first", "earlier last"])
def test_of_the_same_letter_twice_in_one_batch_the_first_receipt_counts(
    ledger: Ledger, server: EmbeddedMail, mail: Mail, stamps: tuple[datetime, datetime]
) -> None:
    for stamp in stamps:
        server.inject(OFFICE, answer(), stamp)
    assert collect(ledger, mail, NOW) == CollectTally(stored=1, seen=1)
    assert [letter.received_at for letter in letters(ledger)] == [EARLIER]


def test_case_49_a_new_uidvalidity_looks_at_everything_and_stores_nothing_twice(ledger: Ledger) -> None:
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


def test_case_64_a_letter_that_is_too_big_waits_for_a_person(ledger: Ledger, server: EmbeddedMail) -> None:
    server.inject(OFFICE, answer() + b"x" * 5000)
    assert collect(ledger, mail_for(server, max_letter_bytes=3000), NOW) == CollectTally(stored=1)
    (letter,) = letters(ledger)
    assert (letter.state, letter.verdict) == ("hold", "too_big")
    kept = ledger.originals.read(letter.raw_sha)
    assert b"From: xa-a@tamduong.test" in kept
    assert b"xxx" not in kept


def test_case_56_a_full_disk_loses_nothing(
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
            (TlsUnavailable, mail_for(server, imap=account(host, port, security="starttls"))),
            (PlainRefused, mail_for(server, imap=account("imap.tamduong.test", 143))),
            (FolderMissing, mail_for(server, folder="Báo cáo")),
        )
    ):
        with pytest.raises(error) as caught:
            collect(ledger, mail, NOW + timedelta(hours=hour))  # after a refused login the account has peace
        assert "sai" not in str(caught.value)
        assert caught.value.retryable == (error is MailUnreachable)


def test_the_servers_time_is_kept_of_every_letter_of_many(
    ledger: Ledger, server: EmbeddedMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sizes and stamps are asked for some letters at once, and those of one portion are not mixed with the next."""
    monkeypatch.setattr(imap_room, "SIZES_AT_ONCE", 10)
    monkeypatch.setattr(imap_room, "LETTERS_AT_ONCE", 5)
    for n in range(23):
        server.inject(OFFICE, answer(message_id=f"<{n}@x.test>") + b"x" * (5000 * (n == 9)), EARLIER)
    assert collect(ledger, mail_for(server, max_letter_bytes=3000), NOW) == CollectTally(stored=23)
    assert {letter.received_at for letter in letters(ledger)} == {EARLIER}
    assert [n for n, letter in enumerate(letters(ledger)) if letter.verdict == "too_big"] == [9]


# ---- a server that misbehaves ----------------------------------------------------------------------------------


def numbered(*uids: int) -> dict[int, bytes]:
    return {uid: answer(message_id=f"<{uid}@x.test>") for uid in uids}


def mail_of(box: RawMailbox) -> Mail:
    return mail_for(imap=account("127.0.0.1", box.port, timeout=5))


def kept(ledger: Ledger) -> set[bytes]:
    return {ledger.originals.read(letter.raw_sha) for letter in letters(ledger)}


def test_case_50_the_last_letter_is_not_fetched_again_and_again(ledger: Ledger) -> None:
    """A set such as 6:* always names the last letter, even where that is number 5."""
    with mailbox(numbered(3, 5)) as box:
        assert collect(ledger, mail_of(box), NOW) == CollectTally(stored=2)
        assert collect(ledger, mail_of(box), NOW) == CollectTally()
        box.letters |= numbered(9)
        assert collect(ledger, mail_of(box), NOW) == CollectTally(stored=1)
        assert [uid for uid, _ in box.fetched] == [3, 5, 9]


def test_case_53_lost_in_the_middle_of_a_letter_once_everything_is_there_in_the_end(ledger: Ledger) -> None:
    with mailbox(numbered(1, 2, 3, 4), cut=Counter({3: 1})) as box:
        assert collect(ledger, mail_of(box), NOW) == CollectTally(stored=4)
        assert kept(ledger) == set(box.letters.values())
        assert box.connections == 2


def test_case_53_a_letter_that_always_breaks_the_line_stops_no_other_and_is_tried_each_time(ledger: Ledger) -> None:
    with mailbox(numbered(1, 2, 3, 4), cut=Counter({3: 1000})) as box:
        assert collect(ledger, mail_of(box), NOW) == CollectTally(stored=3, unfetched=1)
        assert kept(ledger) == {box.letters[uid] for uid in (1, 2, 4)}
        box.fetched.clear()
        assert collect(ledger, mail_of(box), NOW + timedelta(minutes=10)) == CollectTally(unfetched=1)
        box.cut.clear()
        assert collect(ledger, mail_of(box), NOW + timedelta(minutes=20)) == CollectTally(stored=1)
        assert kept(ledger) == set(box.letters.values())
        assert {uid for uid, _ in box.fetched} == {3}


def test_case_53_a_letter_left_out_before_the_server_was_gone_is_not_forgotten(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_room, "LETTERS_AT_ONCE", 1)
    with mailbox(numbered(1, 2, 3), cut=Counter({1: 1, 3: 1})) as box:
        again, times = imap_room._Reader._reconnect, count()

        def gone_the_second_time(reader: imap_room._Reader, folder: str) -> None:
            if next(times):
                raise MailUnreachable
            again(reader, folder)

        with monkeypatch.context() as patched:
            patched.setattr(imap_room._Reader, "_reconnect", gone_the_second_time)
            with pytest.raises(MailUnreachable):
                collect(ledger, mail_of(box), NOW)
        assert kept(ledger) == {box.letters[2]}
        assert collect(ledger, mail_of(box), NOW + timedelta(minutes=10)) == CollectTally(stored=2)


def test_case_49_a_mailbox_numbered_anew_in_the_middle_is_not_read_by_its_old_numbers(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mailbox(numbered(1, 2, 3), cut=Counter({2: 1})) as box:
        again = imap_room._Reader._reconnect

        def number_anew(reader: imap_room._Reader, folder: str) -> None:
            box.uidvalidity, box.letters = 8, dict(enumerate(reversed(box.letters.values()), start=1))
            again(reader, folder)

        with monkeypatch.context() as patched:
            patched.setattr(imap_room._Reader, "_reconnect", number_anew)
            with pytest.raises(MailUnreachable, match="đánh số lại"):
                collect(ledger, mail_of(box), NOW)
        assert collect(ledger, mail_of(box), NOW + timedelta(minutes=10)) == CollectTally(stored=3)
        assert kept(ledger) == set(box.letters.values())


def test_case_53_a_last_letter_that_breaks_the_line_is_tried_again_at_once(ledger: Ledger) -> None:
    with mailbox(numbered(1, 2), cut=Counter({2: 2})) as box:
        assert collect(ledger, mail_of(box), NOW) == CollectTally(stored=1, unfetched=1)
        assert collect(ledger, mail_of(box), NOW) == CollectTally(stored=1)


def test_case_59_a_wrong_password_is_tried_once_and_the_account_has_peace(ledger: Ledger) -> None:
    """This is case_10 of the receiving side too."""
    with mailbox(numbered(1), login="NO [AUTHENTICATIONFAILED] Authentication failed.") as box:
        with pytest.raises(LoginRefused):
            collect(ledger, mail_of(box), NOW)
        for minutes in (1, 10, 29):
            assert collect(ledger, mail_of(box), NOW + timedelta(minutes=minutes)) == CollectTally(paused=1)
        assert (box.connections, box.logins) == (1, 1)
        box.login = "OK Logged in"
        assert collect(ledger, mail_of(box), NOW + timedelta(minutes=30)) == CollectTally(stored=1)


@pytest.mark.parametrize(
    "said",
    [
        {"greeting": "* BYE [UNAVAILABLE] Too many connections"},
        {"login": "BYE Too many connections"},
        {"login": "NO [UNAVAILABLE] Temporary authentication failure."},
        {"login": "NO [LIMIT] Maximum number of connections from user+IP exceeded"},
        {"login": "NO [INUSE] Mailbox is locked"},
    ],
    ids=str,
)
def test_case_59_a_server_with_no_time_for_us_is_tried_again_at_the_next_pass(
    ledger: Ledger, said: dict[str, str]
) -> None:
    with mailbox(numbered(1), **said) as box:
        with pytest.raises(MailUnreachable) as caught:
            collect(ledger, mail_of(box), NOW)
        assert caught.value.retryable
        assert type(caught.value) is MailUnreachable
        box.greeting, box.login = "* OK ready", "OK Logged in"
        assert collect(ledger, mail_of(box), NOW + timedelta(minutes=10)) == CollectTally(stored=1)
