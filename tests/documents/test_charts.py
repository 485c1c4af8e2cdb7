"""Charts of the report: what they show, what they must not, words for those who do not see them, the same bytes."""

import struct
import warnings
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from docx import Document
from docx.oxml.ns import qn

from tests.documents import world
from tests.documents.conftest import Round
from treem.district.compare import Compared, Side
from treem.documents import charts
from treem.documents.beside import Beside
from treem.documents.figures import merged_figures
from treem.documents.report import write_report
from treem.plan.settings import Settings

ZONE = "Asia/Ho_Chi_Minh"


def written(held: Round, **more: Any) -> bytes:
    told = world.narratives(held.settings, held.plan)
    return write_report(held.district, held.settings, held.plan, world.filing(held.plan), told, **more)


def compared(settings: Settings, now: int = 230, before: int = 200, whole: bool = True) -> tuple[Compared, ...]:
    asked = 13 if whole else 14
    return tuple(
        Compared(f, Side(2027, Decimal(now), 13, asked), Side(2026, Decimal(before), 13, 13), "", None, None)
        for f in settings.figures().values()
    )


def pictures(data: bytes) -> list[tuple[str, str, bytes]]:
    """Name, words and bytes of every picture of a document."""
    document = Document(BytesIO(data))
    found = []
    for place in document.element.body.iter(qn("wp:inline")):
        properties, blip = place.find(qn("wp:docPr")), next(place.iter(qn("a:blip")))
        part = document.part.related_parts[blip.get(qn("r:embed"))]
        found.append((properties.get("name"), properties.get("descr"), part.blob))
    return found


def test_every_picture_is_said_in_words(held: Round) -> None:
    shown = pictures(written(held, beside=Beside(compared=compared(held.settings))))
    assert len(shown) == 3
    for name, words, png in shown:
        assert name and len(words) > 60
        assert png.startswith(b"\x89PNG")
    assert "hạn nộp 14/6/2027" in shown[0][1]
    assert "năm trước 200, kỳ này 230" in shown[1][1]
    assert "Bản Bo" in shown[2][1]


def test_without_last_year_there_is_no_comparison(held: Round) -> None:
    assert len(pictures(written(held))) == 2


def test_the_same_input_gives_the_same_bytes(held: Round) -> None:
    beside = Beside(compared=compared(held.settings))
    first = written(held, beside=beside)
    for kept in (charts._columns, charts._index_bars, charts._panels):
        kept.cache_clear()
    assert written(held, beside=beside) == first


def test_a_picture_tells_neither_its_day_nor_its_program(held: Round) -> None:
    for _, _, png in pictures(written(held)):
        chunks, place = [], 8
        while place < len(png):
            (size,) = struct.unpack(">I", png[place : place + 4])
            chunks.append(png[place + 4 : place + 8])
            place += 12 + size
        assert set(chunks) <= {b"IHDR", b"pHYs", b"IDAT", b"IEND"}


def test_every_letter_is_in_the_type_face(held: Round) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*missing from font.*")
        pictures(written(held, beside=Beside(compared=compared(held.settings))))


def test_what_is_sensitive_small_or_not_whole_is_not_compared(held: Round) -> None:
    merged = merged_figures(held.district, held.settings)
    every = [m.figure.code for m in merged]
    drawn = charts.beside_last_year(compared(held.settings), merged, every)
    assert drawn
    sensitive = [f.label for i in held.settings.book.indicators if i.sensitive for f in i.figures]
    assert not any(label in drawn.alt for label in sensitive)
    rates = {m.figure.code for m in merged if m.figure.merge == "rate"}
    counts = [code for code in every if code not in rates]
    assert charts.beside_last_year(compared(held.settings, before=99), merged, counts) is None
    assert charts.beside_last_year(compared(held.settings, whole=False), merged, every) is None
    assert charts.beside_last_year(compared(held.settings), merged, ()) is None


@pytest.mark.parametrize("hidden", ["*", "…", "CN", "KAD", ""])
def test_a_commune_s_number_is_drawn_only_as_it_is_printed(held: Round, hidden: str) -> None:
    merged = merged_figures(held.district, held.settings)
    label = next(m.figure.label for m in merged if m.figure.code == "LD-01")
    cells = charts.Bars(label, "trẻ em", ("1.234", hidden, "56,5"))
    assert cells.numbers == (Decimal(1234), None, Decimal("56.5"))
    drawn = charts.communes(["Bản Bo", "Nà Tăm", "Thèn Sin"], [cells], merged)
    assert drawn and f"Nà Tăm {hidden}" in drawn.alt


def test_a_round_nobody_answered_has_no_timeline(held: Round) -> None:
    filing = [row for row in world.filing(held.plan) if row.first_received_at is None]
    assert charts.timeline(held.plan, filing, ZONE) is None
