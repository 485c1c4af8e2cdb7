"""A round of the shipped config with made-up answers: twelve of thirteen communes, every division but one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pandas as pd

from treem.district.merge import District, merge
from treem.ledger.queries import FilingRow, NarrativeRow, ValueRow
from treem.plan.agenda import RoundPlan, plan_round
from treem.plan.almanac import Almanac
from treem.plan.load import load_settings
from treem.plan.settings import Body, Figure, Settings

CONFIG = Path(__file__).parents[2] / "config"
ROUND = "bao-cao-6-thang/2027"
SILENT = {"03415": "closed", "tu-phap": "closed"}  # xã Nùng Nàng, Phòng Tư pháp
SAID = (
    "Đã ban hành kế hoạch và tổ chức thực hiện theo chức năng, nhiệm vụ được giao.\n"
    "- Phối hợp với các trường tổ chức tuyên truyền cho học sinh & cha mẹ học sinh <trực tiếp>."
)


def settings() -> Settings:
    return load_settings(CONFIG, {})


def plan(using: Settings) -> RoundPlan:
    return plan_round(using, Almanac(using.holidays), ROUND)


def values(using: Settings, of: RoundPlan, seed: int = 1) -> list[ValueRow]:
    """What every body but the silent ones filed: whole numbers, some blanks, some "không áp dụng"."""
    rng, rows = Random(seed), []
    figures = using.figures()
    for number, body in enumerate(b for b in of.bodies if b.code not in SILENT):
        form = using.form_for(of.activity.key, of.collection.key, body.group)
        for row, code in enumerate(form.figures, start=8):
            rows += _answers(rng, figures[code], body, number, row)
    return rows


def _answers(rng: Random, figure: Figure, body: Body, number: int, row: int) -> list[ValueRow]:
    draw = rng.random()
    kind = "blank" if draw < 0.03 else "not_applicable" if draw < 0.05 else "number"
    high = 1 if figure.type == "yes_no" else 3000 if figure.code == "LD-01" else 60
    total = rng.randint(0, high)
    male = rng.randint(0, total)
    numbers = {"total": total, "male": male, "female": total - male, "minority": rng.randint(0, total)}
    return [
        ValueRow(
            body=body.code,
            figure=figure.code,
            column=column,
            kind=kind,
            number=_number(figure, numbers[column]) if kind == "number" else None,
            submission_id=number + 1,
            version=1,
            letter_in_id=number + 1,
            message_id=f"<tra-loi-{number + 1}@{body.code}.test>",
            file_name="BM.xlsx",
            file_sha=f"{number:064x}",
            sheet="Số liệu",
            cell=f"{'DEFG'[place]}{row}",
        )
        for place, column in enumerate(figure.columns)
    ]


def _number(figure: Figure, number: int) -> Decimal:
    return Decimal(number) + Decimal("0.5") if figure.type == "money" else Decimal(number)


def district(using: Settings, of: RoundPlan, rows: list[ValueRow]) -> District:
    columns = ["body", "figure", "column", "kind", "number"]
    frame = pd.DataFrame([[getattr(r, c) for c in columns] for r in rows], columns=columns, dtype=object)
    return merge(frame, using, of.bodies, forms=using.forms_for(of.activity.key, of.collection.key))


def narratives(using: Settings, of: RoundPlan) -> list[NarrativeRow]:
    rows = []
    for number, body in enumerate(b for b in of.bodies if b.code not in SILENT):
        form = using.form_for(of.activity.key, of.collection.key, body.group)
        text = SAID if number % 3 else f"{SAID}\nRiêng {body.name} đã kiện toàn đội ngũ cộng tác viên."
        rows += [NarrativeRow(body.code, section, text) for section in (*form.duties, *(c.key for c in form.closings))]
    return rows


def filing(of: RoundPlan) -> list[FilingRow]:
    opened = datetime(2027, 5, 17, 1, 0, tzinfo=UTC)
    return [_filing_row(body, number, opened) for number, body in enumerate(of.bodies)]


def _filing_row(body: Body, number: int, opened: datetime) -> FilingRow:
    silent = body.code in SILENT
    return FilingRow(
        body=body.code,
        state=SILENT.get(body.code, "accepted"),
        first_received_at=None if silent else opened + timedelta(days=10 + number),
        on_time=not silent and number < 18,
        version=None if silent else 1,
        submission_id=None if silent else number,
        findings=0 if silent else number % 3,
        last_letter_at=opened + timedelta(days=20),
        letters=("request", "remind-1", "chase-1") if silent else ("request",),
    )
