"""The workbook beside the report: district figures, figures by commune, filing record, and where each number came from.

Belongs here: the sheets and their print layout. Two editions: the internal one shows every cell, marks the sensitive
ones "nội bộ" and links every figure to its rows of the sheet "Nguồn gốc"; the outward one (`outward=True`) leaves out
every sensitive cell of a single body, and where figures come from.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from math import ceil
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from treem.district.duties import Evidence
from treem.district.merge import District
from treem.documents import duty_sheet, reconciliation_sheet, sections
from treem.documents.beside import (
    NOTHING,
    Beside,
    Reconciliation,
    picked_lines,
    recommended_lines,
)
from treem.documents.figures import (
    CELL_LEGEND,
    CELL_WORDS,
    COLUMN_NAMES,
    HIDDEN,
    HIDDEN_LEGEND,
    WITHHELD,
    CommuneRow,
    Merged,
    check_text,
    commune_heading,
    commune_rows,
    merged_figures,
    outward_checks,
    source_text,
)
from treem.documents.package import EPOCH
from treem.documents.periods import deadline_text, estimate_text, period_label, period_text
from treem.documents.provenance import SHEET, Trail, halves, located, trail
from treem.documents.reconciliation_sheet import rates_note
from treem.ledger.queries import FilingRow, ValueRow
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Column, Settings

INTERNAL = "nội bộ"
DIGEST_LENGTH = 12
VIETNAMESE = "[$-42A]"  # dots for thousands and a decimal comma, whatever the program's own language
LINE = 15  # points a line of text
UPRIGHT = 150  # points of a head with names that stand upright
FONT = {"font_name": "Times New Roman", "font_size": 11, "valign": "top"}
RULED = {**FONT, "border": 1, "text_wrap": True}
LINKED = {"font_color": "#1F3864"}  # dark enough for black-and-white print
COLUMNS: tuple[Column, ...] = ("total", "male", "female", "minority")
CENTRED = frozenset((*CELL_WORDS.values(), *duty_sheet.SIGNS.values()))
NO_LINKS: Mapping[int, str] = {}
BY_HAND, OF_HALVES = "nộp trực tiếp", "tính từ tử số, mẫu số"
ORIGIN_HEADS = (
    "Mã",
    "Chỉ tiêu",
    "Phân tổ",
    "Cơ quan, đơn vị",
    "Giá trị",
    "Lần nộp",
    "Mã thư (Message-ID)",
    "Tên tệp",
    "Mã tệp (SHA-256)",
    "Trang tính",
    "Ô",
    "Ghi chú",
    "Tổng hợp từ",
)
ORIGIN_NOTES = (
    "Mỗi số liệu truy được tới bản nộp, thư, tệp, trang tính và ô mà đơn vị đã ghi; mã tệp ghi 12 ký tự đầu, mã đầy đủ "
    "xem bằng treem trace.",
    CELL_LEGEND,
    f"BẢN NỘI BỘ: dòng tô màu ghi “{INTERNAL}” là số liệu nhạy cảm, chỉ dùng trong Phòng, không gửi ra ngoài.",
)
FIRST_ORIGIN, LAST_COLUMN = len(ORIGIN_NOTES) + 3, "M"  # the row under the head, counted from 1
LINKS_NOTE = "Bấm vào một số để tới các dòng nguồn gốc của số đó."

Cell = str | int | Decimal | None


@dataclass
class Sheet:
    """One sheet while it is being written: a title, notes, a head that repeats, then rows of text and exact numbers."""

    book: Any
    sheet: Any
    widths: Sequence[float]
    formats: dict[Any, Any] = field(default_factory=dict)
    row: int = 0

    def format(self, **properties: Any) -> Any:
        """A cell format, made once."""
        key = tuple(sorted(properties.items()))
        if key not in self.formats:
            self.formats[key] = self.book.add_format(properties)
        return self.formats[key]

    def headed(self, title: str, notes: Iterable[str], heads: Sequence[str], *, upright: Container[int] = ()) -> None:
        """Write title, notes and head; freeze and repeat the head on every page. `upright`: heads turned by 90°."""
        for number, width in enumerate(self.widths):
            self.sheet.set_column(number, number, width, self.format(**FONT))
        self.sheet.write_string(0, 0, title, self.format(**{**FONT, "font_size": 14, "bold": True}))
        for self.row, note in enumerate(notes, start=1):
            self.sheet.write_string(self.row, 0, note, self.format(**{**FONT, "italic": True}))
        self.row += 1
        head = {**RULED, "bold": True, "align": "center", "bg_color": "#E7E6E6"}
        for number, text in enumerate(heads):
            turned = {"rotation": 90, "valign": "bottom"} if number in upright else {}
            self.sheet.write_string(self.row, number, text, self.format(**{**head, **turned}))
        lying = [text if number not in upright else "" for number, text in enumerate(heads)]
        self.sheet.set_row(self.row, UPRIGHT if lying != list(heads) else LINE * self._height(heads))
        self.sheet.freeze_panes(self.row + 1, 2)
        self.sheet.repeat_rows(self.row)
        self.row += 1

    def band(self, text: str) -> None:
        """A heading across the table."""
        look = self.format(**RULED, bold=True)
        self.sheet.merge_range(self.row, 0, self.row, len(self.widths) - 1, text, look)
        self.row += 1

    def line(self, cells: Sequence[Cell], *, marked: bool = False, links: Mapping[int, str] = NO_LINKS) -> None:
        """One row. Text is written as text, whatever it looks like; numbers with as many decimals as they have.

        `links`: places within the workbook, by column.
        """
        marking = {"bg_color": "#FFF2CC"} if marked else {}
        for number, cell in enumerate(cells):
            shade = {**marking, **LINKED} if links.get(number) else marking
            if link := links.get(number):  # written first: what is written after it takes its place, the link stays
                self.sheet.write_url(self.row, number, link, tip="Tới nguồn gốc của số liệu", string="…")
            if isinstance(cell, Decimal | int):
                align = "right" if isinstance(cell, Decimal) else "center"  # an int is an order or a count of findings
                look = self.format(**RULED, **shade, align=align, num_format=_number_format(Decimal(cell)))
                self.sheet.write_number(self.row, number, cell, look)
            else:
                place = {"align": "center"} if cell in CENTRED else {}
                self.sheet.write_string(
                    self.row, number, cell or "", self.format(**RULED, **shade, **place, num_format="@")
                )
        self.sheet.set_row(self.row, LINE * self._height(cells))
        self.row += 1

    def _height(self, cells: Sequence[Cell]) -> int:
        """Lines the row needs: Excel does not stretch rows that a program wrote. Words never break, so a narrow column
        loses more of its width than a wide one, where Times New Roman holds more letters than the unit says.
        """
        pairs = zip(cells, self.widths, strict=True)
        lines = (ceil(len(str(cell or "")) / (width * (1.15 if width >= 20 else 0.9))) for cell, width in pairs)
        return max(1, *lines)

    def finish(self) -> None:
        """A4 landscape, as wide as the page, numbered."""
        last = max(self.row - 1, 0)
        self.sheet.print_area(0, 0, last, len(self.widths) - 1)
        self.sheet.set_landscape()
        self.sheet.set_paper(9)
        self.sheet.fit_to_pages(1, 0)
        self.sheet.set_margins(left=0.6, right=0.6, top=0.8, bottom=0.8)
        self.sheet.set_header('&C&"Times New Roman,Regular"&11&P')


def write_annex(
    district: District,
    settings: Settings,
    plan: RoundPlan,
    filing: Sequence[FilingRow],
    provenance: Sequence[ValueRow],
    *,
    beside: Beside = NOTHING,
    outward: bool = False,
) -> bytes:
    """The workbook as .xlsx. `provenance`: the round's own figures. The same input gives the same bytes."""
    out = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties(
            {"title": plan.title, "author": settings.office.name, "created": EPOCH.replace(tzinfo=None)}
        )
        merged = merged_figures(district, settings, beside.sources, plan)
        formats: dict[Any, Any] = {}
        known = None if outward else trail(district, settings, plan, provenance, beside)
        _district_sheet(
            _sheet(book, "Biểu huyện", (8.5, 38, 11, 9.5, 9, 9, 9, 11, 28, 28), formats), merged, plan, known
        )
        _commune_sheet(book, formats, merged, district, plan, known)
        _filing_sheet(
            _sheet(book, "Tình hình nộp", (4.5, 38, 24, 12, 10, 8, 10, 12, 28), formats), plan, filing, settings
        )
        if beside.duties and known:
            _duty_sheet(book, formats, beside.duties, plan)
        if known:
            _provenance_sheet(book, formats, merged, settings, plan, known)
        if beside.findings and known:
            sheet = _sheet(book, reconciliation_sheet.DIFFERENCES, reconciliation_sheet.WIDTHS, formats)
            notes = (_period(plan), _edition(outward))
            reconciliation_sheet.write_differences(sheet, beside.findings, settings, plan.title, notes, INTERNAL)
        if beside.compared and known:
            sheet = _sheet(book, reconciliation_sheet.COMPARISON, reconciliation_sheet.COMPARED_WIDTHS, formats)
            notes = (_period(plan), _edition(outward))
            reconciliation_sheet.write_comparison(sheet, beside.compared, settings, plan.title, notes, INTERNAL)
        if beside.reconciliation and beside.reconciliation.rows:
            _reconciliation_sheet(book, formats, beside.reconciliation, plan, outward)
        if beside.selection:
            _selection_sheet(book, formats, beside, plan, outward)
        if beside.recommendations and not outward:
            _recommendation_sheet(book, formats, beside, plan)
    return out.getvalue()


