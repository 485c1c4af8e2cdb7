"""reconciliation.yaml: what is shipped is what holds without the file, and every mistake is named with its line."""

import shutil
from pathlib import Path

import pytest

from treem.plan.load import ConfigError, load_settings
from treem.plan.settings import Differences

CONFIG = Path(__file__).parents[2] / "config"
FILE = "reconciliation.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CONFIG, tmp_path / "config"))


def test_a_config_from_before_the_file_has_the_rules_as_shipped(folder: Path) -> None:
    (folder / FILE).unlink()
    assert load_settings(folder, {}).differences == load_settings(CONFIG, {}).differences == Differences()


def test_every_rule_starts_as_a_warning_and_is_on() -> None:
    assert {(rule.severity, rule.off) for rule in Differences().rules.values()} == {("warning", "")}


def test_a_rule_is_switched_off_with_a_reason_only(folder: Path) -> None:
    _edit(
        folder,
        "  at_least: 1",
        "  off: năm đầu dùng mẫu mới\n  without: {LD-27: tài trợ từng năm rất khác}\n  at_least: 1",
    )
    sources = load_settings(folder, {}).differences.sources
    assert sources.off
    assert sources.without == {"LD-27": "tài trợ từng năm rất khác"}


@pytest.mark.parametrize(
    ("old", "new", "at", "message", "remedy"),
    [
        ("  at_least: 1", "  off: x\n  at_least: 1", "off: x", "quá ngắn", "vì sao"),
        ("  at_least: 1", "  without: {LD-72: khác}\n  at_least: 1", "LD-72", "Không có số liệu", "LD-"),
        ("  at_least: 1", "  without: {LD-27: ''}\n  at_least: 1", "LD-27", "lý do", "LD-27"),
        ("  share: 0", "  shar: 0", "shar:", "shar", "share"),
        ("  periods: 3", "  periods: 1", "periods: 1", "", ""),
        ("earlier: bao-cao-6-thang", "earlier: bao-cao-6-than", "earlier:", "không có hoạt động", "bao-cao-6-thang"),
        ("[bao-cao-nam, so-chinh-thuc]", "[bao-cao-nam, danh-ba]", "later:", "không bắt đầu cùng ngày", "xóa khỏi"),
        ("since: 2020", "since: 202", "since:", "202", "2020"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(folder: Path, old: str, new: str, at: str, message: str, remedy: str) -> None:
    _edit(folder, old, new)
    with pytest.raises(ConfigError) as error:
        load_settings(folder, {})
    (found,) = error.value.problems
    lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    assert (found.file, found.line) == (
        f"config/{FILE}",
        next(n for n, x in enumerate(lines, 1) if at in x and not x.startswith("#")),
    )
    assert message in found.message
    assert remedy in found.remedy


def _edit(folder: Path, old: str, new: str) -> None:
    text = (folder / FILE).read_text(encoding="utf-8")
    assert old in text
    (folder / FILE).write_text(text.replace(old, new, 1), encoding="utf-8")
