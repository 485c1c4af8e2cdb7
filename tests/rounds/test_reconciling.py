"""What a round is compared with, read from a real ledger: half a year, the years before, final figures first."""

import shutil
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from tests.rounds.conftest import CONFIG
from tests.rounds.desk import few_bodies
from tests.rounds.test_history import environment
from treem.district.compare import Compared
from treem.district.reconcile import Difference
from treem.forms.check import Checked, CheckedValue
from treem.ledger.tables import Request, Round
from treem.rounds.filing import file_submission
from treem.rounds.house import House, house_from_environment
from treem.rounds.reconciling import compared_of, findings_of
from treem.rounds.steps import carry_out

SIX, YEAR, FINAL = "bao-cao-6-thang", "bao-cao-nam", "so-chinh-thuc"
COMMUNE = "03390"


def hold(house: House, round_key: str, body: str = COMMUNE, **said: int) -> None:
    """Open the round and take in what the body says: `LD_11=4`; every other figure of its form is a blank."""
    plan = house.plan(round_key)
    now = plan.instant_of(plan.milestone("open"))
    carry_out(house, round_key, now)
    form = house.settings.form_for(plan.activity.key, plan.collection.key, house.settings.body(body, plan.due).group)
    numbers = {name.replace("_", "-", 1).replace("_", "."): Decimal(number) for name, number in said.items()}
    assert set(numbers) <= set(form.figures)
    values = tuple(
        CheckedValue(code, "total", "number" if code in numbers else "blank", numbers.get(code), "Số liệu", f"D{n}")
        for n, code in enumerate(form.figures, start=8)
    )
    sha = house.ledger.originals.keep(f"{round_key}{body}".encode())
    with house.ledger.begin() as session:
        request = session.scalars(select(Request).join(Round).where(Round.key == round_key, Request.body == body)).one()
        checked = Checked(values, (), (), blank=False, complete=True)
        file_submission(
            house, session, request, checked, [], file_sha=sha, file_name="bieu.xlsx",
            received_at=now, letter_in_id=None, source="hand", now=now,
        )  # fmt: skip


def office(home: Path) -> House:
    shutil.copytree(CONFIG, home / "config")
    few_bodies(home / "config")
    return house_from_environment(environment(home))


def past(house: House) -> None:
    for year, number in ((2024, 4), (2025, 5), (2026, 4)):
        hold(house, f"{SIX}/{year}", LD_11=number, LD_01=400)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    made = office(tmp_path_factory.mktemp("doi-chieu"))
    past(made)
    hold(made, f"{YEAR}/2025", LD_11=8)
    hold(made, f"{YEAR}/2026", LD_11=9, LD_01=410)
    hold(made, f"{FINAL}/2026", LD_11=10)
    hold(made, f"{SIX}/2027", LD_11=60, LD_01=415)
    hold(made, f"{YEAR}/2027", LD_11=50, LD_01=415)
    return made


def differences(house: House, round_key: str) -> dict[tuple[str, str], Difference]:
    with house.ledger.begin() as session:
        found = findings_of(house, session, house.plan(round_key)).differences
    return {(d.rule, d.figure): d for d in found}


def compared(house: House, round_key: str) -> Mapping[str, Compared]:
    with house.ledger.begin() as session:
        return {c.figure.code: c for c in compared_of(house, session, house.plan(round_key))}


def test_a_jump_is_seen_against_the_bodys_own_rounds(house: House) -> None:
    found = differences(house, f"{SIX}/2027")
    jump = found["jumps", "LD-11"]
    assert (jump.body, jump.past, jump.theirs) == (COMMUNE, (4, 5, 4), 60)
    assert jump.places == (("Số liệu", jump.asks[0].cell),)
    assert ("jumps", "LD-01") not in found


def test_the_year_is_seen_against_its_half(house: House) -> None:
    found = differences(house, f"{YEAR}/2027")["within_year", "LD-11"]
    assert (found.ours, found.theirs) == (60, 50)
    assert ("within_year", "LD-11") not in differences(house, f"{SIX}/2027")
    assert ("within_year", "LD-11") not in differences(house, f"{YEAR}/2026")


def test_the_same_period_of_last_year(house: House) -> None:
    found = compared(house, f"{SIX}/2027")
    accidents, children = found["LD-11"], found["LD-01"]
    assert (accidents.change, accidents.per_cent) == (56, 1400)
    assert (children.change, children.since) == (15, None)


def test_final_figures_stand_for_the_year(house: House) -> None:
    since = compared(house, f"{SIX}/2027")["LD-11"].since
    assert since is not None
    assert since.number == 8 + 10 + 60  # the estimate of 2025, the final figure of 2026, this half year
    assert since.without == (2020, 2021, 2022, 2023, 2024)
    assert since.estimates == (2025,)
    year = compared(house, f"{YEAR}/2027")
    assert (year["LD-11"].before and year["LD-11"].before.number) == 10  # flows by final figures …
    assert (year["LD-01"].before and year["LD-01"].before.number) == 410  # … what is not asked again as it was


def test_the_first_year_is_compared_with_nothing(house: House) -> None:
    assert compared(house, f"{SIX}/2024") == {}


def test_a_code_that_meant_another_body_has_no_past(tmp_path: Path) -> None:
    made = office(tmp_path)
    past(made)
    _another_body(tmp_path / "config")
    later = house_from_environment(environment(tmp_path))
    hold(later, f"{SIX}/2027", LD_11=60)
    assert ("jumps", "LD-11") not in differences(later, f"{SIX}/2027")
    found = compared(later, f"{SIX}/2027")["LD-11"]
    assert (found.change, found.why) == (None, "other_bodies")


def _another_body(config: Path) -> None:
    """From 2027 the code is another commune's, as codes were given out again in 2025."""
    file = config / "bodies.yaml"
    register: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    old = next(b for b in register["bodies"] if b["code"] == COMMUNE)
    register["bodies"].append(old | {"emails": [*old["emails"]], "name": "UBND xã Mới", "valid_from": date(2027, 1, 1)})
    old["valid_to"] = date(2026, 12, 31)
    file.write_text(yaml.safe_dump(register, allow_unicode=True), encoding="utf-8")
