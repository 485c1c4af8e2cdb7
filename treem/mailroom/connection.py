"""What sending and collecting share about a server: when plain text is allowed, TLS, and trouble by name.

Belongs here: nothing that knows a letter.
"""

import imaplib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Literal

from imapclient.exceptions import CapabilityError, LoginError

from treem.mailroom.errors import CertificateRefused, LoginRefused, MailUnreachable, PlainRefused, TlsUnavailable
from treem.plan.settings import Server

Role = Literal["gửi thư", "nhận thư"]
TROUBLE = (OSError, smtplib.SMTPException, imaplib.IMAP4.error)
"""What the two libraries raise when a connection does not come about or is lost."""

NOT_THE_PASSWORD = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]")  # RFC 5530: a login may be refused for now


def is_loopback(host: str) -> bool:
    """Whether the host is this one, decided without asking any name server."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def refuse_plain(server: Server, role: Role) -> None:
    """Raise PlainRefused when passwords and figures would cross a network unencrypted."""
    if server.security == "plain" and not is_loopback(server.host):
        raise PlainRefused(
            f"Không dùng máy chủ {role} {server.host}: kết nối không mã hóa chỉ được phép với 127.0.0.1. "
            "Hãy đặt security: tls hoặc starttls trong mail.yaml."
        )


def tls_context() -> ssl.SSLContext:
    """A context that verifies certificates and names; neither smtplib nor yagmail does so by itself."""
    return ssl.create_default_context()


@contextmanager
def named_trouble(server: Server, role: Role) -> Iterator[None]:
    """Let whatever goes wrong with the server be raised as MailUnreachable or one of its kinds."""
    try:
        yield
    except TROUBLE as error:
        raise _named(f"máy chủ {role} {server.host}:{server.port}", error) from error


def _named(where: str, error: Exception) -> MailUnreachable:
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateRefused(f"Chứng chỉ của {where} không hợp lệ. Hãy báo đơn vị quản trị thư điện tử.")
    if isinstance(error, smtplib.SMTPNotSupportedError | CapabilityError):
        return _not_offered(where, error)
    if _is_refused_login(error):
        return LoginRefused(f"Không đăng nhập được {where}. Hãy kiểm tra tên đăng nhập và mật khẩu của hộp thư.")
    return MailUnreachable(
        f"Không kết nối được {where} ({type(error).__name__}). Hãy kiểm tra mạng và mail.yaml; lần chạy sau sẽ thử lại."
    )


def _is_refused_login(error: Exception) -> bool:
    """Whether the server has judged the password, and not only said that it has no time for it now."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return error.smtp_code >= 500
    if not isinstance(error, LoginError) or isinstance(error.__context__, imaplib.IMAP4.abort):
        return False  # LoginError is also what a connection lost during the login becomes
    return not any(code in str(error).upper() for code in NOT_THE_PASSWORD)


def _not_offered(where: str, error: Exception) -> MailUnreachable:
    if "STARTTLS" in str(error):
        return TlsUnavailable(f"{where[0].upper()}{where[1:]} không hỗ trợ STARTTLS; không dùng kết nối không mã hóa.")
    return LoginRefused(
        f"{where[0].upper()}{where[1:]} không nhận đăng nhập. Hãy kiểm tra cổng và security trong mail.yaml."
    )
