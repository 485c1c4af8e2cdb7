"""Collects what has arrived: every letter is kept raw before anything looks at it, and the mailbox is only read.

Belongs here: IMAP and how far a folder has been read. A folder is opened read-only, so nothing is marked, moved or
deleted; what was collected is known by UIDVALIDITY and UID (RFC 9051), and by the letter's digest when those change.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from imapclient import IMAPClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.ledger.events import record
from treem.ledger.store import Ledger
from treem.ledger.tables import LetterIn, Location, Mailbox
from treem.mailroom.connection import TROUBLE, Role, named_trouble, refuse_plain, tls_context
from treem.mailroom.errors import FolderMissing
from treem.plan.settings import Mail, Server

ROLE: Role = "nhận thư"
SIZES_AT_ONCE = 500


@dataclass(frozen=True)
class CollectTally:
    """How many letters were new, and how many were known already (the same bytes at another place)."""

    stored: int = 0
    seen: int = 0


@dataclass(frozen=True)
class _Arrived:
    """A letter as fetched. `whole` is False when it was too big and only its head was taken."""

    uid: int
    raw: bytes
    size: int
    received_at: datetime
    whole: bool


def collect(ledger: Ledger, mail: Mail, now: datetime) -> CollectTally:
    """Store every letter that has come since the last time. Raises MailUnreachable; what was stored stays stored."""
    tally: Counter[str] = Counter()
    with _open_mailbox(mail) as client:
        uidvalidity = _select(client, mail)
        mailbox_id, last_uid = _resume(ledger, mail, uidvalidity)
        for arrived in _fetch_after(client, mail, last_uid, now):
            tally[_keep(ledger, mailbox_id, uidvalidity, arrived, now)] += 1
    return CollectTally(**tally)


# ---- the server's side -----------------------------------------------------------------------------------------


@contextmanager
def _open_mailbox(mail: Mail) -> Iterator[IMAPClient]:
    refuse_plain(mail.imap, ROLE)
    with named_trouble(mail.imap, ROLE):
        client = _connect(mail.imap)
    try:
        with named_trouble(mail.imap, ROLE):
            if mail.imap.security == "starttls":
                client.starttls(tls_context())
            client.login(mail.imap.user or mail.address, mail.imap.password)
        yield client
    finally:
        with suppress(*TROUBLE):
            client.logout()


def _connect(server: Server) -> IMAPClient:
    direct_tls = server.security == "tls"
    context = tls_context() if direct_tls else None
    client = IMAPClient(server.host, server.port, ssl=direct_tls, ssl_context=context, timeout=server.timeout)
    client.normalise_times = False  # aware times, as the server stamped them
    return client


def _select(client: IMAPClient, mail: Mail) -> int:
    with named_trouble(mail.imap, ROLE):
        if client.folder_exists(mail.folder):
            return int(client.select_folder(mail.folder, readonly=True)[b"UIDVALIDITY"])
    raise FolderMissing(f"Hộp thư không có thư mục “{mail.folder}”. Hãy sửa mục folder trong mail.yaml.")


def _fetch_after(client: IMAPClient, mail: Mail, last_uid: int, now: datetime) -> Iterator[_Arrived]:
    """The letters above a UID, one at a time. A letter that vanished meanwhile is passed over."""
    with named_trouble(mail.imap, ROLE):
        # "n:*" always names the last letter, even when it is older than n (RFC 9051, 6.4.8)
        uids = sorted(uid for uid in client.search(f"UID {last_uid + 1}:*") if uid > last_uid)
    for start in range(0, len(uids), SIZES_AT_ONCE):
        batch = uids[start : start + SIZES_AT_ONCE]
        with named_trouble(mail.imap, ROLE):
            sizes = client.fetch(batch, ["RFC822.SIZE", "INTERNALDATE"])
        for uid in batch:
            with named_trouble(mail.imap, ROLE):
                arrived = _fetch(client, uid, sizes.get(uid, {}), mail.max_letter_bytes, now)
            if arrived:
                yield arrived


def _fetch(client: IMAPClient, uid: int, known: dict[bytes, object], limit: int, now: datetime) -> _Arrived | None:
    size = known.get(b"RFC822.SIZE", 0)
    whole = isinstance(size, int) and size <= limit
    part = "BODY[]" if whole else "BODY[HEADER]"
    raw = client.fetch([uid], [part.replace("BODY", "BODY.PEEK")]).get(uid, {}).get(part.encode())
    if not isinstance(raw, bytes):
        return None
    stamped = known.get(b"INTERNALDATE")
    # our own server's stamp, not the Date header: it decides "on time", also after we were off for days
    received = min(stamped, now) if isinstance(stamped, datetime) and stamped.tzinfo else now
    return _Arrived(uid, raw, size if isinstance(size, int) else len(raw), received, whole)


# ---- the ledger's side -----------------------------------------------------------------------------------------


def _resume(ledger: Ledger, mail: Mail, uidvalidity: int) -> tuple[int, int]:
    """The mailbox's row and how far it was read. Under a new UIDVALIDITY everything is looked at again."""
    account = mail.address.lower()
    with ledger.begin() as session:
        query = select(Mailbox).where(Mailbox.account == account, Mailbox.folder == mail.folder)
        mailbox = session.scalar(query.with_for_update())
        if mailbox is None:
            mailbox = Mailbox(account=account, folder=mail.folder, uidvalidity=uidvalidity, last_uid=0)
            session.add(mailbox)
        elif mailbox.uidvalidity != uidvalidity:
            mailbox.uidvalidity, mailbox.last_uid = uidvalidity, 0
        session.flush()
        return mailbox.id, mailbox.last_uid


def _keep(ledger: Ledger, mailbox_id: int, uidvalidity: int, arrived: _Arrived, now: datetime) -> str:
    """Original first, then row, place and progress in one transaction: a stop in between loses nothing."""
    sha = ledger.originals.keep(arrived.raw)
    with ledger.begin() as session:
        mailbox = session.get_one(Mailbox, mailbox_id, with_for_update=True)
        letter = session.scalar(select(LetterIn).where(LetterIn.raw_sha == sha))
        known = letter is not None
        if letter is None:
            letter = _new_letter(sha, arrived)
            session.add(letter)
            session.flush()
            record(session, "letter_stored", now, letter=letter.id, size=arrived.size)
        _note_place(session, mailbox_id, uidvalidity, arrived.uid, letter.id)
        if mailbox.uidvalidity == uidvalidity:
            mailbox.last_uid = max(mailbox.last_uid, arrived.uid)
    return "seen" if known else "stored"


def _new_letter(sha: str, arrived: _Arrived) -> LetterIn:
    letter = LetterIn(raw_sha=sha, size=arrived.size, received_at=arrived.received_at, state="stored", tries=0)
    if not arrived.whole:
        letter.state, letter.verdict = "hold", "too_big"
        letter.reason = f"thư nặng {arrived.size / 1e6:.1f} MB, vượt giới hạn; xem thư trong hộp thư của Phòng"
    return letter


def _note_place(session: Session, mailbox_id: int, uidvalidity: int, uid: int, letter_id: int) -> None:
    place = (Location.mailbox_id == mailbox_id, Location.uidvalidity == uidvalidity, Location.uid == uid)
    if session.scalar(select(Location.id).where(*place)) is None:
        session.add(Location(mailbox_id=mailbox_id, uidvalidity=uidvalidity, uid=uid, letter_in_id=letter_id))
