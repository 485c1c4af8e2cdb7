"""Opening the ledger: the database with its schema up to date, and the folder of originals beside it.

Belongs here: connections, transactions, migrations, and a full disk by its name. Questions to the ledger are in
`ledger.queries`.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from treem.ledger.errors import LedgerError, LedgerTooNew, OriginalDamaged, StoreFull
from treem.ledger.originals import Originals, full_disk_named
from treem.ledger.rows import keep_rows_waiting, write_rows

__all__ = ["Ledger", "LedgerError", "LedgerTooNew", "OriginalDamaged", "StoreFull", "open_ledger"]

BUSY_SECONDS = 30
MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 7_305_266_318  # any constant of ours; names the advisory lock on PostgreSQL
POSTGRES_DISK_FULL = "53100"
_alembic = Lock()  # Alembic keeps its context in a module: one thread at a time
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ledger:
    """The open ledger. One `begin` is one transaction; what it yields stays readable after the commit."""

    engine: Engine
    originals: Originals

    @contextmanager
    def begin(self, *, relaxed: bool = False) -> Iterator[Session]:
        """A session in a transaction: committed at the end, rolled back on any exception. Raises StoreFull.

        A `relaxed` commit outlives the process, but may be lost in a power cut until the next commit that is not
        relaxed: for steps that come out the same when they are done again, and that nobody outside has seen yet.
        """
        with _full_store_named(), self._sessions[relaxed].begin() as session:
            keep_rows_waiting(session)
            yield session
            write_rows(session)

    @contextmanager
    def held(self) -> Iterator[Connection]:
        """One connection for many small relaxed transactions (`with held.begin():`), each cheaper than a session's."""
        with _full_store_named(), self.engine.execution_options(relaxed=True).connect() as connection:
            yield connection

    @cached_property
    def _sessions(self) -> dict[bool, sessionmaker[Session]]:
        return {
            relaxed: sessionmaker(self.engine.execution_options(relaxed=relaxed), expire_on_commit=False)
            for relaxed in (False, True)
        }


def open_ledger(url: str, originals_dir: Path) -> Ledger:
    """Open the ledger and bring its schema up to date; safe when several processes do so at once.

    Raises LedgerTooNew and StoreFull.
    """
    engine = _engine(make_url(url))
    with _full_store_named():
        _migrate(engine)
        return Ledger(engine, Originals(originals_dir))


def _engine(url: URL) -> Engine:
    """The engine; its errors never show parameters: those are figures of children and letters."""
    if url.get_backend_name() in ("postgresql", "postgres"):
        engine = create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True)
        event.listen(engine, "begin", _begin_postgres)
        return engine
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        _make_private_file(Path(url.database))
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _make_private_file(path: Path) -> None:
    """Create the database readable by its owner only; SQLite gives its side files the same mode."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions are ours: the driver must not begin its own
    connection.execute("PRAGMA foreign_keys = ON")
    _use_write_ahead_log(connection)


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite does not wait for another process that is switching too, so we do."""
    until = monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
            sleep(0.05)


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at the start: a transaction that reads first can then never fail to become a writer."""
    # FULL: a letter that was sent stays sent after a power cut
    wanted = "NORMAL" if connection.get_execution_options().get("relaxed") else "FULL"
    if connection.info.get("synchronous") != wanted:
        connection.exec_driver_sql(f"PRAGMA synchronous = {wanted}")
        connection.info["synchronous"] = wanted
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_postgres(connection: Connection) -> None:
    if connection.get_execution_options().get("relaxed"):
        connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")


def _migrate(engine: Engine, schema: str = "head") -> None:
    """Upgrade to a schema, the newest, in one transaction, under a lock that other processes wait for."""
    with _alembic, engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        present = MigrationContext.configure(connection).get_current_heads()
        if set(present) == set(ScriptDirectory.from_config(config).get_heads()):
            return
        try:
            command.upgrade(config, schema)
        except CommandError as error:
            raise LedgerTooNew from error
        log.info("Đã cập nhật cấu trúc sổ theo dõi")


@contextmanager
def _full_store_named() -> Iterator[None]:
    """Let a full disk or database be raised as StoreFull; every other failure passes as it is."""
    try:
        with full_disk_named():
            yield
    except DBAPIError as error:
        if _is_full(error.orig):
            raise StoreFull from error
        raise


def _is_full(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return error.sqlite_errorcode == sqlite3.SQLITE_FULL or "database or disk is full" in str(error)
    return getattr(error, "sqlstate", None) == POSTGRES_DISK_FULL
