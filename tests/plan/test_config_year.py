"""The year that ships: every recurring row of the plan is asked for, nobody twice, and the annual report is made of it.

The rows R1–R23 are those of the dossier (A.2); `docs/ke-hoach.md` lists them with the tests here.
"""

import os
import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

from tests.plan.test_config_content import CONFIG, OF_THE_REPORT, needs_sources, settings
from treem.documents.periods import as_of_text, deadline_text, period_label, period_text
from treem.forms.read import read_form
from treem.forms.write import write_form
from treem.plan.agenda import RoundPlan, plans_of
from treem.plan.almanac import Almanac
from treem.plan.settings import Collection, Form, OpenRecommendations, Places, Rotation, SelectedBefore, UntilYes

ROOT = CONFIG.parent
DOCS = ROOT / "docs" / "ke-hoach.md"
PLAN_YAML = (CONFIG / "plan.yaml").read_text(encoding="utf-8")
YEARS = range(2021, 2050)
ANNUAL, FINAL = ("bao-cao-nam", "bao-cao"), ("so-chinh-thuc", "so-lieu")
EVENTS = ("thang-hanh-dong", "quoc-te-thieu-nhi", "tet-trung-thu", "dien-dan-tre-em")
TO_CONFIRM = "CẦN PHÒNG XÁC NHẬN"
QUOTED = re.compile(r"[“”…]")
LABEL = re.compile(r"[\s;:,.\dIVMmục]*")


@cache
def rounds(year: int) -> dict[tuple[str, str], RoundPlan]:
    plans = plans_of(settings(), Almanac(settings().holidays), year)
    return {(p.activity.key, p.collection.key): p for p in plans}


def collection(activity: str, key: str | None = None) -> Collection:
    found = settings().activity(activity).collections
    return found[0] if key is None else settings().activity(activity).collection(key)


def form(activity: str, key: str, group: str) -> Form:
    return settings().form_for(activity, key, group)


def collections() -> Iterator[tuple[str, Collection]]:
    return ((a.key, c) for a in settings().plan.activities for c in a.collections)


def block_of(activity: str) -> str:
    """The activity's own lines in plan.yaml, comments and all."""
    start = PLAN_YAML.index(f"\n  - key: {activity}\n")
    return PLAN_YAML[start : PLAN_YAML.find("\n  - key: ", start + 1)]


def table() -> dict[str, list[str]]:
    """The rows of docs/ke-hoach.md by their number: "R4" → the other cells."""
    lines = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if re.match(r"\| R\d", line)]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells}


# ---- R1 … R23: each has a test that docs/ke-hoach.md names


def test_r1_the_six_month_report_asks_what_it_always_asked() -> None:
    of = collection("bao-cao-6-thang")
    forms = settings().forms_for("bao-cao-6-thang", of.key)
    asked = {code for f in forms for code in f.figures}
    rates = [f for f in settings().figures().values() if f.type == "rate"]
    assert of.takes == ()
    assert len(asked) + len(rates) == 144
    assert sum(len(f.figures) for f in forms) == 220
    book = settings().book.indicators[:OF_THE_REPORT]
    assert {f.code for i in book for f in i.figures} == asked | {f.code for f in rates}


def test_r2_the_annual_report_is_an_estimate_due_before_the_tenth_of_december() -> None:
    of = collection("bao-cao-nam")
    assert (of.due.before, of.due.year) == ("12-10", 0)
    assert set(of.audience) == {g.key for g in settings().register_.groups}
    assert of.period and of.period.estimate
    plan = rounds(2027)[ANNUAL]
    assert (plan.period_start, plan.period_end) == (date(2026, 12, 15), date(2027, 12, 14))
    assert plan.due < plan.period_end


def test_r2_final_figures_replace_the_estimates_of_the_same_period() -> None:
    estimate, final = rounds(2027)[ANNUAL], rounds(2027)[FINAL]
    assert final.collection.reconciles == "bao-cao-nam"
    assert (final.period_start, final.period_end) == (estimate.period_start, estimate.period_end)
    assert not final.is_estimate
    assert final.date_of("open") > final.period_end
    assert set(final.collection.audience) == set(estimate.collection.audience)
    for group in final.collection.audience:
        plain = next(f for f in settings().forms if f.group == group and f.serves(*FINAL))
        flows = {c for c in plain.figures if settings().indicator_of(c).accrual == "flow"}
        asked = form(*FINAL, group)
        assert set(asked.figures) == flows - taken_by(*FINAL)[group], group
        assert asked.figures and not asked.duties and not asked.closings


