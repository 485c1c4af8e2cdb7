"""The way back from an archive into a new place, which proves itself before anything stands under its name.

Nothing is ever written over. Everything is brought back beside, compared with the manifest table by table and original
by original, and then moved. The schema stays that of the copy: the next opening brings it up to date.
"""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, inspect

from treem.keeping import database
from treem.keeping.archive import file_digest, unlock, unpack
from treem.keeping.errors import ArchiveDamaged, ArchiveTooNew, OtherDatabase, ProofFailed, TargetExists
from treem.keeping.places import Places
from treem.ledger.originals import DIGEST
from treem.ledger.store import MIGRATIONS

SQLITE, DUMP = "ledger.sqlite", "ledger.dump"


@dataclass(frozen=True)
class BroughtBack:
    """What was restored and proved. `waiting`: letters that the next pass sends, with the bytes they had."""

    home: str
    made_at: str
    tables: int
    rows: int
    originals: int
    waiting: int
    leases: int
    damaged: tuple[str, ...]


def restore(places: Places, source: Path, passphrase: str) -> BroughtBack:
    """Bring everything back into an empty TREEM_HOME and prove it. Raises KeepingError."""
    _refuse_taken(places)
    places.home.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(mkdtemp(prefix=f".{places.home.name}-restore-", dir=places.home.parent))  # made 0700
    try:
        manifest = _brought(source, staging, passphrase)
        _refuse_other(places, manifest)
        _prove_originals(staging, manifest)
        if places.sqlite_file is not None:
            waiting, leases = _bring_sqlite(places, staging, manifest)
        else:
            waiting, leases = _bring_postgres(places, staging, manifest)
        for room in ("originals", "documents"):
            (staging / room).mkdir(exist_ok=True, mode=0o700)
        _move(staging, places.home)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    tables = manifest["tables"]
    originals = [name for name in manifest["files"] if name.startswith("originals/")]
    rows = sum(table["rows"] for table in tables.values())
    damaged = tuple(manifest["damaged_originals"])
    return BroughtBack(
        str(places.home), manifest["made_at"], len(tables), rows, len(originals), waiting, leases, damaged
    )


def _refuse_taken(places: Places) -> None:
    home = places.home
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise TargetExists(
            f"Thư mục {home} không trống nên không khôi phục vào đó. Hãy đặt TREEM_HOME là một thư mục mới."
        )
    file = places.sqlite_file
    if file is not None and file.exists():
        raise TargetExists(f"Đã có sổ theo dõi {file}. Hãy đặt TREEM_LEDGER là một tệp mới, hoặc bỏ biến đó.")
    if file is None and _tables(places.ledger):
        raise TargetExists(
            "Cơ sở dữ liệu ở TREEM_LEDGER không trống. Hãy tạo một cơ sở dữ liệu mới rồi khôi phục vào đó."
        )


def _tables(url: URL) -> list[str]:
    engine = database.engine_for(url)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


def _brought(source: Path, staging: Path, passphrase: str) -> dict[str, Any]:
    content = staging / ".content"
    content.touch(mode=0o600)
    unlock(source, content, passphrase)
    manifest = unpack(content, staging)
    content.unlink()
    if not {"made_at", "database", "tables", "damaged_originals"} <= manifest.keys():
        raise ArchiveDamaged("danh mục (manifest.json) không đúng dạng")
    return manifest


def _refuse_other(places: Places, manifest: Mapping[str, Any]) -> None:
    here = "sqlite" if places.sqlite_file is not None else "postgresql"
    if manifest["database"] != here:
        names = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
        kept = names.get(manifest["database"], "loại khác")
        raise OtherDatabase(
            f"Bản sao lưu là của {kept}, còn TREEM_LEDGER chỉ {names[here]}. Hãy sửa TREEM_LEDGER cho cùng loại."
        )


def _prove_originals(staging: Path, manifest: Mapping[str, Any]) -> None:
    """Every original has the digest that is its name, but for those that were damaged when the copy was made."""
    damaged = set(manifest["damaged_originals"])
    for path in (staging / "originals").glob("*/*"):
        if not DIGEST.fullmatch(path.name) or (file_digest(path) != path.name and path.name not in damaged):
            raise ArchiveDamaged("có bản gốc không khớp với mã của nó")


def _bring_sqlite(places: Places, staging: Path, manifest: Mapping[str, Any]) -> tuple[int, int]:
    file = staging / "ledger" / SQLITE
    if not file.is_file() or not database.is_sound(file):
        raise ArchiveDamaged("sổ theo dõi bên trong không dùng được")
    _prove(database.sums_of_sqlite(file), manifest)
    url = URL.create("sqlite", database=str(file))
    _refuse_newer(url)
    leases, waiting = database.give_back_leases(url), database.letters_waiting(url)
    target = places.sqlite_file
    assert target is not None
    if target.is_relative_to(places.home):
        inside = staging / target.relative_to(places.home)
        inside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.rename(inside)
    else:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = target.with_name(f".{target.name}.part")
        part.touch(mode=0o600)
        shutil.copyfile(file, part)
        part.replace(target)
        file.unlink()
    with suppress(OSError):  # a ledger may be wished in a folder of that name
        (staging / "ledger").rmdir()
    return waiting, leases


def _bring_postgres(places: Places, staging: Path, manifest: Mapping[str, Any]) -> tuple[int, int]:
    dump = staging / "ledger" / DUMP
    if not dump.is_file():
        raise ArchiveDamaged("thiếu sổ theo dõi")
    database.restore_postgres(places.ledger, dump)
    engine = database.engine_for(places.ledger)
    try:
        with engine.connect() as connection:
            _prove(database.sums_of_postgres(connection), manifest)
    finally:
        engine.dispose()
    _refuse_newer(places.ledger)
    shutil.rmtree(staging / "ledger")
    leases = database.give_back_leases(places.ledger)
    return database.letters_waiting(places.ledger), leases


def _prove(sums: Mapping[str, database.TableSum], manifest: Mapping[str, Any]) -> None:
    """Row counts and digests of every table are those of the copy. Raises ProofFailed."""
    found, kept = database.sums_as_data(sums), manifest["tables"]
    if different := sorted(name for name in found.keys() | kept.keys() if found.get(name) != kept.get(name)):
        raise ProofFailed(
            f"Sổ theo dõi khôi phục không giống bản đã sao lưu (bảng {', '.join(different)}). Không dùng kết quả này; "
            "hãy khôi phục từ một bản sao lưu khác."
        )


def _refuse_newer(url: URL) -> None:
    """A schema that this version does not know was made by a later one. Raises ArchiveTooNew."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    engine = database.engine_for(url)
    try:
        with engine.connect() as connection:
            there = {row[0] for row in connection.exec_driver_sql("SELECT version_num FROM alembic_version")}
    finally:
        engine.dispose()
    if not there <= known:
        raise ArchiveTooNew


def _move(staging: Path, home: Path) -> None:
    """Under its name at once; where the empty folder cannot be replaced (a mounted one), entry by entry."""
    try:
        staging.rename(home)
    except OSError:
        home.mkdir(exist_ok=True, mode=0o700)
        for entry in sorted(staging.iterdir(), key=lambda path: path.name == SQLITE):  # the ledger last
            shutil.move(str(entry), str(home / entry.name))
