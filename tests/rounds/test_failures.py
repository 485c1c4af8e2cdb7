"""What fails has a name, loses nothing, and the same step completes later. And the report's way through decisions."""

import errno
import os
import re
import socket
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from tests.rounds.conftest import ROUND, PlainOffice, World, at
from tests.rounds.desk import ASKED, OPENING, Desk, filled, open_desk
from treem.ledger import originals
from treem.ledger.errors import StoreFull
from treem.ledger.tables import Approval, Event, Report
from treem.mailroom import imap, smtp
from treem.mailroom.errors import MailUnreachable
from treem.plan.settings import Mail
from treem.rounds import decisions, intake, reporting
from treem.rounds.decisions import Decided
from treem.rounds.intake import MAX_TRIES, process_stored
from treem.rounds.steps import carry_out


@pytest.fixture
def quiet(world: World, tmp_path: Path) -> Desk:
    """Nothing has happened yet."""
    return open_desk(world, tmp_path)


@pytest.fixture
def desk(quiet: Desk) -> Desk:
    """Every body has been asked."""
    quiet.ask()
    return quiet


def reports(desk: Desk) -> list[tuple[int, str]]:
    with desk.house.ledger.begin() as session:
        return [(r.version, r.state) for r in session.scalars(select(Report).order_by(Report.version))]


def decide(desk: Desk, view: reporting.ReportView, decision: str) -> None:
    reporting.decide(
        desk.house, ROUND, view.version, view.digest, decision, "Phó Chủ tịch", "", at(6, 22)  # type: ignore[arg-type]
    )  # fmt: skip


def drafted(desk: Desk) -> reporting.ReportView:
    """Close the round and show what waits for a decision."""
    carry_out(desk.house, ROUND, at(6, 21))
    view = reporting.waiting(desk.house, ROUND)
    assert view is not None
    return view


# ---- the report


def test_an_answer_after_the_draft_makes_it_stale_and_the_next_look_drafts_again(desk: Desk) -> None:
    desk.write("dai", at(6, 1), filled(desk.form("dai")))
    desk.collect(at(6, 2))
    old = drafted(desk)
    desk.write("tckh", at(6, 21, 9), filled(desk.form("tckh")))
    desk.collect(at(6, 21, 10))
    assert reports(desk) == [(1, "superseded")]
    assert reporting.waiting(desk.house, ROUND) is None
    with pytest.raises(reporting.StaleReport, match="lần 1"):
        decide(desk, old, "approved")
    new = drafted(desk)
    assert reports(desk) == [(1, "superseded"), (2, "awaiting_approval")]
    assert "**2/3**" in new.summary_md
    with pytest.raises(reporting.StaleReport):
        decide(desk, old, "approved")
    decide(desk, new, "approved")
    carry_out(desk.house, ROUND, at(6, 24))
    assert reports(desk)[-1] == (2, "approved")
    PlainOffice(desk.house).number(ROUND, at(6, 24))
    smtp.send_due(desk.house.ledger, desk.house.settings.mail, at(6, 24))
    assert reports(desk)[-1] == (2, "sent")
    for address in desk.house.settings.office.report_emails:
        assert len(desk.mail_to(address)) == 1


def test_a_returned_report_waits_for_new_figures(desk: Desk) -> None:
    desk.write("dai", at(6, 1), filled(desk.form("dai")))
    desk.collect(at(6, 2))
    decide(desk, drafted(desk), "returned")
    for day in (22, 23, 24):
        carry_out(desk.house, ROUND, at(6, day))
    assert reports(desk) == [(1, "returned")]
    desk.write("dai", at(6, 24), filled(desk.form("dai"), 7))
    desk.collect(at(6, 24, 9))
    carry_out(desk.house, ROUND, at(6, 24, 10))
    assert reports(desk) == [(1, "returned"), (2, "awaiting_approval")]


