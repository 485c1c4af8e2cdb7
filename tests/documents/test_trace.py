"""`treem trace`: from a figure back to body, letter, file, sheet and cell, as the workbook tells it."""

import json
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import Result
from openpyxl import load_workbook
from typer.testing import CliRunner

from flows.commands import app
from tests.documents import year
from tests.documents.test_annex import is_rate, table
from treem.documents.provenance import SHEET
from treem.rounds import reporting
from treem.rounds.house import House

NOW = datetime(2027, 12, 20, 9, tzinfo=year.ZONE)
EVENT, ANNUAL = "thang-hanh-dong/2027/ket-qua", "bao-cao-nam/2027"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = year.house_in(tmp_path_factory.mktemp("trace"))
    year.file_round(made, EVENT, 5)
    year.file_round(made, ANNUAL, 10, silent=("03415",))
    yield made
    made.ledger.engine.dispose()


def treem(house: House, *words: str) -> Result:
    folder = house.documents.parent
    env = {
        "TREEM_CONFIG": str(year.CONFIG),
        "TREEM_HOME": str(folder),
        "TREEM_LEDGER": f"sqlite:///{folder / 'ledger.sqlite'}",
    }
    result = CliRunner().invoke(app, words, env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_a_figure_leads_to_every_cell_it_was_typed_in(house: House) -> None:
    lines = json.loads(treem(house, "trace", ANNUAL, "ld-01", "--json").stdout)
    assert {line["figure"] for line in lines} == {"LD-01"}
    assert {line["column"] for line in lines} == {"total", "male", "female", "minority"}
    assert len({line["body"] for line in lines}) == 12
    assert all(line["sheet"] and line["cell"] and len(line["file_sha256"]) == 64 for line in lines)


def test_one_body_alone(house: House) -> None:
    lines = json.loads(treem(house, "trace", ANNUAL, "LD-01", "--body", "03390", "--json").stdout)
    assert {line["body"] for line in lines} == {"03390"} and len(lines) == 4
    assert json.loads(treem(house, "trace", ANNUAL, "LD-01", "--body", "03415", "--json").stdout) == []


def test_a_rate_leads_to_both_halves(house: House) -> None:
    rate = next(f for f in house.settings.figures().values() if f.merge == "rate" and f.code.startswith("YT"))
    lines = json.loads(treem(house, "trace", ANNUAL, rate.code, "--json").stdout)
    assert {(line["part"], line["figure"]) for line in lines} == {
        ("tử số", rate.numerator),
        ("mẫu số", rate.denominator),
    }


def test_words_for_people(house: House) -> None:
    result = treem(house, "trace", ANNUAL, "LD-01", "--body", "03390")
    assert "LD-01: Tổng số trẻ em (người dưới 16 tuổi) (trẻ em)" in result.stdout
    assert "BM.xlsx" in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((ANNUAL, "LD-999"), "Không có chỉ tiêu “LD-999”"),
        ((ANNUAL, "LD-01", "--body", "03391"), "Danh bạ không có đơn vị mã “03391”"),
        (("bao-cao-6-thang/2027", "LD-01"), "chưa mở"),
    ],
)
def test_what_cannot_be_traced_is_said(house: House, words: tuple[str, ...], said: str) -> None:
    result = treem(house, "trace", *words)
    assert result.exit_code == 1
    assert said in " ".join(result.stderr.split())


def test_the_workbook_and_the_command_tell_the_same(house: House) -> None:
    version = reporting.draft_report(house, ANNUAL, NOW)
    book = load_workbook(BytesIO(Path(reporting.document_paths(house, ANNUAL, version)[1]).read_bytes()))
    shown = [r for r in table(book, SHEET) if not is_rate(r) and r["Mã"].startswith("SK-")]
    told = [
        line
        for code in dict.fromkeys(r["Mã"] for r in shown)
        for line in json.loads(treem(house, "trace", ANNUAL, code, "--json").stdout)
    ]
    assert [(r["Mã"], r["Cơ quan, đơn vị"], r["Ô"], r["Tổng hợp từ"] or "") for r in shown] == [
        (line["figure"], line["body_name"], line["cell"], line["source"]) for line in told
    ]
    assert any(line["source"] for line in told)
