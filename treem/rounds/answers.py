"""An answer to a known request: which of its files is the submission, what is recorded, and what is said back.

Belongs here: everything between "this letter answers that request" and the acknowledgement. Whether a letter may answer
at all is decided in `intake`, or by a person in `decisions`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from treem.documents.dates import short_date
from treem.documents.letters import render_letter
from treem.forms.catalogue import FoundFinding, problem_message
from treem.forms.check import Checked, check
from treem.forms.mark import mark_form
from treem.forms.read import Reading, read_form
from treem.forms.winmail import is_winmail, unwrap
from treem.ledger.events import record
from treem.ledger.tables import LetterIn, LetterOut, Request, Submission
from treem.mailroom.compose import XLSX, Attachment
from treem.mailroom.errors import LetterTooBig
from treem.mailroom.outbox import letters_by_key, write_letter
from treem.mailroom.parse import InAttachment, Parsed
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Body
from treem.rounds.filing import came_earlier, file_submission, submissions_of_each
from treem.rounds.house import House
from treem.rounds.opening import looks_like_a_workbook
from treem.rounds.wording import form_of, letter_context

LOST_COLUMNS = ("no_heading", "missing_column", "double_heading")


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


@dataclass(frozen=True)
class Judged:
    """The one form of a letter, checked against the request, with a marked copy of it where there are findings."""

    sha: str
    workbook: Workbook
    checked: Checked
    marked: bytes | None


def files_of(parsed: Parsed) -> tuple[InAttachment, ...]:
    """The files of a letter, those that Outlook wrapped in winmail.dat included."""
    found: list[InAttachment] = []
    for file in parsed.attachments:
        if is_winmail(file.data):
            found += [InAttachment(name, data) for name, data in unwrap(file.data)] or [file]
        else:
            found.append(file)
    return tuple(found)


def read_workbooks(files: Sequence[InAttachment], known: Mapping[bytes, Reading] | None = None) -> tuple[Workbook, ...]:
    """The files that look like workbooks, each read in the sandbox. `known`: those that were, by their bytes."""
    found = known or {}
    return tuple(Workbook(f, found.get(f.data) or read_form(f.data)) for f in files if looks_like_a_workbook(f))


def forms_of(workbooks: Sequence[Workbook]) -> dict[str, Workbook]:
    """The different forms among them, by digest."""
    return {sha256(w.file.data).hexdigest(): w for w in workbooks if w.reading.kind == "form"}


def judge(house: House, request: Request, workbooks: Sequence[Workbook]) -> Judged | None:
    """Check the letter's form, when there is exactly one. Needs no transaction: it takes its time."""
    forms = forms_of(workbooks)
    if len(forms) != 1:
        return None
    sha, workbook = next(iter(forms.items()))
    plan, body = plan_and_body(house, request)
    form = form_of(house.settings, plan, body)
    checked = check(form, house.settings, workbook.reading, expected_token=request.token, expected_body=body.code)
    copy = mark_form(workbook.file.data, checked.findings) if checked.findings and not checked.blank else None
    return Judged(sha, workbook, checked, copy)


def lost_columns(checked: Checked) -> FoundFinding | None:
    """What says that figures may stand in the form and cannot be told."""
    return next((found for found in checked.findings if found.rule in LOST_COLUMNS), None)


@dataclass
class Earlier:
    """What had been filed and acknowledged before, asked once for all requests at hand. `acks` grow with each one."""

    submissions: Mapping[int, list[Submission]]  # by request
    letters: Mapping[str, LetterOut]  # acknowledgements that were written already, by key
    acks: Counter[tuple[int | None, str]]  # of a day, by request and recipient
    acks_in_an_hour: int


def earlier_of(session: Session, requests: Sequence[Request], ack_keys: Sequence[str], now: datetime) -> Earlier:
    """What came before for these requests, and which of these acknowledgements were written."""
    ids = [request.id for request in requests]
    acks = select(func.count(LetterOut.id)).where(LetterOut.kind == "ack")
    of_day = (
        acks.add_columns(LetterOut.request_id, LetterOut.recipient)
        .where(LetterOut.request_id.in_(ids), LetterOut.created_at > now - timedelta(days=1))
        .group_by(LetterOut.request_id, LetterOut.recipient)
    )
    counts = Counter({(request, recipient): count for count, request, recipient in session.execute(of_day)})
    in_an_hour = session.scalar(acks.where(LetterOut.created_at > now - timedelta(hours=1))) or 0
    return Earlier(submissions_of_each(session, ids), letters_by_key(session, ack_keys), counts, in_an_hour)


def ack_key(letter: LetterIn) -> str:
    """The key of a letter's acknowledgement."""
    return f"ack:{letter.raw_sha}"


