"""What the other rooms ask the ledger, on a small round told letter by letter."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from treem.ledger import queries
from treem.ledger.store import Ledger
from treem.ledger.tables import (
    Finding,
    LetterIn,
    LetterOut,
    Narrative,
    Report,
    Request,
    Round,
    Submission,
    Value,
)
from treem.plan.agenda import RequestFact

ROUND = "bao-cao-6-thang/2027"
OPENED = datetime(2027, 5, 15, 1, tzinfo=UTC)
FILED = datetime(2027, 6, 1, 2, tzinfo=UTC)


class Story:
    """Writes rows with what does not matter filled in."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def add(self, row: Any) -> Any:
        self.session.add(row)
        self.session.flush()
        return row

    def round(self, key: str = ROUND, **more: Any) -> Round:
        return self.add(Round(key=key, activity=key.partition("/")[0], year=2027, opened_at=OPENED, **more))

    def request(self, entry: Round, body: str, **more: Any) -> Request:
        due = date(2027, 6, 14)
        return self.add(
            Request(
                round_id=entry.id, body=body, token=f"{entry.id}-{body}", form="BM", form_version=1,
                due=due, legal_due=due, **more,
            )
        )  # fmt: skip

    def letter(self, request: Request, stage: str, *, kind: str = "request", state: str = "sent", day: int = 0) -> None:
        key = f"{stage}:{request.token}"
        self.add(
            LetterOut(
                kind=kind, idem_key=key, round_id=request.round_id, request_id=request.id, envelope_from="a@tam.test",
                recipient="b@xa.test", subject="s", message_id=f"<{key}@tam.test>", state=state,
                next_at=OPENED, give_up_at=OPENED, created_at=OPENED + timedelta(days=day),
            )
        )  # fmt: skip

    def submission(
        self, request: Request, version: int, state: str, *, letter_in: LetterIn | None = None
    ) -> Submission:
        return self.add(
            Submission(
                request_id=request.id, letter_in_id=letter_in.id if letter_in else None, version=version,
                file_sha=f"sha{version}", file_name=f"v{version}.xlsx", state=state, received_at=FILED,
                valid=state == "accepted", complete=True, on_time=True,
            )
        )  # fmt: skip

    def report(self, entry: Round, version: int, state: str) -> None:
        shas = {"docx_sha": "d", "xlsx_sha": "x", "outward_docx_sha": "o", "outward_xlsx_sha": "p", "digest": "dxo"}
        self.add(Report(round_id=entry.id, version=version, state=state, created_at=FILED, **shas))

    def value(self, filed: Submission, figure: str, number: int | None) -> None:
        kind = "blank" if number is None else "number"
        exact = None if number is None else Decimal(number)
        self.add(
            Value(
                submission_id=filed.id, figure=figure, column="total", kind=kind, number=exact,
                sheet="Số liệu", cell="C5",
            )
        )  # fmt: skip

    def finding(self, filed: Submission) -> None:
        self.add(Finding(submission_id=filed.id, rule="r", severity="warning", sheet="Số liệu", cell="C5", message="m"))


def test_a_round_that_was_never_opened_has_no_facts(ledger: Ledger) -> None:
    with ledger.begin() as session:
        facts = queries.round_facts(session, ROUND)
        assert (facts.opened, facts.requests, facts.closed, facts.report_state) == (False, (), False, None)
        assert queries.find_round(session, ROUND) is None
        assert queries.filing_record(session, ROUND) == queries.accepted_values(session, ROUND) == []


def test_facts_know_each_letter_by_its_stage(ledger: Ledger) -> None:
    with ledger.begin() as session:
        story = Story(session)
        entry = story.round()
        filed = story.request(entry, "03424", state="accepted", first_received_at=FILED)
        story.letter(filed, "request")
        story.letter(filed, "remind-1", kind="reminder", state="cancelled", day=5)
        story.letter(filed, "ack", kind="ack")
        queued = story.request(entry, "03427")
        story.letter(queued, "request", state="queued")
        story.request(entry, "cong-an", state="waived")
        late = story.request(entry, "y-te", state="bounced")
        story.letter(late, "request", state="bounced")
        story.letter(late, "chase-2", kind="chase", day=32)
        other = story.request(story.round("bao-cao-6-thang/2026"), "03424")
        story.letter(other, "chase-1", kind="chase")
        facts = queries.round_facts(session, ROUND)
    assert facts.opened
    due = date(2027, 6, 14)
    assert facts.requests == (
        RequestFact("03424", True, True, False, frozenset({"request", "remind-1"}), OPENED, due),
        RequestFact("03427", False, False, False, frozenset({"request"}), OPENED, due),
        RequestFact("cong-an", False, False, True, frozenset(), None, due),
        RequestFact(
            "y-te", True, False, False, frozenset({"request", "chase-2"}), OPENED, due,
            {"request": frozenset({"b@xa.test"})},
        ),
    )  # fmt: skip


