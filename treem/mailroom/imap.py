"""Collects what has arrived: every letter is kept raw before anything looks at it, and the mailbox is only read.

Belongs here: IMAP and how far a folder has been read. A folder is opened read-only, so nothing is marked, moved or
deleted; what was collected is known by UIDVALIDITY and UID (RFC 9051), and by the letter's digest when those change.
Every UID of a folder is compared with what is known once a day, and at the next pass when a fault left a letter out.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from imapclient import IMAPClient
from imapclient.imapclient import JUNK
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from treem.ledger.events import record
from treem.ledger.store import Ledger
from treem.ledger.tables import LetterIn, Location, Mailbox
from treem.mailroom import accounts
from treem.mailroom.connection import TROUBLE, Role, named_trouble, refuse_plain, tls_context
from treem.mailroom.errors import FolderMissing, LoginRefused, MailUnreachable
from treem.plan.settings import Mail, Server

ROLE: Role = "nhận thư"
SIZES_AT_ONCE = 500
LETTERS_AT_ONCE = 50
BYTES_AT_ONCE = 8_000_000
FULL_SCAN_EVERY = timedelta(hours=24)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CollectTally:
    """How many letters were new, known already (the same bytes at another place), or could not be fetched this time.

    `paused` is 1 while the account is left alone.
    """

    stored: int = 0
    seen: int = 0
    unfetched: int = 0
    paused: int = 0


@dataclass(frozen=True)
class _Arrived:
    """A letter as fetched. `whole` is False when it was too big and only its head was taken."""

    uid: int
    raw: bytes
    size: int
    received_at: datetime
    whole: bool


@dataclass(frozen=True)
class _Place:
    """A folder as it is known: how far it was read, and whether all of it is to be compared."""

    mailbox_id: int
    uidvalidity: int
    last_uid: int
    scan: bool


def collect(ledger: Ledger, mail: Mail, now: datetime) -> CollectTally:
    """Store every letter that has come since the last time. Raises MailUnreachable; what was stored stays stored."""
    if accounts.paused_until(ledger, "imap", mail.imap, now):
        return CollectTally(paused=1)
    tally: Counter[str] = Counter()
    try:
        with _Reader(mail) as reader:
            for folder in reader.folders():
                _collect_folder(ledger, mail, reader, folder, now, tally)
    except LoginRefused:
        accounts.pause(ledger, "imap", mail.imap, accounts.LOGIN, now + accounts.LOGIN_REFUSED, now)
        raise
    return CollectTally(**tally)


def _collect_folder(
    ledger: Ledger, mail: Mail, reader: "_Reader", folder: str, now: datetime, tally: Counter[str]
) -> None:
    place = _resume(ledger, mail, folder, reader.select(folder), now)
    uids = reader.uids(0 if place.scan else place.last_uid)
    if place.scan:
        known = _known_uids(ledger, place)
        uids = [uid for uid in uids if uid not in known]
    complete = True
    for batch in reader.batches(uids):
        arrived = reader.fetch(folder, batch, now)
        if len(arrived) < len(batch):
            tally["unfetched"] += len(batch) - len(arrived)
            complete = False
            _note_scan(ledger, place, None)
        tally.update(_keep(ledger, place, arrived, now))
    if place.scan and complete:
        _note_scan(ledger, place, now)


# ---- the server's side -----------------------------------------------------------------------------------------


class _Reader:
    """A connection that only reads. After a fault in a batch it connects again and takes the letters one by one."""

    def __init__(self, mail: Mail) -> None:
        refuse_plain(mail.imap, ROLE)
        self._mail = mail
        self._sizes: dict[int, Mapping[bytes, object]] = {}

    def __enter__(self) -> "_Reader":
        self._client = logged_in(self._mail)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(*TROUBLE):
            self._client.logout()

    def folders(self) -> list[str]:
        """The folder of the settings, and the junk folder where there is one."""
        with named_trouble(self._mail.imap, ROLE):
            if not self._client.folder_exists(self._mail.folder):
                raise FolderMissing(
                    f"Hộp thư không có thư mục “{self._mail.folder}”. Hãy sửa mục folder trong mail.yaml."
                )
            junk = self._mail.junk_folder and (self._client.find_special_folder(JUNK) or self._mail.junk_folder)
            found = [self._mail.folder]
            if junk and junk != self._mail.folder and self._client.folder_exists(junk):
                found.append(junk)
        return found

    def select(self, folder: str) -> int:
        """Open a folder for reading; its UIDVALIDITY."""
        with named_trouble(self._mail.imap, ROLE):
            self._uidvalidity = int(self._client.select_folder(folder, readonly=True)[b"UIDVALIDITY"])
        return self._uidvalidity

    def uids(self, last_uid: int) -> list[int]:
        """The UIDs above one, in order."""
        since = [b"SINCE", self._mail.collect_since] if self._mail.collect_since else []
        with named_trouble(self._mail.imap, ROLE):
            # "n:*" always names the last letter, even when it is older than n (RFC 9051, 6.4.8)
            found = self._client.search([b"UID", f"{last_uid + 1}:*", *since])
        return sorted(uid for uid in found if uid > last_uid)

    def batches(self, uids: Sequence[int]) -> Iterator[list[int]]:
        """The letters in batches that are fetched in one go: few, and of a bounded size together.

        While a batch is out, the sizes and stamps of its letters are at hand.
        """
        for start in range(0, len(uids), SIZES_AT_ONCE):
            some = uids[start : start + SIZES_AT_ONCE]
            with named_trouble(self._mail.imap, ROLE):
                self._sizes = self._client.fetch(some, ["RFC822.SIZE", "INTERNALDATE"])
            yield from self._batches_of(some)

    def _batches_of(self, uids: Sequence[int]) -> Iterator[list[int]]:
        batch: list[int] = []
        room = BYTES_AT_ONCE
        for uid in uids:
            size = min(self._size(uid), self._mail.max_letter_bytes)
            if batch and (len(batch) >= LETTERS_AT_ONCE or size > room):
                yield batch
                batch, room = [], BYTES_AT_ONCE
            batch.append(uid)
            room -= size
        if batch:
            yield batch

    def fetch(self, folder: str, batch: list[int], now: datetime) -> list[_Arrived]:
        """The letters of a batch; one that vanished meanwhile, or breaks the connection by itself, is left out.

        Raises MailUnreachable when the server is gone altogether, or gives its letters other numbers now.
        """
        try:
            with named_trouble(self._mail.imap, ROLE):
                return self._fetch(batch, now)
        except MailUnreachable:
            self._reconnect(folder)
            if len(batch) == 1:
                log.warning("Một thư chưa lấy được; sẽ thử lại ở lần nhận sau")
                return []
        return [arrived for uid in batch for arrived in self.fetch(folder, [uid], now)]

    def _fetch(self, batch: list[int], now: datetime) -> list[_Arrived]:
        arrived = []
        for part, uids in self._by_part(batch).items():
            if not uids:
                continue
            fetched = self._client.fetch(uids, [part.replace("BODY", "BODY.PEEK")])
            for uid in uids:
                raw = fetched.get(uid, {}).get(part.encode())
                if isinstance(raw, bytes):
                    size, whole = self._size(uid) or len(raw), part == "BODY[]"
                    arrived.append(_Arrived(uid, raw, size, self._received(uid, now), whole))
        return sorted(arrived, key=lambda a: a.uid)

    def _by_part(self, batch: list[int]) -> dict[str, list[int]]:
        """Of a letter that is too big only the head is taken."""
        whole = [uid for uid in batch if self._size(uid) <= self._mail.max_letter_bytes]
        return {"BODY[]": whole, "BODY[HEADER]": [uid for uid in batch if uid not in whole]}

    def _size(self, uid: int) -> int:
        size = self._sizes.get(uid, {}).get(b"RFC822.SIZE", 0)
        return size if isinstance(size, int) else 0

    def _received(self, uid: int, now: datetime) -> datetime:
        """Our own server's stamp, not the Date header: it decides "on time", also after we were off for days."""
        stamped = self._sizes.get(uid, {}).get(b"INTERNALDATE")
        return min(stamped, now) if isinstance(stamped, datetime) and stamped.tzinfo else now

    def _reconnect(self, folder: str) -> None:
        with suppress(*TROUBLE):
            self._client.shutdown()
        self._client = logged_in(self._mail)
        before = self._uidvalidity
        if self.select(folder) != before:  # the UIDs at hand are other letters' now
            raise MailUnreachable("Máy chủ nhận thư vừa đánh số lại hộp thư; lần chạy sau sẽ nhận tiếp.")


