"""Small settings, requests and letters for the mailroom's tests."""

from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.policy import SMTP
from types import SimpleNamespace
from typing import Any

from sqlalchemy.orm import Session

from treem.ledger.tables import LetterOut, Request, Round
from treem.mailroom.compose import Attachment
from treem.mailroom.outbox import write_letter
from treem.plan.settings import Body, Group, Mail, Plan, Register, Server, Settings
from treem.rehearsal.mail_server import EmbeddedMail

NOW = datetime(2027, 5, 17, 1, 0, tzinfo=UTC)
OFFICE = "treem@tamduong.test"
PASSWORD = "mat-khau-thu"
XA_A, XA_B = "xa-a@tamduong.test", "xa-b@tamduong.test"
TOKEN_A, TOKEN_B = "A1B2C3D4E5F60718293A", "B1B2C3D4E5F60718293B"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WORDS = SimpleNamespace(subject="Yêu cầu gửi báo cáo", text="Kính gửi đơn vị", html="<p>Kính gửi đơn vị</p>")


def mail_for(server: EmbeddedMail | None = None, **changes: Any) -> Mail:
    """Mail settings for an embedded server; ports that nobody listens on without one."""
    smtp, imap = (server.smtp, server.imap) if server else (("127.0.0.1", 9), ("127.0.0.1", 9))
    fields: dict[str, Any] = {
        "address": OFFICE,
        "display_name": "Phòng LĐTBXH huyện Tam Đường",
        "smtp": account(*smtp),
        "imap": account(*imap),
        "letters_per_minute": 1000,
    }
    return Mail(**fields | changes)


def account(host: str, port: int, **changes: Any) -> Server:
    """A server with the office's account."""
    fields: dict[str, Any] = {"security": "plain", "user": OFFICE, "password": PASSWORD, "timeout": 10}
    return Server(host=host, port=port, **fields | changes)


def settings_for(mail: Mail) -> Settings:
    """Two communes in a register. The rooms beside the register are not looked at by the mailroom."""
    since = date(2020, 1, 1)
    group = Group(key="xa", name="Các xã", duty_group="III.9", tone="instruct")
    bodies = tuple(
        Body(code=code, name=name, group="xa", kind="commune", emails=emails, valid_from=since)
        for code, name, emails in (
            ("xa-a", "Ủy ban nhân dân xã A", (XA_A, "Van.Thu.A@tamduong.test")),
            ("xa-b", "Ủy ban nhân dân xã B", (XA_B,)),
        )
    )
    plan = Plan.model_construct(activities=())
    return Settings.model_construct(plan=plan, register_=Register(groups=(group,), bodies=bodies), mail=mail)


def add_requests(
    session: Session, year: int = 2027, tokens: tuple[str, str] = (TOKEN_A, TOKEN_B)
) -> tuple[Request, Request]:
    """A round with a request to each commune."""
    entry = Round(key=f"bao-cao-6-thang/{year}", activity="bao-cao-6-thang", year=year, opened_at=NOW)
    session.add(entry)
    session.flush()
    due = date(year, 6, 14)
    made = [
        Request(
            round_id=entry.id,
            body=body,
            token=token,
            form="BM-XA",
            form_version=1,
            due=due,
            legal_due=due,
            state="queued",
        )
        for body, token in zip(("xa-a", "xa-b"), tokens, strict=True)
    ]
    session.add_all(made)
    session.flush()
    return made[0], made[1]


def put(session: Session, mail: Mail, idem_key: str = "request:1", **changes: Any) -> LetterOut:
    """A letter in the outbox."""
    fields: dict[str, Any] = {
        "kind": "request",
        "recipient": ("Ủy ban nhân dân xã A", XA_A),
        "letter": WORDS,
        "attachments": [Attachment("BM-XA.xlsx", b"PK\x03\x04 workbook", XLSX)],
        "token": TOKEN_A,
        "round_id": None,
        "request_id": None,
        "in_reply_to": None,
        "now": NOW,
    }
    return write_letter(session, mail, idem_key=idem_key, **fields | changes)


def answer(sender: str = XA_A, to: str = OFFICE, subject: str = "Re: báo cáo", **headers: str) -> bytes:
    """A body's letter with a workbook; `headers` in snake case are added."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Message-ID"] = headers.pop("message_id", "<tra-loi-1@tamduong.test>")
    for name, value in headers.items():
        message[name.replace("_", "-").title()] = value
    message.set_content("Đơn vị gửi báo cáo.\n")
    message.add_attachment(
        b"PK\x03\x04 filled", maintype="application", subtype="vnd.ms-excel", filename="Báo cáo xã A.xlsx"
    )
    message.set_boundary("ranh-gioi")
    return message.as_bytes()
