"""A copy of everything in one archive, while the house goes on working.

The ledger is copied first: an original is kept before the row that names it, so the originals copied afterwards hold
everything the copied ledger names.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from time import time

from treem.keeping import database
from treem.keeping.archive import Packer, lock, packing, unlock, unpack
from treem.keeping.errors import TargetExists
from treem.keeping.places import Places
from treem.ledger.originals import DIGEST

SCRATCH = ".backup-"
ABANDONED = 24 * 3600.0  # seconds after which a scratch folder belongs to nobody


@dataclass(frozen=True)
class Kept:
    """What the archive holds. `damaged`: originals whose bytes are no longer those of their digest."""

    file: str
    size: int
    rows: int
    originals: int
    documents: int
    config: int
    damaged: tuple[str, ...]


def back_up(places: Places, target: Path, passphrase: str, now: datetime) -> Kept:
    """Write the archive and read it once through. Raises KeepingError."""
    if target.exists():
        raise TargetExists(f"Tệp {target.name} đã có và không bị ghi đè. Hãy chọn tên khác, ví dụ có ngày sao lưu.")
    target = target.resolve()
    with _scratch(places.home) as scratch:
        content = scratch / "content.tar.gz"
        with packing(content) as packer:
            kind, sums = _pack_ledger(places, packer, scratch)
            damaged = _pack_originals(places.originals, packer)
            _pack_folder(packer, "documents", places.documents)
            _pack_folder(packer, "config", places.config)
            packer.finish(
                {
                    "made_at": now.isoformat(),
                    "database": kind,
                    "tables": database.sums_as_data(sums),
                    "damaged_originals": damaged,
                }
            )
        lock(content, target, passphrase)
        content.unlink()
        try:
            unlock(target, content, passphrase)
            unpack(content, None)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        rows = sum(found.rows for found in sums.values())
        return Kept(str(target), target.stat().st_size, rows, *_counted(packer), damaged=tuple(damaged))


def _pack_ledger(places: Places, packer: Packer, scratch: Path) -> tuple[str, dict[str, database.TableSum]]:
    if places.sqlite_file is not None:
        copy = scratch / "ledger.sqlite"
        kind, sums = "sqlite", database.copy_sqlite(places.sqlite_file, copy)
    else:
        copy = scratch / "ledger.dump"
        kind, sums = "postgresql", database.dump_postgres(places.ledger, copy)
    packer.add_file(f"ledger/{copy.name}", copy)
    copy.unlink()
    return kind, sums


def _pack_originals(folder: Path, packer: Packer) -> list[str]:
    """Every original; a damaged one is kept as it is, and named."""
    damaged = []
    for path in sorted(folder.glob("*/*")):
        if DIGEST.fullmatch(path.name):  # not the unfinished parts
            name = f"originals/{path.parent.name}/{path.name}"
            packer.add(name, path.read_bytes())
            if packer.digests[name] != path.name:
                damaged.append(path.name)
    return damaged


def _pack_folder(packer: Packer, room: str, folder: Path) -> None:
    """Every file of a folder; one that is replaced or deleted meanwhile is taken as it is found, or not at all."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue
            packer.add(f"{room}/{path.relative_to(folder).as_posix()}", data)


def _counted(packer: Packer) -> tuple[int, int, int]:
    rooms = [name.split("/", 1)[0] for name in packer.digests]
    return rooms.count("originals"), rooms.count("documents"), rooms.count("config")


@contextmanager
def _scratch(home: Path) -> Iterator[Path]:
    """A private place beside the data it holds a copy of; what a killed run left behind is removed after a day."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in home.glob(f"{SCRATCH}*"):
        if time() - left.stat().st_mtime > ABANDONED:
            shutil.rmtree(left, ignore_errors=True)
    scratch = Path(mkdtemp(prefix=SCRATCH, dir=home))  # made 0700
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
