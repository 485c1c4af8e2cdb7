"""Asks bodies about differences between figures, one letter a body, and records what the office is told in answer.

Belongs here: which differences are asked, the letters, and answers that a person types. What a filed form answers is in
`justifying`; what differs is found by `reconciling`. A body that was asked is not asked the same again.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from treem.district.reconcile import Ask, Difference, fingerprint
from treem.documents.periods import weekday_date
from treem.documents.reconciliation_sheet import Findings, question_text
from treem.forms.catalogue import FoundFinding
from treem.forms.mark import ReplyTexts, mark_form
from treem.ledger import queries
from treem.ledger.events import record
from treem.ledger.tables import LetterOut, Question, Request, Round, Submission
from treem.mailroom.compose import XLSX, Attachment
from treem.mailroom.contacts import dead_addresses
from treem.mailroom.errors import LetterTooBig
from treem.plan.agenda import RoundPlan
from treem.plan.problems import choose
from treem.rounds.decisions import Decided, DecisionRefused
from treem.rounds.house import House
from treem.rounds.justifying import reply_rule
from treem.rounds.notices import tell_body
from treem.rounds.reconciling import findings_of, is_reconciled
from treem.rounds.reporting import reopen_for

OPEN_REPORTS = (None, "draft", "awaiting_approval", "returned", "superseded", "kept")
LETTER = "questions"


@dataclass(frozen=True)
class Drafted:
    """One question to one body, ready to be written."""

    difference: Difference
    ask: Ask
    fingerprint: str
    text: str


@dataclass(frozen=True)
class ToBody:
    """All that one body is asked. `note`: why it is not written to; `letter`: whether one stands in the outbox now."""

    body: str
    name: str
    questions: tuple[Drafted, ...]
    note: str = ""
    letter: bool = False


@dataclass(frozen=True)
class Chosen:
    """Which differences are asked; empty means all."""

    rules: Collection[str] = ()
    bodies: Collection[str] = ()
    figures: Collection[str] = field(default=())

    def has(self, difference: Difference, ask: Ask) -> bool:
        """Whether the question is among them."""
        pairs = ((self.rules, difference.rule), (self.bodies, ask.body), (self.figures, difference.figure))
        return all(not wanted or value in wanted for wanted, value in pairs)


EVERYTHING = Chosen()


def drafted(house: House, round_key: str, chosen: Chosen = EVERYTHING) -> tuple[ToBody, ...]:
    """What would be asked now, body by body. Writes nothing. Raises DecisionRefused."""
    plan = house.plan(round_key)
    with house.ledger.begin(relaxed=True) as session:
        _refuse(house, session, plan, chosen)
        return tuple(_drafted(house, session, plan, chosen, findings_of(house, session, plan)))


def ask(house: House, round_key: str, decided: Decided, chosen: Chosen = EVERYTHING) -> tuple[ToBody, ...]:
    """Write to every body that has something new to be asked; what no longer differs is withdrawn. May be repeated.

    Raises DecisionRefused.
    """
    plan = house.plan(round_key)
    with house.ledger.begin() as session:
        _refuse(house, session, plan, chosen)
        findings = findings_of(house, session, plan)
        _withdraw(session, plan, findings, decided)
        letters = tuple(_drafted(house, session, plan, chosen, findings))
    return tuple(_write(house, plan, to, decided) if not to.note else to for to in letters)


def _refuse(house: House, session: Session, plan: RoundPlan, chosen: Chosen) -> None:
    for rule in chosen.rules:
        if rule not in house.settings.differences.rules:
            raise DecisionRefused(f"Không có quy tắc “{rule}”. {choose(rule, house.settings.differences.rules)}")
    if not is_reconciled(plan):
        raise DecisionRefused(f"Đợt {plan.key} không có bảng đối chiếu; chỉ các báo cáo có.")
    facts = queries.round_facts(session, plan.key)
    if not facts.opened:
        raise DecisionRefused(f"Đợt {plan.key} chưa mở nên chưa có số liệu để hỏi.")
    if facts.report_state not in OPEN_REPORTS:
        raise DecisionRefused(
            f"Báo cáo đợt {plan.key} đã được phê duyệt. Số liệu sửa sau đó phải nêu trong báo cáo bổ sung."
        )


def _drafted(house: House, session: Session, plan: RoundPlan, chosen: Chosen, findings: Findings) -> Iterator[ToBody]:
    """By body, in the order in which its first question was found; known questions are left out."""
    requests = _requests(session, plan)
    dead, known = dead_addresses(session), _known(session, plan)
    new: dict[str, dict[str, Drafted]] = {}
    for difference in findings.differences:
        for one in difference.asks:
            mark = fingerprint(difference, one)
            if chosen.has(difference, one) and (one.body, mark) not in known:
                text = question_text(difference, one, house.settings, findings.groups, inside=False)
                new.setdefault(one.body, {})[mark] = Drafted(difference, one, mark, text)
    for body, questions in new.items():
        note = ""
        if body not in requests:
            note = "không được hỏi ở đợt này (số liệu lấy từ đợt khác)"
        elif plan.answering(house.settings.body(body, plan.due)).address_except(dead) is None:
            note = "không còn địa chỉ nào nhận được thư"
        yield ToBody(body, findings.names.get(body, body), tuple(questions.values()), note)


def _requests(session: Session, plan: RoundPlan) -> dict[str, Request]:
    query = select(Request).join(Round).where(Round.key == plan.key).order_by(Request.id)
    return {request.body: request for request in session.scalars(query)}


def _known(session: Session, plan: RoundPlan) -> set[tuple[str, str]]:
    """What was asked already. A question that was withdrawn may be put again."""
    query = select(Request.body, Question.fingerprint).join(Question, Question.request_id == Request.id)
    query = query.join(Round, Round.id == Request.round_id).where(Round.key == plan.key, Question.state != "withdrawn")
    return {(row.body, row.fingerprint) for row in session.execute(query)}


def _withdraw(session: Session, plan: RoundPlan, findings: Findings, decided: Decided) -> None:
    """Nobody need answer what no longer differs."""
    current = {(a.body, fingerprint(d, a)) for d in findings.differences for a in d.asks}
    query = select(Question).join(Request).join(Round, Round.id == Request.round_id)
    for question in session.scalars(query.where(Round.key == plan.key, Question.state == "open")):
        if (question.request.body, question.fingerprint) not in current:
            question.state, question.answered_at = "withdrawn", decided.now
            record(
                session, "question_withdrawn", decided.now, question.round_id, question.request_id,
                question=question.id, by=decided.by,
            )  # fmt: skip


# ---- the letter to one body


def _write(house: House, plan: RoundPlan, to: ToBody, decided: Decided) -> ToBody:
    """The questions and their letter, all or nothing."""
    copy = _copy(house, plan, to)
    with house.ledger.begin() as session:
        query = select(Request).join(Round).where(Round.key == plan.key, Request.body == to.body)
        request = session.scalars(query.with_for_update(of=Request)).one()
        known = _known(session, plan)
        questions = [q for q in to.questions if (to.body, q.fingerprint) not in known]
        if not questions:  # somebody else asked meanwhile
            return to
        for question in questions:
            _put(session, request, question, decided.now)
        _letter(house, session, plan, request, questions, copy, decided.now)
        record(
            session,
            "questions_asked",
            decided.now,
            request.round_id,
            request.id,
            questions=len(questions),
            **decided.facts,
        )
    return ToBody(to.body, to.name, to.questions, letter=True)


def _put(session: Session, request: Request, question: Drafted, now: datetime) -> None:
    again = select(Question).where(Question.request_id == request.id, Question.fingerprint == question.fingerprint)
    row = session.scalar(again)
    if row is not None:  # it was withdrawn, and differs again
        row.state, row.answered_at, row.asked_at = "open", None, now
        return
    found, ask = question.difference, question.ask
    numbers = [[c, col, "" if n is None else format(n.normalize(), "f")] for c, col, n in ask.own]
    session.add(
        Question(
            round_id=request.round_id,
            request_id=request.id,
            fingerprint=question.fingerprint,
            rule=found.rule,
            figure=found.figure,
            column=found.column,
            numbers=numbers,
            sheet=ask.sheet,
            cell=ask.cell,
            text=question.text,
            state="open",
            asked_at=now,
        )
    )


def _letter(
    house: House,
    session: Session,
    plan: RoundPlan,
    request: Request,
    questions: Sequence[Drafted],
    copy: bytes | None,
    now: datetime,
) -> None:
    """With the body's own form, marked, to answer in; without it where it makes the letter too big."""
    written = func.count(LetterOut.id)
    before = session.scalar(
        select(written).where(LetterOut.request_id == request.id, LetterOut.idem_key.startswith(f"{LETTER}:"))
    )
    more = {
        "questions": [{"sheet": q.ask.sheet, "cell": q.ask.cell, "text": q.text} for q in questions],
        "answer_text": weekday_date(_answer_by(house, now)),
    }
    key = f"{LETTER}:{request.token}:{(before or 0) + 1}"
    thread = queries.message_id_of(session, f"request:{request.token}")
    name = f"{request.form}-{request.body}-{plan.key.replace('/', '-')}-can-giai-trinh.xlsx"

    def write(files: Sequence[Attachment]) -> None:
        said = more | {"has_copy": bool(files)}
        tell_body(house, session, request, "questions", key, now, said, files=files, in_reply_to=thread)

    try:
        write([Attachment(name, copy, XLSX)] if copy else [])
    except LetterTooBig:
        write([])


