"""What waits for a person: the list, one letter in full, and its files on disk.

Belongs here: looking. What a person decides is in `decisions`.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from treem.forms.catalogue import PROBLEMS, problem_message
from treem.ledger.tables import LetterIn, Request, Round
from treem.mailroom.nested import inner_letters
from treem.mailroom.parse import Parsed, parse
from treem.rounds.answers import LOST_COLUMNS, files_of, read_workbooks
from treem.rounds.decisions import DecisionRefused
from treem.rounds.house import House

KINDS = {
    "unmatched": "Không rõ phiếu",
    "unauthenticated": "Chưa xác thực",
    "auto_reply": "Thư tự động",
    "several_forms": "Nhiều biểu mẫu",
    "forwarded": "Thư chuyển tiếp",
    "sealed": "Thư ký số, mã hóa",
    "bounce": "Báo lỗi gửi",
    "too_big": "Thư quá lớn",
    "odd": "Cấu trúc bất thường",
}
LONGEST_TEXT = 4000


@dataclass(frozen=True)
class Waiting:
    """A letter that waits, as the list shows it. The subject is left out: it may name a child."""

    id: int
    received: str
    sender: str
    body: str
    state: str  # hold, quarantine
    verdict: str | None
    kind: str  # the verdict in words
    reason: str

    @property
    def who(self) -> str:
        """The body, or where a stranger writes from: a private address is not for everybody to see."""
        return self.body if self.body != "–" else f"…@{self.sender.rpartition('@')[2]}"


@dataclass(frozen=True)
class FileShown:
    """A file of a letter. `what` says what it is, or why it cannot be read."""

    name: str
    size: int
    what: str


@dataclass(frozen=True)
class Shown:
    """One letter for the person who decides."""

    id: int
    state: str
    received: str
    sender: str
    subject: str
    authentication: str
    reason: str
    text: str
    files: tuple[FileShown, ...]
    requests: tuple[str, ...]  # "bao-cao-6-thang/2027/03424 (mã phiếu …)": requests of the sender's bodies


def waiting(house: House) -> list[Waiting]:
    """Every letter that waits for a person, oldest first."""
    query = select(LetterIn).where(LetterIn.state.in_(("hold", "quarantine"))).order_by(LetterIn.id)
    with house.ledger.begin(relaxed=True) as session:
        found = session.scalars(query).all()
    return [
        Waiting(
            letter.id,
            f"{house.local(letter.received_at):%H:%M %d/%m/%Y}",
            letter.sender or "–",
            ", ".join(_names_of(house, letter.sender)) or "–",
            letter.state,
            letter.verdict,
            "Cách ly" if letter.state == "quarantine" else KINDS.get(letter.verdict or "", letter.verdict or "–"),
            _reason(letter) or "–",
        )
        for letter in found
    ]


def show(house: House, letter_id: int) -> Shown:
    """One letter, taken apart again from its original. Raises DecisionRefused."""
    letter, raw, parsed = _opened(house, letter_id)
    return Shown(
        letter.id,
        letter.state,
        f"{house.local(letter.received_at):%H:%M %d/%m/%Y}",
        parsed.from_address or "không rõ",
        parsed.subject,
        {"pass": "đã xác thực", "fail": "có thể giả mạo"}.get(parsed.authentication, "chưa xác thực"),
        _reason(letter),
        parsed.text[:LONGEST_TEXT],
        tuple(_files(house, raw, parsed)),
        tuple(_requests(house, parsed.from_address)),
    )


def save(house: House, letter_id: int, folder: Path) -> list[Path]:
    """Write the letter and its files into the folder, readable by their owner only. Raises DecisionRefused."""
    _, raw, parsed = _opened(house, letter_id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    inner = [f for i in inner_letters(raw) for f in files_of(parse(i, house.settings.mail))]
    written = [_write(folder / f"thu-{letter_id}.eml", raw)]
    for n, file in enumerate((*files_of(parsed), *inner), 1):
        suffix = Path(file.name).suffix.lower()
        harmless = suffix if suffix.removeprefix(".").isalnum() and len(suffix) <= 5 else ".bin"
        written.append(_write(folder / f"thu-{letter_id}-tep-{n}{harmless}", file.data))
    return written


def _opened(house: House, letter_id: int) -> tuple[LetterIn, bytes, Parsed]:
    with house.ledger.begin(relaxed=True) as session:
        letter = session.get(LetterIn, letter_id)
    if letter is None:
        raise DecisionRefused(f"Không có thư số {letter_id}. Xem danh sách bằng: treem inbox.")
    raw = house.ledger.originals.read(letter.raw_sha)
    return letter, raw, parse(raw, house.settings.mail)


def _reason(letter: LetterIn) -> str:
    """The reason in words; of a file that could not be read the ledger keeps the rule's code."""
    reason = letter.reason or ""
    if reason in LOST_COLUMNS:
        return "không nhận ra các cột số liệu của biểu mẫu (tiêu đề cột bị đổi hoặc mất)"
    return problem_message(reason) if reason in PROBLEMS else reason


def _files(house: House, raw: bytes, parsed: Parsed) -> list[FileShown]:
    inner = [f for i in inner_letters(raw) for f in files_of(parse(i, house.settings.mail))]
    shown = []
    for file in (*files_of(parsed), *inner):
        (workbook,) = read_workbooks([file]) or (None,)
        if workbook is None:
            what = "ảnh, chữ ký trong thư" if file.inline else "không phải bảng tính"
        elif workbook.reading.kind == "form":
            what = (
                f"biểu mẫu {workbook.reading.form_code or '(không còn mã)'}, mã phiếu {workbook.reading.token or '–'}"
            )
        else:
            what = problem_message(workbook.reading.problem or "not_a_form")
        shown.append(FileShown(file.name or "(không tên)", len(file.data), what))
    return shown


def _names_of(house: House, sender: str | None) -> list[str]:
    return [b.name for b in house.settings.register_.by_address.get(sender or "", ()) if b.valid_to is None]


def _requests(house: House, sender: str | None) -> list[str]:
    bodies = {b.code for b in house.settings.register_.by_address.get(sender or "", ())}
    query = select(Round.key, Request.body, Request.token).join(Request).where(Request.body.in_(bodies))
    with house.ledger.begin(relaxed=True) as session:
        rows = session.execute(query.order_by(Request.id.desc()).limit(10)).all()
    return [f"{key}/{body} (mã phiếu {token})" for key, body, token in rows]


def _write(path: Path, data: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(data)
    return path
