"""Questions to the ledger that more than one room asks, answered as plain rows. Nothing here writes or decides."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from treem.ledger.tables import (
    Contact,
    Finding,
    LetterIn,
    LetterOut,
    Narrative,
    Report,
    Request,
    Round,
    Selected,
    Submission,
    Value,
)
from treem.plan.agenda import RequestFact, RoundFacts

ANOTHER_DAY = ("moved", "extend")
LONG_AGO = datetime.min.replace(tzinfo=UTC)
STAGES = ("request", "remind-", "chase-")  # idem keys of letters to a body: `request:TOKEN`, `remind-1:TOKEN`, …
UNDELIVERED = ("bounced", "failed")


@dataclass(frozen=True)
class ValueRow:
    """An accepted figure and where it came from, down to the cell and the letter."""

    body: str
    figure: str
    column: str
    kind: str
    number: Decimal | None
    submission_id: int
    version: int
    letter_in_id: int | None
    message_id: str | None
    file_name: str
    file_sha: str
    sheet: str
    cell: str


@dataclass(frozen=True)
class NarrativeRow:
    """An accepted text: `section` is a duty code or the key of a closing section."""

    body: str
    section: str
    text: str


@dataclass(frozen=True)
class FilingRow:
    """How one body filed. `version` and `findings` are of the one that counts: the accepted, else the newest."""

    body: str
    state: str
    first_received_at: datetime | None
    on_time: bool
    version: int | None
    submission_id: int | None
    findings: int
    last_letter_at: datetime | None  # the newest letter written to the body about this request
    letters: tuple[str, ...]  # stages written, oldest first: request, remind-1, chase-1, …


def find_round(session: Session, round_key: str) -> Round | None:
    """The round of that key, or None while it has not been opened."""
    return session.scalar(select(Round).where(Round.key == round_key))


def message_id_of(session: Session, idem_key: str) -> str | None:
    """The Message-ID of the letter written under that key, or None."""
    return session.scalar(select(LetterOut.message_id).where(LetterOut.idem_key == idem_key))


def round_facts(session: Session, round_key: str) -> RoundFacts:
    """What has happened in a round, as the agenda compares it with the plan."""
    entry = find_round(session, round_key)
    chosen = selection_of(session, round_key)
    if entry is None:
        return RoundFacts(opened=False, requests=(), closed=False, report_state=None, chosen=chosen)
    written = standing_letters(session, Request.round_id == entry.id)
    requests = session.scalars(select(Request).where(Request.round_id == entry.id).order_by(Request.id))
    return RoundFacts(
        opened=True,
        requests=tuple(_request_fact(r, written.get(r.id, [])) for r in requests),
        closed=entry.closed_at is not None,
        report_state=_report_state(session, entry.id),
        dead=dead_addresses(session),
        chosen=chosen,
        mending=bool(reopened(session, entry.id)),
    )


def dead_addresses(session: Session) -> frozenset[str]:
    """The addresses nothing is sent to any more."""
    return frozenset(session.scalars(select(Contact.address).where(Contact.state == "dead")))


def selection_of(session: Session, round_key: str) -> frozenset[str] | None:
    """Codes of the bodies selected for a round; None while no selection has been made."""
    rows = session.execute(select(Selected.body, Selected.chosen).where(Selected.round_key == round_key)).all()
    return frozenset(row.body for row in rows if row.chosen) if rows else None


def open_requests_of_sender(session: Session, bodies: Collection[str]) -> list[Request]:
    """The requests of the bodies a sender is registered for, whose answers still count, oldest first.

    A round whose report has been sent waits for nobody; an answer to it must say so itself. A request that has been
    answered is among them: which letter was taken in first must make no difference to the next.
    """
    reported = select(Report.round_id).where(Report.state.in_(("sent", "kept")))
    return list(
        session.scalars(
            select(Request).where(Request.body.in_(bodies), Request.round_id.not_in(reported)).order_by(Request.id)
        )
    )


def reopened(session: Session, round_id: int) -> list[Request]:
    """The requests that were reopened and not answered since: what was accepted still counts meanwhile."""
    accepted = select(Submission.request_id).where(Submission.state == "accepted")
    where = (Request.round_id == round_id, Request.state == "needs_correction", Request.id.in_(accepted))
    return list(session.scalars(select(Request).where(*where).order_by(Request.id)))


def accepted_values(session: Session, round_key: str, body: str | None = None) -> list[ValueRow]:
    """Every figure of every accepted submission of a round, in the order of the requests and of the form; only the
    body's, where one is named.
    """
    whose = [Request.body == body] if body is not None else []
    rows = session.execute(
        select(
            Request.body,
            Value.figure,
            Value.column,
            Value.kind,
            Value.number,
            Submission.id,
            Submission.version,
            Submission.letter_in_id,
            LetterIn.message_id,
            Submission.file_name,
            Submission.file_sha,
            Value.sheet,
            Value.cell,
        )
        .select_from(Value)
        .join(Submission, Submission.id == Value.submission_id)
        .join(Request, Request.id == Submission.request_id)
        .join(Round, Round.id == Request.round_id)
        .outerjoin(LetterIn, LetterIn.id == Submission.letter_in_id)
        .where(Round.key == round_key, Submission.state == "accepted", *whose)
        .order_by(Request.id, Value.id)
    )
    return [ValueRow(*row) for row in rows]


def narratives(session: Session, round_key: str) -> list[NarrativeRow]:
    """Every text of every accepted submission of a round, in the order of the requests and of the form."""
    rows = session.execute(
        select(Request.body, Narrative.section, Narrative.text)
        .select_from(Narrative)
        .join(Submission, Submission.id == Narrative.submission_id)
        .join(Request, Request.id == Submission.request_id)
        .join(Round, Round.id == Request.round_id)
        .where(Round.key == round_key, Submission.state == "accepted")
        .order_by(Request.id, Narrative.id)
    )
    return [NarrativeRow(*row) for row in rows]


def filing_record(session: Session, round_key: str) -> list[FilingRow]:
    """How each body that was asked has filed, in the order of the requests."""
    entry = find_round(session, round_key)
    if entry is None:
        return []
    written, filed = _letters(session, Request.round_id == entry.id), _counting_submissions(session, entry.id)
    findings = _finding_counts(session, [s.id for s in filed.values()])
    requests = session.scalars(select(Request).where(Request.round_id == entry.id).order_by(Request.id))
    return [_filing_row(r, written.get(r.id, []), filed.get(r.id), findings) for r in requests]


@dataclass(frozen=True)
class Letter:
    """A letter to a body about its request; a cancelled one was written all the same."""

    request_id: int
    stage: str
    state: str
    created_at: datetime
    recipient: str


def standing_letters(session: Session, of: ColumnElement[bool]) -> dict[int, list[Letter]]:
    """The asking letters that still count, by request, oldest first.

    A reminder or chase for a day that was moved or extended since does not, nor does a letter in vain to an address
    that has been well since.
    """
    well = dict(session.execute(select(Contact.address, Contact.since).where(Contact.state == "ok")).tuples().all())
    moved = {}
    for letter in chain.from_iterable(_letters(session, of, ANOTHER_DAY).values()):
        moved[letter.request_id] = letter.created_at

    def stands(letter: Letter) -> bool:
        for_another_day = letter.stage != "request" and letter.created_at <= moved.get(letter.request_id, LONG_AGO)
        in_vain = letter.state in UNDELIVERED and letter.created_at < well.get(letter.recipient, LONG_AGO)
        return not for_another_day and not in_vain

    return {request_id: list(filter(stands, letters)) for request_id, letters in _letters(session, of).items()}


def _letters(session: Session, of: ColumnElement[bool], stages: tuple[str, ...] = STAGES) -> dict[int, list[Letter]]:
    """The letters of those stages by request, oldest first; `of` is a condition on the request."""
    rows = session.execute(
        select(LetterOut.request_id, LetterOut.idem_key, LetterOut.state, LetterOut.created_at, LetterOut.recipient)
        .join(Request, Request.id == LetterOut.request_id)
        .where(of)
        .order_by(LetterOut.id)
    )
    found: dict[int, list[Letter]] = {}
    for request_id, idem_key, state, created_at, recipient in rows:
        stage = idem_key.partition(":")[0]
        if stage.startswith(stages):
            found.setdefault(request_id, []).append(Letter(request_id, stage, state, created_at, recipient))
    return found


def _request_fact(request: Request, letters: list[Letter]) -> RequestFact:
    asking = next((x for x in reversed(letters) if x.stage == "request"), None)
    return RequestFact(
        body=request.body,
        sent=asking is not None and asking.state in ("sent", "bounced"),
        filed=request.first_received_at is not None,
        closed=request.state in ("waived", "closed"),
        left=request.state == "closed",
        told=request.told_due,
        letters=frozenset(x.stage for x in letters),
        asked_at=asking.created_at if asking else None,
        due=request.due,
        lost=_lost(letters),
    )


def _lost(letters: list[Letter]) -> dict[str, frozenset[str]]:
    """The stages none of whose letters arrived, with the addresses tried."""
    arrived = {x.stage for x in letters if x.state not in UNDELIVERED}
    stages = {x.stage for x in letters} - arrived
    return {stage: frozenset(x.recipient for x in letters if x.stage == stage) for stage in stages}


def _report_state(session: Session, round_id: int) -> str | None:
    newest = select(Report.state).where(Report.round_id == round_id).order_by(Report.version.desc()).limit(1)
    return session.scalar(newest)


def _counting_submissions(session: Session, round_id: int) -> dict[int, Submission]:
    """The submission that counts of each request: the accepted one, else the newest."""
    rows = session.scalars(
        select(Submission)
        .join(Request, Request.id == Submission.request_id)
        .where(Request.round_id == round_id)
        .order_by(Submission.version)
    )
    found: dict[int, Submission] = {}
    for submission in rows:
        earlier = found.get(submission.request_id)
        if earlier is None or earlier.state != "accepted" or submission.state == "accepted":
            found[submission.request_id] = submission
    return found


def _finding_counts(session: Session, submission_ids: Collection[int]) -> dict[int, int]:
    rows = session.execute(
        select(Finding.submission_id, func.count())
        .where(Finding.submission_id.in_(submission_ids))
        .group_by(Finding.submission_id)
    )
    return {row[0]: row[1] for row in rows}


def _filing_row(
    request: Request, letters: list[Letter], submission: Submission | None, findings: dict[int, int]
) -> FilingRow:
    return FilingRow(
        body=request.body,
        state=request.state,
        first_received_at=request.first_received_at,
        on_time=submission is not None and submission.on_time,
        version=submission.version if submission else None,
        submission_id=submission.id if submission else None,
        findings=findings.get(submission.id, 0) if submission else 0,
        last_letter_at=max((x.created_at for x in letters if x.state != "cancelled"), default=None),
        letters=tuple(x.stage for x in letters),
    )