def test_a_rejection_after_the_closing_withdraws_the_draft_that_waits(desk: Desk) -> None:
    desk.write("dai", at(6, 1), filled(desk.form("dai")))
    desk.collect(at(6, 2))
    old = drafted(desk)
    assert "**1/3**" in old.summary_md
    (submission,) = desk.submissions("dai")
    decisions.reject(desk.house, submission.id, Decided("can-bo", "số liệu của kỳ khác", at(6, 21, 9)))
    assert reports(desk) == [(1, "superseded")]
    assert reporting.waiting(desk.house, ROUND) is None
    with pytest.raises(reporting.StaleReport):
        decide(desk, old, "approved")
    assert "**0/3**" in drafted(desk).summary_md
    assert reports(desk) == [(1, "superseded"), (2, "awaiting_approval")]


def test_a_decision_is_written_once_and_cannot_be_turned_round(desk: Desk) -> None:
    desk.write("dai", at(6, 1), filled(desk.form("dai")))
    desk.collect(at(6, 2))
    view = drafted(desk)
    decide(desk, view, "approved")
    decide(desk, view, "approved")
    with pytest.raises(reporting.StaleReport, match="đã có quyết định"):
        decide(desk, view, "returned")
    with desk.house.ledger.begin() as session:
        assert session.scalars(select(Approval.decision)).all() == ["approved"]
    assert reports(desk) == [(1, "approved")]
    assert reporting.draft_report(desk.house, ROUND, at(6, 23)) == 1  # `treem report` does not undo an approval
    PlainOffice(desk.house).number(ROUND, at(6, 24))
    decide(desk, view, "approved")
    assert reporting.draft_report(desk.house, ROUND, at(6, 25)) == 1
    assert reports(desk) == [(1, "sent")]


# ---- a letter that cannot be digested


def test_a_poison_letter_is_set_aside_after_three_tries_and_the_others_go_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    poison = filled(desk.form("dai"))
    desk.write("dai", at(6, 1), poison)
    desk.write("tckh", at(6, 1), filled(desk.form("tckh")))
    imap.collect(desk.house.ledger, desk.house.settings.mail, at(6, 2))
    open_letter = intake.open_letter

    def choke(raw: bytes, mail: Mail) -> object:
        opened = open_letter(raw, mail)
        if poison in [file.data for file in opened[0].attachments]:
            raise RuntimeError("Nguyễn Văn A, ô C5")  # as a library quotes a cell
        return opened

    monkeypatch.setattr(intake, "open_letter", choke)
    tallies = [process_stored(desk.house, at(6, 2)) for _ in range(MAX_TRIES + 1)]
    assert [(t.done, t.quarantined) for t in tallies] == [(1, 0), (0, 0), (0, 1), (0, 0)]
    aside, other = desk.letters_in()
    assert (aside.state, aside.tries) == ("quarantine", MAX_TRIES)
    assert "RuntimeError" in (aside.reason or "")
    assert "RuntimeError (" in caplog.text
    assert re.search(r"test_failures\.py:\d+ choke", caplog.text)
    assert "Nguyễn" not in caplog.text
    assert (other.state, other.verdict) == ("done", "answer")
    assert b"may-tinh.test" in desk.house.ledger.originals.read(aside.raw_sha)
    assert desk.filing("tckh").state == "accepted"


