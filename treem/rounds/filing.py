"""Submissions of a request: recording one, and which of them counts.

Belongs here: what a submission does to its request. How it arrived (by mail, on paper) and what is said back is
elsewhere.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.forms.check import Checked
from treem.ledger.events import record
from treem.ledger.rows import add_rows
from treem.ledger.tables import Finding, Narrative, Remark, Request, Submission, Table, Value
from treem.rounds import justifying, recommendations
from treem.rounds.house import House
from treem.rounds.reporting import reopen_for


def submissions_of(session: Session, request_id: int) -> list[Submission]:
    """What the body has filed so far."""
    return submissions_of_each(session, [request_id])[request_id]


def submissions_of_each(session: Session, request_ids: Sequence[int]) -> dict[int, list[Submission]]:
    """What each body has filed so far, by request."""
    found: dict[int, list[Submission]] = {request_id: [] for request_id in request_ids}
    for submission in session.scalars(select(Submission).where(Submission.request_id.in_(request_ids))):
        found[submission.request_id].append(submission)
    return found


def file_submission(
    house: House,
    session: Session,
    request: Request,
    checked: Checked,
    earlier: list[Submission],
    *,
    file_sha: str,
    file_name: str,
    received_at: datetime,
    letter_in_id: int | None,
    source: str,
    now: datetime,
) -> Submission:
    """Record the next version with all it says, and settle the request anew. The caller holds the request's lock and
    knows what was filed before."""
    submission = Submission(
        request_id=request.id,
        letter_in_id=letter_in_id,
        version=len(earlier) + 1,
        file_sha=file_sha,
        file_name=file_name,
        source=source,
        state="needs_correction",
        received_at=received_at,
        valid=checked.valid,
        complete=checked.complete,
        on_time=False,
    )
    settle(house, session, request, [*earlier, submission])
    session.add(submission)
    _add_contents(session, submission, checked)
    record(
        session, "submission_filed", now, round_id=request.round_id, request_id=request.id,
        version=submission.version, valid=checked.valid, source=source,
    )  # fmt: skip
    recommendations.follow(house, session, request, now)
    justifying.follow(session, request, submission, checked, now)
    return submission


def came_earlier(house: House, session: Session, submission: Submission, received_at: datetime) -> None:
    """The same file turns out to have been received before: the first receipt counts."""
    if received_at < submission.received_at:
        submission.received_at = received_at
        settle(house, session, submission.request, submissions_of(session, submission.request_id))
        recommendations.follow(house, session, submission.request, received_at)


def settle(house: House, session: Session, request: Request, submissions: Sequence[Submission]) -> None:
    """Work out which submission counts and what state the request is in, from what was received when.

    The last valid one received counts, unless a person rejected it or a later one. An invalid file never un-accepts a
    valid one. The outcome does not depend on the order in which letters were taken in.
    """
    filed = sorted(submissions, key=lambda s: (s.received_at, s.version))
    before = [s for s in filed if s.state == "accepted"]
    counting = _counting(filed)
    request.first_received_at = min((s.received_at for s in filed), default=None)
    for submission in filed:
        submission.on_time = is_on_time(house, request)
        if submission.state != "rejected":
            submission.state = _state(submission, counting, filed)
    if counting is not None:
        request.state = "accepted"
    elif filed and request.state not in ("waived", "closed"):
        request.state = "needs_correction"
    if request.round.closed_at and before != ([counting] if counting else []):
        reopen_for(session, request.round_id)


def is_on_time(house: House, request: Request) -> bool:
    """Whether the first receipt was on the last day in time or before it, by the office's clock."""
    first = request.first_received_at
    return first is not None and house.local(first).date() <= request.legal_due


def _counting(filed: list[Submission]) -> Submission | None:
    """What a person rejected takes with it everything the body had sent before: the body had replaced it itself."""
    rejected = max((place for place, s in enumerate(filed) if s.state == "rejected"), default=-1)
    return next((s for s in reversed(filed[rejected + 1 :]) if s.valid), None)


def _state(submission: Submission, counting: Submission | None, filed: list[Submission]) -> str:
    if submission is counting:
        return "accepted"
    if counting is not None and filed.index(submission) < filed.index(counting):
        return "superseded"
    return "superseded" if submission.valid else "needs_correction"


def _add_contents(session: Session, submission: Submission, checked: Checked) -> None:
    _add(session, Value, submission, checked.values, ("figure", "column", "kind", "number", "sheet", "cell"))
    _add(session, Narrative, submission, checked.narratives, ("section", "text", "sheet", "cell"))
    kept = ("rule", "severity", "sheet", "cell", "message", "justification")
    _add(session, Finding, submission, checked.findings, kept)
    remarks = [{"figure": n.section, "text": n.text, "sheet": n.sheet, "cell": n.cell} for n in checked.notes]
    add_rows(session, Remark, remarks, submission_id=submission)


def _add(
    session: Session, table: type[Table], submission: Submission, entries: Iterable[object], kept: tuple[str, ...]
) -> None:
    values = attrgetter(*kept)
    rows = [dict(zip(kept, values(entry), strict=True)) for entry in entries]
    add_rows(session, table, rows, submission_id=submission)
