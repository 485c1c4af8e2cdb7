"""The workbook a body fills in.

Belongs here: what the form says and how it looks on screen and on A4. All text is written as text: nothing from the
register or the configuration can become a formula or a link. The same input gives the same bytes.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import xlsxwriter

from treem.forms import layout
from treem.forms.layout import CLOSED_COLOUR, FONT, HEAD_COLOUR, INPUT_COLOUR
from treem.forms.numbers import number_text
from treem.plan.settings import Body, Column, Figure, Form, Group, Settings

CREATED = datetime(2020, 10, 30)  # noqa: DTZ001 - the plan's date; a fixed date keeps the bytes the same
A4 = 9
POINTS_A_LINE = 15.5
WIDTH_FACTOR = 1.04  # characters of this font to a unit of column width, word wrap allowed for
ANSWER_HEIGHT = 92
LONGEST_HEADER = 60

NUMBER_RULE = '=OR(AND(ISNUMBER({cell}),{cell}>=0{whole}),LOWER(TRIM({cell}))="không áp dụng")'
GUIDE = (
    "Chỉ ghi vào ô màu vàng nhạt; không sửa cột Mã số, không xóa, không thêm cột. Ô màu xám: không phải ghi.",
    "Không có trường hợp nào: ghi 0. Chưa có số liệu: để trống. Chỉ tiêu không thuộc đơn vị: ghi “không áp dụng”. "
    "Để trống không được tính là 0.",
    "Chỉ ghi số đếm. Không ghi họ tên, địa chỉ, ngày sinh hay thông tin riêng của trẻ em vào bất kỳ ô nào.",
)
SEND_BOTH = (
    "Ghi xong cả hai trang “Số liệu” và “Thuyết minh”, lưu tệp, rồi trả lời (Reply) thư đã nhận và đính kèm tệp này."
)
SEND_ONE = "Ghi xong trang “Số liệu”, lưu tệp, rồi trả lời (Reply) thư đã nhận và đính kèm tệp này."
ESTIMATED = (
    "Ghi số ước thực hiện đến hết kỳ: số đã thực hiện đến ngày báo cáo cộng số dự kiến của những ngày còn lại. "
    "Số chính thức sẽ được hỏi sau khi kết thúc kỳ."
)
SIGNING = (("NGƯỜI LẬP BIỂU", "(Ký, ghi rõ họ tên)"), ("THỦ TRƯỞNG ĐƠN VỊ", "(Ký, ghi rõ họ tên, đóng dấu)"))
ACCRUAL = {"flow": "Cộng dồn trong kỳ.", "stock": "Số có đến ngày chốt số liệu."}


def write_form(
    form: Form,
    settings: Settings,
    *,
    body: Body,
    group: Group,
    title: str,
    period_label: str = "Kỳ số liệu",
    period_text: str,
    as_of_text: str,
    due_text: str,
    token: str,
    previous: Mapping[tuple[str, str], Decimal],
    previous_title: str = "Cùng kỳ năm trước",
    estimate: bool = False,
) -> bytes:
    """The form of one body in one round. `previous` has what it reported before by (figure, column); `estimate`: the
    figures are asked for before their period ends.
    """
    out = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    marks = {"token": token, "form": form.code, "version": str(form.version), "body": body.code, "round": title}
    office = settings.office
    book.set_properties({"title": clean(title), "author": clean(office.name), "created": CREATED})
    formats = _Formats(book)
    heading = (
        clean(form.title).upper(),
        clean(title),
        clean(f"{period_label}: {period_text}{'; ' if as_of_text else ''}{as_of_text}."),
        clean(f"Thời hạn gửi: {due_text}. Nơi nhận: {office.name}, {office.district}."),
    )
    head = _Head(clean(body.name), group.name, heading, marks)
    dated = bool(as_of_text)
    _FiguresSheet(book, formats, form, settings, previous, previous_title, estimate=estimate, dated=dated).write(head)
    if form.duties or form.closings:
        _NarrativeSheet(book, formats, form, settings).write(head)
    _write_marker(book, marks)
    book.close()
    return out.getvalue()


def clean(text: str) -> str:
    """Text as it may stand in a cell: NFC, no control characters."""
    return layout.composed(text).strip()


def _in_header(text: str) -> str:
    """Text for a page's header or footer, where "&" starts a command and 255 characters is all there is."""
    return text[:LONGEST_HEADER].replace("&", "&&")