def test_r3_no_day_on_which_something_goes_to_the_province_is_settled() -> None:
    sent = {f"{a}/{c.key}": c.send_on_to_confirm for a, c in collections() if c.send_on}
    assert set(sent) == {
        "bao-cao-6-thang/bao-cao",
        "bao-cao-nam/bao-cao",
        "so-chinh-thuc/so-lieu",
        "thang-hanh-dong/ket-qua",
        "dien-dan-tre-em/ket-qua",
    }
    assert all(sent.values())


def test_r4_inspections_choose_look_and_follow_up() -> None:
    first, record, after = settings().activity("kiem-tra").collections
    assert isinstance(first.selection, Rotation)
    communes = [b for b in settings().register_.bodies if b.kind == "commune"]
    assert first.selection.every_years * first.selection.at_most >= len(communes)
    assert set(first.selection.incidents) <= set(form("bao-cao-6-thang", "bao-cao", "xa").figures)
    assert record.selection == SelectedBefore(rule="selected", collection=first.key)
    assert record.reporter == "ldtbxh"
    boxes = [c.key for c in form("kiem-tra", record.key, "xa").closings]
    assert [key for key in boxes if re.fullmatch(r"kien-nghi-\d+", key)] == [f"kien-nghi-{n}" for n in range(1, 6)]
    assert isinstance(after.selection, OpenRecommendations)
    assert after.selection.done in form("kiem-tra", after.key, "xa").figures
    for year in YEARS:
        own = {key: rounds(year)["kiem-tra", key] for key in (first.key, record.key, after.key)}
        day, opened = own[after.key].date_of("day"), own[record.key].date_of("open")
        assert own[first.key].due < opened
        assert abs(opened - day) < timedelta(days=7)
        assert own[record.key].date_of("close") < own[after.key].date_of("choose")
        last = own[after.key].date_of("until") + timedelta(days=after.selection.days)
        assert last <= own[after.key].due, "a recommendation of the last visit is due after the answer about it"


def test_r5_schools_are_inspected_every_term() -> None:
    terms = settings().activity("kiem-tra-truong-hoc").collections
    assert [c.due.school for c in terms] == ["hk1-end", "hk2-end"]
    assert {c.audience for c in terms} == {("gddt",)}
    assert form("kiem-tra-truong-hoc", "hoc-ky-1", "gddt").figures == ("GD-13",)


def test_r6_road_safety_is_inspected_every_quarter() -> None:
    quarters = settings().activity("kiem-tra-giao-thong").collections
    assert [c.key for c in quarters] == ["quy-1", "quy-2", "quy-3", "quy-4"]
    assert {c.audience for c in quarters} == {("cong-an",)}
    assert form("kiem-tra-giao-thong", "quy-3", "cong-an").figures == ("CA-09.1", "CA-09.2")


def test_r7_communes_review_dangerous_places_before_the_summer() -> None:
    of = collection("ra-soat-an-toan")
    assert (of.audience, of.due.before) == (("xa",), "05-15")
    assert form("ra-soat-an-toan", of.key, "xa").figures == ("XA-04.1", "XA-04.2", "XA-05")


def test_r8_the_front_and_the_unions_tell_of_their_supervision() -> None:
    of = collection("giam-sat")
    assert set(of.audience) == {"mttq", "doan-the"}
    assert all(form("giam-sat", of.key, group).figures == ("MT-01",) for group in of.audience)


@pytest.mark.parametrize("key", EVENTS)
def test_r9_to_r12_an_event_asks_for_a_plan_before_and_a_result_after(key: str) -> None:
    before, after = settings().activity(key).collections
    assert (before.key, after.key) == ("ke-hoach", "ket-qua")
    assert before.audience == after.audience
    for year in YEARS:
        plan, result = rounds(year)[key, "ke-hoach"], rounds(year)[key, "ket-qua"]
        assert plan.due < result.date_of("day") < result.due
        assert plan.date_of("close") < result.date_of("day")
    for group in after.audience:
        assert {"KH-03.1", "KH-03.2", "KH-03.3"} <= set(form(key, "ke-hoach", group).figures)
        asked = set(form(key, "ket-qua", group).figures)
        assert {"SK-01.1", "SK-01.2", "SK-01.3", "SK-02.1", "SK-02.2", "SK-02.3"} <= asked
        assert not asked & set(form(key, "ke-hoach", group).figures)


