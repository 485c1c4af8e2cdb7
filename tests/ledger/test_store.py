"""Opening, migrating and using the ledger: schema, transactions, append-only events, full disks, several processes."""

import errno
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from treem.ledger.events import record
from treem.ledger.store import Ledger, LedgerError, LedgerTooNew, StoreFull, open_ledger
from treem.ledger.tables import Event, Request, Round, Submission, Table, Value

NOW = datetime(2027, 5, 15, 1, tzinfo=UTC)


def add_round(ledger: Ledger, key: str = "bao-cao-6-thang/2027") -> int:
    with ledger.begin() as session:
        entry = Round(key=key, activity=key.partition("/")[0], year=2027, opened_at=NOW)
        session.add(entry)
    return entry.id


def rounds(ledger: Ledger) -> int:
    with ledger.begin() as session:
        return session.scalar(select(func.count(Round.id))) or 0


def test_the_migrated_schema_is_the_one_of_the_tables(ledger: Ledger) -> None:
    with ledger.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []
        assert context.get_current_revision() == "0008"


def test_opening_again_keeps_what_is_there(ledger: Ledger, url: str, tmp_path: Path) -> None:
    add_round(ledger)
    again = open_ledger(url, tmp_path / "originals")
    assert rounds(again) == 1
    again.engine.dispose()


def test_a_transaction_is_whole_or_nothing_and_rows_stay_readable(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError, match="power cut"), ledger.begin() as session:
        session.add(Round(key="a/2027", activity="a", year=2027, opened_at=NOW))
        session.flush()
        raise RuntimeError("power cut")
    assert rounds(ledger) == 0
    add_round(ledger)
    with ledger.begin() as session:
        found = session.scalars(select(Round)).one()
    assert (found.key, found.opened_at, found.closed_at) == ("bao-cao-6-thang/2027", NOW, None)


def test_references_are_enforced(ledger: Ledger) -> None:
    with pytest.raises(IntegrityError), ledger.begin() as session:
        record(session, "round_opened", NOW, round_id=999)


def test_numbers_come_back_exact(ledger: Ledger) -> None:
    round_id = add_round(ledger)
    with ledger.begin() as session:
        due = date(2027, 6, 14)
        request = Request(
            round_id=round_id, body="03424", token="T", form="BM-XA", form_version=1, due=due, legal_due=due
        )
        session.add(request)
        session.flush()
        filed = Submission(
            request_id=request.id, version=1, file_sha="0", file_name="a.xlsx", state="accepted",
            received_at=NOW, valid=True, complete=True, on_time=True,
        )  # fmt: skip
        session.add(filed)
        session.flush()
        money = Decimal("98765432109.875")
        session.add(
            Value(
                submission_id=filed.id,
                figure="LD-01",
                column="total",
                kind="number",
                number=money,
                sheet="S",
                cell="C5",
            )
        )
    with ledger.begin() as session:
        assert session.scalars(select(Value.number)).one() == money


@pytest.mark.parametrize("change", ["UPDATE event SET kind = 'other'", "DELETE FROM event"])
def test_an_event_is_never_changed_or_removed(ledger: Ledger, change: str) -> None:
    round_id = add_round(ledger)
    with ledger.begin() as session:
        record(session, "round_opened", NOW, round_id=round_id, bodies=13)
    with pytest.raises(DBAPIError, match="append-only"), ledger.begin() as session:
        session.execute(text(change))
    with ledger.begin() as session:
        kept = session.scalars(select(Event)).one()
    assert (kept.kind, kept.at, kept.round_id, kept.data) == ("round_opened", NOW, round_id, {"bodies": 13})


def test_an_event_is_not_replaced_or_truncated_either(ledger: Ledger) -> None:
    with ledger.begin() as session:
        record(session, "round_opened", NOW)
    change = (
        "INSERT OR REPLACE INTO event (id, at, kind, data) VALUES (1, '2027-01-01', 'other', '{}')"
        if ledger.engine.dialect.name == "sqlite"
        else "TRUNCATE event"
    )
    with pytest.raises(DBAPIError, match="append-only"), ledger.begin() as session:
        session.execute(text(change))


def test_reading_then_writing_from_many_threads_loses_nothing(sqlite_ledger: Ledger) -> None:
    def count_up(_: int) -> None:
        with sqlite_ledger.begin() as session:
            seen = session.scalar(select(func.count(Round.id))) or 0
            session.add(Round(key=f"a/{seen}", activity="a", year=2027, opened_at=NOW))  # the key is unique

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(count_up, range(30)))
    assert rounds(sqlite_ledger) == 30


OPEN_AND_WRITE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from treem.ledger.events import record
from treem.ledger.store import open_ledger
ledger = open_ledger(sys.argv[1], Path(sys.argv[2]))
with ledger.begin() as session:
    record(session, "opened", datetime(2027, 5, 15, tzinfo=UTC))
"""


def test_several_processes_may_open_a_new_ledger_at_once(url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN_AND_WRITE, url, str(tmp_path / "originals")]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    assert [(p.communicate()[1], p.returncode) for p in running] == [(b"", 0)] * 4
    ledger = open_ledger(url, tmp_path / "originals")
    with ledger.begin() as session:
        assert session.scalar(select(func.count(Event.id))) == 4
    ledger.engine.dispose()


def test_several_threads_may_open_a_new_ledger_at_once(url: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: open_ledger(url, tmp_path / "originals"), range(4)))
    assert [rounds(ledger) for ledger in opened] == [0] * 4
    for ledger in opened:
        ledger.engine.dispose()


def test_the_folder_may_have_spaces_percent_signs_and_diacritics(tmp_path: Path) -> None:
    home = tmp_path / "sổ theo dõi 100%"
    ledger = open_ledger(f"sqlite:///{home / 'ledger.sqlite'}", home / "originals")
    add_round(ledger)
    assert rounds(ledger) == 1
    ledger.engine.dispose()


def test_only_the_owner_reads_the_ledger(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    add_round(sqlite_ledger)
    home = tmp_path / "home"
    assert home.stat().st_mode & 0o777 == 0o700
    files = [p for p in home.iterdir() if p.is_file()]
    assert {p.name for p in files} >= {"ledger.sqlite", "ledger.sqlite-wal"}
    assert {p.stat().st_mode & 0o777 for p in files} == {0o600}


def test_a_full_database_has_a_name_and_nothing_is_kept(sqlite_ledger: Ledger) -> None:
    with sqlite_ledger.begin() as session:
        pages = session.scalar(text("PRAGMA page_count"))
        session.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StoreFull, match="Hết chỗ trên đĩa"), sqlite_ledger.begin() as session:
        session.add(Round(key="first", activity="a", year=2027, opened_at=NOW))
        session.flush()
        session.add(Round(key="x" * 50_000, activity="a", year=2027, opened_at=NOW))
    assert rounds(sqlite_ledger) == 0


def test_a_full_disk_met_inside_a_transaction_has_the_same_name(sqlite_ledger: Ledger) -> None:
    with pytest.raises(StoreFull), sqlite_ledger.begin():
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(PermissionError), sqlite_ledger.begin():
        raise PermissionError(errno.EACCES, "Permission denied")


def test_a_ledger_of_a_later_version_is_refused_by_name(ledger: Ledger, url: str, tmp_path: Path) -> None:
    with ledger.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerTooNew, match="phiên bản mới hơn") as caught:
        open_ledger(url, tmp_path / "originals")
    assert isinstance(caught.value, LedgerError)
    with ledger.begin() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
