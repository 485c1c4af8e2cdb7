"""A report's way from draft to sent, and after: number, return with codes, hand-edited file, supplement, kills."""

import email
import os
import signal
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from email import policy
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from docx import Document
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.documents.test_numbered import texts
from tests.rounds.conftest import ROUND, PlainOffice, World, at
from tests.rounds.desk import Desk, filled, open_desk
from tests.rounds.test_crash import in_child
from treem.documents.report import write_report
from treem.ledger import queries
from treem.ledger.tables import Approval, Dispatch, Event, LetterOut, Report
from treem.mailroom import smtp
from treem.rounds import adopting, numbering, redrafting, report_record, reporting, returning, sending, supplementing
from treem.rounds.decisions import Decided, DecisionRefused
from treem.rounds.gathered import asked_bodies, beside_of, district_of
from treem.rounds.reporting import ReportSettled, ReportView, StaleReport
from treem.rounds.steps import carry_out

CLERK = "Văn thư"
DECIDED, NUMBERED = at(6, 22), at(6, 23)


def office(now: datetime, why: str = "số liệu cập nhật sau khi gửi") -> Decided:
    return Decided("can-bo", why, now)


@pytest.fixture
def drafted(world: World, tmp_path: Path) -> Desk:
    """Two of three bodies have filed, the round is closed, the draft waits."""
    desk = open_desk(world, tmp_path)
    desk.ask()
    for body in ("dai", "tckh"):
        desk.write(body, at(6, 1), filled(desk.form(body)))
    desk.collect(at(6, 2))
    carry_out(desk.house, ROUND, at(6, 21))
    return desk


@pytest.fixture
def approved(drafted: Desk) -> Desk:
    decide(drafted, "approved")
    return drafted


@pytest.fixture
def sent(approved: Desk) -> Desk:
    PlainOffice(approved.house).number(ROUND, at(6, 23))
    return approved


def view_of(desk: Desk) -> ReportView:
    view = reporting.waiting(desk.house, ROUND)
    assert view is not None
    return view


def decide(desk: Desk, decision: str, *named: str, now: datetime = DECIDED, view: ReportView | None = None) -> None:
    view = view or view_of(desk)
    given = (decision, "Phó Chủ tịch", "xem lại số liệu")
    reporting.decide(desk.house, ROUND, view.version, view.digest, *given, now, named)  # type: ignore[arg-type]


def number(desk: Desk, text: str, on: date, now: datetime = NUMBERED, view: ReportView | None = None) -> None:
    view = view or numbering.waiting_number(desk.house, ROUND)
    assert view is not None
    numbering.give_number(desk.house, ROUND, view.version, view.digest, text, on, CLERK, now)


def states(desk: Desk) -> list[tuple[int, str]]:
    return [(v.version, v.state) for v in report_record.versions(desk.house, ROUND)]


def newest(desk: Desk) -> report_record.Version:
    return report_record.versions(desk.house, ROUND)[-1]


def report(session: Session) -> Report:
    return session.scalars(select(Report).order_by(Report.version.desc()).limit(1)).one()


def count(desk: Desk, table: type[object]) -> int:
    with desk.house.ledger.begin() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def correct(desk: Desk, body: str, figure: int, now: datetime) -> None:
    desk.write(body, now, filled(desk.form(body), figure))
    desk.collect(now)


# ---- number and date


@pytest.mark.parametrize(
    ("text", "on", "words"),
    [
        ("12/BC-UBND", date(2027, 6, 22), "Chỉ ghi phần số"),
        ("0", date(2027, 6, 22), "Chỉ ghi phần số"),
        ("mười hai", date(2027, 6, 22), "Chỉ ghi phần số"),
        ("12", date(2027, 6, 24), "chưa tới"),
        ("12", date(2027, 6, 21), "trước ngày lãnh đạo phê duyệt"),
    ],
)
def test_a_number_or_day_that_cannot_be_is_refused_in_words(approved: Desk, text: str, on: date, words: str) -> None:
    with pytest.raises(DecisionRefused, match=words):
        number(approved, text, on)
    assert states(approved) == [(1, "approved")]


