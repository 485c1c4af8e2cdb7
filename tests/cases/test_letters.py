"""Cases 60 to 71: letters put together in every odd way. The form in them counts, or a person is told why not."""

import os
import smtplib
from binascii import b2a_uu
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.cases.letters import XLSX, answer, around, multipart, new_id, part, raw_letter, thread, winmail, words_part
from tests.cases.office import FILE, JUNE, LATER, CaseDesk
from treem.ledger.store import open_ledger
from treem.mailroom import imap, smtp
from treem.plan.settings import Mail
from treem.rounds import digest, inbox, intake
from treem.rounds.intake import MAX_TRIES, ODD, process_stored

POSTGRES = os.environ.get("TREEM_TEST_POSTGRES")


def hand_in(desk: CaseDesk, raw: bytes, body: str = "dai") -> None:
    """The body hands it in, and the office collects."""
    desk.post(desk.address(body), raw, JUNE, desk.reply_address(body))
    desk.collect(LATER)


def mixed(desk: CaseDesk, *parts: bytes, kind: str = "mixed") -> bytes:
    line, body = multipart(kind, *parts)
    return around(desk.asked("dai"), desk.address("dai"), line, body)


def accepted_as(desk: CaseDesk, name: str = FILE) -> bool:
    """Whether the one letter was taken, its form under this name, and the body told so."""
    assert desk.ends() == [("done", "answer")], desk.reason()
    assert desk.out() == [(desk.address("dai"), "accepted")]
    (filed,) = desk.submissions("dai")
    assert desk.accepted("dai") == 4
    return filed.file_name == name


# ---- 60 to 62: heads


def test_case_60_letters_without_an_id_are_told_apart_by_what_they_say(desk: CaseDesk) -> None:
    asked, sender = desk.asked("dai"), desk.address("dai")
    for number in (2, 5, 5):
        raw = answer(asked, sender, desk.good("dai", number))[1]
        head = b"\r\n".join(line for line in raw.split(b"\r\n") if not line.startswith(b"Message-ID"))
        desk.post(sender, head, JUNE, asked.reply_to)
    desk.collect(LATER)
    assert desk.ends() == [("done", "answer"), ("done", "answer"), ("done", "same_file")]
    assert [said for _, said in desk.out()] == ["accepted", "accepted", "duplicate"]
    assert all(letter.in_reply_to == "" for _, letter in desk.sent())
    assert desk.accepted("dai") == 10


def test_case_60_two_letters_with_one_id_are_two_letters(desk: CaseDesk) -> None:
    """A mail program that was set up wrongly writes the same id again and again."""
    for number in (2, 5):
        desk.answer("dai", desk.good("dai", number), message_id="<1@may-tinh.test>")
    desk.collect(LATER)
    assert desk.ends() == [("done", "answer")] * 2
    assert [letter.in_reply_to for _, letter in desk.sent()] == ["<1@may-tinh.test>"] * 2
    assert [s.state for s in desk.submissions("dai")] == ["superseded", "accepted"]


@pytest.mark.parametrize("message_id", ["<[1]>", "<>", "x", "<a b@may-tinh.test>", "<" + "1" * 960 + "@x.test>"])
def test_case_60_an_odd_id_stands_in_nobody_s_way(desk: CaseDesk, message_id: str) -> None:
    raw = answer(desk.asked("dai"), desk.address("dai"), desk.good("dai"))[1]
    start, end = raw.index(b"Message-ID: "), raw.index(b"\r\nMIME-Version")
    hand_in(desk, raw[:start] + f"Message-ID: {message_id}".encode() + raw[end:])
    assert accepted_as(desk)


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("Đài Truyền thanh".encode(), "Báo cáo 6 tháng".encode()),
        ("Đài Truyền thanh".encode()[:-1], b"B\xe1\xba o c\xe1o"),
        (b"\xa7\xb5i Truy\xd2n thanh", b"B\xb8o c\xb8o 6 th\xb8ng"),
        (b'"\xff\xfe"', b"\xff" * 300),
    ],
    ids=["UTF-8", "cut", "TCVN3", "no text"],
)
def test_case_61_raw_letters_of_eight_bits_in_the_head_are_read(desk: CaseDesk, name: bytes, subject: bytes) -> None:
    line, body = multipart("mixed", words_part(), part(desk.good("dai")[1], f"Content-Type: {XLSX}; name=a.xlsx"))
    asked, sender = desk.asked("dai"), desk.address("dai").encode()
    head = [b"From: " + name + b" <" + sender + b">", f"To: {asked.reply_to}", b"Subject: " + subject]
    hand_in(desk, thread(asked) + raw_letter([*head, f"Message-ID: {new_id()}", "MIME-Version: 1.0", line], body))
    assert accepted_as(desk, "a.xlsx")


