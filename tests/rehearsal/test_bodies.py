"""The simulated bodies: what they understand of a form, what they invent, and how each kind answers."""

import email
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email import policy
from email.message import EmailMessage
from io import BytesIO
from random import Random
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from tests.rehearsal.form_builder import (
    FIGURES,
    SECTIONS,
    TOKEN,
    acknowledging,
    asking,
    build_form,
)
from treem.rehearsal import writers
from treem.rehearsal.behaviours import KINDS, Behaviour, assign, rng_for
from treem.rehearsal.bodies import Mistake, SimulatedBody
from treem.rehearsal.expected import FigureRule, expected_totals
from treem.rehearsal.inventing import INEQUALITIES, NOT_APPLICABLE, invent, leave_gaps
from treem.rehearsal.postbox import Letter, read_letter
from treem.rehearsal.questionnaire import read_questionnaire

NOW = datetime(2027, 5, 17, 9, tzinfo=UTC)
ADDRESS = "xa-03424@tamduong.test"


@dataclass
class RecordingPost:
    """Stands in for the body's postbox: letters laid in come out once, letters sent are kept."""

    waiting: list[bytes] = field(default_factory=list)
    sent: list[tuple[EmailMessage, str]] = field(default_factory=list)

    def new_letters(self) -> list[Letter]:
        letters, self.waiting = [read_letter(raw) for raw in self.waiting], []
        return letters

    def send(self, raw: bytes, recipient: str) -> None:
        self.sent.append((email.message_from_bytes(raw, _class=EmailMessage, policy=policy.default), recipient))


def body_with(behaviour: Behaviour, seed: int = 1) -> tuple[SimulatedBody, RecordingPost]:
    """A body and the post it reads and writes."""
    nowhere = ("127.0.0.1", 0)
    body = SimulatedBody("03424", "UBND xã Bản Bo", ADDRESS, "-", nowhere, nowhere, behaviour, rng_for(seed, "03424"))
    post = RecordingPost()
    body._postbox = post  # type: ignore[assignment]
    return body, post


def workbook_of(letter: EmailMessage) -> bytes | None:
    """The attachment of a letter a body wrote."""
    found = [part.get_payload(decode=True) for part in letter.iter_attachments()]
    return found[0] if found else None  # type: ignore[return-value]


def rows_of(data: bytes) -> dict[str, list[object]]:
    """The figure rows by code, as another reader sees them: the four input columns."""
    sheet = CalamineWorkbook.from_filelike(BytesIO(data)).get_sheet_by_name("Số liệu")
    return {
        str(row[0]): row[3:7]
        for row in sheet.to_python(skip_empty_area=False)
        if str(row[0]) in {f[0] for f in FIGURES}
    }


# ---- understanding the form -----------------------------------------------------------------------------------------


def test_only_unlocked_cells_under_a_heading_are_questions() -> None:
    asked = read_questionnaire(build_form())
    found = {(q.figure, q.column) for q in asked.questions}
    assert found == {(code, column) for code, _, _, columns in FIGURES for column in columns}
    assert [q.cell for q in asked.questions if q.figure == "LD-24.2"] == ["D14", "G14"]
    assert [q.figure for q in asked.questions if q.yes_no] == ["XA-09"]


def test_prose_boxes_are_found_by_their_code() -> None:
    boxes = read_questionnaire(build_form()).boxes
    assert [(b.section, b.title, b.cell) for b in boxes] == [
        (code, title, f"C{row}") for row, (code, title) in enumerate(SECTIONS, 3)
    ]


# ---- inventing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_invented_figures_contradict_nothing(seed: int) -> None:
    asked = read_questionnaire(build_form()).questions
    pairs = (*INEQUALITIES, ("LD-24.2", "LD-01"))
    meant = {key: value for key, value in invent(asked, pairs, Random(seed)).items() if isinstance(value, Decimal)}
    assert len(meant) == len(asked)
    for code, _, _, columns in FIGURES:
        if "male" in columns:
            assert meant[code, "male"] + meant[code, "female"] == meant[code, "total"]
        if "minority" in columns:
            assert meant[code, "minority"] <= meant[code, "total"]
    for smaller, larger in pairs:
        for column in ("total", "male", "female", "minority"):
            if (smaller, column) in meant and (larger, column) in meant:
                assert 0 <= meant[smaller, column] <= meant[larger, column]


