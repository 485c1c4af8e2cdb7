"""Case 72: what breaks spreadsheet readers is read or refused by name, within limits, and never takes us down.

The files of the table are built here; real and further made files are run over where they are at hand.
"""

import os
import re
import time
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import builders as b
import hostile as h
import pytest

from treem.forms.catalogue import PROBLEMS
from treem.forms.check import Checked, check
from treem.forms.odd_xlsb import odd_cells_of_xlsb
from treem.forms.read import read_form
from treem.forms.sandbox import WALL_SECONDS

SUFFIXES = {".xlsx", ".xls", ".ods", ".xlsm", ".xlsb", ".zip", ".eml", ".txt", ".html"}
CORPORA = Path(os.environ["TREEM_CORPORA"]) if "TREEM_CORPORA" in os.environ else None
at_hand = pytest.mark.skipif(CORPORA is None, reason="TREEM_CORPORA is not set: no files from outside at hand")

REFUSED: dict[Callable[[], bytes], str] = {
    h.far_cell: "too_large",
    h.far_row: "too_large",
    h.lying_string_count: "damaged",
    h.one_long_string: "too_large",
    h.long_comment: "too_large",
    h.many_rows: "too_large",
    h.entity_bomb: "unsafe",
    h.file_inclusion: "unsafe",
    h.doubled_part: "unsafe",
    h.repeated_cells: "damaged",
    h.bad_reference: "damaged",
    h.bad_boolean: "damaged",
    h.bad_string_index: "damaged",
    h.utf16_sheet: "damaged",
    h.foreign_workbook: "not_a_form",
}
READ: tuple[Callable[[], bytes], ...] = (
    h.filled,
    h.styled_far_cell,
    h.wide_merge,
    h.many_styles,
    h.style_out_of_range,
    h.with_macros,
    h.outside_link,
)
IN_CORPORA = {
    "cell_far.xlsx": {"too_large"},
    "row_far.xlsx": {"too_large"},
    "billion_laughs.xlsx": {"unsafe"},
    "quadratic.xlsx": {"unsafe"},
    "xxe.xlsx": {"unsafe"},
    "sst_xxe.xlsx": {"unsafe"},
    "sst_laughs.xlsx": {"unsafe"},
    "dup_sheet_entry.xlsx": {"unsafe"},
    "bomb_comment400M.xlsx": {"too_large"},
    "bomb_sst_onebig.xlsx": {"too_large"},
    "bomb_extra_part.xlsx": {"too_large"},
    "ods_rep_insane.ods": {"damaged", "too_large"},
    "sst_count_lie.xlsx": {"too_heavy", "damaged"},
    "bad_ref.xlsx": {"damaged"},
    "bad_sst_idx.xlsx": {"damaged"},
    "encrypted.xlsx": {"encrypted"},
    "docx_as.xlsx": {"not_a_workbook"},
    "html_as.xls": {"not_a_workbook"},
    "csv_as.xlsx": {"not_a_workbook"},
    "garbage.xlsx": {"not_a_workbook"},
    "pk_garbage.xlsx": {"damaged"},
    "truncated.xlsx": {"damaged"},
    "zip_in_zip.zip": {"not_a_workbook"},
    "empty.xlsx": {"empty_file"},
    "normal.xlsx": {"not_a_form"},
    "xls_named.xlsx": {"not_a_form"},
    "ods_named.xlsx": {"not_a_form"},
    "xlsx_named.xls": {"not_a_form"},
    "macro.xlsm": {"not_a_form"},
    "extlink.xlsx": {"not_a_form"},
    "date1904.xlsx": {"not_a_form"},
    "no_r_attr.xlsx": {"not_a_form"},
    "many_sheets_merge.xlsx": {"not_a_form"},
    "styles_bomb.xlsx": {"too_large"},
}


def _check(data: bytes) -> Checked:
    return check(b.FORM, b.build_settings(), read_form(data), expected_token=b.TOKEN, expected_body=b.BODY.code)


@pytest.mark.parametrize(("make", "problem"), REFUSED.items(), ids=lambda what: getattr(what, "__name__", str(what)))
def test_case_72_refused_by_name(make: Callable[[], bytes], problem: str) -> None:
    started = time.monotonic()
    assert read_form(make()).problem == problem
    assert time.monotonic() - started < WALL_SECONDS


@pytest.mark.parametrize("make", READ, ids=lambda make: make.__name__)
def test_case_72_odd_but_read_in_full(make: Callable[[], bytes]) -> None:
    checked = _check(make())
    assert checked.findings == () and checked.complete and len(checked.values) == len(b.GOOD)


