"""Case 92: the ledger is restored from a backup, and the mailbox is read again.

What is guaranteed: the copy must hold the round and its requests (their tokens are drawn, and letters are found by
them). Every answer that lies in the mailbox counts as it did before, with the same versions and totals. A letter to a
body that was written again has the Message-ID of the first and the same words, so its reader's program may show it
once; acknowledgements the copy knew of are not written again. The mailbox must be read before anything is sent: then
reminders to who has answered meanwhile are cancelled. What people decided after the copy was made is lost.
"""

import shutil
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.cases.letters import letter
from tests.cases.office import JUNE, STRANGER, CaseDesk
from tests.rounds.conftest import ROUND, at
from tests.rounds.faults.snapshot import snapshot
from treem.ledger import queries
from treem.ledger.errors import OriginalDamaged
from treem.ledger.tables import LetterOut
from treem.rounds.steps import carry_out


def backed_up(home: Path, target: Path) -> None:
    """A copy of the ledger and its originals, as an administrator makes it while nothing runs."""
    target.mkdir()
    for name in ("ledger.sqlite", "originals"):
        (shutil.copytree if (home / name).is_dir() else shutil.copy)(home / name, target / name)


def restored(home: Path, backup: Path) -> None:
    """The copy in place of what there was."""
    for left in home.glob("ledger.sqlite*"):
        left.unlink()
    shutil.rmtree(home / "originals")
    shutil.copy(backup / "ledger.sqlite", home)
    shutil.copytree(backup / "originals", home / "originals")


def totals(desk: CaseDesk) -> list[tuple[Any, ...]]:
    """Every figure that counts."""
    with desk.house.ledger.begin() as session:
        rows = queries.accepted_values(session, ROUND)
    return sorted((r.body, r.figure, r.column, r.kind, str(r.number)) for r in rows)


def to_bodies(desk: CaseDesk) -> list[tuple[str, str, str]]:
    """Recipient, Message-ID and words of every letter the server took from the office."""
    return [(to, x.message_id, x.text) for to, x in desk.sent()]


def the_first_week(desk: CaseDesk) -> None:
    desk.answer("dai", desk.good("dai"), when=JUNE)
    desk.answer("tckh", text="Đơn vị đang tổng hợp.\n", when=JUNE)
    desk.collect(at(6, 1, 9))


def the_second_week(desk: CaseDesk) -> None:
    """A correction, a first answer, a stranger, a robot; and reminders to who has not answered."""
    carry_out(desk.house, ROUND, at(6, 7))
    desk.answer("dai", desk.good("dai", 5), when=at(6, 8))
    desk.answer("tckh", desk.good("tckh"), when=at(6, 8))
    desk.answer("03390", text="Tôi đang nghỉ phép.\n", when=at(6, 8))
    desk.post(STRANGER, letter(STRANGER, desk.mailbox)[1], at(6, 8))
    desk.collect(at(6, 8, 9))


@pytest.mark.slow
@pytest.mark.parametrize("made", ["after asking", "after the first week", "after everything"])
def test_case_92_restored_from_a_copy_the_mailbox_gives_the_same_totals(
    desk: CaseDesk, tmp_path: Path, made: str
) -> None:
    home, backup = tmp_path / "home", tmp_path / "backup"
    weeks = (the_first_week, the_second_week)
    for n, moment in enumerate(("after asking", "after the first week", "after everything")):
        if moment == made:
            desk.house.ledger.engine.dispose()
            backed_up(home, backup)
        if n < len(weeks):
            weeks[n](desk)
    before, figures, written = snapshot(desk.house.ledger), totals(desk), to_bodies(desk)
    assert len(figures) > 0
    desk.house.ledger.engine.dispose()
    restored(home, backup)

    again = desk.reopened()
    carry_out(again.house, ROUND, at(6, 9))
    again.collect(at(6, 9))
    again.collect(at(6, 9, 10))
    assert totals(again) == figures
    after = snapshot(again.house.ledger)
    for kept in ("requests", "submissions", "letters in", "contacts"):
        assert after[kept] == before[kept], kept
    assert _same_letters_only(to_bodies(again), written)
    if made == "after everything":
        assert to_bodies(again) == written


def _same_letters_only(now: list[tuple[str, str, str]], before: list[tuple[str, str, str]]) -> bool:
    """Whether nobody got a letter that says something else than the one with that Message-ID did."""
    assert now[: len(before)] == before
    assert {entry for entry in now if entry not in before} == set()
    return len({message_id for _, message_id, _ in now}) == len(set(before))


def test_case_92_an_acknowledgement_written_again_has_the_id_of_the_first_and_says_the_same(
    desk: CaseDesk, tmp_path: Path
) -> None:
    """The bytes may differ (boundaries are drawn); Message-ID, thread, words and attached workbook do not."""
    desk.house.ledger.engine.dispose()
    backed_up(tmp_path / "home", tmp_path / "backup")
    the_first_week(desk)
    desk.house.ledger.engine.dispose()
    restored(tmp_path / "home", tmp_path / "backup")
    again = desk.reopened()
    again.collect(at(6, 2))
    letters: dict[str, list[bytes]] = {}
    for taken in desk.world.stage.mail.log[desk.before :]:
        if taken.sender.startswith("treem+bounce"):
            letters.setdefault(str(message_from_bytes(taken.raw)["Message-ID"]), []).append(taken.raw)
    assert [len(copies) for copies in letters.values()] == [2, 2]
    with again.house.ledger.begin() as session:
        assert set(session.scalars(select(LetterOut.message_id).where(LetterOut.kind == "ack"))) == set(letters)


def test_case_92_without_the_originals_the_figures_stand_and_a_lost_one_is_named(desk: CaseDesk) -> None:
    """Only the database was restored. The letter itself lies in the mailbox still."""
    originals = Path(str(desk.house.ledger.engine.url.database)).parent / "originals"
    desk.answer("dai", desk.good("dai"))
    desk.collect(JUNE)
    figures, lost = totals(desk), desk.only().raw_sha
    shutil.rmtree(originals)
    again = desk.reopened()
    again.answer("tckh", again.good("tckh"), when=at(6, 2))
    again.collect(at(6, 2))
    assert again.requests()["tckh"] == "accepted"
    assert [row for row in totals(again) if row[0] == "dai"] == figures
    with pytest.raises(OriginalDamaged):
        again.house.ledger.originals.read(lost)
