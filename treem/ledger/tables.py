"""The ledger's tables: what has happened. One class a table; no queries, no rules.

States are those of the design: request `queued → sent → received → accepted` beside `needs_correction`, `bounced`,
`overdue`, `waived`, `closed`; outgoing letter `queued → leased → sent | retry | unknown | failed | bounced |
cancelled`; incoming letter `stored → done | hold | quarantine`; report `draft → awaiting_approval → approved |
returned → numbered → sent`, then `superseded`. Times are stored in UTC. Numbers are exact to three decimals.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    select,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column, relationship
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC whatever the database does with zones. Naive values are refused."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        return value.replace(tzinfo=UTC) if value is not None else None


class Exact(TypeDecorator[Decimal]):
    """A decimal exact to three places, kept as an integer of thousandths (SQLite has no decimals)."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> int | None:  # noqa: ARG002
        return None if value is None else int((Decimal(value) * 1000).to_integral_exact())

    def process_result_value(self, value: int | None, dialect: Any) -> Decimal | None:  # noqa: ARG002
        return None if value is None else Decimal(value) / 1000


class Table(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {datetime: Instant, Decimal: Exact, dict[str, Any]: JSON, str: String}


class Round(Table):
    """A round (đợt), e.g. `bao-cao-6-thang/2027`."""

    __tablename__ = "round"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    activity: Mapped[str]
    year: Mapped[int]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Request(Table):
    """A collection asked of one body (phiếu yêu cầu). `legal_due` is the last day in time, `due` the day shown."""

    __tablename__ = "request"
    __table_args__ = (UniqueConstraint("round_id", "collection", "body"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), index=True)
    collection: Mapped[str] = mapped_column(default="bao-cao")
    body: Mapped[str]
    token: Mapped[str] = mapped_column(unique=True)
    form: Mapped[str]
    form_version: Mapped[int]
    due: Mapped[date] = mapped_column(Date)
    legal_due: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(default="queued")
    first_received_at: Mapped[datetime | None]  # first receipt of something readable: decides "on time"
    told_due: Mapped[date | None] = mapped_column(Date)  # the plan's day as the body was last told it
    round: Mapped[Round] = relationship()


class Selected(Table):
    """Whether a body of the audience is asked in a round that asks only some (lựa chọn), and why.

    Made before the round is opened, so it bears the round's key. A person's change is kept beside the rule's reasons.
    """

    __tablename__ = "selected"
    __table_args__ = (UniqueConstraint("round_key", "body"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    round_key: Mapped[str] = mapped_column(index=True)
    body: Mapped[str]
    chosen: Mapped[bool]
    rank: Mapped[int]  # the rule's order, from 1
    places: Mapped[int | None]  # where places are given out
    day: Mapped[date | None] = mapped_column(Date)  # where bodies are visited
    reasons: Mapped[list[str]] = mapped_column(JSON)
    changed_by: Mapped[str | None]
    changed_why: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]


class LetterBytes(Table):
    """A letter's final bytes: apart from what is said about the letter, which changes while the bytes never do."""

    __tablename__ = "letter_bytes"
    letter_out_id: Mapped[int] = mapped_column(ForeignKey("letter_out.id", ondelete="CASCADE"), primary_key=True)
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class LetterOut(Table):
    """An outgoing letter. `idem_key` makes writing it twice impossible; `raw` are its final bytes."""

    __tablename__ = "letter_out"
    __table_args__ = (Index("ix_letter_out_kind_created_at", "kind", "created_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]  # request, reminder, chase, ack, report, notice
    idem_key: Mapped[str] = mapped_column(unique=True)
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id"), index=True)
    request_id: Mapped[int | None] = mapped_column(ForeignKey("request.id"), index=True)
    envelope_from: Mapped[str]
    recipient: Mapped[str]
    subject: Mapped[str]
    message_id: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default="queued", index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    uncertain: Mapped[int] = mapped_column(default=0)  # tries of which nobody knows whether they sent it
    next_at: Mapped[datetime]
    give_up_at: Mapped[datetime]  # a letter that is only put off is tried until then
    lease_until: Mapped[datetime | None]
    last_code: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]


LetterOut.raw = column_property(
    select(LetterBytes.raw)
    .where(LetterBytes.letter_out_id == LetterOut.id)
    .correlate_except(LetterBytes)
    .scalar_subquery(),
    deferred=True,
)


class Mailbox(Table):
    """How far a mailbox folder has been read. UIDs mean something only together with their UIDVALIDITY (RFC 9051)."""

    __tablename__ = "mailbox"
    __table_args__ = (UniqueConstraint("account", "folder"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str]
    folder: Mapped[str]
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    last_uid: Mapped[int] = mapped_column(BigInteger, default=0)
    last_full_scan: Mapped[datetime | None]  # when every UID was last compared with what is known


class Account(Table):
    """A mail account that is left in peace for a while: the server said 421, or refused the login."""

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("role", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[str]  # smtp, imap
    name: Mapped[str]
    paused_until: Mapped[datetime]
    reason: Mapped[str]


class Contact(Table):
    """What is known of an address of a body. No row: nothing bad. State: ok, bouncing, dead."""

    __tablename__ = "contact"
    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str]
    since: Mapped[datetime]
    bounces: Mapped[int] = mapped_column(default=0)  # since it was last well
    last_code: Mapped[str | None]


class LetterIn(Table):
    """An incoming letter, kept raw in the originals before anything looks at it."""

    __tablename__ = "letter_in"
    id: Mapped[int] = mapped_column(primary_key=True)
    raw_sha: Mapped[str] = mapped_column(unique=True)
    size: Mapped[int]
    message_id: Mapped[str | None] = mapped_column(index=True)
    content_key: Mapped[str | None] = mapped_column(index=True)  # the same letter by another route has the same key
    sender: Mapped[str | None]
    received_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="stored", index=True)
    tries: Mapped[int] = mapped_column(default=0)
    authentication: Mapped[str | None]  # pass, fail, none: what our own mail server says of the sender
    verdict: Mapped[str | None]  # answer, blank_form, prose, auto_reply, bounce, own, duplicate, unknown_sender, …
    reason: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[int | None] = mapped_column(ForeignKey("request.id"), index=True)
    duplicate_of: Mapped[int | None] = mapped_column(ForeignKey("letter_in.id"))


class Location(Table):
    """Where a letter lay in a mailbox."""

    __tablename__ = "location"
    __table_args__ = (UniqueConstraint("mailbox_id", "uidvalidity", "uid"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    mailbox_id: Mapped[int] = mapped_column(ForeignKey("mailbox.id"))
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)
    letter_in_id: Mapped[int] = mapped_column(ForeignKey("letter_in.id"))


class Submission(Table):
    """What a body filed (báo cáo nộp): versions 1, 2, 3 in the order taken in, which is what the body was told.

    State: accepted, needs_correction, superseded, rejected (by a person). Of several valid ones the one received last
    is accepted, in whatever order they were taken in.
    """

    __tablename__ = "submission"
    __table_args__ = (UniqueConstraint("request_id", "version"), UniqueConstraint("request_id", "file_sha"))
    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("request.id"), index=True)
    letter_in_id: Mapped[int | None] = mapped_column(ForeignKey("letter_in.id"))
    version: Mapped[int]
    file_sha: Mapped[str]
    file_name: Mapped[str]
    source: Mapped[str] = mapped_column(default="mail")  # mail, hand (on paper or brought in)
    state: Mapped[str]
    received_at: Mapped[datetime]
    valid: Mapped[bool]
    complete: Mapped[bool]
    on_time: Mapped[bool]
    request: Mapped[Request] = relationship()


class Finding(Table):
    """What a check found (lỗi, cảnh báo), with sheet and cell."""

    __tablename__ = "finding"
    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), index=True)
    rule: Mapped[str]
    severity: Mapped[str]  # error, warning
    sheet: Mapped[str]
    cell: Mapped[str]
    message: Mapped[str] = mapped_column(Text)
    justification: Mapped[str | None] = mapped_column(Text)  # the body's own words, where it lets a warning stand


class Remark(Table):
    """What a body wrote beside a figure (Ghi chú)."""

    __tablename__ = "remark"
    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), index=True)
    figure: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    sheet: Mapped[str]
    cell: Mapped[str]


