"""A small office's desk: a round that asks three bodies, and a hand that puts letters into the office's mailbox."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path

import yaml
from sqlalchemy import func, select

from tests.rounds.conftest import ROUND, PlainOffice, World, at
from treem.ledger import queries
from treem.ledger.queries import FilingRow
from treem.ledger.tables import LetterIn, LetterOut, Request, Submission, Table
from treem.mailroom import smtp
from treem.rehearsal.covers import COVERS, Cover, compose
from treem.rehearsal.mail_server import SERVER_NAME
from treem.rehearsal.postbox import Letter, read_letter
from treem.rehearsal.questionnaire import read_questionnaire
from treem.rehearsal.writers import Typed, fill_xlsx
from treem.rounds.house import House
from treem.rounds.steps import carry_out

ASKED = ("dai", "tckh", "03390")
FIGURE = "LD-26.1"  # asked of dai and tckh
VERDICT = "LD-23.2"
OPENING = at(5, 20)


def few_bodies(config: Path) -> None:
    """Let only a handful of bodies be valid in 2027."""
    file = config / "bodies.yaml"
    register = yaml.safe_load(file.read_text(encoding="utf-8"))
    for entry in register["bodies"]:
        if entry["code"] not in ASKED:
            entry["valid_to"] = date(2021, 1, 1)
    file.write_text(yaml.safe_dump(register, allow_unicode=True), encoding="utf-8")


def yes_or_no(figure: str) -> str:
    """ "Có", but for the verdict on a commune's score: it follows from the score, and the scores here are low."""
    return "Không" if figure == VERDICT else "Có"


def filled(form: bytes, number: int = 2, **typed: Typed) -> bytes:
    """The form with every figure answered; `typed` replaces what stands in the total of figure FIGURE."""
    parts = {"total": 2 * number, "male": number, "female": number, "minority": number}
    entries: dict[tuple[str, str], Typed] = {}
    for q in read_questionnaire(form).questions:
        entries[q.sheet, q.cell] = yes_or_no(q.figure) if q.yes_no else parts[q.column]
        if q.figure == FIGURE and q.column == "total" and "instead" in typed:
            entries[q.sheet, q.cell] = typed["instead"]
    return fill_xlsx(form, entries)


def vouched(raw: bytes, sender: str, verdict: str = "pass") -> bytes:
    """The letter as the office's own server stamps it: the sender is genuine, or is not."""
    domain = sender.rpartition("@")[2]
    said = f"Authentication-Results: {SERVER_NAME}; dmarc={verdict} header.from={domain}\r\n"
    return said.encode() + raw


@dataclass
class Desk:
    """The office's desk, and a hand that puts letters into its mailbox."""

    world: World
    house: House
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def ask(self, now: datetime = OPENING) -> None:
        """Open the round and send the requests."""
        carry_out(self.house, ROUND, now)
        smtp.send_due(self.house.ledger, self.house.settings.mail, now)

    def address(self, body: str) -> str:
        return next(b.emails[0] for b in self.house.plan(ROUND).bodies if b.code == body)

    def mail_to(self, address: str) -> list[Letter]:
        """What the server took for that address, in order."""
        return [read_letter(x.raw) for x in self.world.stage.mail.log if x.recipients == (address,)]

    def asked(self, body: str) -> Letter:
        return next(letter for letter in self.mail_to(self.address(body)) if letter.asks)

    def form(self, body: str) -> bytes:
        return self.asked(body).workbook or b""

    def write(
        self,
        body: str,
        when: datetime,
        data: bytes | None,
        *,
        sender: str | None = None,
        cover: Cover = COVERS["answer"],
        dated: datetime | None = None,
        file: str = "Báo cáo.xlsx",
    ) -> str:
        """A reply to the request of `body` lies in the office's mailbox since `when`; returns its Message-ID."""
        own_id = f"<{next(self._numbers)}@may-tinh.test>"
        attachment = (file, data) if data is not None else None
        who = ("Cán bộ", sender or self.address(body))
        raw = compose(cover, who, self.asked(body), attachment, own_id, dated or when)
        raw = vouched(raw, who[1])
        self.world.stage.mail.inject(self.house.settings.mail.address, raw, when)
        return own_id

    def put(self, raw: bytes, when: datetime, folder: str = "INBOX") -> None:
        """Any letter at all lies in the office's mailbox since `when`."""
        self.world.stage.mail.inject(self.house.settings.mail.address, raw, when, folder)

    def collect(self, now: datetime) -> None:
        PlainOffice(self.house).collect(now)

    def replies(self, message_id: str) -> list[Letter]:
        """What the office wrote back to that letter, as the server took it."""
        log = (read_letter(x.raw) for x in self.world.stage.mail.log)
        return [letter for letter in log if letter.in_reply_to == message_id]

    def reply(self, message_id: str) -> str:
        """The words of the one reply to that letter."""
        (letter,) = self.replies(message_id)
        return f"{letter.subject}\n{letter.text}"

    def filing(self, body: str) -> FilingRow:
        with self.house.ledger.begin() as session:
            return next(f for f in queries.filing_record(session, ROUND) if f.body == body)

    def submissions(self, body: str) -> list[Submission]:
        with self.house.ledger.begin() as session:
            query = select(Submission).join(Request).where(Request.body == body).order_by(Submission.version)
            return list(session.scalars(query))

    def accepted(self, body: str) -> Decimal | None:
        """The accepted total of FIGURE."""
        with self.house.ledger.begin() as session:
            rows = queries.accepted_values(session, ROUND)
        found = [r.number for r in rows if (r.body, r.figure, r.column) == (body, FIGURE, "total")]
        assert len(found) <= 1
        return found[0] if found else None

    def letters_in(self) -> list[LetterIn]:
        with self.house.ledger.begin() as session:
            return list(session.scalars(select(LetterIn).order_by(LetterIn.id)))

    def outbox(self) -> list[LetterOut]:
        with self.house.ledger.begin() as session:
            return list(session.scalars(select(LetterOut).order_by(LetterOut.id)))

    def row_counts(self) -> dict[str, int]:
        with self.house.ledger.begin() as session:
            tables = Table.metadata.sorted_tables
            return {t.name: session.scalar(select(func.count()).select_from(t)) or 0 for t in tables}


def open_desk(world: World, home: Path) -> Desk:
    """A desk whose round asks three bodies."""
    few_bodies(home / "config")
    return Desk(world, world.open())
