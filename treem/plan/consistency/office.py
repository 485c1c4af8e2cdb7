"""Checks of office.yaml, mail.yaml and holidays.yaml. Secrets are never repeated in a message."""

from collections.abc import Iterator
from datetime import date
from ipaddress import ip_address
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from treem.plan.consistency.register import check_address
from treem.plan.consistency.timing import COMMON_YEAR, MONTH_DAY
from treem.plan.problems import Found, choose
from treem.plan.settings import Holidays, Mail, Office, Server

PORTS = range(1, 65536)


def check_office(office: Office) -> Iterator[Found]:
    """The time zone exists and the report has somewhere to go."""
    try:
        ZoneInfo(office.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"Không có múi giờ “{office.timezone}”."
        yield Found("office.yaml", ("timezone",), message, "Ghi Asia/Ho_Chi_Minh.")
    for key in ("report_issuer", "report_recipients", "report_emails"):
        if not getattr(office, key):
            yield Found("office.yaml", (key,), "Danh sách đang trống.", "Ghi ít nhất một dòng.")
    for n, address in enumerate(office.report_emails):
        yield from check_address("office.yaml", ("report_emails", n), address)


def check_mail(mail: Mail) -> Iterator[Found]:
    """Addresses, ports and limits are possible ones, and nothing crosses a network in plain text."""
    yield from check_address("mail.yaml", ("address",), mail.address)
    if mail.redirect_all_to is not None:
        yield from check_address("mail.yaml", ("redirect_all_to",), mail.redirect_all_to)
    for n, address in enumerate(mail.notify):
        yield from check_address("mail.yaml", ("notify", n), address)
    if mail.authentication != "accept" and not (mail.authserv_id or mail.authserv_topmost):
        message = "Chưa khai máy chủ nhận thư nào được tin khi xác thực người gửi."
        remedy = "Ghi authserv_id như ở đầu thư Authentication-Results của hộp thư Phòng, hoặc authentication: accept."
        yield Found("mail.yaml", ("authserv_id",), message, remedy)
    for key in ("letters_per_minute", "acks_per_request", "acks_per_hour", "max_letter_bytes"):
        if getattr(mail, key) < 1:
            yield Found("mail.yaml", (key,), "Giới hạn phải lớn hơn 0.", "Ghi số nguyên dương.")
    yield from _server("smtp", mail.smtp)
    yield from _server("imap", mail.imap)


def _server(key: str, server: Server) -> Iterator[Found]:
    if not server.host:
        yield Found("mail.yaml", (key, "host"), "Chưa có tên máy chủ.", "Ghi tên máy chủ thư.")
    if server.port not in PORTS:
        yield Found("mail.yaml", (key, "port"), "Cổng phải từ 1 đến 65535.", "Hỏi đơn vị quản trị thư điện tử.")
    if server.timeout <= 0:
        yield Found("mail.yaml", (key, "timeout"), "Thời gian chờ phải lớn hơn 0.", "Ghi số giây, ví dụ 60.")
    if server.user and not server.password and not _is_loopback(server.host):
        message = "Chưa có mật khẩu cho máy chủ này."
        yield Found("mail.yaml", (key, "password"), message, "Đặt biến môi trường nêu ở dòng này.")
    if server.security == "plain" and not _is_loopback(server.host):
        message = "Kết nối không mã hóa (plain) chỉ được dùng với máy này (127.0.0.1)."
        yield Found("mail.yaml", (key, "security"), message, "Ghi security: tls hoặc starttls.")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_holidays(holidays: Holidays) -> Iterator[Found]:
    """No day is both off and worked; the days of the school year are days."""
    file = "holidays.yaml"
    for n, day in enumerate(holidays.working):
        if day in holidays.off:
            message = f"Ngày {day:%d/%m/%Y} vừa nghỉ vừa làm bù."
            yield Found(file, ("working", n), message, "Xóa ngày này ở off hoặc ở working.")
    for name, text in holidays.school_days.items():
        if not _is_day(COMMON_YEAR, text):
            yield Found(file, ("school_days", name), f"“{text}” không phải ngày có thật của mọi năm.", MONTH_DAY)
    for year, days in holidays.school_days_of.items():
        for name, text in days.items():
            here = ("school_days_of", str(year), name)
            if name not in holidays.school_days:
                message = f"Không có ngày năm học “{name}” trong school_days."
                yield Found(file, here, message, choose(name, holidays.school_days))
            if not _is_day(year, text):
                yield Found(file, here, f"“{text}” không phải ngày có thật của năm {year}.", MONTH_DAY)


def _is_day(year: int, text: str) -> bool:
    try:
        date.fromisoformat(f"{year:04d}-{text}")
    except ValueError:
        return False
    return True
