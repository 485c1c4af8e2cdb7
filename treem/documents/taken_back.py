"""A Word file that was edited by hand, looked at before it is taken back in: readable, bounded, without macros.

What it says is the office's business; what it must not carry is hidden text, code, and links that load something.
"""

import re
import zipfile
from io import BytesIO

from docx import Document

from treem.forms.unpack import MAX_ENTRIES, OLE, ZIP, Refused, inflated

MAX_BYTES = 20_000_000
CODE = re.compile(r"vbaProject|vbaData|/activeX|/embeddings/", re.IGNORECASE)
CHANGED = re.compile(rb"<w:(ins|del|moveFrom|moveTo|commentReference)[\s>/]")
RELATION = re.compile(rb"<Relationship\b[^>]*>")
FILE = "Hãy mở tệp dự thảo trong Word, sửa và lưu thành .docx."

REFUSED = {
    "encrypted": f"Tệp có mật khẩu. {FILE}",
    "too_large": "Tệp giải nén quá lớn. Hãy giảm dung lượng hình ảnh trong tệp.",
}


class NotTaken(Exception):
    """The file is not taken; the words say why and what to do."""


def check_docx(data: bytes) -> None:
    """Raises NotTaken unless the file may be what is approved and sent."""
    if len(data) > MAX_BYTES:
        raise NotTaken(f"Tệp lớn hơn {MAX_BYTES // 1_000_000} MB. Hãy giảm dung lượng hình ảnh trong tệp.")
    if data.startswith(OLE):
        raise NotTaken(f"Tệp là .doc cũ hoặc có mật khẩu. {FILE}")
    if not data.startswith(ZIP):
        raise NotTaken(f"Tệp không phải tệp Word. {FILE}")
    try:
        with zipfile.ZipFile(BytesIO(data)) as package:
            _check_parts(_inflated(package))
        if not Document(BytesIO(data)).paragraphs:
            raise NotTaken(f"Tệp không có nội dung. {FILE}")
    except NotTaken:
        raise
    except Exception as error:  # python-docx lets out whatever zip and XML parsing raise
        raise NotTaken(f"Tệp bị hỏng, không đọc được. {FILE}") from error


def _inflated(package: zipfile.ZipFile) -> dict[str, bytes]:
    """Every part, within the limits of a package."""
    entries = package.infolist()
    if len(entries) > MAX_ENTRIES or len({e.filename.casefold() for e in entries}) != len(entries):
        raise NotTaken(f"Tệp có cấu trúc lạ. {FILE}")
    try:
        return inflated(package, entries, lambda _name: True)
    except Refused as refused:
        raise NotTaken(REFUSED[refused.problem]) from refused


def _check_parts(parts: dict[str, bytes]) -> None:
    if "word/document.xml" not in parts:
        raise NotTaken(f"Tệp không phải tệp Word. {FILE}")
    if any(CODE.search(f"/{name}") for name in parts) or b"macroEnabled" in parts.get("[Content_Types].xml", b""):
        raise NotTaken("Tệp có macro hoặc đối tượng nhúng. Hãy bỏ đi và lưu thành .docx.")
    for name, part in parts.items():
        if name.endswith((".xml", ".rels")) and (b"<!DOCTYPE" in part or b"<!ENTITY" in part or b"\0" in part):
            raise NotTaken(f"Tệp có cấu trúc lạ. {FILE}")
        if name.startswith("word/") and name.endswith(".xml") and CHANGED.search(part):
            raise NotTaken(
                "Tệp còn thay đổi chưa chấp nhận (Track Changes) hoặc bình luận. Hãy chấp nhận hết, xóa bình luận."
            )
        if name.endswith(".rels") and any(_loads(relation) for relation in RELATION.findall(part)):
            raise NotTaken("Tệp nạp nội dung từ nơi khác (mẫu hoặc hình ảnh liên kết). Hãy nhúng hình, bỏ liên kết.")


def _loads(relation: bytes) -> bool:
    """Whether opening the document would fetch something: any outside target but a hyperlink."""
    return b'TargetMode="External"' in relation and b'/hyperlink"' not in relation