@pytest.mark.parametrize("date", ["hôm qua", "Mon, 99 Foo 2027 99:99:99 +9999", "1" * 500, ""])
def test_case_62_a_bad_date_decides_nothing(desk: CaseDesk, date: str) -> None:
    raw = answer(desk.asked("dai"), desk.address("dai"), desk.good("dai"))[1]
    hand_in(desk, f"Date: {date}\r\n".encode() + raw)
    assert accepted_as(desk)
    assert desk.submissions("dai")[0].received_at == JUNE


@pytest.mark.parametrize("charset", ["x-khong-co", "unknown-8bit", '"utf-8\\0"', "utf-8''x", "binary", "utf-7"])
def test_case_62_an_unknown_charset_of_the_words_does_not_keep_the_form_from_counting(
    desk: CaseDesk, charset: str
) -> None:
    words = raw_letter([f"Content-Type: text/plain; charset={charset}"], b"K\xb8nh g\xfei Ph\xdfng\r\n")
    hand_in(desk, mixed(desk, words, part(desk.good("dai")[1], f'Content-Type: {XLSX}; name="a.xlsx"')))
    assert accepted_as(desk, "a.xlsx")


@pytest.mark.parametrize("fault", ["none named", "another one named", "never closed"])
def test_case_62_a_broken_boundary_is_read_as_far_as_can_be_or_shown_to_a_person(desk: CaseDesk, fault: str) -> None:
    line, body = multipart("mixed", words_part(), part(desk.good("dai")[1], f'Content-Type: {XLSX}; name="a.xlsx"'))
    line = {"none named": "Content-Type: multipart/mixed", "another one named": line.replace("=ranh", "=khac")}.get(
        fault, line
    )
    body = body.replace(b"--=ranh-gioi=--\r\n", b"") if fault == "never closed" else body
    hand_in(desk, around(desk.asked("dai"), desk.address("dai"), line, body))
    if fault == "never closed":
        assert accepted_as(desk, "a.xlsx")
    else:
        assert (desk.ends(), desk.reason(), desk.out()) == ([("hold", "odd")], ODD, [])
        assert desk.nothing_filed()


# ---- 63, 64: too much


def nested(levels: int) -> tuple[str, bytes]:
    """Parts in parts in parts."""
    line, body = multipart("mixed", words_part(), boundary="=0=")
    for level in range(1, levels):
        line, body = multipart("mixed", raw_letter([line], body), boundary=f"={level}=")
    return line, body


MANY = pytest.param(10_000, 1, marks=pytest.mark.slow)  # the embedded server takes seconds over it


@pytest.mark.parametrize(("parts", "levels"), [(1000, 1), MANY, (1, 300)])
def test_case_63_a_letter_of_too_many_parts_waits_and_stops_no_other(desk: CaseDesk, parts: int, levels: int) -> None:
    line, body = nested(levels) if levels > 1 else multipart("mixed", *[words_part("x\n")] * parts)
    desk.post(desk.address("dai"), around(desk.asked("dai"), desk.address("dai"), line, body), JUNE)
    desk.answer("tckh", desk.good("tckh"))
    desk.collect(LATER)
    assert desk.ends() == [("hold", "odd"), ("done", "answer")]
    assert desk.out() == [(desk.address("tckh"), "accepted")]
    assert [x.kind for x in inbox.waiting(desk.house)] == ["Cấu trúc bất thường"]


def test_case_64_a_letter_too_big_to_fetch_is_shown_to_a_person_and_stops_no_other(desk: CaseDesk) -> None:
    video = raw_letter(["Content-Type: video/mp4; name=video.mp4"], (b"x" * 900 + b"\r\n") * 28_000)
    desk.post(desk.address("dai"), mixed(desk, part(desk.good("dai")[1], f"Content-Type: {XLSX}"), video), JUNE)
    desk.answer("tckh", desk.good("tckh"))
    desk.collect(LATER)
    assert desk.ends() == [("hold", "too_big"), ("done", "answer")]
    assert desk.out() == [(desk.address("tckh"), "accepted")]
    (held,) = inbox.waiting(desk.house)
    assert "xem thư trong hộp thư của Phòng" in held.reason
    assert held.reason in digest.words(desk.house, digest.gather(desk.house, LATER), LATER).text


def test_case_64_sixty_megabytes_are_refused_by_the_server_and_the_sender_hears_it_at_once(desk: CaseDesk) -> None:
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        desk.post(desk.address("dai"), bytes(60_000_000), JUNE)
    assert refused.value.smtp_code == 552
    desk.collect(LATER)
    assert desk.letters_in() == []


# ---- 65 to 69: ways to pack a file