def test_case_72_the_kind_is_told_by_the_content_and_numbers_are_alike_in_every_format() -> None:
    """What a file is called is never asked; whole numbers of every reader are whole."""
    book = b.open_form().fill().book
    readings = [read_form(data) for data in (b.open_form().fill().save(), b.as_xls(book), b.as_ods(book))]
    values = [{(c.figure, c.column): c.raw for c in reading.cells} for reading in readings]
    assert values[0] == values[1] == values[2] and type(values[0]["LD-01", "total"]) is int


def test_case_72_a_value_in_a_merged_area_is_read_where_it_stands() -> None:
    form = b.open_form().fill()
    form.figures.merge_cells(f"{form.at('LD-27')}:{form.at('LD-27', 'minority')}")
    assert _check(form.save()).findings == ()


def test_case_72_other_encodings_in_the_small_parts_do_no_harm() -> None:
    parts = h.parts_of(h.filled())
    core = parts["docProps/core.xml"].decode()
    parts["docProps/core.xml"] = ('<?xml version="1.0" encoding="UTF-16"?>' + core).encode("utf-16")
    assert _check(h.packed(parts)).findings == ()


def test_case_72_a_doctype_is_found_in_any_encoding() -> None:
    parts = h.parts_of(h.filled())
    core = '<!DOCTYPE x [<!ENTITY a "b">]>' + parts["docProps/core.xml"].decode().partition("?>")[2]
    for encoding in ("utf-8", "utf-16"):
        head = f'<?xml version="1.0" encoding="{encoding}"?>'
        assert read_form(h.packed(parts | {"docProps/core.xml": (head + core).encode(encoding)})).problem == "unsafe"


def test_case_72_a_sheet_in_an_unusual_but_valid_shape_is_read_alike() -> None:
    """Prefixes, single quotes, attributes in another order: the second look finds what the first cannot tell."""
    parts = h.parts_of(h.odd_cells().save())
    plain = parts[h.SHEET].decode()
    quoted = re.sub(r'<c r="(\w+)"( s="\d+")?( t="\w+")?', lambda m: f"<c{m[3] or ''}{m[2] or ''} r='{m[1]}'", plain)
    prefixed = re.sub(r"<(/?)(?=\w)", r"<\1x:", plain).replace("xmlns=", "xmlns:x=")
    commented = plain.replace("<sheetData>", '<sheetData><!-- <c r="XFD1048576"><v>1</v></c> -->')
    wanted = read_form(h.packed(parts))
    assert [f.rule for f in _check(h.packed(parts)).findings] == ["error_value", "uncalculated"]
    for sheet in (quoted, prefixed, commented):
        assert read_form(h.packed(parts | {h.SHEET: sheet.encode()})) == wanted


@pytest.mark.parametrize(
    "cell",
    [
        b"<c r='XFD1048576'><v>1</v></c>",
        b'<c s="1" r="XFD1048576"><v>1</v></c>',
        b'<c r = "XFD1048576"><v>1</v></c>',
        b'<x:c xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" r="XFD1048576"><x:v>1</x:v></x:c>',
        b'<c\nr="XFD1048576"><v>1</v></c>',
        b'<c r="&#88;FD1048576"><v>1</v></c>',
        b'<c r="GS1"><v>1</v></c>',
        b'<c r="A5001"><v>1</v></c>',
    ],
)
def test_case_72_a_far_cell_in_any_spelling(cell: bytes) -> None:
    assert read_form(h.with_cell(cell)).problem in ("too_large", "damaged")


def test_case_76_error_cells_of_an_xlsb() -> None:
    assert odd_cells_of_xlsb(h.xlsb_with_error()) == {("Số liệu", 5, 3): "#DIV/0!", ("Số liệu", 5, 4): "#N/A"}


@pytest.mark.parametrize("folder", ["made-hostile", "calamine", "xlrd"])
@at_hand
def test_case_72_every_file_is_classified_in_time(folder: str) -> None:
    for path in _files(folder):
        started = time.monotonic()
        reading = read_form(path.read_bytes())
        assert reading.kind in ("form", "not_a_form", "unreadable"), path.name
        assert (reading.problem in PROBLEMS) == (reading.kind != "form"), path.name
        assert time.monotonic() - started < WALL_SECONDS + 2, path.name


@pytest.mark.parametrize(("name", "problems"), IN_CORPORA.items())
@at_hand
def test_case_72_each_file_of_the_table(name: str, problems: set[str]) -> None:
    assert CORPORA is not None
    path = CORPORA / "made-hostile" / name
    if not path.exists():
        pytest.skip("not in this corpus")
    assert read_form(path.read_bytes()).problem in problems


def _files(*folders: str) -> list[Path]:
    assert CORPORA is not None
    paths = (p for folder in folders for p in sorted((CORPORA / folder).rglob("*")))
    return [path for path in paths if path.is_file() and path.suffix.lower() in SUFFIXES]


def test_case_85_a_zip_of_forms_is_no_workbook() -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("bao-cao.xlsx", h.filled())
    assert read_form(out.getvalue()).problem == "not_a_workbook"
