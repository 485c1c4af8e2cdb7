"""What an administrator reads when the configuration is wrong, word for word: a small one, with one mistake each."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from treem.plan.load import ConfigError, load_settings

SMALL = Path(__file__).parent / "small"
SAID = Path(__file__).parent / "refusals.txt"
"""The refusals: a line "# name of the mistake", then what is said of it."""


@dataclass(frozen=True)
class Mistake:
    """Text replaced once in one file."""

    name: str
    file: str
    old: str
    new: str


DUE, REMIND, CLOSE = '{before: "06-15"}', "- {working_days: -5}", "close: {working_days: 5}"
FROM_DAY = "{from: day, days: 15, roll: before}"

MISTAKES = (
    Mistake("31 February", "plan.yaml", DUE, '{before: "02-31"}'),
    Mistake("29 February", "plan.yaml", DUE, '{on: "02-29"}'),
    Mistake("reminder after the deadline", "plan.yaml", REMIND, "- {working_days: 2}"),
    Mistake("chase after the closing", "plan.yaml", "- {working_days: 1}", "- {working_days: 9}"),
    Mistake("unknown group asked", "plan.yaml", "audience: [cong-an, xa]", "audience: [cong-an, xã]"),
    Mistake("an activity nobody answers", "plan.yaml", "audience: [cong-an, xa]", "audience: []"),
    Mistake("a group without a form", "forms/cong-an.yaml", "[bao-cao-6-thang, khai-giang]", "[khai-giang]"),
    Mistake("a form without figures", "forms/xa.yaml", "figures:\n  - LD-01", "figures: []"),
    Mistake("a form of an unknown group", "forms/xa.yaml", "group: xa", "group: xaa"),
    Mistake("overlapping validity", "bodies.yaml", 'code: "03424"', 'code: "03390"'),
    Mistake(
        "ends before it begins",
        "bodies.yaml",
        "valid_from: 2020-03-01",
        "valid_from: 2020-03-01\n    valid_to: 2019-12-31",
    ),
    Mistake(
        "unknown successor",
        "bodies.yaml",
        "valid_from: 2020-03-01",
        'valid_from: 2020-03-01\n    successors: ["03391"]',
    ),
    Mistake("two date rules at once", "plan.yaml", DUE, '{before: "06-15", on: "06-14"}'),
    Mistake("no date rule", "plan.yaml", DUE, "{roll: before}"),
    Mistake("from without a day", "plan.yaml", DUE, "{from: day, days: 15}"),
    Mistake("from the last day without one", "plan.yaml", FROM_DAY, "{from: until, days: 15}"),
    Mistake("from without a count", "plan.yaml", FROM_DAY, "{from: day}"),
    Mistake("a count without from", "plan.yaml", DUE, '{before: "06-15", days: 3}'),
    Mistake("unknown school day", "plan.yaml", "{school: khai-giang}", "{school: khai-trường}"),
    Mistake("a school day that is none", "holidays.yaml", '"09-05"', '"09-31"'),
    Mistake(
        "a school day of one year misspelt",
        "holidays.yaml",
        "school_days:",
        'school_days_of: {2027: {khaigiang: "09-06"}}\nschool_days:',
    ),
    Mistake("30th of a lunar month", "plan.yaml", '{lunar: "08-15"}', '{lunar: "08-30"}'),
    Mistake("day of the week misspelt", "plan.yaml", DUE, "{nth: {nth: 2, weekday: T8, month: 6}}"),
    Mistake("fifth Monday", "plan.yaml", DUE, "{nth: {nth: 5, weekday: T2, month: 6}}"),
    Mistake(
        "takes of an unknown collection",
        "plan.yaml",
        "        period: {start",
        "        takes: [tet-trung-thu/kq]\n        period: {start",
    ),
    Mistake(
        "takes of an activity with several",
        "plan.yaml",
        "        period: {start",
        "        takes: [tet-trung-thu]\n        period: {start",
    ),
    Mistake(
        "reconciles an unknown activity",
        "plan.yaml",
        "        period: {start",
        "        reconciles: bao-cao-quy\n        period: {start",
    ),
    Mistake(
        "selection of a later collection",
        "plan.yaml",
        "due: {from: day, working_days: -15}",
        "due: {from: day, working_days: -15}\n        selection: {rule: selected, collection: ket-qua}",
    ),
    Mistake("selection by an unknown rule", "plan.yaml", "{rule: selected,", "{rule: rút-thăm,"),
    Mistake("selection without a rule", "plan.yaml", "{rule: selected, collection", "{collection"),
    Mistake(
        "selection with a strange key",
        "plan.yaml",
        "{rule: selected, collection: ke-hoach}",
        "{rule: selected, collection: ke-hoach, every_years: 3}",
    ),
    Mistake(
        "rotation that lacks a number",
        "plan.yaml",
        "{rule: selected, collection: ke-hoach}",
        "{rule: rotation, at_most: 5}",
    ),
    Mistake(
        "rotation by an unknown activity",
        "plan.yaml",
        "{rule: selected, collection: ke-hoach}",
        "{rule: rotation, every_years: 3, at_most: 5, reports: [bao-cao-quy], incidents: [CA-02]}",
    ),
    Mistake(
        "choosing after the opening",
        "plan.yaml",
        "open: {working_days: -8}",
        "open: {working_days: -8}\n        choose: {working_days: -3}",
    ),
    Mistake(
        "choosing without a selection",
        "plan.yaml",
        "open: {working_days: -20}",
        "open: {working_days: -20}\n        choose: {working_days: -30}",
    ),
    Mistake(
        "unknown reporter",
        "plan.yaml",
        "        period: {start",
        "        reporter: doan-kiem-tra\n        period: {start",
    ),
    Mistake("closing before the deadline", "plan.yaml", CLOSE, "close: {working_days: -1}"),
    Mistake("sent on before the closing", "plan.yaml", "send_on: {working_days: 8}", "send_on: {working_days: 3}"),
    Mistake(
        "ends before its day", "plan.yaml", 'day: {lunar: "08-15"}', 'day: {lunar: "08-15"}\n    until: {on: "09-20"}'
    ),
    Mistake(
        "days and working days out of order",
        "plan.yaml",
        "open: {days: -20}",
        "open: {days: -20}\n        reminders: [{working_days: -13}]",
    ),
    Mistake(
        "reminded on working day nought",
        "plan.yaml",
        "open: {days: -20}",
        "open: {days: -20}\n        reminders: [{working_days: 0}]\n        chases: [{days: 1}]",
    ),
    Mistake("key with Vietnamese letters", "plan.yaml", "key: khai-giang", "key: khai-giảng"),
    Mistake("activity twice", "plan.yaml", "key: khai-giang", "key: tet-trung-thu"),
    Mistake("two of one name", "plan.yaml", "title: Kế hoạch tổ chức Tết Trung thu", "title: Báo cáo 6 tháng"),
    Mistake("collection twice", "plan.yaml", "key: ket-qua", "key: ke-hoach"),
)


def refusal(folder: Path, mistake: Mistake) -> list[str]:
    """Every line of what is said of the mistake."""
    copy = shutil.copytree(SMALL, folder / "config")
    path = copy / mistake.file
    text = path.read_text(encoding="utf-8")
    assert mistake.old in text
    path.write_text(text.replace(mistake.old, mistake.new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_settings(copy, {})
    return str(raised.value).splitlines()


def said() -> dict[str, list[str]]:
    """The refusals as they were read and found good."""
    found: dict[str, list[str]] = {}
    for line in SAID.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            found[line[2:]] = []
        elif line:
            found[list(found)[-1]].append(line)
    return found


def test_the_small_configuration_is_right() -> None:
    known = [activity.key for activity in load_settings(SMALL, {}).plan.activities]
    assert known == ["bao-cao-6-thang", "tet-trung-thu", "khai-giang"]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_the_refusal_reads(tmp_path: Path, mistake: Mistake) -> None:
    assert refusal(tmp_path, mistake) == said()[mistake.name]


def test_every_refusal_is_of_a_mistake() -> None:
    assert list(said()) == [mistake.name for mistake in MISTAKES]
