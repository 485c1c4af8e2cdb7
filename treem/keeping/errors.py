"""What may go wrong with a copy and its way back, by name, in words for the administrator. No secrets."""


class KeepingError(Exception):
    """A copy was not made or not brought back; nothing that was there before was changed."""


class NoPassphrase(KeepingError):
    """The passphrase is missing or so short that it protects nothing."""


class WrongPassphrase(KeepingError):
    """The archive was made under another passphrase."""

    def __init__(self) -> None:
        super().__init__(
            "Sai mật khẩu của bản sao lưu. Hãy đặt TREEM_BACKUP_PASSPHRASE đúng như khi sao lưu rồi chạy lại."
        )


class ArchiveDamaged(KeepingError):
    """The file is no archive of ours, or not the bytes that were written."""

    def __init__(self, what: str) -> None:
        super().__init__(f"Bản sao lưu bị hỏng hoặc không đầy đủ: {what}. Hãy dùng một bản sao lưu khác.")


class ArchiveTooNew(KeepingError):
    """A later version of the application made it."""

    def __init__(self) -> None:
        super().__init__("Bản sao lưu do một phiên bản mới hơn tạo ra. Hãy cập nhật ứng dụng rồi khôi phục lại.")


class TargetExists(KeepingError):
    """Something lies there already. Nothing is ever written over."""


class OtherDatabase(KeepingError):
    """A copy of SQLite for PostgreSQL, or the other way round."""


class ProgramMissing(KeepingError):
    """pg_dump or pg_restore is not installed, or refused."""


class NothingToKeep(KeepingError):
    """There is no ledger where the environment says."""


class ProofFailed(KeepingError):
    """What was brought back is not what was kept."""
