"""The ledger's database as one file and back, and what it holds, table by table.

Belongs here: SQLite's backup API, pg_dump and pg_restore, and the sums that prove a copy. No schema is
changed here.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, inspect, select, text, update

from treem.keeping.errors import NothingToKeep, ProgramMissing
from treem.ledger.tables import LetterOut

BUSY_SECONDS = 30
DAY = timedelta(days=1)


@dataclass(frozen=True)
class TableSum:
    """How many rows a table has, and a digest of them that no order changes."""

    rows: int
    digest: str


def sums_as_data(sums: Mapping[str, TableSum]) -> dict[str, dict[str, Any]]:
    """For the manifest."""
    return {name: asdict(found) for name, found in sorted(sums.items())}


# ---- SQLite ----------------------------------------------------------------------------------------------------


def copy_sqlite(source: Path, target: Path) -> dict[str, TableSum]:
    """A copy of one moment, whatever others write meanwhile, and what it holds. Raises NothingToKeep."""
    if not source.is_file() or not source.stat().st_size:
        raise NothingToKeep("Chưa có sổ theo dõi ở nơi TREEM_HOME hoặc TREEM_LEDGER chỉ; không có gì để sao lưu.")
    target.touch(mode=0o600)
    with closing(_opened(source)) as here, closing(_opened(target)) as there:
        here.backup(there)
        there.execute("PRAGMA journal_mode = DELETE")  # one file, no side files
    return sums_of_sqlite(target)


def sums_of_sqlite(file: Path) -> dict[str, TableSum]:
    """What every table of the file holds."""
    with closing(_opened(file)) as there:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        names = [name for (name,) in there.execute(query)]
        return {name: _sum(there.execute(f'SELECT * FROM "{name}"')) for name in names}


def is_sound(file: Path) -> bool:
    """Whether SQLite finds no fault in its file, nor a row that points to nothing."""
    with closing(_opened(file)) as there:
        sound: bool = there.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return sound and there.execute("PRAGMA foreign_key_check").fetchone() is None


def _opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=BUSY_SECONDS)


# ---- PostgreSQL ------------------------------------------------------------------------------------------------


def dump_postgres(url: URL, target: Path) -> dict[str, TableSum]:
    """pg_dump of one moment, and what the ledger held at that moment. Raises ProgramMissing."""
    program = _program("pg_dump")
    engine = engine_for(url)
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
            sums = sums_of_postgres(connection)
            if "alembic_version" not in sums:
                raise NothingToKeep("Cơ sở dữ liệu ở TREEM_LEDGER chưa có sổ theo dõi; không có gì để sao lưu.")
            target.touch(mode=0o600)
            options = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
            _run([program, *options, f"--file={target}"], url)
            return sums
    finally:
        engine.dispose()


def restore_postgres(url: URL, dump: Path) -> None:
    """Bring a dump back into an empty database, wholly or not at all. Raises ProgramMissing."""
    options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    _run([_program("pg_restore"), *options, str(dump)], url)


def sums_of_postgres(connection: Connection) -> dict[str, TableSum]:
    """What every table holds."""
    names = inspect(connection).get_table_names()
    return {name: _sum(tuple(row) for row in connection.execute(text(f'SELECT * FROM "{name}"'))) for name in names}


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ProgramMissing(
            f"Sổ theo dõi ở trên PostgreSQL nhưng máy này không có {name}. Hãy cài gói postgresql-client cùng phiên "
            "bản với máy chủ rồi chạy lại."
        )
    return found


def _run(command: list[str], url: URL) -> None:
    """The password goes by the environment: a command line is read by everyone on the machine."""
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    env = dict(os.environ) | ({"PGPASSWORD": str(url.password)} if url.password else {})
    done = subprocess.run([*command, f"--dbname={address}"], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if line.strip()), "không rõ lý do")
        raise ProgramMissing(
            f"{Path(command[0]).name} không chạy được: {said}. Hãy kiểm tra TREEM_LEDGER và phiên bản "
            "postgresql-client."
        )


# ---- both ------------------------------------------------------------------------------------------------------


def engine_for(url: URL) -> Engine:
    """An engine that leaves the schema as it is."""
    if url.get_backend_name() in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    return create_engine(url, hide_parameters=True)


def give_back_leases(url: URL) -> int:
    """Let the leases run out that a sender held when the copy was made: that sender is not here any more.

    The next pass then treats them by its own rule for a sender that died. Each lease keeps an end of its own, because
    that rule tells leases apart by it.
    """
    engine = engine_for(url)
    try:
        with engine.begin() as connection:
            leased = connection.execute(
                select(LetterOut.id, LetterOut.lease_until).where(LetterOut.state == "leased")
            ).all()
            for letter, until in leased:
                ended = update(LetterOut).where(LetterOut.id == letter).values(lease_until=until and until - DAY)
                connection.execute(ended)
            return len(leased)
    finally:
        engine.dispose()


def letters_waiting(url: URL) -> int:
    """Letters that the next pass will send."""
    engine = engine_for(url)
    try:
        with engine.connect() as connection:
            waiting = select(LetterOut.id).where(LetterOut.state.in_(("queued", "leased", "retry", "unknown")))
            return len(connection.execute(waiting).all())
    finally:
        engine.dispose()


def _sum(rows: Iterable[tuple[Any, ...]]) -> TableSum:
    digests = sorted(sha256(repr(tuple(map(_plain, row))).encode()).digest() for row in rows)
    return TableSum(len(digests), sha256(b"".join(digests)).hexdigest())


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview | bytearray) else value