class _Head:
    """What stands above the table on both sheets, and in the header and footer of each printed page."""

    def __init__(self, body_name: str, group_name: str, lines: tuple[str, ...], marks: Mapping[str, str]) -> None:
        self.body_name, self.group_name, self.lines, self.marks = body_name, group_name, lines, marks

    @property
    def marks_line(self) -> str:
        marks = self.marks
        return (
            f"Mã phiếu: {marks['token']}   Biểu mẫu: {marks['form']}   "
            f"Phiên bản: {marks['version']}   Mã đơn vị: {marks['body']}"
        )

    def write(self, sheet: Any, formats: "_Formats", last: int, points: float) -> int:
        """Write from the first row on; give the next free row."""
        half = max(1, last // 2 - 1)
        sheet.merge_range(0, 0, 0, half, "", formats.body_name)
        sheet.write_string(0, 0, self.body_name.upper(), formats.body_name)
        if half + 1 < last:
            sheet.merge_range(0, half + 1, 0, last, "", formats.marks)
        sheet.write_string(0, half + 1, self.marks_line, formats.marks)
        sheet.set_row(0, 2 * POINTS_A_LINE)
        styles = (formats.title, formats.round, formats.line, formats.due)
        for row, (text, style) in enumerate(zip(self.lines, styles, strict=True), 1):
            _merged_line(sheet, row, last, text, style, points)
        return len(self.lines) + 1

    def print_on(self, sheet: Any) -> None:
        look = f'&"{FONT},Italic"&9'
        sheet.set_header(f"&L{look}{_in_header(self.body_name)}&R{look}{_in_header(self.lines[1])}")
        mark = _in_header(f"Mã phiếu: {self.marks['token']} – {self.marks['form']}")
        sheet.set_footer(f"&L{look}{mark}&R{look}Trang &P/&N")


class _Formats:
    """The cell formats of one workbook."""

    def __init__(self, book: Any) -> None:
        self._book = book
        middle = {"align": "center"}
        self.body_name = self._add(bold=True)
        self.marks = self._add(align="right", italic=True, font_size=10)
        self.title = self._add(bold=True, font_size=14, **middle)
        self.round = self._add(bold=True, font_size=12, **middle)
        self.line = self._add(italic=True, **middle)
        self.due = self._add(bold=True, **middle)
        self.guide_head = self._add(bold=True)
        self.guide = self._add()
        boxed = {"border": 1}
        self.head = self._add(bold=True, bg_color=HEAD_COLOUR, **boxed, **middle)
        self.cell = self._add(indent=1, **boxed)
        self.centre = self._add(**boxed, **middle)
        self.last_year = self._add(align="center", font_color="#404040", **boxed)
        self.small = self._add(font_size=10, indent=1, font_color="#404040", **boxed)
        self.closed = self._add(bg_color=CLOSED_COLOUR, **boxed)
        entry = {"locked": False, "bg_color": INPUT_COLOUR, **boxed}
        self.count = self._add(align="center", font_size=12, num_format="#,##0", **entry)
        self.amount = self._add(align="center", font_size=12, **entry)
        self.choice = self._add(**entry, **middle)
        self.note = self._add(indent=1, **entry)
        self.answer = self._add(valign="top", align="left", indent=1, font_size=12, **entry)
        self.duty = self._add(valign="top", align="left", indent=1, **boxed)
        self.duty_code = self._add(valign="top", bold=True, align="center", **boxed)
        self.part = self._add(bold=True, indent=1, bg_color=HEAD_COLOUR, **boxed)
        self.sign = self._add(bold=True, **middle)
        self.sign_small = self._add(italic=True, **middle)

    def _add(self, **look: Any) -> Any:
        return self._book.add_format(
            {"font_name": FONT, "font_size": 11, "text_wrap": True, "valign": "vcenter", **look}
        )

    def entry(self, figure: Figure) -> Any:
        """The format of an input cell."""
        return {"count": self.count, "yes_no": self.choice}.get(figure.type, self.amount)


class _FiguresSheet:
    """One row a figure, the code in column A."""

    def __init__(
        self,
        book: Any,
        formats: _Formats,
        form: Form,
        settings: Settings,
        previous: Mapping[tuple[str, str], Decimal],
        previous_title: str,
        *,
        estimate: bool,
        dated: bool,
    ) -> None:
        known, own = settings.figures(), form.guidance
        said = ((known[code], own.get(code)) for code in form.figures)
        self.figures = [f.model_copy(update={"guidance": text}) if text else f for f, text in said]
        self.dated = dated  # figures of a period; else of an event, of which nothing is cumulative
        self.accrual = {f.code: i.accrual for i in settings.book.indicators for f in i.figures}
        self.columns = [c for c in layout.COLUMNS if any(c in f.columns for f in self.figures)] or ["total"]
        self.sheet = book.add_worksheet(layout.FIGURES_SHEET)
        self.formats, self.previous = formats, previous
        self.signed_here = not (form.duties or form.closings)  # else below the narrative
        self.guide = (*GUIDE, *([ESTIMATED] if estimate else []), SEND_ONE if self.signed_here else SEND_BOTH)
        self.headings = (
            (layout.CODE_HEADING, 9.0),
            ("Chỉ tiêu", 36.0 + 8 * (len(layout.COLUMNS) - len(self.columns))),
            ("Đơn vị tính", 10.0),
            *((layout.HEADINGS[column] + (" (ước)" if estimate else ""), 9.5) for column in self.columns),
            (previous_title, 11.5),
            ("Cách tính, giải thích", 29.0),
            (layout.NOTE_HEADING, 17.0),
        )

    def write(self, head: _Head) -> None:
        sheet, last = self.sheet, len(self.headings) - 1
        width = sum(width for _, width in self.headings)
        for place, (_, wide) in enumerate(self.headings):
            sheet.set_column(place, place, wide)
        row = head.write(sheet, self.formats, last, width)
        row = self._guide(row, last, width)
        for place, (text, _) in enumerate(self.headings):
            sheet.write_string(row, place, text, self.formats.head)
        sheet.set_row(row, 2 * POINTS_A_LINE + 4)
        for offset, figure in enumerate(self.figures, 1):
            self._figure(row + offset, figure)
        bottom = row + len(self.figures)
        if self.signed_here:
            bottom = _signatures(sheet, self.formats, bottom + 1, (1, 4 + len(self.columns)))
        _finish(sheet, head, row, bottom, last, landscape=True)

    def _guide(self, row: int, last: int, width: float) -> int:
        _merged_line(self.sheet, row, last, "Cách ghi:", self.formats.guide_head, width)
        for number, text in enumerate(self.guide, 1):
            _merged_line(self.sheet, row + number, last, f"{number}. {text}", self.formats.guide, width)
        self.sheet.set_row(row + len(self.guide) + 1, 6)
        return row + len(self.guide) + 2

    def _figure(self, row: int, figure: Figure) -> None:
        sheet, formats = self.sheet, self.formats
        sheet.write_string(row, 0, figure.code, formats.centre)
        sheet.write_string(row, 1, clean(figure.label), formats.cell)
        sheet.write_string(row, 2, clean(figure.unit), formats.centre)
        for place, column in enumerate(self.columns, 3):
            if column in figure.columns:
                sheet.write_blank(row, place, None, formats.entry(figure))
                sheet.data_validation(row, place, row, place, _validation(figure, row, place))
            else:
                sheet.write_blank(row, place, None, formats.closed)
        place = 3 + len(self.columns)
        sheet.write_string(row, place, self._last_year(figure), formats.last_year)
        sheet.write_string(row, place + 1, self._explanation(figure), formats.small)
        sheet.write_blank(row, place + 2, None, formats.note)
        texts = zip((figure.label, figure.unit, self._explanation(figure), self._last_year(figure)),
                    (self.headings[1][1] - 2, 8.0, 31.0, 10.0), strict=True)  # fmt: skip
        sheet.set_row(row, max(_lines(text, width) for text, width in texts) * POINTS_A_LINE + 3)

    def _last_year(self, figure: Figure) -> str:
        """The total on the first line, its parts below it."""
        known: list[tuple[Column, Decimal]] = [
            (column, self.previous[figure.code, column])
            for column in figure.columns
            if (figure.code, column) in self.previous
        ]
        if figure.type == "yes_no":
            return "; ".join("Có" if number else "Không" for _, number in known)
        short = {"total": "", "male": "nam ", "female": "nữ ", "minority": "DTTS "}
        return "\n".join(f"{short[column]}{number_text(number)}" for column, number in known)

    def _explanation(self, figure: Figure) -> str:
        reckoned = self.dated and figure.type in ("count", "money")
        accrual = ACCRUAL[self.accrual[figure.code]] if reckoned else ""
        return clean(f"{accrual} {figure.guidance}")


class _NarrativeSheet:
    """One box a duty, with the duty's wording beside it, then the closing sections."""

    WIDTHS = (11.0, 44.0, 78.0)

    def __init__(self, book: Any, formats: _Formats, form: Form, settings: Settings) -> None:
        self.sheet = book.add_worksheet(layout.NARRATIVE_SHEET)
        self.formats = formats
        wording = {duty.code: duty.text for duty in settings.plan.duties}
        self.duties = [(code, wording.get(code, "")) for code in form.duties]
        self.closings = [(closing.key, closing.title) for closing in form.closings]

    def write(self, head: _Head) -> None:
        sheet, last = self.sheet, len(self.WIDTHS) - 1
        for place, wide in enumerate(self.WIDTHS):
            sheet.set_column(place, place, wide)
        row = head.write(sheet, self.formats, last, sum(self.WIDTHS))
        text = (
            f"Mỗi {'nhiệm vụ' if self.duties else 'nội dung'} một ô: viết gọn, không nêu họ tên, địa chỉ hay thông tin "
            "riêng của trẻ em. Có thể kéo cao dòng nếu chữ bị che. Không có nội dung thì để trống."
        )
        _merged_line(sheet, row, last, text, self.formats.guide, sum(self.WIDTHS))
        sheet.set_row(row + 1, 6)
        top = row + 2
        what = "Nhiệm vụ giao trong kế hoạch" if self.duties else "Nội dung"
        for place, text in enumerate((layout.CODE_HEADING, what, layout.ANSWER_HEADING)):
            sheet.write_string(top, place, text, self.formats.head)
        sheet.set_row(top, POINTS_A_LINE + 8)
        row = self._part(top + 1, "Kết quả thực hiện nhiệm vụ được giao", self.duties)
        row = self._part(row, "Đánh giá chung, đề xuất" if self.duties else "", self.closings)
        _finish(sheet, head, top, _signatures(sheet, self.formats, row, (1, 2)), last, landscape=True)

    def _part(self, row: int, title: str, boxes: list[tuple[str, str]]) -> int:
        if not boxes:
            return row
        for place, text in enumerate(("", title, "") if title else ()):
            self.sheet.write_string(row, place, text, self.formats.part)
        first = row + 1 if title else row
        for row_of, (code, text) in enumerate(boxes, first):
            self.sheet.write_string(row_of, 0, code, self.formats.duty_code)
            self.sheet.write_string(row_of, 1, clean(text), self.formats.duty)
            self.sheet.write_blank(row_of, 2, None, self.formats.answer)
            self.sheet.set_row(row_of, max(ANSWER_HEIGHT, _lines(text, self.WIDTHS[1] - 2) * POINTS_A_LINE + 3))
        return first + len(boxes)


def _signatures(sheet: Any, formats: _Formats, row: int, places: tuple[int, int]) -> int:
    """Who signs, below the table; give the last row."""
    for place, (who, how) in zip(places, SIGNING, strict=True):
        sheet.write_string(row + 1, place, who, formats.sign)
        sheet.write_string(row + 2, place, how, formats.sign_small)
    return row + 2


def _validation(figure: Figure, row: int, place: int) -> dict[str, Any]:
    if figure.type == "yes_no":
        words = ["Có", "Không", "Không áp dụng"]
        return {
            "validate": "list",
            "source": words,
            "error_title": "Chọn trong danh sách",
            "error_message": "Chọn “Có”, “Không” hoặc “Không áp dụng”.",
        }
    cell = layout.cell_name(row + 1, place + 1)
    whole = figure.type == "count"
    kind = "số nguyên" if whole else "số"
    return {
        "validate": "custom",
        "value": NUMBER_RULE.format(cell=cell, whole=f",{cell}=INT({cell})" if whole else ""),
        "error_title": "Chỉ ghi số",
        "error_message": f"Ghi {kind} từ 0 trở lên, hoặc ghi “{layout.NOT_APPLICABLE}”. Chưa có số liệu thì để trống.",
    }


def _merged_line(sheet: Any, row: int, last: int, text: str, style: Any, width: float) -> None:
    """A line across the sheet. Merged cells do not grow by themselves."""
    sheet.merge_range(row, 0, row, last, "", style)
    sheet.write_string(row, 0, text, style)
    points = POINTS_A_LINE + (4 if style.font_size > 12 else 1)
    sheet.set_row(row, _lines(text, width) * points)


def _lines(text: str, width: float) -> int:
    """How many lines a text needs in a column that wide (characters), word wrap included."""
    return max(1, sum(-(-len(line) // max(1, int(width * WIDTH_FACTOR))) for line in text.split("\n")))


def _finish(sheet: Any, head: _Head, heading_row: int, last_row: int, last: int, *, landscape: bool) -> None:
    """Protection without a password, and how the sheet prints."""
    allowed = {"format_rows": True, "format_columns": True, "select_locked_cells": True, "select_unlocked_cells": True}
    sheet.protect("", allowed)
    sheet.freeze_panes(heading_row + 1, 2 if landscape and last > 2 else 0)
    sheet.set_paper(A4)
    if landscape:
        sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(heading_row)
    sheet.print_area(0, 0, last_row, last)
    sheet.set_margins(left=0.5, right=0.4, top=0.65, bottom=0.65)
    sheet.center_horizontally()
    sheet.hide_gridlines(2)
    head.print_on(sheet)


def _write_marker(book: Any, marks: Mapping[str, str]) -> None:
    """The marks the reader looks for first, on a sheet that Excel does not offer to show."""
    sheet = book.add_worksheet(layout.MARKER_SHEET)
    for row, key in enumerate(layout.MARKER_KEYS):
        sheet.write_string(row, 0, key)
        sheet.write_string(row, 1, clean(marks[key]))
    sheet.protect()
    sheet.very_hidden()
