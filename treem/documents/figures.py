"""How a merged figure is put into words: its number, its coverage, who is missing, what other sources say.

Belongs here: one figure at a time, shared by the Word report and the workbook. The order of sections is in `sections`.

In an outward document a sensitive figure appears as the district's total only, and not even that when a single one of
several bodies gave a number: the "total" would then be that body's cell (dossier A.5; Nghị định 56/2017, Điều 33).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from treem.district.merge import District, total_of
from treem.district.outward import COMMUNES, DISTRICT, GROUP, Place, hidden_places
from treem.documents.dates import number_text
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Column, Figure, Indicator, Settings

WITHHELD = "không nêu"
HIDDEN = "*"
HIDDEN_LEGEND = f"{HIDDEN}: số được ẩn để bảo vệ trẻ em (số nhỏ, hoặc từ đó có thể tính ra số nhỏ); không phải là 0."
COLUMN_NAMES: Mapping[Column, str] = {"total": "tổng số", "male": "nam", "female": "nữ", "minority": "dân tộc thiểu số"}
Row = Mapping[str, Any]
NO_SOURCES: Mapping[str, tuple[str, ...]] = {}
CELL_WORDS = {"blank": "…", "not_applicable": "KAD", "not_filed": "CN", "hidden": HIDDEN}
CELL_LEGEND = "0: không có trường hợp nào; …: để trống (chưa có số liệu); KAD: không áp dụng; CN: chưa nộp báo cáo."


@dataclass(frozen=True)
class Coverage:
    """Out of the asked bodies, how many gave a number, and who did not. Names are short names."""

    reporting: int
    asked: int
    communes: bool
    blank: tuple[str, ...]
    not_filed: tuple[str, ...]
    not_applicable: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def ratio(self) -> str:
        """ "11/13 xã"."""
        return f"{self.reporting}/{self.asked} {'xã' if self.communes else 'đơn vị'}"

    @property
    def missing(self) -> tuple[str, ...]:
        """Everyone who owes a number, filed or not."""
        return (*self.blank, *self.not_filed)


@dataclass(frozen=True)
class CrossCheck:
    """What another group says of the same thing."""

    group: str
    total: Decimal | None
    difference: Decimal | None
    reporting: int
    asked: int
    key: str = ""  # the group's


@dataclass(frozen=True)
class Merged:
    """One figure of the district with everything that is said beside it."""

    figure: Figure
    indicator: Indicator
    numbers: Mapping[Column, Decimal | None]
    coverage: Coverage
    checks: tuple[CrossCheck, ...]
    listed: tuple[tuple[str, Decimal], ...]  # merge rule "none": the numbers body by body
    sources: tuple[str, ...] = ()  # titles of other rounds it was taken from, wholly or for some bodies
    asked_here: bool = True  # whether any body was asked for it in this round
    estimated: bool = False
    hidden: frozenset[Place] = frozenset()  # what an outward document must not tell, by column and place
    change: str = ""  # "tăng 12 (5,3%) so với cùng kỳ năm trước", where it may be told

    def hides(self, column: str, place: str = DISTRICT) -> bool:
        """Whether an outward document must not give that number: it is small, or tells one that is."""
        return (column, place) in self.hidden

    @property
    def withheld(self) -> bool:
        """Whether an outward document must not even give the total."""
        return self.indicator.sensitive and self.coverage.reporting == 1 < self.coverage.asked

    @property
    def outward_columns(self) -> tuple[Column, ...]:
        """The columns an outward document may show."""
        if self.withheld:
            return ()
        return ("total",) if self.indicator.sensitive else self.figure.columns


@dataclass(frozen=True)
class CommuneRow:
    """One figure and column with a cell a commune: (kind, number), or None where the commune was not asked."""

    merged: Merged
    column: Column
    cells: tuple[tuple[str, Decimal | None] | None, ...]
    total: Decimal | None  # of the communes alone; other groups may be asked for the same figure
    total_hidden: bool = False

    @property
    def total_text(self) -> str:
        """The total in words; a figure that does not add up says so."""
        if self.total_hidden:
            return HIDDEN
        if self.merged.figure.merge == "none":
            return "không cộng"
        return CELL_WORDS["blank"] if self.total is None else number_text(self.total)


def commune_rows(
    district: District, merged: Sequence[Merged], communes: Sequence[str], *, outward: bool = False
) -> Iterator[CommuneRow]:
    """Everything the communes were asked, in the order of the book; outward, with what must be hidden hidden."""
    frame = district.by_body[district.by_body["body"].isin(list(communes))]
    said = {(c["figure"], c["column"], c["body"]): (c["kind"], c["number"]) for c in frame.to_dict("records")}
    asked = set(frame["figure"])
    for row in (m for m in merged if m.figure.code in asked):
        for column in row.figure.columns:
            cells = tuple(said.get((row.figure.code, column, code)) for code in communes)
            found = CommuneRow(row, column, cells, total_of(row.figure, [cell[1] for cell in cells if cell]))
            yield _veiled(found, communes) if outward else found


def _veiled(row: CommuneRow, communes: Sequence[str]) -> CommuneRow:
    hides = row.merged.hides
    cells = tuple(
        ("hidden", None) if hides(row.column, code) else cell for code, cell in zip(communes, row.cells, strict=True)
    )
    hidden = hides(row.column, COMMUNES)
    return replace(row, cells=cells, total=None if hidden else row.total, total_hidden=hidden)


def merged_figures(
    district: District,
    settings: Settings,
    sources: Mapping[str, tuple[str, ...]] = NO_SOURCES,
    plan: RoundPlan | None = None,
) -> tuple[Merged, ...]:
    """Every figure that was asked, in the order of the book; with the round, what is an estimate and what was not asked
    for in it. What was wholly taken from other rounds is never an estimate.
    """
    forms = settings.forms_for(plan.activity.key, plan.collection.key) if plan else settings.forms
    asked = frozenset(code for form in forms for code in form.figures)
    stays = plan is not None and plan.collection.send_on is None  # what never leaves the office hides nothing
    hidden = {} if stays else hidden_places(district, settings)
    estimate = plan is not None and plan.is_estimate
    totals, cells, checks = (by_figure(f) for f in (district.totals, district.by_body, district.cross_checks))
    found = (
        _merged(settings, indicator, figure, totals[figure.code], cells, checks.get(figure.code, []))
        for indicator in settings.book.indicators
        for figure in indicator.figures
        if figure.code in totals
    )
    return tuple(
        replace(_beside_it(m, sources, asked, estimate), hidden=hidden.get(m.figure.code, frozenset())) for m in found
    )


def by_figure(frame: Any) -> dict[str, list[Row]]:
    """The rows of a frame by their figure: read hundreds of times, and a frame is slow to ask."""
    found: dict[str, list[Row]] = {}
    for row in frame.to_dict("records"):
        found.setdefault(row["figure"], []).append(row)
    return found


def _beside_it(merged: Merged, sources: Mapping[str, tuple[str, ...]], asked: frozenset[str], estimate: bool) -> Merged:
    figure = merged.figure
    halves = [code for code in (figure.numerator, figure.denominator) if code] or [figure.code]
    titles = tuple(dict.fromkeys(title for code in halves for title in sources.get(code, ())))
    here = not asked.isdisjoint(halves)
    return replace(merged, sources=titles, asked_here=here, estimated=estimate and here)


def _merged(
    settings: Settings,
    indicator: Indicator,
    figure: Figure,
    rows: list[Row],
    cells: Mapping[str, list[Row]],
    checks: list[Row],
) -> Merged:
    own = cells[(figure.numerator or "") if figure.merge == "rate" else figure.code]
    counted = [cell for cell in own if cell["column"] == "total" and cell["counts"]]
    return Merged(
        figure,
        indicator,
        {row["column"]: row["total"] for row in rows},
        _coverage(rows[0], counted),
        _checks(settings, checks),
        _listed(figure, counted),
    )


def _coverage(row: Row, counted: list[Row]) -> Coverage:
    def short(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(short_name(name) for name in names)

    return Coverage(
        row["reporting"],
        row["asked"],
        {cell["body_kind"] for cell in counted} == {"commune"},
        short(row["blank"]),
        short(row["not_filed"]),
        short(row["not_applicable"]),
        short(cell["name"] for cell in counted),
    )


def _checks(settings: Settings, rows: list[Row]) -> tuple[CrossCheck, ...]:
    return tuple(
        CrossCheck(
            settings.group(row["group"]).name,
            row["total"],
            row["difference"],
            row["reporting"],
            row["asked"],
            row["group"],
        )
        for row in rows
    )


def _listed(figure: Figure, counted: list[Row]) -> tuple[tuple[str, Decimal], ...]:
    if figure.merge != "none":
        return ()
    return tuple((short_name(cell["name"]), cell["number"]) for cell in counted if cell["kind"] == "number")


def short_name(name: str) -> str:
    """A body's name without the words every commune shares: "UBND xã Bản Bo" → "xã Bản Bo"."""
    return re.sub(r"^(UBND|(Ủy|Uỷ) ban nhân dân)\s+", "", name)


