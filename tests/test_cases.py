"""The checklist of 92 cases: each has a test named after it, or a stated reason in docs/mailroom.md.

Some cases are lived through end to end by tests with names of their own too: 25, 26, 31, 34, 87, 89 to 91 in
`tests/rounds/test_intake.py`, 70 in `tests/rounds/test_failures.py`, 55 and 56 in `tests/rounds/test_crash.py` and
`tests/rounds/faults/test_schedules.py`.
"""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
DOCUMENT = TESTS.parent / "docs" / "mailroom.md"
CASES = range(1, 93)
END_TO_END = range(20, 93)
TEST = re.compile(r"^(?:async )?def (test_case_\d\d\w*)\(", re.MULTILINE)
NUMBER = re.compile(r"(?:case|and)_(\d\d)(?=_|$)")
EXCEPTIONS = re.compile(r"^[^\n|]*(?:không áp dụng|do(?:es)? not apply)[^\n]*\n(.*?)(?=^#|\Z)", re.I | re.M | re.S)
ROW = re.compile(r"^\| *(\d{1,2}) *\| *\S.*\|$", re.MULTILINE)


def named(folder: Path) -> set[int]:
    """The numbers of the cases that have a test under the folder."""
    names = (name for path in folder.rglob("test_*.py") for name in TEST.findall(path.read_text(encoding="utf-8")))
    return {int(number) for name in names for number in NUMBER.findall(name)}


def excepted(text: str) -> set[int]:
    """The numbers with a row in the section of what does not apply."""
    section = EXCEPTIONS.search(text)
    return set(map(int, ROW.findall(section[1]))) if section else set()


def stated() -> set[int]:
    return excepted(DOCUMENT.read_text(encoding="utf-8")) if DOCUMENT.exists() else set()


def test_every_case_has_a_test_or_a_stated_reason() -> None:
    missing = sorted(set(CASES) - named(TESTS) - stated())
    assert missing == [], f"cases without a test named test_case_NN and without a row in docs/mailroom.md: {missing}"


def test_every_case_of_incoming_letters_is_lived_through_over_the_embedded_servers() -> None:
    """56 is a process killed at every step: `tests/rounds/test_crash.py` and `faults/test_schedules.py` do that."""
    missing = sorted(set(END_TO_END) - named(TESTS / "cases") - {56})
    assert missing == [], f"cases without a test in tests/cases: {missing}"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("## Không áp dụng\n\n| số | lý do |\n|---|---|\n| 19 | đồng hồ |\n\n## Khác\n| 20 | x |\n", {19}),
        (
            "Cases that do not apply as they are written:\n\n| 54 | never moved |\n| 5 | x |\n# Next\n| 6 | x |\n",
            {5, 54},
        ),
        ("| 19 | no section |\n", set()),
        ("## Does not apply\n| 19 | |\n", set()),
    ],
)
def test_a_stated_reason_is_a_row_of_its_section(text: str, numbers: set[int]) -> None:
    assert excepted(text) == numbers


def test_one_test_may_stand_for_two_cases(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        "def test_case_41_and_45_reports():\n    pass\ndef test_case_62_in_43_ways():\n    pass\n"
    )
    assert named(tmp_path) == {41, 45, 62}
