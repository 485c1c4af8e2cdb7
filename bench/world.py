"""An office whose round asks N communes, and what the communes answer: made once, copied for every run.

Belongs here: the config with N communes, the ledger with N queued requests, the answers. Nothing is measured here.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from sqlalchemy import select, update

from treem.ledger.tables import LetterBytes, LetterOut, Request
from treem.rehearsal.behaviours import FileFormat
from treem.rehearsal.covers import COVERS, compose
from treem.rehearsal.postbox import read_letter
from treem.rehearsal.questionnaire import Questionnaire, read_questionnaire
from treem.rehearsal.writers import STAND_IN, fill
from treem.rounds.house import House, open_house
from treem.rounds.steps import carry_out

ROUND = "bao-cao-6-thang/2027"
ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "config"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
OPENING = datetime(2027, 5, 20, 8, tzinfo=ZONE)
ANSWERED = datetime(2027, 6, 7, 9, tzinfo=ZONE)
COLLECTED = datetime(2027, 6, 8, 8, tzinfo=ZONE)
SERVER_NAME = "mail.test"  # who vouches for senders
PASSWORD = "do-thu"
PLENTY = 60_000_000
PROSE = "Đơn vị đã tổ chức thực hiện đầy đủ các nhiệm vụ được giao, có kiểm tra, đôn đốc và báo cáo kết quả với huyện. "
EVERY_TWENTIETH = {7: "finding", 13: "xls"}
"""Of twenty answers one has a mistake and one comes as .xls; the others are plain."""


@dataclass(frozen=True)
class Answer:
    """A letter in the office's mailbox. `way`: plain, finding, xls."""

    raw: bytes
    way: str
    received_at: datetime


@dataclass(frozen=True)
class World:
    """Where it all lies. The two ledgers are copied for each run and never opened themselves."""

    folder: Path
    letters: int

    @property
    def config(self) -> Path:
        return self.folder / "config"

    @property
    def queued(self) -> Path:
        """The ledger with N queued requests."""
        return self.folder / "queued.sqlite"

    @property
    def sent(self) -> Path:
        """The ledger after they were sent."""
        return self.folder / "sent.sqlite"

    def answers(self) -> list[Answer]:
        """The communes' answers, in the order received."""
        told = json.loads((self.folder / "answers.json").read_text("utf-8"))
        return [
            Answer((self.folder / "answers" / name).read_bytes(), way, ANSWERED + timedelta(seconds=number))
            for number, (name, way) in enumerate(told)
        ]

    def house(self, home: Path, ledger: Path, ports: Mapping[str, int]) -> House:
        """The office on a fresh copy of a ledger. `ports`: of its smtp and imap server."""
        home.mkdir()
        shutil.copyfile(ledger, home / "ledger.sqlite")
        return _house(self.config, home, ports)


def make_world(folder: Path, letters: int) -> World:
    """The world in that folder; what an earlier call made there is used again while it fits."""
    world = World(folder, letters)
    made, wanted = folder / "made-of", f"{letters} letters, {_sources()}"
    if made.exists() and made.read_text() == wanted:
        return world
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _write_config(world.config, letters)
    _write_ledgers(world)
    _write_answers(world)
    made.write_text(wanted)
    return world


def _sources() -> str:
    """A digest of everything that decides what a ledger and its letters look like."""
    rooms = (ROOT / name for name in ("config", "templates/mail", "treem/ledger", "treem/mailroom", "treem/forms"))
    files = sorted(file for room in rooms for file in room.rglob("*") if file.suffix in (".py", ".yaml", ".j2"))
    return sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _house(config: Path, home: Path, ports: Mapping[str, int]) -> House:
    env = {f"TREEM_{name.upper()}_PORT": str(port) for name, port in ports.items()}
    url = f"sqlite:///{(home / 'ledger.sqlite').resolve()}"
    return open_house(config, url, home / "originals", home / "documents", env | {"TREEM_MAIL_PASSWORD": PASSWORD})


# ---- the office ------------------------------------------------------------------------------------------------


def _write_config(target: Path, letters: int) -> None:
    """The shipped config with N communes instead of its own bodies, and no limit they would meet."""
    shutil.copytree(CONFIG, target)
    register = _load(target / "bodies.yaml")
    for entry in register["bodies"]:
        entry["valid_to"] = date(2021, 1, 1)
    register["bodies"] += [_commune(number) for number in range(letters)]
    _dump(target / "bodies.yaml", register)
    mail = _load(target / "mail.yaml")
    mail["smtp"] |= {"user": "", "password": ""}  # the sinks know no passwords
    mail["imap"] |= {"user": mail["address"]}
    limits = {"letters_per_minute": PLENTY, "acks_per_hour": PLENTY, "max_letter_bytes": 25_000_000}
    _dump(target / "mail.yaml", mail | limits | {"authserv_id": SERVER_NAME})