def test_r9_r10_r11_events_are_on_their_own_days() -> None:
    days = {key: rounds(2027)[key, "ket-qua"].date_of("day") for key in EVENTS}
    assert days["thang-hanh-dong"] == days["quoc-te-thieu-nhi"] == date(2027, 6, 1)
    assert rounds(2027)["thang-hanh-dong", "ket-qua"].date_of("until") == date(2027, 6, 30)
    assert days["tet-trung-thu"] == date(2027, 9, 15)  # rằm tháng Tám
    assert 5 <= days["dien-dan-tre-em"].month <= 8


def test_r12_r13_forum_and_listening_are_one_result_within_fifteen_days() -> None:
    assert "III.1.1" in settings().activity("dien-dan-tre-em").source
    for group in ("ldtbxh", "xa"):
        assert {"LD-06", "LD-07", "LD-08.1", "LD-08.2"} <= set(form("dien-dan-tre-em", "ket-qua", group).figures)
    for year in YEARS:
        result = rounds(year)["dien-dan-tre-em", "ket-qua"]
        assert result.due <= result.date_of("day") + timedelta(days=15)


def test_r14_training_is_nominated_allocated_invited_and_evaluated() -> None:
    first, second = settings().activity("tap-huan").collections
    rule = second.selection
    assert isinstance(rule, Places)
    assert (rule.nominations, second.letter) == (first.key, "invitation")
    for group in first.audience:
        assert rule.figure in form("tap-huan", first.key, group).figures
        assert form("tap-huan", second.key, group).figures == ("TH-02", "TH-03", "TH-04")
    for year in YEARS:
        nominating, training = rounds(year)["tap-huan", first.key], rounds(year)["tap-huan", second.key]
        day = training.date_of("day")
        assert nominating.date_of("close") <= training.date_of("choose") <= training.date_of("open")
        assert timedelta(days=7) < day - training.date_of("open") < timedelta(days=21)
        assert day < training.date_of("until") < training.due


def test_r15_clubs_and_contests_are_asked_at_the_end_of_the_school_year() -> None:
    of = collection("cau-lac-bo")
    assert of.due.school == "hk2-end"
    assert set(of.audience) == {"gddt", "doan-the"}
    assert form("cau-lac-bo", of.key, "gddt").figures == ("GD-14.1", "GD-14.2", "GD-15.1", "GD-15.2")


def test_r16_everybody_has_a_programme_early_in_the_year() -> None:
    of = collection("chuong-trinh-cong-tac")
    assert set(of.audience) == {g.key for g in settings().register_.groups}
    assert rounds(2027)["chuong-trinh-cong-tac", of.key].due.month <= 2
    assert {form("chuong-trinh-cong-tac", of.key, g).figures for g in of.audience} == {("XA-10",)}


def test_r17_every_body_confirms_its_contacts() -> None:
    of = collection("danh-ba")
    assert set(of.audience) == {g.key for g in settings().register_.groups}
    assert all("DB-01" in form("danh-ba", of.key, g).figures for g in of.audience)
    assert form("danh-ba", of.key, "xa").figures == ("DB-01", "LD-20", "LD-21")


def test_r18_communication_is_planned_here_and_reported_in_the_reports() -> None:
    of = collection("truyen-thong")
    assert all(form("truyen-thong", of.key, g).figures == ("TT-01", "TT-02") for g in of.audience)
    reported = {c for f in settings().forms_for(*ANNUAL) for c in f.figures}
    assert {"VH-01", "VH-03.1", "GD-11.1", "CA-07.1", "MT-03.1", "MT-05.1", "XA-03.1"} <= reported


def test_r19_everybody_may_propose_a_reward_before_the_annual_report() -> None:
    of = collection("khen-thuong")
    assert set(of.audience) == {g.key for g in settings().register_.groups}
    assert {form("khen-thuong", of.key, g).figures for g in of.audience} == {("KT-01.1", "KT-01.2")}


