"""What a letter's stored bytes are, and what is refused before a byte is stored."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from tests.mailroom.builders import NOW, OFFICE, TOKEN_A, XA_A, XLSX, mail_for, put
from treem.ledger.store import Ledger
from treem.ledger.tables import LetterOut
from treem.mailroom.compose import Attachment
from treem.mailroom.errors import BadAddress, BadAttachment, HeaderInjection, LetterTooBig

MAIL = mail_for()


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, _class=EmailMessage, policy=policy.default)


def test_a_letter_carries_its_token_everywhere_and_both_texts(ledger: Ledger) -> None:
    with ledger.begin() as session:
        entry = put(session, MAIL)
        letter = read(entry.raw)
    assert letter["Subject"] == f"[#{TOKEN_A}] Yêu cầu gửi báo cáo"
    assert letter["Reply-To"].addresses[0].addr_spec == f"treem+{TOKEN_A}@tamduong.test"
    assert letter["To"].addresses[0].display_name == "Ủy ban nhân dân xã A"
    assert letter["To"].addresses[0].addr_spec == XA_A
    assert letter["From"].addresses[0].addr_spec == OFFICE
    assert entry.envelope_from == f"treem+bounce-{TOKEN_A}@tamduong.test"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["X-Auto-Response-Suppress"] == "All"
    assert letter["X-Loop"] == OFFICE
    assert letter["Date"].datetime == NOW
    assert letter.get_body(("plain",)).get_content().strip() == "Kính gửi đơn vị"
    assert "<p>Kính gửi đơn vị</p>" in letter.get_body(("html",)).get_content()
    (file,) = letter.iter_attachments()
    assert (file.get_filename(), file.get_content_type(), file.get_content()) == (
        "BM-XA.xlsx",
        XLSX,
        b"PK\x03\x04 workbook",
    )
    assert all(len(line) <= 998 and line.isascii() for line in entry.raw.split(b"\r\n"))


def test_writing_twice_gives_the_first_letter(ledger: Ledger) -> None:
    with ledger.begin() as session:
        first = put(session, MAIL)
    with ledger.begin() as session:
        again = put(session, MAIL, now=NOW + timedelta(days=1), letter=SimpleNamespace(subject="x", text="y", html="z"))
        assert (again.id, again.raw) == (first.id, first.raw)
        assert session.scalar(select(func.count(LetterOut.id))) == 1


def test_message_ids_follow_from_the_key_and_differ(ledger: Ledger) -> None:
    with ledger.begin() as session:
        one, two = put(session, MAIL, "request:1"), put(session, MAIL, "remind-1:1")
        assert one.message_id != two.message_id
        assert one.message_id.endswith("@tamduong.test>")
        one_id = one.message_id
        session.delete(one)
        session.flush()
        assert put(session, MAIL, "request:1").message_id == one_id


def test_an_answer_threads_and_says_it_is_automatic(ledger: Ledger) -> None:
    long_id = f"<{'x' * 150}@mail.tamduong.test>"
    with ledger.begin() as session:
        raw = put(session, MAIL, kind="ack", in_reply_to=long_id).raw
    assert f"\r\nIn-Reply-To: {long_id}\r\n".encode() in raw
    assert f"\r\nReferences: {long_id}\r\n".encode() in raw
    assert read(raw)["Auto-Submitted"] == "auto-replied"


def test_a_strange_message_id_of_theirs_is_not_repeated(ledger: Ledger) -> None:
    with ledger.begin() as session:
        raw = put(session, MAIL, kind="ack", in_reply_to="<a>\r\nBcc: x@evil.test\r\n").raw
    assert read(raw)["In-Reply-To"] is None
    assert b"evil.test" not in raw


def test_a_body_that_names_a_file_stays_text(ledger: Ledger) -> None:
    with ledger.begin() as session:
        words = SimpleNamespace(subject="s", text="/etc/passwd", html="/etc/passwd")
        letter = read(put(session, MAIL, letter=words, attachments=[]).raw)
    assert letter.get_body(("plain",)).get_content().strip() == "/etc/passwd"
    assert list(letter.iter_attachments()) == []


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"letter": SimpleNamespace(subject="a\r\nBcc: x@evil.test", text="", html="")}, HeaderInjection),
        ({"letter": SimpleNamespace(subject="a\n\nb", text="", html="")}, HeaderInjection),
        ({"recipient": ("Xã A\r\nBcc: x@evil.test", XA_A)}, HeaderInjection),
        ({"recipient": ("Xã A", f"{XA_A}\n")}, HeaderInjection),
        ({"token": "A\r\nB"}, HeaderInjection),
        ({"recipient": ("Xã A", f"{XA_A}, x@evil.test")}, BadAddress),
        ({"recipient": ("Xã A", "xã@tamđường.test")}, BadAddress),
        ({"attachments": [Attachment("../a.xlsx", b"", XLSX)]}, BadAttachment),
        ({"attachments": [Attachment("a.xlsx", b"", "text/html\r\nX: y")]}, BadAttachment),
        ({"attachments": [Attachment("a.xlsx", bytes(25_000_000), XLSX)]}, LetterTooBig),
    ],
)
def test_what_could_break_a_letter_is_refused_by_name(
    ledger: Ledger, change: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error, match="Không tạo thư"), ledger.begin() as session:
        put(session, MAIL, **change)
    with ledger.begin() as session:
        assert session.scalar(select(func.count(LetterOut.id))) == 0