def test_a_letter_that_kills_the_process_does_not_take_the_others_along(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write("dai", at(6, 1), filled(desk.form("dai")))
    desk.write("tckh", at(6, 1), filled(desk.form("tckh")))
    imap.collect(desk.house.ledger, desk.house.settings.mail, at(6, 2))
    deadly = desk.house.ledger.originals.read(desk.letters_in()[0].raw_sha)
    open_letter = intake.open_letter

    def die(raw: bytes, mail: Mail) -> object:
        if raw == deadly:
            raise KeyboardInterrupt  # like a kill: nothing of ours runs after it
        return open_letter(raw, mail)

    monkeypatch.setattr(intake, "open_letter", die)
    for _ in range(MAX_TRIES):
        with pytest.raises(KeyboardInterrupt):
            process_stored(desk.house, at(6, 2))
    process_stored(desk.house, at(6, 2))
    assert [x.state for x in desk.letters_in()] == ["quarantine", "done"]
    assert desk.filing("tckh").state == "accepted"


# ---- no server


@pytest.fixture
def nowhere(desk: Desk) -> Mail:
    """The mail settings with ports on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    mail = desk.house.settings.mail
    dead = {"port": port}
    return mail.model_copy(
        update={"smtp": mail.smtp.model_copy(update=dead), "imap": mail.imap.model_copy(update=dead)}
    )


def test_without_smtp_the_letters_wait_and_the_next_pass_sends_them(desk: Desk, nowhere: Mail) -> None:
    sent = len(desk.world.stage.mail.log)
    carry_out(desk.house, ROUND, at(6, 7))
    with pytest.raises(MailUnreachable, match="gửi thư 127.0.0.1"):
        smtp.send_due(desk.house.ledger, nowhere, at(6, 7))
    waiting = [x for x in desk.outbox() if x.kind == "reminder"]
    assert [(x.state, x.attempts) for x in waiting] == [("queued", 0)] * len(ASKED)
    for _ in range(2):
        smtp.send_due(desk.house.ledger, desk.house.settings.mail, at(6, 7, 9))
    assert len(desk.world.stage.mail.log) == sent + len(ASKED)


def test_without_imap_nothing_is_marked_and_the_next_pass_collects(desk: Desk, nowhere: Mail) -> None:
    desk.write("dai", at(6, 1), filled(desk.form("dai")))
    with pytest.raises(MailUnreachable, match="nhận thư 127.0.0.1"):
        imap.collect(desk.house.ledger, nowhere, at(6, 2))
    assert desk.letters_in() == []
    desk.collect(at(6, 2))
    assert desk.filing("dai").state == "accepted"


def test_a_connection_lost_between_two_letters_keeps_the_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for body in ASKED:
        desk.write(body, at(6, 1), filled(desk.form(body)))
    fetch, calls = imap._Reader._fetch, Counter[str]()

    def lose(*args, **kwargs):  # type: ignore[no-untyped-def]
        calls["fetch"] += 1
        if calls["fetch"] == 2:
            raise ConnectionResetError
        return fetch(*args, **kwargs)

    def gone(_self: object, _folder: str) -> None:
        raise MailUnreachable("máy chủ không trả lời")

    with monkeypatch.context() as patched:
        patched.setattr(imap, "LETTERS_AT_ONCE", 1)
        patched.setattr(imap._Reader, "_fetch", lose)
        patched.setattr(imap._Reader, "_reconnect", gone)
        with pytest.raises(MailUnreachable):
            imap.collect(desk.house.ledger, desk.house.settings.mail, at(6, 2))
    assert len(desk.letters_in()) == 1
    assert imap.collect(desk.house.ledger, desk.house.settings.mail, at(6, 2)) == imap.CollectTally(stored=2)


def test_a_letter_that_breaks_the_connection_is_left_out_and_found_by_the_next_comparison(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for body in ASKED:
        desk.write(body, at(6, 1), filled(desk.form(body)))
    fetch, bad = imap._Reader._fetch, list[int]()

    def break_on_second(reader: imap._Reader, batch: list[int], now: object) -> object:
        bad.append(batch[-2:][0])  # the first batch is all three
        if bad[0] in batch:
            raise ConnectionResetError
        return fetch(reader, batch, now)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(imap._Reader, "_fetch", break_on_second)
        tally = imap.collect(desk.house.ledger, desk.house.settings.mail, at(6, 2))
    assert tally == imap.CollectTally(stored=2, unfetched=1)
    assert imap.collect(desk.house.ledger, desk.house.settings.mail, at(6, 2, 9)) == imap.CollectTally(stored=1)
    assert imap.collect(desk.house.ledger, desk.house.settings.mail, at(6, 3, 9)) == imap.CollectTally()


# ---- no room


@contextmanager
def full_database(desk: Desk, spare_pages: int) -> Iterator[None]:
    """The ledger may grow by so many pages and no more."""
    engine = desk.house.ledger.engine
    engine.dispose()
    with closing(sqlite3.connect(str(engine.url.database))) as file:
        file.execute("VACUUM")  # no free pages inside, so that growing is the only way
        pages = file.execute("PRAGMA page_count").fetchone()[0] + spare_pages

    def limit(connection, *_):  # type: ignore[no-untyped-def]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(engine, "connect", limit)
        engine.dispose()


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Python's own files can neither be made nor forced to disk."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        patch.setattr(originals, "mkstemp", refuse)
        yield


@pytest.mark.parametrize("spare_pages", [0, 10, 20])
def test_asking_with_a_full_database_stops_by_name_and_asks_each_once_later(quiet: Desk, spare_pages: int) -> None:
    with full_database(quiet, spare_pages), pytest.raises(StoreFull, match="Hết chỗ"):
        carry_out(quiet.house, ROUND, OPENING)
    assert len(quiet.outbox()) < len(ASKED)
    for _ in range(2):
        quiet.ask()
    assert [len(quiet.mail_to(quiet.address(body))) for body in ASKED] == [1] * len(ASKED)
    assert quiet.row_counts()["request"] == quiet.row_counts()["letter_out"] == len(ASKED)


def test_a_full_disk_leaves_letters_on_the_server_and_answers_unread(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = [desk.write(body, at(6, 1), filled(desk.form(body))) for body in ASKED]
    ledger, mail = desk.house.ledger, desk.house.settings.mail
    with full_disk(monkeypatch), pytest.raises(StoreFull):
        imap.collect(ledger, mail, at(6, 2))
    assert desk.letters_in() == []
    assert imap.collect(ledger, mail, at(6, 2)).stored == len(ASKED)
    for _ in range(MAX_TRIES + 1):  # the disk stays full for longer than a bad letter is given
        with full_disk(monkeypatch), pytest.raises(StoreFull):
            process_stored(desk.house, at(6, 2))
    assert {(x.state, x.tries) for x in desk.letters_in()} == {("stored", 0)}
    assert [desk.submissions(body) for body in ASKED] == [[], [], []]
    assert process_stored(desk.house, at(6, 3)).done == len(ASKED)
    smtp.send_due(ledger, mail, at(6, 3))
    assert [len(desk.replies(x)) for x in letters] == [1] * len(ASKED)
    assert [len(desk.submissions(body)) for body in ASKED] == [1] * len(ASKED)
    assert all(desk.filing(body).on_time for body in ASKED)


@pytest.mark.parametrize("spare_pages", [0, 4])
def test_a_full_database_leaves_letters_to_be_collected_and_read_later(desk: Desk, spare_pages: int) -> None:
    letters = [desk.write(body, at(6, 1), filled(desk.form(body))) for body in ASKED]
    ledger, mail = desk.house.ledger, desk.house.settings.mail
    imap.collect(ledger, mail, at(6, 2))
    with full_database(desk, spare_pages):
        for _ in range(MAX_TRIES + 1):
            with pytest.raises(StoreFull):
                process_stored(desk.house, at(6, 2))
    assert "quarantine" not in {x.state for x in desk.letters_in()}
    desk.collect(at(6, 3))
    assert [len(desk.replies(x)) for x in letters] == [1] * len(ASKED)
    assert [len(desk.submissions(body)) for body in ASKED] == [1] * len(ASKED)


def test_a_full_disk_while_drafting_leaves_no_report_and_drafts_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write("dai", at(6, 1), filled(desk.form("dai")))
    desk.collect(at(6, 2))
    with full_disk(monkeypatch), pytest.raises(StoreFull):
        carry_out(desk.house, ROUND, at(6, 21))
    assert reports(desk) == []
    assert drafted(desk).version == 1
    assert all(path.exists() for path in reporting.document_paths(desk.house, ROUND, 1))
    with desk.house.ledger.begin() as session:
        closed = select(func.count()).select_from(Event).where(Event.kind == "round_closed")
        assert session.scalar(closed) == 1
