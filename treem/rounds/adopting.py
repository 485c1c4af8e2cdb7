"""Taking back the waiting draft as somebody edited it in Word: from then on that file is what is approved and sent."""

from treem.documents.numbered import has_blank_number, unmarked
from treem.documents.taken_back import NotTaken, check_docx
from treem.ledger.events import record
from treem.rounds.decisions import Decided, DecisionRefused
from treem.rounds.house import House
from treem.rounds.reporting import SETTLED, Drawn, add_version, latest_report, settled_error


def adopt(house: House, round_key: str, file: tuple[str, bytes], decided: Decided) -> int:
    """Make the file the report's next version, beside the figures of the draft it was made from; returns the version.

    The same file again: the same version. Raises DecisionRefused, and ReportSettled once a version was approved.
    """
    plan, symbol, (name, data) = house.plan(round_key), house.settings.office.report_symbol, file
    try:
        check_docx(data)
    except NotTaken as refused:
        raise DecisionRefused(str(refused)) from refused
    if plan.needs_number and not has_blank_number(data, symbol):
        raise DecisionRefused(
            f"Tệp không còn chỗ ghi số (“Số:       /{symbol}”). Hãy để trống số và ngày: Văn thư cấp sau khi ký."
        )
    originals = house.ledger.originals
    with house.ledger.begin() as session:
        latest = latest_report(session, round_key)
        if latest is None or latest.state not in ("draft", "awaiting_approval", "returned", *SETTLED):
            raise DecisionRefused(f"Đợt {round_key} không có dự thảo nào đang chờ để thay bằng tệp này.")
        if latest.state in SETTLED:
            raise settled_error(latest.version)
        outward = unmarked(data)
        workbooks = [originals.read(sha) for sha in (latest.xlsx_sha, latest.outward_xlsx_sha)]
        figures = originals.read(latest.figures_sha) if latest.figures_sha else b"[]"
        sha = originals.keep(data)
        version = add_version(
            house, session, plan, latest, Drawn((data, workbooks[0], outward, workbooks[1]), figures), decided.now,
            kind="supplement" if latest.kind == "supplement" else "report", supplements=latest.supplements,
            made_by=decided.by, why=decided.why.strip(), adopted_sha=sha,
        )  # fmt: skip
        if version != latest.version:
            facts = {"version": version, "of": latest.version, "file": sha, **decided.facts}
            record(session, "report_adopted", decided.now, round_id=latest.round_id, **facts)
    del name  # a name may say anything: the digest identifies the file
    return version
