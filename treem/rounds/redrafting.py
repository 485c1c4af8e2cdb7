"""What a person in the office does about a report that is under way: ask a body again, and have it drafted anew."""

from sqlalchemy import select

from treem.ledger import queries
from treem.ledger.events import record
from treem.ledger.tables import Request, Round
from treem.rounds import returning
from treem.rounds.decisions import Decided, DecisionRefused
from treem.rounds.filing import settle, submissions_of
from treem.rounds.house import House
from treem.rounds.reporting import SETTLED, latest_report, settled_error
from treem.rounds.supplementing import draft_next


def reopen(house: House, round_key: str, body: str, decided: Decided) -> None:
    """Ask a body to look at its accepted answer again. Raises DecisionRefused."""
    house.plan(round_key)
    query = select(Request).join(Round).where(Round.key == round_key, Request.body == body)
    with house.ledger.begin() as session:
        request = session.scalar(query.with_for_update(of=Request))
        if request is None:
            raise DecisionRefused(f"Đợt {round_key} chưa mở, hoặc không hỏi đơn vị có mã “{body}”.")
        key = f"reopen:{request.token}:{decided.now.isoformat()}"
        if not returning.reopen_request(house, session, request, (), decided.why.strip(), key, decided.now):
            raise DecisionRefused(
                "Đơn vị chưa có số liệu được chấp nhận, hoặc đã được yêu cầu kiểm tra lại; không có gì để mở lại."
            )
        record(session, "reopened_by_hand", decided.now, request.round_id, request.id, **decided.facts)


def redraft(house: House, round_key: str, decided: Decided) -> int:
    """Draft the report anew although nothing in it need have changed: what was returned is taken as it stands.

    Returns the version. Raises ReportSettled once a version was approved.
    """
    with house.ledger.begin() as session:
        report = latest_report(session, round_key)
        if report is not None:
            if report.state in SETTLED:
                raise settled_error(report.version)
            report.state = "superseded"
            for request in queries.reopened(session, report.round_id):
                settle(house, session, request, submissions_of(session, request.id))
            facts = {"version": report.version, **decided.facts}
            record(session, "redraft_wanted", decided.now, round_id=report.round_id, **facts)
    return draft_next(house, round_key, decided.now, made_by=decided.by, why=decided.why.strip())
