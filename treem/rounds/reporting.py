"""The district report from its draft to the leader's decision. Number and date: `numbering`; what leaves: `sending`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.documents import supplement
from treem.documents.annex import write_annex
from treem.documents.figures import merged_figures
from treem.documents.report import write_report
from treem.ledger import queries
from treem.ledger.events import record
from treem.ledger.tables import Approval, Report, Round
from treem.plan.agenda import RoundPlan
from treem.rounds import returning
from treem.rounds.gathered import asked_bodies, beside_of, district_of
from treem.rounds.house import House
from treem.rounds.notices import tell_office
from treem.rounds.screening import passed_narratives
from treem.rounds.wording import report_title

PREVIEW = "xem-truoc"
SETTLED = ("approved", "numbered", "sent")
"""States in which nothing of a version changes any more: later figures are recorded, and belong in a supplement."""


class StaleReport(Exception):
    """The decision is about a version that is no longer the one waiting."""


class ReportSettled(Exception):
    """The report was approved or sent; later figures belong in a supplement."""


@dataclass(frozen=True)
class ReportView:
    """The report that waits for a decision: version, digest of both documents, and what it says in short."""

    version: int
    digest: str
    summary_md: str


@dataclass(frozen=True)
class Drawn:
    """All four documents of a version, in the order of `document_paths`, and the figures they tell."""

    documents: tuple[bytes, bytes, bytes, bytes]
    figures: bytes


def draft_report(
    house: House, round_key: str, now: datetime, *, made_by: str | None = None, why: str | None = None
) -> int:
    """Write the next version of the report and its annex; returns the version. Nothing changed: the same version.

    Raises ReportSettled when a version with other figures has been approved or sent.
    """
    plan = house.plan(round_key)
    with house.ledger.begin() as session:
        latest = latest_report(session, round_key)
        return add_version(house, session, plan, latest, draw(house, session, plan), now, made_by=made_by, why=why)


def add_version(
    house: House,
    session: Session,
    plan: RoundPlan,
    latest: Report | None,
    drawn: Drawn,
    now: datetime,
    *,
    kind: Literal["report", "supplement"] = "report",
    supplements: int | None = None,
    made_by: str | None = None,
    why: str | None = None,
    adopted_sha: str | None = None,
) -> int:
    """Record the next version in the caller's transaction. Documents that are those of `latest`: the same version.

    Raises ReportSettled when `latest` has been approved or sent, unless this is a supplement to it.
    """
    entry, originals = _round(session, plan.key), house.ledger.originals
    shas = [originals.keep(data) for data in drawn.documents]
    digest = sha256("".join(shas).encode()).hexdigest()
    if latest and latest.state != "superseded":
        edited = latest.adopted_sha and not adopted_sha  # its Word file is a person's: the workbooks tell what changed
        same = (latest.xlsx_sha, latest.outward_xlsx_sha) == (shas[1], shas[3]) if edited else latest.digest == digest
        if same:
            return latest.version  # a returned report is drafted again once something in it changed
    if latest and latest.state in SETTLED and latest.version != supplements:
        raise settled_error(latest.version)
    if latest and latest.state in ("draft", "awaiting_approval", "kept"):
        latest.state = "superseded"
    version = latest.version + 1 if latest else 1
    for path, data in zip(document_paths(house, plan.key, version), drawn.documents, strict=True):
        write_private(path, data)  # before the commit: a version in the ledger always has its files
    session.add(
        Report(
            round_id=entry.id,
            version=version,
            state="draft" if plan.collection.send_on else "kept",  # what stays in the office needs no approval
            docx_sha=shas[0],
            xlsx_sha=shas[1],
            outward_docx_sha=shas[2],
            outward_xlsx_sha=shas[3],
            digest=digest,
            created_at=now,
            kind=kind,
            supplements=supplements,
            made_by=made_by,
            why=why,
            adopted_sha=adopted_sha,
            figures_sha=originals.keep(drawn.figures),
        )
    )
    record(session, "report_drafted", now, round_id=entry.id, version=version, digest=digest)
    return version


def settled_error(version: int) -> ReportSettled:
    """In words: that version was decided on."""
    return ReportSettled(
        f"Báo cáo lần {version} đã được phê duyệt; số liệu thay đổi sau đó cần một báo cáo bổ sung (treem supplement)."
    )


def preview_report(house: House, round_key: str) -> tuple[Path, ...]:
    """Write the documents as they would be today, while the round is still open. Nothing is asked of anybody."""
    with house.ledger.begin() as session:
        documents = draw(house, session, house.plan(round_key)).documents
    paths = document_paths(house, round_key, PREVIEW)
    for path, data in zip(paths, documents, strict=True):
        write_private(path, data)
    return paths


def document_paths(house: House, round_key: str, version: int | str) -> tuple[Path, Path, Path, Path]:
    """Where a version's documents lie: draft report, internal workbook, and both as they are sent on."""
    number = version if isinstance(version, str) else f"v{version}"
    stem = house.documents / f"{round_key.replace('/', '-')}-{number}"
    return (
        stem.with_name(f"{stem.name}-du-thao.docx"),
        stem.with_name(f"{stem.name}-noi-bo.xlsx"),
        stem.with_name(f"{stem.name}-gui-di.docx"),
        stem.with_name(f"{stem.name}-gui-di.xlsx"),
    )


def await_approval(house: House, round_key: str, now: datetime) -> None:
    """Mark the draft as waiting for the leader and tell the office by letter, once a version."""
    with house.ledger.begin() as session:
        entry = _round(session, round_key)
        report = _latest(session, entry.id)
        if report is None or report.state != "draft":
            return
        report.state = "awaiting_approval"
        tell_office(house, session, round_key, report, "approval", now)
        record(session, "approval_asked", now, round_id=entry.id, version=report.version)