@pytest.mark.parametrize("states", [["draft"], ["superseded", "draft"], ["returned", "approved"], ["superseded"]])
def test_facts_know_the_newest_report(ledger: Ledger, states: list[str]) -> None:
    with ledger.begin() as session:
        story = Story(session)
        entry = story.round(closed_at=FILED)
        for version, state in enumerate(states, start=1):
            story.report(entry, version, state)
        facts = queries.round_facts(session, ROUND)
    assert facts.closed
    assert facts.report_state == states[-1]


def test_open_requests_are_those_of_rounds_not_yet_reported(ledger: Ledger) -> None:
    with ledger.begin() as session:
        story = Story(session)
        sent_on = story.round("bao-cao-nam/2026", closed_at=FILED)
        story.report(sent_on, 1, "sent")
        story.request(sent_on, "03424", state="overdue")
        entry = story.round()
        story.request(entry, "03424", state="needs_correction")
        story.request(entry, "03427", state="accepted")
        story.request(entry, "y-te", state="overdue")
        story.request(entry, "cong-an", state="waived")
        everybody = queries.open_requests_of_sender(session, ["03424", "03427", "y-te", "cong-an"])
        assert [(r.round_id, r.body) for r in everybody] == [
            (entry.id, body) for body in ("03424", "03427", "y-te", "cong-an")
        ]
        assert queries.open_requests_of_sender(session, []) == []


def test_accepted_values_lead_back_to_cell_and_letter(ledger: Ledger) -> None:
    with ledger.begin() as session:
        story = Story(session)
        entry = story.round()
        request = story.request(entry, "03424", state="accepted", first_received_at=FILED)
        letter = story.add(LetterIn(raw_sha="raw", size=1, message_id="<answer@xa.test>", received_at=FILED))
        for version, state in enumerate(["needs_correction", "superseded", "accepted", "needs_correction"], start=1):
            filed = story.submission(request, version, state, letter_in=letter)
            story.value(filed, "LD-01", version)
            story.value(filed, "LD-02", None)
            story.add(Narrative(submission_id=filed.id, section="III.9.1", text=f"bản {version}", sheet="T", cell="B2"))
        by_hand = story.submission(story.request(entry, "y-te", state="accepted"), 1, "accepted")
        story.value(by_hand, "LD-01", 0)
        values = queries.accepted_values(session, ROUND)
        texts = queries.narratives(session, ROUND)
    assert [(v.body, v.figure, v.kind, v.number) for v in values] == [
        ("03424", "LD-01", "number", Decimal(3)),
        ("03424", "LD-02", "blank", None),
        ("y-te", "LD-01", "number", Decimal(0)),
    ]
    traced = asdict(values[0])
    assert (traced["version"], traced["file_name"], traced["file_sha"]) == (3, "v3.xlsx", "sha3")
    assert (traced["message_id"], traced["sheet"], traced["cell"]) == ("<answer@xa.test>", "Số liệu", "C5")
    assert values[2].message_id is None
    assert texts == [queries.NarrativeRow("03424", "III.9.1", "bản 3")]


def test_the_filing_record_tells_of_the_version_that_counts(ledger: Ledger) -> None:
    with ledger.begin() as session:
        story = Story(session)
        entry = story.round()
        accepted = story.request(entry, "03424", state="accepted", first_received_at=FILED)
        story.letter(accepted, "request")
        story.submission(accepted, 1, "superseded")
        counting = story.submission(accepted, 2, "accepted")
        story.finding(counting)
        worse = story.submission(accepted, 3, "needs_correction")
        story.finding(worse)
        story.finding(worse)
        wrong = story.request(entry, "03427", state="needs_correction", first_received_at=FILED)
        story.submission(wrong, 1, "needs_correction")
        ids = (counting.id, story.submission(wrong, 2, "needs_correction").id)
        silent = story.request(entry, "y-te", state="overdue")
        story.letter(silent, "request")
        story.letter(silent, "chase-1", kind="chase", day=31)
        story.letter(silent, "chase-2", kind="chase", state="cancelled", day=33)
        rows = queries.filing_record(session, ROUND)
    assert rows == [
        queries.FilingRow("03424", "accepted", FILED, True, 2, ids[0], 1, OPENED, ("request",)),
        queries.FilingRow("03427", "needs_correction", FILED, True, 2, ids[1], 0, None, ()),
        queries.FilingRow(
            "y-te",
            "overdue",
            None,
            False,
            None,
            None,
            0,
            OPENED + timedelta(days=31),
            ("request", "chase-1", "chase-2"),
        ),
    ]


def test_a_letter_is_found_by_its_key(ledger: Ledger) -> None:
    with ledger.begin() as session:
        story = Story(session)
        request = story.request(story.round(), "03424")
        story.letter(request, "request")
        key = f"request:{request.token}"
        assert queries.message_id_of(session, key) == f"<{key}@tam.test>"
        assert queries.message_id_of(session, "request:khac") is None