def _sheet(book: Any, name: str, widths: Sequence[float], formats: dict[Any, Any]) -> Sheet:
    return Sheet(book, book.add_worksheet(name), widths, formats)


def _number_format(number: Decimal) -> str:
    exponent = number.normalize().as_tuple().exponent
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return f"{VIETNAMESE}#,##0" + ("." + "0" * places if places else "")


def _period(plan: RoundPlan) -> str:
    text = f"{period_label(plan)}: {period_text(plan)}."
    return f"{text} {estimate_text(plan)}" if plan.is_estimate else text


def _edition(outward: bool) -> str:
    if outward:
        return f"Bản gửi ra ngoài: chỉ tiêu nhạy cảm chỉ nêu tổng số toàn huyện. {HIDDEN_LEGEND}"
    return ORIGIN_NOTES[-1]


def _district_sheet(sheet: Sheet, merged: Sequence[Merged], plan: RoundPlan, known: Trail | None) -> None:
    heads = ("Mã", "Chỉ tiêu", "Đơn vị tính", "Tổng số", "Nam", "Nữ", "Dân tộc thiểu số", "Độ phủ")
    outward = known is None
    notes = (_period(plan), "Ô “…”: chưa có số liệu, không phải là 0.", *_linked(known), _edition(outward))
    sheet.headed(
        f"BIỂU SỐ LIỆU TOÀN HUYỆN – {plan.title}", notes, (*heads, "Đơn vị chưa có số liệu", "Nguồn; đối chiếu")
    )
    for key, title in sections.TITLES.items():
        rows = [m for m in merged if m.indicator.section == key]
        if rows:
            sheet.band(title)
        for row in rows:
            links = {3 + place: _total_link(row, column, known) for place, column in enumerate(COLUMNS)}
            sheet.line(_district_cells(row, outward), links=links if known else NO_LINKS)
    sheet.finish()


