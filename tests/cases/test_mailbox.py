"""Cases 49 to 59: the mailbox is used by others, starts anew, breaks off. From the letter to the acknowledgement."""

import imaplib
import smtplib
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cases.letters import answer, letter
from tests.cases.office import JUNE, LATER, STRANGER, CaseDesk, Prepared, webmail
from tests.cases.tapped_line import Tap, tapped
from tests.rounds.conftest import PlainOffice, at
from treem.mailroom import imap
from treem.mailroom.errors import MailUnreachable
from treem.rehearsal.mail_server import EmbeddedMail
from treem.rehearsal.stage import Stage
from treem.rounds import digest, inbox
from treem.rounds.house import House
from treem.rounds.intake import process_stored

BODIES = ("dai", "tckh", "03390")
NEXT_DAY = LATER + timedelta(days=1)


@pytest.fixture
def tap(stage: Stage) -> Iterator[Tap]:
    with tapped(stage.mail.imap) as made:
        yield made


@pytest.fixture
def tapped_desk(prepared: Prepared, tap: Tap, tmp_path: Path) -> CaseDesk:
    """A desk whose office reads its mailbox over the tapped line."""
    account = prepared.settings.mail.imap.model_copy(update={"port": tap.port, "timeout": 5})
    return prepared.desk(tmp_path / "home", {"imap": account})


def three_answers(desk: CaseDesk) -> None:
    for body in BODIES:
        desk.answer(body, desk.good(body))


def each_answered_once(desk: CaseDesk) -> bool:
    """Whether every body's answer was taken once, and acknowledged once."""
    assert desk.ends() == [("done", "answer")] * 3
    assert sorted(desk.out()) == sorted((desk.address(body), "accepted") for body in BODIES)
    assert [len(desk.submissions(body)) for body in BODIES] == [1, 1, 1]
    return set(desk.requests().values()) == {"accepted"}


def contents(client: imaplib.IMAP4, folder: str = "INBOX") -> list[tuple[bytes, bytes]]:
    """Number and flags of each letter in a folder, and its bytes."""
    client.select(folder, readonly=True)
    found = client.fetch("1:*", "(FLAGS BODY.PEEK[])")[1]
    return [
        (part[0].replace(b"\\Recent", b"").replace(b" )", b")"), part[1]) for part in found if part and part != b")"
    ]


# ---- 49, 50: numbers


def test_case_49_on_a_new_server_with_all_the_old_letters_only_the_new_one_is_answered(desk: CaseDesk) -> None:
    """The mailbox was moved: another UIDVALIDITY, the same UIDs for other letters."""
    for body in BODIES[:2]:
        desk.answer(body, desk.good(body))
    desk.collect(LATER)
    with webmail(desk.world.stage, desk.house.settings.mail) as client:
        old = [raw for _, raw in contents(client)]
    assert len(old) == 2
    desk.answer("03390", desk.good("03390"))
    with webmail(desk.world.stage, desk.house.settings.mail) as client:
        (new,) = [raw for _, raw in contents(client) if raw not in old]
    with EmbeddedMail(desk.world.stage.mail.users) as another:
        for raw in (new, *reversed(old)):
            another.inject(desk.mailbox, raw, JUNE)
        moved = desk.reopened(lambda house: _reading_at(house, another))
        imap_only = imap.collect(moved.house.ledger, moved.house.settings.mail, LATER)
        assert (imap_only.stored, imap_only.seen) == (1, 2)
        moved.collect(NEXT_DAY)
        moved.collect(NEXT_DAY)
    assert each_answered_once(desk)


def _reading_at(house: House, server: EmbeddedMail) -> House:
    mail = house.settings.mail
    account = mail.imap.model_copy(update={"port": server.imap[1]})
    return replace(
        house, settings=house.settings.model_copy(update={"mail": mail.model_copy(update={"imap": account})})
    )


def test_case_50_each_letter_is_fetched_once_also_when_it_stays_the_last(tapped_desk: CaseDesk, tap: Tap) -> None:
    desk = tapped_desk
    for body in BODIES:
        desk.answer(body, desk.good(body))
        desk.collect(LATER)
        tap.commands.clear()
        desk.collect(LATER)
        assert "UID SEARCH" in tap.verbs
        assert "UID FETCH" not in tap.verbs
    assert each_answered_once(desk)


# ---- 51, 52: other hands


