"""The copy that goes back with a letter of findings: the sender's own workbook, with the cells to mend marked.

Belongs here: what the copy says to its reader, and asking the sandbox for it (`marking`). A letter goes without a copy
where none can be made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from treem.forms import sandbox
from treem.forms.catalogue import FoundFinding

MOST_LISTED = 500
MAX_COPY = 10_000_000


@dataclass(frozen=True)
class ReplyTexts:
    """The words on the sheet "Kiểm tra". `office` also signs the comments in the marked cells."""

    office: str = "Phòng LĐTBXH"
    title: str = "KẾT QUẢ KIỂM TRA BIỂU MẪU"
    error: str = "Phải sửa"
    warning: str = "Nên xem lại"
    to_mend: str = (
        "Các ô được tô đỏ ({errors} nội dung phải sửa): bấm vào tên ô ở cột “Ô” bên dưới để đến đúng ô đó rồi ghi lại "
        "cho đúng."
    )
    to_consider: str = (
        "Các ô được tô vàng ({warnings} nội dung nên xem lại): sửa lại; hoặc nếu số liệu đúng thì giữ nguyên và ghi lý "
        "do vào cột “Giải trình của đơn vị”."
    )
    to_return: str = (
        "Sửa xong, lưu tệp, rồi trả lời (Reply) thư của {office} và đính kèm chính tệp này. Không phải xóa trang này."
    )
    not_listed: str = "Còn {more} nội dung khác chưa liệt kê ở đây; xin sửa các nội dung trên trước."
    whole_sheet: str = "cả trang"
    whole_file: str = "cả tệp"
    copied: str = (
        "Tệp gửi đến không phải tệp .xlsx thông thường nên số liệu được chép sang tệp này, đúng vị trí cũ, không ô nào "
        "thay đổi."
    )


def mark_form(data: bytes, findings: Sequence[FoundFinding], texts: ReplyTexts | None = None) -> bytes | None:
    """A copy of that workbook as .xlsx, ready to be sent back and forth; None where none can be made."""
    texts = texts or ReplyTexts()
    by_weight = sorted(findings, key=lambda found: found.severity != "error")
    facts = {
        "findings": [asdict(found) for found in by_weight[:MOST_LISTED]],
        "guide": list(_guide(findings, texts)),
        "texts": asdict(texts),
    }
    try:
        answer = sandbox.run("mark", data, facts, most=MAX_COPY)
    except sandbox.Failed:
        return None
    return answer.body if answer.head.get("problem") is None and answer.body else None


def _guide(findings: Sequence[FoundFinding], texts: ReplyTexts) -> Iterator[str]:
    errors = sum(found.severity == "error" for found in findings)
    if errors:
        yield texts.to_mend.format(errors=errors)
    if errors < len(findings):
        yield texts.to_consider.format(warnings=len(findings) - errors)
    yield texts.to_return.format(office=texts.office)
    if len(findings) > MOST_LISTED:
        yield texts.not_listed.format(more=len(findings) - MOST_LISTED)