def test_gaps_never_touch_a_figure_that_a_rule_speaks_of() -> None:
    asked = read_questionnaire(build_form()).questions
    for seed in range(20):
        meant = leave_gaps(invent(asked, INEQUALITIES, Random(seed)), asked, INEQUALITIES, Random(seed))
        blank = {figure for (figure, _), value in meant.items() if value is None}
        not_applicable = {figure for (figure, _), value in meant.items() if value == NOT_APPLICABLE}
        assert len(blank) == len(not_applicable) == 1
        assert (blank | not_applicable) <= {"LD-01", "LD-24.2", "TC-04"}


# ---- assigning ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(1, 6))
def test_every_kind_is_played_and_most_bodies_are_on_time(seed: int) -> None:
    codes = [f"{n:05d}" for n in range(28)]
    given = assign(codes, seed)
    kinds = [behaviour.kind for behaviour in given.values()]
    assert set(given) == set(codes)
    assert set(kinds) == set(KINDS)
    assert kinds.count("on_time") > len(kinds) / 2
    assert {b.mistake for b in given.values() if b.kind == "mistake_then_corrected"} == {"sum", "text"}
    assert {b.writer for b in given.values()} == {"openpyxl", "xlwt", "odfpy", "libreoffice"}
    assert given == assign(reversed(codes), seed)
    assert given != assign(codes, seed + 100)


# ---- answering ------------------------------------------------------------------------------------------------------


def assert_says_what_is_meant(body: SimulatedBody, data: bytes) -> None:
    """Every cell of the sent file holds what the body means, and nothing stands where nothing was asked."""
    rows, meant = rows_of(data), body.meant()
    for code, _, _, columns in FIGURES:
        for column, typed in zip(("total", "male", "female", "minority"), rows[code], strict=True):
            if column not in columns:
                assert typed == ""
                continue
            assert understood(typed, code) == meant[code, column], (code, column, typed)


def understood(typed: object, code: str) -> object:
    """A typed cell as a reader of Vietnamese understands it."""
    if typed == "":
        return None
    if typed == "không áp dụng":
        return NOT_APPLICABLE
    if code == "XA-09":
        return Decimal({"Có": 1, "Không": 0}[str(typed)])
    return Decimal(typed.replace(".", "")) if isinstance(typed, str) else Decimal(str(typed))


def test_an_answer_is_a_threaded_reply_with_the_figures_it_means() -> None:
    body, post = body_with(Behaviour())
    post.waiting.append(asking(ADDRESS))
    assert body.play(NOW, "open") == ["UBND xã Bản Bo: gửi báo cáo (.xlsx)"]
    assert body.play(NOW, "open") == []
    letter, recipient = post.sent[0]
    assert recipient == f"treem+{TOKEN}@tamduong.test"
    assert letter["From"].addresses[0].addr_spec == ADDRESS
    assert letter["From"].addresses[0].display_name == "UBND xã Bản Bo"
    assert letter["In-Reply-To"] == letter["References"] == f"<req-1-{TOKEN}@tamduong.test>"
    assert letter["Date"].datetime == NOW
    assert f"[#{TOKEN}]" in letter["Subject"]
    data = workbook_of(letter)
    assert data is not None
    assert_says_what_is_meant(body, data)
    assert set(body.said()) == {code for code, _ in SECTIONS}


def test_the_same_seed_writes_the_same_letter() -> None:
    ids, meanings = [], []
    for _ in range(2):
        body, post = body_with(Behaviour(gaps=True))
        post.waiting.append(asking(ADDRESS))
        body.play(NOW, "open")
        ids.append(post.sent[0][0]["Message-ID"])
        meanings.append(body.meant())
    assert ids[0] == ids[1]
    assert meanings[0] == meanings[1]


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(numbers="as_text"),
        Behaviour(gaps=True),
        Behaviour("xls", file="xls", writer="xlwt", gaps=True),
        Behaviour("ods", file="ods", writer="odfpy", numbers="as_text"),
        Behaviour("ods", file="ods", writer="odfpy", gaps=True),
    ],
)
def test_every_file_format_says_the_same(behaviour: Behaviour) -> None:
    body, post = body_with(behaviour, seed=3)
    post.waiting.append(asking(ADDRESS))
    body.play(NOW, "open")
    letter, _ = post.sent[0]
    data = workbook_of(letter)
    assert data is not None
    assert_says_what_is_meant(body, data)
    marker = CalamineWorkbook.from_filelike(BytesIO(data)).get_sheet_by_name("treem").to_python()
    assert marker[0] == ["token", TOKEN]
    name = next(letter.iter_attachments()).get_filename()
    assert name == f"Báo cáo - UBND xã Bản Bo.{behaviour.file}"


