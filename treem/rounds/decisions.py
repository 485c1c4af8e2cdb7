"""What a person in the office decides about one letter, one request or one submission, each with a reason.

Belongs here: assigning and dismissing letters that wait, filing what came on paper, extending, waiving, rejecting.
Every decision is one transaction: who, why, what follows from it, and the letter that tells the body.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.documents.dates import short_date
from treem.forms.catalogue import FoundFinding, problem_message
from treem.ledger.events import record
from treem.ledger.tables import LetterIn, Request, Round, Submission
from treem.mailroom import contacts
from treem.mailroom.match import may_answer
from treem.mailroom.nested import inner_letters
from treem.mailroom.parse import InAttachment, Parsed, parse
from treem.rounds import recommendations
from treem.rounds.answers import (
    Desk,
    Outcome,
    Workbook,
    files_of,
    forms_of,
    judge,
    lost_columns,
    read_workbooks,
)
from treem.rounds.filing import file_submission, settle, submissions_of
from treem.rounds.house import House
from treem.rounds.notices import tell_body
from treem.rounds.reporting import reopen_for

NO_NEED = ("unauthenticated", "junk", "dismissed", "auto_reply", "prose", "link", "unreadable", "unmatched")
"""Verdicts of letters that are done, and that a person may take up again all the same."""
PLACE = re.compile(r"(?P<round>[a-z0-9-]+/\d{4}(/[a-z0-9-]+)?)/(?P<body>[a-z0-9-]+)")


class DecisionRefused(Exception):
    """What was asked for cannot be done; the words say why and what to do instead."""


@dataclass(frozen=True)
class Decided:
    """Who decides, why, and when. Raises DecisionRefused without a reason."""

    by: str
    why: str
    now: datetime

    def __post_init__(self) -> None:
        if len(self.why.strip()) < 3:
            raise DecisionRefused("Hãy ghi lý do (--why “…”): lý do được lưu trong sổ theo dõi.")

    @property
    def facts(self) -> dict[str, Any]:
        """For the record."""
        return {"by": self.by, "why": self.why.strip()}


@dataclass(frozen=True)
class Filed:
    """What became of a file that was filed by hand."""

    version: int
    valid: bool
    findings: tuple[FoundFinding, ...]


# ---- letters ---------------------------------------------------------------------------------------------------


def assign(house: House, letter_id: int, reference: str, decided: Decided, choice: int | None = None) -> Outcome:
    """Let a letter that waits answer a request, as a person read it. `choice` numbers its forms where it has several.

    `reference` is the request's token, or "round/body" as in "bao-cao-6-thang/2027/03424". Raises DecisionRefused.
    """
    letter, request = _letter(house, letter_id), _find_request(house, reference)
    parsed, files = _opened(house, letter)
    workbooks = _chosen(read_workbooks(files), choice)
    judged = judge(house, request, workbooks)
    with house.ledger.begin() as session:
        request = session.get_one(Request, request.id, with_for_update=True)
        letter = session.get_one(LetterIn, letter_id, with_for_update=True)
        _refuse_settled(letter)
        letter.request_id, letter.sender = request.id, parsed.from_address
        letter.content_key, letter.message_id = parsed.content_key, parsed.message_id
        desk = Desk(house, session, letter, parsed, request, decided.now, by_hand=True)
        if not _is_registered(house, parsed, request, letter):
            desk.reply_to = desk.body.emails[0]  # a stranger is never written to
        outcome = desk.take([f for f in files if not f.inline], workbooks, judged)
        if outcome.state == "hold":
            raise DecisionRefused(f"Chưa ghi được: {outcome.reason}.")
        letter.state, letter.verdict, letter.reason = "done", outcome.verdict, outcome.reason
        record(session, "letter_assigned", decided.now, request.round_id, request.id, letter=letter.id, **decided.facts)
        return outcome


def dismiss(house: House, letter_id: int, decided: Decided) -> None:
    """Put a letter aside: it needs no answer. It stays in the ledger. Raises DecisionRefused."""
    _letter(house, letter_id)
    with house.ledger.begin() as session:
        letter = session.get_one(LetterIn, letter_id, with_for_update=True)
        if letter.state not in ("hold", "quarantine"):
            raise DecisionRefused(f"Thư số {letter_id} không chờ xử lý nên không cần bỏ qua.")
        letter.state, letter.verdict, letter.reason = "done", "dismissed", decided.why.strip()
        record(
            session, "letter_dismissed", decided.now, request_id=letter.request_id, letter=letter.id, **decided.facts
        )


def _letter(house: House, letter_id: int) -> LetterIn:
    with house.ledger.begin(relaxed=True) as session:
        letter = session.get(LetterIn, letter_id)
    if letter is None:
        raise DecisionRefused(f"Không có thư số {letter_id}. Xem danh sách bằng: treem inbox.")
    _refuse_settled(letter)
    if letter.verdict == "too_big":
        raise DecisionRefused(
            f"Thư số {letter_id} quá lớn nên chưa được lấy về. Hãy mở thư trong hộp thư của Phòng, lưu tệp rồi dùng "
            "treem file ĐỢT ĐƠN-VỊ TỆP."
        )
    return letter


def _refuse_settled(letter: LetterIn) -> None:
    if letter.state == "stored" or (letter.state == "done" and letter.verdict not in NO_NEED):
        raise DecisionRefused(f"Thư số {letter.id} đã được xử lý xong hoặc đang chờ đọc; không cần quyết định.")


def _opened(house: House, letter: LetterIn) -> tuple[Parsed, tuple[InAttachment, ...]]:
    """The letter and its files; where it has none, those of the letters it carries (a person vouches for them)."""
    raw, mail = house.ledger.originals.read(letter.raw_sha), house.settings.mail
    parsed = parse(raw, mail)
    files = files_of(parsed)
    if not read_workbooks(files):
        files += tuple(f for inner in inner_letters(raw) for f in files_of(parse(inner, mail)))
    return parsed, files


def _chosen(workbooks: tuple[Workbook, ...], choice: int | None) -> tuple[Workbook, ...]:
    forms = list(forms_of(workbooks).values())
    if len(forms) < 2:
        return workbooks
    if choice is None or not 1 <= choice <= len(forms):
        names = "; ".join(f"{n}. {form.file.name}" for n, form in enumerate(forms, 1))
        raise DecisionRefused(f"Thư có {len(forms)} biểu mẫu khác nhau ({names}). Hãy chọn một bằng --file SỐ.")
    return (forms[choice - 1],)


def _is_registered(house: House, parsed: Parsed, request: Request, letter: LetterIn) -> bool:
    on = house.local(letter.received_at).date()
    return parsed.from_address is not None and may_answer(house.settings, parsed.from_address, request, on)


# ---- submissions -----------------------------------------------------------------------------------------------


def file_by_hand(
    house: House, round_key: str, body: str, file: tuple[str, bytes], received_at: datetime, decided: Decided
) -> Filed:
    """File a workbook that came on paper or by hand. `file` is its name and bytes. Raises DecisionRefused."""
    request = _request(house, round_key, body)
    (workbook,) = read_workbooks([InAttachment(*file)]) or (None,)
    if workbook is None or workbook.reading.kind != "form":
        problem = workbook.reading.problem if workbook else "not_a_workbook"
        raise DecisionRefused(problem_message(problem or "not_a_form"))
    judged = judge(house, request, (workbook,))
    assert judged is not None
    if judged.checked.blank:
        lost = lost_columns(judged.checked)
        raise DecisionRefused(lost.message if lost else "Biểu mẫu còn trống: chưa có ô số liệu nào được điền.")
    house.ledger.originals.keep(file[1])
    with house.ledger.begin() as session:
        request = session.get_one(Request, request.id, with_for_update=True)
        filed = submissions_of(session, request.id)
        earlier = next((s for s in filed if s.file_sha == judged.sha), None)
        if earlier:
            raise DecisionRefused(f"Tệp này đã được ghi trước đó là bản thứ {earlier.version}.")
        submission = file_submission(
            house,
            session,
            request,
            judged.checked,
            filed,
            file_sha=judged.sha,
            file_name=file[0],
            received_at=received_at,
            letter_in_id=None,
            source="hand",
            now=decided.now,
        )
        record(
            session, "submission_by_hand", decided.now, request.round_id, request.id,
            version=submission.version, **decided.facts,
        )  # fmt: skip
        return Filed(submission.version, submission.valid, judged.checked.findings)


def reject(house: House, submission_id: int, decided: Decided) -> None:
    """Take a submission back and ask the body for another one. Raises DecisionRefused."""
    with house.ledger.begin() as session:
        submission = session.get(Submission, submission_id)
        if submission is None:
            raise DecisionRefused(f"Không có bản nộp số {submission_id}. Xem số bản nộp bằng: treem status ĐỢT.")
        if submission.state == "rejected":
            raise DecisionRefused(f"Bản nộp số {submission_id} đã bị trả lại trước đó.")
        request = session.get_one(Request, submission.request_id, with_for_update=True)
        if submission.state == "accepted":
            reopen_for(session, request.round_id)  # a draft that waits holds its figures
        submission.state = "rejected"
        if request.state == "accepted":
            request.state = "needs_correction"
        settle(house, session, request, submissions_of(session, request.id))
        recommendations.follow(house, session, request, decided.now)
        record(
            session, "submission_rejected", decided.now, request.round_id, request.id,
            submission=submission.id, version=submission.version, **decided.facts,
        )  # fmt: skip
        more = {"version": submission.version, "why": decided.why.strip()}
        tell_body(house, session, request, "rejected", f"reject:{submission.id}", decided.now, more)


# ---- requests --------------------------------------------------------------------------------------------------


def extend(house: House, round_key: str, body: str, until: date, decided: Decided) -> None:
    """Give a body until the end of that day, also after its day has passed. Raises DecisionRefused."""
    found = _request(house, round_key, body)
    with house.ledger.begin() as session:
        request = session.get_one(Request, found.id, with_for_update=True)
        if until <= request.legal_due:
            raise DecisionRefused(f"Hạn hiện nay là hết ngày {short_date(request.legal_due)}; hãy chọn ngày sau đó.")
        request.due = request.legal_due = until
        if request.state == "overdue" and until >= house.local(decided.now).date():
            request.state = "sent"
        settle(house, session, request, submissions_of(session, request.id))
        record(
            session, "request_extended", decided.now, request.round_id, request.id, until=until.isoformat(),
            **decided.facts,
        )  # fmt: skip
        key = f"extend:{request.token}:{until.isoformat()}"
        tell_body(house, session, request, "extended", key, decided.now, {"until_text": short_date(until)})


def waive(house: House, round_key: str, body: str, decided: Decided) -> None:
    """Let a body off in this round. What it sends all the same is still taken. Raises DecisionRefused."""
    found = _request(house, round_key, body)
    with house.ledger.begin() as session:
        request = session.get_one(Request, found.id, with_for_update=True)
        if request.state in ("accepted", "waived"):
            raise DecisionRefused("Đơn vị đã nộp báo cáo hợp lệ hoặc đã được miễn; không cần miễn nữa.")
        let_off(house, session, request, decided)


def let_off(house: House, session: Session, request: Request, decided: Decided) -> None:
    """Waive a request in the caller's transaction, and tell the body."""
    request.state = "waived"
    record(session, "request_waived", decided.now, request.round_id, request.id, **decided.facts)
    tell_body(house, session, request, "waived", f"waive:{request.token}", decided.now, {})


