"""What looks like naming a child stays out of every document until a person has read it. All names are made up."""

from io import BytesIO
from pathlib import Path

import pytest
from docx import Document
from openpyxl import load_workbook

from tests.rounds.conftest import ROUND, at
from tests.rounds.desk import Desk, filled
from treem.ledger import queries
from treem.ledger.tables import Event
from treem.rehearsal.questionnaire import read_questionnaire
from treem.rounds import decisions, releasing, reporting
from treem.rounds.decisions import Decided, DecisionRefused
from treem.rounds.screening import HELD

NAMING = "Đã hỗ trợ cháu Giàng A Páo, sinh năm 2015, bị đuối nước."
HARMLESS = "Đã tuyên truyền tại các thôn, bản; trẻ em được tặng quà Tết Trung thu."
DECIDED = Decided("can-bo", "đã xem nội dung", at(6, 20))


def told(form: bytes, text: str) -> bytes:
    """The form with all figures, and the text in its first box."""
    book = load_workbook(BytesIO(filled(form)))
    box = read_questionnaire(form).boxes[0]
    book[box.sheet][box.cell] = text
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def words(house_documents: tuple[Path, ...]) -> str:
    """Everything that can be read in the documents, Word and workbook."""
    found = []
    for path in house_documents:
        if path.suffix == ".docx":
            found += [p.text for p in Document(str(path)).element.body.iter() if hasattr(p, "text") and p.text]
        elif path.suffix == ".xlsx":
            sheets = load_workbook(path).worksheets
            found += [str(c) for s in sheets for row in s.iter_rows(values_only=True) for c in row if c]
    return "\n".join(found)


def by_mail(desk: Desk, text: str) -> None:
    desk.write("03390", at(6, 1), told(desk.form("03390"), text))
    desk.collect(at(6, 1, 9))


def by_hand(desk: Desk, text: str) -> None:
    file = ("BM.xlsx", told(desk.form("03390"), text))
    decisions.file_by_hand(desk.house, ROUND, "03390", file, at(6, 1), Decided("can-bo", "nộp trực tiếp", at(6, 1)))


@pytest.mark.parametrize("file", [by_mail, by_hand])
def test_a_text_that_names_a_child_waits_however_it_came(desk: Desk, file: object) -> None:
    file(desk, NAMING)  # type: ignore[operator]
    (one,) = releasing.waiting(desk.house)
    assert (one.body, one.state) == ("03390", "held")
    assert "Páo" not in repr(one)
    documents = words(reporting.preview_report(desk.house, ROUND))
    assert "Páo" not in documents
    assert HELD in documents


def test_a_text_that_names_nobody_goes_into_the_report_as_it_is(desk: Desk) -> None:
    by_mail(desk, HARMLESS)
    assert releasing.waiting(desk.house) == []
    assert HARMLESS in words(reporting.preview_report(desk.house, ROUND))


def test_released_it_stands_there_and_a_draft_that_waited_is_made_anew(desk: Desk) -> None:
    by_mail(desk, NAMING)
    (one,) = releasing.waiting(desk.house)
    version = reporting.draft_report(desk.house, ROUND, at(6, 20))
    releasing.release(desk.house, one.id, DECIDED)
    assert releasing.waiting(desk.house) == []
    assert reporting.draft_report(desk.house, ROUND, at(6, 20)) == version + 1
    assert "Páo" in words(reporting.preview_report(desk.house, ROUND))


def test_other_words_stand_in_its_place_and_the_ledger_keeps_what_was_filed(desk: Desk) -> None:
    by_mail(desk, NAMING)
    (one,) = releasing.waiting(desk.house)
    releasing.redact(desk.house, one.id, "Đã hỗ trợ một trẻ em bị đuối nước.", DECIDED)
    documents = words(reporting.preview_report(desk.house, ROUND))
    assert "Páo" not in documents
    assert "Đã hỗ trợ một trẻ em bị đuối nước." in documents
    with desk.house.ledger.begin() as session:
        assert NAMING in {n.text for n in queries.narratives(session, ROUND)}
    assert releasing.show(desk.house, one.id).text == NAMING


def test_other_words_must_not_name_the_child_either(desk: Desk) -> None:
    by_mail(desk, NAMING)
    (one,) = releasing.waiting(desk.house)
    with pytest.raises(DecisionRefused, match="Lời thay thế vẫn"):
        releasing.redact(desk.house, one.id, "Đã hỗ trợ cháu Páo.", DECIDED)


def test_a_decision_is_about_the_words_it_was_made_on(desk: Desk) -> None:
    by_mail(desk, NAMING)
    (one,) = releasing.waiting(desk.house)
    releasing.release(desk.house, one.id, DECIDED)
    desk.write("03390", at(6, 3), told(desk.form("03390"), NAMING + " Cháu Mỷ cũng vậy."))
    desk.collect(at(6, 3, 9))
    assert len(releasing.waiting(desk.house)) == 1
    assert "Páo" not in words(reporting.preview_report(desk.house, ROUND))


def test_no_document_takes_a_text_past_the_door() -> None:
    """Only the ledger itself, and the duty matrix, which counts words and prints none, ask for texts as filed."""
    root = Path(__file__).parents[2] / "treem"
    asking = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if "queries.narratives(" in path.read_text(encoding="utf-8")
    }
    assert asking <= {"rounds/gathered.py"}


def test_everything_a_round_leaves_on_disk_is_private(desk: Desk) -> None:
    by_mail(desk, NAMING)
    reporting.draft_report(desk.house, ROUND, at(6, 20))
    home = desk.house.documents.parent
    modes = {path.relative_to(home).as_posix(): path.stat().st_mode & 0o077 for path in home.rglob("*")}
    modes = {name: mode for name, mode in modes.items() if not name.startswith("config")}  # the test's own
    assert len(modes) > 10
    assert {name for name, open_to_others in modes.items() if open_to_others} == set()


def test_names_and_sensitive_figures_are_in_no_subject_event_or_file_name(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    by_mail(desk, NAMING)
    version = reporting.draft_report(desk.house, ROUND, at(6, 20))
    reporting.await_approval(desk.house, ROUND, at(6, 20))
    view = reporting.waiting(desk.house, ROUND)
    assert view is not None
    home = desk.house.documents.parent
    with desk.house.ledger.begin() as session:
        events = [f"{e.kind} {e.data}" for e in session.query(Event)]
    seen = [
        *(letter.subject for letter in desk.outbox()),
        *(path.name for path in home.rglob("*")),
        *events,
        view.summary_md,
        caplog.text,
        *map(repr, releasing.waiting(desk.house)),
    ]
    assert version
    assert not [text for text in seen if "Páo" in text or "2015" in text or "đuối" in text]
