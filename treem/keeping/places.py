"""Where the house lies, without opening it: opening would make folders and bring the schema up to date."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url

from treem.keeping.errors import NoPassphrase

PASSPHRASE = "TREEM_BACKUP_PASSPHRASE"
SHORTEST = 12


@dataclass(frozen=True)
class Places:
    """The folder of data, the configuration, and the ledger's address."""

    home: Path
    config: Path
    ledger: URL

    @property
    def originals(self) -> Path:
        return self.home / "originals"

    @property
    def documents(self) -> Path:
        return self.home / "documents"

    @property
    def sqlite_file(self) -> Path | None:
        """The ledger's file, or None where it is on PostgreSQL."""
        if self.ledger.get_backend_name() != "sqlite":
            return None
        return Path(self.ledger.database or "").resolve()


def places_from_environment(env: Mapping[str, str]) -> Places:
    """What TREEM_HOME, TREEM_CONFIG and TREEM_LEDGER name, with the defaults of the house."""
    home = Path(env.get("TREEM_HOME", "var")).resolve()
    url = env.get("TREEM_LEDGER", f"sqlite:///{home / 'ledger.sqlite'}")
    return Places(home, Path(env.get("TREEM_CONFIG", "config")), make_url(url))


def passphrase(env: Mapping[str, str]) -> str:
    """The passphrase of the archive. Raises NoPassphrase."""
    words = env.get(PASSPHRASE, "")
    if not words:
        raise NoPassphrase(
            f"Chưa có mật khẩu cho bản sao lưu. Hãy đặt biến môi trường {PASSPHRASE} (ít nhất {SHORTEST} ký tự) và cất "
            "mật khẩu đó ở nơi khác với bản sao lưu: mất mật khẩu là mất bản sao lưu."
        )
    if len(words) < SHORTEST:
        raise NoPassphrase(f"Mật khẩu trong {PASSPHRASE} quá ngắn: cần ít nhất {SHORTEST} ký tự.")
    return words
