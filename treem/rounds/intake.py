"""From a stored letter to its outcome: classify, match, read, check, record.

The order is that of a helpdesk that believes nobody: duplicate, own letter, bounce, robot, request, sender,
authentication, workbook. A letter's whole outcome is one transaction; a letter that fails again and again is put in
quarantine and the others go on. What an answer leads to is in `answers`.
"""

import gc
import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
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
from treem.ledger.tables import Contact, LetterIn, Location, Mailbox, Request, Submission
from treem.mailroom import contacts
from treem.mailroom.match import Signposts, Told, match, signposts, told_of
from treem.mailroom.parse import InAttachment, Parsed
from treem.rounds.answers import (
    Desk,
    Earlier,
    Judged,
    Outcome,
    Workbook,
    ack_key,
    earlier_of,
    files_of,
    judge,
    plan_and_body,
    read_workbooks,
)
from treem.rounds.filing import came_earlier
from treem.rounds.house import House
from treem.rounds.opening import open_letter

MAX_TRIES = 3
PASSING = (StoreFull, OperationalError, ConnectionError, TimeoutError)
"""Failures of the house, not of the letter: it waits for the next pass, and no try is counted."""
MOST_AT_ONCE, BYTES_AT_ONCE = 25, 8_000_000  # letters taken apart while an earlier one is being recorded
RARELY = 50_000  # new objects between two searches for rings
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

    @property
    def tokens(self) -> list[str]:
        """The tokens in its forms."""
        return [w.reading.token for w in self.workbooks if w.reading.token]


@dataclass(frozen=True)
class _Answers:
    """The letter answers this request, and may."""

    request: Request


@dataclass
class _Case:
    """A letter and what is known of it so far."""

    letter: LetterIn
    apart: Future[_Taken] | None  # None: it was processed before, only the time of its receipt is new
    found: Outcome | _Answers | None = None
    judged: Future[Judged | None] | None = None

    @property
    def taken(self) -> _Taken:
        """The letter taken apart. Raises what went wrong with that."""
        assert self.apart is not None
        return self.apart.result()

    @property
    def answers(self) -> Request | None:
        """The request it answers."""
        return self.found.request if isinstance(self.found, _Answers) else None


def process_stored(house: House, now: datetime) -> IntakeTally:
    """Work through every stored letter, oldest first. One letter's failure never stops the next.

    While some letters are being recorded, the next ones are taken apart and judged in the sandbox's children.
    Raises what `PASSING` names: a full disk is no fault of the letter, which waits for the next pass untouched.
    """
    with _rings_seldom_sought():
        return _process_stored(house, now)


def _process_stored(house: House, now: datetime) -> IntakeTally:
    pool = ThreadPoolExecutor(2 * AT_ONCE)  # while one thread hands a child's answer over, another feeds the child
    intake = _Intake(house, pool, now)
    try:
        for batch in _batches(_stored(house)):
            intake.take_on(batch)
        intake.finish()
    except PASSING:
        _forget_tries(house, list(intake.open.values()))
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return IntakeTally(intake.ends["done"], intake.ends["hold"], intake.ends["quarantine"])