def test_r20_money_is_asked_of_the_finance_division_and_the_communes() -> None:
    of = collection("kinh-phi")
    assert set(of.audience) == {"tckh", "xa"}
    assert {"TC-01", "TC-02"} < set(form("kinh-phi", of.key, "tckh").figures)
    assert "TC-04" in form("kinh-phi", of.key, "xa").figures


def test_r21_thirteen_criteria_are_scored_and_judged() -> None:
    of = collection("xa-phu-hop")
    criteria = [f"XP-{n:02d}" for n in range(1, 14)]
    assert list(form("xa-phu-hop", of.key, "xa").figures) == [*criteria, "LD-23.1", "LD-23.2"]
    assert form("xa-phu-hop", of.key, "ldtbxh").figures == ("LD-22",)
    (rule,) = settings().book.thresholds
    assert (rule.verdict, rule.total, list(rule.parts), rule.at_least) == ("LD-23.2", "LD-23.1", criteria, 800)


def test_r22_cases_of_children_are_no_business_of_a_round() -> None:
    """Dossier A.5: a case is reported at once, to those responsible, and never by these letters."""
    assert "III.9.7" not in " ".join(a.source for a in settings().plan.activities)
    new = [f for i in settings().book.indicators[OF_THE_REPORT:] for f in i.figures]
    private = re.compile(r"họ tên|họ và tên|ngày sinh|địa chỉ nhà|nơi ở|số điện thoại|độ tuổi|cha, mẹ|lớp học", re.I)
    assert not [f.code for f in new if private.search(f"{f.label} {f.guidance}")]
    ages = {f.code for f in new if re.search(r"\btuổi\b", f.label)}
    assert ages <= {"XP-07", "XP-08"}  # names of national criteria
    for asked in settings().forms:
        for box in asked.closings:
            if re.search(r"họ tên|\btên\b", box.title, re.I):
                assert re.search(r"không (nêu|ghi) (tên|về) trẻ em|cán bộ|văn bản|kế hoạch|tên gọi|tên xã", box.title)


def test_r23_what_is_done_once_is_asked_until_it_is_done() -> None:
    of = collection("viec-mot-lan")
    assert isinstance(of.selection, UntilYes)
    asked = {g: form("viec-mot-lan", of.key, g) for g in of.audience}
    assert sorted(c for f in asked.values() for c in f.figures) == sorted(of.selection.figures)
    assert {g: f.duties for g, f in asked.items()} == {
        "ldtbxh": ("III.1.2",),
        "phong-y-te": ("III.2.2",),
        "xa": ("III.9.5",),
    }
    assert all(settings().figures()[c].type == "yes_no" for c in of.selection.figures)


# ---- what others asked is not asked again, and nothing is counted twice


def taken_by(activity: str, key: str) -> dict[str, set[str]]:
    """For each group, the figures it (or an inspection team of its own) gave to the sources of a collection."""
    found: dict[str, set[str]] = {g.key: set() for g in settings().register_.groups}
    for name in settings().activity(activity).collection(key).takes:
        source = settings().activity(settings().named(name)[0]).collection(settings().named(name)[1])
        for asked in settings().forms_for(*settings().named(name)):
            found[asked.group] |= set(asked.figures)
            if source.reporter:
                found[settings().body(source.reporter, date(2027, 6, 1)).group] |= set(asked.figures)
    return found


@pytest.mark.parametrize("of", [ANNUAL, FINAL], ids=lambda of: of[0])
def test_nobody_types_what_was_taken_from_it(of: tuple[str, str]) -> None:
    taken = taken_by(*of)
    for group in collection(*of).audience:
        assert not set(form(*of, group).figures) & taken[group], group


@pytest.mark.parametrize("of", [ANNUAL, FINAL], ids=lambda of: of[0])
def test_what_is_taken_and_typed_as_well_is_typed_by_others(of: tuple[str, str]) -> None:
    """Events ask some groups only; whoever else held something says so in the report. All else is taken whole."""
    taken = {code for codes in taken_by(*of).values() for code in codes}
    typed = {code for group in collection(*of).audience for code in form(*of, group).figures}
    assert taken & typed <= {"LD-26.1", "LD-26.2"}


