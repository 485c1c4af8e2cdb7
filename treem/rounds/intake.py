"""From a stored letter to a submission and its acknowledgement: classify, match, read, check, record.

The order is that of a helpdesk that believes nobody: own letter, duplicate, bounce, robot, request, sender, workbook.
A letter's whole outcome is one transaction; a letter that fails again and again is put in quarantine and the others
go on.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from treem.documents.dates import short_date
from treem.documents.letters import render_letter
from treem.forms.catalogue import problem_message
from treem.forms.check import Checked, check
from treem.forms.read import Reading, read_form
from treem.ledger.errors import StoreFull
from treem.ledger.events import record
from treem.ledger.tables import Finding, LetterIn, Narrative, Request, Submission, Value
from treem.mailroom.match import lost_letters, match
from treem.mailroom.outbox import write_letter
from treem.mailroom.parse import InAttachment, Parsed, parse
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Body
from treem.rounds.house import House
from treem.rounds.reporting import reopen_for
from treem.rounds.wording import letter_context

MAX_TRIES = 3
PASSING = (StoreFull, OperationalError, ConnectionError, TimeoutError)
"""Failures of the house, not of the letter: it waits for the next pass, and no try is counted."""
WORKBOOKS = (".xlsx", ".xls", ".ods", ".xlsm", ".xlsb")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IntakeTally:
    """How many letters ended how."""

    done: int = 0
    held: int = 0
    quarantined: int = 0


@dataclass(frozen=True)
class Workbook:
    """An attachment that looked like a workbook, and what the sandboxed reader made of it."""

    file: InAttachment
    reading: Reading


@dataclass(frozen=True)
class Outcome:
    """What became of a letter."""

    state: str  # done, hold
    verdict: str
    reason: str | None = None


def process_stored(house: House, now: datetime) -> IntakeTally:
    """Work through every stored letter, oldest first. One letter's failure never stops the next.

    Raises what `PASSING` names: a full disk is no fault of the letter, which waits for the next pass untouched.
    """
    ends: list[str] = []
    for letter_id in _stored(house):
        if settled := _begin_try(house, letter_id, now):
            ends.append(settled)
            continue
        try:
            ends.append(_process(house, letter_id, now))
        except PASSING:
            _forget_try(house, letter_id)
            raise
        except Exception as error:  # poison: named, counted, and out of the way after MAX_TRIES
            log.exception("Thư đến số %d chưa xử lý được", letter_id)
            ends.append(_give_up(house, letter_id, type(error).__name__, now))
    return IntakeTally(ends.count("done"), ends.count("hold"), ends.count("quarantine"))


def _stored(house: House) -> list[int]:
    with house.ledger.begin() as session:
        return list(session.scalars(select(LetterIn.id).where(LetterIn.state == "stored").order_by(LetterIn.id)))


def _begin_try(house: House, letter_id: int, now: datetime) -> str | None:
    """Count the try before it is made, so that a letter that kills the process is counted too, and no other.

    Returns the letter's state when there is nothing left to try.
    """
    with house.ledger.begin() as session:
        letter = session.get_one(LetterIn, letter_id, with_for_update=True)
        if letter.state == "stored" and letter.tries >= MAX_TRIES:
            _quarantine(session, letter, "tiến trình bị dừng giữa chừng", now)
        if letter.state != "stored":
            return letter.state
        letter.tries += 1
        return None


def _forget_try(house: House, letter_id: int) -> None:
    with suppress(*PASSING), house.ledger.begin() as session:
        session.get_one(LetterIn, letter_id).tries -= 1


def _give_up(house: House, letter_id: int, reason: str, now: datetime) -> str:
    with house.ledger.begin() as session:
        letter = session.get_one(LetterIn, letter_id, with_for_update=True)
        if letter.state == "stored" and letter.tries >= MAX_TRIES:
            _quarantine(session, letter, reason, now)
        return letter.state


def _quarantine(session: Session, letter: LetterIn, reason: str, now: datetime) -> None:
    letter.state, letter.reason = "quarantine", f"không xử lý được sau {MAX_TRIES} lần thử ({reason})"
    record(session, "letter_quarantined", now, letter=letter.id, reason=reason)


def _process(house: House, letter_id: int, now: datetime) -> str:
    with house.ledger.begin() as session:
        raw = house.ledger.originals.read(session.get_one(LetterIn, letter_id).raw_sha)
    parsed = parse(raw, house.settings.mail)
    readable = not (parsed.is_own or parsed.is_bounce)
    workbooks = _read_workbooks(parsed.attachments) if readable else ()  # outside the transaction: it takes its time
    with house.ledger.begin() as session:
        letter = session.get_one(LetterIn, letter_id, with_for_update=True)
        if letter.state != "stored":  # another process was quicker
            return letter.state
        letter.message_id, letter.sender, letter.content_key = (
            parsed.message_id,
            parsed.from_address,
            parsed.content_key,
        )
        outcome = _judge(house, session, letter, parsed, workbooks, now)
        letter.state, letter.verdict, letter.reason = outcome.state, outcome.verdict, outcome.reason
        kind = "letter_done" if outcome.state == "done" else "letter_held"
        record(session, kind, now, request_id=letter.request_id, letter=letter.id, verdict=outcome.verdict)
        return outcome.state


def _read_workbooks(attachments: Sequence[InAttachment]) -> tuple[Workbook, ...]:
    found = (
        a
        for a in attachments
        if a.name.lower().endswith(WORKBOOKS) or a.data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
    )
    return tuple(Workbook(a, read_form(a.data)) for a in found)


def _judge(
    house: House, session: Session, letter: LetterIn, parsed: Parsed, workbooks: Sequence[Workbook], now: datetime
) -> Outcome:
    if parsed.is_own:
        return Outcome("done", "own")
    earlier = session.scalar(
        select(LetterIn.id).where(LetterIn.content_key == parsed.content_key, LetterIn.id < letter.id).limit(1)
    )
    if earlier:
        letter.duplicate_of = earlier
        return Outcome("done", "duplicate")
    if parsed.is_bounce:
        return _bounce(house, session, letter, parsed, now)
    tokens = [w.reading.token for w in workbooks if w.reading.token]
    found = match(session, house.settings, parsed, tokens, house.local(letter.received_at).date())
    letter.request_id = found.request_id
    if parsed.is_auto_reply:
        carries_form = any(w.reading.kind == "form" for w in workbooks)
        return (
            Outcome("hold", "auto_reply", "thư tự động có kèm biểu mẫu")
            if carries_form
            else Outcome("done", "auto_reply")
        )
    if found.hold_reason or found.request_id is None:
        return Outcome("hold", "unmatched", found.hold_reason or "không rõ thư trả lời phiếu yêu cầu nào")
    return _answer(house, session, letter, parsed, workbooks, now)


def _bounce(house: House, session: Session, letter: LetterIn, parsed: Parsed, now: datetime) -> Outcome:
    """A bounce counts only when it names a letter of ours and the address that letter went to."""
    lost = lost_letters(session, house.settings, parsed)
    for sent in lost:
        sent.state, letter.request_id = "bounced", sent.request_id
        request = session.get(Request, sent.request_id) if sent.request_id else None
        if request and request.state in ("queued", "sent"):
            request.state = "bounced"
        record(session, "letter_bounced", now, request_id=sent.request_id, letter_out=sent.id)
    if lost:
        return Outcome("done", "bounce")
    return Outcome("hold", "bounce", "thư báo lỗi không khớp với thư nào đã gửi, hoặc chỉ là báo chậm")


def _answer(
    house: House, session: Session, letter: LetterIn, parsed: Parsed, workbooks: Sequence[Workbook], now: datetime
) -> Outcome:
    """An answer of a registered sender to a known request: exactly one workbook is read as the submission."""
    request = session.get_one(Request, letter.request_id)
    desk = _Desk(house, session, letter, parsed, request, now)
    if not workbooks and parsed.carries_letter:
        return Outcome("hold", "forwarded", "thư đính kèm một thư khác; cần người xem trong đó có báo cáo không")
    if not workbooks:
        desk.acknowledge("ack_prose")
        return Outcome("done", "prose")
    forms = {sha256(w.file.data).hexdigest(): w for w in workbooks if w.reading.kind == "form"}
    if not forms:
        problem = next((w.reading.problem for w in workbooks if w.reading.problem), "not_a_form")
        desk.acknowledge("ack_unreadable", file_name=workbooks[0].file.name, problem_text=problem_message(problem))
        return Outcome("done", "unreadable", problem)
    if len(forms) > 1:
        return Outcome("hold", "several_forms", "thư có nhiều biểu mẫu khác nhau; cần người chọn")
    sha, workbook = next(iter(forms.items()))
    return desk.file_workbook(sha, workbook)


class _Desk:
    """One letter's answer being recorded: everything here happens in the caller's transaction."""

    def __init__(
        self, house: House, session: Session, letter: LetterIn, parsed: Parsed, request: Request, now: datetime
    ) -> None:
        self.house, self.session, self.letter, self.parsed, self.request, self.now = (
            house, session, letter, parsed, request, now,
        )  # fmt: skip
        self.plan: RoundPlan = house.plan(request.round.key)
        self.body: Body = house.settings.body(request.body, self.plan.due)

    def file_workbook(self, sha: str, workbook: Workbook) -> Outcome:
        earlier = self.session.scalar(
            select(Submission).where(Submission.request_id == self.request.id, Submission.file_sha == sha)
        )
        if earlier:
            self.acknowledge("ack_duplicate", version=earlier.version)
            return Outcome("done", "same_file")
        form = self.house.settings.form_for(self.plan.activity.key, self.body.group)
        checked = check(
            form, self.house.settings, workbook.reading, expected_token=self.request.token, expected_body=self.body.code
        )
        if checked.blank:
            self.acknowledge("ack_blank")
            return Outcome("done", "blank_form")
        self.house.ledger.originals.keep(workbook.file.data)
        submission = self._record(sha, workbook.file.name, checked)
        findings = [
            {"sheet": f.sheet, "cell": f.cell, "message": f.message, "severity": f.severity} for f in checked.findings
        ]
        name = "ack_accepted" if checked.valid else "ack_correction"
        self.acknowledge(name, version=submission.version, findings=findings)
        return Outcome("done", "answer" if checked.valid else "needs_correction")

    def _record(self, sha: str, name: str, checked: Checked) -> Submission:
        """The submission with its values, and the request's new state. An invalid file never un-accepts a valid one."""
        request, session, received = self.request, self.session, self.letter.received_at
        request.first_received_at = min(filter(None, (request.first_received_at, received)))
        earlier = session.scalars(select(Submission).where(Submission.request_id == request.id)).all()
        submission = Submission(
            request_id=request.id,
            letter_in_id=self.letter.id,
            version=len(earlier) + 1,
            file_sha=sha,
            file_name=name,
            state="accepted" if checked.valid else "needs_correction",
            received_at=received,
            valid=checked.valid,
            complete=checked.complete,
            on_time=self.house.local(request.first_received_at).date() <= request.legal_due,
        )
        session.add(submission)
        session.flush()
        session.add_all(_rows(submission.id, checked))
        if checked.valid:
            for older in earlier:
                older.state = "superseded"
            request.state = "accepted"
            reopen_for(session, request.round_id)
        elif request.state != "accepted":
            request.state = "needs_correction"
        record(
            session, "submission_filed", self.now, round_id=request.round_id, request_id=request.id,
            version=submission.version, valid=checked.valid,
        )  # fmt: skip
        return submission

    def acknowledge(self, name: str, **more: Any) -> None:
        """One acknowledgement a letter, in the same transaction as what it acknowledges."""
        received = self.house.local(self.letter.received_at)
        context = letter_context(self.house.settings, self.plan, self.body, self.request.token)
        context |= {"findings": [], "received_text": f"{received:%H:%M} ngày {short_date(received.date())}"} | more
        write_letter(
            self.session,
            self.house.settings.mail,
            kind="ack",
            idem_key=f"ack:{self.letter.raw_sha}",
            recipient=(self.body.name, self.parsed.from_address or self.body.emails[0]),
            letter=render_letter(name, context),
            attachments=[],
            token=self.request.token,
            round_id=self.request.round_id,
            request_id=self.request.id,
            in_reply_to=self.parsed.message_id,
            now=self.now,
        )


def _rows(submission_id: int, checked: Checked) -> list[Value | Narrative | Finding]:
    values: list[Value | Narrative | Finding] = [
        Value(
            submission_id=submission_id,
            figure=v.figure,
            column=v.column,
            kind=v.kind,
            number=v.number,
            sheet=v.sheet,
            cell=v.cell,
        )
        for v in checked.values
    ]
    values += [
        Narrative(submission_id=submission_id, section=n.section, text=n.text, sheet=n.sheet, cell=n.cell)
        for n in checked.narratives
    ]
    values += [
        Finding(
            submission_id=submission_id, rule=f.rule, severity=f.severity, sheet=f.sheet, cell=f.cell, message=f.message
        )
        for f in checked.findings
    ]
    return values
