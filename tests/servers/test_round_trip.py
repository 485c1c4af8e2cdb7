"""Letters all the way: our outbox, Postfix, a mailbox on Dovecot, and back. Cases 02, 04, 11 and 14 on real servers."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from tests.mailroom.builders import NOW, OFFICE, TOKEN_A, XA_A, XA_B, XLSX, answer, put
from tests.servers.loopback import wait_until
from tests.servers.post_office import ELSEWHERE, PostOffice
from treem.ledger.store import Ledger
from treem.ledger.tables import Contact, LetterIn, LetterOut
from treem.mailroom.compose import Attachment, plus_address
from treem.mailroom.imap import CollectTally, collect
from treem.mailroom.parse import parse
from treem.mailroom.smtp import SendTally, send_due

pytestmark = pytest.mark.servers
REPLY_TO = plus_address(OFFICE, TOKEN_A)
SUBJECT = "Đề nghị Ủy ban nhân dân xã Bản Giang gửi báo cáo sáu tháng đầu năm về thực hiện quyền trẻ em"
NAME = "Ủy ban nhân dân xã Bản Giang (Văn phòng – Thống kê)"


def raw_out(ledger: Ledger) -> list[bytes]:
    with ledger.begin() as session:
        return [letter.raw for letter in session.scalars(select(LetterOut).order_by(LetterOut.id))]


def originals(ledger: Ledger) -> list[bytes]:
    with ledger.begin() as session:
        return [ledger.originals.read(sha) for sha in session.scalars(select(LetterIn.raw_sha).order_by(LetterIn.id))]


def body_of(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[2]


def test_our_letter_reaches_a_body_byte_for_byte(ledger: Ledger, post: PostOffice) -> None:
    mail = post.mail()
    with ledger.begin() as session:
        put(session, mail)
    assert send_due(ledger, mail, NOW) == SendTally(sent=1)
    (arrived,) = post.arrived(XA_A)
    assert arrived.endswith(raw_out(ledger)[0])
    trace = message_from_bytes(arrived.removesuffix(raw_out(ledger)[0]) + b"\r\n")
    assert trace["Return-Path"] == f"<treem+bounce-{TOKEN_A}@tamduong.test>"
    assert set(trace.keys()) == {"Return-Path", "Delivered-To", "Received"}


def test_case_14_vietnamese_names_and_files_are_read_by_dovecot_and_by_both_python_parsers(
    ledger: Ledger, post: PostOffice
) -> None:
    """Dovecot's ENVELOPE and BODYSTRUCTURE are those of a parser that has nothing to do with ours."""
    mail, words = post.mail(), SimpleNamespace(subject=SUBJECT, text=SUBJECT, html=f"<p>{SUBJECT}</p>")
    with ledger.begin() as session:
        files = [Attachment("BM-XA-01 nam 2027.xlsx", bytes(range(256)) * 50, XLSX)]
        put(session, mail, recipient=(NAME, XA_A), letter=words, attachments=files)
    send_due(ledger, mail, NOW)
    (arrived,) = post.arrived(XA_A)
    with post.dovecot.webmail(XA_A) as client:
        ((_, seen),) = client.fetch(client.search(), ["ENVELOPE", "BODYSTRUCTURE"]).items()
    envelope, structure = seen[b"ENVELOPE"], seen[b"BODYSTRUCTURE"]
    assert _decoded(envelope.subject) == f"[#{TOKEN_A}] {SUBJECT}"
    assert (_decoded(envelope.to[0].name), _address(envelope.to[0])) == (NAME, XA_A)
    assert (_decoded(envelope.from_[0].name), _address(envelope.from_[0])) == (mail.display_name, OFFICE)
    assert _address(envelope.reply_to[0]) == REPLY_TO
    file = structure[0][-1]
    assert b"/".join(file[:2]).decode() == XLSX
    assert file[8] == (b"attachment", (b"filename", b"BM-XA-01 nam 2027.xlsx"))
    modern = message_from_bytes(arrived, _class=EmailMessage, policy=policy.default)
    assert (modern["Subject"], modern["To"].addresses[0].display_name) == (f"[#{TOKEN_A}] {SUBJECT}", NAME)
    (attached,) = modern.iter_attachments()
    assert (attached.get_content(), attached.get_content_type()) == (bytes(range(256)) * 50, XLSX)


