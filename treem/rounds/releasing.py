"""What a person decides about texts that look like naming a child: the list of those that wait, letting one through,
putting other words in its place.

Belongs here: looking and deciding; what becomes of a text in a document is in `screening`. What was filed stays as it
is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from treem.district.screen import why_held
from treem.ledger.events import record
from treem.ledger.tables import Narrative, Question, Remark, Request, Round, Screening, Submission
from treem.rounds.decisions import Decided, DecisionRefused
from treem.rounds.house import House
from treem.rounds.reporting import reopen_for
from treem.rounds.screening import ANSWER, REMARK, Screen, digest, places

STATES = {"held": "chờ kiểm tra", "released": "đã cho đăng", "redacted": "đã thay lời"}


@dataclass(frozen=True)
class Waiting:
    """A text that looks like naming a child, as the list shows it: never the text itself."""

    id: str  # n12: a narrative, g5: a remark (ghi chú), t3: an answer (trả lời)
    round: str
    body: str
    section: str
    why: tuple[str, ...]
    state: str  # held, released, redacted


@dataclass(frozen=True)
class Shown:
    """One text in full for the person who decides."""

    waiting: Waiting
    text: str
    instead: str | None  # what stands in documents in its place


@dataclass(frozen=True)
class _Filed:
    """A text as filed, and where."""

    id: str
    request_id: int
    round_id: int
    round: str
    body: str
    section: str
    text: str

    @property
    def sha(self) -> str:
        return digest(self.text)


def waiting(house: House, round_key: str | None = None, *, decided_too: bool = False) -> list[Waiting]:
    """Every text that looks like naming a child, of accepted submissions: those that wait, or all."""
    with house.ledger.begin(relaxed=True) as session:
        screen = Screen(session, house.settings)
        found = [_waiting(filed, screen) for filed in _every(session, round_key) if screen.why(filed.text)]
    return [one for one in found if decided_too or one.state == "held"]


def show(house: House, text_id: str) -> Shown:
    """One text in full. Raises DecisionRefused."""
    with house.ledger.begin(relaxed=True) as session:
        screen, filed = Screen(session, house.settings), _find(session, text_id)
    passed = screen.passed(filed.request_id, filed.section, filed.text)
    return Shown(_waiting(filed, screen), filed.text, passed if passed != filed.text else None)


def release(house: House, text_id: str, decided: Decided) -> None:
    """A person has read the text: it names no child, or may. Raises DecisionRefused."""
    _decide(house, text_id, None, decided)


def redact(house: House, text_id: str, instead: str, decided: Decided) -> None:
    """Other words stand in documents in the text's place; the ledger keeps what was filed. Raises DecisionRefused."""
    if not instead.strip():
        raise DecisionRefused("Hãy ghi lời thay thế (--text “…”).")
    found = why_held(instead, places(house.settings))
    if found:
        raise DecisionRefused(f"Lời thay thế vẫn {', '.join(found)}. Hãy viết lại, không nêu thông tin của trẻ em.")
    _decide(house, text_id, instead.strip(), decided)


def _decide(house: House, text_id: str, instead: str | None, decided: Decided) -> None:
    with house.ledger.begin() as session:
        filed = _find(session, text_id)
        known = select(Screening).where(
            Screening.request_id == filed.request_id,
            Screening.section == filed.section,
            Screening.text_sha == filed.sha,
        )
        row = session.scalar(known)
        if row is None:
            row = Screening(request_id=filed.request_id, section=filed.section, text_sha=filed.sha)
            session.add(row)
        row.instead, row.decided_by, row.why, row.decided_at = instead, decided.by, decided.why.strip(), decided.now
        kind = "text_released" if instead is None else "text_redacted"
        record(session, kind, decided.now, filed.round_id, filed.request_id, text=text_id, by=decided.by)
        reopen_for(session, filed.round_id)  # a draft that waits still has the old words


def _find(session: Session, text_id: str) -> _Filed:
    found = next((filed for filed in _every(session, None) if filed.id == text_id.strip().lower()), None)
    if found is None:
        raise DecisionRefused(f"Không có nội dung số “{text_id}” trong các bản đã chấp nhận. Xem: treem narratives.")
    return found


def _every(session: Session, round_key: str | None) -> Iterator[_Filed]:
    yield from _filed(session, _accepted(Narrative, Narrative.section, round_key), "n", "")
    yield from _filed(session, _accepted(Remark, Remark.figure, round_key), "g", REMARK)
    yield from _filed(session, _answers(round_key), "t", ANSWER)


def _accepted(table: type[Narrative] | type[Remark], place: Any, round_key: str | None) -> Select[Any]:
    query = (
        select(table.id, Request.id, Round.id, Round.key, Request.body, place, table.text)
        .select_from(table)
        .join(Submission, Submission.id == table.submission_id)
        .join(Request, Request.id == Submission.request_id)
        .join(Round, Round.id == Request.round_id)
        .where(Submission.state == "accepted")
        .order_by(Request.id, table.id)
    )
    return query if round_key is None else query.where(Round.key == round_key)


def _answers(round_key: str | None) -> Select[Any]:
    query = (
        select(Question.id, Request.id, Round.id, Round.key, Request.body, Question.fingerprint, Question.answer)
        .join(Request, Request.id == Question.request_id)
        .join(Round, Round.id == Question.round_id)
        .where(Question.answer.is_not(None), Question.answer != "")
        .order_by(Question.id)
    )
    return query if round_key is None else query.where(Round.key == round_key)


def _filed(session: Session, query: Select[Any], letter: str, prefix: str) -> Sequence[_Filed]:
    return [_Filed(f"{letter}{r[0]}", r[1], r[2], r[3], r[4], f"{prefix}{r[5]}", r[6]) for r in session.execute(query)]


def _waiting(filed: _Filed, screen: Screen) -> Waiting:
    state = screen.state(filed.request_id, filed.section, filed.text)
    return Waiting(filed.id, filed.round, filed.body, filed.section, screen.why(filed.text), state)
