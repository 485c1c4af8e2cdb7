"""The letters the bodies write: cover texts and how a reply is put together.

Belongs here: wording and MIME of a reply as an ordinary mail program makes it.
"""

from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from treem.rehearsal.postbox import Letter
from treem.rehearsal.writers import MIME

FILE_TITLE = "Báo cáo"


@dataclass(frozen=True)
class Cover:
    """A cover text, and what to say of it while the rehearsal runs."""

    told: str
    text: str
    automatic: bool = False


GREETING = "Kính gửi: Phòng Lao động - Thương binh và Xã hội"
COVERS = {
    "answer": Cover("gửi báo cáo", "Đơn vị xin gửi báo cáo theo biểu mẫu kèm theo thư này."),
    "again": Cover("gửi lại đúng tệp cũ", "Sợ thư trước chưa đến nơi, đơn vị xin gửi lại báo cáo."),
    "correction": Cover("gửi bản sửa", "Đơn vị đã kiểm tra, sửa lại số liệu theo thư của Phòng và gửi lại báo cáo."),
    "empty": Cover("gửi biểu mẫu còn trống", "Đơn vị xin gửi báo cáo theo yêu cầu."),
    "away": Cover(
        "trả lời tự động",
        "Tôi đang đi công tác và sẽ trả lời thư sau khi về cơ quan. Đây là thư trả lời tự động.",
        automatic=True,
    ),
}
PROSE = Cover(
    "chỉ viết thư, không kèm biểu mẫu",
    "Trong kỳ đơn vị đã tổ chức 3 buổi tuyên truyền với khoảng 120 lượt trẻ em tham gia. Không có vụ việc nổi cộm.",
)


def file_name(title: str, body_name: str, extension: str) -> str:
    """A file name as people give it, with diacritics and spaces."""
    return f"{title} - {body_name}.{extension}"


def compose(
    cover: Cover,
    sender: tuple[str, str],
    to: Letter,
    attachment: tuple[str, bytes] | None,
    message_id: str,
    now: datetime,
) -> bytes:
    """The finished bytes of a reply to a letter."""
    name, address = sender
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = Address(name, addr_spec=address)
    message["To"] = to.reply_to
    message["Subject"] = ("Tự động trả lời: " if cover.automatic else "Re: ") + to.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    if cover.automatic:
        message["Auto-Submitted"] = "auto-replied"
    message.set_content(f"{GREETING}\n\n{cover.text}\n\n{name}\n", charset="utf-8")
    if attachment:
        file, data = attachment
        main, _, sub = MIME[file.rpartition(".")[2]].partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=file)
    return _thread_lines(to) + message.as_bytes()


def _thread_lines(to: Letter) -> bytes:
    """In-Reply-To and References, one id a line: EmailMessage would encode long ids beyond recognition."""
    references = "\r\n ".join([*to.references.split(), to.message_id])
    return f"In-Reply-To: {to.message_id}\r\nReferences: {references}\r\n".encode("ascii")