def waiting(house: House, round_key: str) -> ReportView | None:
    """The version that waits for a decision, or None."""
    plan = house.plan(round_key)
    with house.ledger.begin() as session:
        entry = queries.find_round(session, round_key)
        report = _latest(session, entry.id) if entry else None
        if report is None or report.state not in ("draft", "awaiting_approval"):
            return None
        return ReportView(report.version, report.digest, _summary(house, session, plan, report))


def decide(
    house: House,
    round_key: str,
    version: int,
    digest: str,
    decision: Literal["approved", "returned"],
    decided_by: str,
    remark: str,
    now: datetime,
    named: Sequence[str] = (),
) -> None:
    """Record the leader's decision on exactly this version. The same decision again changes nothing.

    `named`: codes of what a returned draft must have mended; bodies among them are asked to look at it again.
    Raises StaleReport when another version waits now, or this one was decided otherwise.
    """
    with house.ledger.begin() as session:
        entry, report = _round(session, round_key), latest_report(session, round_key)
        if report is None or report.version != version or report.digest != digest:
            raise StaleReport(f"Dự thảo lần {version} không còn là bản đang chờ duyệt; hãy xem bản mới nhất.")
        earlier = session.scalar(select(Approval).where(Approval.report_id == report.id))
        if earlier:
            if earlier.decision == decision:
                return
            raise StaleReport(f"Dự thảo lần {version} đã có quyết định trước đó.")
        if report.state not in ("draft", "awaiting_approval"):
            raise StaleReport(f"Dự thảo lần {version} không còn chờ duyệt.")
        session.add(
            Approval(
                report_id=report.id,
                decision=decision,
                decided_by=decided_by,
                remark=remark,
                digest=digest,
                decided_at=now,
                named=list(named) or None,
            )
        )
        report.state = decision
        if decision == "returned":
            returning.reopen_named(house, session, report, named, remark or "Lãnh đạo đề nghị kiểm tra lại", now)
        record(session, f"report_{decision}", now, round_id=entry.id, version=version, by=decided_by)


def reopen_for(session: Session, round_id: int) -> None:
    """New accepted figures make a draft that nobody has decided on out of date."""
    report = _latest(session, round_id)
    if report and report.state in ("draft", "awaiting_approval", "kept"):
        report.state = "superseded"


def draw(house: House, session: Session, plan: RoundPlan) -> Drawn:
    """The report as the ledger has its figures now. Nothing is written."""
    settings, district = house.settings, district_of(house, session, plan)
    plan = replace(plan, bodies=tuple(asked_bodies(house, session, plan)))
    filing = queries.filing_record(session, plan.key)
    narratives = passed_narratives(session, settings, plan.key)
    own = queries.accepted_values(session, plan.key)
    beside = beside_of(house, session, plan, district)
    documents = (
        write_report(district, settings, plan, filing, narratives, beside=beside, draft=True),
        write_annex(district, settings, plan, filing, own, beside=beside),
        write_report(district, settings, plan, filing, narratives, beside=beside, draft=False),
        write_annex(district, settings, plan, filing, own, beside=beside, outward=True),
    )
    merged = merged_figures(district, settings, beside.sources, plan)
    return Drawn(documents, supplement.as_bytes(supplement.told(merged)))


def _summary(house: House, session: Session, plan: RoundPlan, report: Report) -> str:
    """What the leader reads in the approval form: counts of bodies only, no sensitive figure."""
    filing = queries.filing_record(session, plan.key)
    accepted = [f for f in filing if f.state == "accepted"]
    names = {b.code: b.name for b in plan.bodies}
    missing = ", ".join(names.get(f.body, f.body) for f in filing if f.state != "accepted") or "không có"
    docx, xlsx, *_ = document_paths(house, plan.key, report.version)
    return (
        f"**{report_title(plan, report.kind)}** – dự thảo lần {report.version}\n\n"
        + (f"- {report.made_by}: {report.why}\n" if report.made_by else "")
        + ("- Tệp Word lấy lại từ bản sửa tay\n" if report.adopted_sha else "")
        + f"- Đã có số liệu được chấp nhận: **{len(accepted)}/{len(filing)}** đơn vị\n"
        f"- Đúng hạn: {sum(1 for f in filing if f.on_time)}\n- Chưa có số liệu: {missing}\n"
        f"- Tệp: `{docx.name}`, `{xlsx.name}`\n- Mã kiểm tra: `{report.digest[:12]}`"
    )


def _round(session: Session, round_key: str) -> Round:
    return session.scalars(select(Round).where(Round.key == round_key)).one()


def latest_report(session: Session, round_key: str) -> Report | None:
    """The newest version of a round's report, locked until the transaction ends; None while there is none."""
    newest = select(Report).join(Round, Round.id == Report.round_id).where(Round.key == round_key)
    return session.scalar(newest.order_by(Report.version.desc()).limit(1).with_for_update(of=Report))


def _latest(session: Session, round_id: int) -> Report | None:
    return session.scalar(select(Report).where(Report.round_id == round_id).order_by(Report.version.desc()).limit(1))


def write_private(path: Path, data: bytes) -> None:
    """Write so that readers see the old file or the new one, and only the owner reads it."""
    temporary = path.with_suffix(path.suffix + ".part")
    temporary.touch(mode=0o600)
    temporary.write_bytes(data)
    temporary.replace(path)
