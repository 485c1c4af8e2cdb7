"""The letters of a year as the plan has them, on the screen or as JSON. Nothing is sent and no ledger is needed."""

import os
from dataclasses import asdict
from pathlib import Path

from rich.table import Column, Table

from treem.cli.base import console, print_json
from treem.plan.almanac import Almanac
from treem.plan.load import load_settings
from treem.rounds.forecast import letters_of_year


def list_letters(config: Path, year: int, as_json: bool) -> None:
    """Print every letter of the year. Raises ConfigError and LunarDateUnknown."""
    settings = load_settings(config, os.environ)
    letters = letters_of_year(settings, Almanac(settings.holidays), year)
    if as_json:
        print_json([asdict(letter) | {"day": letter.day.isoformat()} for letter in letters])
        return
    table = Table(Column("Ngày", no_wrap=True), "Gửi", "Tiêu đề", "Khi nào")
    for letter in letters:
        table.add_row(f"{letter.day:%d/%m/%Y}", f"{letter.to} <{letter.address}>", letter.subject, letter.condition)
    console.print(table)
    console.print(f"{len(letters)} thư trong năm {year}. “nếu chưa nộp”, “nếu được chọn”: chỉ gửi khi cần.")
