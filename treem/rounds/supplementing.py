"""A supplement to a report that was sent: old and new figures and why, as a version of its own that goes the same way.

Belongs here: starting one, and drafting it anew where its figures changed before they were approved. What it looks like
is in `documents.supplement`.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.documents import supplement
from treem.ledger.events import record
from treem.ledger.tables import Report, Round
from treem.plan.agenda import RoundPlan
from treem.rounds.decisions import Decided, DecisionRefused
from treem.rounds.house import House
from treem.rounds.reporting import SETTLED, Drawn, add_version, draft_report, draw, latest_report


def start(house: House, round_key: str, decided: Decided) -> int:
    """Draft a supplement to what was sent; returns its version. The same figures again: the same version.

    Raises DecisionRefused when nothing was sent yet, or no figure changed since.
    """
    house.plan(round_key)
    with house.ledger.begin() as session:
        latest = latest_report(session, round_key)
        if latest is None or (latest.kind == "report" and latest.state != "sent") or latest.state == "numbered":
            raise DecisionRefused(
                "Báo cáo chưa được gửi đi nên chưa cần bổ sung: trước khi phê duyệt, số liệu mới tự vào dự thảo; "
                "sau khi phê duyệt, hãy chờ báo cáo được gửi."
            )
        base = latest if latest.state == "sent" else _base_of(session, latest)
        return _draft(house, session, latest, base, decided.by, decided.why.strip(), decided.now)


def draft_next(
    house: House, round_key: str, now: datetime, *, made_by: str | None = None, why: str | None = None
) -> int:
    """The next version of whatever is under way: of the supplement where one is, else of the report.

    Raises ReportSettled when a version with other figures has been approved or sent.
    """
    with house.ledger.begin() as session:
        latest = latest_report(session, round_key)
        if latest is not None and latest.kind == "supplement" and latest.state not in SETTLED:
            base = _base_of(session, latest)
            return _draft(house, session, latest, base, made_by or latest.made_by or "", latest.why or "", now)
    return draft_report(house, round_key, now, made_by=made_by, why=why)


def _draft(house: House, session: Session, latest: Report, base: Report, by: str, why: str, now: datetime) -> int:
    plan = house.plan(_key_of(session, latest))
    if base.figures_sha is None:
        raise DecisionRefused("Báo cáo đã gửi được lập bằng phiên bản cũ, không lưu số đã báo; không so sánh được.")
    drawn = draw(house, session, plan)
    told = supplement.from_bytes(house.ledger.originals.read(base.figures_sha))
    found = supplement.changes(told, supplement.from_bytes(drawn.figures))
    if not found and latest is base:
        raise DecisionRefused("Không có số liệu nào khác với báo cáo đã gửi; chưa có gì để bổ sung.")
    documents = _documents(house, plan, drawn, found, why, base)
    version = add_version(
        house, session, plan, latest, Drawn(documents, drawn.figures), now,
        kind="supplement", supplements=base.version, made_by=by, why=why,
    )  # fmt: skip
    if version != latest.version:
        record(
            session, "supplement_drafted", now, round_id=latest.round_id, version=version, of=base.version,
            changes=len(found), by=by, why=why,
        )  # fmt: skip
    return version


def _documents(
    house: House, plan: RoundPlan, drawn: Drawn, found: tuple[supplement.Change, ...], why: str, base: Report
) -> tuple[bytes, bytes, bytes, bytes]:
    """The supplement beside the workbooks as they are now: whole, so that nobody puts two together."""
    earlier = (base.number, base.signed_on)
    draft, outward = (
        supplement.write_supplement(house.settings, plan, found, why, earlier, draft=draft) for draft in (True, False)
    )
    return draft, drawn.documents[1], outward, drawn.documents[3]


def _base_of(session: Session, latest: Report) -> Report:
    return session.scalars(
        select(Report).where(Report.round_id == latest.round_id, Report.version == latest.supplements)
    ).one()


def _key_of(session: Session, report: Report) -> str:
    return session.get_one(Round, report.round_id).key
