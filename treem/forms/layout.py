"""What a form looks like from both sides: names of sheets, headings, marks, and how text from a cell is tidied.

Belongs here: what the writer and the reader must agree on. The child process imports this module, so it uses the
standard library only.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

FIGURES_SHEET = "Số liệu"
NARRATIVE_SHEET = "Thuyết minh"
MARKER_SHEET = "treem"
MARKER_KEYS = ("token", "form", "version", "body", "round")
REPLY_SHEET = "Kiểm tra"
REPLY_HEADINGS = ("STT", "Mức", "Trang", "Ô", "Nội dung và cách sửa", "Giải trình của đơn vị", "Khóa")
NO_REPLY = "–"  # stands where a body has nothing to say: what must be mended cannot be explained away

COLUMNS = ("total", "male", "female", "minority")
HEADINGS: Mapping[str, str] = {"total": "Tổng số", "male": "Nam", "female": "Nữ", "minority": "Dân tộc thiểu số"}
CODE_HEADING = "Mã số"
NOTE_HEADING = "Ghi chú"
ANSWER_HEADING = "Kết quả thực hiện (đơn vị ghi vào cột này)"
NOT_APPLICABLE = "không áp dụng"
FONT = "Times New Roman"
INPUT_COLOUR, CLOSED_COLOUR, HEAD_COLOUR = "#FFF9DB", "#D9D9D9", "#E4ECF5"

VISIBLE_MARKS: Mapping[str, re.Pattern[str]] = {
    "token": re.compile(r"\bmã phiếu:?\s*#?([0-9a-z][0-9a-z_-]{3,63})", re.IGNORECASE),
    "form": re.compile(r"\bbiểu mẫu:?\s*([0-9a-z]+(?:-[0-9a-z]+)+)", re.IGNORECASE),
    "version": re.compile(r"\bphiên bản:?\s*(\d{1,6})\b", re.IGNORECASE),
    "body": re.compile(r"\bmã đơn vị:?\s*([0-9a-z][0-9a-z-]*)", re.IGNORECASE),
}

_COLUMN_WORDS: Mapping[str, re.Pattern[str]] = {
    "total": re.compile(r"(tổng|tổng số|tổng cộng|tong so)"),
    "male": re.compile(r"(trẻ em )?nam( giới)?"),
    "female": re.compile(r"((trẻ em )?nữ( giới)?|nu)"),
    "minority": re.compile(r"(trẻ em |người )?(dân tộc thiểu số|dtts|dân tộc ít người|dan toc thieu so)"),
}
_NOTE_WORDS = re.compile(r"ghi chú")
_ANSWER_WORDS = re.compile(r"(kết quả thực hiện|nội dung báo cáo|nội dung trả lời)\b.*")
_CODE_WORDS = re.compile(r"mã( số)?")
_LEADING = re.compile(r"^(trong đó|chia ra|số)\b[:\s]*")
_FIGURE_CODE = re.compile(r"[A-Z][A-Z0-9]{0,5}-\d{1,3}(\.\d{1,2})?")
_SECTION_CODE = re.compile(r"[IVXLC]+(\.\d{1,3})*|[a-z0-9]+(-[a-z0-9]+)*")
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−－", "-"))
MOST_REMEMBERED, LONGEST_REMEMBERED = 4096, 200
_KEPT_CONTROLS = "\n\t"
_DROPPED = ("Cc", "Cf", "Cs", "Co")


def composed(text: str) -> str:
    """NFC, without zero-width, direction and control characters; new lines stay."""
    if text.isprintable() and unicodedata.is_normalized("NFC", text) and "_x000D_" not in text:
        return text  # nearly every cell
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("_x000D_", ""))
    return "".join(ch for ch in text if ch in _KEPT_CONTROLS or unicodedata.category(ch) not in _DROPPED)


def one_line(text: str) -> str:
    """Composed text on one line with single spaces."""
    return " ".join(composed(text).split())


def plain_dashes(text: str) -> str:
    """Every kind of dash and minus (office programs replace "-" while typing) as "-"."""
    return text.translate(_DASHES)


def figure_code(text: str) -> str | None:
    """The figure code a cell consists of, if it does."""
    code = plain_dashes(one_line(text)).upper().replace(" ", "")
    return code if _FIGURE_CODE.fullmatch(code) else None


def section_code(text: str) -> str | None:
    """The duty code or closing key a cell consists of, if it does."""
    code = plain_dashes(one_line(text))
    return code if _SECTION_CODE.fullmatch(code) else None


def column_heading(text: str) -> str | None:
    """Which column a heading names: total, male, female, minority, note, answer or code."""
    words = one_line(text).casefold().strip(" :*.")
    if _ANSWER_WORDS.fullmatch(words):
        return "answer"
    words = _LEADING.sub("", re.sub(r"\s*\(.*\)$", "", words))
    others = {"note": _NOTE_WORDS, "code": _CODE_WORDS}
    return next((key for key, rule in (*_COLUMN_WORDS.items(), *others.items()) if rule.fullmatch(words)), None)


def signs(text: str) -> tuple[str | None, str | None]:
    """The column it heads and the figure code it is. The same texts come in form after form; long ones come once."""
    return _signs(text) if len(text) <= LONGEST_REMEMBERED else _signs.__wrapped__(text)


@lru_cache(MOST_REMEMBERED)
def _signs(text: str) -> tuple[str | None, str | None]:
    return column_heading(text), figure_code(text)


def cell_name(row: int, column: int) -> str:
    """ "D12" for row 12, column 4 (both from 1)."""
    return f"{column_letters(column)}{row}"


@lru_cache(512)
def column_letters(column: int) -> str:
    """ "D" for column 4."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
