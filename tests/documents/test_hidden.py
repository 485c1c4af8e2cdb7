"""Small numbers in what leaves the office, read back from the documents themselves, and a reader who calculates."""

from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from docx import Document
from openpyxl import load_workbook

from tests.district.attacker import Attacker
from tests.documents import world
from tests.documents.conftest import Round
from treem.district.merge import District
from treem.district.outward import DISTRICT, as_told, collected, hidden_places
from treem.district.suppress import Edition, Key
from treem.documents.annex import write_annex
from treem.documents.figures import HIDDEN, HIDDEN_LEGEND, commune_heading
from treem.documents.report import write_report
from treem.documents.told import told_by
from treem.plan.settings import Confidentiality, Settings

COLUMNS = ("total", "male", "female", "minority")
NAMES = {"tổng số": "total", "nam": "male", "nữ": "female", "dân tộc thiểu số": "minority"}
NEAR = 1e-6


@pytest.fixture(scope="module")
def edition(held: Round) -> Edition:
    return as_told(collected(held.district, held.settings), {})


@pytest.fixture(scope="module")
def annex(held: Round) -> Any:
    data = write_annex(held.district, held.settings, held.plan, world.filing(held.plan), held.values, outward=True)
    return load_workbook(BytesIO(data))


def read_by_commune(annex: Any, held: Round) -> dict[Key, Any]:
    """What stands in the communes' cells of the workbook."""
    communes = {commune_heading(b.name): b.code for b in held.plan.bodies if b.kind == "commune"}
    rows = list(annex["Theo xã"].iter_rows(values_only=True))
    head = next(row for row in rows if row[0] == "Mã")
    found = {}
    for row in rows[rows.index(head) + 1 :]:
        for title, value in zip(head, row, strict=True):
            if title in communes and value not in (None, ""):
                found[row[0], NAMES[row[2]], communes[title]] = value
    return found


def test_no_small_number_of_children_stands_in_the_outward_workbook(annex: Any, held: Round, edition: Edition) -> None:
    told = read_by_commune(annex, held)
    assert HIDDEN in told.values()
    for key in edition.small & told.keys():
        assert told[key] == HIDDEN, key
    district = {
        row[0]: row for row in annex["Biểu huyện"].iter_rows(values_only=True) if row[0] in held.settings.figures()
    }
    places = collected(held.district, held.settings).places
    totals = [place for key in edition.small for place in places[key] if place[1][1] == DISTRICT]
    assert {code for code, _ in totals} & {i.code for i in held.settings.book.indicators if i.sensitive}
    for code, (column, _) in totals:
        assert district[code][3 + COLUMNS.index(column)] == HIDDEN, code


def test_a_reader_of_the_outward_workbook_works_out_no_number(annex: Any, held: Round, edition: Edition) -> None:
    told = {key for key, value in read_by_commune(annex, held).items() if value != HIDDEN}
    district = {r[0]: r for r in annex["Biểu huyện"].iter_rows(values_only=True) if r[0] in held.settings.figures()}
    places = collected(held.district, held.settings).places
    for key, stands in places.items():
        for figure, (column, place) in stands:
            cell = district[figure][3 + COLUMNS.index(column)] if place == DISTRICT and column in COLUMNS else None
            if isinstance(cell, int | float | Decimal):
                told.add(key)
    other = {key for key in places if len(key) == 3 and not key[2].isdigit()}  # divisions: only totals are printed
    unknown = {key for key, _ in edition.numbers if key not in told and (key in other or key[2].isdigit())}
    attacker, numbers = Attacker(edition, unknown), dict(edition.numbers)
    for key in sorted(edition.small | edition.secret):
        low, high = attacker.interval(key)
        if key in edition.small:
            assert high - low >= 4 - NEAR, (key, low, high)
        elif numbers[key]:
            assert low < NEAR < high or high - low >= 4 - NEAR, (key, low, high)


def test_the_word_report_hides_the_same_numbers(held: Round) -> None:
    data = write_report(
        held.district,
        held.settings,
        held.plan,
        world.filing(held.plan),
        world.narratives(held.settings, held.plan),
        draft=False,
    )
    document = Document(BytesIO(data))
    text = "\n".join(p.text for p in document.paragraphs)
    assert HIDDEN_LEGEND in text
    assert "không nêu (số nhỏ, hoặc có thể tính ra số nhỏ)" in text
    cells = {cell.text for table in document.tables for row in table.rows for cell in row.cells}
    assert HIDDEN in cells


def test_a_rate_that_would_tell_a_hidden_number_is_hidden_too(held: Round) -> None:
    hidden = hidden_places(held.district, held.settings)
    assert ("total", "") in hidden["YT-05.1"]
    assert ("total", "") in hidden["YT-05.2"]  # deaths under five on a thousand births


def test_the_internal_workbook_shows_every_number(held: Round) -> None:
    data = write_annex(held.district, held.settings, held.plan, world.filing(held.plan), held.values)
    book = load_workbook(BytesIO(data))
    assert not any(c == HIDDEN for row in book["Theo xã"].iter_rows(values_only=True) for c in row)


def test_what_an_earlier_edition_showed_is_reckoned_with(held: Round) -> None:
    """A commune corrected one number by one; the earlier edition gave the old total and everything else."""
    before = as_told(collected(held.district, held.settings), {})
    hidden = hidden_places(held.district, held.settings)
    assert hidden
    numbers = dict(before.numbers)
    told = {key: numbers[key] for key in numbers if key not in before.secret}
    all_told = District(
        held.district.totals, held.district.by_body, held.district.cross_checks, held.district.unplaced, told
    )
    assert not any(
        place[1].isdigit() for f, places in hidden_places(all_told, held.settings).items() for place in places
    )


def test_the_threshold_is_the_offices_to_set(held: Round) -> None:
    office = held.settings.office.model_copy(update={"confidentiality": Confidentiality(threshold=2, units=())})
    looser: Settings = held.settings.model_copy(update={"office": office})
    many, few = hidden_places(held.district, held.settings), hidden_places(held.district, looser)
    assert sum(map(len, few.values())) < sum(map(len, many.values()))
    assert not any(place[1].isdigit() and f == "LD-24.2" for f, places in few.items() for place in places)


def test_a_workbook_that_was_sent_is_read_back(annex: Any, held: Round, edition: Edition) -> None:
    sent = BytesIO()
    annex.save(sent)
    told, numbers = told_by(sent.getvalue(), held.district), dict(edition.numbers)
    assert len(told) > 300
    assert {key: numbers[key] for key in told if key in numbers} == {
        key: n for key, n in told.items() if key in numbers
    }
    assert not set(told) & (edition.small | edition.secret)
    again = District(
        held.district.totals, held.district.by_body, held.district.cross_checks, held.district.unplaced, told
    )
    assert hidden_places(again, held.settings) == hidden_places(held.district, held.settings)
