"""The simulated bodies fill in the office's real forms, and the office's reader understands what they meant."""

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from treem.forms.check import check
from treem.forms.read import read_form
from treem.forms.write import write_form
from treem.plan.load import load_settings
from treem.plan.settings import Form, Settings
from treem.rehearsal import writers
from treem.rehearsal.behaviours import Behaviour, rng_for
from treem.rehearsal.bodies import SimulatedBody
from treem.rehearsal.postbox import Letter
from treem.rehearsal.questionnaire import read_questionnaire

TOKEN = "0A1B2C3D4E5F60718293"
ON = date(2027, 6, 14)
WAYS = [
    Behaviour(),
    Behaviour(numbers="as_text", gaps=True),
    Behaviour("xls", file="xls", writer="xlwt", gaps=True),
    Behaviour("ods", file="ods", writer="odfpy", numbers="as_text"),
]


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(Path(__file__).parents[2] / "config", os.environ)


def form_of(settings: Settings, form: Form) -> bytes:
    """The workbook the first body of the group gets, with figures of last year beside the cells to fill."""
    body = next(b for b in settings.register_.bodies if b.group == form.group and b.is_valid_on(ON))
    previous = {(code, "total"): Decimal(5) for code in form.figures[:3]}
    return write_form(
        form, settings, body=body, group=settings.group(form.group), title="Báo cáo 6 tháng 2027",
        period_text="từ ngày 15/12/2026 đến hết ngày 31/5/2027", as_of_text="chốt đến hết ngày 31/5/2027",
        due_text="trước ngày 15/6/2027", token=TOKEN, previous=previous,
    )  # fmt: skip


def answering(settings: Settings, form: bytes, behaviour: Behaviour, seed: str) -> SimulatedBody:
    """A body that has the form in its hands."""
    pairs = [(rule.smaller, rule.larger) for rule in settings.book.inequalities]
    pairs += [(f.numerator, f.denominator) for f in settings.figures().values() if f.numerator and f.denominator]
    sums = tuple((rule.total, rule.parts) for rule in settings.book.sums)
    nowhere = ("127.0.0.1", 0)
    body = SimulatedBody("x", "Đơn vị", "x@y.test", "-", nowhere, nowhere, behaviour, rng_for(1, seed), pairs, sums)
    body._take(Letter("<1@y.test>", f"[#{TOKEN}]", "o@y.test", "", "", "", form), "open")
    return body


def forms(settings: Settings) -> list[Form]:
    return list(settings.forms)


def test_every_figure_and_box_of_every_form_is_found(settings: Settings) -> None:
    figures = settings.figures()
    for form in forms(settings):
        asked = read_questionnaire(form_of(settings, form))
        assert {(q.figure, q.column) for q in asked.questions} == {
            (code, column) for code in form.figures for column in figures[code].columns
        }, form.code
        assert {q.figure for q in asked.questions if q.yes_no} == {
            code for code in form.figures if figures[code].type == "yes_no"
        }, form.code
        assert [b.section for b in asked.boxes] == [*form.duties, *(c.key for c in form.closings)], form.code


@pytest.mark.parametrize("behaviour", WAYS, ids=lambda b: f"{b.writer}-{b.numbers}")
def test_the_reader_understands_what_was_meant(settings: Settings, behaviour: Behaviour) -> None:
    for form in forms(settings):
        body = answering(settings, form_of(settings, form), behaviour, form.code)
        reading = read_form(body._filled())
        checked = check(form, settings, reading)
        assert reading.token == TOKEN
        assert [f for f in checked.findings if f.severity == "error"] == [], form.code
        read = {(v.figure, v.column): v.number if v.kind == "number" else v.kind for v in checked.values}
        meant = {key: "blank" if meaning is None else meaning for key, meaning in body._meant.items()}
        assert {key: read.get(key, "blank") for key in meant} == meant, form.code
        assert {n.section: n.text for n in checked.narratives} == body._texts, form.code


@pytest.mark.skipif(writers.libreoffice() is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("file", ["xls", "ods"])
def test_the_reader_understands_what_libreoffice_saved(settings: Settings, file: writers.FileFormat) -> None:
    form = next(f for f in settings.forms if f.group == "xa")
    body = answering(settings, form_of(settings, form), Behaviour(file=file, writer="libreoffice"), file)
    checked = check(form, settings, read_form(body._filled()))
    assert checked.valid
    assert {(v.figure, v.column): v.number for v in checked.values if v.kind == "number"} == body._meant


@pytest.mark.parametrize("mistake", ["sum", "text"])
def test_the_check_names_the_planted_cell(settings: Settings, mistake: str) -> None:
    for form in forms(settings):
        behaviour = Behaviour("mistake_then_corrected", mistake=mistake)  # type: ignore[arg-type]
        body = answering(settings, form_of(settings, form), behaviour, form.code)
        checked = check(form, settings, read_form(body._filled(planted=True)))
        assert not checked.valid, form.code
        assert body._mistake is not None
        assert any(body._mistake.is_named_in(f.cell) for f in checked.findings), form.code


def test_the_form_returned_as_received_is_blank(settings: Settings) -> None:
    for form in forms(settings):
        assert check(form, settings, read_form(form_of(settings, form))).blank, form.code
