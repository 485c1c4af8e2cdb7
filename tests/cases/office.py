"""An office that has asked three bodies, made once and copied for every case; and a hand at each end of the line.

Belongs here: preparing, copying, handing letters in over SMTP as a body's mail program does, and looking at what became
of them.
"""

import imaplib
import shutil
import smtplib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import select

from tests.cases.letters import File, answer
from tests.cases.workbooks import typed
from tests.rounds.conftest import CONFIG, ROUND, World, at
from tests.rounds.desk import OPENING, Desk, few_bodies
from treem.ledger.store import open_ledger
from treem.ledger.tables import Contact, Event, Finding, LetterIn, LetterOut, Request, Round, Submission
from treem.mailroom import smtp
from treem.plan.almanac import Almanac
from treem.plan.load import load_settings
from treem.plan.settings import Mail, Settings
from treem.rehearsal.mail_server import Accepted
from treem.rehearsal.postbox import Letter, read_letter
from treem.rehearsal.stage import PASSWORD, PASSWORD_NAME, Stage, set_stage, write_config
from treem.rounds.house import House
from treem.rounds.steps import carry_out

JUNE = at(6, 1)
LATER = at(6, 1, 9)
FILE = "Báo cáo.xlsx"
STRANGER = "la@noi-khac.test"
SUPERIOR = "lanh-dao@tamduong.test"
SECOND = "dai-2@tamduong.test"  # an address of `dai` where a case gives it two
ELSEWHERE = (STRANGER, SUPERIOR, SECOND)
SAID = {
    "accepted": "số liệu hợp lệ",
    "correction": "sửa số liệu trong",
    "blank": "chưa có số liệu",
    "duplicate": "đã được nhận trước đó",
    "link": "chỉ có đường liên kết",
    "prose": "Chưa có biểu mẫu kèm theo",
    "unreadable": "Không đọc được tệp",
}
"""What the subjects of acknowledgements say."""


@dataclass(frozen=True)
class Prepared:
    """The office after asking: its ledger as files, its settings, and what the server took so far."""

    stage: Stage
    settings: Settings
    folder: Path
    taken: tuple[Accepted, ...]

    def desk(self, home: Path, mail: Mapping[str, Any] | None = None) -> "CaseDesk":
        """A copy of the office under `home`, with an empty mailbox; `mail` replaces entries of mail.yaml."""
        shutil.copytree(self.folder, home, dirs_exist_ok=True)
        empty(self.stage, self.settings.mail, self.taken)
        settings = self.settings
        if mail:
            settings = settings.model_copy(update={"mail": settings.mail.model_copy(update=dict(mail))})
        world = World(self.stage, lambda: house_in(home, settings), settings)
        return CaseDesk(world, world.open(), before=len(self.taken))


def stage_for_cases() -> Stage:
    """A stage with the register's mailboxes and some of people who are not in it."""
    stage = set_stage(load_settings(CONFIG, {}))
    stage.mail.users.update(dict.fromkeys(ELSEWHERE, PASSWORD))
    return stage


def prepare(stage: Stage, folder: Path, bodies: Mapping[str, Mapping[str, Any]] | None = None) -> Prepared:
    """Write the config, `bodies` changing entries of bodies.yaml, open the round and send the requests."""
    settings = configured(stage, folder, bodies)
    house = house_in(folder, settings)
    empty(stage, settings.mail, ())
    carry_out(house, ROUND, OPENING)
    smtp.send_due(house.ledger, settings.mail, OPENING)
    house.ledger.engine.dispose()
    return Prepared(stage, settings, folder, tuple(stage.mail.log))


def configured(stage: Stage, folder: Path, bodies: Mapping[str, Mapping[str, Any]] | None = None) -> Settings:
    """The config of a few bodies, as files in the folder."""
    config = folder / "config"
    write_config(CONFIG, config, stage, load_settings(CONFIG, {}))
    few_bodies(config)
    file = config / "bodies.yaml"
    register = yaml.safe_load(file.read_text(encoding="utf-8"))
    for entry in register["bodies"]:
        entry.update((bodies or {}).get(entry["code"], {}))
    file.write_text(yaml.safe_dump(register, allow_unicode=True), encoding="utf-8")
    return load_settings(config, {PASSWORD_NAME: PASSWORD})


def house_in(home: Path, settings: Settings) -> House:
    """The house whose data lie there."""
    ledger = open_ledger(f"sqlite:///{home / 'ledger.sqlite'}", home / "originals")
    (home / "documents").mkdir(exist_ok=True)
    return House(settings, Almanac(settings.holidays), ledger, home / "documents")


def empty(stage: Stage, mail: Mail, taken: tuple[Accepted, ...]) -> None:
    """Nothing lies in the office's mailbox, and the server has taken nothing but that."""
    stage.mail.rules.clear()
    stage.mail.bouncing.clear()
    stage.mail.log[:] = taken
    stage.clock.now = OPENING
    with webmail(stage, mail) as client:
        for folder in folders(client):
            client.select(folder)
            client.store("1:*", "+FLAGS.SILENT", r"(\Deleted)")
            client.expunge()
        client.select()
        for folder in set(folders(client)) - {"INBOX"}:
            client.delete(folder)


