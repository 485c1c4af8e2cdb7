"""A figure before and after the communes were merged, over a real ledger: `config-examples/lai-chau-2025`."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from sqlalchemy import select
from typer.testing import CliRunner

from tests.rounds.conftest import ZONE
from treem import cli
from treem.district.cells import Cell
from treem.district.series import Row, Series
from treem.ledger.tables import LetterOut, Request, Round
from treem.plan.load import load_settings
from treem.rehearsal.postbox import read_letter
from treem.rehearsal.questionnaire import read_questionnaire
from treem.rehearsal.writers import fill_xlsx
from treem.rounds.asking import _previous
from treem.rounds.decisions import Decided, file_by_hand
from treem.rounds.history import HistoryRefused, history
from treem.rounds.house import House, house_from_environment
from treem.rounds.steps import carry_out

EXAMPLE = Path(__file__).parents[2] / "config-examples" / "lai-chau-2025"
OLD, NEW = date(2025, 6, 30), date(2026, 7, 1)
SIX, YEAR = "bao-cao-6-thang", "bao-cao-nam"

# Children (LD-01) by code: all 13 old communes but Hồ Thầu (03406), and the six new ones.
CHILDREN_2025 = {
    "03390": 100, "03412": 200, "03413": 300, "03400": 10, "03405": 20, "03394": 1000, "03415": 41, "03418": 42,
    "03421": 51, "03424": 61, "03427": 62, "03430": 52,
}  # fmt: skip
CHILDREN_2026 = {"03390": 660, "03405": 77, "03394": 2500, "03408": 900, "03430": 110, "03424": 130}
OLD_NAMES = {"03390": "thị trấn Tam Đường", "03405": "xã Giang Ma"}


def moment(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 9, tzinfo=ZONE)


def environment(home: Path) -> dict[str, str]:
    return {
        "TREEM_CONFIG": str(home / "config"),
        "TREEM_HOME": str(home / "var"),
        "TREEM_LEDGER": f"sqlite:///{home}/ledger.sqlite",
    }


def hold(house: House, round_key: str, opening: datetime, answers: Mapping[str, int], due: datetime) -> None:
    """Open the round, and file on paper what each body answers: so many in the first figure, less in the others."""
    carry_out(house, round_key, opening)
    for body, number in answers.items():
        form = _form(house, round_key, body)
        made = _filled(form, number)
        filed = file_by_hand(house, round_key, body, ("bieu.xlsx", made), due, Decided("can-bo", "nộp giấy", due))
        assert filed.valid, filed.findings


def _form(house: House, round_key: str, body: str) -> bytes:
    with house.ledger.begin() as session:
        of_body = (Round.key == round_key, Request.body == body, LetterOut.kind == "request")
        query = select(LetterOut.raw).join(Request, Request.id == LetterOut.request_id).join(Round).where(*of_body)
        raw = session.scalar(query)
    assert raw is not None
    return read_letter(raw).workbook or b""


def _filled(form: bytes, number: int) -> bytes:
    """All boys, none of a minority; as many of every hundred as the figure's rule wants."""
    entries: dict[tuple[str, str], int | str] = {}
    for q in read_questionnaire(form).questions:
        total = {"LD-02": number // 10, "LD-03": number // 20, "LD-23.1": 700 + number % 200}.get(q.figure, number)
        answer = {"total": total, "male": total, "female": 0, "minority": 0}[q.column]
        entries[q.sheet, q.cell] = ("Có" if number % 2 else "Không") if q.yes_no else answer
    return fill_xlsx(form, entries)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with the six-month rounds of 2025, on the old map, and of 2026, on the new one."""
    made = tmp_path_factory.mktemp("lai-chau")
    (made / "config").symlink_to(EXAMPLE)
    house = house_from_environment(environment(made))
    hold(house, f"{SIX}/2025", moment(2025, 5, 20), CHILDREN_2025, moment(2025, 6, 12))
    carry_out(house, f"{SIX}/2025", moment(2025, 6, 30))
    hold(house, "tet-trung-thu/2025/ket-qua", moment(2025, 10, 6), {"03390": 30, "03424": 8}, moment(2025, 10, 10))
    hold(house, f"{YEAR}/2025", moment(2025, 11, 17), {"03390": 600}, moment(2025, 12, 5))
    hold(house, f"{SIX}/2026", moment(2026, 5, 20), CHILDREN_2026, moment(2026, 6, 12))
    return made


@pytest.fixture
def house(home: Path) -> House:
    return house_from_environment(environment(home))


def row(found: Series, *codes: str) -> Row:
    return next(row for row in found.rows if tuple(b.code for b in row.bodies) == codes)


def test_the_example_loads_and_every_old_commune_goes_on_in_a_new_one() -> None:
    register = load_settings(EXAMPLE, {}).register_
    communes = [b for b in register.bodies if b.group == "xa"]
    units = {b.code: register.successors_of(b) for b in communes if b.valid_to == OLD}
    assert len(units) == 13
    assert {code: (new.code, new.name) for code, (new,) in units.items()} == {
        **dict.fromkeys(("03390", "03412", "03413"), ("03390", "Ủy ban nhân dân xã Bình Lư")),
        **dict.fromkeys(("03400", "03405", "03406"), ("03405", "Ủy ban nhân dân xã Tả Lèng")),
        **dict.fromkeys(("03415", "03418"), ("03408", "Ủy ban nhân dân phường Tân Phong")),
        **dict.fromkeys(("03421", "03430"), ("03430", "Ủy ban nhân dân xã Khun Há")),
        **dict.fromkeys(("03424", "03427"), ("03424", "Ủy ban nhân dân xã Bản Bo")),
        "03394": ("03394", "Ủy ban nhân dân xã Sin Suối Hồ"),
    }
    assert [b for b in register.bodies if b.is_valid_on(NEW) and b.group == "huyen"] == []


def test_the_example_has_no_real_address_and_says_what_is_only_remembered() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in EXAMPLE.rglob("*.yaml")}
    for name, text in texts.items():
        assert all(address.endswith(".test") for address in re.findall(r"[\w.-]+@([\w.-]+)", text)), name
    assert "[R" in texts["bodies.yaml"]
    assert "[R" in texts["office.yaml"]
    assert "XÁC NHẬN" in texts["office.yaml"]


def test_each_round_asks_the_communes_of_its_own_day(house: House) -> None:
    before, after = house.plan(f"{SIX}/2025"), house.plan(f"{SIX}/2026")
    assert (len(before.bodies), len(after.bodies)) == (13, 6)
    for code, name in OLD_NAMES.items():
        assert before.body(code).name.endswith(name)
        assert not after.body(code).name.endswith(name)


def test_a_form_shows_no_figure_of_another_body_that_bore_the_code(house: House) -> None:
    with house.ledger.begin() as session:
        shown = {code: _previous(house, session, house.plan(f"{SIX}/2026"), code) for code in CHILDREN_2026}
        own = _previous(house, session, house.plan(f"{SIX}/2027"), "03390")
    assert shown == dict.fromkeys(CHILDREN_2026, {})  # 03390 was the town, 03405 was Giang Ma
    assert own["LD-01", "total"] == CHILDREN_2026["03390"]


def test_on_the_new_map_the_old_communes_are_added_to_the_new_ones(house: House) -> None:
    found = history(house, SIX, "LD-01", "total", NEW).series
    binh_lu, ta_leng = row(found, "03390"), row(found, "03405")
    assert binh_lu.cells[2025] == Cell("number", Decimal(600), 3, 3)
    assert binh_lu.cells[2026] == Cell("number", Decimal(660), 1, 1)
    ho_thau = "Ủy ban nhân dân xã Hồ Thầu"
    assert ta_leng.cells[2025] == Cell("number", Decimal(30), 2, 3, (ho_thau,))  # 03405 was Giang Ma then: 20 of the 30
    assert row(found, "03408").cells[2025] == Cell("number", Decimal(83), 2, 2)
    assert [b.code for r in found.rows for b in r.broken] == ["03394", "03408"]
    for year, answers in ((2025, CHILDREN_2025), (2026, CHILDREN_2026)):
        assert found.total[year].number == sum(answers.values())
        assert sum(r.cells[year].number or 0 for r in found.rows) == sum(answers.values())


def test_on_the_old_map_the_new_communes_are_not_divided(house: House) -> None:
    found = history(house, SIX, "LD-01", "total", OLD).series
    assert [tuple(b.code for b in r.bodies) for r in found.rows] == [
        ("03390", "03412", "03413"), ("03394",), ("03400", "03405", "03406"), ("03415", "03418"),
        ("03421", "03430"), ("03424", "03427"),
    ]  # fmt: skip
    joined = row(found, "03400", "03405", "03406")
    assert joined.cells[2026].number == 77
    assert [(p.cells[2025].kind, p.cells[2025].number) for p in joined.parts] == [
        ("number", 10), ("number", 20), ("not_filed", None)
    ]  # fmt: skip
    assert {p.cells[2026].kind for p in joined.parts} == {"joined"}
    assert found.total[2026].number == sum(CHILDREN_2026.values())


def test_every_merge_rule_on_the_new_map(house: House) -> None:
    rate = history(house, SIX, "LD-04", "total", NEW).series
    assert row(rate, "03390").cells[2025].number == Decimal("50.00")  # (5 + 10 + 15) / (10 + 20 + 30)
    score = history(house, SIX, "LD-23.1", "total", NEW).series
    assert row(score, "03390").cells[2025].kind == "not_added"
    assert row(score, "03394").cells[2025].number == 700
    yes = history(house, SIX, "LD-23.2", "total", NEW).series
    assert row(yes, "03408").cells[2025].number == 1  # of two
    male = history(house, SIX, "LD-01", "male", NEW).series
    assert row(male, "03390").cells[2025].number == 600


def test_the_annual_series_has_what_the_report_takes_from_events(house: House) -> None:
    taken = history(house, YEAR, "LD-25.1", "total", NEW).series
    assert row(taken, "03390").cells[2025] == Cell("number", Decimal(30), 1, 1)
    assert row(taken, "03430").cells[2025].kind == "not_filed"
    own = history(house, YEAR, "LD-01", "total", OLD).series
    assert row(own, "03390", "03412", "03413").cells[2025].number == 600


def test_a_due_date_changed_since_does_not_move_an_old_round_to_another_map(house: House) -> None:
    """Had the report been due in July, the plan of today would take 03390 for Bình Lư in 2025."""
    plan = house.plan(f"{SIX}/2025")
    late = tuple(replace(m, date=date(2025, 7, 14)) if m.key == "due" else m for m in plan.milestones)
    house._plans[plan.key] = replace(plan, milestones=late)
    found = history(house, SIX, "LD-01", "total", NEW).series
    assert row(found, "03390").cells[2025] == Cell("number", Decimal(600), 3, 3)


@pytest.mark.parametrize(
    ("activity", "figure", "column", "on", "words"),
    [
        ("bao-cao-6thang", "LD-01", "total", NEW, "“bao-cao-6-thang”"),
        ("tet-trung-thu", "LD-25.1", "total", NEW, "tet-trung-thu/ke-hoach, tet-trung-thu/ket-qua"),
        ("bao-cao-nam/khac", "LD-01", "total", NEW, "bao-cao-nam/bao-cao"),
        (SIX, "LD-1", "total", NEW, "“LD-01”"),
        (SIX, "LD-23.1", "male", NEW, "không có cột “male”"),
        (SIX, "LD-01", "total", date(1990, 1, 1), "01/01/1990"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(
    house: House, activity: str, figure: str, column: str, on: date, words: str
) -> None:
    with pytest.raises(HistoryRefused, match=words):
        history(house, activity, figure, column, on)


def test_a_body_that_was_taken_out_of_the_register_is_missed(home: Path, tmp_path: Path) -> None:
    config = tmp_path / "config"
    (config / "forms").mkdir(parents=True)
    for path in EXAMPLE.rglob("*.yaml"):
        (config / path.relative_to(EXAMPLE)).write_bytes(path.read_bytes())
    register = yaml.safe_load((config / "bodies.yaml").read_text(encoding="utf-8"))
    register["bodies"] = [b for b in register["bodies"] if b["code"] != "03412"]
    (config / "bodies.yaml").write_text(yaml.safe_dump(register, allow_unicode=True), encoding="utf-8")
    thinned = house_from_environment(environment(home) | {"TREEM_CONFIG": str(config)})
    with pytest.raises(HistoryRefused, match="“03412”.*valid_to và successors"):
        history(thinned, SIX, "LD-01", "total", NEW)


# ---- the command


def treem(home: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.setattr(cli.history, "now", lambda: moment(2026, 7, 1))
    env = environment(home) | {"COLUMNS": "150"}
    result = CliRunner().invoke(cli.app, ["series", *words], env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def lines(result: Result) -> dict[str, list[str]]:
    """The table's rows by the body's name."""
    cells = [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in result.stdout.splitlines()]
    return {cell[1]: cell[2:] for cell in cells if len(cell) > 2}


def test_the_command_shows_both_maps(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = treem(home, monkeypatch, "LD-01", "--activity", SIX)
    assert new.exit_code == 0
    assert "theo đơn vị ngày 01/7/2026" in new.stdout
    assert lines(new)["Đơn vị"] == ["2025", "2026 (chưa chốt)"]
    assert lines(new)["xã Bình Lư"] == ["600", "660"]
    assert lines(new)["xã Tả Lèng"] == ["30 (2/3)", "77"]
    assert lines(new)["Tất cả"] == ["1.939 (12/13)", "4.377"]
    assert lines(new)["xã Sin Suối Hồ *"] == ["1.000", "2.500"]
    assert "*: từ 01/7/2025 xã Sin Suối Hồ gồm cả phần thuộc huyện Phong Thổ cũ" in new.stdout
    old = treem(home, monkeypatch, "LD-01", "--activity", SIX, "--map", "cu")
    assert "theo đơn vị ngày 30/6/2025" in old.stdout
    assert lines(old)["xã Tả Lèng + xã Giang Ma + xã Hồ Thầu"] == ["30 (2/3)", "77"]
    assert lines(old)["trong đó xã Giang Ma"] == ["20", "gộp"]
    assert lines(old)["trong đó xã Hồ Thầu"] == ["CN", "gộp"]
    assert "chỉ so sánh được cả nhóm" in old.stdout
    assert treem(home, monkeypatch, "LD-01", "--activity", SIX, "--map", "30/6/2025").stdout == old.stdout


def test_sensitive_figures_are_marked_for_the_office(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nhạy cảm" in treem(home, monkeypatch, "LD-02", "--activity", SIX).stdout
    assert "nhạy cảm" not in treem(home, monkeypatch, "LD-01", "--activity", SIX).stdout


def test_the_command_as_json(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(treem(home, monkeypatch, "LD-01", "--activity", SIX, "--map", "cu", "--json").stdout)
    assert (found["figure"], found["map"], found["sensitive"]) == ("LD-01", "2025-06-30", False)
    assert found["periods"][0] == {"year": 2025, "round": f"{SIX}/2025", "closed": True, "estimate": False}
    (joined,) = (r for r in found["rows"] if r["bodies"][0]["code"] == "03400")
    assert joined["divisible"] is False
    assert joined["cells"]["2026"]["number"] == 77
    assert joined["cells"]["2025"]["missing"] == ["Ủy ban nhân dân xã Hồ Thầu"]
    assert joined["parts"][0]["cells"]["2026"] == {
        "kind": "joined", "number": None, "reporting": 0, "asked": 0, "missing": [], "not_asked": []
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("LD-99",), "Không có số liệu “LD-99”"),
        (("LD-01", "--map", "hôm qua"), "Không hiểu ngày “hôm qua”"),
        (("LD-01", "--activity", "bao-cao"), "không có hoạt động “bao-cao”"),
    ],
)
def test_the_command_says_what_is_wrong(
    home: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    result = treem(home, monkeypatch, *words)
    assert result.exit_code == 1
    assert said in result.stderr


def test_a_round_that_was_never_held_is_said_to_be_missing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Chưa có đợt nào" in treem(home, monkeypatch, "KH-01", "--activity", "tet-trung-thu/ke-hoach").stdout
