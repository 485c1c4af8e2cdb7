"""The simulated bodies: each sees nothing but its own mailbox, fills in the attached workbook and answers by mail.

Belongs here: what a body does at each moment, by its behaviour. Reading the workbook is in `questionnaire`, figures are
made up in `inventing`, files are written in `writers`, mail goes through `postbox`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from random import Random
from typing import Literal

from treem.rehearsal.behaviours import SILENT, Behaviour, Kind
from treem.rehearsal.covers import COVERS, FILE_TITLE, PROSE, Cover, compose, file_name
from treem.rehearsal.inventing import INEQUALITIES, NOT_APPLICABLE, Meant, Pairs, Sums, invent, leave_gaps
from treem.rehearsal.postbox import Letter, Post, Postbox
from treem.rehearsal.questionnaire import Question, Questionnaire, read_questionnaire
from treem.rehearsal.writers import STAND_IN, ConversionFailed, Typed, fill, fill_xlsx

Entries = dict[tuple[str, str], Typed]
Stage = Literal["waiting", "begun", "answered"]
ROUGHLY = "khoảng 20"


@dataclass(frozen=True)
class Mistake:
    """A planted error. A warning or error about it must name one of the cells."""

    sheet: str
    cell: str
    cells: frozenset[str]  # nam + nữ ≠ tổng số may be reported at any of its three cells

    def is_named_in(self, text: str) -> bool:
        """Whether the text names the cell, e.g. "ô D12" or "Số liệu!D12"; "D1" does not name "D12"."""
        return any(re.search(rf"(?<![A-Z0-9$]){cell}(?![0-9])", text.replace("$", "")) for cell in self.cells)


@dataclass
class SimulatedBody:
    """One body. `play` is called after every milestone; everything it knows came by mail."""

    body_code: str
    name: str
    address: str
    password: str = field(repr=False)
    smtp: tuple[str, int]
    imap: tuple[str, int]
    behaviour: Behaviour
    rng: Random = field(repr=False)
    inequalities: Pairs = INEQUALITIES  # (smaller, larger), between figures of this body
    sums: Sums = ()  # totals of other figures of this body
    complaints: list[str] = field(default_factory=list)  # what the body expected of the office and did not get
    named_mistake: bool | None = None  # whether the acknowledgement named the planted cell; None = no such answer yet
    post: Post | None = field(default=None, repr=False)  # none: a mailbox of its own
    known: Questionnaire | None = field(default=None, repr=False)  # the form, where it has been looked at already

    def __post_init__(self) -> None:
        self._postbox = self.post or Postbox(self.address, self.password, self.smtp, self.imap)
        self._asked: list[tuple[str, Letter]] = []  # milestone at which it was read, letter
        self._acks: dict[str, Letter] = {}  # by the Message-ID of the letter of ours that it answers
        self._sent: list[str] = []  # our Message-IDs
        self._stage: Stage = "waiting"
        self._questions: Questionnaire | None = None
        self._meant: Meant = {}
        self._texts: dict[str, str] = {}
        self._mistake: Mistake | None = None
        self._wrong: tuple[tuple[str, str], ...] = ()  # the cells of the mistake

    # ---- what the conductor asks -------------------------------------------------------------------------------

    def play(self, now: datetime, milestone: str) -> list[str]:
        """Read the mail and answer as this body does. Returns a line for each letter written."""
        if self.behaviour.kind in SILENT:
            return []
        for letter in self._postbox.new_letters():
            self._take(letter, milestone)
        if not self._asked or self._stage == "answered":
            return []
        return _ANSWERS.get(self.behaviour.kind, SimulatedBody._answer_when_ready)(self, now, milestone)

    def meant(self) -> Meant:
        """What the body means to report, by figure and column; empty when it never sent its real answer."""
        return dict(self._meant) if self.counts else {}

    def said(self) -> dict[str, str]:
        """The narrative it sent, by section (duty code or closing section)."""
        return dict(self._texts) if self.counts else {}

    @property
    def counts(self) -> bool:
        """Whether its figures belong in the district total: the real answer has been sent."""
        return self._stage == "answered"

    @property
    def finished(self) -> bool:
        """Whether it has come to the end of what it meant to do."""
        return self.counts or self.behaviour.kind in SILENT

    @property
    def acknowledgements(self) -> int:
        """How many of its letters were acknowledged, as far as it has looked."""
        return len(self._acks)

    @property
    def letters_sent(self) -> int:
        """How many letters it wrote."""
        return len(self._sent)

    def close(self) -> None:
        """Leave the mailbox."""
        self._postbox.close()

    # ---- reading -----------------------------------------------------------------------------------------------

    def _take(self, letter: Letter, milestone: str) -> None:
        if letter.in_reply_to in self._sent:  # it may bring a marked copy of our workbook
            self._acks[letter.in_reply_to] = letter
        elif letter.asks:
            self._asked.append((milestone, letter))

    @property
    def _request(self) -> Letter:
        """The latest letter that asks: a clerk answers what lies on top."""
        return self._asked[-1][1]

    @property
    def _form(self) -> bytes:
        return self._request.workbook or b""

    def _is_ready(self, milestone: str) -> bool:
        chased = milestone.startswith("chase")
        match self.behaviour.kind:
            case "late":
                return self._asked[-1][0].startswith("chase")
            case "after_last_reminder":
                return milestone == "due" or chased
            case _:
                return len(self._asked) >= self.behaviour.patience or milestone == "due" or chased

    # ---- answering, by behaviour -------------------------------------------------------------------------------

    def _answer_when_ready(self, now: datetime, milestone: str) -> list[str]:
        return [self._answer(now)] if self._is_ready(milestone) else []

    def _answer_twice(self, now: datetime, milestone: str) -> list[str]:  # noqa: ARG002
        data = self._filled()
        first = self._send(now, COVERS["answer"], self._request, data)
        return [first, self._finish(now, COVERS["again"], self._request, data)]

    def _err_then_correct(self, now: datetime, milestone: str) -> list[str]:  # noqa: ARG002
        if self._stage == "waiting":
            self._stage = "begun"
            return [self._send(now, COVERS["answer"], self._request, self._filled(planted=True))]
        ack = self._acks.get(self._sent[0])
        if ack is None or self.named_mistake is not None:
            return []
        self.named_mistake = self._mistake is not None and self._mistake.is_named_in(ack.text)
        if not self.named_mistake:
            self.complaints.append(f"{self.name}: thư xác nhận không nêu ô nhập sai")
            return []
        return [self._finish(now, COVERS["correction"], ack, self._mended(ack))]

    def _mended(self, ack: Letter) -> bytes:
        """The marked copy that came with the acknowledgement, put right where it was wrong; else the form again."""
        if ack.workbook is None:
            return self._filled()
        right = self._entries(self._decide())
        return fill_xlsx(ack.workbook, {cell: right[cell] for cell in self._wrong})

    def _empty_then_answer(self, now: datetime, milestone: str) -> list[str]:  # noqa: ARG002
        if self._stage == "waiting":
            self._stage = "begun"
            return [self._send(now, COVERS["empty"], self._request, self._form)]
        return [self._answer(now)] if len(self._asked) > 1 else []

    def _prose_then_answer(self, now: datetime, milestone: str) -> list[str]:  # noqa: ARG002
        if self._stage == "waiting":
            self._stage = "begun"
            return [self._send(now, PROSE, self._request, None)]
        return [self._answer(now)] if self._sent[0] in self._acks or len(self._asked) > 1 else []

    def _away_then_answer(self, now: datetime, milestone: str) -> list[str]:
        if self._stage == "waiting":
            self._stage = "begun"
            return [self._send(now, COVERS["away"], self._request, None)]
        return [self._answer(now)] if milestone != self._asked[0][0] else []

    def _answer(self, now: datetime) -> str:
        return self._finish(now, COVERS["answer"], self._request, self._filled())

    def _finish(self, now: datetime, cover: Cover, to: Letter, data: bytes) -> str:
        line = self._send(now, cover, to, data)
        self._stage = "answered"
        return line

    # ---- filling in --------------------------------------------------------------------------------------------

    def _filled(self, *, planted: bool = False) -> bytes:
        """The workbook with what the body means, or with its mistake."""
        questions = self._decide()
        entries = self._entries(questions)
        if planted:
            wrong = self._plant(questions)
            self._wrong = tuple(wrong)
            entries.update(wrong)
        file, writer = self.behaviour.file, self.behaviour.writer
        try:
            return fill(self._form, entries, file, writer)
        except ConversionFailed:  # no LibreOffice here: the same format by the library at hand
            return fill(self._form, entries, file, STAND_IN[file])

    def _decide(self) -> Questionnaire:
        """Read the form and make up the figures, once; a later copy of the form is filled in the same way."""
        if self._questions is None:
            self._questions = self.known or read_questionnaire(self._form)
            self.body_code = self._questions.body or self.body_code  # a team answers for the body it inspected
            asked, rules = self._questions.questions, self.inequalities
            self._meant = invent(asked, rules, self.rng, self.sums)
            if self.behaviour.gaps:
                self._meant = leave_gaps(self._meant, asked, rules, self.rng, self.sums)
            self._texts = {b.section: f"{self.name}: {self._prose(b.title)}" for b in self._questions.boxes}
        return self._questions

    def _prose(self, title: str) -> str:
        done = self.rng.choice(("đã triển khai theo kế hoạch", "đã phối hợp thực hiện", "đang tiếp tục thực hiện"))
        return f"{done}, có {self.rng.randint(1, 9)} hoạt động trong kỳ ({title[:60].rstrip()})."

    def _entries(self, questions: Questionnaire) -> Entries:
        entries: Entries = {(box.sheet, box.cell): self._texts[box.section] for box in questions.boxes}
        for question in questions.questions:
            typed = self._typed(question)
            if typed is not None:
                entries[question.sheet, question.cell] = typed
        return entries

    def _typed(self, question: Question) -> Typed | None:
        meaning = self._meant[question.figure, question.column]
        if meaning is None:
            return None
        if meaning == NOT_APPLICABLE:
            return "không áp dụng"
        number = int(meaning)
        if question.yes_no:
            return "Có" if number else "Không"
        return f"{number:,}".replace(",", ".") if self.behaviour.numbers == "as_text" else number

    def _plant(self, questions: Questionnaire) -> Entries:
        """One wrong entry, remembered so that the acknowledgement can be held against it."""
        columns: dict[str, dict[str, Question]] = {}
        for question in questions.questions:
            if isinstance(self._meant[question.figure, question.column], Decimal) and not question.yes_no:
                columns.setdefault(question.figure, {})[question.column] = question
        summed = next((c for c in columns.values() if {"total", "male", "female"} <= c.keys()), None)
        if self.behaviour.mistake == "sum" and summed:
            total = summed["total"]
            self._mistake = Mistake(
                total.sheet, total.cell, frozenset(summed[c].cell for c in ("total", "male", "female"))
            )
            return {(total.sheet, total.cell): int(Decimal(str(self._meant[total.figure, "total"]))) + 1}
        wrong = next((c["total"] for c in columns.values()), questions.questions[0])
        self._mistake = Mistake(wrong.sheet, wrong.cell, frozenset({wrong.cell}))
        return {(wrong.sheet, wrong.cell): ROUGHLY}

    # ---- sending -----------------------------------------------------------------------------------------------

    def _send(self, now: datetime, cover: Cover, to: Letter, data: bytes | None) -> str:
        file = "xlsx" if data is self._form or cover is COVERS["correction"] else self.behaviour.file
        attachment = (file_name(FILE_TITLE, self.name, file), data) if data is not None else None
        message_id = self._next_id()
        raw = compose(cover, (self.name, self.address), to, attachment, message_id, now)
        self._postbox.send(raw, to.reply_to)
        self._sent.append(message_id)
        return f"{self.name}: {cover.told}" + (f" (.{file})" if data is not None else "")

    def _next_id(self) -> str:
        digest = sha256(f"{self._request.token}:{self.address}:{len(self._sent)}".encode()).hexdigest()[:24]
        return f"<{digest}@{self.address.rpartition('@')[2]}>"


_ANSWERS: dict[Kind, Callable[[SimulatedBody, datetime, str], list[str]]] = {
    "twice_same": SimulatedBody._answer_twice,
    "mistake_then_corrected": SimulatedBody._err_then_correct,
    "empty_form": SimulatedBody._empty_then_answer,
    "prose_only": SimulatedBody._prose_then_answer,
    "out_of_office": SimulatedBody._away_then_answer,
}