def _linked(known: Trail | None) -> tuple[str, ...]:
    return (LINKS_NOTE,) if known else ()


def _total_link(merged: Merged, column: Column, known: Trail | None) -> str:
    """Where a total comes from; of a rate, the lines that name its two halves."""
    if known is None or column not in merged.numbers:
        return ""
    code = merged.figure.code
    span = known.rates.get(code) if merged.figure.merge == "rate" else known.totals.get((code, column))
    return located(span, FIRST_ORIGIN, LAST_COLUMN)


def _district_cells(merged: Merged, outward: bool) -> list[Cell]:
    checks = outward_checks(merged) if outward else tuple(check_text(check) for check in merged.checks)
    numbers = [_district_cell(merged, column, outward) for column in COLUMNS]
    coverage = merged.coverage
    if merged.sources:
        checks = (source_text(merged), *checks)
    gaps = [f"{word}: {', '.join(names)}" for word, names in _gaps(merged) if names]
    return [
        merged.figure.code,
        merged.figure.label,
        merged.figure.unit,
        *numbers,
        coverage.ratio,
        "; ".join(gaps),
        "; ".join(checks),
    ]


def _gaps(merged: Merged) -> tuple[tuple[str, tuple[str, ...]], ...]:
    coverage = merged.coverage
    return (
        ("chưa nộp", coverage.not_filed),
        ("để trống", coverage.blank),
        ("không áp dụng", coverage.not_applicable),
    )


def _district_cell(merged: Merged, column: Column, outward: bool) -> Cell:
    if column not in merged.numbers:
        return ""
    if outward and column not in merged.outward_columns:
        return WITHHELD if column == "total" else ""
    if outward and merged.hides(column):
        return HIDDEN
    if merged.figure.merge == "none":
        return "theo đơn vị" if column == "total" else ""
    number = merged.numbers[column]
    return CELL_WORDS["blank"] if number is None else number