def test_hidden_sheets_stay_hidden() -> None:
    for file, writer in (("xlsx", "openpyxl"), ("xls", "xlwt"), ("ods", "odfpy")):
        data = writers.fill(build_form(), {("Số liệu", "D8"): 5}, file, writer)  # type: ignore[arg-type]
        shown = {s.name: str(s.visible) for s in CalamineWorkbook.from_filelike(BytesIO(data)).sheets_metadata}
        assert "Visible" in shown["Số liệu"], file
        assert "Hidden" in shown["treem"], file


def test_grouped_thousands_are_typed_as_text() -> None:
    body, post = body_with(Behaviour(numbers="as_text"), seed=2)
    post.waiting.append(asking(ADDRESS))
    body.play(NOW, "open")
    typed = [cell for row in rows_of(workbook_of(post.sent[0][0]) or b"").values() for cell in row]
    assert any(isinstance(cell, str) and "." in cell for cell in typed)
    assert not any(isinstance(cell, float) for cell in typed)


@pytest.mark.skipif(writers.libreoffice() is None, reason="LibreOffice is not installed")
def test_libreoffice_keeps_figures_and_marker() -> None:
    body, post = body_with(Behaviour(file="ods", writer="libreoffice", gaps=True))
    post.waiting.append(asking(ADDRESS))
    body.play(NOW, "open")
    data = workbook_of(post.sent[0][0])
    assert data is not None
    assert b"LibreOffice" in ZipFile(BytesIO(data)).read("meta.xml")
    assert_says_what_is_meant(body, data)


def test_without_libreoffice_the_library_at_hand_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "libreoffice", lambda: None)
    body, post = body_with(Behaviour(file="ods", writer="libreoffice"))
    post.waiting.append(asking(ADDRESS))
    body.play(NOW, "open")
    data = workbook_of(post.sent[0][0])
    assert data is not None
    assert_says_what_is_meant(body, data)


def played(behaviour: Behaviour) -> tuple[SimulatedBody, RecordingPost, list[str]]:
    """A body that gets a request, two reminders and two chases and no acknowledgement; where it wrote."""
    body, post = body_with(behaviour)
    wrote = []
    for number, milestone in enumerate(("open", "remind-1", "remind-2", "due", "chase-1", "chase-2"), 1):
        if milestone != "due" and not body.counts:
            post.waiting.append(asking(ADDRESS, number))
        wrote += [milestone for _ in body.play(NOW, milestone)]
    return body, post, wrote


@pytest.mark.parametrize(
    ("behaviour", "when"),
    [
        (Behaviour(), ["open"]),
        (Behaviour(patience=2), ["remind-1"]),
        (Behaviour("late"), ["chase-1"]),
        (Behaviour("after_last_reminder"), ["due"]),
        (Behaviour("twice_same"), ["open", "open"]),
        (Behaviour("empty_form"), ["open", "remind-1"]),
        (Behaviour("prose_only"), ["open", "remind-1"]),
        (Behaviour("out_of_office"), ["open", "remind-1"]),
        (Behaviour("bounces"), []),
        (Behaviour("never"), []),
    ],
)
def test_each_kind_answers_in_its_time(behaviour: Behaviour, when: list[str]) -> None:
    body, post, wrote = played(behaviour)
    assert wrote == when
    assert body.counts == bool(when)
    assert bool(body.meant()) == bool(when)
    if when:
        assert_says_what_is_meant(body, workbook_of(post.sent[-1][0]) or b"")


def test_twice_the_same_file_in_two_letters() -> None:
    _, post, _ = played(Behaviour("twice_same"))
    (first, _), (second, _) = post.sent
    assert workbook_of(first) == workbook_of(second)
    assert first["Message-ID"] != second["Message-ID"]


def test_the_empty_form_is_the_form_as_received() -> None:
    body, post = body_with(Behaviour("empty_form"))
    form = build_form()
    post.waiting.append(asking(ADDRESS, form=form))
    body.play(NOW, "open")
    assert workbook_of(post.sent[0][0]) == form
    assert not body.counts


def test_prose_brings_no_file_and_out_of_office_is_marked_automatic() -> None:
    for kind, marked in (("prose_only", None), ("out_of_office", "auto-replied")):
        body, post = body_with(Behaviour(kind))  # type: ignore[arg-type]
        post.waiting.append(asking(ADDRESS))
        body.play(NOW, "open")
        assert workbook_of(post.sent[0][0]) is None
        assert post.sent[0][0]["Auto-Submitted"] == marked


def test_prose_is_followed_by_the_workbook_once_the_office_asks_for_it() -> None:
    body, post = body_with(Behaviour("prose_only"))
    post.waiting.append(asking(ADDRESS))
    body.play(NOW, "open")
    post.waiting.append(acknowledging(ADDRESS, post.sent[0][0]["Message-ID"], "Đề nghị gửi biểu mẫu Excel."))
    assert len(body.play(NOW, "open")) == 1
    assert body.acknowledgements == 1
    assert_says_what_is_meant(body, workbook_of(post.sent[1][0]) or b"")