def folders(mail: Mail) -> list[str]:
    """The folders that are read: a look at whether the account works. Raises MailUnreachable."""
    with _Reader(mail) as reader:
        return reader.folders()


def logged_in(mail: Mail) -> IMAPClient:
    """A connection, logged in. Raises MailUnreachable."""
    with named_trouble(mail.imap, ROLE):
        client = _connect(mail.imap)
        try:
            if mail.imap.security == "starttls":
                client.starttls(tls_context())
            client.login(mail.imap.user or mail.address, mail.imap.password)
        except BaseException:
            with suppress(*TROUBLE):
                client.shutdown()
            raise
    return client


def _connect(server: Server) -> IMAPClient:
    direct_tls = server.security == "tls"
    context = tls_context() if direct_tls else None
    client = IMAPClient(server.host, server.port, ssl=direct_tls, ssl_context=context, timeout=server.timeout)
    client.normalise_times = False  # aware times, as the server stamped them
    return client


# ---- the ledger's side -----------------------------------------------------------------------------------------


def _resume(ledger: Ledger, mail: Mail, folder: str, uidvalidity: int, now: datetime) -> _Place:
    """The folder's row and how far it was read. Under a new UIDVALIDITY everything is looked at again."""
    with ledger.begin() as session:
        mailbox = _locked_mailbox(session, mail.address.lower(), folder, uidvalidity)
        if mailbox.uidvalidity != uidvalidity:
            mailbox.uidvalidity, mailbox.last_uid, mailbox.last_full_scan = uidvalidity, 0, None
        scanned = mailbox.last_full_scan
        return _Place(
            mailbox.id, uidvalidity, mailbox.last_uid, scan=scanned is None or now - scanned >= FULL_SCAN_EVERY
        )