def _commune_sheet(
    book: Any,
    formats: dict[Any, Any],
    merged: Sequence[Merged],
    district: District,
    plan: RoundPlan,
    known: Trail | None,
) -> None:
    communes, outward = [body for body in plan.bodies if body.kind == "commune"], known is None
    sheet = _sheet(book, "Theo xã", (8.5, 31, 9, 9, 9.5, *[7.4] * len(communes), 8), formats)
    heads = (
        "Mã",
        "Chỉ tiêu",
        "Phân tổ",
        "Đơn vị tính",
        "Cộng các xã",
        *(commune_heading(b.name) for b in communes),
        "Ghi chú",
    )
    notes = (_period(plan), CELL_LEGEND, *_linked(known), _edition(outward))
    sheet.headed(f"SỐ LIỆU THEO XÃ, THỊ TRẤN – {plan.title}", notes, heads)
    for row in commune_rows(district, merged, [body.code for body in communes], outward=outward):
        figure, sensitive = row.merged.figure, row.merged.indicator.sensitive
        if outward and sensitive:
            continue
        total: Cell = row.total_text if row.total is None else row.total
        head: list[Cell] = [figure.code, figure.label, COLUMN_NAMES[row.column], figure.unit, total]
        links = _commune_links(row, [body.code for body in communes], known) if known else NO_LINKS
        cells: list[Cell] = [*head, *map(_commune_cell, row.cells), INTERNAL if sensitive else ""]
        sheet.line(cells, marked=sensitive, links=links)
    sheet.finish()


def _commune_links(row: CommuneRow, communes: Sequence[str], known: Trail) -> dict[int, str]:
    """Each commune's cell to its row, their sum to all of their rows, which stand beside each other."""
    spans = [known.cells.get((row.merged.figure.code, row.column, code)) for code in communes]
    found = [span for span in spans if span]
    whole = (min(span[0] for span in found), max(span[1] for span in found)) if found else None
    links = {5 + place: located(span, FIRST_ORIGIN, LAST_COLUMN) for place, span in enumerate(spans)}
    return {4: located(whole, FIRST_ORIGIN, LAST_COLUMN), **links}


def _commune_cell(cell: tuple[str, Decimal | None] | None) -> Cell:
    if cell is None:
        return ""
    kind, number = cell
    return number if number is not None else CELL_WORDS[kind]


def _filing_sheet(sheet: Sheet, plan: RoundPlan, filing: Sequence[FilingRow], settings: Settings) -> None:
    heads = ("TT", "Cơ quan, đơn vị", "Tình trạng", "Nhận lần đầu", "Thời hạn", "Lần nộp", "Số lỗi, cảnh báo")
    due = deadline_text(plan, plan.due, plan.legal_due)
    notes = (f"Hạn nộp: {due}. Đúng hạn tính theo lần nhận đầu tiên.", *rates_note(filing))
    sheet.headed(f"TÌNH HÌNH NỘP BÁO CÁO – {plan.title}", notes, (*heads, "Thư gần nhất", "Thư đã lập"))
    for line in sections.filing_lines(plan, filing, settings):
        cells = (line.order, line.body, line.state, line.received, line.on_time, line.version)
        sheet.line([*cells, line.findings, line.last_letter, line.letters])
    sheet.finish()


def _duty_sheet(book: Any, formats: dict[Any, Any], matrix: Sequence[Evidence], plan: RoundPlan) -> None:
    """A column a body, its name standing upright; a sign where the duty is the body's."""
    bodies = duty_sheet.columns(matrix)
    sheet = _sheet(book, duty_sheet.SHEET, (7.5, 62, *[3.8] * len(bodies), 5.5, 5.5, 6.5), formats)
    heads = ("Mã", "Nhiệm vụ", *map(duty_sheet.heading, bodies), "Có", "Mỏng", "Chưa có")
    notes = (_period(plan), duty_sheet.LEGEND, _edition(outward=False))
    sheet.headed(f"MA TRẬN NHIỆM VỤ – {plan.title}", notes, heads, upright=range(2, 2 + len(bodies)))
    for line in duty_sheet.duty_lines(matrix, bodies):
        sheet.line([line.code, line.text, *line.signs, *line.counts])
    sheet.finish()