@pytest.mark.parametrize("name", ["winmail.dat", "ATT00001.dat", "noname"])
def test_case_65_a_form_that_outlook_wrapped_in_winmail_dat_counts(desk: CaseDesk, name: str) -> None:
    wrapped = winmail(("Báo cáo 6 tháng.xlsx", desk.good("dai")[1]), ("ảnh.png", b"\x89PNG"))
    hand_in(desk, mixed(desk, words_part(), part(wrapped, f"Content-Type: application/ms-tnef; name={name}")))
    assert accepted_as(desk, "Báo cáo 6 tháng.xlsx")


def test_case_65_a_broken_winmail_dat_is_named_to_the_sender(desk: CaseDesk) -> None:
    wrapped = winmail((FILE, desk.good("dai")[1]))[:3000]
    hand_in(desk, mixed(desk, words_part(), part(wrapped, "Content-Type: application/ms-tnef; name=winmail.dat")))
    assert (desk.ends(), desk.out()) == ([("done", "unreadable")], [(desk.address("dai"), "unreadable")])
    assert "winmail.dat" in desk.last().text
    assert desk.nothing_filed()


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Content-Disposition: attachment; filename*=UTF-8''B%C3%A1o%20c%C3%A1o.xlsx", "Báo cáo.xlsx"),
        ("Content-Disposition: attachment; filename*0*=UTF-8''B%C3%A1o; filename*1*=%20c%C3%A1o.xlsx", "Báo cáo.xlsx"),
        ('Content-Disposition: attachment; filename="=?utf-8?b?QsOhbyBjw6FvLnhsc3g=?="', "Báo cáo.xlsx"),
        ('Content-Disposition: attachment; filename="Báo cáo.xlsx"'.encode(), "Báo cáo.xlsx"),
        ('Content-Disposition: attachment; filename="Ba\u0301o ca\u0301o.xlsx"'.encode(), "Báo cáo.xlsx"),
        (b'Content-Disposition: attachment; filename="B\xb8o c\xb8o.xlsx"', "B¸o c¸o.xlsx"),
        ('Content-Disposition: attachment; filename="C:\\\\Users\\\\a\\\\bao cao.xlsx"', "bao cao.xlsx"),
        ("Content-Disposition: attachment; filename=../../../etc/bao-cao.xlsx", "bao-cao.xlsx"),
        ('Content-Disposition: attachment; filename="bao\u202excslx.xlsx"'.encode(), "baoxcslx.xlsx"),
        ("Content-Disposition: attachment; filename=bao-cao", "bao-cao"),
        ("Content-Disposition: attachment; filename=bao-cao.pdf", "bao-cao.pdf"),
    ],
)  # fmt: skip
def test_case_66_a_form_under_any_name_counts_and_the_name_is_only_a_name(
    desk: CaseDesk, header: str | bytes, name: str
) -> None:
    hand_in(desk, mixed(desk, words_part(), part(desk.good("dai")[1], f"Content-Type: {XLSX}", header)))
    assert accepted_as(desk, name)


@pytest.mark.parametrize(
    "headers",
    [
        [f"Content-Type: {XLSX}", "Content-Disposition: inline"],
        ["Content-Type: application/octet-stream"],
        ["Content-Type: text/plain; charset=utf-8"],
        ["Content-Type: image/png", "Content-ID: <logo>", "Content-Disposition: inline"],
        [],
    ],
    ids=str,
)
def test_case_67_a_workbook_without_a_name_and_under_a_false_type_counts(desk: CaseDesk, headers: list[str]) -> None:
    hand_in(desk, mixed(desk, words_part(), part(desk.good("dai")[1], *headers), kind="related"))
    assert accepted_as(desk, "")


def test_case_67_a_letter_that_is_nothing_but_the_workbook_counts(desk: CaseDesk) -> None:
    head, _, body = part(desk.good("dai")[1]).partition(b"\r\n\r\n")
    hand_in(desk, around(desk.asked("dai"), desk.address("dai"), f"Content-Type: {XLSX}", body, head))
    assert accepted_as(desk, "")


def test_case_68_a_form_uuencoded_in_the_text_counts(desk: CaseDesk) -> None:
    data = desk.good("dai")[1]
    lines = b"".join(b2a_uu(data[n : n + 45]) for n in range(0, len(data), 45)).replace(b"\n", b"\r\n")
    body = b"Kinh gui Phong\r\n\r\nbegin 644 bao-cao.xlsx\r\n" + lines + b"`\r\nend\r\n"
    hand_in(desk, around(desk.asked("dai"), desk.address("dai"), "Content-Type: text/plain", body))
    assert accepted_as(desk, "bao-cao.xlsx")


