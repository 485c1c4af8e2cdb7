"""The ledger's named failures, with the Vietnamese words an officer reads. No figures, no paths."""


class LedgerError(Exception):
    """Something is wrong with the ledger itself."""


class StoreFull(LedgerError):
    """The disk or the database has no room. Nothing of the transaction was kept; the same step may run again."""

    def __init__(self) -> None:
        super().__init__("Hết chỗ trên đĩa: chưa ghi được vào sổ theo dõi. Hãy giải phóng dung lượng rồi chạy lại.")


class OriginalDamaged(LedgerError):
    """An original is missing or its bytes no longer have the digest they were kept under."""

    def __init__(self, sha: str) -> None:
        super().__init__(f"Bản gốc {sha[:12]} bị mất hoặc đã bị thay đổi. Hãy khôi phục tệp này từ bản sao lưu.")


class LedgerTooNew(LedgerError):
    """The ledger was written by a later version of the application."""

    def __init__(self) -> None:
        super().__init__("Sổ theo dõi do một phiên bản mới hơn tạo ra. Hãy cập nhật ứng dụng trước khi dùng tiếp.")
