"""What a body answers to the questions it was asked about its figures: by words on the list, or by other figures.

Belongs here: telling from a filed form which questions it answers. Asking, and answers a person types, are in
`questions`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.forms.check import Checked, CheckedValue
from treem.ledger.events import record
from treem.ledger.tables import Question, Request, Submission

LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
OWN = "hoi_"  # before the question's mark, among the rules that a reply can name


def reply_rule(fingerprint: str) -> str:
    """What the list calls the question: the reply sheet knows its rows by names of letters only."""
    return OWN + fingerprint.translate(LETTERS)


def cells_of(numbers: Sequence[Sequence[str]]) -> Iterator[tuple[str, str, Decimal | None]]:
    """The cells a question is about, as they were."""
    for figure, column, number in numbers:
        yield figure, column, Decimal(number) if number else None


def follow(session: Session, request: Request, submission: Submission, checked: Checked, now: datetime) -> None:
    """Close the open questions that a form answers: words of any form count, figures only of an accepted one."""
    query = select(Question).where(Question.request_id == request.id, Question.state == "open").order_by(Question.id)
    for question in session.scalars(query):
        words = next((r.text for r in checked.replies if r.rule == reply_rule(question.fingerprint)), "").strip()
        corrected = submission.state == "accepted" and _differs(question, checked.values)
        if not words and not corrected:
            continue
        question.state, question.outcome = "answered", "corrected" if corrected else "justified"
        question.answer = words or f"Đơn vị đã sửa số liệu (bản thứ {submission.version})"
        question.answered_at = now
        record(
            session, "question_answered", now, request.round_id, request.id,
            question=question.id, outcome=question.outcome, version=submission.version,
        )  # fmt: skip


def _differs(question: Question, values: Sequence[CheckedValue]) -> bool:
    said: Mapping[tuple[str, str], Decimal | None] = {(v.figure, v.column): v.number for v in values}
    return any(said.get((code, column)) != number for code, column, number in cells_of(question.numbers))