def test_case_69_a_signed_letter_is_read_through_its_signature(desk: CaseDesk) -> None:
    line, body = multipart("mixed", words_part(), part(desk.good("dai")[1], f"Content-Type: {XLSX}; name=a.xlsx"))
    signature = part(b"0\x82\x01", "Content-Type: application/pkcs7-signature; name=smime.p7s",
                     "Content-Disposition: attachment; filename=smime.p7s")  # fmt: skip
    kind, whole = multipart(
        "signed; protocol=application/pkcs7-signature", raw_letter([line], body), signature, boundary="=ky="
    )
    hand_in(desk, around(desk.asked("dai"), desk.address("dai"), kind, whole))
    assert accepted_as(desk, "a.xlsx")


@pytest.mark.parametrize("kind", ["signed-data", "enveloped-data"])
def test_case_69_a_letter_sealed_as_a_whole_waits_for_a_person(desk: CaseDesk, kind: str) -> None:
    line = f"Content-Type: application/pkcs7-mime; smime-type={kind}; name=smime.p7m"
    head, _, body = part(b"0\x82\x01" * 500).partition(b"\r\n\r\n")
    hand_in(desk, around(desk.asked("dai"), desk.address("dai"), line, body, head))
    assert (desk.ends(), desk.out()) == ([("hold", "sealed")], [])
    assert desk.nothing_filed()


# ---- 70, 71: poison


def test_case_70_a_letter_that_breaks_the_program_is_put_aside_told_of_and_stops_no_other(
    desk: CaseDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for body in ("dai", "tckh"):
        desk.answer(body, desk.good(body))
    imap.collect(desk.house.ledger, desk.house.settings.mail, LATER)
    open_letter, poison = intake.open_letter, desk.good("dai")[1]

    def choke(raw: bytes, mail: Mail) -> object:
        opened = open_letter(raw, mail)
        assert poison not in [file.data for file in opened[0].attachments]
        return opened

    monkeypatch.setattr(intake, "open_letter", choke)
    for _ in range(MAX_TRIES + 1):
        process_stored(desk.house, LATER)
    assert desk.ends() == [("quarantine", None), ("done", "answer")]
    assert "AssertionError" in (desk.letters_in()[0].reason or "")
    assert digest.raise_alarm(desk.house, LATER)
    smtp.send_due(desk.house.ledger, desk.house.settings.mail, LATER)
    (ack, alarm) = desk.sent()
    assert (ack[0], alarm[0]) == (desk.address("tckh"), desk.mailbox)
    assert "cách ly" in alarm[1].text
    assert [x.kind for x in inbox.waiting(desk.house)] == ["Cách ly"]


def with_nuls(desk: CaseDesk) -> bytes:
    """NUL in the sender's name, subject, id, text, file name and charset."""
    asked, sender = desk.asked("dai"), desk.address("dai")
    words = raw_letter(["Content-Type: text/plain; charset=utf-8\0"], b"K\0nh g\0i\r\n")
    line, body = multipart(
        "mixed", words, part(desk.good("dai")[1], b'Content-Disposition: attachment; filename="b\0o.xlsx"')
    )
    head = [f"From: C\0n b\0 <{sender}>", f"To: {asked.reply_to}", "Subject: b\0o c\0o", "Message-ID: <1\0@x.test>"]
    return thread(asked) + raw_letter([*head, "MIME-Version: 1.0", line], body)


def test_case_71_no_nul_of_a_letter_reaches_the_ledger(desk: CaseDesk) -> None:
    hand_in(desk, with_nuls(desk))
    assert (desk.ends(), desk.requests()["dai"]) == ([("done", "answer")], "accepted")
    kept = [(x.message_id, x.sender, x.reason) for x in desk.letters_in()]
    kept += [(s.file_name, None, None) for s in desk.submissions("dai")]
    assert not any("\0" in value for row in kept for value in row if value)


@pytest.mark.skipif(POSTGRES is None, reason="TREEM_TEST_POSTGRES names no server")
def test_case_71_postgresql_takes_what_a_letter_with_nuls_leaves(desk: CaseDesk, tmp_path: Path) -> None:
    url = make_url(str(POSTGRES)).set(drivername="postgresql+psycopg")
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as server:
        server.execute(text("DROP DATABASE IF EXISTS treem_case_71"))
        server.execute(text("CREATE DATABASE treem_case_71"))
    address = url.set(database="treem_case_71").render_as_string(hide_password=False)
    ledger = open_ledger(address, tmp_path / "postgres")
    desk.world.stage.mail.log.clear()
    on_postgres = replace(desk, house=replace(desk.house, ledger=ledger), before=3)
    on_postgres.ask()
    hand_in(on_postgres, with_nuls(on_postgres))
    assert on_postgres.ends() == [("done", "answer")]
    assert on_postgres.requests()["dai"] == "accepted"
    ledger.engine.dispose()
