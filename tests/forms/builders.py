"""Builds a small configuration and the workbooks the tests fill in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import BytesIO

import xlwt
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from treem.forms.write import write_form
from treem.plan.settings import (
    Activity,
    Body,
    Closing,
    Collection,
    Duty,
    Figure,
    Form,
    Group,
    Indicator,
    IndicatorBook,
    Inequality,
    Mail,
    Office,
    Offset,
    Period,
    Plan,
    Register,
    Server,
    Settings,
    Signatory,
    When,
)

TOKEN = "0A1B2C3D4E"
ALL = ("total", "male", "female", "minority")
FIGURES = (
    Figure(
        code="LD-01",
        label="Tổng số trẻ em (người dưới 16 tuổi) trên địa bàn",
        unit="trẻ em",
        type="count",
        merge="sum",
        groups=("xa",),
        columns=ALL,
        guidance="Gồm cả trẻ em tạm trú từ 6 tháng trở lên.",
    ),
    Figure(
        code="LD-02",
        label="Số trẻ em có hoàn cảnh đặc biệt (theo 14 nhóm Điều 10 Luật Trẻ em)",
        unit="trẻ em",
        type="count",
        merge="sum",
        groups=("xa",),
        columns=ALL,
        guidance="Mỗi trẻ em chỉ đếm một lần, kể cả khi thuộc nhiều nhóm.",
    ),
    Figure(
        code="LD-03",
        label="Số trẻ em có hoàn cảnh đặc biệt được chăm sóc, trợ giúp",
        unit="trẻ em",
        type="count",
        merge="sum",
        groups=("xa",),
        columns=("total", "male", "female"),
    ),
    Figure(
        code="LD-08.1",
        label="Số ý kiến, kiến nghị của trẻ em đã tiếp nhận",
        unit="ý kiến",
        type="count",
        merge="sum",
        groups=("xa",),
    ),
    Figure(
        code="LD-27",
        label="Kinh phí huy động xã hội hóa cho trẻ em",
        unit="triệu đồng",
        type="money",
        merge="sum",
        groups=("xa",),
        guidance="Tiền mặt và hiện vật quy đổi; ghi đến một chữ số thập phân, ví dụ 12,5.",
    ),
    Figure(
        code="XA-09",
        label="Đã ban hành cơ chế phối hợp phòng ngừa, xử lý vụ việc xâm hại trẻ em",
        unit="có/không",
        type="yes_no",
        merge="count_yes",
        groups=("xa",),
    ),
    Figure(
        code="LD-23",
        label="Điểm đánh giá tiêu chuẩn xã phù hợp với trẻ em",
        unit="điểm",
        type="score",
        merge="latest",
        groups=("xa",),
        guidance="Theo 13 tiêu chí của Quyết định 06/QĐ-TTg; xã miền núi đạt từ 800 điểm.",
    ),
)
CODES = tuple(figure.code for figure in FIGURES)
DUTIES = (
    Duty(
        code="III.9.1",
        text="Chỉ đạo thực hiện quyền trẻ em; tuyên truyền bằng nhiều hình thức; không để trẻ em tử vong do tai nạn, "
        "thương tích, bị bạo lực, xâm hại tình dục hoặc không được hỗ trợ kịp thời.",
        groups=("xa",),
    ),
    Duty(code="III.9.5", text="Chủ động thông báo, phối hợp với Tổng đài 111.", groups=("xa",)),
)
FORM = Form(
    code="BM-XA",
    version=1,
    title="Biểu mẫu báo cáo của Ủy ban nhân dân xã, thị trấn",
    group="xa",
    activities=("bao-cao-6-thang",),
    figures=CODES,
    duties=("III.9.1", "III.9.5"),
    closings=(Closing(key="ton-tai", title="Tồn tại, hạn chế"), Closing(key="kien-nghi", title="Kiến nghị, đề xuất")),
)
GROUP = Group(key="xa", name="Ủy ban nhân dân các xã, thị trấn", duty_group="III.9", tone="instruct")
BODY = Body(
    code="03424",
    name="Ủy ban nhân dân xã Bản Bo",
    group="xa",
    kind="commune",
    emails=("ban-bo@tamduong.test",),
    valid_from=date(2020, 1, 1),
)


def build_settings(form: Form = FORM) -> Settings:
    """A small configuration: one group, one body, seven figures, one inequality."""
    sign = Signatory(authority="TM. ỦY BAN NHÂN DÂN", position="CHỦ TỊCH")
    office = Office(
        name="Phòng Lao động - Thương binh và Xã hội",
        short_name="Phòng LĐTBXH",
        district="huyện Tam Đường",
        province="tỉnh Lai Châu",
        place="Tam Đường",
        letter_parent="UBND HUYỆN TAM ĐƯỜNG",
        report_issuer=("ỦY BAN NHÂN DÂN", "HUYỆN TAM ĐƯỜNG"),
        letter_symbol="LĐTBXH",
        report_recipients=(),
        report_copies=(),
        report_emails=(),
        report_signatory=sign,
        letter_signatory=sign,
    )
    server = Server(host="127.0.0.1", port=1025, security="plain")
    return Settings(
        office=office,
        register=Register(groups=(GROUP,), bodies=(BODY,)),
        plan=Plan(title="Kế hoạch", duties=DUTIES, activities=(_activity(),)),
        book=IndicatorBook(
            indicators=tuple(_indicator(figure) for figure in FIGURES),
            inequalities=(Inequality(smaller="LD-03", larger="LD-02"),),
        ),
        forms=(form,),
        mail=Mail(address="treem@tamduong.test", display_name="Phòng LĐTBXH", smtp=server, imap=server),
    )


def _indicator(figure: Figure) -> Indicator:
    accrual = "stock" if figure.code in ("LD-01", "LD-02") else "flow"
    return Indicator(
        code=figure.code.partition(".")[0],
        name=figure.label,
        section="III.1",
        accrual=accrual,
        basis="S",
        duties=("III.9.1",),
        figures=(figure,),
    )


def _activity() -> Activity:
    collection = Collection(
        key="bao-cao",
        period_title="6 tháng đầu năm {year}",
        audience=("xa",),
        document="bao-cao-6-thang",
        due=When(before="06-15"),
        open=Offset(working_days=-20),
        close=Offset(days=5),
        send_on=Offset(days=10),
        period=Period(start="12-15", end="06-14"),
    )
    return Activity(
        key="bao-cao-6-thang",
        title="Báo cáo 6 tháng",
        kind="report",
        source="Báo cáo 6 tháng gửi trước ngày 15 tháng 6",
        collections=(collection,),
    )


def build_form(
    settings: Settings | None = None,
    form: Form = FORM,
    body: Body = BODY,
    previous: Mapping[tuple[str, str], Decimal] | None = None,
) -> bytes:
    """The form as the office sends it."""
    return write_form(
        form,
        settings or build_settings(form),
        body=body,
        group=GROUP,
        title="Báo cáo 6 tháng đầu năm 2027",
        period_text="từ ngày 15/12/2026 đến ngày 14/6/2027",
        as_of_text="hết ngày 14/6/2027",
        due_text="trước ngày 15 tháng 6 năm 2027 (ngày làm việc cuối cùng: thứ Hai, 14/6/2027)",
        token=TOKEN,
        previous=previous or {},
    )


GOOD: Mapping[tuple[str, str], object] = {
    ("LD-01", "total"): 1234,
    ("LD-01", "male"): 634,
    ("LD-01", "female"): 600,
    ("LD-01", "minority"): 1100,
    ("LD-02", "total"): 40,
    ("LD-02", "male"): 25,
    ("LD-02", "female"): 15,
    ("LD-02", "minority"): 40,
    ("LD-03", "total"): 38,
    ("LD-03", "male"): 24,
    ("LD-03", "female"): 14,
    ("LD-08.1", "total"): 0,
    ("LD-27", "total"): 12.5,
    ("XA-09", "total"): "Có",
    ("LD-23", "total"): "không áp dụng",
}
TEXTS = {"III.9.1": "Đã tổ chức 03 buổi tuyên truyền.\nKhông có trẻ em tử vong.", "ton-tai": "Thiếu cộng tác viên."}


@dataclass
class Filling:
    """A form opened in openpyxl, with the places of its cells."""

    book: Workbook

    @property
    def figures(self) -> Worksheet:
        return self.book["Số liệu"]

    @property
    def prose(self) -> Worksheet:
        return self.book["Thuyết minh"]

    def row(self, code: str, sheet: Worksheet | None = None) -> int:
        """The row of a code in column A."""
        rows = (sheet or self.figures).iter_rows(min_col=1, max_col=1)
        return next(cell.row for (cell,) in rows if cell.value == code)

    def at(self, code: str, column: str = "total") -> str:
        """The name of an input cell."""
        return f"{'DEFG'[ALL.index(column)]}{self.row(code)}"

    def fill(self, values: Mapping[tuple[str, str], object] = GOOD, texts: Mapping[str, str] = TEXTS) -> "Filling":
        """Type figures and texts."""
        for (code, column), value in values.items():
            self.figures[self.at(code, column)] = value
        for section, text in texts.items():
            self.prose.cell(self.row(section, self.prose), 3, text)
        return self

    def save(self) -> bytes:
        """The file to send."""
        out = BytesIO()
        self.book.save(out)
        return out.getvalue()


def open_form(data: bytes | None = None) -> Filling:
    """The form, ready to be filled in."""
    return Filling(load_workbook(BytesIO(data or build_form())))


def as_xls(book: Workbook) -> bytes:
    """The values of a workbook as .xls."""
    target = xlwt.Workbook(encoding="utf-8")
    for sheet in book.worksheets:
        copy = target.add_sheet(sheet.title)
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "e":
                    error = {"#N/A": 42, "#VALUE!": 15}.get(cell.value, cell.value)  # xlwt has others for these
                    copy.row(cell.row - 1).set_cell_error(cell.column - 1, error)
                elif cell.value is not None:
                    value = xlwt.Formula(cell.value[1:]) if cell.data_type == "f" else cell.value
                    copy.write(cell.row - 1, cell.column - 1, value)
    out = BytesIO()
    target.save(out)
    return out.getvalue()


def as_ods(book: Workbook) -> bytes:
    """The values of a workbook as .ods."""
    target = OpenDocumentSpreadsheet()
    for sheet in book.worksheets:
        table = Table(name=sheet.title)
        for cells in sheet.iter_rows():
            row = TableRow()
            for cell in cells:
                formula = cell.data_type == "f"
                row.addElement(TableCell(formula=f"of:{cell.value}") if formula else ods_cell(cell.value))
            table.addElement(row)
        target.spreadsheet.addElement(table)
    out = BytesIO()
    target.save(out)
    return out.getvalue()


def ods_cell(value: object) -> TableCell:
    """One cell of it."""
    if value is None:
        return TableCell()
    number = isinstance(value, int | float)
    cell = TableCell(valuetype="float", value=str(value)) if number else TableCell(valuetype="string")
    for line in str(value).split("\n"):
        cell.addElement(P(text=line))
    return cell