def commune_heading(name: str) -> str:
    """A commune over its column: "Bản Bo", "TT. Tam Đường"."""
    bare = re.sub(r"^[Tt]hị trấn\s+", "TT. ", short_name(name))
    return re.sub(r"^[Xx]ã\s+", "", bare)


def with_unit(number: Decimal, figure: Figure) -> str:
    """A number and its unit: "95,24%", "1.234 trẻ em", "9 đơn vị có"."""
    if figure.type == "yes_no":
        return f"{number_text(number)} đơn vị trả lời “có”"
    space = "" if figure.unit in ("%", "‰") else " "
    return f"{number_text(number)}{space}{figure.unit}"


def sentence(merged: Merged) -> str:
    """The figure as one line of an outward document, with its coverage and everyone without a number."""
    return f"{merged.figure.label}: {_value(merged)} ({_beside(merged)})"


def _value(merged: Merged) -> str:
    if merged.withheld:
        return f"{WITHHELD} (mới có số liệu của một đơn vị)"
    if merged.hides("total"):
        return f"{WITHHELD} (số nhỏ, hoặc có thể tính ra số nhỏ)"
    if merged.figure.merge == "none":
        return _list_text(merged)
    total = merged.numbers["total"]
    if total is None:
        return "không tính được" if merged.coverage.reporting else "chưa có số liệu"
    change = f", {merged.change}" if merged.change else ""
    return ("ước " if merged.estimated else "") + with_unit(total, merged.figure) + _breakdown(merged) + change


