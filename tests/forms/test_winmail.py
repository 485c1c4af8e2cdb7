"""Case 65: what Outlook wrapped in winmail.dat comes out again, and nothing else does."""

from struct import pack

import builders as b
import pytest

from treem.forms import sandbox
from treem.forms.frames import Frame
from treem.forms.read import read_form
from treem.forms.winmail import is_winmail, unwrap

RENDDATA, TITLE, DATA, ATTACHMENT, CODEPAGE = 0x9002, 0x8010, 0x800F, 0x9005, 0x9007


def _attribute(name: int, body: bytes, level: int = 2, kind: int = 6) -> bytes:
    return pack("<BHHI", level, name, kind, len(body)) + body + pack("<H", sum(body) & 0xFFFF)


def _long_name(name: str) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    return pack("<IHHII", 1, 0x001F, 0x3707, 1, len(text)) + text + b"\0" * (-len(text) % 4)


def winmail(*files: tuple[str, bytes]) -> bytes:
    """What Outlook makes of a letter with these files."""
    parts = [b"\x78\x9f\x3e\x22\x01\x00", _attribute(CODEPAGE, pack("<II", 1258, 0), level=1)]
    for name, data in files:
        short = name.encode("cp1258", "replace") + b"\0"
        parts += [_attribute(RENDDATA, bytes(14)), _attribute(TITLE, short), _attribute(DATA, data)]
        parts.append(_attribute(ATTACHMENT, _long_name(name)))
    return b"".join(parts)


def test_case_65_the_form_comes_out_as_it_was() -> None:
    form = b.open_form().fill().save()
    letter = winmail(("Biểu số liệu xã Bản Bo.xlsx", form), ("ảnh.png", b"\x89PNG"))
    assert is_winmail(letter)
    files = dict(unwrap(letter))
    assert files == {"Biểu số liệu xã Bản Bo.xlsx": form, "ảnh.png": b"\x89PNG"}
    assert read_form(files["Biểu số liệu xã Bản Bo.xlsx"]).kind == "form"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\a\\bao cao.xlsx", "bao cao.xlsx"),
        ("..", "tep-1"),
        ("a\r\n\u202eb.xls", "a b.xls"),
        ("x" * 290 + ".xlsx", "x" * 145 + ".xlsx"),
    ],
)
def test_names_are_names(name: str, safe: str) -> None:
    assert unwrap(winmail((name, b"1"))) == ((safe, b"1"),)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        b"\x78\x9f\x3e\x22",
        b"\x78\x9f\x3e\x22" + b"\xff" * 5000,
        winmail(("a.xlsx", b"1" * 900))[:300],
        winmail(*[(f"{n}.txt", b"1") for n in range(51)]),
        winmail(("a.txt", b"1" * 13_000_000), ("b.txt", b"1" * 13_000_000)),
    ],
    ids=["empty", "zip", "head", "garbage", "cut", "51-files", "26-MB"],
)
def test_broken_or_beyond_the_limits(data: bytes) -> None:
    assert unwrap(data) == ()


@pytest.mark.parametrize("files", [None, 3, [1], [["a", 2**40]], [["a", -1]], [[1, 1]], [["a"]], [["a", 1, 1]]])
def test_a_child_is_not_believed(monkeypatch: pytest.MonkeyPatch, files: object) -> None:
    monkeypatch.setattr(sandbox, "run", lambda *_, **__: Frame({"files": files}, b"1"))
    assert unwrap(winmail(("a", b"1"))) == ()
