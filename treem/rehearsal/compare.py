"""Holds the merged workbook against what the bodies meant to report, figure by figure.

Reads the finished workbook with openpyxl (our writer is XlsxWriter) and the totals that `expected` worked out.
"""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from openpyxl import load_workbook

from treem.plan.settings import Settings
from treem.rehearsal.bodies import SimulatedBody
from treem.rehearsal.expected import FigureRule, Reported
from treem.rehearsal.expected import totals_of as totals_meant

SHEET = "Biểu huyện"
HEADS = {"Tổng số": "total", "Nam": "male", "Nữ": "female", "Dân tộc thiểu số": "minority"}
CODE = "Mã"


def differences(workbook: Path, bodies: Sequence[SimulatedBody], settings: Settings) -> list[str]:
    """A line for each figure of the workbook that is not what was meant; empty when all are equal."""
    return differences_from(workbook, [(_group(settings, b.body_code), b.meant()) for b in bodies], settings)


def differences_from(workbook: Path, reported: Reported, settings: Settings) -> list[str]:
    """The same, from what each body means beside its group."""
    meant, found = totals_meant(reported, rules_of(settings)), dict(_cells(workbook))
    figures = settings.figures()
    lines = [] if any(number is not None for number in found.values()) else ["Sổ tổng hợp không có số liệu nào."]
    for (code, column), total in meant.items():
        exact = _rounded(total) if figures[code].merge == "rate" else total
        if found.get((code, column)) != exact:
            lines.append(f"{code} ({column}): trong sổ {found.get((code, column))}, các cơ quan định báo {exact}")
    unmeant = {key for key, number in found.items() if number is not None and meant.get(key) is None}
    return lines + [f"{code} ({column}): trong sổ có số mà không cơ quan nào báo" for code, column in sorted(unmeant)]


def totals_of(workbook: Path) -> dict[str, int | float | None]:
    """The district totals as the workbook shows them, by figure code; None where nobody reported."""
    shown = {code: number for (code, column), number in _cells(workbook) if column == "total"}
    return {code: _plain(number) for code, number in shown.items()}


def _cells(workbook: Path) -> Iterator[tuple[tuple[str, str], Decimal | None]]:
    rows = load_workbook(workbook, data_only=True)[SHEET].iter_rows(values_only=True)
    head = next(row for row in rows if CODE in row)
    code_at = head.index(CODE)
    columns = {head.index(title): column for title, column in HEADS.items()}
    for row in rows:
        for place, column in columns.items():
            if "-" in str(row[code_at]) and row[place] not in (None, ""):
                number = Decimal(str(row[place])) if isinstance(row[place], int | float) else None
                yield (str(row[code_at]), column), number


def rules_of(settings: Settings) -> list[FigureRule]:
    """How each figure of the config becomes a district figure."""
    flows = {f.code for i in settings.book.indicators if i.accrual == "flow" for f in i.figures}
    return [
        FigureRule(
            f.code,
            f.merge,
            f.columns,
            f.primary,
            f.numerator,
            f.denominator,
            f.scale,
            f.merge == "sum" and f.code in flows,
        )
        for f in settings.figures().values()
    ]


def _group(settings: Settings, code: str) -> str:
    return next(b.group for b in settings.register_.bodies if b.code == code)


def _rounded(rate: Decimal | None) -> Decimal | None:
    return None if rate is None else rate.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _plain(number: Decimal | None) -> int | float | None:
    if number is None:
        return None
    return int(number) if number == number.to_integral_value() else float(number)