def test_case_51_a_letter_deleted_between_search_and_fetch_stops_no_other(
    desk: CaseDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_answers(desk)
    search = imap._Reader.uids

    def search_then_lose(reader: imap._Reader, last_uid: int) -> list[int]:
        found = search(reader, last_uid)
        with webmail(desk.world.stage, desk.house.settings.mail) as client:
            client.select()
            client.store("2", "+FLAGS.SILENT", r"(\Deleted)")
            client.expunge()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(imap._Reader, "uids", search_then_lose)
        tally = imap.collect(desk.house.ledger, desk.house.settings.mail, LATER)
    assert (tally.stored, tally.unfetched) == (2, 1)
    desk.collect(NEXT_DAY)
    assert desk.ends() == [("done", "answer")] * 2
    assert desk.requests() == {"dai": "accepted", "tckh": "sent", "03390": "accepted"}
    assert sorted(desk.out()) == sorted((desk.address(body), "accepted") for body in ("dai", "03390"))


def test_case_52_whoever_reads_moves_or_deletes_in_webmail_changes_nothing_that_was_collected(desk: CaseDesk) -> None:
    """Read before we come, moved before it was read here, deleted before it was answered."""
    three_answers(desk)
    with webmail(desk.world.stage, desk.house.settings.mail) as client:
        client.create("LUU")
        client.select()
        client.store("1", "+FLAGS", r"(\Seen \Flagged)")
        imap.collect(desk.house.ledger, desk.house.settings.mail, LATER)
        client.copy("2", "LUU")
        client.store("2:3", "+FLAGS", r"(\Deleted)")
        client.expunge()
        process_stored(desk.house, LATER)
        desk.collect(NEXT_DAY)
        assert each_answered_once(desk)
        ((flags, _),) = contents(client)
        assert b"\\Seen" in flags and b"\\Flagged" in flags


def test_case_52_a_letter_moved_out_of_the_inbox_is_found_when_it_comes_back(desk: CaseDesk) -> None:
    """Only the inbox and the junk folder are read: what somebody puts elsewhere before we come is not seen."""
    desk.answer("dai", desk.good("dai"))
    with webmail(desk.world.stage, desk.house.settings.mail) as client:
        client.create("LUU")
        for source, target, seen in (("INBOX", "LUU", []), ("LUU", "INBOX", [("done", "answer")])):
            client.select(source)
            client.copy("1", target)
            client.store("1", "+FLAGS", r"(\Deleted)")
            client.expunge()
            desk.collect(LATER)
            assert desk.ends() == seen
    assert desk.submissions("dai")[0].on_time


# ---- 53, 54, 59: the line


@pytest.mark.parametrize("breaks", [[3000], [20_000, 9000], [900, 900]], ids=str)
def test_case_53_a_line_that_breaks_inside_a_letter_loses_none_and_takes_none_twice(
    tapped_desk: CaseDesk, tap: Tap, breaks: list[int]
) -> None:
    three_answers(tapped_desk)
    tap.breaks += breaks
    while tap.breaks:
        with suppress(MailUnreachable):
            tapped_desk.collect(LATER)
    for _ in range(2):
        tapped_desk.collect(NEXT_DAY)
    assert each_answered_once(tapped_desk)


def test_case_54_nothing_is_ever_moved_flagged_or_deleted_so_no_move_can_fail(tapped_desk: CaseDesk, tap: Tap) -> None:
    """The folder is opened read-only and letters are peeked at: RFC 9051, 6.3.3 and 6.4.5."""
    three_answers(tapped_desk)
    stranger = letter(STRANGER, tapped_desk.mailbox)[1]
    tapped_desk.post(STRANGER, stranger, JUNE)
    with webmail(tapped_desk.world.stage, tapped_desk.house.settings.mail) as client:
        before = contents(client)
        tapped_desk.collect(LATER)
        tapped_desk.collect(NEXT_DAY)
        assert contents(client) == before
    assert len(before) == 4
    assert {"EXAMINE", "UID FETCH"} <= tap.verbs
    assert tap.verbs <= {"CAPABILITY", "LOGIN", "LIST", "EXAMINE", "UID SEARCH", "UID FETCH", "LOGOUT"}
    assert not any(b"BODY[" in line.upper() for line in tap.commands)


@pytest.mark.parametrize("after", [1, 250, 1500], ids=["at once", "after the login", "inside a letter"])
def test_case_59_a_server_that_says_bye_is_asked_again_at_the_next_pass(
    tapped_desk: CaseDesk, tap: Tap, after: int
) -> None:
    three_answers(tapped_desk)
    tap.breaks, tap.farewell = [after] * 4, b"\r\n* BYE Too many connections\r\n"
    with suppress(MailUnreachable) if after == 1500 else pytest.raises(MailUnreachable):
        tapped_desk.collect(LATER)
    assert (tapped_desk.letters_in(), tapped_desk.out()) == ([], [])
    tap.breaks.clear()
    tapped_desk.collect(LATER + timedelta(minutes=10))
    assert each_answered_once(tapped_desk)


# ---- 55: two at once


def test_case_55_two_collectors_at_once_take_and_answer_each_letter_once(desk: CaseDesk) -> None:
    three_answers(desk)
    houses, failures = [desk.world.open() for _ in range(2)], list[BaseException]()

    def whole_pass(house: House) -> None:
        try:
            PlainOffice(house).collect(LATER)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=whole_pass, args=(house,)) for house in houses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    desk.collect(LATER)
    assert each_answered_once(desk)