def _commune(number: int) -> dict[str, Any]:
    return {
        "code": f"9{number:04d}",
        "name": f"Ủy ban nhân dân xã Thử nghiệm số {number + 1}",
        "group": "xa",
        "kind": "commune",
        "emails": [f"xa-{number:04d}@huyen.test"],
        "valid_from": date(2022, 1, 1),
    }


def _load(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return loaded


def _dump(file: Path, content: object) -> None:
    file.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")


def _write_ledgers(world: World) -> None:
    """The round opened and its letters written by the application itself; then the same as if they had been sent."""
    home = world.folder / "making"
    home.mkdir()
    house = _house(world.config, home, {})
    carry_out(house, ROUND, OPENING)
    _close_and_copy(house, home, world.queued)
    house = _house(world.config, home, {})
    with house.ledger.begin() as session:
        session.execute(update(LetterOut).values(state="sent", sent_at=OPENING, last_code="250 2.0.0"))
        session.execute(update(Request).values(state="sent"))
    _close_and_copy(house, home, world.sent)
    shutil.rmtree(home)


def _close_and_copy(house: House, home: Path, target: Path) -> None:
    house.ledger.engine.dispose()
    if (home / "ledger.sqlite-wal").exists():
        raise RuntimeError("the ledger is still open somewhere")
    shutil.copyfile(home / "ledger.sqlite", target)


# ---- the communes ----------------------------------------------------------------------------------------------


def _write_answers(world: World) -> None:
    """Every commune's own form filled in and sent back in the thread, as an ordinary mail program does it."""
    home = world.folder / "reading"
    requests = _requests(world, home)
    (world.folder / "answers").mkdir()
    told = []
    ways = [EVERY_TWENTIETH.get(number % 20, "plain") for number in range(world.letters)]
    asked = read_questionnaire(read_letter(requests[0][1]).workbook or b"")  # it asks the same of every commune
    with ProcessPoolExecutor(max_workers=2) as pool:
        forms = [raw for _, raw in requests]
        answers = pool.map(partial(_answer, asked), range(world.letters), forms, ways, chunksize=5)
        for (address, _), (way, raw) in zip(requests, zip(ways, answers, strict=True), strict=True):
            name = address.partition("@")[0] + ".eml"
            (world.folder / "answers" / name).write_bytes(raw)
            told.append((name, way))
    (world.folder / "answers.json").write_text(json.dumps(told), "utf-8")
    shutil.rmtree(home)


def _requests(world: World, home: Path) -> list[tuple[str, bytes]]:
    house = world.house(home, world.queued, {})
    with house.ledger.begin() as session:
        query = select(LetterOut.recipient, LetterBytes.raw).join(LetterBytes).where(LetterOut.kind == "request")
        found = [(recipient, raw) for recipient, raw in session.execute(query.order_by(LetterOut.id))]
    house.ledger.engine.dispose()
    if len(found) != world.letters:
        raise RuntimeError(f"{len(found)} requests were written, not {world.letters}")
    return found


def _answer(asked: Questionnaire, number: int, request: bytes, way: str) -> bytes:
    letter = read_letter(request)
    assert letter.workbook is not None
    entries = dict(_typed(asked, number, way))
    file: FileFormat = "xls" if way == "xls" else "xlsx"
    data = fill(letter.workbook, entries, file, STAND_IN[file])
    sender = f"xa-{number:04d}@huyen.test"
    attachment = (f"Báo cáo xã {number + 1}.{file}", data)
    raw = compose(COVERS["answer"], ("Cán bộ xã", sender), letter, attachment, f"<{number}@xa.test>", ANSWERED)
    return f"Authentication-Results: {SERVER_NAME}; dmarc=pass header.from=huyen.test\r\n".encode() + raw


def _typed(asked: Questionnaire, number: int, way: str) -> Iterator[tuple[tuple[str, str], int | str]]:
    """Figures that differ from commune to commune and add up, some words in every box; one sum may be wrong."""
    part = 2 + number % 50
    parts = {"total": 2 * part, "male": part, "female": part, "minority": part}
    for question in asked.questions:
        yield (question.sheet, question.cell), "Không" if question.yes_no else parts[question.column]
    for box in asked.boxes:
        yield (box.sheet, box.cell), PROSE * 3
    if way == "finding":
        for wrong in islice((q for q in asked.questions if q.column == "total" and not q.yes_no), 5, 7):
            yield (wrong.sheet, wrong.cell), 2 * part + 1


def settle_disk() -> None:
    """Let the disk finish what was written before, so that nobody pays for it who did not write it."""
    os.sync()
