"""A look at everything the application needs, one line each: what was found, and what to do about it.

Belongs here: looks that need no Prefect (those are in `flows.doctor`). No look changes anything but the test letter,
which is sent on request only; none shows a secret, nor what a server said in its own words.
"""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alembic.config import Config
from alembic.script import ScriptDirectory
from imapclient import IMAPClient
from sqlalchemy.exc import SQLAlchemyError

from treem.documents.pdf import libreoffice
from treem.keeping.database import engine_for
from treem.keeping.places import PASSPHRASE, Places, places_from_environment
from treem.ledger.store import MIGRATIONS
from treem.mailroom import imap
from treem.mailroom.errors import MailError
from treem.mailroom.line import Line, deliver
from treem.plan.load import ConfigError, load_settings
from treem.plan.settings import Mail, Settings

State = Literal["ok", "warning", "broken"]
LOW_DISK, FULL_DISK = 2_000_000_000, 200_000_000
EARLIEST = 2026  # a clock before the application existed is wrong
FONTS = ("Times New Roman", "Liberation Serif", "Tinos", "TeX Gyre Termes", "Nimbus Roman")
LETTER_BACK = 60.0  # seconds


@dataclass(frozen=True)
class Finding:
    """One look."""

    what: str
    state: State
    found: str
    remedy: str = ""


def look(env: Mapping[str, str], now: datetime, send: bool = False) -> Iterator[Finding]:
    """Every look, each after the other, whatever the one before found."""
    places = places_from_environment(env)
    settings = None
    try:
        settings = load_settings(places.config, env)
        yield Finding("Cấu hình", "ok", f"đọc được {places.config}")
    except ConfigError as error:
        for problem in error.problems:
            place = f"{problem.file}:{problem.line}"
            yield Finding("Cấu hình", "broken", f"{place}: {problem.message}", problem.remedy)
    except OSError as error:
        words = f"không đọc được {places.config} ({error.strerror})"
        yield Finding("Cấu hình", "broken", words, "Hãy đặt TREEM_CONFIG là thư mục cấu hình.")
    yield from _secrets(env, settings)
    yield _database(places)
    yield _room(places)
    if settings:
        yield _sending(settings.mail)
        yield from _receiving(settings.mail)
        if send:
            yield _there_and_back(settings.mail, now)
    else:
        remedy = "Hãy sửa cấu hình trước rồi chạy lại treem doctor."
        yield Finding("Thư điện tử", "warning", "chưa kiểm tra được vì cấu hình có lỗi", remedy)
    yield from _clock(settings, now)
    yield _office_suite()
    yield _fonts()


def _secrets(env: Mapping[str, str], settings: Settings | None) -> Iterator[Finding]:
    """Whether they are there; never what they are."""
    if settings:
        servers = {"gửi thư": settings.mail.smtp, "nhận thư": settings.mail.imap}
        for role, server in servers.items():
            if server.user and not server.password:
                remedy = "Hãy đặt biến môi trường TREEM_MAIL_PASSWORD cho tiến trình chạy treem."
                yield Finding("Mật khẩu", "broken", f"hộp {role} có tên đăng nhập nhưng không có mật khẩu", remedy)
                break
        else:
            yield Finding("Mật khẩu", "ok", "hộp thư: có đủ hoặc không cần")
    if not env.get(PASSPHRASE):
        remedy = f"Hãy đặt {PASSPHRASE} để sao lưu được (treem backup)."
        yield Finding("Mật khẩu", "warning", "chưa có mật khẩu cho bản sao lưu", remedy)


def _database(places: Places) -> Finding:
    what = "Cơ sở dữ liệu"
    file = places.sqlite_file
    if file is not None and not file.exists():
        return Finding(what, "warning", f"chưa có {file}", "Sẽ được tạo ở lần chạy đầu; nếu đã dùng: treem restore.")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    known, heads = {s.revision for s in script.walk_revisions()}, set(script.get_heads())
    engine = engine_for(places.ledger)
    try:
        if file is not None:
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as there:
                if there.execute("PRAGMA quick_check").fetchone() != ("ok",):
                    return Finding(what, "broken", "tệp sổ theo dõi bị hỏng", "Hãy khôi phục: treem restore.")
        with engine.connect() as connection:
            present = {row[0] for row in connection.exec_driver_sql("SELECT version_num FROM alembic_version")}
            kind = connection.dialect.name
            version = ".".join(map(str, connection.dialect.server_version_info or ()))
    except (SQLAlchemyError, sqlite3.Error, ImportError) as error:
        remedy = "Hãy kiểm tra TREEM_LEDGER, máy chủ cơ sở dữ liệu và quyền đọc tệp; tệp hỏng thì treem restore."
        return Finding(what, "broken", f"không mở được sổ theo dõi ({type(error).__name__})", remedy)
    finally:
        engine.dispose()
    if not present <= known:
        return Finding(what, "broken", "sổ theo dõi của một phiên bản mới hơn", "Hãy cập nhật ứng dụng.")
    if present != heads:
        remedy = "Hãy sao lưu (treem backup); cấu trúc được cập nhật ở lần chạy tới."
        return Finding(what, "warning", f"{kind} {version}: cấu trúc chưa phải mới nhất", remedy)
    return Finding(what, "ok", f"{kind} {version}, cấu trúc {', '.join(sorted(present))}")