def test_the_same_number_again_changes_nothing_and_another_is_stale(approved: Desk) -> None:
    view = numbering.waiting_number(approved.house, ROUND)
    assert view is not None
    for text in ("12a", " 12A "):
        number(approved, text, date(2027, 6, 22), view=view)
    assert numbering.waiting_number(approved.house, ROUND) is None
    with pytest.raises(StaleReport, match="đã được ghi số 12a/BC-UBND"):
        number(approved, "13", date(2027, 6, 22), view=view)
    with pytest.raises(StaleReport, match="không còn là bản"):
        number(approved, "13", date(2027, 6, 22), view=ReportView(1, "khác", ""))
    assert (newest(approved).number, newest(approved).numbered_by) == ("12a", CLERK)


def test_a_number_is_given_once_a_year(approved: Desk) -> None:
    with approved.house.ledger.begin() as session:
        other = report(session)
        session.add(
            Report(
                round_id=other.round_id, version=0, state="sent", docx_sha="", xlsx_sha="", outward_docx_sha="",
                outward_xlsx_sha="", digest="", created_at=at(2, 1), number="12", signed_on=date(2027, 2, 1),
            )
        )  # fmt: skip
    with pytest.raises(DecisionRefused, match="Số 12/BC-UBND năm 2027 đã ghi cho"):
        number(approved, "012", date(2027, 6, 22))
    number(approved, "13", date(2027, 6, 22))


def test_the_final_document_is_the_approved_one_with_number_and_date(approved: Desk) -> None:
    house, plan = approved.house, approved.house.plan(ROUND)
    correct(approved, "dai", 9, at(6, 22, 12))  # recorded, and not in what was approved
    number(approved, "5", date(2027, 6, 23))
    with house.ledger.begin() as session:
        row = report(session)
        before, after = (house.ledger.originals.read(sha or "") for sha in (row.outward_docx_sha, row.final_docx_sha))
    differing = [(a, b) for a, b in zip(texts(before), texts(after), strict=True) if a != b]
    assert ("Số:       /BC-UBND", "Số: 05/BC-UBND") in differing
    assert ("Tam Đường, ngày      tháng      năm 2027", "Tam Đường, ngày 23 tháng 6 năm 2027") in differing
    assert all("05/BC-UBND" in new or "ngày 23 tháng 6 năm 2027" in new for _, new in differing)
    assert numbering.final_path(house, ROUND, 1).read_bytes() == after
    assert "Kính gửi:" in texts(after)
    assert {f"- {line.removesuffix(';')};" for line in house.settings.office.report_copies[:-1]} <= set(texts(after))
    del plan


def test_it_says_what_a_fresh_rendering_with_the_number_says(approved: Desk) -> None:
    house, plan = approved.house, approved.house.plan(ROUND)
    number(approved, "5", date(2027, 6, 23))
    with house.ledger.begin() as session:
        final = house.ledger.originals.read(report(session).final_docx_sha or "")
        district, filing = district_of(house, session, plan), queries.filing_record(session, ROUND)
        said, beside = queries.narratives(session, ROUND), beside_of(house, session, plan, district)
        asked = replace(plan, bodies=tuple(asked_bodies(house, session, plan)))
    fresh = write_report(
        district, house.settings, asked, filing, said, beside=beside, number="5", signed_on=date(2027, 6, 23),
        draft=False,
    )  # fmt: skip
    assert texts(final) == texts(fresh)


def test_what_is_sent_is_on_record_byte_for_byte_with_receipts(approved: Desk) -> None:
    number(approved, "12", date(2027, 6, 22))
    for _ in range(2):
        carry_out(approved.house, ROUND, at(6, 23))
    smtp.send_due(approved.house.ledger, approved.house.settings.mail, at(6, 23))
    one, addressees = newest(approved), approved.house.settings.office.report_emails
    assert [r.recipient for r in one.receipts] == list(addressees)
    with approved.house.ledger.begin() as session:
        row = report(session)
        raws = dict(session.execute(select(LetterOut.recipient, Dispatch.raw_sha).join(Dispatch)).tuples().all())
    for receipt in one.receipts:
        (taken,) = (x for x in approved.world.stage.mail.log if x.recipients == (receipt.recipient,))
        assert sha256(taken.raw).hexdigest() == raws[receipt.recipient]
        letter = email.message_from_bytes(taken.raw, policy=policy.default)
        assert letter["Message-ID"] == receipt.message_id
        assert "số 12/BC-UBND ngày 22 tháng 6 năm 2027" in " ".join(letter.get_body(("plain",)).get_content().split())  # type: ignore[union-attr]
        files = [sha256(part.get_content()).hexdigest() for part in letter.iter_attachments()]  # type: ignore[attr-defined]
        assert files == [row.final_docx_sha, row.outward_xlsx_sha]
        assert (receipt.state, receipt.digest, receipt.accepted_at) == ("sent", row.sent_digest, at(6, 23))
    said = "\n".join(report_record.standing(approved.house, ROUND))
    assert "Số 12/BC-UBND ngày 22/6/2027; Văn thư nhập 08:00 23/6/2027" in said
    assert f"Phê duyệt – Phó Chủ tịch, 08:00 22/6/2027, mã {row.digest[:12]}" in said
    assert said.count("máy chủ thư nhận 08:00 23/6/2027, <") == len(addressees)


