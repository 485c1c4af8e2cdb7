"""Collections that wait for each other: the shipped plan with one date moved, and what is said of it."""

import re
import shutil
from pathlib import Path

import pytest

from treem.plan.load import ConfigError, load_settings
from treem.plan.problems import Problem

CONFIG = Path(__file__).parents[2] / "config"


def problems(folder: Path, *changes: tuple[str, str]) -> list[Problem]:
    """What is said of the shipped plan after the changes."""
    copy = shutil.copytree(CONFIG, folder / "config")
    path = copy / "plan.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    try:
        load_settings(copy, {})
    except ConfigError as error:
        return list(error.problems)
    return []


PLACES = ("choose: {working_days: -17}", "choose: {working_days: -21}")
RECORDS = ("choose: {working_days: -28}", "choose: {working_days: -70}")
FOLLOW_UP = ('due: {before: "11-25"}', 'due: {before: "11-10"}')
TAKES = ('due: {before: "11-30"}  # CẦN PHÒNG XÁC NHẬN; hồ sơ', 'due: {on: "12-20"}  # hồ sơ')


@pytest.mark.parametrize(
    ("change", "place", "line", "message", "remedy"),
    [
        (
            PLACES,
            "tap-huan › collections › ket-qua › selection › nominations",
            "nominations: de-cu",
            r"Năm 2021 lần thu thập “tap-huan/de-cu” đóng \(03/08/2021\) sau ngày lần này chọn đơn vị \(29/07/2021\)\.",
            "Chọn đơn vị muộn hơn (choose, open, due), hoặc cho “tap-huan/de-cu” đóng sớm hơn.",
        ),
        (
            RECORDS,
            "kiem-tra › collections › bien-ban › selection › collection",
            "collection: tu-kiem-tra",
            r"Năm 2021 lần thu thập “kiem-tra/tu-kiem-tra” chọn đơn vị \(\S+2021\) sau ngày lần này chọn đơn vị .*",
            "Chọn đơn vị muộn hơn (choose, open, due), hoặc cho “kiem-tra/tu-kiem-tra” chọn đơn vị sớm hơn.",
        ),
        (
            FOLLOW_UP,
            "kiem-tra › collections › kien-nghi › selection",
            "rule: open_recommendations",
            r"Năm 2021 lần thu thập “kiem-tra/bien-ban” đóng \(\S+2021\) sau ngày lần này chọn đơn vị \(\S+2021\)\.",
            "Chọn đơn vị muộn hơn (choose, open, due), hoặc cho “kiem-tra/bien-ban” đóng sớm hơn.",
        ),
        (
            TAKES,
            "bao-cao-nam › collections › bao-cao › takes › 18",
            "- khen-thuong",
            r"Năm 2021 lần thu thập “khen-thuong” đóng \(27/12/2021\) sau ngày lần này đóng \(16/12/2021\)\.",
            "Đóng muộn hơn (close, due), hoặc cho “khen-thuong” đóng sớm hơn.",
        ),
    ],
    ids=["nominations", "selected", "recommendations", "takes"],
)
def test_what_comes_too_late_for_another_collection_is_refused(
    tmp_path: Path, change: tuple[str, str], place: str, line: str, message: str, remedy: str
) -> None:
    (found,) = problems(tmp_path, change)
    assert (found.file, found.remedy) == ("config/plan.yaml", remedy)
    assert found.where == f"activities › {place}"
    assert re.fullmatch(message, found.message)
    text = (tmp_path / "config" / "plan.yaml").read_text(encoding="utf-8").splitlines()
    assert line in text[found.line - 1]


def test_the_hours_of_one_day_count(tmp_path: Path) -> None:
    """The source closes at 17:00 on the day on which the places are given at 8:00."""
    changes = (
        ("choose: {working_days: -17}", "choose: {working_days: -18}"),
        (
            "        due: {from: day, working_days: -15}\n",
            "        due: {from: day, working_days: -15}\n        hour: 17\n",
        ),
    )
    (found,) = problems(tmp_path, *changes)
    assert re.search(r"đóng \((\d\d/\d\d/\d{4}) 17 giờ\) sau ngày lần này chọn đơn vị \(\1 8 giờ\)", found.message)


def test_a_year_in_which_feasts_wander_is_found(tmp_path: Path) -> None:
    """The full moon of the eighth month is late in 2023 for the first time: a leap month came before it."""
    late = ("close: {working_days: 5}\n\n  # ---- R12", "close: {working_days: 52}\n\n  # ---- R12")
    found = [p for p in problems(tmp_path, late) if "tet-trung-thu/ket-qua" in p.message]
    assert [p.message[:8] for p in found] == ["Năm 2023"]