class Value(Table):
    """A figure as filed. Kind: number (zero is a number), blank, not_applicable; who has not filed has no row."""

    __tablename__ = "value"
    __table_args__ = (UniqueConstraint("submission_id", "figure", "column"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), index=True)
    figure: Mapped[str]
    column: Mapped[str]
    kind: Mapped[str]
    number: Mapped[Decimal | None]
    sheet: Mapped[str]
    cell: Mapped[str]


class Narrative(Table):
    """A text as filed: `section` is a duty code or the key of a closing section."""

    __tablename__ = "narrative"
    __table_args__ = (UniqueConstraint("submission_id", "section"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), index=True)
    section: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    sheet: Mapped[str]
    cell: Mapped[str]


class Report(Table):
    """A version of the district report (báo cáo huyện). `digest` covers all its documents.

    Kind: report, or supplement to an earlier version of the round that was approved. From the approval on nothing of it
    changes but number and date, which are filled into a copy of their own: that copy is what is sent.
    """

    __tablename__ = "report"
    __table_args__ = (UniqueConstraint("round_id", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), index=True)
    version: Mapped[int]
    state: Mapped[str]
    docx_sha: Mapped[str]  # the draft for the office, marked as such
    xlsx_sha: Mapped[str]  # the internal annex: every cell
    outward_docx_sha: Mapped[str]  # what is sent on: the same report without the mark, number and date still blank
    outward_xlsx_sha: Mapped[str]  # … and the annex without sensitive cells of single bodies
    digest: Mapped[str]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    kind: Mapped[str] = mapped_column(default="report", server_default="report")
    supplements: Mapped[int | None]  # the version whose figures a supplement corrects
    why: Mapped[str | None] = mapped_column(Text)  # where a person made this version: redraft, adopted file, supplement
    made_by: Mapped[str | None]
    adopted_sha: Mapped[str | None]  # the file edited by hand, as it was taken in
    figures_sha: Mapped[str | None]  # what this version says, figure by figure: a supplement lists what changed since
    number: Mapped[str | None]  # assigned by the registry clerk after signing (Nghị định 30/2020, Điều 14–15)
    signed_on: Mapped[date | None] = mapped_column(Date)
    numbered_by: Mapped[str | None]
    numbered_at: Mapped[datetime | None]
    final_docx_sha: Mapped[str | None]  # the Word document that is sent
    sent_digest: Mapped[str | None]  # … with its annex


