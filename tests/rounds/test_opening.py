"""A letter opened in the sandbox says what it says when it is opened here, and whatever it does to the child."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.rounds.desk import Desk
from tests.rounds.faults.correspondence import correspondence
from treem.forms import sandbox
from treem.forms.frames import Frame
from treem.forms.read import read_form
from treem.mailroom.parse import parse
from treem.rounds import opening
from treem.rounds.opening import open_letter

IMPORTS = """
import sys
from treem.forms import child
from treem.forms.frames import Frame
child.take_on([sys.argv[1]])
child.prepare()
before = set(sys.modules)
for path in sys.argv[2:]:
    mail = {"address": "a@b.test", "authserv_id": "mail.test", "authserv_topmost": False}
    answer = child.perform(Frame({"operation": "letter", "mail": mail}, open(path, "rb").read()))
    assert "sizes" in answer.head
print(sorted(set(sys.modules) - before))
"""


def test_the_child_says_the_same_of_every_letter(desk: Desk) -> None:
    mail = desk.house.settings.mail
    raws = [delivery.raw for delivery in correspondence(desk)] + [b"", b"\0\xff" * 100, *opening.SAMPLES]
    for raw in raws:
        parsed, readings = open_letter(raw, mail)
        assert parsed == parse(raw, mail)
        assert readings == {data: read_form(data) for data in readings}
    assert sum(bool(open_letter(raw, mail)[1]) for raw in raws) >= 7


def test_nothing_is_left_to_import_for_a_letter_when_the_door_is_closed(desk: Desk, tmp_path: Path) -> None:
    raws = [delivery.raw for delivery in correspondence(desk)]
    raws += [raw.replace(b"utf-8", charset) for raw in raws[:1] for charset in (b"big5", b"x-none", b"viscii", b"tcvn")]
    paths = [tmp_path / str(number) for number in range(len(raws))]
    for path, raw in zip(paths, raws, strict=True):
        path.write_bytes(raw)
    command = [sys.executable, "-c", IMPORTS, "letter=treem.rounds.opening", *map(str, paths)]
    done = subprocess.run(command, check=True, env=sandbox.bare_environment(), stdout=subprocess.PIPE, text=True)
    assert done.stdout.strip() == "[]"


ODD = [
    Frame({}),
    Frame({"problem": "damaged"}),
    Frame({"sizes": [2, 0], "workbook": None, "read": {}}, b"{}"),
    Frame({"sizes": "xx", "workbook": None, "read": {}}, b"{}"),
    Frame({"sizes": [1, 0, 5], "workbook": 7, "read": {}}, b"["),
]


@pytest.mark.parametrize("answer", ODD)
def test_an_answer_in_another_shape_is_not_believed(desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: Frame) -> None:
    raw, mail = correspondence(desk)[0].raw, desk.house.settings.mail
    monkeypatch.setattr(sandbox, "run", lambda *_, **__: answer)
    assert open_letter(raw, mail) == (parse(raw, mail), {})


def test_a_letter_is_opened_all_the_same_where_the_child_fails(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> Frame:
        raise sandbox.Failed("too_heavy")

    raw, mail = correspondence(desk)[0].raw, desk.house.settings.mail
    monkeypatch.setattr(sandbox, "run", fail)
    assert open_letter(raw, mail) == (parse(raw, mail), {})
