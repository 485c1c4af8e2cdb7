"""Every rule a workbook can break, with its Vietnamese wording: what was found, and what to do about it.

Belongs here: rule codes, severities and sentences. When a rule applies is decided in `check`; why a file could not be
opened at all is decided in `child` and `read`, which name the rules of `PROBLEMS`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]
LONGEST_QUOTE = 60


@dataclass(frozen=True)
class Rule:
    """One entry of the catalogue. `found` and `todo` are templates for `str.format`."""

    code: str
    severity: Severity
    found: str
    todo: str

    def message(self, **facts: object) -> str:
        """What was found and what to do, with the facts put in."""
        quoted = {key: shortened(str(value)) for key, value in facts.items()}
        return f"{self.found.format(**quoted)} {self.todo.format(**quoted)}"


@dataclass(frozen=True)
class FoundFinding:
    """A finding in a workbook. Findings about the whole workbook have an empty sheet and cell."""

    rule: str
    severity: Severity
    sheet: str
    cell: str
    message: str
    justification: str = ""  # the body's own words, where it lets a warning stand


def finding(rule: str, sheet: str = "", cell: str = "", **facts: object) -> FoundFinding:
    """A finding of that rule. Raises KeyError for a rule that is not in the catalogue."""
    entry = RULES[rule]
    return FoundFinding(entry.code, entry.severity, sheet, cell, entry.message(**facts))


def problem_message(rule: str) -> str:
    """Why a file could not be read, in a sentence for the acknowledgement."""
    return PROBLEMS[rule].message()


def shortened(text: str) -> str:
    """The text on one line, cut so that a message stays readable."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"


def _by_code(rules: Iterable[Rule]) -> dict[str, Rule]:
    return {rule.code: rule for rule in rules}


_RESEND = "Đề nghị gửi lại tệp Excel gốc mà Phòng đã gửi kèm thư yêu cầu."
_WHERE = "{figure}, cột {column}:"

PROBLEMS: Mapping[str, Rule] = _by_code(
    (
        Rule("not_a_form", "error", "Tệp là bảng tính nhưng không phải biểu mẫu của đợt báo cáo này.", _RESEND),
        Rule(
            "not_a_workbook",
            "error",
            "Tệp không phải là bảng tính (có thể là ảnh, PDF, Word hoặc tệp nén).",
            _RESEND,
        ),
        Rule("empty_file", "error", "Tệp gửi kèm rỗng (0 byte).", "Đề nghị mở lại tệp, lưu và gửi lại."),
        Rule("damaged", "error", "Tệp bị hỏng, không mở được.", "Đề nghị mở bằng Excel, lưu lại (.xlsx) và gửi lại."),
        Rule("encrypted", "error", "Tệp được đặt mật khẩu mở.", "Đề nghị bỏ mật khẩu mở tệp và gửi lại."),
        Rule("too_large", "error", "Tệp lớn bất thường so với biểu mẫu.", "Chỉ điền vào biểu mẫu gốc và gửi lại."),
        Rule("unsafe", "error", "Tệp có cấu trúc bất thường nên không được mở.", _RESEND),
        Rule("too_heavy", "error", "Tệp không đọc được trong giới hạn cho phép (quá lớn hoặc bị hỏng).", _RESEND),
    )
)