def test_the_annual_report_has_every_figure_it_had_before() -> None:
    typed = {(f.group, code) for f in settings().forms_for(*ANNUAL) for code in f.figures}
    taken = {(group, code) for group, codes in taken_by(*ANNUAL).items() for code in codes}
    for asked in settings().forms_for("bao-cao-6-thang", "bao-cao"):
        assert {(asked.group, code) for code in asked.figures} <= typed | taken, asked.code


def test_a_figure_asked_by_several_sources_adds_up_or_is_the_last_word() -> None:
    """Counted twice would be a sum of what several sources say of the same thing: all such figures are flows."""
    times: dict[tuple[str, str], int] = {}
    for name in collection(*ANNUAL).takes:
        for asked in settings().forms_for(*settings().named(name)):
            for code in asked.figures:
                times[asked.group, code] = times.get((asked.group, code), 0) + 1
    several = {code for (_, code), n in times.items() if n > 1}
    assert all(settings().indicator_of(code).accrual == "flow" for code in several)
    assert {code.partition("-")[0] for code in several} <= {"SK", "LD", "CA", "GD"}
    assert {c for c in several if c.startswith("LD")} == {"LD-17.2", "LD-24.1", "LD-24.2", "LD-26.1", "LD-26.2"}
    said = [f for f in settings().forms if {"LD-24.1", "LD-26.1"} & set(f.figures) and "SK-02.1" in f.figures]
    assert all("LD-26.1" in f.guidance for f in said)  # which event's, where several ask


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("of", [ANNUAL, FINAL], ids=lambda of: of[0])
def test_what_is_taken_ends_within_the_period_and_is_closed_in_time(of: tuple[str, str], year: int) -> None:
    plan = rounds(year)[of]
    for name in plan.collection.takes:
        source = rounds(year)[settings().named(name)]
        assert plan.period_start <= source.period_end <= plan.period_end, name
        assert source.date_of("close") < plan.due, name


@pytest.mark.parametrize(
    "names",
    [
        ("kiem-tra-truong-hoc/hoc-ky-1", "kiem-tra-truong-hoc/hoc-ky-2"),
        tuple(f"kiem-tra-giao-thong/quy-{n}" for n in range(1, 5)),
        ("giam-sat",),
        ("dien-dan-tre-em/ket-qua",),
        ("kiem-tra/kien-nghi",),
        ("cau-lac-bo",),
        ("xa-phu-hop",),
        ("khen-thuong",),
        ("bao-cao-nam",),
    ],
    ids=lambda names: names[0],
)
def test_periods_follow_each_other_without_a_gap(names: tuple[str, ...]) -> None:
    in_order = [rounds(year)[settings().named(name)] for year in (2027, 2028, 2029) for name in names]
    for earlier, later in zip(in_order, in_order[1:], strict=False):
        assert later.period_start == earlier.period_end + timedelta(days=1), later.key


def test_figures_are_not_asked_for_before_their_period_ends() -> None:
    """But where they are planned, or an estimate; an event's form arrives when it ends."""
    for plan in rounds(2027).values():
        if plan.collection.period and not plan.is_estimate:
            assert plan.period_end < plan.due, plan.key


# ---- what the plan does not say is marked, what it says is quoted


def test_every_date_that_is_a_proposal_says_so() -> None:
    head = PLAN_YAML[: PLAN_YAML.index("\nactivities:\n")]
    assert TO_CONFIRM in head
    for activity in settings().plan.activities:
        if activity.key != "bao-cao-6-thang":
            assert TO_CONFIRM in block_of(activity.key), activity.key
    assert TO_CONFIRM in (CONFIG / "holidays.yaml").read_text(encoding="utf-8")


def test_forms_of_our_own_say_that_they_are_proposals() -> None:
    for path in sorted((CONFIG / "forms").glob("*.yaml")):
        assert re.search(f"{TO_CONFIRM}|Chưa xác nhận", path.read_text(encoding="utf-8")), path.name


@needs_sources
def test_the_source_of_every_activity_is_a_quotation() -> None:
    shared = Path(os.environ["TREEM_SHARED"])
    text = " ".join((shared / "plan" / "ke-hoach-tam-duong.txt").read_text(encoding="utf-8").split())
    for activity in settings().plan.activities:
        quoted = [part.strip() for part in QUOTED.split(activity.source) if not LABEL.fullmatch(part)]
        assert quoted, activity.key
        for part in quoted:
            assert part in text, (activity.key, part)