def _room(places: Places) -> Finding:
    folder = next(p for p in (places.home, *places.home.parents) if p.exists())
    free = shutil.disk_usage(folder).free
    found = f"còn trống {free / 1e9:.1f} GB ở {folder}"
    remedy = "Hãy xóa bớt tệp không cần hoặc chuyển TREEM_HOME sang đĩa khác; đừng xóa gì trong originals."
    if not os.access(folder, os.W_OK):
        return Finding("Đĩa", "broken", f"không ghi được vào {folder}", "Hãy cấp quyền ghi cho tài khoản chạy treem.")
    if free < FULL_DISK:
        return Finding("Đĩa", "broken", found, remedy)
    return Finding("Đĩa", "warning", found, remedy) if free < LOW_DISK else Finding("Đĩa", "ok", found)


def _guarded(what: str, work: Callable[[], str]) -> Finding:
    """A look at a mail server: its named failure holds what was found and the remedy."""
    try:
        return Finding(what, "ok", work())
    except MailError as error:
        found, _, remedy = str(error).partition(" Hãy ")
        return Finding(what, "broken", found, f"Hãy {remedy}" if remedy else "Hãy báo đơn vị quản trị thư điện tử.")


def _sending(mail: Mail) -> Finding:
    def work() -> str:
        with Line(mail) as line:
            line.opened()
        return f"đăng nhập được {mail.smtp.host}:{mail.smtp.port} ({mail.smtp.security})"

    return _guarded("Gửi thư (SMTP)", work)


def _receiving(mail: Mail) -> Iterator[Finding]:
    def work() -> str:
        folders = imap.folders(mail)
        with _reading(mail) as client:
            numbers = [f"{f} (UIDVALIDITY {_uidvalidity(client, f)})" for f in folders]
        return f"đăng nhập được {mail.imap.host}:{mail.imap.port}; thư mục {', '.join(numbers)}"

    yield _guarded("Nhận thư (IMAP)", work)


def _reading(mail: Mail) -> IMAPClient:
    return imap.logged_in(mail)


def _uidvalidity(client: IMAPClient, folder: str) -> int:
    return int(client.select_folder(folder, readonly=True)[b"UIDVALIDITY"])


def _there_and_back(mail: Mail, now: datetime) -> Finding:
    """A letter to ourselves. It stays in the mailbox, where collecting knows it as our own."""
    message = EmailMessage()
    message["From"] = message["To"] = mail.address
    message["Date"], message["Subject"] = format_datetime(now), "Thư thử của treem doctor"
    message["Message-ID"] = wanted = f"<doctor-{uuid4().hex}@{mail.address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("Thư thử; không cần trả lời.\n")

    def work() -> str:
        with Line(mail) as line:
            raw = message.as_bytes(policy=SMTP)
            outcome = deliver(line.opened(), mail.address, mail.address, raw)
        if outcome.end != "sent":
            raise MailError(f"Máy chủ không nhận thư thử (mã {outcome.code}). Hãy kiểm tra hạn mức và quyền gửi.")
        if not _came(mail, wanted):
            raise MailError(
                f"Thư thử đã gửi nhưng sau {LETTER_BACK:.0f} giây chưa thấy trong hộp thư. Hãy kiểm tra hộp thư đầy, "
                "bộ lọc, hoặc địa chỉ address trong mail.yaml."
            )
        return "thư thử đã đi và về tới hộp thư"

    return _guarded("Thư thử", work)


def _came(mail: Mail, message_id: str) -> bool:
    until = time.monotonic() + LETTER_BACK
    folders = imap.folders(mail)
    while True:
        with _reading(mail) as client:
            for folder in folders:
                client.select_folder(folder, readonly=True)
                if client.search(["HEADER", "Message-ID", message_id]):
                    return True
        if time.monotonic() > until:
            return False
        time.sleep(1)


def _clock(settings: Settings | None, now: datetime) -> Iterator[Finding]:
    zone = settings.office.timezone if settings else "Asia/Ho_Chi_Minh"
    try:
        local = now.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        yield Finding("Đồng hồ", "broken", f"không có dữ liệu múi giờ {zone}", "Hãy cài gói tzdata.")
        return
    found = f"{local:%H:%M ngày %d/%m/%Y} ({zone})"
    if now.year < EARLIEST:
        yield Finding("Đồng hồ", "broken", found, "Đồng hồ máy sai. Hãy bật đồng bộ giờ (NTP) rồi khởi động lại treem.")
    else:
        yield Finding("Đồng hồ", "ok", found)


def _office_suite() -> Finding:
    found = libreoffice()
    if found is None:
        return Finding("LibreOffice", "warning", "chưa cài; không lập bản PDF", "Muốn có PDF: hãy cài LibreOffice.")
    return Finding("LibreOffice", "ok", found)


def _fonts() -> Finding:
    remedy = "Hãy cài phông Times New Roman hoặc Liberation Serif (gói fonts-liberation)."
    program = shutil.which("fc-list")
    if program is None:
        return Finding("Phông chữ", "warning", "không có fc-list nên chưa kiểm tra được", remedy)
    done = subprocess.run([program, ":", "family"], capture_output=True, text=True, check=False, timeout=60)
    have = next((font for font in FONTS if font.lower() in done.stdout.lower()), None)
    if have is None:
        return Finding("Phông chữ", "warning", "không có phông tương đương Times New Roman", remedy)
    return Finding("Phông chữ", "ok", have)
