"""From a stored letter to its outcome: classify, match, read, check, record.

The order is that of a helpdesk that believes nobody: duplicate, own letter, bounce, robot, request, sender,
authentication, workbook. A letter's whole outcome is one transaction; a letter that fails again and again is put in
quarantine and the others go on. What an answer leads to is in `answers`.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from traceback import extract_tb

from sqlalchemy import or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, joinedload

from treem.forms.sandbox import AT_ONCE
from treem.ledger.errors import StoreFull
from treem.ledger.events import record
from treem.ledger.tables import LetterIn, Location, Mailbox, Request, Submission
from treem.mailroom.contacts import note_undelivered, note_well
from treem.mailroom.match import Told, match, told_of
from treem.mailroom.parse import InAttachment, Parsed, parse
from treem.rounds.answers import Desk, Judged, Outcome, Workbook, files_of, judge, plan_and_body, read_workbooks
from treem.rounds.filing import came_earlier
from treem.rounds.house import House

MAX_TRIES = 3
PASSING = (StoreFull, OperationalError, ConnectionError, TimeoutError)
"""Failures of the house, not of the letter: it waits for the next pass, and no try is counted."""
MOST_AT_ONCE, BYTES_AT_ONCE = 8, 8_000_000  # letters taken apart while an earlier one is being recorded
UNAUTHENTICATED = {
    "fail": "máy chủ thư cho biết địa chỉ người gửi có thể bị giả mạo",
    "none": "máy chủ thư không xác thực được địa chỉ người gửi",
}
BY_ITS_WAY = ("unauthenticated", "junk")
"""Verdicts that say nothing of a letter, only of the way this copy of it came."""
ODD = "thư có cấu trúc bất thường, có phần chưa xem được; cần người xem"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IntakeTally:
    """How many letters ended how."""

    done: int = 0
    held: int = 0
    quarantined: int = 0


@dataclass(frozen=True)
class _Stored:
    """A letter that has been kept and not processed."""

    id: int
    size: int
    tries: int


@dataclass(frozen=True)
class _Taken:
    """A letter taken apart, outside any transaction."""

    parsed: Parsed
    files: tuple[InAttachment, ...]
    workbooks: tuple[Workbook, ...]


@dataclass(frozen=True)
class _Answers:
    """The letter answers this request, and may."""

    request: Request


def process_stored(house: House, now: datetime) -> IntakeTally:
    """Work through every stored letter, oldest first. One letter's failure never stops the next.

    A few letters are taken apart at a time, in the sandbox's children, while the first of them is being recorded.
    Raises what `PASSING` names: a full disk is no fault of the letter, which waits for the next pass untouched.
    """
    ends: Counter[str] = Counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for batch in _batches(_stored(house)):
            letters = _begin_tries(house, batch, ends, now)
            _process_batch(house, letters, pool, ends, now)
    return IntakeTally(ends["done"], ends["hold"], ends["quarantine"])


def _process_batch(
    house: House, letters: Sequence[LetterIn], pool: ThreadPoolExecutor, ends: Counter[str], now: datetime
) -> None:
    apart = [pool.submit(_take_apart, house, letter) for letter in letters]
    for place, (letter, taken) in enumerate(zip(letters, apart, strict=True)):
        try:
            ends[_process(house, letter, taken, now)] += 1
        except PASSING:
            _forget_tries(house, letters[place:])
            raise
        except Exception as error:  # poison: named, counted, and out of the way after MAX_TRIES
            log.error("Thư đến số %d chưa xử lý được: %s (%s)", letter.id, type(error).__name__, _frames(error))
            ends[_give_up(house, letter.id, type(error).__name__, now)] += 1


def _frames(error: Exception) -> str:
    """Where it happened, without the error's words: they may quote a cell or a header, and so a child's name."""
    frames = extract_tb(error.__traceback__)
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)


# ---- tries -----------------------------------------------------------------------------------------------------


def _stored(house: House) -> list[_Stored]:
    columns = (LetterIn.id, LetterIn.size, LetterIn.tries)
    query = select(*columns).where(LetterIn.state == "stored").order_by(LetterIn.received_at, LetterIn.id)
    with house.ledger.begin(relaxed=True) as session:
        return [_Stored(*row) for row in session.execute(query)]


def _batches(stored: Sequence[_Stored]) -> Iterator[list[_Stored]]:
    """A few letters of a bounded size together. A letter that was tried before may be poison: it goes alone."""
    batch: list[_Stored] = []
    for letter in stored:
        alone = letter.tries > 0 or bool(batch and batch[-1].tries > 0)
        if batch and (alone or len(batch) == MOST_AT_ONCE or sum(x.size for x in batch) + letter.size > BYTES_AT_ONCE):
            yield batch
            batch = []
        batch.append(letter)
    if batch:
        yield batch


def _begin_tries(house: House, batch: Sequence[_Stored], ends: Counter[str], now: datetime) -> list[LetterIn]:
    """Count the tries before they are made, so that a letter that kills the process is counted too.

    Gives the letters there is something left to try with.
    """
    query = select(LetterIn).where(LetterIn.id.in_([x.id for x in batch]))
    with house.ledger.begin(relaxed=True) as session:
        letters = list(session.scalars(query.order_by(LetterIn.received_at, LetterIn.id).with_for_update()))
        for letter in letters:
            if letter.state == "stored" and letter.tries >= MAX_TRIES:
                _quarantine(session, letter, "tiến trình bị dừng giữa chừng", now)
            if letter.state == "stored":
                letter.tries += 1
            else:
                ends[letter.state] += 1
        return [letter for letter in letters if letter.state == "stored"]


def _forget_tries(house: House, letters: Sequence[LetterIn]) -> None:
    untried = update(LetterIn).where(LetterIn.id.in_([x.id for x in letters]), LetterIn.state == "stored")
    with suppress(*PASSING), house.ledger.begin() as session:
        session.execute(untried.values(tries=LetterIn.tries - 1))


def _give_up(house: House, letter_id: int, reason: str, now: datetime) -> str:
    with house.ledger.begin() as session:
        letter = session.get_one(LetterIn, letter_id, with_for_update=True)
        if letter.state == "stored" and letter.tries >= MAX_TRIES:
            _quarantine(session, letter, reason, now)
        return letter.state


def _quarantine(session: Session, letter: LetterIn, reason: str, now: datetime) -> None:
    letter.state, letter.reason = "quarantine", f"không xử lý được sau {MAX_TRIES} lần thử ({reason})"
    record(session, "letter_quarantined", now, letter=letter.id, reason=reason)


# ---- one letter ------------------------------------------------------------------------------------------------


def _process(house: House, letter: LetterIn, apart: Future[_Taken], now: datetime) -> str:
    if letter.verdict is not None:
        with house.ledger.begin(relaxed=True) as session:
            return _note_earlier_receipt(house, session, session.get_one(LetterIn, letter.id, with_for_update=True))
    taken = apart.result()
    with house.ledger.begin(relaxed=True) as session:
        found = _classify(house, session, letter, taken)
        if isinstance(found, _Answers):
            _ = found.request.round  # loaded here: the judging has no session
    judged = judge(house, found.request, taken.workbooks) if isinstance(found, _Answers) else None
    with house.ledger.begin(relaxed=True) as session, session.no_autoflush:  # what must be written first, says so
        return _record_outcome(house, session, letter.id, taken, found, judged, now)


def _take_apart(house: House, letter: LetterIn) -> _Taken:
    """Parse the letter and read its workbooks, which takes its time. A bounce's files are our own, come back."""
    parsed = parse(house.ledger.originals.read(letter.raw_sha), house.settings.mail)
    files = () if parsed.is_own or parsed.is_bounce else files_of(parsed)
    return _Taken(parsed, files, read_workbooks(files))


