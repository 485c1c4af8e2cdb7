"""The sheets "Đối chiếu" and "So sánh": complete, readable, for the office only; what leaves it repeats no secret."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from openpyxl import Workbook, load_workbook

from tests.documents import world
from tests.documents.conftest import Round
from tests.documents.test_annex import table
from treem.district.compare import Compared, Held, compare
from treem.district.reconcile import Material, fingerprint, reconcile
from treem.documents.annex import write_annex
from treem.documents.beside import Beside
from treem.documents.figures import merged_figures, sentence
from treem.documents.reconciliation_sheet import (
    Asked,
    Findings,
    RuleCount,
    change_text,
    is_sensitive,
    question_text,
    rates_note,
    state_text,
    with_changes,
    years_text,
)

MARK = "nội bộ"


@pytest.fixture(scope="module")
def findings(held: Round) -> Findings:
    places = {(v.body, v.figure, v.column): (v.sheet, v.cell) for v in held.values}
    past = {(v.body, v.figure): [Decimal(3), Decimal(4), Decimal(2)] for v in held.values if v.body == "03424"}
    found = reconcile(Material(held.district, places, {}, past), held.settings)
    bodies = {body.code: body for body in held.plan.bodies}
    names, groups = {c: b.name for c, b in bodies.items()}, {c: b.group for c, b in bodies.items()}
    return Findings(found, names, groups)


@pytest.fixture(scope="module")
def book(held: Round, findings: Findings) -> Workbook:
    return load_workbook(BytesIO(written(held, Beside(findings=findings, compared=compared(held)))))


def compared(held: Round) -> tuple[Compared, ...]:
    bodies = {body.code: body for body in held.plan.bodies}
    now = Held(2027, held.district, bodies, held.plan.due)
    before = Held(2026, held.district, bodies, date(2026, 6, 12))
    return compare(now, [before], {2026: [before]}, held.settings)


def written(held: Round, beside: Beside, *, outward: bool = False) -> bytes:
    filing = world.filing(held.plan)
    return write_annex(held.district, held.settings, held.plan, filing, held.values, beside=beside, outward=outward)


def test_every_difference_has_its_row(book: Workbook, findings: Findings) -> None:
    rows = [row for row in table(book, "Đối chiếu") if isinstance(row["TT"], int)]
    assert len(rows) == len(findings.differences) > 20
    assert {row["Tình trạng, giải trình"] for row in rows} <= {"chưa hỏi", "–"}
    assert {row["Mức độ"] for row in rows} == {"Nên xem lại"}
    for row, found in zip(rows, findings.differences, strict=True):
        assert row["Mã"] == found.figure
        assert Decimal(str(row["Chênh lệch"])) == found.difference
        assert "!" in row["Ô"]
        assert row["Câu hỏi gợi ý"].startswith(found.figure) or row["Câu hỏi gợi ý"] == "–"


def test_the_rules_report_how_they_did(held: Round, findings: Findings) -> None:
    counted = replace(findings, counts={"sources": RuleCount(asked=5, justified=3, corrected=1)})
    rows = table(load_workbook(BytesIO(written(held, Beside(findings=counted)))), "Đối chiếu")
    said = {row["Quy tắc"]: row for row in rows if not isinstance(row["TT"], int)}
    fired = sum(found.rule == "sources" for found in findings.differences)
    line = said["Hai nguồn cùng một số liệu"]
    assert line["Số liệu được so sánh"] == f"Phát hiện ở đợt này: {fired}"
    assert "được giải trình: 3; đã sửa số: 1" in line["Câu hỏi gợi ý"]
    assert "chờ trả lời: 1" in line["Câu hỏi gợi ý"]
    assert {title for title in said if title} >= {rule.title for rule in held.settings.differences.rules.values()}


def test_the_sheets_are_the_offices_own(held: Round, findings: Findings, book: Workbook) -> None:
    beside = Beside(findings=findings, compared=compared(held))
    outward = load_workbook(BytesIO(written(held, beside, outward=True)))
    assert {"Đối chiếu", "So sánh"} <= set(book.sheetnames)
    assert not {"Đối chiếu", "So sánh"} & set(outward.sheetnames)


def test_sensitive_rows_are_marked(held: Round, book: Workbook, findings: Findings) -> None:
    for row in (row for row in table(book, "So sánh") if row["Mã"]):
        assert row["Chỉ tiêu"].endswith(f"({MARK})") is held.settings.indicator_of(row["Mã"]).sensitive
    rows = [row for row in table(book, "Đối chiếu") if row["Mã"]]
    for row, found in zip(rows, findings.differences, strict=True):
        assert row["Chỉ tiêu"].endswith(f"({MARK})") is is_sensitive(found, held.settings)


def test_the_same_input_gives_the_same_bytes(held: Round, findings: Findings) -> None:
    beside = Beside(findings=findings, compared=compared(held))
    assert written(held, beside) == written(held, beside)


def test_nothing_to_look_at_is_said(held: Round) -> None:
    rows = list(load_workbook(BytesIO(written(held, Beside(findings=Findings(())))))["Đối chiếu"].values)
    assert any("Không có chênh lệch nào" in str(row[0]) for row in rows)


def test_a_question_about_a_sensitive_figure_repeats_no_number(held: Round, findings: Findings) -> None:
    asked = 0
    for found in findings.differences:
        figure = held.settings.figures()[found.figure]
        for ask in found.asks:
            text = question_text(found, ask, held.settings, findings.groups, inside=False)
            if is_sensitive(found, held.settings):
                asked += 1
                bare = text.replace("thì ghi 0", "")
                codes = [figure.code, figure.label, found.other]
                codes += [f.label for f in held.settings.figures().values() if f.code == found.other]
                for words in codes:
                    bare = bare.replace(words, "") if words else bare
                assert not any(character.isdigit() for character in bare), text
    assert asked


def test_each_source_hears_of_the_other(held: Round, findings: Findings) -> None:
    found = next(d for d in findings.differences if d.rule == "sources" and d.figure == "LD-11")
    (ask,) = found.asks
    text = question_text(found, ask, held.settings, findings.groups, inside=False)
    assert text.startswith("LD-11 (Số trẻ em bị tai nạn, thương tích): đơn vị ghi ")
    assert "xã" in text.split("đơn vị ghi")[1]
    assert "(đã có " in text


def test_the_answer_stands_beside_the_difference(findings: Findings) -> None:
    found = next(d for d in findings.differences if len(d.asks) == 1)
    mark = fingerprint(found, found.asks[0])

    def said(asked: Asked) -> str:
        return state_text(found, replace(findings, asked={mark: asked}))

    day = date(2027, 6, 10)
    assert said(Asked("open", day)) == "đã hỏi ngày 10/6/2027, chưa trả lời"
    assert said(Asked("answered", day, "justified", "Mở đợt rà soát mới")) == "giải trình: Mở đợt rà soát mới"
    assert said(Asked("withdrawn", day)) == "đã rút câu hỏi"


def test_the_comparison_has_every_total(book: Workbook) -> None:
    rows = {row["Mã"]: row for row in table(book, "So sánh")}
    row = rows["LD-01"]
    assert (row["Tăng, giảm"], row["Lũy kế"]) == (0, "")  # a stock is not added up through the years
    flow = rows["LD-11"]
    assert flow["Lũy kế"] == 2 * flow["Kỳ này"]
    assert "lũy kế chưa có số năm 2020–2025" in flow["Ghi chú"]
    assert "LD-23.1" not in rows


def test_change_in_words(held: Round) -> None:
    one = next(c for c in compared(held) if c.figure.code == "LD-11")
    number = one.now.number
    assert change_text(one) == "bằng cùng kỳ năm trước"
    more = replace(one, now=replace(one.now, number=number + 10))
    assert change_text(more).startswith("tăng 10 (")
    assert change_text(more).endswith("%) so với cùng kỳ năm trước")
    assert change_text(replace(more, why="other_bodies")) == ""


def test_years_in_words() -> None:
    assert years_text((2020, 2021, 2022, 2025)) == "2020–2022, 2025"
    assert years_text(()) == ""


def test_an_outward_document_tells_the_change_where_it_tells_both_numbers(held: Round) -> None:
    changed = [replace(c, now=replace(c.now, number=(c.now.number or Decimal(0)) + 10)) for c in compared(held)]
    merged = merged_figures(held.district, held.settings, plan=held.plan)
    told = {m.figure.code: m for m in with_changes(merged, changed)}
    lines = {code: sentence(m) for code, m in told.items()}
    assert "so với cùng kỳ năm trước" in lines["LD-01"]
    assert not any("so với cùng kỳ" in lines[code] for code, m in told.items() if m.indicator.sensitive)
    assert not any("so với cùng kỳ" in lines[code] for code, m in told.items() if m.hides("total"))
    hidden = with_changes(merged, [replace(c, hidden_before=True) for c in changed])
    assert not any(m.change for m in hidden)


def test_both_rates_of_filing_are_of_those_expected(held: Round) -> None:
    row = world.filing(held.plan)[0]
    late, waived = replace(row, on_time=False), replace(row, state="waived")
    silent = replace(row, state="closed", on_time=False)
    six = [replace(row, on_time=True), late, silent, silent, silent, silent]
    assert rates_note([*six, waived]) == (
        "Tỷ lệ có báo cáo được chấp nhận: 33,33%; đúng hạn: 16,67% số đơn vị phải nộp.",
    )
    assert "100%" in rates_note([row] * 6)[0]
    assert rates_note([]) == ()