@pytest.mark.parametrize(("mistake", "cell"), [("sum", "D8"), ("text", "D8")])
def test_a_mistake_is_corrected_when_the_acknowledgement_names_its_cell(mistake: str, cell: str) -> None:
    body, post = body_with(Behaviour("mistake_then_corrected", mistake=mistake))  # type: ignore[arg-type]
    post.waiting.append(asking(ADDRESS))
    body.play(NOW, "open")
    book = load_workbook(BytesIO(workbook_of(post.sent[0][0]) or b""))
    total, male, female = (book["Số liệu"][c].value for c in ("D8", "E8", "F8"))
    assert total == ("khoảng 20" if mistake == "text" else male + female + 1)
    assert body.play(NOW, "open") == []
    answered = post.sent[0][0]["Message-ID"]
    post.waiting.append(acknowledging(ADDRESS, answered, f"Trang tính Số liệu, ô {cell}: đề nghị sửa."))
    assert body.play(NOW, "open") == ["UBND xã Bản Bo: gửi bản sửa (.xlsx)"]
    assert body.named_mistake is True
    assert body.complaints == []
    assert post.sent[1][0]["In-Reply-To"].startswith("<ack-")
    assert_says_what_is_meant(body, workbook_of(post.sent[1][0]) or b"")


def test_an_acknowledgement_that_does_not_name_the_cell_is_a_complaint() -> None:
    body, post = body_with(Behaviour("mistake_then_corrected"))
    post.waiting.append(asking(ADDRESS))
    body.play(NOW, "open")
    post.waiting.append(acknowledging(ADDRESS, post.sent[0][0]["Message-ID"], "Ô D80 hoặc AD8 có lỗi."))
    assert body.play(NOW, "open") == []
    assert body.named_mistake is False
    assert len(body.complaints) == 1
    assert not body.counts


def test_naming_a_cell_is_exact() -> None:
    mistake = Mistake("Số liệu", "D12", frozenset({"D12"}))
    assert mistake.is_named_in("Trang tính “Số liệu”, ô D12: …")
    assert mistake.is_named_in("Số liệu!$D$12")
    assert not mistake.is_named_in("ô D1, ô D120, ô AD12")


# ---- what the district must come to ---------------------------------------------------------------------------------


@dataclass
class Said:
    """A body reduced to what it means."""

    body_code: str
    meaning: dict[tuple[str, str], object]

    def meant(self) -> dict[tuple[str, str], object]:
        return self.meaning


def test_expected_totals_follow_each_merge_rule() -> None:
    bodies = [
        Said("a", {("N", "total"): Decimal(1), ("D", "total"): Decimal(7), ("Y", "total"): Decimal(1)}),
        Said("b", {("N", "total"): Decimal(0), ("D", "total"): Decimal(4), ("Y", "total"): Decimal(0)}),
        Said("c", {("P", "total"): Decimal(9), ("N", "total"): None, ("Y", "total"): NOT_APPLICABLE}),
        Said("d", {("D", "total"): Decimal(100), ("P", "total"): Decimal(5)}),
        Said("never", {}),
    ]
    rules = [
        FigureRule("N", "sum"),
        FigureRule("D", "latest"),
        FigureRule("Y", "count_yes"),
        FigureRule("P", "primary", primary="cong-an"),
        FigureRule("Q", "sum", columns=("total", "male")),
        FigureRule("L", "none"),
        FigureRule("R", "rate", numerator="N", denominator="D"),
        FigureRule("S", "rate", numerator="N", denominator="Q", scale=1000),
    ]
    groups = {"a": "xa", "b": "xa", "c": "cong-an", "d": "xa", "never": "xa"}
    totals = expected_totals(bodies, rules, groups)  # type: ignore[arg-type]
    assert totals == {
        ("N", "total"): 1,
        ("D", "total"): 111,
        ("Y", "total"): 1,
        ("P", "total"): 9,
        ("Q", "total"): None,
        ("Q", "male"): None,
        ("L", "total"): None,
        ("R", "total"): Decimal("9.09"),
        ("S", "total"): None,
    }


def test_a_figure_whose_primary_source_is_silent_has_no_total() -> None:
    bodies = [Said("d", {("P", "total"): Decimal(5)})]
    rules = [FigureRule("P", "primary", primary="cong-an")]
    assert expected_totals(bodies, rules, {"d": "xa"}) == {("P", "total"): None}  # type: ignore[arg-type]
