"""The archive: one file, encrypted by age under a passphrase, with a manifest of digests inside.

It is a zip of two entries: `key.json`, an age identity made for this archive, locked with the passphrase (scrypt, then
Fernet), and `content.tar.gz.age`, everything else encrypted to that identity, which any `age` program opens. age's own
passphrases are not used: they need the whole content in memory, and their cost is measured while encrypting – on a busy
machine 1 to 18 seconds and up to 1 GB were seen – and may be refused on another machine. The last entry of the content
is `manifest.json`: an archive without it is not whole.

Belongs here: entries, digests, encryption. What the entries mean is in `backup` and `restore`.
"""

import json
import os
import tarfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import mkstemp
from typing import Any, BinaryIO, cast
from unicodedata import normalize
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError

import pyrage
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from treem.keeping.errors import ArchiveDamaged, ArchiveTooNew, WrongPassphrase

FORMAT = 1
KEY, CONTENT, MANIFEST = "key.json", "content.tar.gz.age", "manifest.json"
ROOMS = ("ledger", "originals", "documents", "config")
SCRYPT = {"n": 1 << 17, "r": 8, "p": 1}  # about half a second and 128 MB, everywhere
MOST_MANIFEST = 1 << 28
CHUNK = 1 << 20


class Packer:
    """Collects entries into a tar, and their digests for the manifest."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.digests: dict[str, str] = {}

    def add(self, name: str, data: bytes) -> None:
        """One entry from memory."""
        self._put(name, len(data), BytesIO(data))
        self.digests[name] = sha256(data).hexdigest()

    def add_file(self, name: str, path: Path) -> None:
        """One entry from a file that nobody else writes."""
        with path.open("rb") as file:
            self._put(name, path.stat().st_size, file)
        self.digests[name] = file_digest(path)

    def finish(self, facts: dict[str, Any]) -> None:
        """The manifest, last."""
        manifest = {"format": FORMAT, **facts, "files": self.digests}
        data = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
        self._put(MANIFEST, len(data), BytesIO(data))

    def _put(self, name: str, size: int, data: BinaryIO) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        self._tar.addfile(entry, data)


@contextmanager
def packing(path: Path) -> Iterator[Packer]:
    """Write the content, not encrypted yet, into a private place."""
    with tarfile.open(path, "w:gz", compresslevel=6) as tar:
        yield Packer(tar)


def lock(content: Path, target: Path, passphrase: str) -> None:
    """Write the archive: whole under its name or not at all, readable by its owner only."""
    identity = pyrage.x25519.Identity.generate()
    handle, name = mkstemp(prefix=f".{target.name}-", suffix=".part", dir=target.parent)  # made 0600
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            with ZipFile(file, "w") as archive:
                archive.writestr(KEY, _locked(identity, passphrase))
                with content.open("rb") as plain, archive.open(CONTENT, "w", force_zip64=True) as out:
                    pyrage.encrypt_io(cast(Any, plain), cast(Any, out), [identity.to_public()])
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def unlock(source: Path, content: Path, passphrase: str) -> None:
    """Decrypt the content into a private place. Raises WrongPassphrase and ArchiveDamaged."""
    try:
        with ZipFile(source) as archive:
            identity = _identity(archive.read(KEY), passphrase)
            with archive.open(CONTENT) as locked, content.open("wb") as out:
                pyrage.decrypt_io(cast(Any, locked), cast(Any, out), [identity])
    except (BadZipFile, KeyError, EOFError, ZlibError, NotImplementedError, RuntimeError) as error:
        raise ArchiveDamaged("không phải tệp do treem backup tạo, hoặc tệp bị thiếu phần cuối") from error
    except pyrage.DecryptError as error:
        raise ArchiveDamaged("nội dung không giải mã được") from error
    except OSError as error:
        if error.errno is None:  # age's own word for bytes that were changed; the system's have a number
            raise ArchiveDamaged("nội dung đã bị thay đổi sau khi sao lưu") from error
        raise


def _locked(identity: pyrage.x25519.Identity, passphrase: str) -> bytes:
    salt = os.urandom(16)
    token = _lock_of(passphrase, salt).encrypt(str(identity).encode())
    return json.dumps({"salt": salt.hex(), "scrypt": SCRYPT, "token": token.decode()}).encode()


def _identity(locked: bytes, passphrase: str) -> pyrage.x25519.Identity:
    try:
        key = json.loads(locked)
        salt, token = bytes.fromhex(key["salt"]), str(key["token"])
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveDamaged("khóa bên trong không đọc được") from error
    try:
        return pyrage.x25519.Identity.from_str(_lock_of(passphrase, salt).decrypt(token).decode())
    except InvalidToken as error:
        raise WrongPassphrase from error


def _lock_of(passphrase: str, salt: bytes) -> Fernet:
    # the same letters may be typed as one sign or as two: "ậ" has five spellings in Unicode
    words = normalize("NFC", passphrase).encode()
    return Fernet(urlsafe_b64encode(Scrypt(salt=salt, length=32, **SCRYPT).derive(words)))


def unpack(content: Path, folder: Path | None) -> dict[str, Any]:
    """Check every entry against the manifest, which is returned; with a folder, write them into it.

    Only plain files whose names lie in one of the rooms are taken. Raises ArchiveDamaged and ArchiveTooNew.
    """
    found: dict[str, str] = {}
    manifest: dict[str, Any] | None = None
    try:
        with tarfile.open(content, "r:gz") as tar:
            for entry in tar:
                data = tar.extractfile(entry) if entry.isreg() else None
                if data is None or manifest is not None or entry.name in found:
                    raise ArchiveDamaged("có mục lạ bên trong")
                if entry.name == MANIFEST:
                    manifest = _manifest(data.read(MOST_MANIFEST))
                else:
                    found[entry.name] = _take(cast(BinaryIO, data), _inside(entry.name), folder)
    except (tarfile.TarError, EOFError, ZlibError, ValueError) as error:
        raise ArchiveDamaged("nội dung không đọc được") from error
    except OSError as error:
        if error.errno is None:  # gzip's BadGzipFile
            raise ArchiveDamaged("nội dung không đọc được") from error
        raise
    if manifest is None:
        raise ArchiveDamaged("thiếu danh mục (manifest.json)")
    if manifest["files"] != found:
        raise ArchiveDamaged("có tệp không khớp với danh mục")
    return manifest


def _manifest(data: bytes) -> dict[str, Any]:
    manifest = json.loads(data)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("format"), int) or "files" not in manifest:
        raise ArchiveDamaged("danh mục (manifest.json) không đúng dạng")
    if manifest["format"] > FORMAT:
        raise ArchiveTooNew
    return manifest


def _inside(name: str) -> PurePosixPath:
    """The entry's path, if it lies in one of the rooms and says so plainly on every system. Raises ArchiveDamaged."""
    parts = name.split("/")
    plain = all(part not in ("", ".", "..") and not set(part) & set("\\:\0") for part in parts)
    if not plain or len(parts) < 2 or parts[0] not in ROOMS:
        raise ArchiveDamaged("có tên tệp trỏ ra ngoài thư mục khôi phục")
    return PurePosixPath(name)


def _take(data: BinaryIO, name: PurePosixPath, folder: Path | None) -> str:
    digest = sha256()
    if folder is None:
        while chunk := data.read(CHUNK):
            digest.update(chunk)
        return digest.hexdigest()
    path = folder / name
    for parent in reversed(name.parents):  # `parents=True` would give the mode to the last one only
        (folder / parent).mkdir(exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        while chunk := data.read(CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """The SHA-256 of a file."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
