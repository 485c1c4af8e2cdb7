"""The office's guide counts what the shipped configuration has, and the tables name every milestone and command."""

import re
from pathlib import Path

from tests.plan.test_config_year import settings

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "huong-dan.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
COLLECTIONS = [c for a in settings().plan.activities for c in a.collections]


def test_the_guide_counts_the_rounds_of_a_year_and_those_that_are_sent_on() -> None:
    said = re.search(r"Mỗi năm có (\d+) đợt\. \*\*Chỉ (\d+) đợt được trình", GUIDE)
    assert said
    assert [int(n) for n in said.groups()] == [len(COLLECTIONS), sum(c.send_on is not None for c in COLLECTIONS)]


def test_the_guide_counts_the_indicators_as_treem_check_does() -> None:
    said = re.search(r"`indicators\.yaml` \| (\d+) chỉ tiêu", GUIDE)
    assert said
    assert int(said[1]) == len(settings().book.indicators)


def test_the_table_of_milestones_has_the_choosing_first() -> None:
    rows = re.findall(r"^\| ([^|]+) \|", GUIDE.partition("| Mốc | Việc |")[2].partition("\n\n")[0], re.MULTILINE)
    assert rows[:2] == ["chọn đơn vị", "mở đợt"]


def test_the_readme_names_the_commands_of_years() -> None:
    for command in (
        "`treem series FIGURE",
        "`treem rehearse [ROUND \\| --year Y]",
        "`treem rehearse --year Y --letters",
    ):
        assert f"| {command}" in README