class Dispatch(Table):
    """A letter that carries a report to one addressee. When the server took it, the letter itself says."""

    __tablename__ = "dispatch"
    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), index=True)
    letter_out_id: Mapped[int] = mapped_column(ForeignKey("letter_out.id"), unique=True)
    digest: Mapped[str]  # of both files in it
    raw_sha: Mapped[str]  # of the letter's own bytes


class Recommendation(Table):
    """What an inspection asks of a body (kiến nghị). State: open, done, withdrawn.

    One from a box of the team's record follows the record's corrections as long as no person has closed it.
    """

    __tablename__ = "recommendation"
    __table_args__ = (UniqueConstraint("request_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("request.id"), index=True)  # the record's
    number: Mapped[int]
    section: Mapped[str | None]  # the record's box; none: a person added it
    text: Mapped[str] = mapped_column(Text)
    due: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(default="open", index=True)
    answer_id: Mapped[int | None] = mapped_column(ForeignKey("request.id"), index=True)  # whose answer closed it
    added_by: Mapped[str | None]
    added_why: Mapped[str | None] = mapped_column(Text)
    closed_by: Mapped[str | None]  # the person who closed it
    closed_why: Mapped[str | None] = mapped_column(Text)
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    request: Mapped[Request] = relationship(foreign_keys=request_id)


class Question(Table):
    """What a body is asked about a figure (câu hỏi đối chiếu). State: open, answered, withdrawn.

    Outcome of an answer: justified (the figure stands, for that reason) or corrected. The same question – the same rule
    about the same cells with the same numbers – is put once.
    """

    __tablename__ = "question"
    __table_args__ = (UniqueConstraint("request_id", "fingerprint"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), index=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("request.id"), index=True)
    fingerprint: Mapped[str]
    rule: Mapped[str] = mapped_column(index=True)
    figure: Mapped[str]
    column: Mapped[str]
    numbers: Mapped[list[list[str]]] = mapped_column(JSON)  # the body's own cells: figure, column, number ("" is blank)
    sheet: Mapped[str]
    cell: Mapped[str]
    text: Mapped[str] = mapped_column(Text)  # as the body read it
    state: Mapped[str] = mapped_column(default="open", index=True)
    outcome: Mapped[str | None]
    answer: Mapped[str | None] = mapped_column(Text)
    answered_by: Mapped[str | None]  # the person who typed it; none: it stood in the body's own form
    answered_why: Mapped[str | None] = mapped_column(Text)
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    request: Mapped[Request] = relationship()


class Screening(Table):
    """What a person decided about a text that looks like naming a child: it may stand in documents, or other words in
    its place. `section`: of a narrative, or "ghi-chu:" and the figure of a remark. `text_sha`: of the words as filed.
    """

    __tablename__ = "screening"
    __table_args__ = (UniqueConstraint("request_id", "section", "text_sha"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("request.id"), index=True)
    section: Mapped[str]
    text_sha: Mapped[str]
    instead: Mapped[str | None] = mapped_column(Text)  # none: the text itself may stand there
    decided_by: Mapped[str]
    why: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime]


class Approval(Table):
    """A decision on a report: who says they decided, when, on which digest (Prefect has no users)."""

    __tablename__ = "approval"
    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), unique=True)
    decision: Mapped[str]  # approved, returned
    decided_by: Mapped[str]
    remark: Mapped[str] = mapped_column(Text)
    digest: Mapped[str]
    decided_at: Mapped[datetime]
    named: Mapped[list[str] | None] = mapped_column(JSON)  # codes of what is to be mended: sections, figures, bodies


class Event(Table):
    """The append-only record. Database triggers refuse UPDATE and DELETE."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(index=True)
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id"), index=True)
    request_id: Mapped[int | None] = mapped_column(ForeignKey("request.id"))
    data: Mapped[dict[str, Any]]
