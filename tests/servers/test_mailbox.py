"""Collecting from Dovecot while the mailbox changes, misbehaves or is shared: cases 49 to 52, 57 to 59 and 64."""

import smtplib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.mailroom.builders import NOW, OFFICE, XA_A, account, answer, mail_for
from tests.servers.conftest import NewDovecot
from tests.servers.dovecot import Dovecot
from tests.servers.loopback import HOST, wait_until
from tests.servers.processes import in_child, needs_fork
from treem.ledger.store import Ledger
from treem.ledger.tables import LetterIn, Location, Mailbox
from treem.mailroom import imap as imap_room
from treem.mailroom.errors import MailUnreachable
from treem.mailroom.imap import CollectTally, collect
from treem.plan.settings import Mail

pytestmark = pytest.mark.servers
EARLIER = datetime(2026, 5, 16, 3, 4, 5, tzinfo=UTC)
NEXT_DAY = NOW + timedelta(days=1)


def mail_of(dovecot: Dovecot, **changes: Any) -> Mail:
    return mail_for(**{"imap": account(HOST, dovecot.imap)} | changes)


def fill(dovecot: Dovecot, *names: object) -> list[bytes]:
    """Letters with those names, in the office's mailbox."""
    letters = [answer(message_id=f"<{name}@x.test>") for name in names]
    for letter in letters:
        dovecot.put(OFFICE, letter, when=EARLIER)
    return letters


def letters(ledger: Ledger) -> list[LetterIn]:
    with ledger.begin() as session:
        return list(session.scalars(select(LetterIn).order_by(LetterIn.id)))


def kept(ledger: Ledger) -> list[bytes]:
    """Every original, in the order of arrival."""
    return [ledger.originals.read(letter.raw_sha) for letter in letters(ledger)]


def after(monkeypatch: pytest.MonkeyPatch, step: str, act: Callable[[], object]) -> None:
    """Let somebody act once, after the reader has taken that step for the first time."""
    real, waiting = getattr(imap_room._Reader, step), [act]

    def step_and_act(reader: Any, *given: Any) -> Any:
        result = real(reader, *given)
        result = iter(list(result)) if isinstance(result, Iterator) else result
        while waiting:
            waiting.pop()()
        return result

    monkeypatch.setattr(imap_room._Reader, step, step_and_act)


# ---- numbers ---------------------------------------------------------------------------------------------------


def test_case_49_after_a_new_uidvalidity_nothing_is_lost_and_nothing_there_twice(
    ledger: Ledger, dovecot: Dovecot
) -> None:
    fill(dovecot, 1, 2, 3)
    assert collect(ledger, mail_of(dovecot), NOW) == CollectTally(stored=3)
    before = validity(ledger)
    for file in dovecot.maildir(OFFICE).glob("dovecot*"):
        if "uidvalidity" not in file.name:  # the uidlist and the indexes; Dovecot counts on from the last validity
            file.unlink()
    fill(dovecot, 4)
    assert collect(ledger, mail_of(dovecot), NOW) == CollectTally(stored=1, seen=3)
    assert validity(ledger) != before
    assert collect(ledger, mail_of(dovecot), NEXT_DAY) == CollectTally()
    assert len(letters(ledger)) == 4
    assert {letter.received_at for letter in letters(ledger)} == {EARLIER}
    with ledger.begin() as session:
        assert session.scalar(select(func.count(Location.id))) == 7


def test_case_49_a_folder_that_was_deleted_and_made_again_starts_anew(ledger: Ledger, dovecot: Dovecot) -> None:
    mail = mail_of(dovecot, folder="Báo cáo")
    old, new = answer(message_id="<1@x.test>"), answer(message_id="<2@x.test>")
    with dovecot.webmail(OFFICE) as somebody:
        somebody.create_folder("Báo cáo")
    dovecot.put(OFFICE, old, "Báo cáo")
    assert collect(ledger, mail, NOW) == CollectTally(stored=1)
    with dovecot.webmail(OFFICE) as somebody:
        somebody.delete_folder("Báo cáo")
        somebody.create_folder("Báo cáo")
    dovecot.put(OFFICE, new, "Báo cáo")  # has the UID that the old one had
    assert collect(ledger, mail, NOW) == CollectTally(stored=1)
    assert kept(ledger) == [old, new]


def validity(ledger: Ledger) -> int:
    with ledger.begin() as session:
        return session.scalars(select(Mailbox.uidvalidity).where(Mailbox.folder == "INBOX")).one()