@contextmanager
def webmail(stage: Stage, mail: Mail) -> Iterator[imaplib.IMAP4]:
    """Somebody else looks into the office's mailbox."""
    with imaplib.IMAP4(*stage.mail.imap) as client:
        client.login(mail.address, PASSWORD)
        yield client


def folders(client: imaplib.IMAP4) -> list[str]:
    """Their names, as the protocol writes them."""
    return [line.rpartition(b" ")[2].decode() for line in client.list()[1] if isinstance(line, bytes)]


@dataclass
class CaseDesk(Desk):
    """The desk of the other tests, with real senders and short questions."""

    before: int = 0  # letters the server had taken when the case began: the requests

    @property
    def mailbox(self) -> str:
        return self.house.settings.mail.address

    def reopened(self, change: Callable[[House], House] = lambda house: house) -> "CaseDesk":
        """The same desk after a restart."""
        return replace(self, house=change(self.world.open()))

    def mail_to(self, address: str) -> list[Letter]:
        return [_read(x.raw) for x in self.world.stage.mail.log if x.recipients == (address,)]

    # ---- handing in

    def post(self, sender: str, raw: bytes, when: datetime, *to: str) -> None:
        """Hand a letter in over SMTP as whoever really sends it, whatever it says; `to` our mailbox, or these."""
        self.world.stage.clock.now = when
        with smtplib.SMTP(*self.world.stage.mail.smtp, timeout=20) as line:
            line.ehlo()
            if sender in self.world.stage.mail.users:
                line.login(sender, PASSWORD)
            line.sendmail(sender, list(to) or [self.mailbox], raw)

    def answer(self, body: str, *files: File, when: datetime = JUNE, by: str | None = None, **changes: str) -> str:
        """The body answers its request as an ordinary mail program does; returns the Message-ID."""
        sender = by or self.address(body)
        own_id, raw = answer(self.asked(body), sender, *files, **changes)
        self.post(sender, raw, when, self.reply_address(body))
        return own_id

    def good(self, body: str, number: int = 2) -> File:
        """The body's form, well filled in."""
        return FILE, _filled(self.form(body), number)

    def reply_address(self, body: str) -> str:
        """Our address with the token of the body's request."""
        return self.asked(body).reply_to

    # ---- what became of it

    def ends(self) -> list[tuple[str, str | None]]:
        """State and verdict of every letter, in the order taken in."""
        return [(x.state, x.verdict) for x in self.letters_in()]

    def only(self) -> LetterIn:
        """The one letter that came."""
        (letter,) = self.letters_in()
        return letter

    def reason(self) -> str:
        """Why the one letter that came waits or was not taken."""
        return self.only().reason or ""

    def out(self) -> list[tuple[str, str]]:
        """Who was written to since the requests, and what, in order."""
        return [(recipient, _said(letter)) for recipient, letter in self.sent()]

    def sent(self) -> list[tuple[str, Letter]]:
        """The letters of the office that the server took since the requests, and to whom."""
        ours = f"{self.mailbox.partition('@')[0]}+bounce"
        log = self.world.stage.mail.log[self.before :]
        return [(x.recipients[0], _read(x.raw)) for x in log if x.sender.startswith(ours)]

    def last(self) -> Letter:
        """The letter of the office that left last."""
        return self.sent()[-1][1]

    def requests(self) -> dict[str, str]:
        """The state of each body's request."""
        with self.house.ledger.begin() as session:
            query = select(Request.body, Request.state).join(Round).where(Round.key == ROUND)
            return dict(session.execute(query).tuples().all())

    def contacts(self) -> dict[str, tuple[str, str | None]]:
        """State and last code of each address that is not well."""
        with self.house.ledger.begin() as session:
            query = select(Contact.address, Contact.state, Contact.last_code).where(Contact.state != "ok")
            return {address: (state, code) for address, state, code in session.execute(query)}

    def letter_out(self, kind: str, body: str) -> LetterOut:
        """The last letter of that kind to the body."""
        with self.house.ledger.begin() as session:
            query = select(LetterOut).join(Request).where(LetterOut.kind == kind, Request.body == body)
            return session.scalars(query.order_by(LetterOut.id.desc())).first()  # type: ignore[return-value]

    def findings(self, body: str, version: int = 1) -> dict[str, list[str]]:
        """Rules and cells found in a version."""
        found: dict[str, list[str]] = {}
        for entry in self.finding_rows(body, version):
            found.setdefault(entry.rule, []).append(entry.cell)
        return found

    def finding_rows(self, body: str, version: int) -> list[Finding]:
        with self.house.ledger.begin() as session:
            query = select(Finding).join(Submission, Submission.id == Finding.submission_id).join(Request)
            query = query.where(Request.body == body, Submission.version == version).order_by(Finding.id)
            return list(session.scalars(query))

    def events(self, kind: str) -> list[dict[str, Any]]:
        with self.house.ledger.begin() as session:
            return list(session.scalars(select(Event.data).where(Event.kind == kind).order_by(Event.id)))

    def nothing_filed(self) -> bool:
        """Whether nobody's request has moved since it was sent."""
        return set(self.requests().values()) == {"sent"} and self.row_counts()["submission"] == 0


_read = lru_cache(read_letter)


@lru_cache
def _filled(form: bytes, number: int) -> bytes:
    return typed(form, number=number)


def _said(letter: Letter) -> str:
    return next((name for name, words in SAID.items() if words in letter.subject), letter.subject)