def address_works(house: House, address: str, decided: Decided) -> None:
    """A person has seen that an address that was given up works again. Raises DecisionRefused."""
    with house.ledger.begin() as session:
        if address.lower() not in contacts.known_bad(session):
            raise DecisionRefused(f"Địa chỉ {address} không bị đánh dấu hỏng.")
        contacts.note_well(session, address, decided.now, decided.now)
        record(session, "contact_confirmed", decided.now, address=address.lower(), **decided.facts)


def _find_request(house: House, reference: str) -> Request:
    place = PLACE.fullmatch(reference.strip())
    if place:
        return _request(house, place["round"], place["body"])
    token = reference.strip().strip("[]#").upper()
    with house.ledger.begin(relaxed=True) as session:
        request = session.scalar(select(Request).where(Request.token == token))
        if request is None:
            raise DecisionRefused(f"Không có phiếu “{reference}”. Hãy ghi mã phiếu, hoặc đợt/mã đơn vị.")
        _ = request.round
        return request


def _request(house: House, round_key: str, body: str) -> Request:
    house.plan(round_key)  # an unknown round has its own words
    query = select(Request).join(Round).where(Round.key == round_key, Request.body == body)
    with house.ledger.begin(relaxed=True) as session:
        request = session.scalar(query)
        if request is None:
            raise DecisionRefused(f"Đợt {round_key} chưa mở, hoặc không hỏi đơn vị có mã “{body}”.")
        _ = request.round
        return request
