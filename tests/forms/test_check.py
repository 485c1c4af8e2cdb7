"""Judging a reading: every rule, its place, and what is never guessed. No files here."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import builders as b
import pytest

from treem.forms.check import Checked, check
from treem.forms.read import Notice, RawCell, RawRow, RawText, Reading

FIGURES = {figure.code: figure for figure in b.FIGURES}
LETTER = dict(zip(b.ALL, "DEFG", strict=True))


def reading(
    values: Mapping[tuple[str, str], Any] | None = None,
    texts: Mapping[str, str] | None = None,
    leave_out: tuple[str, ...] = (),
    **more: Any,
) -> Reading:
    """A reading of the form filled in well, but for what the test says."""
    filled = {**b.GOOD, **(values or {})}
    rows, cells = [], []
    for line, code in enumerate(c for c in b.CODES if c not in leave_out):
        rows.append(RawRow(code, "Số liệu", f"A{line + 13}"))
        for column in b.ALL:
            value = filled.get((code, column))
            cell = (code, column)
            odd = value if isinstance(value, dict) else {"raw": value}
            cells.append(RawCell(*cell, sheet="Số liệu", cell=f"{LETTER[column]}{line + 13}", **{"raw": None, **odd}))
    said = [RawText(s, t, "Thuyết minh", f"C{n}") for n, (s, t) in enumerate((texts or {}).items(), 10)]
    marks: dict[str, Any] = {"token": b.TOKEN, "form_code": "BM-XA", "form_version": 1, "body_code": "03424"}
    extra_rows, extra_cells = more.pop("rows", ()), more.pop("cells", ())
    marks |= more
    return Reading(
        "form", None, **marks, rows=(*rows, *extra_rows), cells=(*cells, *extra_cells), narratives=tuple(said)
    )


def judge(given: Reading, **expected: str) -> Checked:
    return check(b.FORM, b.build_settings(), given, **expected)  # type: ignore[arg-type]


def rules(checked: Checked) -> list[str]:
    return [found.rule for found in checked.findings]


def test_a_good_form() -> None:
    checked = judge(reading(), expected_token=b.TOKEN, expected_form="BM-XA", expected_body="03424")
    assert checked.findings == () and checked.valid and checked.complete and not checked.blank
    assert len(checked.values) == len(b.GOOD)


@pytest.mark.parametrize(
    ("place", "value", "rule"),
    [
        (("LD-08.1", "total"), "khoảng 20", "not_number"),
        (("LD-08.1", "total"), "1,234", "ambiguous_number"),
        (("LD-27", "total"), "1.234", "ambiguous_number"),
        (("LD-08.1", "total"), "-", "dash"),
        (("LD-08.1", "total"), -2, "negative"),
        (("LD-08.1", "total"), 2.5, "not_whole"),
        (("LD-08.1", "total"), 10**13, "too_big"),
        (("LD-08.1", "total"), {"raw": "12/05/2027", "is_date": True}, "date_value"),
        (("LD-08.1", "total"), {"raw": "#DIV/0!", "is_error": True}, "error_value"),
        (("LD-08.1", "total"), {"is_uncalculated": True}, "uncalculated"),
        (("XA-09", "total"), "đang làm", "not_yes_no"),
    ],
)
def test_a_cell_that_cannot_be_taken(place: tuple[str, str], value: object, rule: str) -> None:
    checked = judge(reading({place: value}))
    (found,) = checked.findings
    line = 13 + b.CODES.index(place[0])
    assert (found.rule, found.severity, found.sheet, found.cell) == (rule, "error", "Số liệu", f"D{line}")
    assert place[0] in found.message and "Tổng số" in found.message
    assert place not in {(v.figure, v.column) for v in checked.values}
    assert not checked.valid and not checked.complete


def test_rounding_is_said() -> None:
    checked = judge(reading({("LD-27", "total"): 100 / 3}))
    assert rules(checked) == ["rounded"] and checked.valid
    assert "33,333" in checked.findings[0].message


def test_zero_blank_and_not_applicable_are_three_values() -> None:
    given = {("LD-08.1", "total"): 0, ("LD-27", "total"): None, ("LD-23", "total"): "KAD"}
    checked = judge(reading(given))
    kinds = {v.figure: (v.kind, v.number) for v in checked.values}
    assert kinds["LD-08.1"] == ("number", Decimal(0))
    assert kinds["LD-27"] == ("blank", None)
    assert kinds["LD-23"] == ("not_applicable", None)
    assert rules(checked) == ["blank_total"]
    assert checked.valid and not checked.complete
    assert "để trống khác với 0" in checked.findings[0].message


def test_a_blank_part_is_no_finding() -> None:
    checked = judge(reading({("LD-01", "male"): None, ("LD-01", "female"): None}))
    assert checked.findings == () and checked.complete


@pytest.mark.parametrize(
    ("values", "rule", "cell"),
    [
        ({("LD-01", "male"): 635}, "sum_mismatch", "D13"),
        ({("LD-01", "male"): 1235, ("LD-01", "female"): None}, "part_over_total", "E13"),
        ({("LD-01", "minority"): 1235}, "minority_over_total", "G13"),
        ({("LD-03", "total"): 41, ("LD-03", "male"): 26, ("LD-03", "female"): 15}, "inequality", "D15"),
        ({("LD-03", "male"): 14, ("LD-03", "female"): 24}, "inequality", "F15"),
    ],
)
def test_case_77_cells_that_contradict_each_other(values: dict[tuple[str, str], object], rule: str, cell: str) -> None:
    checked = judge(reading(values))
    assert [(f.rule, f.cell) for f in checked.findings] == [(rule, cell)]
    assert not checked.valid


def test_a_value_in_a_column_that_is_not_asked() -> None:
    checked = judge(reading({("LD-27", "male"): 3}))
    assert rules(checked) == ["unexpected_value"] and checked.valid
    assert ("LD-27", "male") not in {(v.figure, v.column) for v in checked.values}


def test_case_74_a_missing_row() -> None:
    checked = judge(reading(leave_out=("LD-27",)))
    assert rules(checked) == ["missing_row"] and not checked.valid and not checked.complete
    assert "LD-27" in checked.findings[0].message


def test_an_unknown_code_is_only_a_warning() -> None:
    checked = judge(reading(rows=(RawRow("LD-99", "Số liệu", "A40"),)))
    assert [(f.rule, f.severity, f.cell) for f in checked.findings] == [("unknown_code", "warning", "A40")]
    assert checked.valid


def _second(raw: object, sheet: str = "Số liệu") -> dict[str, Any]:
    cell = RawCell("LD-27", "total", raw, sheet, "D50")  # type: ignore[arg-type]
    return {"rows": (RawRow("LD-27", sheet, "A50"),), "cells": (cell,)}


def test_a_second_row_with_figures_is_asked_about() -> None:
    checked = judge(reading(**_second(12.5)))
    assert [(f.rule, f.cell) for f in checked.findings] == [("duplicate_row", "A50")]
    assert "LD-27" not in {v.figure for v in checked.values}


def test_a_second_row_that_is_empty_is_no_matter() -> None:
    assert judge(reading(**_second(None))).findings == ()


def test_case_74_a_copied_sheet_is_named_once() -> None:
    checked = judge(reading(**_second(12.5, "Số liệu (2)")))
    assert [(f.rule, f.sheet) for f in checked.findings] == [("repeated_sheet", "Số liệu (2)")]


@pytest.mark.parametrize(
    ("more", "expected", "rule"),
    [
        ({"form_code": "BM-CA"}, {}, "wrong_form"),
        ({"form_version": 2}, {}, "wrong_version"),
        ({}, {"expected_form": "BM-CA"}, "wrong_form"),
        ({"body_code": "03390"}, {"expected_body": "03424"}, "wrong_body"),
        ({"token": "ZZZZ"}, {"expected_token": b.TOKEN}, "wrong_token"),
        ({"notices": (Notice("mixed_forms", "", "", "A|B"),)}, {}, "mixed_forms"),
    ],
)
def test_case_73_a_form_that_belongs_elsewhere(more: dict[str, Any], expected: dict[str, str], rule: str) -> None:
    checked = judge(reading(**more), **expected)
    assert rules(checked) == [rule] and not checked.valid


def test_lost_marks_are_only_a_warning() -> None:
    checked = judge(reading(token=None, form_code=None, form_version=None, body_code=None), expected_body="03424")
    assert rules(checked) == ["no_marker"] and checked.valid


def test_case_87_a_blank_form_is_told_apart() -> None:
    nothing = dict.fromkeys(b.GOOD)
    assert judge(reading(nothing)).blank
    assert judge(reading(nothing)).findings == ()
    assert not judge(reading({**nothing, ("LD-08.1", "total"): 0})).blank
    assert not judge(reading(nothing, {"ton-tai": "Không có."})).blank


def test_texts() -> None:
    texts = {"III.9.1": "Đã tổ chức 3 buổi.", "III.9.5": "§· tæ chøc buæi tuyªn truyÒn", "xyz": "Thêm"}
    checked = judge(reading(texts=texts))
    assert [(f.rule, f.cell) for f in checked.findings] == [("unknown_section", "C12"), ("broken_encoding", "C11")]
    assert [n.section for n in checked.narratives] == ["III.9.1", "III.9.5"]


@pytest.mark.parametrize("kind", ["unreadable", "not_a_form"])
def test_what_could_not_be_read_has_its_problem_as_finding(kind: Any) -> None:
    checked = judge(Reading(kind, "encrypted"))
    assert rules(checked) == ["encrypted"] and not checked.valid and not checked.blank


def test_figures_of_another_form_without_marks() -> None:
    lost = Reading("form", rows=(RawRow("ZZ-01", "S", "A1"),))
    assert rules(judge(lost)) == ["not_a_form"]
