"""What comes back to a round of three bodies: a handful of letters of every kind, always the same bytes."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP

from tests.rounds.conftest import at
from tests.rounds.desk import Desk, filled, vouched
from treem.rehearsal.covers import COVERS, PROSE, Cover, compose

AWAY = COVERS["away"]


@dataclass(frozen=True)
class Delivery:
    """A letter and the moment our server stamped it."""

    name: str
    raw: bytes
    when: datetime


def correspondence(desk: Desk) -> list[Delivery]:
    """Answers, corrections, repeats, a bounce, a robot, a stranger, words without a form."""
    dai, tckh, commune = desk.form("dai"), desk.form("tckh"), desk.form("03390")
    good, better = filled(dai, 2), filled(dai, 5)
    return [
        _answer(desk, "dai", "first", at(6, 1), good),
        _answer(desk, "dai", "same file again", at(6, 1, 9), good, COVERS["again"]),
        _answer(desk, "dai", "correction", at(6, 2), better, COVERS["correction"]),
        _answer(desk, "dai", "invalid after valid", at(6, 3), filled(dai, 3, instead="khoảng 20")),
        _answer(desk, "tckh", "invalid", at(6, 1, 10), filled(tckh, 3, instead="khoảng 20")),
        _answer(desk, "tckh", "away", at(6, 1, 11), None, AWAY),
        _answer(desk, "tckh", "mended", at(6, 16), filled(tckh, 4), COVERS["correction"]),
        _answer(desk, "03390", "words", at(6, 1, 12), None, PROSE),
        _answer(desk, "03390", "blank", at(6, 1, 13), commune, COVERS["empty"]),
        _answer(desk, "dai", "stranger", at(6, 4), filled(dai, 9), sender="la@noi-khac.test"),
        _answer(desk, "tckh", "forged", at(6, 4, 9), filled(tckh, 9), verdict="fail"),
        _bounce(desk, "03390", at(5, 20, 9)),
    ]


def by_another_route(delivery: Delivery, number: int) -> bytes:
    """The same letter with the traces of another way through the network."""
    return f"Received: from hop{number}.mail.test by mail.test; route {number}\r\n".encode() + delivery.raw


def _answer(
    desk: Desk, body: str, name: str, when: datetime, data: bytes | None, cover: Cover = COVERS["answer"],
    *, sender: str | None = None, verdict: str = "pass",
) -> Delivery:  # fmt: skip
    who = sender or desk.address(body)
    own_id = f"<{name.replace(' ', '-')}@may-tinh.test>"
    attachment = ("Báo cáo.xlsx", data) if data is not None else None
    raw = compose(cover, ("Cán bộ", who), desk.asked(body), attachment, own_id, when)
    return Delivery(name, vouched(_fixed_boundary(raw, name), who, verdict), when)


def _fixed_boundary(raw: bytes, name: str) -> bytes:
    """MIME boundaries are drawn at random: here they follow from the letter's name."""
    found = raw.partition(b'boundary="')[2].partition(b'"')[0]
    return raw.replace(found, f"==={name.replace(' ', '_')}===".encode()) if found else raw


def _bounce(desk: Desk, body: str, when: datetime) -> Delivery:
    """An RFC 3464 report about the request."""
    asked, address = desk.asked(body), desk.address(body)
    report = EmailMessage(policy=SMTP)
    report["From"] = "Mail Delivery System <MAILER-DAEMON@mail.test>"
    report["To"] = desk.house.settings.mail.address
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Message-ID"] = "<bounce@mail.test>"
    report["Content-Type"] = 'multipart/report; report-type=delivery-status; boundary="=bounce="'
    body_text = (
        "--=bounce=\r\nContent-Type: text/plain\r\n\r\nMailbox full.\r\n"
        "--=bounce=\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.test\r\n\r\n"
        f"Final-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: 5.2.2\r\n\r\n"
        f"--=bounce=\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {asked.message_id}\r\n\r\n--=bounce=--\r\n"
    )
    return Delivery("bounce", report.as_bytes().rstrip(b"\r\n") + b"\r\n\r\n" + body_text.encode(), when)