# ---- 57: junk


def test_case_57_an_answer_in_the_junk_folder_counts_and_a_stranger_s_is_not_shown(desk: CaseDesk) -> None:
    with webmail(desk.world.stage, desk.house.settings.mail) as client:
        client.create("Junk")
        desk.answer("dai", desk.good("dai"))
        desk.post(STRANGER, letter(STRANGER, desk.mailbox, subject="Trúng thưởng")[1], JUNE)
        client.select()
        client.copy("1:2", "Junk")
        client.store("1:2", "+FLAGS", r"(\Deleted)")
        client.expunge()
        desk.collect(LATER)
        assert sorted(desk.ends()) == [("done", "answer"), ("done", "junk")]
        assert inbox.waiting(desk.house) == []
        assert desk.out() == [(desk.address("dai"), "accepted")]
        client.select("Junk")
        client.copy("1:*", "INBOX")  # somebody says that it is no junk
        desk.collect(NEXT_DAY)
    assert len(desk.letters_in()) == 2
    assert desk.out() == [(desk.address("dai"), "accepted")]


def test_case_57_a_stranger_s_letter_that_came_to_the_inbox_too_is_shown(desk: CaseDesk) -> None:
    with webmail(desk.world.stage, desk.house.settings.mail) as client:
        client.create("Junk")
    raw = letter(STRANGER, desk.mailbox, subject="Hỏi về biểu mẫu")[1]
    for folder, route in (("Junk", b"Received: by a.test\r\n"), ("INBOX", b"Received: by b.test\r\n")):
        desk.put(route + raw, JUNE, folder)
        desk.collect(LATER)
    assert desk.ends() == [("done", "duplicate"), ("hold", "unmatched")]
    assert [x.sender for x in inbox.waiting(desk.house)] == [STRANGER]
    assert desk.out() == []


# ---- 58: no room


def test_case_58_a_body_s_full_mailbox_gets_its_acknowledgement_later(desk: CaseDesk) -> None:
    address = desk.address("dai")
    desk.world.stage.mail.rules[address] = "452 4.2.2 Mailbox full"
    desk.answer("dai", desk.good("dai"))
    desk.collect(LATER)
    assert (desk.requests()["dai"], desk.out(), desk.letter_out("ack", "dai").state) == ("accepted", [], "retry")
    desk.world.stage.mail.rules.clear()
    desk.collect(LATER + timedelta(hours=1))
    assert desk.out() == [(address, "accepted")]
    assert desk.contacts() == {}


def test_case_58_a_mailbox_full_for_good_is_told_of_and_the_figures_stand(desk: CaseDesk) -> None:
    address = desk.address("dai")
    desk.world.stage.mail.rules[address] = "552 5.2.2 Mailbox full"
    desk.answer("dai", desk.good("dai"))
    desk.collect(LATER)
    assert (desk.requests()["dai"], desk.out(), desk.letter_out("ack", "dai").state) == ("accepted", [], "failed")
    assert any(address in line and "5.2.2" in line for line in digest.gather(desk.house, LATER).failed)


def test_case_58_our_own_full_mailbox_puts_senders_off_and_the_time_of_arrival_counts(desk: CaseDesk) -> None:
    """Our server refuses for now; the sender's tries again. Nothing here can know of a letter that was not let in."""
    to, server = desk.reply_address("dai"), desk.world.stage.mail
    server.rules[to.lower()] = "452 4.2.2 Quota exceeded"
    raw = answer(desk.asked("dai"), desk.address("dai"), desk.good("dai"))[1]
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        desk.post(desk.address("dai"), raw, at(6, 14, 20), to)
    desk.collect(at(6, 14, 21))
    assert desk.letters_in() == []
    server.rules.clear()
    desk.post(desk.address("dai"), raw, at(6, 15, 1), to)
    desk.collect(at(6, 15, 2))
    assert (desk.requests()["dai"], desk.filing("dai").on_time) == ("accepted", False)