def test_where_the_office_does_not_wait_for_a_number_the_approved_bytes_leave(approved: Desk) -> None:
    house = approved.house
    changed = house.settings.model_copy(
        update={"office": house.settings.office.model_copy(update={"number_before_sending": False})}
    )
    carry_out(replace(house, settings=changed, _plans={}), ROUND, at(6, 23))
    with house.ledger.begin() as session:
        row = report(session)
        assert (row.state, row.final_docx_sha, row.number) == ("sent", row.outward_docx_sha, None)


# ---- returned, with what is to be mended


def test_codes_are_read_however_they_are_typed() -> None:
    assert returning.codes_in(" III.3, LD-11;03424\n LD-11 dai.") == ("III.3", "LD-11", "03424", "dai")
    assert returning.codes_in("") == ()


def test_a_body_that_is_named_is_asked_again_and_the_draft_waits_for_it(drafted: Desk) -> None:
    view = view_of(drafted)
    for _ in range(2):
        decide(drafted, "returned", "III.3", "LD-26.1", "dai", "khong-co", view=view)
    for day in (22, 23):
        carry_out(drafted.house, ROUND, at(6, day))
    smtp.send_due(drafted.house.ledger, drafted.house.settings.mail, at(6, 23))
    (letter,) = [x for x in drafted.mail_to(drafted.address("dai")) if "kiểm tra lại" in x.subject]
    assert "xem lại số liệu" in letter.text
    assert "III.3 (Bảo vệ trẻ em)" in letter.text
    assert "LD-26.1 (" in letter.text
    assert drafted.filing("dai").state == "needs_correction"
    assert states(drafted) == [(1, "returned")]
    assert newest(drafted).decision.named == ("III.3", "LD-26.1", "dai", "khong-co")  # type: ignore[union-attr]
    assert "khong-co (không rõ mã)" in "\n".join(report_record.standing(drafted.house, ROUND))
    correct(drafted, "dai", 7, at(6, 24))
    carry_out(drafted.house, ROUND, at(6, 24, 9))
    assert drafted.filing("dai").state == "accepted"
    assert states(drafted) == [(1, "returned"), (2, "awaiting_approval")]


def test_the_office_may_take_a_returned_report_as_it_stands(drafted: Desk) -> None:
    decide(drafted, "returned", "dai")
    before = newest(drafted).digest
    assert redrafting.redraft(drafted.house, ROUND, office(at(6, 23), "đơn vị xác nhận số liệu đúng")) == 2
    assert drafted.filing("dai").state == "accepted"
    carry_out(drafted.house, ROUND, at(6, 23))
    one = newest(drafted)
    assert (one.version, one.state, one.digest) == (2, "awaiting_approval", before)
    assert (one.made_by, one.why) == ("can-bo", "đơn vị xác nhận số liệu đúng")
    with pytest.raises(DecisionRefused, match="lý do"):
        redrafting.redraft(drafted.house, ROUND, office(at(6, 23), ""))


def test_a_body_is_asked_again_by_hand_once(drafted: Desk) -> None:
    redrafting.reopen(drafted.house, ROUND, "dai", office(at(6, 22)))
    with pytest.raises(DecisionRefused, match="không có gì để mở lại"):
        redrafting.reopen(drafted.house, ROUND, "dai", office(at(6, 22, 9)))
    with pytest.raises(DecisionRefused, match="không hỏi"):
        redrafting.reopen(drafted.house, ROUND, "xx", office(at(6, 22, 9)))
    assert view_of(drafted).version == 1  # the draft waits on


# ---- taken back from Word