def _record_outcome(
    house: House, session: Session, letter_id: int, taken: _Taken, found: Outcome | _Answers, judged: Judged | None,
    now: datetime,
) -> str:  # fmt: skip
    """Everything the letter leads to, in the caller's transaction."""
    letter = session.get_one(LetterIn, letter_id, with_for_update=True)
    if letter.state != "stored":  # another process was quicker
        return letter.state
    parsed = taken.parsed
    letter.message_id, letter.sender = parsed.message_id, parsed.from_address
    letter.content_key, letter.authentication = parsed.content_key, parsed.authentication
    twin = _twin(session, letter)
    if twin is not None and _came_better(found, twin):
        _put_behind(session, twin, letter)
        twin = None
    if twin is not None:
        outcome = _duplicate(house, session, letter, twin)
    elif isinstance(found, _Answers):
        outcome = _answer(house, session, letter, taken, found.request.id, judged, now)
    elif found.verdict == "bounce":
        outcome = _bounce(house, session, letter, parsed, now)
    else:
        outcome = found
    letter.state, letter.verdict, letter.reason = outcome.state, outcome.verdict, outcome.reason
    kind = "letter_done" if outcome.state == "done" else "letter_held"
    record(session, kind, now, request_id=letter.request_id, letter=letter.id, verdict=outcome.verdict)
    return outcome.state


def _classify(house: House, session: Session, letter: LetterIn, taken: _Taken) -> Outcome | _Answers:
    """What the letter is, decided without changing anything. Duplicates are looked for again when it is recorded."""
    parsed = taken.parsed
    if parsed.is_own:
        return Outcome("done", "own")
    if parsed.is_bounce:
        return Outcome("done", "bounce")
    tokens = [w.reading.token for w in taken.workbooks if w.reading.token]
    found = match(session, house.settings, parsed, tokens, house.local(letter.received_at).date())
    if parsed.is_auto_reply:
        carries_form = any(w.reading.kind == "form" for w in taken.workbooks)
        reason = "thư tự động có kèm biểu mẫu"
        return Outcome("hold", "auto_reply", reason) if carries_form else Outcome("done", "auto_reply")
    if found.request is None:
        if _only_in_junk(house, session, letter):
            return Outcome("done", "junk")
        return Outcome("hold", "unmatched", found.hold_reason or "không rõ thư trả lời phiếu yêu cầu nào")
    return _unless_unauthenticated(house, parsed, found.request)