RULES: Mapping[str, Rule] = _by_code(
    (
        *PROBLEMS.values(),
        # one cell
        Rule(
            "not_number",
            "error",
            _WHERE + " “{raw}” không phải là một con số.",
            "Chỉ ghi số, ví dụ 1234 (không có trường hợp nào thì ghi 0); diễn giải xin ghi vào cột Ghi chú.",
        ),
        Rule(
            "ambiguous_number",
            "error",
            _WHERE + " “{raw}” có thể hiểu theo nhiều cách.",
            "Ghi lại không dùng dấu ngăn hàng nghìn; phần lẻ (nếu có) dùng dấu phẩy, ví dụ 1234 hoặc 1234,5.",
        ),
        Rule(
            "dash",
            "error",
            _WHERE + " ô ghi “{raw}”, không rõ là bằng 0 hay chưa có số liệu.",
            "Ghi 0 nếu không có trường hợp nào; xóa trắng ô nếu chưa có số liệu; hoặc ghi “không áp dụng”.",
        ),
        Rule("negative", "error", _WHERE + " {raw} là số âm.", "Ghi số từ 0 trở lên."),
        Rule(
            "not_whole",
            "error",
            _WHERE + " {raw} không phải số nguyên.",
            "Chỉ tiêu này đếm theo {unit}: ghi số nguyên.",
        ),
        Rule("too_big", "error", _WHERE + " {raw} lớn bất thường.", "Kiểm tra lại số và đơn vị tính ({unit})."),
        Rule("date_value", "error", _WHERE + " ô chứa ngày tháng ({raw}), không phải số.", "Xóa ô rồi ghi lại con số."),
        Rule(
            "error_value", "error", _WHERE + " công thức trong ô báo lỗi ({raw}).", "Xóa công thức và ghi thẳng con số."
        ),
        Rule(
            "uncalculated",
            "error",
            _WHERE + " ô có công thức nhưng chưa có kết quả.",
            "Xóa công thức và ghi thẳng con số (hoặc mở bằng Excel, lưu lại rồi gửi).",
        ),
        Rule("not_yes_no", "error", _WHERE + " “{raw}” không phải “Có” hoặc “Không”.", "Chọn “Có” hoặc “Không”."),
        Rule(
            "rounded",
            "warning",
            _WHERE + " {raw} có nhiều hơn 3 chữ số thập phân.",
            "Số được làm tròn thành {number}; nếu chưa đúng, đề nghị gửi lại.",
        ),
        Rule(
            "unexpected_value",
            "warning",
            _WHERE + " biểu mẫu không hỏi cột này nhưng ô có ghi “{raw}”.",
            "Giá trị này không được tính; nếu cần, xin ghi vào cột Ghi chú.",
        ),
        Rule(
            "blank_total",
            "warning",
            "{figure} ({label}): chưa điền cột {column}; để trống khác với 0.",
            "Ghi 0 nếu không có trường hợp nào, “không áp dụng” nếu chỉ tiêu không thuộc đơn vị.",
        ),
        Rule(
            "broken_encoding",
            "error",
            "Chữ “{raw}” có vẻ gõ bằng phông TCVN3 (.VnTime), VNI hoặc bị lỗi mã.",
            "Gõ lại bằng bảng mã Unicode (phông Times New Roman) rồi gửi lại.",
        ),
        # one row, several cells
        Rule(
            "sum_mismatch",
            "error",
            "{figure}: nam {male} + nữ {female} = {sum}, khác tổng số {total}.",
            "Kiểm tra lại ba ô này để nam + nữ = tổng số.",
        ),
        Rule(
            "part_over_total",
            "error",
            "{figure}: cột {column} là {part}, lớn hơn tổng số {total}.",
            "Kiểm tra lại hai ô này; mỗi phần không được lớn hơn tổng số.",
        ),
        Rule(
            "minority_over_total",
            "error",
            "{figure}: dân tộc thiểu số là {part}, lớn hơn tổng số {total}.",
            "Kiểm tra lại hai ô này; số dân tộc thiểu số không được lớn hơn tổng số.",
        ),
        Rule(
            "inequality",
            "error",
            "{smaller} (cột {column}) là {small}, lớn hơn {larger} là {large}.",
            "“{smaller_label}” không thể lớn hơn “{larger_label}”: kiểm tra lại hai dòng.",
        ),
        Rule(
            "parts_mismatch",
            "error",
            "{figure} là {total}, khác tổng các dòng {parts} ({sum}).",
            "Kiểm tra lại các dòng này để tổng bằng đúng số cộng.",
        ),
        Rule(
            "verdict_mismatch",
            "warning",
            "{figure} ghi “{said}”, nhưng {why}.",
            "Chỉ ghi Có khi đủ điểm ở mọi tiêu chí, không tiêu chí nào 0 điểm và tổng từ {needed} điểm trở lên.",
        ),
        # rows and sheets
        Rule(
            "unknown_code",
            "warning",
            "Mã “{code}” không có trong biểu mẫu.",
            "Dòng này không được tính; đề nghị kiểm tra lại mã.",
        ),
        Rule(
            "duplicate_row",
            "error",
            "Mã {code} xuất hiện ở nhiều dòng ({other} và ô này) cùng có số liệu.",
            "Chỉ giữ một dòng cho mỗi mã và gửi lại.",
        ),
        Rule(
            "repeated_sheet",
            "error",
            "Trang tính “{sheet_name}” lặp lại các mã đã có ở trang “{other}” và cùng có số liệu.",
            "Chỉ giữ một trang số liệu và gửi lại.",
        ),
        Rule(
            "missing_row",
            "error",
            "Thiếu dòng {code} ({label}).",
            "Điền vào biểu mẫu gốc, không xóa dòng, rồi gửi lại.",
        ),
        Rule(
            "no_heading",
            "error",
            "Không tìm thấy dòng tiêu đề cột (Tổng số, Nam, Nữ, …) phía trên các dòng số liệu.",
            "Giữ nguyên dòng tiêu đề của biểu mẫu gốc và gửi lại.",
        ),
        Rule(
            "missing_column",
            "error",
            "Trang tính “{sheet_name}” thiếu cột {column}.",
            "Giữ nguyên các cột của biểu mẫu gốc và gửi lại.",
        ),
        Rule(
            "double_heading",
            "error",
            "Tiêu đề “{raw}” xuất hiện ở nhiều cột, không rõ cột nào là số liệu kỳ này.",
            "Giữ nguyên các cột của biểu mẫu gốc và gửi lại.",
        ),
        # the whole workbook
        Rule(
            "wrong_form",
            "error",
            "Tệp dùng biểu mẫu {found}, không phải {expected}.",
            "Điền vào biểu mẫu {expected} đã gửi kèm thư.",
        ),
        Rule(
            "wrong_version",
            "error",
            "Tệp dùng biểu mẫu phiên bản {found}, phiên bản đang dùng là {expected}.",
            "Điền vào biểu mẫu mới nhất đã gửi kèm thư.",
        ),
        Rule(
            "wrong_body",
            "error",
            "Biểu mẫu này cấp cho đơn vị có mã {found}, không phải đơn vị {expected}.",
            "Điền vào biểu mẫu gửi cho chính đơn vị mình và gửi lại.",
        ),
        Rule(
            "wrong_token",
            "error",
            "Mã phiếu trong tệp ({found}) không phải của phiếu yêu cầu này ({expected}).",
            "Điền vào biểu mẫu gửi kèm thư của đợt này và gửi lại.",
        ),
        Rule(
            "mixed_forms",
            "error",
            "Tệp ghép từ nhiều biểu mẫu: mã ghi trên trang tính ({shown}) khác mã trong tệp ({hidden}).",
            "Điền vào biểu mẫu gốc của đơn vị, không chép nguyên trang tính từ tệp khác.",
        ),
        Rule(
            "no_marker",
            "warning",
            "Tệp không còn mã biểu mẫu (có thể đã chép sang tệp khác).",
            "Số liệu vẫn được nhận theo mã chỉ tiêu; lần sau đề nghị điền vào tệp gốc.",
        ),
        Rule(
            "unknown_section",
            "warning",
            "Mục thuyết minh “{code}” không có trong biểu mẫu.",
            "Nội dung mục này không được đưa vào báo cáo.",
        ),
        Rule(
            "duplicate_section",
            "error",
            "Mục thuyết minh {code} xuất hiện nhiều lần.",
            "Chỉ giữ một ô cho mỗi mục và gửi lại.",
        ),
    )
)