def edited(desk: Desk, *, path: int = 0, words: str = "Nội dung Phòng sửa tay") -> bytes:
    document = Document(BytesIO(reporting.document_paths(desk.house, ROUND, newest(desk).version)[path].read_bytes()))
    document.add_paragraph(words)
    saved = BytesIO()
    document.save(saved)
    return saved.getvalue()


def test_a_hand_edited_file_is_what_is_approved_and_sent(drafted: Desk) -> None:
    old, mine = view_of(drafted), edited(drafted)
    for _ in range(2):
        assert adopting.adopt(drafted.house, ROUND, ("sửa.docx", mine), office(at(6, 21, 12))) == 2
    carry_out(drafted.house, ROUND, at(6, 22))
    assert states(drafted) == [(1, "superseded"), (2, "awaiting_approval")]
    assert newest(drafted).adopted_sha == sha256(mine).hexdigest()
    with pytest.raises(StaleReport):
        reporting.decide(drafted.house, ROUND, 1, old.digest, "approved", "Phó Chủ tịch", "", at(6, 22))
    decide(drafted, "approved")
    number(drafted, "12", date(2027, 6, 22))
    carry_out(drafted.house, ROUND, at(6, 23))
    with drafted.house.ledger.begin() as session:
        row = report(session)
        final = texts(drafted.house.ledger.originals.read(row.final_docx_sha or ""))
    assert row.state == "sent"
    assert "Nội dung Phòng sửa tay" in final
    assert "Số: 12/BC-UBND" in final
    assert "DỰ THẢO" not in final


def test_a_returned_hand_edited_file_is_not_thrown_away_while_the_figures_stand(drafted: Desk) -> None:
    adopting.adopt(drafted.house, ROUND, ("sửa.docx", edited(drafted)), office(at(6, 21, 12)))
    decide(drafted, "returned")
    carry_out(drafted.house, ROUND, at(6, 23))
    assert states(drafted)[-1] == (2, "returned")
    again = edited(drafted, words="sửa lần nữa")
    assert adopting.adopt(drafted.house, ROUND, ("sửa.docx", again), office(at(6, 23))) == 3


def repacked(data: bytes, name: str, part: Callable[[bytes], bytes]) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        names = source.namelist()
        for one in dict.fromkeys([*names, name]):
            was = source.read(one) if one in names else b""
            target.writestr(one, part(was) if one == name else was)
    return out.getvalue()


OUTSIDE = b'<Relationship Id="x" Type="http://a/attachedTemplate" Target="http://a/t.dotm" TargetMode="External"/>'


def outside(relations: bytes) -> bytes:
    return relations.replace(b"</Relationships>", OUTSIDE + b"</Relationships>")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda _: b"PK\x03\x04 hong", "bị hỏng"),
        (lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".doc cũ"),
        (lambda _: b"%PDF-1.7", "không phải tệp Word"),
        (lambda d: repacked(d, "word/vbaProject.bin", lambda _: b"x"), "macro"),
        (lambda d: repacked(d, "word/a.xml", lambda _: b"<!DOCTYPE a []><a/>"), "cấu trúc lạ"),
        (lambda d: repacked(d, "word/big.bin", lambda _: b"0" * 61_000_000), "quá lớn"),
        (lambda d: repacked(d, "word/_rels/document.xml.rels", outside), "nạp"),
        (lambda d: repacked(d, "word/document.xml", lambda x: x.replace(b"<w:body>", b"<w:body><w:del/>")), "Track"),
        (lambda d: repacked(d, "word/document.xml", lambda x: x.replace(b"/BC-UBND", b"12/BC-UBND")), "chỗ ghi số"),
    ],
    ids=["damaged", "doc", "pdf", "macro", "dtd", "bomb", "template", "tracked", "numbered"],
)  # fmt: skip
def test_a_file_that_must_not_leave_is_refused_in_words(
    drafted: Desk, spoil: Callable[[bytes], bytes], words: str
) -> None:
    with pytest.raises(DecisionRefused, match=words):
        adopting.adopt(drafted.house, ROUND, ("sửa.docx", spoil(edited(drafted))), office(at(6, 22)))
    assert states(drafted) == [(1, "awaiting_approval")]


def test_nothing_is_taken_back_after_the_approval(approved: Desk) -> None:
    with pytest.raises(ReportSettled):
        adopting.adopt(approved.house, ROUND, ("sửa.docx", edited(approved)), office(at(6, 23)))


# ---- supplements