# ---- forms


@pytest.mark.parametrize("key", [a.key for a in settings().plan.activities])
def test_every_form_of_an_activity_is_written_and_read_back(key: str) -> None:
    for (activity, part), plan in rounds(2027).items():
        if activity != key:
            continue
        for group in plan.collection.audience:
            asked = form(key, part, group)
            read = read_form(written(plan, asked))
            assert [row.figure for row in read.rows] == list(asked.figures), asked.code
            assert [box.section for box in read.narratives] == [*asked.duties, *(c.key for c in asked.closings)], (
                asked.code
            )


def written(plan: RoundPlan, asked: Form) -> bytes:
    body = next(b for b in plan.bodies if b.group == asked.group)
    return write_form(
        asked,
        settings(),
        body=body,
        group=settings().group(asked.group),
        title=plan.title,
        period_label=period_label(plan),
        period_text=period_text(plan),
        as_of_text=as_of_text(plan),
        due_text=deadline_text(plan, plan.due, plan.legal_due),
        token="0" * 20,
        previous={},
        estimate=plan.is_estimate,
    )


def test_a_form_explains_a_figure_in_its_own_words_and_an_event_accumulates_nothing() -> None:
    event, year = rounds(2027)["tet-trung-thu", "ket-qua"], rounds(2027)[ANNUAL]
    book = openpyxl.load_workbook(BytesIO(written(event, form("tet-trung-thu", "ket-qua", "xa"))))
    shown = " ".join(str(cell) for row in book["Số liệu"].iter_rows(values_only=True) for cell in row if cell)
    assert "Chỉ ghi hoạt động của Tết Trung thu" in shown
    assert "6 tháng đầu năm" not in shown
    assert "Cộng dồn trong kỳ" not in shown
    words = [str(cell.value) for cell in book["Thuyết minh"]["B"] if cell.value]
    assert "Nội dung" in words and not any("Nhiệm vụ" in word for word in words)
    book = openpyxl.load_workbook(BytesIO(written(year, form(*ANNUAL, "cong-an"))))
    assert any("Cộng dồn trong kỳ" in str(cell.value) for row in book["Số liệu"].iter_rows() for cell in row)


def test_a_form_says_which_plan_row_it_is_for() -> None:
    for path in sorted((CONFIG / "forms").glob("*.yaml")):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith("# BIỂU MẪU: "), path.name
        assert "what this group is asked" in first or re.search(r"\(R\d+(, R\d+)*\)", first), path.name


# ---- docs/ke-hoach.md


def test_every_row_of_the_plan_is_in_the_document() -> None:
    assert list(table()) == [f"R{n}" for n in range(1, 24)]


def test_every_activity_is_in_the_document_with_its_collections_and_its_config_line() -> None:
    rows = table()
    cells = "\n".join(" | ".join(row) for row in rows.values())
    for activity in settings().plan.activities:
        assert f"`{activity.key}`" in cells, activity.key
        assert f"`config/plan.yaml: key: {activity.key}`" in cells, activity.key
        assert f"\n  - key: {activity.key}\n" in PLAN_YAML
        row = next(" | ".join(row) for row in rows.values() if f"key: {activity.key}`" in " | ".join(row))
        for of in activity.collections:
            assert f"`{of.key}`" in row, (activity.key, of.key)


def test_the_document_names_nothing_that_is_not_there() -> None:
    keys = {a.key for a in settings().plan.activities}
    for number, row in table().items():
        named = re.findall(r"config/plan\.yaml: key: ([a-z0-9-]+)`", " | ".join(row))
        assert set(named) <= keys, number
        assert named or number == "R22"


def test_the_tests_the_document_names_exist() -> None:
    for number, row in table().items():
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row[-1])
        assert named, number
        for file, name in named:
            assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), (number, name)


def test_the_document_gives_the_days_of_2027() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for plan in rounds(2027).values():
        assert re.search(rf"\| `{plan.key}` \|.*\| {plan.due:%d/%m/%Y} \|", text), plan.key
