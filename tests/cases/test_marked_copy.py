"""The copy that comes back with the findings of cases 73 to 83: marked, mended, justified, sent back and forth."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from openpyxl.worksheet.worksheet import Worksheet

from tests.cases.office import FILE, CaseDesk
from tests.cases.workbooks import Place, Typed, formulas, opened, place, saved, typed_book
from tests.rounds.conftest import at
from tests.rounds.desk import FIGURE
from treem.rehearsal.postbox import Letter
from treem.rehearsal.writers import as_ods, as_xls

LIST = "Kiểm tra"
REPLY = "Giải trình của đơn vị"
WRONG: dict[Place, Typed] = {
    ("LD-01", "total"): 10, ("LD-01", "male"): 6, ("LD-01", "female"): 6,
    ("LD-06", "total"): "khoảng 20", ("LD-08.1", "total"): "1,234",
}  # fmt: skip
RIGHT: dict[Place, Typed] = {("LD-01", "total"): 12, ("LD-06", "total"): 20, ("LD-08.1", "total"): 1234}


class Listed(NamedTuple):
    """A line of the list: where it is, what it says, and where the answer goes."""

    row: int
    level: str
    sheet: str
    cell: str
    message: str
    reply: object


def sheet_of(copy: bytes) -> Worksheet:
    return opened(copy)[LIST]


def listed(copy: bytes) -> list[Listed]:
    """What the copy asks to mend, as its reader sees it."""
    rows = list(sheet_of(copy).iter_rows(max_col=6))
    head = next(n for n, row in enumerate(rows) if row[5].value == REPLY)
    return [
        Listed(row[0].row, *(str(cell.value or "") for cell in row[1:5]), row[5].value)  # type: ignore[arg-type]
        for row in rows[head + 1 :]
        if row[0].value
    ]


def marked(copy: bytes) -> set[tuple[str, str]]:
    """The cells that are coloured and commented on."""
    return {(sheet, cell) for sheet, cell in _coloured(copy)} & {(sheet, cell) for sheet, cell in _commented(copy)}


def _coloured(copy: bytes) -> Iterator[tuple[str, str]]:
    for sheet in opened(copy).worksheets:
        for area in sheet.conditional_formatting:
            if any(rule.dxf and rule.dxf.fill and rule.formula == ["TRUE"] for rule in area.rules):
                yield sheet.title, str(area.sqref)


def _commented(copy: bytes) -> Iterator[tuple[str, str]]:
    for sheet in opened(copy).worksheets:
        for row in sheet.iter_rows():
            yield from ((sheet.title, c.coordinate) for c in row if c.comment and c.comment.text.startswith("Phòng"))


def mended(copy: bytes, right: dict[tuple[str, str], Typed]) -> bytes:
    """The clerk writes into the cells the list names, and nowhere else."""
    book = opened(copy)
    for line in listed(copy):
        if (line.sheet, line.cell) in right:
            book[line.sheet][line.cell] = right[line.sheet, line.cell]
    return saved(book)


def justified(copy: bytes, words: str) -> bytes:
    """The clerk answers every line that has room for an answer."""
    book = opened(copy)
    for line in listed(copy):
        if line.level == "Nên xem lại":
            cell = book[LIST].cell(line.row, 6)
            cell.value, cell.data_type = words, "s"
    return saved(book)


def exchange(desk: CaseDesk, body: str, data: bytes, day: int, name: str = FILE) -> Letter:
    """The body sends it in, and gets its answer."""
    now = at(6, day, 9)
    desk.answer(body, (name, data), when=now)
    before = len(desk.sent())
    desk.collect(now)
    ((recipient, letter),) = desk.sent()[before:]
    assert recipient == desk.address(body)
    return letter


def places(desk: CaseDesk, body: str, values: dict[Place, Typed]) -> dict[tuple[str, str], Typed]:
    """Sheet and cell of figures."""
    found = {place(desk.form(body), *where): value for where, value in values.items()}
    return {(q.sheet, q.cell): value for q, value in found.items()}


def test_case_77_the_copy_marks_and_lists_what_was_found_and_mended_it_is_accepted(desk: CaseDesk) -> None:
    sent = typed_book(desk.form("03390"), WRONG)
    first = exchange(desk, "03390", saved(sent), 1)
    copy = first.workbook or b""
    right = places(desk, "03390", RIGHT)
    errors = [line for line in listed(copy) if line.level == "Phải sửa"]
    assert {(line.sheet, line.cell) for line in errors} == set(right) == marked(copy)
    assert [line.message for line in listed(copy)] == [x.message for x in desk.finding_rows("03390", 1)]
    assert all(line.message in first.text for line in errors)
    assert {cell.value for cell in opened(copy)["Số liệu"]["D"]} == {cell.value for cell in sent["Số liệu"]["D"]}

    second = exchange(desk, "03390", mended(copy, right), 2)
    assert "số liệu hợp lệ" in second.subject
    assert "bản thứ 2" in second.text
    assert second.workbook is None  # nothing is left to mark
    assert (desk.requests()["03390"], desk.findings("03390", 2)) == ("accepted", {})
    assert [s.state for s in desk.submissions("03390")] == ["superseded", "accepted"]
    assert desk.filing("03390").first_received_at == at(6, 1, 9)


def test_case_77_mended_in_part_only_the_rest_is_marked(desk: CaseDesk) -> None:
    copy = exchange(desk, "03390", saved(typed_book(desk.form("03390"), WRONG)), 1).workbook or b""
    right = places(desk, "03390", RIGHT)
    last = list(right)[-1]
    half = exchange(desk, "03390", mended(copy, {k: v for k, v in right.items() if k != last}), 2).workbook or b""
    assert marked(half) == {last}
    assert [(line.sheet, line.cell) for line in listed(half)] == [last]
    assert desk.findings("03390", 2) == {"ambiguous_number": [last[1]]}
    assert opened(half).sheetnames.count(LIST) == 1
    assert "số liệu hợp lệ" in exchange(desk, "03390", mended(half, right), 3).subject


def test_case_75_the_copy_sent_back_as_it_is_has_the_same_findings(desk: CaseDesk) -> None:
    """Twice there and back, a remark added: the findings do not change, the marks do not pile up."""
    first = exchange(desk, "03390", saved(typed_book(desk.form("03390"), WRONG)), 1).workbook or b""
    second = exchange(desk, "03390", first, 2).workbook or b""
    book = opened(second)
    book["Số liệu"]["J20"] = "Đã kiểm tra."
    data = saved(book)
    third = exchange(desk, "03390", data, 3).workbook or b""
    findings = [desk.findings("03390", version) for version in (1, 2, 3)]
    assert findings[0] == findings[1] == findings[2]
    assert listed(first) == listed(second) == listed(third)
    assert marked(first) == marked(second) == marked(third)
    assert opened(third).sheetnames == opened(first).sheetnames
    assert "đã được nhận trước đó" in exchange(desk, "03390", data, 4).subject
    assert desk.requests()["03390"] == "needs_correction"


def test_case_80_a_warning_left_standing_with_a_reason_keeps_it_in_every_answer(desk: CaseDesk) -> None:
    """A blank total is allowed; what the body says about it is kept, repeated, and outlives the next correction."""
    first = exchange(desk, "dai", saved(typed_book(desk.form("dai"), {("LD-26.2", "total"): None})), 1)
    copy, why = first.workbook or b"", "Chưa có số liệu của hai xã; sẽ bổ sung trong quý III."
    assert ("số liệu hợp lệ" in first.subject, "nên xem lại" in first.text) == (True, True)
    (line,) = listed(copy)
    assert (line.level, line.reply) == ("Nên xem lại", None)

    second = exchange(desk, "dai", justified(copy, why), 2)
    assert f"Giải trình đã ghi nhận: “{why}”" in second.text
    (row,) = desk.finding_rows("dai", 2)
    assert (row.rule, row.justification) == ("blank_total", why)
    (line,) = listed(second.workbook or b"")
    assert line.reply == why

    book, q = opened(second.workbook or b""), place(desk.form("dai"), FIGURE)
    book[q.sheet][q.cell] = 9
    third = exchange(desk, "dai", saved(book), 3)
    assert f"Giải trình đã ghi nhận: “{why}”" in third.text
    assert (desk.accepted("dai"), desk.finding_rows("dai", 3)[0].justification) == (9, why)


def test_case_77_an_error_cannot_be_explained_away(desk: CaseDesk) -> None:
    copy = exchange(desk, "03390", saved(typed_book(desk.form("03390"), WRONG)), 1).workbook or b""
    book = opened(copy)
    for line in listed(copy):
        book[LIST].cell(line.row, 6).value = "Số liệu đúng, đề nghị chấp nhận."
    letter = exchange(desk, "03390", saved(book), 2)
    assert "Giải trình đã ghi nhận" not in letter.text
    assert desk.findings("03390", 2) == desk.findings("03390", 1)
    assert desk.requests()["03390"] == "needs_correction"


def test_case_88_a_reason_that_looks_like_a_formula_stays_text_in_every_copy(desk: CaseDesk) -> None:
    why = '=HYPERLINK("http://noi-khac.test","xem")'
    data = saved(typed_book(desk.form("dai"), {("LD-26.2", "total"): None}))
    copy = exchange(desk, "dai", data, 1).workbook or b""
    second = exchange(desk, "dai", justified(copy, why), 2)
    assert desk.finding_rows("dai", 2)[0].justification == why
    (line,) = listed(second.workbook or b"")
    assert line.reply == why
    assert sheet_of(second.workbook or b"").cell(line.row, 6).quotePrefix  # also when somebody edits the cell
    assert [x for x in formulas(second.workbook or b"") if not x.startswith(f"{LIST}!D")] == []


@pytest.mark.parametrize(("convert", "name"), [(as_xls, "bao-cao.xls"), (as_ods, "bao-cao.ods")])
def test_case_72_of_another_format_the_copy_is_an_xlsx_that_can_be_mended(
    desk: CaseDesk, convert: Callable[..., bytes], name: str
) -> None:
    copy = exchange(desk, "03390", convert(typed_book(desk.form("03390"), WRONG)), 1, name).workbook or b""
    right = places(desk, "03390", RIGHT)
    assert marked(copy) == set(right)
    assert any("được chép sang tệp này" in str(row[0].value) for row in sheet_of(copy).iter_rows(max_col=1))
    assert "số liệu hợp lệ" in exchange(desk, "03390", mended(copy, right), 2).subject
    assert desk.findings("03390", 2) == {}


def test_case_74_in_a_form_copied_without_its_marks_the_findings_are_marked_all_the_same(desk: CaseDesk) -> None:
    book = typed_book(desk.form("dai"), {(FIGURE, "total"): "khoảng 20"})
    del book["treem"]
    book["Số liệu"].title, book["Thuyết minh"].title = "Sheet1", "Sheet2"
    copy = exchange(desk, "dai", saved(book), 1).workbook or b""
    cell = place(desk.form("dai"), FIGURE).cell
    assert marked(copy) == {("Sheet1", cell)}
    assert "số liệu hợp lệ" in exchange(desk, "dai", mended(copy, {("Sheet1", cell): 20}), 2).subject
    assert desk.accepted("dai") == 20