def _locked_mailbox(session: Session, account: str, folder: str, uidvalidity: int) -> Mailbox:
    """The folder's row, made at the first reading; where two read for the first time at once, the other made it."""
    query = select(Mailbox).where(Mailbox.account == account, Mailbox.folder == folder).with_for_update()
    mailbox = session.scalar(query)
    if mailbox is not None:
        return mailbox
    with suppress(IntegrityError), session.begin_nested():
        session.add(Mailbox(account=account, folder=folder, uidvalidity=uidvalidity, last_uid=0))
    return session.scalars(query).one()


def _known_uids(ledger: Ledger, place: _Place) -> set[int]:
    here = (Location.mailbox_id == place.mailbox_id, Location.uidvalidity == place.uidvalidity)
    with ledger.begin(relaxed=True) as session:
        return set(session.scalars(select(Location.uid).where(*here)))


def _note_scan(ledger: Ledger, place: _Place, when: datetime | None) -> None:
    """When every UID was last compared; None: the next pass does it again."""
    with ledger.begin() as session:
        mailbox = session.get_one(Mailbox, place.mailbox_id, with_for_update=True)
        if mailbox.uidvalidity == place.uidvalidity:
            mailbox.last_full_scan = when


def _keep(ledger: Ledger, place: _Place, batch: Sequence[_Arrived], now: datetime) -> Counter[str]:
    """Originals first, then rows, places and progress in one transaction: a stop in between loses nothing."""
    if not batch:
        return Counter()
    shas = ledger.originals.keep_all([a.raw for a in batch])
    with ledger.begin() as session:
        mailbox = _locked(session, place)
        known = {x.raw_sha: x for x in session.scalars(select(LetterIn).where(LetterIn.raw_sha.in_(shas)))}
        new: dict[str, _Arrived] = {}
        for sha, arrived in zip(shas, batch, strict=True):
            if sha not in known:
                new[sha] = min(arrived, new.get(sha, arrived), key=lambda a: a.received_at)
        for sha, arrived in zip(shas, batch, strict=True):
            if sha in known and arrived.received_at < known[sha].received_at:
                _came_earlier(session, known[sha], arrived.received_at, now)
        ids = {sha: letter.id for sha, letter in known.items()} | _add_letters(session, new, now)
        _note_places(session, place, {a.uid: ids[sha] for sha, a in zip(shas, batch, strict=True)})
        if mailbox.uidvalidity == place.uidvalidity:
            mailbox.last_uid = max(mailbox.last_uid, *(arrived.uid for arrived in batch))
    return Counter(stored=len(new), seen=len(batch) - len(new))


def _locked(session: Session, place: _Place) -> Mailbox:
    """The folder's row, with every folder of the account locked: the same bytes may arrive in two folders at once."""
    account = select(Mailbox.account).where(Mailbox.id == place.mailbox_id).scalar_subquery()
    query = select(Mailbox).where(Mailbox.account == account).order_by(Mailbox.id)
    return next(m for m in session.scalars(query.with_for_update()).all() if m.id == place.mailbox_id)


def _add_letters(session: Session, new: Mapping[str, _Arrived], now: datetime) -> dict[str, int]:
    letters = [_new_letter(sha, arrived) for sha, arrived in new.items()]
    session.add_all(letters)
    session.flush()
    for letter in letters:
        record(session, "letter_stored", now, letter=letter.id, size=letter.size)
    return {letter.raw_sha: letter.id for letter in letters}


def _came_earlier(session: Session, letter: LetterIn, received_at: datetime, now: datetime) -> None:
    """Another copy of the letter was received before the one that is known: the first receipt counts."""
    letter.received_at = received_at
    if letter.state == "done":
        letter.state, letter.tries = "stored", 0  # whoever processes it sees by its verdict that only the time is new
    record(session, "letter_came_earlier", now, letter=letter.id)


def _new_letter(sha: str, arrived: _Arrived) -> LetterIn:
    letter = LetterIn(raw_sha=sha, size=arrived.size, received_at=arrived.received_at, state="stored", tries=0)
    if not arrived.whole:
        letter.state, letter.verdict = "hold", "too_big"
        letter.reason = f"thư nặng {arrived.size / 1e6:.1f} MB, vượt giới hạn; xem thư trong hộp thư của Phòng"
    return letter


def _note_places(session: Session, place: _Place, letters: Mapping[int, int]) -> None:
    here = (Location.mailbox_id == place.mailbox_id, Location.uidvalidity == place.uidvalidity)
    noted = set(session.scalars(select(Location.uid).where(*here, Location.uid.in_(letters))))
    rows = [
        {"mailbox_id": place.mailbox_id, "uidvalidity": place.uidvalidity, "uid": uid, "letter_in_id": letter_id}
        for uid, letter_id in letters.items()
        if uid not in noted
    ]
    if rows:
        session.execute(insert(Location), rows)
