"""Every failure of the mailroom by name, in words for the office. `retryable` says whether trying again can help.

Belongs here: names and wording. What becomes of a letter that failed is decided in `smtp`.
"""

from typing import ClassVar


class MailError(Exception):
    """A failure of the mailroom; its text is Vietnamese and carries no secret."""

    retryable: ClassVar[bool] = False


class MailUnreachable(MailError):
    """No working connection to a mail server. Nothing was leased or marked."""

    retryable: ClassVar[bool] = True


class LoginRefused(MailUnreachable):
    """The server does not accept the account. Trying again may lock it."""

    retryable: ClassVar[bool] = False


class PlainRefused(MailUnreachable):
    """The configuration asks for an unencrypted connection to a host that is not this one."""

    retryable: ClassVar[bool] = False


class TlsUnavailable(MailUnreachable):
    """The server does not offer STARTTLS although the configuration asks for it."""

    retryable: ClassVar[bool] = False


class CertificateRefused(MailUnreachable):
    """The server's certificate is not valid for its name."""

    retryable: ClassVar[bool] = False


class FolderMissing(MailUnreachable):
    """The mailbox has no folder of that name."""

    retryable: ClassVar[bool] = False


class HeaderInjection(MailError):
    """A subject or name contains a line break or another control character."""

    def __init__(self, header: str) -> None:
        super().__init__(f"Không tạo thư: mục “{header}” chứa ký tự xuống dòng hoặc ký tự điều khiển. Hãy bỏ ký tự đó.")


class BadAddress(MailError):
    """An address that is not one plain ASCII address."""

    def __init__(self, header: str) -> None:
        super().__init__(
            f"Không tạo thư: địa chỉ ở mục “{header}” không hợp lệ. Hãy ghi một địa chỉ dạng ten@mien.vn, không dấu."
        )


class BadAttachment(MailError):
    """An attachment whose name or type cannot stand in a letter."""

    def __init__(self) -> None:
        super().__init__(
            "Không tạo thư: tên hoặc loại tệp đính kèm không hợp lệ. Tên tệp chỉ gồm chữ không dấu, số, . _ -"
        )


class LetterTooBig(MailError):
    """A letter above the configured limit."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"Không tạo thư: thư nặng {size / 1e6:.1f} MB, vượt giới hạn {limit / 1e6:.1f} MB (max_letter_bytes)."
        )