def _unless_unauthenticated(house: House, parsed: Parsed, request: Request) -> Outcome | _Answers:
    _, body = plan_and_body(house, request)
    rule = house.settings.mail.authentication_of(body)
    if rule == "accept" or parsed.authentication == "pass":
        return _Answers(request) if parsed.whole else Outcome("hold", "odd", ODD)
    reason = UNAUTHENTICATED[parsed.authentication]
    return Outcome("hold" if rule == "hold" else "done", "unauthenticated", reason)


def _only_in_junk(house: House, session: Session, letter: LetterIn) -> bool:
    """Whether the provider took the letter for spam: then a stranger's letter is not put before a person."""
    query = (
        select(Mailbox.folder)
        .join(Location, Location.mailbox_id == Mailbox.id)
        .where(Location.letter_in_id == letter.id)
    )
    folders = set(session.scalars(query))
    return bool(folders) and house.settings.mail.folder not in folders


# ---- outcomes --------------------------------------------------------------------------------------------------


def _twin(session: Session, letter: LetterIn) -> LetterIn | None:
    """The same letter, taken in before by another route."""
    query = select(LetterIn).where(
        LetterIn.content_key == letter.content_key, LetterIn.id != letter.id, LetterIn.state != "stored"
    )
    return session.scalar(query.where(LetterIn.duplicate_of.is_(None)).order_by(LetterIn.id).limit(1))


def _came_better(found: Outcome | _Answers, twin: LetterIn) -> bool:
    """Whether the copy taken in before was put aside only for the way it came, and this one was not."""
    return twin.verdict in BY_ITS_WAY and (isinstance(found, _Answers) or found.verdict not in BY_ITS_WAY)


def _put_behind(session: Session, twin: LetterIn, letter: LetterIn) -> None:
    """The copy that came worse is the duplicate, whichever came first; the first receipt counts all the same."""
    letter.received_at = min(letter.received_at, twin.received_at)
    twin.state, twin.verdict, twin.reason = "done", "duplicate", None
    behind = or_(LetterIn.id == twin.id, LetterIn.duplicate_of == twin.id)
    session.flush()
    session.execute(update(LetterIn).where(behind).values(duplicate_of=letter.id))


def _duplicate(house: House, session: Session, letter: LetterIn, twin: LetterIn) -> Outcome:
    letter.duplicate_of, letter.request_id = twin.id, twin.request_id
    if letter.received_at < twin.received_at:
        twin.received_at = letter.received_at
        _tell_submission(house, session, twin)
    return Outcome("done", "duplicate")


def _note_earlier_receipt(house: House, session: Session, letter: LetterIn) -> str:
    """The letter was processed before; since then a copy that was received earlier has been found."""
    original = session.get_one(LetterIn, letter.duplicate_of) if letter.duplicate_of else letter
    original.received_at = min(original.received_at, letter.received_at)
    _tell_submission(house, session, original)
    letter.state = "done"
    return "done"


def _tell_submission(house: House, session: Session, letter: LetterIn) -> None:
    for submission in session.scalars(select(Submission).where(Submission.letter_in_id == letter.id)):
        came_earlier(house, session, submission, letter.received_at)


def _bounce(house: House, session: Session, letter: LetterIn, parsed: Parsed, now: datetime) -> Outcome:
    """A report counts only when it names a letter of ours and the address that letter went to."""
    told = told_of(session, house.settings, parsed)
    for about in told:
        letter.request_id = about.letter.request_id
        if about.lost and about.letter.state != "bounced":
            _undelivered(session, about, letter.received_at, now)
    if any(about.lost for about in told):
        return Outcome("done", "bounce")
    if told:
        return Outcome("done", "delayed")
    return Outcome("hold", "bounce", "thư báo lỗi không khớp với thư nào đã gửi")


def _undelivered(session: Session, about: Told, when: datetime, now: datetime) -> None:
    sent = about.letter
    sent.state, sent.last_code = "bounced", about.code or sent.last_code
    note_undelivered(session, sent.recipient, about.code, when, now)
    request = session.get(Request, sent.request_id) if sent.request_id else None
    if request and request.state in ("queued", "sent"):
        request.state = "bounced"
    record(session, "letter_bounced", now, sent.round_id, sent.request_id, letter_out=sent.id, code=about.code)


def _answer(
    house: House, session: Session, letter: LetterIn, taken: _Taken, request_id: int, judged: Judged | None,
    now: datetime,
) -> Outcome:  # fmt: skip
    with_round = joinedload(Request.round, innerjoin=True)
    request = session.get_one(Request, request_id, with_for_update={"of": Request}, options=[with_round])
    letter.request_id = request_id
    if taken.parsed.from_address:
        note_well(session, taken.parsed.from_address, letter.received_at, now)
    return Desk(house, session, letter, taken.parsed, request, now).take(_files(taken.files), taken.workbooks, judged)


def _files(files: Sequence[InAttachment]) -> list[InAttachment]:
    """What somebody sent, without the pictures and signatures that mail programs add."""
    return [file for file in files if not file.inline]