def test_case_50_with_nothing_new_no_letter_is_fetched(ledger: Ledger, dovecot: Dovecot) -> None:
    fill(dovecot, 1, 2)
    assert collect(ledger, mail_of(dovecot), NOW) == CollectTally(stored=2)
    assert collect(ledger, mail_of(dovecot), NOW) == CollectTally()
    wait_until(lambda: "Logged out" in dovecot.log.splitlines()[-1], "Dovecot writes no log")
    assert "body_count=0" in dovecot.log.splitlines()[-1]
    fill(dovecot, 3)
    assert collect(ledger, mail_of(dovecot), NOW) == CollectTally(stored=1)


# ---- other hands in the mailbox --------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["uids", "_batches_of"])
def test_case_51_a_letter_expunged_between_search_and_fetch_stops_no_other(
    ledger: Ledger, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    one, _, three = fill(dovecot, 1, 2, 3)

    def lose_the_second() -> None:
        with dovecot.webmail(OFFICE) as somebody:
            somebody.delete_messages([2])
            somebody.expunge()

    after(monkeypatch, step, lose_the_second)
    assert collect(ledger, mail_of(dovecot), NOW) == CollectTally(stored=2, unfetched=1)
    assert kept(ledger) == [one, three]
    fill(dovecot, 4)
    assert collect(ledger, mail_of(dovecot), NOW) == CollectTally(stored=1)
    assert collect(ledger, mail_of(dovecot), NEXT_DAY) == CollectTally()


def test_case_52_somebody_reads_flags_moves_and_deletes_while_we_collect(
    ledger: Ledger, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = fill(dovecot, *range(1, 9))
    with dovecot.webmail(OFFICE) as somebody:
        somebody.create_folder("Đã xử lý")
    monkeypatch.setattr(imap_room, "LETTERS_AT_ONCE", 2)

    def be_busy() -> None:
        with dovecot.webmail(OFFICE) as somebody:
            somebody.add_flags([1, 3], [b"\\Seen", b"\\Flagged"])
            somebody.move([2], "Đã xử lý")  # is collected already
            somebody.move([4], "Đã xử lý")  # is not yet, and is gone from the folder that is read
            somebody.delete_messages([5])
            somebody.expunge()
            somebody.move([6], "Đã xử lý")
            somebody.select_folder("Đã xử lý")
            back = somebody.search([b"HEADER", b"Message-ID", b"<6@x.test>"])
            somebody.move(back, "INBOX")  # and has another UID now

    after(monkeypatch, "fetch", be_busy)
    first = collect(ledger, mail_of(dovecot), NOW)
    second = collect(ledger, mail_of(dovecot), NEXT_DAY)
    assert (first.stored + second.stored, first.seen + second.seen) == (6, 0)
    assert sorted(kept(ledger)) == sorted(written[n - 1] for n in (1, 2, 3, 6, 7, 8))
    with dovecot.webmail(OFFICE) as somebody:
        flags = somebody.get_flags(somebody.search())
        assert set(flags[1]) >= {b"\\Seen", b"\\Flagged"}
        assert not any(b"\\Seen" in flags[uid] for uid in flags if uid not in (1, 3))


def test_case_52_a_letter_moved_away_and_back_is_one_letter(ledger: Ledger, dovecot: Dovecot) -> None:
    fill(dovecot, 1, 2)
    assert collect(ledger, mail_of(dovecot), NOW) == CollectTally(stored=2)
    with dovecot.webmail(OFFICE) as somebody:
        somebody.move([1], "Junk")
    assert collect(ledger, mail_of(dovecot), NOW) == CollectTally(seen=1)
    with dovecot.webmail(OFFICE, "Junk") as somebody:
        somebody.move(somebody.search(), "INBOX")
    assert collect(ledger, mail_of(dovecot), NOW) == CollectTally(seen=1)
    assert len(letters(ledger)) == 2


def test_case_57_a_letter_in_the_junk_folder_is_found_whatever_the_folder_is_called(
    ledger: Ledger, new_dovecot: NewDovecot
) -> None:
    dovecot = new_dovecot(junk="Thư rác")
    good, suspected = answer(message_id="<1@x.test>"), answer(message_id="<2@x.test>")
    dovecot.put(OFFICE, good)
    dovecot.put(OFFICE, suspected, "Thư rác")
    assert collect(ledger, mail_of(dovecot), NOW) == CollectTally(stored=2)
    assert sorted(kept(ledger)) == sorted([good, suspected])
    with ledger.begin() as session:
        assert set(session.scalars(select(Mailbox.folder))) == {"INBOX", "Thư rác"}
    assert list(dovecot.letters(OFFICE, "Thư rác").values()) == [suspected]
    assert collect(ledger, mail_of(dovecot), NEXT_DAY) == CollectTally()


def test_case_57_the_junk_folder_is_left_alone_where_the_settings_say_so(ledger: Ledger, dovecot: Dovecot) -> None:
    dovecot.put(OFFICE, answer(), "Junk")
    assert collect(ledger, mail_of(dovecot, junk_folder=None), NOW) == CollectTally()


# ---- limits ----------------------------------------------------------------------------------------------------


def test_case_58_a_full_mailbox_refuses_the_letter_and_nothing_breaks_here(
    ledger: Ledger, new_dovecot: NewDovecot
) -> None:
    dovecot = new_dovecot(quota="20K")
    small, large = answer(message_id="<1@x.test>"), answer(message_id="<2@x.test>") + b"x" * 40_000
    with smtplib.LMTP(HOST, dovecot.lmtp) as server:
        server.sendmail(XA_A, [OFFICE], small)
        with pytest.raises(smtplib.SMTPDataError) as caught:
            server.sendmail(XA_A, [OFFICE], large)
    assert caught.value.smtp_code == 552
    assert collect(ledger, mail_of(dovecot), NOW) == CollectTally(stored=1)
    assert collect(ledger, mail_of(dovecot), NEXT_DAY) == CollectTally()


def test_case_59_too_many_connections_are_waited_for(ledger: Ledger, new_dovecot: NewDovecot) -> None:
    dovecot = new_dovecot(connections=1)
    dovecot.put(OFFICE, answer())
    with dovecot.webmail(OFFICE), pytest.raises(MailUnreachable) as caught:
        collect(ledger, mail_of(dovecot), NOW)
    assert caught.value.retryable
    assert collect(ledger, mail_of(dovecot), NOW + timedelta(minutes=10)) == CollectTally(stored=1)


@pytest.mark.parametrize("step", ["folders", "uids", "fetch"])
def test_case_59_a_server_that_says_bye_in_the_middle_is_asked_again_later(
    ledger: Ledger, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    written = fill(dovecot, 1, 2, 3, 4, 5)
    monkeypatch.setattr(imap_room, "LETTERS_AT_ONCE", 2)
    after(monkeypatch, step, dovecot.stop)
    with pytest.raises(MailUnreachable) as caught:
        collect(ledger, mail_of(dovecot), NOW)
    assert caught.value.retryable
    before = len(letters(ledger))
    assert before == (2 if step == "fetch" else 0)
    dovecot.start()
    assert collect(ledger, mail_of(dovecot), NOW + timedelta(minutes=10)) == CollectTally(stored=5 - before)
    assert kept(ledger) == written


@needs_fork
def test_case_64_of_a_letter_of_60_megabytes_only_the_head_is_fetched(ledger: Ledger, dovecot: Dovecot) -> None:
    before, huge, behind = answer(message_id="<1@x.test>"), answer(message_id="<2@x.test>"), answer()
    line = b"y" * 76 + b"\r\n"
    for letter in (before, huge + line * 800_000, behind):
        dovecot.put(OFFICE, letter, when=EARLIER)

    def collect_in_little_memory(own: Ledger) -> None:
        import resource  # where there is a fork, there is this

        start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert collect(own, mail_of(dovecot), NOW) == CollectTally(stored=3)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start < 20_000  # KB

    assert in_child(ledger, collect_in_little_memory) == 0
    first, held, last = letters(ledger)
    assert (held.state, held.verdict, held.received_at) == ("hold", "too_big", EARLIER)
    assert held.size > 60_000_000
    assert ledger.originals.read(held.raw_sha) == huge.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert [ledger.originals.read(x.raw_sha) for x in (first, last)] == [before, behind]


# ---- bytes -----------------------------------------------------------------------------------------------------

STRANGE = b"From: xa-a@tamduong.test\r\nSubject: B\xe1o c\xe1o\r\n\r\nA\x00B\rC\xe1\xff \r\n.\r\n..\r\n\x1a"


@pytest.mark.parametrize("raw", [STRANGE, STRANGE.replace(b"\r\n", b"\n"), b"\r\n", b"khong co dau thu"])
@pytest.mark.parametrize("way", ["lmtp", "file"])
def test_whatever_bytes_the_server_gives_are_kept(ledger: Ledger, dovecot: Dovecot, way: str, raw: bytes) -> None:
    """Dovecot itself changes NUL to 0x80 and ends every line with CRLF; what it then hands out is what counts."""
    collect(ledger, mail_of(dovecot), NOW)  # the mailbox exists from the first login
    if way == "lmtp":
        with smtplib.LMTP(HOST, dovecot.lmtp) as server:
            server.sendmail(XA_A, [OFFICE], raw)
    else:
        dovecot.slip_in(OFFICE, raw)
    assert collect(ledger, mail_of(dovecot), NOW) == CollectTally(stored=1)
    assert kept(ledger) == list(dovecot.letters(OFFICE).values())
    assert [letter.size for letter in letters(ledger)] == [len(kept(ledger)[0])]
    assert collect(ledger, mail_of(dovecot), NEXT_DAY) == CollectTally()
