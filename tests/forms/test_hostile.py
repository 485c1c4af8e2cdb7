"""Real and made files from outside, where they are at hand: every one is classified, within limits."""

import os
import time
from pathlib import Path

import pytest

from treem.forms.catalogue import PROBLEMS
from treem.forms.read import read_form
from treem.forms.sandbox import WALL_SECONDS

SUFFIXES = {".xlsx", ".xls", ".ods", ".xlsm", ".xlsb", ".zip", ".eml", ".txt", ".html"}
CORPORA = Path(os.environ["TREEM_CORPORA"]) if "TREEM_CORPORA" in os.environ else None
pytestmark = pytest.mark.skipif(CORPORA is None, reason="TREEM_CORPORA is not set")
REFUSED = {
    "cell_far.xlsx": {"too_large"},
    "row_far.xlsx": {"too_large"},
    "billion_laughs.xlsx": {"unsafe"},
    "xxe.xlsx": {"unsafe"},
    "dup_sheet_entry.xlsx": {"unsafe"},
    "bomb_comment400M.xlsx": {"too_large"},
    "sst_count_lie.xlsx": {"too_heavy", "damaged"},
    "encrypted.xlsx": {"encrypted"},
    "docx_as.xlsx": {"not_a_workbook"},
    "empty.xlsx": {"empty_file"},
}


def _files(*folders: str) -> list[Path]:
    assert CORPORA is not None
    paths = (p for folder in folders for p in sorted((CORPORA / folder).rglob("*")))
    return [path for path in paths if path.is_file() and path.suffix.lower() in SUFFIXES]


@pytest.mark.parametrize("folder", ["made-hostile", "calamine", "xlrd"])
def test_every_file_is_classified_in_time(folder: str) -> None:
    files = _files(folder)
    for path in files:
        started = time.monotonic()
        reading = read_form(path.read_bytes())
        assert reading.kind in ("form", "not_a_form", "unreadable"), path.name
        assert (reading.problem in PROBLEMS) == (reading.kind != "form"), path.name
        assert time.monotonic() - started < WALL_SECONDS + 2, path.name


@pytest.mark.parametrize(("name", "problems"), REFUSED.items())
def test_what_must_be_refused(name: str, problems: set[str]) -> None:
    assert CORPORA is not None
    path = CORPORA / "made-hostile" / name
    if not path.exists():
        pytest.skip("not in this corpus")
    assert read_form(path.read_bytes()).problem in problems