def test_later_figures_leave_what_was_sent_alone_and_go_into_a_supplement(sent: Desk) -> None:
    with pytest.raises(DecisionRefused, match="Không có số liệu nào khác"):
        supplementing.start(sent.house, ROUND, office(at(6, 25)))
    before = newest(sent)
    correct(sent, "dai", 9, at(6, 26))
    assert states(sent) == [(1, "sent")]
    for hour in (8, 9):
        assert supplementing.start(sent.house, ROUND, office(at(6, 27, hour), "Đài nhập nhầm")) == 2
    carry_out(sent.house, ROUND, at(6, 27))
    assert states(sent) == [(1, "sent"), (2, "awaiting_approval")]
    decide(sent, "approved", now=at(6, 28))
    number(sent, "15", date(2027, 6, 28), now=at(6, 28))
    carry_out(sent.house, ROUND, at(6, 28))
    smtp.send_due(sent.house.ledger, sent.house.settings.mail, at(6, 28))
    assert states(sent) == [(1, "superseded"), (2, "sent")]
    one = newest(sent)
    assert (one.kind, one.supplements, one.why) == ("supplement", 1, "Đài nhập nhầm")
    assert report_record.versions(sent.house, ROUND)[0].sent_digest == before.sent_digest
    said = texts(numbering.final_path(sent.house, ROUND, 2).read_bytes())
    assert "Số: 15/BC-UBND" in said
    assert any("Báo cáo số 12/BC-UBND ngày 23 tháng 6 năm 2027" in line and "Đài nhập nhầm" in line for line in said)
    at_total = said.index("tổng số")
    assert said[at_total + 1 : at_total + 3] == ["8", "22"]  # 4 + 4, then 18 + 4
    for address in sent.house.settings.office.report_emails:
        assert len(sent.mail_to(address)) == 2
    assert carry_out(sent.house, ROUND, at(6, 29)) == ()


def test_a_supplement_that_waits_is_drafted_anew_when_more_comes_in(sent: Desk) -> None:
    correct(sent, "dai", 9, at(6, 26))
    supplementing.start(sent.house, ROUND, office(at(6, 27)))
    carry_out(sent.house, ROUND, at(6, 27))
    old = view_of(sent)
    correct(sent, "tckh", 5, at(6, 28))
    carry_out(sent.house, ROUND, at(6, 28, 9))
    assert states(sent) == [(1, "sent"), (2, "superseded"), (3, "awaiting_approval")]
    assert newest(sent).supplements == 1
    with pytest.raises(StaleReport):
        reporting.decide(sent.house, ROUND, old.version, old.digest, "approved", "Phó Chủ tịch", "", at(6, 28))


def test_before_anything_was_sent_there_is_nothing_to_supplement(approved: Desk) -> None:
    with pytest.raises(DecisionRefused, match="chưa được gửi"):
        supplementing.start(approved.house, ROUND, office(at(6, 23)))


# ---- killed in the middle


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_killed_before_each_commit_nothing_is_half_done_and_the_same_again_completes(
    drafted: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed where it records its event: the ledger is as before, and the same again goes through."""
    house, mine = drafted.house, edited(drafted)

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def killed(module: object, work: Callable[[], object]) -> None:
        before = (states(drafted), count(drafted, Event), count(drafted, Approval), count(drafted, LetterOut))

        def dying() -> None:
            monkeypatch.setattr(module, "record", die)
            house.ledger.engine.dispose(close=False)  # a forked process opens connections of its own
            work()

        assert in_child(dying) == -signal.SIGKILL
        assert (states(drafted), count(drafted, Event), count(drafted, Approval), count(drafted, LetterOut)) == before
        work()
        assert (states(drafted), count(drafted, Event)) != before[:2]

    killed(returning, lambda: decide(drafted, "returned", "dai"))
    killed(redrafting, lambda: redrafting.redraft(house, ROUND, office(at(6, 22))))
    killed(adopting, lambda: adopting.adopt(house, ROUND, ("a.docx", mine), office(at(6, 22))))
    killed(reporting, lambda: decide(drafted, "approved"))
    killed(numbering, lambda: number(drafted, "12", date(2027, 6, 22)))
    killed(sending, lambda: sending.send_on(house, ROUND, at(6, 23)))
    correct(drafted, "tckh", 9, at(6, 26))
    killed(supplementing, lambda: supplementing.start(house, ROUND, office(at(6, 27))))
    assert states(drafted)[-1][1] == "draft"