class Desk:
    """One letter's answer being recorded: everything here happens in the caller's transaction."""

    def __init__(
        self,
        house: House,
        session: Session,
        letter: LetterIn,
        parsed: Parsed,
        request: Request,
        now: datetime,
        earlier: Earlier | None = None,
        *,
        by_hand: bool = False,
    ) -> None:
        """`request` is locked by the caller. `by_hand`: a person said that this letter answers this request.

        Raises KeyError when the register no longer has the body's code.
        """
        self.house, self.session, self.letter, self.parsed, self.request, self.now = (
            house, session, letter, parsed, request, now,
        )  # fmt: skip
        self.plan, self.body = plan_and_body(house, request)
        # what was said about the letter before a person read it does not stand in the way of what is said now
        self.ack_key = ack_key(letter) + (f":assigned:{request.id}" if by_hand else "")
        self.earlier = earlier or earlier_of(session, [request], [self.ack_key], now)
        self.reply_to = parsed.from_address or self.plan.answering(self.body).emails[0]

    def take(self, files: Sequence[InAttachment], workbooks: Sequence[Workbook], judged: Judged | None) -> Outcome:
        """Exactly one form is read as the submission; everything else gets a clear answer, or a person."""
        if judged is not None:
            return self._file(judged)
        if len(forms_of(workbooks)) > 1:
            return Outcome("hold", "several_forms", "thư có nhiều biểu mẫu khác nhau; cần người chọn")
        if workbooks:
            problem = next((w.reading.problem for w in workbooks if w.reading.problem), "not_a_form")
            return self._unreadable(workbooks[0].file.name, problem)
        if self.parsed.sealed:
            return Outcome("hold", "sealed", "thư được ký số hoặc mã hóa dạng đóng gói (smime.p7m); cần người mở")
        if self.parsed.carries_letter:
            return Outcome("hold", "forwarded", "thư đính kèm một thư khác; cần người xem trong đó có báo cáo không")
        if files:
            return self._unreadable(files[0].name, "not_a_workbook")
        return self._words_only()

    def _file(self, judged: Judged) -> Outcome:
        filed = self.earlier.submissions[self.request.id]
        earlier = next((s for s in filed if s.file_sha == judged.sha), None)
        if earlier:
            came_earlier(self.house, self.session, earlier, self.letter.received_at)
            self.acknowledge("ack_duplicate", version=earlier.version, rejected=earlier.state == "rejected")
            return Outcome("done", "same_file")
        checked = judged.checked
        if checked.blank:
            return self._nothing_in(judged)
        self.house.ledger.originals.keep_copy(judged.workbook.file.data)  # it stands in the letter too
        submission = file_submission(
            self.house,
            self.session,
            self.request,
            checked,
            filed,
            file_sha=judged.sha,
            file_name=judged.workbook.file.name,
            received_at=self.letter.received_at,
            letter_in_id=self.letter.id,
            source="mail",
            now=self.now,
        )
        findings = [
            {"sheet": f.sheet, "cell": f.cell, "message": f.message, "severity": f.severity,
             "justification": f.justification}
            for f in checked.findings
        ]  # fmt: skip
        self.acknowledge(
            "ack_accepted" if checked.valid else "ack_correction",
            copy=judged.marked,
            version=submission.version,
            findings=findings,
        )
        return Outcome("done", "answer" if checked.valid else "needs_correction")

    def _nothing_in(self, judged: Judged) -> Outcome:
        """Nothing was found: because nothing was filled in, or because the columns can no longer be told."""
        if lost := lost_columns(judged.checked):
            name = judged.workbook.file.name
            self.acknowledge("ack_unreadable", file_name=name, problem_text=lost.message)
            return Outcome("done", "unreadable", lost.rule)
        self.acknowledge("ack_blank")
        return Outcome("done", "blank_form")

    def _unreadable(self, file_name: str, problem: str) -> Outcome:
        self.acknowledge("ack_unreadable", file_name=file_name, problem_text=problem_message(problem))
        return Outcome("done", "unreadable", problem)

    def _words_only(self) -> Outcome:
        """A link is never followed. Who has filed already is not told again to send the form: a person reads it."""
        if self.request.first_received_at is None:
            self.acknowledge("ack_link" if self.parsed.links_file else "ack_prose")
        return Outcome("done", "link" if self.parsed.links_file else "prose")

    def acknowledge(self, name: str, copy: bytes | None = None, **more: Any) -> None:
        """One acknowledgement a letter, in the transaction of what it acknowledges, and no more than the caps allow.

        A copy that makes the letter too big is left out. Raises the other errors of `write_letter`.
        """
        if self._capped():
            record(self.session, "ack_capped", self.now, self.request.round_id, self.request.id, letter=self.letter.id)
            return
        try:
            self._write(name, copy, {"copy_too_big": False} | more)
        except LetterTooBig:
            if copy is None:
                raise
            self._write(name, None, {"copy_too_big": True} | more)

    def _write(self, name: str, copy: bytes | None, more: dict[str, Any]) -> None:
        received = self.house.local(self.letter.received_at)
        context = letter_context(self.house.settings, self.plan, self.body, self.request)
        context |= {
            "findings": [],
            "has_copy": copy is not None,
            "received_text": f"{received:%H:%M} ngày {short_date(received.date())}",
        } | more
        write_letter(
            self.session,
            self.house.settings.mail,
            kind="ack",
            idem_key=self.ack_key,
            known=self.earlier.letters,
            recipient=(self.body.name, self.reply_to),
            letter=render_letter(name, context),
            attachments=[Attachment(self._copy_name(), copy, XLSX)] if copy else [],
            token=self.request.token,
            round_id=self.request.round_id,
            request_id=self.request.id,
            in_reply_to=self.parsed.message_id,
            now=self.now,
        )

    def _copy_name(self) -> str:
        return f"{self.request.form}-{self.body.code}-{self.plan.key.replace('/', '-')}-can-xem.xlsx"

    def _capped(self) -> bool:
        """Two robots that answer each other, or one sender with a thousand letters, end here."""
        mail, acks, pair = self.house.settings.mail, self.earlier.acks, (self.request.id, self.reply_to.lower())
        if acks[pair] >= mail.acks_per_request or self.earlier.acks_in_an_hour >= mail.acks_per_hour:
            return True
        acks[pair] += 1
        self.earlier.acks_in_an_hour += 1
        return False


def plan_and_body(house: House, request: Request) -> tuple[RoundPlan, Body]:
    """The round a request belongs to, and the body it asks: who bore the code on the round's own day, however far the
    request was extended. Raises KeyError when the register no longer has the code."""
    plan = house.plan(request.round.key)
    return plan, house.settings.body(request.body, plan.due)