def _list_text(merged: Merged) -> str:
    if merged.indicator.sensitive:
        return f"{WITHHELD} theo từng đơn vị"
    if not merged.listed:
        return "chưa có số liệu"
    return "; ".join(f"{name} {with_unit(number, merged.figure)}" for name, number in merged.listed)


def _breakdown(merged: Merged) -> str:
    parts = breakdown_text(merged)
    return f", trong đó {parts}" if parts else ""


def breakdown_text(merged: Merged) -> str:
    """What an outward document may show of the total's parts: "nam 5, nữ 6"."""
    return ", ".join(
        f"{COLUMN_NAMES[column]} {number_text(number)}"
        for column in merged.outward_columns
        if column != "total" and (number := merged.numbers.get(column)) is not None and not merged.hides(column)
    )


def _beside(merged: Merged) -> str:
    """Coverage, gaps and cross-checks: what stands in the brackets. Bodies that have not filed are named once,
    at the head of the report, and in Phụ lục I; here only those that filed and left this figure out.
    """
    coverage = merged.coverage
    single = coverage.asked == 1
    parts = [coverage.names[0] if single else f"{coverage.ratio} có số liệu"]
    if single and coverage.not_filed:
        parts.append("chưa nộp báo cáo")
    if coverage.blank:
        parts.append("để trống" if single else f"để trống: {', '.join(coverage.blank)}")
    if coverage.not_applicable:
        parts.append("không áp dụng" if single else f"không áp dụng: {', '.join(coverage.not_applicable)}")
    if merged.sources:
        parts.append(source_text(merged))
    return "; ".join([*parts, *outward_checks(merged)])


def source_text(merged: Merged) -> str:
    """Where a figure that was not asked for here comes from: "tổng hợp từ Kết quả tổ chức Tết Trung thu 2027"."""
    return f"{'một phần ' if merged.asked_here else ''}tổng hợp từ {', '.join(merged.sources)}"


def outward_checks(merged: Merged) -> tuple[str, ...]:
    """The cross-checks an outward document may show."""
    hidden = merged.indicator.sensitive
    return tuple(
        check_text(c, own_hidden=merged.hides("total"), hidden=merged.hides("total", GROUP + c.key))
        for c in merged.checks
        if not (hidden and (merged.withheld or c.reporting == 1 < c.asked))
    )


def check_text(check: CrossCheck, *, own_hidden: bool = False, hidden: bool = False) -> str:
    """A cross-check in words, with its own coverage where it is more than one body; a difference from a number that is
    hidden would tell it."""
    coverage = f" ({check.reporting}/{check.asked} đơn vị)" if check.asked > 1 else ""
    if check.total is None:
        return f"đối chiếu {check.group}: chưa có số liệu{coverage}"
    if hidden:
        return f"đối chiếu {check.group}: {HIDDEN}{coverage}"
    difference = ""
    if check.difference is not None and not own_hidden:
        sign = "+" if check.difference > 0 else "−" if check.difference < 0 else ""
        difference = f", chênh {sign}{number_text(abs(check.difference))}" if check.difference else ", khớp"
    return f"đối chiếu {check.group}: {number_text(check.total)}{coverage}{difference}"


def cell_text(kind: str, number: Decimal | None) -> str:
    """One body's cell: a number, or the sign for why there is none (see CELL_LEGEND)."""
    return number_text(number) if number is not None else CELL_WORDS[kind]