def _answer_by(house: House, now: datetime) -> date:
    return house.almanac.shift_working(house.local(now).date(), house.settings.differences.answer_days)


def _copy(house: House, plan: RoundPlan, to: ToBody) -> bytes | None:
    """The body's accepted form with the cells marked, and a list to answer in."""
    with house.ledger.begin(relaxed=True) as session:
        query = select(Submission.file_sha).join(Request).join(Round)
        sha = session.scalar(
            query.where(Round.key == plan.key, Request.body == to.body, Submission.state == "accepted")
        )
    if sha is None:
        return None
    findings = [
        FoundFinding(reply_rule(q.fingerprint), "warning", q.ask.sheet, q.ask.cell, q.text) for q in to.questions
    ]
    texts = ReplyTexts(office=house.settings.office.short_name, title="SỐ LIỆU CẦN KIỂM TRA LẠI")
    return mark_form(house.ledger.originals.read(sha), findings, texts)


# ---- answers that a person types


@dataclass(frozen=True)
class Listed:
    """A question as the office looks at it."""

    id: int
    body: str
    rule: str
    figure: str
    sheet: str
    cell: str
    text: str
    state: str
    outcome: str
    answer: str
    asked_on: date


def listed(house: House, round_key: str) -> tuple[Listed, ...]:
    """Every question of a round, oldest first."""
    house.plan(round_key)  # an unknown round has its own words
    query = select(Question).join(Round, Round.id == Question.round_id).where(Round.key == round_key)
    with house.ledger.begin(relaxed=True) as session:
        return tuple(
            Listed(
                q.id, q.request.body, q.rule, q.figure, q.sheet, q.cell, q.text, q.state, q.outcome or "",
                q.answer or "", house.local(q.asked_at).date(),
            )
            for q in session.scalars(query.order_by(Question.id))
        )  # fmt: skip


def answer(house: House, question_id: int, text: str, decided: Decided) -> None:
    """Keep what the body told the office (by telephone, in a letter) with the figure. Raises DecisionRefused."""
    if len(text.strip()) < 3:
        raise DecisionRefused("Hãy ghi nội dung trả lời của đơn vị (--text “…”).")
    with house.ledger.begin() as session:
        question = session.get(Question, question_id, with_for_update=True)
        if question is None:
            raise DecisionRefused(f"Không có câu hỏi số {question_id}. Xem danh sách bằng: treem questions ĐỢT.")
        if question.state == "withdrawn":
            raise DecisionRefused(f"Câu hỏi số {question_id} đã được rút vì chênh lệch không còn.")
        if question.state == "answered" and question.answer == text.strip():
            return
        question.state, question.answer = "answered", text.strip()
        question.outcome = question.outcome or "justified"
        question.answered_by, question.answered_why, question.answered_at = decided.by, decided.why.strip(), decided.now
        record(
            session, "question_answered", decided.now, question.round_id, question.request_id,
            question=question.id, outcome=question.outcome, **decided.facts,
        )  # fmt: skip
        reopen_for(session, question.round_id)  # the leader reads the answer beside the figure
