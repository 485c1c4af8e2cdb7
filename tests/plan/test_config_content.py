"""The configuration that ships says what the plan says: its duties, its indicators, its bodies."""

import csv
import os
import re
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from treem.plan.load import load_settings
from treem.plan.settings import Form, Settings

CONFIG = Path(__file__).parents[2] / "config"
SHARED = Path(os.environ.get("TREEM_SHARED", "/nowhere"))
needs_sources = pytest.mark.skipif(not SHARED.is_dir(), reason="TREEM_SHARED does not point at the sources")
ROUND_DAY = date(2027, 6, 14)
REPORT = ("bao-cao-6-thang", "bao-cao")
OF_THE_REPORT = 94  # the dossier's indicators; what other activities ask besides comes after them


@cache
def settings() -> Settings:
    return load_settings(CONFIG, {})


@cache
def rows() -> dict[str, dict[str, str]]:
    with (SHARED / "domain" / "indicators.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def report_forms() -> tuple[Form, ...]:
    return settings().forms_for(*REPORT)


def test_all_indicators_and_duties_are_there() -> None:
    first, others = settings().book.indicators[:OF_THE_REPORT], settings().book.indicators[OF_THE_REPORT:]
    assert len({i.code for i in first}) == OF_THE_REPORT
    assert not {i.code.partition("-")[0] for i in others} & {i.code.partition("-")[0] for i in first}
    assert len({d.code for d in settings().plan.duties}) == len(settings().plan.duties) == 31
    sizes = [sum(d.code.startswith(f"III.{n}.") for d in settings().plan.duties) for n in range(1, 10)]
    assert sizes == [3, 2, 5, 4, 4, 2, 1, 3, 7]


def test_the_communes_are_the_thirteen_of_the_plan() -> None:
    communes = [b for b in settings().register_.bodies if b.kind == "commune" and b.is_valid_on(ROUND_DAY)]
    assert len(communes) == 13
    assert all(re.fullmatch(r"034\d\d|03390|03394", b.code) for b in communes)
    assert {b.group for b in communes} == {"xa"}


def test_only_bodies_the_plan_does_not_name_wait_for_confirmation() -> None:
    unconfirmed = {b.group for b in settings().register_.bodies if b.to_confirm}
    assert unconfirmed == {"doan-the"}
    assert all(b.to_confirm for b in settings().register_.bodies if b.group == "doan-the")


def test_only_the_front_and_the_unions_are_requested_not_instructed() -> None:
    assert {g.key for g in settings().register_.groups if g.tone == "request"} == {"mttq", "doan-the"}


def test_no_letter_can_leave_for_a_real_address() -> None:
    mail, office = settings().mail, settings().office
    addresses = [a for b in settings().register_.bodies for a in b.emails] + [mail.address, *office.report_emails]
    assert addresses
    assert all(a.endswith(".test") for a in addresses)
    assert mail.smtp.host == mail.imap.host == "127.0.0.1"


def test_nothing_is_made_up_that_the_office_must_fill_in() -> None:
    plan, office = settings().plan, settings().office
    assert (plan.number, plan.signed_on) == ("", None)
    assert (office.report_signatory.name, office.letter_signatory.name) == ("", "")


def test_the_six_month_report_is_due_before_the_fifteenth_of_june() -> None:
    (collection,) = settings().activity("bao-cao-6-thang").collections
    assert (collection.due.before, collection.due.on) == ("06-15", None)
    assert set(collection.audience) == {g.key for g in settings().register_.groups}
    assert len(collection.reminders) == len(collection.chases) == 2


def test_a_commune_is_asked_a_bearable_number_of_figures() -> None:
    sizes = {form.group: len(form.figures) for form in report_forms()}
    assert 40 <= sizes["xa"] <= 60
    assert max(sizes.values()) == sizes["xa"]


def test_every_group_is_asked_about_each_of_its_duties_and_the_four_closings() -> None:
    for form in report_forms():
        own = [d.code for d in settings().plan.duties if form.group in d.groups]
        assert list(form.duties) == own, form.code
        assert [c.key for c in form.closings] == ["ton-tai", "nguyen-nhan", "kien-nghi", "phuong-huong"]


def test_no_form_asks_a_rate_and_every_rate_can_be_computed() -> None:
    figures = settings().figures()
    asked = {code for form in settings().forms for code in form.figures}
    rates = [f for f in figures.values() if f.type == "rate"]
    assert {f.code for f in rates} >= {"LD-04", "YT-02.2", "YT-04.2", "GD-05.3", "TP-04.3", "TC-03.2"}
    assert not asked & {f.code for f in rates}
    assert all({f.numerator, f.denominator} <= asked for f in rates)
    assert {f.scale for f in rates if f.unit == "‰"} == {1000}
    assert {f.scale for f in rates if f.unit == "%"} == {100}


def test_an_event_two_bodies_know_of_is_not_added_up() -> None:
    """Dossier A.6: choose the main source, show the difference."""
    figures = settings().figures()
    for code, primary in {"LD-11": "xa", "LD-12": "xa", "GD-09": "gddt", "GD-12": "gddt", "TP-04.1": "tu-phap"}.items():
        assert (figures[code].merge, figures[code].primary) == ("primary", primary)
        assert len(figures[code].groups) > 1


def test_rules_the_dossier_names_are_checked() -> None:
    pairs = {(r.smaller, r.larger) for r in settings().book.inequalities}
    named = {("LD-03", "LD-02"), ("LD-12", "LD-11"), ("LD-13", "LD-12"), ("CA-03.2", "CA-02"), ("TP-03", "TP-02")}
    assert named <= pairs


def test_scores_are_never_added() -> None:
    scores = [f for f in settings().figures().values() if f.type == "score"]
    assert {f.merge for f in scores} == {"none"}
    assert len(scores) == 1 + 13


@needs_sources
def test_duties_are_worded_as_in_the_plan() -> None:
    text = (SHARED / "plan" / "ke-hoach-tam-duong.txt").read_text(encoding="utf-8")
    part_three = " ".join(text[text.index("III.  TỔ CHỨC THỰC HIỆN") : text.index("V. CHẾ ĐỘ BÁO CÁO")].split())
    position = 0
    for duty in settings().plan.duties:
        position = part_three.find(duty.text, position)
        assert position >= 0, f"{duty.code} is not in the plan, or not in this order"
        assert part_three[position - 2] in "-:", f"{duty.code} does not begin where a bullet begins"
        position += len(duty.text)
        rest = part_three[position : position + 4]
        assert re.match(r" - | \d\. |$", rest), f"{duty.code} stops short of the bullet's end: {rest!r}"


@needs_sources
def test_indicators_are_those_of_the_dossier() -> None:
    assert [i.code for i in settings().book.indicators[:OF_THE_REPORT]] == list(rows())
    for indicator in settings().book.indicators[:OF_THE_REPORT]:
        row = rows()[indicator.code]
        assert indicator.name == row["ten"]
        assert indicator.basis == row["co_so"]
        assert indicator.sensitive == bool(row["nhay_cam"])
        duties = [d.strip() for d in row["nhiem_vu"].split(";")]
        # III.7 is one sentence without a bullet: its only duty is III.7.1
        assert list(indicator.duties) == ["III.7.1" if d == "III.7" else d for d in duties]


@needs_sources
def test_breakdowns_are_those_of_the_dossier() -> None:
    for indicator in settings().book.indicators[:OF_THE_REPORT]:
        columns = {c for f in indicator.figures for c in f.columns}
        said = _breakdown(indicator.code)
        assert ("male" in columns) == ("nam/nữ" in said), indicator.code
        assert ("minority" in columns) == bool(re.search(r"(?<!tiếng )dân tộc", said)), indicator.code


def _breakdown(code: str) -> str:
    """The dossier's breakdown; "như LD-11" refers to another row."""
    said = rows()[code]["phan_to"]
    if said == "như trên":
        codes = list(rows())
        return _breakdown(codes[codes.index(code) - 1])
    other = re.search(r"như ([A-Z]{2}-\d\d)", said)
    return _breakdown(other[1]) if other else said


@needs_sources
def test_every_supplier_of_the_dossier_is_asked() -> None:
    words = {
        "UBND xã": "xa",
        "Trung tâm Y tế": "ttyt",
        "TTYT": "ttyt",
        "Phòng Y tế": "phong-y-te",
        "Phòng GD&ĐT": "gddt",
        "Đài TT-TH": "dai",
        "Phòng VH&TT": "vhtt",
        "Công an": "cong-an",
        "Phòng Tư pháp": "tu-phap",
        "Phòng TC-KH": "tckh",
        "MTTQ": "mttq",
        "đoàn thể": "doan-the",
        "Huyện Đoàn": "doan-the",
    }
    for indicator in settings().book.indicators[:OF_THE_REPORT]:
        supplier = rows()[indicator.code]["noi_cung_cap"]
        expected = {group for word, group in words.items() if word in supplier}
        asked = {g for f in indicator.figures for g in f.groups}
        assert expected <= asked, indicator.code
        if supplier == "tất cả":
            assert asked == {g.key for g in settings().register_.groups}, indicator.code


@needs_sources
def test_communes_carry_their_gso_codes() -> None:
    text = (SHARED / "domain" / "tam_duong_units.json").read_text(encoding="utf-8")
    named = set(re.findall(r'"code": "(\d{5})"', text))
    assert {b.code for b in settings().register_.bodies if b.kind == "commune"} == named
