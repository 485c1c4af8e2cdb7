"""Builds a request as the office sends it: a small workbook in the layout of the forms, and the letter around it."""

from email.message import EmailMessage
from email.policy import SMTP
from io import BytesIO

from openpyxl import Workbook
from openpyxl.styles import Protection
from openpyxl.worksheet.datavalidation import DataValidation

OFFICE = "treem@tamduong.test"
TOKEN = "0A1B2C3D4E"
HEADINGS = {"total": "Tổng số", "male": "Nam", "female": "Nữ", "minority": "Dân tộc thiểu số"}
ALL = ("total", "male", "female", "minority")
FIGURES = (
    ("LD-01", "Tổng số trẻ em trên địa bàn", "trẻ em", ALL),
    ("LD-03", "Số trẻ em có hoàn cảnh đặc biệt được trợ giúp", "trẻ em", ("total", "male", "female")),
    ("LD-02", "Số trẻ em có hoàn cảnh đặc biệt", "trẻ em", ALL),
    ("LD-11", "Số trẻ em bị tai nạn, thương tích", "trẻ em", ("total",)),
    ("LD-12", "Số trẻ em tử vong do tai nạn", "trẻ em", ("total", "male", "female")),
    ("LD-13", "Trong đó: do đuối nước", "trẻ em", ("total", "male", "female")),
    ("LD-24.2", "Số trẻ em được tặng quà", "lượt trẻ em", ("total", "minority")),
    ("TC-04", "Kinh phí tự bố trí", "triệu đồng", ("total",)),
    ("XA-09", "Đã ban hành cơ chế phối hợp", "có/không", ("total",)),
)
SECTIONS = (("III.9.5", "Chủ động thông báo, phối hợp với Tổng đài 111"), ("ton-tai", "Tồn tại, hạn chế"))
OPEN = Protection(locked=False)


def build_form() -> bytes:
    """Title rows above, codes in A, headings in row 6, last year's figures locked on the right, a remarks column."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Số liệu"
    sheet["A1"] = "BIỂU MẪU BÁO CÁO 6 THÁNG"
    sheet["D2"] = f"Mã phiếu: {TOKEN}"
    sheet["D5"], sheet["H5"] = "Kỳ này", "Cùng kỳ năm trước"
    for column, text in enumerate(("Mã", "Chỉ tiêu", "Đơn vị tính", *HEADINGS.values(), "Tổng số", "Ghi chú"), 1):
        sheet.cell(6, column, text)
    for row, (code, label, unit, columns) in enumerate(FIGURES, 8):
        sheet.cell(row, 1, code)
        sheet.cell(row, 2, label)
        sheet.cell(row, 3, unit)
        for place, column in enumerate(ALL, 4):
            if column in columns:
                sheet.cell(row, place).protection = OPEN
        sheet.cell(row, 8, 7)
        sheet.cell(row, 9).protection = OPEN
    rule = DataValidation(type="list", formula1='"Có,Không"')
    rule.add("D16")
    sheet.add_data_validation(rule)
    _narrative_and_marker(book)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _narrative_and_marker(book: Workbook) -> None:
    prose = book.create_sheet("Thuyết minh")
    for row, (code, title) in enumerate(SECTIONS, 3):
        prose.cell(row, 1, code)
        prose.cell(row, 2, title)
        prose.cell(row, 3).protection = OPEN
    marker = book.create_sheet("treem")
    marker.sheet_state = "veryHidden"
    for row, (key, value) in enumerate((("token", TOKEN), ("form", "BM-XA"), ("version", 1), ("body", "03424")), 1):
        marker.cell(row, 1, key)
        marker.cell(row, 2, value)


def asking(to: str, number: int = 1, form: bytes | None = None) -> bytes:
    """The request, or the reminder or chase with that number; all of them bring the workbook."""
    letter = _letter(
        to, f"<req-{number}-{TOKEN}@tamduong.test>", "Đề nghị báo cáo 6 tháng năm 2027", "Kính gửi đơn vị …"
    )
    letter.add_attachment(
        form or build_form(),
        maintype="application",
        subtype="vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        filename="BM-XA-03424-bao-cao-6-thang-2027.xlsx",
    )
    return letter.as_bytes()


def acknowledging(to: str, answered: str, text: str) -> bytes:
    """An acknowledgement of the letter with that Message-ID."""
    letter = _letter(to, f"<ack-{answered.strip('<>')}", "Đã nhận báo cáo", text)
    letter["In-Reply-To"] = answered
    return letter.as_bytes()


def _letter(to: str, message_id: str, subject: str, text: str) -> EmailMessage:
    letter = EmailMessage(policy=SMTP)
    letter["From"] = f"Phong LDTBXH <{OFFICE}>"
    letter["To"] = to
    letter["Reply-To"] = OFFICE.replace("@", f"+{TOKEN}@")
    letter["Subject"] = f"{subject} [#{TOKEN}]"
    letter["Message-ID"] = message_id
    letter.set_content(text)
    return letter