def _decoded(value: bytes) -> str:
    return str(make_header(decode_header(value.decode("ascii"))))


def _address(found: object) -> str:
    return f"{found.mailbox.decode()}@{found.host.decode()}"  # type: ignore[attr-defined]


def test_an_answer_to_the_plus_address_is_collected_byte_for_byte(ledger: Ledger, post: PostOffice) -> None:
    post.hand_in(XA_A, REPLY_TO, answer(to=REPLY_TO))
    (there,) = post.arrived(OFFICE)
    assert body_of(there) == body_of(answer(to=REPLY_TO))  # Postfix adds the Date that the head lacks
    assert collect(ledger, post.mail(), NOW) == CollectTally(stored=1)
    (kept,) = originals(ledger)
    assert kept == there
    parsed = parse(kept, post.mail())
    assert parsed.delivered_to[0].lower() == REPLY_TO.lower()
    assert parsed.from_address == XA_A
    assert [file.name for file in parsed.attachments] == ["Báo cáo xã A.xlsx"]
    assert collect(ledger, post.mail(), NOW + timedelta(days=1)) == CollectTally()


def test_an_answer_whose_plus_address_stands_in_no_header_is_known_by_its_delivery(
    ledger: Ledger, post: PostOffice
) -> None:
    post.hand_in(XA_A, REPLY_TO, answer(to="Phong-LDTBXH@tamduong.test"))
    post.arrived(OFFICE)
    collect(ledger, post.mail(), NOW)
    assert parse(originals(ledger)[0], post.mail()).delivered_to[0].lower() == REPLY_TO.lower()


def test_case_02_a_next_hop_that_says_not_now_is_tried_again_by_postfix(ledger: Ledger, post: PostOffice) -> None:
    mail = post.mail()
    post.next_hop.rules[ELSEWHERE] = "451 4.7.1 Greylisted, try again later"
    with ledger.begin() as session:
        put(session, mail, recipient=("Cán bộ", ELSEWHERE))
    assert send_due(ledger, mail, NOW) == SendTally(sent=1)
    wait_until(lambda: "status=deferred" in post.postfix.log, "Postfix does not wait")
    assert post.next_hop.log == []
    post.next_hop.rules.clear()
    post.settle()
    (taken,) = post.next_hop.log
    assert taken.raw.endswith(raw_out(ledger)[0])
    assert post.dovecot.letters(OFFICE) == {}
    assert send_due(ledger, mail, NOW + timedelta(days=1)) == SendTally()


def test_case_04_a_letter_too_big_for_postfix_fails_at_once(ledger: Ledger, post: PostOffice) -> None:
    mail = post.mail(max_letter_bytes=60_000_000)
    with ledger.begin() as session:
        big = Attachment("BM-XA.xlsx", bytes(24_000_000), XLSX)
        put(session, mail, "notice:1", kind="notice", attachments=[big])
        put(session, mail, "notice:2", kind="notice", recipient=("Xã B", XA_B))
    assert send_due(ledger, mail, NOW) == SendTally(sent=1, failed=1)
    post.arrived(XA_B)
    with ledger.begin() as session:
        assert session.execute(select(LetterOut.state, LetterOut.last_code).limit(1)).one() == ("failed", "552 5.3.4")
        assert session.scalars(select(Contact)).all() == []


def test_case_11_an_address_that_cannot_exist_stops_no_other_letter(ledger: Ledger, post: PostOffice) -> None:
    mail = post.mail()
    with ledger.begin() as session:
        for n, address in enumerate((XA_A, "ai-do@khong-co-mien.test", XA_B)):
            put(session, mail, f"notice:{n}", kind="notice", recipient=("Ai đó", address))
    assert send_due(ledger, mail, NOW) == SendTally(sent=2, failed=1)
    assert len(post.arrived(XA_A)) == len(post.arrived(XA_B)) == 1
    with ledger.begin() as session:
        assert session.execute(select(Contact.address, Contact.state)).tuples().all() == [
            ("ai-do@khong-co-mien.test", "dead")
        ]