@contextmanager
def _rings_seldom_sought() -> Iterator[None]:
    """Letters leave few rings of objects behind, and looking for them takes a sixth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(RARELY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Intake:
    """The letters on their way: a batch being taken apart, the one before it being judged, and so on."""

    def __init__(self, house: House, pool: ThreadPoolExecutor, now: datetime) -> None:
        self.ends: Counter[str] = Counter()
        self.open: dict[int, LetterIn] = {}  # tried, and without an end
        self._house, self._pool, self._now = house, pool, now
        self._apart: deque[list[_Case]] = deque()
        self._judged: deque[list[_Case]] = deque()

    def take_on(self, batch: Sequence[_Stored]) -> None:
        """Begin with a batch, and go on with those before it. A letter that was tried before has no company."""
        alone = batch[0].tries > 0
        if alone:
            self.finish()
        letters = _begin_tries(self._house, batch, self.ends, self._now)
        self.open |= {letter.id: letter for letter in letters}
        self._apart.append([self._case(letter) for letter in letters])
        if alone:
            self.finish()
        elif len(self._apart) > 1:
            self._judge()
        if len(self._judged) > 1:
            self._record()

    def finish(self) -> None:
        """Bring everything to its end."""
        while self._apart:
            self._judge()
        while self._judged:
            self._record()

    def _case(self, letter: LetterIn) -> _Case:
        noted = letter.verdict is not None
        return _Case(letter, None if noted else self._pool.submit(_take_apart, self._house, letter))

    def _judge(self) -> None:
        """Say what each letter of a batch is; forms are checked, and marked, by the pool."""
        cases = self._apart.popleft()
        self._all_or_each([case for case in cases if case.apart is not None], self._classify)
        self._judged.append([case for case in cases if case.letter.id in self.open])

    def _classify(self, cases: Sequence[_Case]) -> None:
        found = _classified(self._house, [(case.letter, case.taken) for case in cases])
        for case, outcome in zip(cases, found, strict=True):
            case.found = outcome
            if isinstance(outcome, _Answers):
                case.judged = self._pool.submit(judge, self._house, outcome.request, case.taken.workbooks)

    def _record(self) -> None:
        for company in _companies(self._judged.popleft()):
            self._all_or_each(company, self._process)

    def _process(self, cases: Sequence[_Case]) -> None:
        for case, end in zip(cases, _process(self._house, cases, self._now), strict=True):
            self._end(case, end)

    def _all_or_each(self, cases: Sequence[_Case], step: Callable[[Sequence[_Case]], None]) -> None:
        """A step for some letters in one go; where that fails, for one after the other, so that only one suffers."""
        if not cases:
            return
        try:
            step(cases)
        except PASSING:
            raise
        except Exception as error:
            if len(cases) > 1:
                for case in cases:
                    self._all_or_each([case], step)
                return
            (case,) = cases  # poison: named, counted, and out of the way after MAX_TRIES
            kind, letter_id = type(error).__name__, case.letter.id
            log.error("Thư đến số %d chưa xử lý được: %s (%s)", letter_id, kind, _frames(error))
            self._end(case, _give_up(self._house, letter_id, kind, self._now))

    def _end(self, case: _Case, state: str) -> None:
        self.ends[state] += 1
        del self.open[case.letter.id]


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


def _take_apart(house: House, letter: LetterIn) -> _Taken:
    """Parse the letter and read its workbooks, which takes its time. A bounce's files are our own, come back."""
    parsed, readings = open_letter(house.ledger.originals.read(letter.raw_sha), house.settings.mail)
    files = () if parsed.is_own or parsed.is_bounce else files_of(parsed)
    return _Taken(parsed, files, read_workbooks(files, readings))


def _classified(house: House, letters: Sequence[tuple[LetterIn, _Taken]]) -> list[Outcome | _Answers]:
    with house.ledger.begin(relaxed=True) as session:
        known = signposts(session, house.settings, [(taken.parsed, taken.tokens) for _, taken in letters])
        return [_classify(house, session, letter, taken, known) for letter, taken in letters]


def _companies(cases: Sequence[_Case]) -> Iterator[list[_Case]]:
    """The letters in order; together those that answer and have nothing in common: request, sender or content."""
    company: list[_Case] = []
    seen: set[object] = set()
    for case in cases:
        traits = _traits(case)
        if company and (traits is None or seen & traits):
            yield company
            company, seen = [], set()
        company.append(case)
        if traits is None:
            yield company
            company = []
        else:
            seen |= traits
    if company:
        yield company


def _traits(case: _Case) -> set[object] | None:
    """What no other letter recorded with it may share; None for one that is recorded alone."""
    request = case.answers
    if request is None or request.round.closed_at:
        return None
    parsed = case.taken.parsed
    return {request.id, parsed.from_address, parsed.content_key}


class _Acquainted(Exception):
    """One of the letters has come before: it has to do with more than its own request."""


@dataclass(frozen=True)
class _Known:
    """What the ledger knows of some letters, asked once for all of them; what they will change is locked."""

    letters: Mapping[int, LetterIn]
    twins: Mapping[str | None, LetterIn]  # by content
    requests: Mapping[int, Request]
    contacts: Mapping[str, Contact]
    earlier: Earlier


def _process(house: House, cases: Sequence[_Case], now: datetime) -> list[str]:
    """Record some letters in one transaction; their states. All letters but one must have nothing in common."""
    with house.ledger.begin(relaxed=True) as session, session.no_autoflush:  # what must be written first, says so
        known = _known(session, cases, now)
        if known.twins and len(cases) > 1:
            raise _Acquainted
        return [_record_outcome(house, session, case, known, now) for case in cases]


