"""What stands beside a round's own figures: those taken from other rounds, estimates next to final figures, and whom
the round asked where it asked only some.

Belongs here: these as plain values and in words. The ledger is asked in `rounds.reporting`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from treem.district.compare import Compared
from treem.district.duties import Evidence
from treem.documents.dates import number_text, short_date
from treem.documents.figures import WITHHELD, Merged, short_name
from treem.documents.reconciliation_sheet import Findings
from treem.documents.sections import printable
from treem.ledger.queries import ValueRow

EMPTY = "…"


@dataclass(frozen=True)
class Source:
    """Another round whose figures count in this one."""

    title: str
    rows: tuple[ValueRow, ...]


@dataclass(frozen=True)
class Reconciled:
    """A figure of the district as it was estimated and as it came out."""

    merged: Merged  # of the final figures
    estimate: Decimal | None
    final: Decimal | None
    hidden: bool = False  # outward: either of them must not be told

    @property
    def difference(self) -> Decimal | None:
        """Final less estimate, where both are known."""
        return None if self.estimate is None or self.final is None else self.final - self.estimate


@dataclass(frozen=True)
class Reconciliation:
    """Estimates of a period beside its final figures, in the order of the book."""

    period: str  # "năm 2027"
    rows: tuple[Reconciled, ...] = ()


@dataclass(frozen=True)
class Picked:
    """A body's place in a selection, in the rule's order, with a person's change of it."""

    body: str
    name: str
    chosen: bool
    places: int | None
    reasons: tuple[str, ...]
    day: date | None = None  # of the visit
    changed_by: str = ""
    changed_why: str = ""


@dataclass(frozen=True)
class Recommended:
    """What an inspection recommended to a body, and what became of it."""

    name: str
    text: str
    due: date
    state: str  # open, done, withdrawn
    closed_on: date | None = None
    closed_why: str = ""


@dataclass(frozen=True)
class Beside:
    """Everything that stands beside a round's own figures; most rounds have nothing of it."""

    taken: tuple[Source, ...] = ()
    reconciliation: Reconciliation | None = None
    selection: tuple[Picked, ...] = ()
    recommendations: tuple[Recommended, ...] = ()
    duties: tuple[Evidence, ...] = ()  # the duty matrix, of rounds that are about the duties
    findings: Findings | None = None  # differences between figures, for the office
    compared: tuple[Compared, ...] = ()  # beside last year, where there is one

    @property
    def sources(self) -> Mapping[str, tuple[str, ...]]:
        """The titles of the rounds a figure was taken from."""
        found: dict[str, list[str]] = {}
        for source in self.taken:
            for code in dict.fromkeys(row.figure for row in source.rows):
                found.setdefault(code, []).append(source.title)
        return {code: tuple(dict.fromkeys(titles)) for code, titles in found.items()}


NOTHING = Beside()


@dataclass(frozen=True)
class ReconciledLine:
    """A row of the reconciliation in words."""

    order: str
    label: str
    unit: str
    estimate: str
    final: str
    difference: str


@dataclass(frozen=True)
class PickedLine:
    """A row of the selection in words."""

    order: str
    name: str
    result: str
    reasons: str


@dataclass(frozen=True)
class RecommendedLine:
    """A row of the list of recommendations in words."""

    order: str
    name: str
    text: str
    due: str
    state: str


def reconcile(period: str, estimates: Sequence[Merged], finals: Sequence[Merged]) -> Reconciliation:
    """The totals both know, beside each other; what both only took from the same rounds needs no reconciling."""
    known = {m.figure.code: m for m in estimates}
    both = ((known[m.figure.code], m) for m in finals if m.figure.code in known and m.figure.merge != "none")
    pairs = ((was, m) for was, m in both if was.asked_here or m.asked_here or was.sources != m.sources)
    rows = (
        Reconciled(
            final, was.numbers.get("total"), final.numbers.get("total"), hidden=_is_hidden(was) or _is_hidden(final)
        )
        for was, final in pairs
    )
    return Reconciliation(period, tuple(row for row in rows if row.estimate is not None or row.final is not None))


def _is_hidden(merged: Merged) -> bool:
    return merged.withheld or merged.hides("total")


def reconciled_lines(found: Reconciliation | None) -> Iterator[ReconciledLine]:
    """The reconciliation for an outward document: what may not be told of a single body is not told here either."""
    for order, row in enumerate(found.rows if found else (), start=1):
        figure = row.merged.figure
        numbers = [WITHHELD] * 3 if row.hidden else [_text(row.estimate), _text(row.final), _signed(row)]
        yield ReconciledLine(str(order), figure.label, figure.unit, *numbers)


def picked_lines(selection: Sequence[Picked], *, with_reasons: bool) -> Iterator[PickedLine]:
    """The selection as rows of words. Without reasons, only who was chosen: a reason may tell a body's figure."""
    shown = [p for p in selection if p.chosen or with_reasons]
    for order, picked in enumerate(shown, start=1):
        yield PickedLine(
            str(order), short_name(picked.name), result_text(picked), reasons_text(picked) if with_reasons else ""
        )


def result_text(picked: Picked) -> str:
    """ "được chọn", "được chọn, ngày 16/9/2027", "10 chỗ", "không chọn"."""
    if not picked.chosen:
        return "không chọn"
    if picked.places is not None:
        return f"{picked.places} chỗ"
    return f"được chọn, ngày {short_date(picked.day)}" if picked.day else "được chọn"


def reasons_text(picked: Picked) -> str:
    """The rule's reasons, then a person's change and why."""
    changed = f"{picked.changed_by} quyết định lại: {picked.changed_why}" if picked.changed_by else ""
    text = printable("; ".join(part for part in (*picked.reasons, changed) if part))
    return text[:1].upper() + text[1:]


def recommended_lines(found: Sequence[Recommended]) -> Iterator[RecommendedLine]:
    """The recommendations as rows of words."""
    for order, one in enumerate(found, start=1):
        yield RecommendedLine(
            str(order),
            short_name(one.name),
            " ".join(printable(one.text).split()),
            short_date(one.due),
            state_text(one),
        )


def state_text(one: Recommended) -> str:
    """ "chưa thực hiện xong", "đã thực hiện xong (báo cáo ngày 05/11/2027)", "đã rút: …"."""
    if one.state == "open":
        return "chưa thực hiện xong"
    if one.state == "done":
        return "đã thực hiện xong" + (f" (ghi nhận ngày {short_date(one.closed_on)})" if one.closed_on else "")
    return f"đã rút: {printable(one.closed_why)}" if one.closed_why else "đã rút"


def counted_text(found: Sequence[Recommended]) -> str:
    """How many there are and how many are done, for readers who do not see the list."""
    standing = [one for one in found if one.state != "withdrawn"]
    done = sum(one.state == "done" for one in standing)
    return f"Kiến nghị sau kiểm tra: {len(standing)}; đã thực hiện xong {done}, chưa xong {len(standing) - done}."


def _text(number: Decimal | None) -> str:
    return EMPTY if number is None else number_text(number)


def _signed(row: Reconciled) -> str:
    if row.difference is None:
        return EMPTY
    sign = "+" if row.difference > 0 else "−" if row.difference < 0 else ""
    return sign + number_text(abs(row.difference))
