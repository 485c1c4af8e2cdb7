"""Every raw letter, workbook and document, kept once under the SHA-256 of its bytes and never changed.

Belongs here: files and digests. What an original means (whose letter, which version) is in the tables.
"""

import errno
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp

from treem.ledger.errors import OriginalDamaged, StoreFull

FULL = (errno.ENOSPC, errno.EDQUOT)
DIGEST = re.compile(r"[0-9a-f]{64}")


class Originals:
    """A folder of originals. A file is there completely or not at all; only its owner can read it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def keep(self, data: bytes) -> str:
        """Keep the bytes durably and return their digest. Keeping them again changes nothing, or heals a damaged file.

        Raises StoreFull.
        """
        return self.keep_all([data])[0]

    def keep_copy(self, data: bytes) -> str:
        """Keep what could be taken out of another original again: not forced to disk at once. Raises StoreFull."""
        sha = sha256(data).hexdigest()
        if _content(self._path(sha)) != data:
            with full_disk_named():
                _write_beside(self._path(sha), data).replace(self._path(sha))
        return sha

    def keep_all(self, contents: Sequence[bytes]) -> list[str]:
        """Keep several at once, which costs the disk less; the digests in the order given. Raises StoreFull."""
        shas = [sha256(data).hexdigest() for data in contents]
        missing = {sha: data for sha, data in zip(shas, contents, strict=True) if _content(self._path(sha)) != data}
        with full_disk_named():
            self._write({self._path(sha): data for sha, data in missing.items()})
        return shas

    def read(self, sha: str) -> bytes:
        """The bytes kept under a digest. Raises OriginalDamaged when they are gone or are no longer those bytes."""
        data = _content(self._path(sha)) if DIGEST.fullmatch(sha) else None
        if data is None or sha256(data).hexdigest() != sha:
            raise OriginalDamaged(sha)
        return data

    def _path(self, sha: str) -> Path:
        return self._folder / sha[:2] / sha

    def _write(self, files: Mapping[Path, bytes]) -> None:
        """Write beside, force to disk, then rename: a stop in between leaves no half an original."""
        parts: dict[Path, Path] = {}
        try:
            for path, data in files.items():
                parts[path] = _write_beside(path, data)
            for part in parts.values():
                _sync(part, os.O_RDWR)
            for path, part in parts.items():
                part.replace(path)
        except BaseException:
            for part in parts.values():
                part.unlink(missing_ok=True)
            raise
        for folder in {path.parent for path in files}:
            _sync_folder(folder)
        if files:
            _sync_folder(self._folder)


@contextmanager
def full_disk_named() -> Iterator[None]:
    """Let a full disk be raised as StoreFull; every other failure passes as it is."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StoreFull from error
        raise


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write_beside(path: Path, data: bytes) -> Path:
    path.parent.mkdir(exist_ok=True, mode=0o700)
    handle, name = mkstemp(prefix=".part-", dir=path.parent)  # mkstemp creates it 0600
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return part


def _sync_folder(folder: Path) -> None:
    """Force the folder's entries to disk: without it a rename may be lost in a power cut."""
    if os.name != "nt":  # Windows opens no folder as a file, and keeps renames by itself
        _sync(folder, os.O_RDONLY)


def _sync(path: Path, mode: int) -> None:
    handle = os.open(path, mode)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