def _known(session: Session, cases: Sequence[_Case], now: datetime) -> _Known:
    new = [case for case in cases if case.apart is not None]
    letters = _locked(session, [case.letter.id for case in cases])
    answered = {case.letter.id: case.answers.id for case in new if case.answers}
    query = select(Request).where(Request.id.in_(set(answered.values()))).order_by(Request.id)
    query = query.options(joinedload(Request.round, innerjoin=True)).with_for_update(of=Request)
    requests = {request.id: request for request in session.scalars(query)} if answered else {}
    return _Known(
        letters,
        _twins(session, {case.taken.parsed.content_key for case in new}, letters),
        requests,
        contacts.locked(session, [s for case in new if case.answers and (s := case.taken.parsed.from_address)]),
        earlier_of(session, list(requests.values()), [ack_key(letters[letter_id]) for letter_id in answered], now),
    )


def _locked(session: Session, ids: Sequence[int]) -> dict[int, LetterIn]:
    query = select(LetterIn).where(LetterIn.id.in_(ids)).order_by(LetterIn.received_at, LetterIn.id)
    return {letter.id: letter for letter in session.scalars(query.with_for_update())}


def _record_outcome(house: House, session: Session, case: _Case, known: _Known, now: datetime) -> str:
    """Everything the letter leads to, in the caller's transaction."""
    letter = known.letters[case.letter.id]
    if letter.state != "stored":  # another process was quicker
        return letter.state
    if case.found is None:
        return _note_earlier_receipt(house, session, letter)
    found, parsed = case.found, case.taken.parsed
    letter.message_id, letter.sender = parsed.message_id, parsed.from_address
    letter.content_key, letter.authentication = parsed.content_key, parsed.authentication
    twin = known.twins.get(letter.content_key)
    if twin is not None and _came_better(found, twin):
        _put_behind(session, twin, letter)
        twin = None
    if twin is not None:
        outcome = _duplicate(house, session, letter, twin)
    elif isinstance(found, _Answers):
        outcome = _answer(house, session, letter, case, known, now)
    elif found.verdict == "bounce":
        outcome = _bounce(house, session, letter, parsed, now)
    else:
        outcome = found
    letter.state, letter.verdict, letter.reason = outcome.state, outcome.verdict, outcome.reason
    kind = "letter_done" if outcome.state == "done" else "letter_held"
    record(session, kind, now, request_id=letter.request_id, letter=letter.id, verdict=outcome.verdict)
    return outcome.state


def _classify(house: House, session: Session, letter: LetterIn, taken: _Taken, known: Signposts) -> Outcome | _Answers:
    """What the letter is, decided without changing anything. Duplicates are looked for again when it is recorded."""
    parsed = taken.parsed
    if parsed.is_own:
        return Outcome("done", "own")
    if parsed.is_bounce:
        return Outcome("done", "bounce")
    on = house.local(letter.received_at).date()
    found = match(session, house.settings, parsed, taken.tokens, on, known)
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


def _twins(session: Session, keys: Collection[str], but: Collection[int]) -> dict[str | None, LetterIn]:
    """The same letters, taken in before by another route."""
    query = select(LetterIn).where(LetterIn.content_key.in_(keys), LetterIn.id.not_in(but), LetterIn.state != "stored")
    found = session.scalars(query.where(LetterIn.duplicate_of.is_(None)).order_by(LetterIn.id.desc()))
    return {twin.content_key: twin for twin in found}  # of several the first


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
    contacts.note_undelivered(session, sent.recipient, about.code, when, now)
    request = session.get(Request, sent.request_id) if sent.request_id else None
    if request and request.state in ("queued", "sent"):
        request.state = "bounced"
    record(session, "letter_bounced", now, sent.round_id, sent.request_id, letter_out=sent.id, code=about.code)


def _answer(house: House, session: Session, letter: LetterIn, case: _Case, known: _Known, now: datetime) -> Outcome:
    assert case.answers is not None and case.judged is not None
    request, parsed, workbooks = known.requests[case.answers.id], case.taken.parsed, case.taken.workbooks
    letter.request_id = request.id
    if contact := known.contacts.get(parsed.from_address or ""):
        contacts.become_well(session, contact, letter.received_at, now)
    desk = Desk(house, session, letter, parsed, request, now, known.earlier)
    return desk.take(_files(case.taken.files), workbooks, case.judged.result())


def _files(files: Sequence[InAttachment]) -> list[InAttachment]:
    """What somebody sent, without the pictures and signatures that mail programs add."""
    return [file for file in files if not file.inline]