def _provenance_sheet(
    book: Any, formats: dict[Any, Any], merged: Sequence[Merged], settings: Settings, plan: RoundPlan, known: Trail
) -> None:
    sheet = _sheet(book, SHEET, (9, 34, 10, 24, 9.5, 6, 30, 22, 14, 10, 6, 14, 24), formats)
    sheet.headed(f"NGUỒN GỐC SỐ LIỆU – {plan.title}", ORIGIN_NOTES, ORIGIN_HEADS)
    sensitive = {f.code for i in settings.book.indicators if i.sensitive for f in i.figures}
    for origin in known.origins:
        row = origin.row
        note = "; ".join(part for part in (INTERNAL if row.figure in sensitive else "", origin.note) if part)
        cells: list[Cell] = [row.figure, origin.label, origin.column_name, origin.body_name, origin.value]
        cells += [str(row.version), row.message_id or BY_HAND, sections.printable(row.file_name)]
        cells += [row.file_sha[:DIGEST_LENGTH], row.sheet, row.cell, note, origin.source]
        sheet.line(cells, marked=row.figure in sensitive)
    if known.origins:
        last = xl_rowcol_to_cell(sheet.row - 1, len(sheet.widths) - 1)
        sheet.sheet.autofilter(f"A{FIRST_ORIGIN - 1}:{last}")
    _rate_lines(sheet, merged, known)
    sheet.finish()


def _rate_lines(sheet: Sheet, merged: Sequence[Merged], known: Trail) -> None:
    """Rates have no cell of their own: their halves, each with its way on to the rows it was added up from."""
    for rate in (m.figure for m in merged if m.figure.code in known.rates):
        for name, code in halves(rate):
            link = located(known.totals.get((code, "total")), FIRST_ORIGIN, LAST_COLUMN)
            cells: list[Cell] = [
                rate.code,
                rate.label,
                COLUMN_NAMES["total"],
                f"{name}: {code}",
                *[""] * 7,
                OF_HALVES,
                "",
            ]
            sheet.line(cells, links={3: link})


def _reconciliation_sheet(
    book: Any, formats: dict[Any, Any], found: Reconciliation, plan: RoundPlan, outward: bool
) -> None:
    sheet = _sheet(book, "Đối chiếu số ước", (9, 60, 14, 18, 18, 18, 14), formats)
    heads = ("Mã", "Chỉ tiêu", "Đơn vị tính", "Số ước đã báo cáo", "Số chính thức", "Chênh lệch", "Ghi chú")
    notes = ("Chênh lệch = số chính thức trừ số ước. Ô “…”: chưa có số liệu.", _edition(outward))
    sheet.headed(f"ĐỐI CHIẾU SỐ ƯỚC VỚI SỐ CHÍNH THỨC {found.period.upper()} – {plan.title}", notes, heads)
    for row in found.rows:
        figure, sensitive = row.merged.figure, row.merged.indicator.sensitive
        numbers: list[Cell] = [
            CELL_WORDS["blank"] if n is None else n for n in (row.estimate, row.final, row.difference)
        ]
        if outward and row.hidden:
            numbers = [WITHHELD] * 3
        cells: list[Cell] = [figure.code, figure.label, figure.unit, *numbers, INTERNAL if row.merged.withheld else ""]
        sheet.line(cells, marked=sensitive and row.merged.withheld)
    sheet.finish()


def _selection_sheet(book: Any, formats: dict[Any, Any], beside: Beside, plan: RoundPlan, outward: bool) -> None:
    sheet = _sheet(book, "Lựa chọn", (6, 34, 26, 90), formats)
    notes = ("Theo thứ tự của quy tắc lựa chọn ghi trong config/plan.yaml.", _edition(outward))
    sheet.headed(f"LỰA CHỌN CƠ QUAN, ĐƠN VỊ – {plan.title}", notes, ("TT", "Cơ quan, đơn vị", "Kết quả", "Lý do"))
    for line in picked_lines(beside.selection, with_reasons=not outward):
        sheet.line([line.order, line.name, line.result, line.reasons])
    sheet.finish()


def _recommendation_sheet(book: Any, formats: dict[Any, Any], beside: Beside, plan: RoundPlan) -> None:
    sheet = _sheet(book, "Kiến nghị", (6, 30, 80, 14, 30), formats)
    heads = ("TT", "Cơ quan, đơn vị", "Kiến nghị", "Thời hạn", "Tình trạng")
    sheet.headed(f"KIẾN NGHỊ SAU KIỂM TRA – {plan.title}", (_edition(outward=False),), heads)
    for line in recommended_lines(beside.recommendations):
        sheet.line([line.order, line.name, line.text, line.due, line.state])
    sheet.finish()
