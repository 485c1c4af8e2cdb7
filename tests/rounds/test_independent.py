"""The district's totals once more, straight from the workbooks the bodies sent, by a reader that shares no line with
ours: openpyxl instead of calamine, PyYAML instead of the settings, sums of plain numbers instead of frames.
"""

import subprocess
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from openpyxl import load_workbook
from sqlalchemy import text

from tests.rounds.conftest import CONFIG, ROUND, PlainOffice, World
from treem.rehearsal.conductor import live
from treem.rehearsal.writers import libreoffice
from treem.rounds import reporting

HEADINGS = ("Tổng số", "Nam", "Nữ", "Dân tộc thiểu số")
ACCEPTED = """
    select request.body, submission.file_sha from submission join request on request.id = submission.request_id
    where submission.state = 'accepted'
"""
Totals = dict[tuple[str, str], Decimal | None]
Filed = dict[str, Totals]  # by body
GROUPS = {b["code"]: b["group"] for b in yaml.safe_load((CONFIG / "bodies.yaml").read_text("utf-8"))["bodies"]}
BOOK = yaml.safe_load((CONFIG / "indicators.yaml").read_text("utf-8"))["indicators"]
FIGURES = {f["code"]: f for indicator in BOOK for f in indicator["figures"]}


def read(sheet: Any, heading: str) -> Iterator[tuple[str, str, Any]]:
    """Code, column and cell of every row under the head."""
    rows = list(sheet.iter_rows(values_only=True))
    head = next(n for n, row in enumerate(rows) if heading in row)
    for row in rows[head + 1 :]:
        code = row[rows[head].index(heading)]
        for column in HEADINGS if code and "-" in str(code) else ():
            if column in rows[head]:
                yield str(code), column, row[rows[head].index(column)]


def number(cell: Any) -> Decimal | None:
    """A number as it was meant: typed, as text ("1.234"), Có or Không; anything else is none."""
    words = {"có": 1, "không": 0}
    plain = str(words.get(str(cell).strip().lower(), cell)).strip()
    if isinstance(cell, str):
        plain = plain.replace(".", "").replace(",", ".")
    return Decimal(plain) if plain.replace(".", "", 1).isdigit() else None


def opened(data: bytes, folder: Path) -> Any:
    """The workbook; .xls and .ods by way of LibreOffice."""
    if data[:2] != b"PK" or b"mimetypeapplication/vnd.oasis" in data[:100]:
        (folder / "sent").write_bytes(data)
        profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
        command = [str(libreoffice()), profile, "--headless", "--convert-to", "xlsx", "--outdir", str(folder)]
        subprocess.run([*command, str(folder / "sent")], check=True, capture_output=True, timeout=120)
        data = (folder / "sent.xlsx").read_bytes()
    return load_workbook(BytesIO(data), data_only=True)


def recomputed(filed: Filed) -> Totals:
    """The district's totals from what each body filed, by the words of indicators.yaml."""
    counted = {code: of_source(figure, filed) for code, figure in FIGURES.items()}
    found: Totals = {}
    for code, figure in FIGURES.items():
        for column in HEADINGS:
            numbers = [cells[code, column] for cells in counted[code].values() if cells.get((code, column)) is not None]
            if figure["merge"] == "count_yes":
                found[code, column] = Decimal(numbers.count(Decimal(1))) if numbers else None
            elif figure["merge"] != "none":
                found[code, column] = sum((n for n in numbers if n is not None), Decimal(0)) if numbers else None
        if figure["merge"] == "rate":
            top, bottom = figure["numerator"], figure["denominator"]
            found[code, "Tổng số"] = rate(counted[top], counted[bottom], top, bottom, figure.get("scale", 100))
    return found


def of_source(figure: dict[str, Any], filed: Filed) -> Filed:
    """The bodies whose numbers count: all, or the primary source alone."""
    return {b: cells for b, cells in filed.items() if figure["merge"] != "primary" or GROUPS[b] == figure["primary"]}


def rate(tops: Filed, bottoms: Filed, top: str, bottom: str, scale: int) -> Decimal | None:
    """Out of the sums of both halves, over the bodies that gave both."""
    halves = [(tops[b].get((top, "Tổng số")), bottoms[b].get((bottom, "Tổng số"))) for b in tops if b in bottoms]
    both = [(above, below) for above, below in halves if above is not None and below is not None]
    below = sum((below for _, below in both), Decimal(0))
    exact = sum((above for above, _ in both), Decimal(0)) * scale / below if below else None
    return None if exact is None else exact.quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.mark.slow
@pytest.mark.skipif(libreoffice() is None, reason="LibreOffice reads the .xls and .ods files here")
def test_every_total_of_the_workbook_is_that_of_the_files_the_bodies_sent(world: World, tmp_path: Path) -> None:
    house, bodies = world.open(), world.cast(3)
    live(house.plan(ROUND), PlainOffice(house), bodies, world.stage.clock, "Asia/Ho_Chi_Minh")
    with house.ledger.begin() as session:
        accepted = dict(session.execute(text(ACCEPTED)).tuples().all())
    assert len(accepted) == len(bodies) - 2
    filed: Filed = {}
    for body, sha in accepted.items():
        (tmp_path / body).mkdir()
        sheet = opened(house.ledger.originals.read(sha), tmp_path / body)["Số liệu"]
        filed[body] = {(code, column): number(cell) for code, column, cell in read(sheet, "Mã số")}
    workbook = load_workbook(reporting.document_paths(house, ROUND, 1)[1])
    shown = {(code, column): cell for code, column, cell in read(workbook["Biểu huyện"], "Mã")}
    totals = recomputed(filed)
    told = {key: Decimal(str(cell)) for key, cell in shown.items() if isinstance(cell, int | float)}
    assert len(told) > 200
    assert told == {key: total for key, total in totals.items() if total is not None and key in shown}
    assert {code for code, _ in totals} <= {code for code, _ in shown} | unasked(filed)


def unasked(filed: Filed) -> set[str]:
    """Figures that no workbook of this round has, and the rates made of them."""
    asked = {code for cells in filed.values() for code, _ in cells}
    needed = {code: {f.get("numerator", code), f.get("denominator", code)} for code, f in FIGURES.items()}
    return {code for code, parts in needed.items() if parts - asked}
