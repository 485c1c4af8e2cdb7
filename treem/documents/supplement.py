"""The supplement to a report that was sent (báo cáo bổ sung): each figure that changed, as it was told and as it is.

Belongs here: what an outward report says of a figure, kept with its version so that a later one can be held against it;
and the Word document that lists the differences. Outward: what a report withholds or hides, a supplement does too.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from treem.documents import report
from treem.documents.dates import document_number, official_date
from treem.documents.figures import COLUMN_NAMES, Merged
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Settings

NAME = "bao-cao-bo-sung.docx"


@dataclass(frozen=True)
class Told:
    """A figure of the district, as a version's outward documents tell it; by column."""

    code: str
    label: str
    unit: str
    cells: dict[str, str]


@dataclass(frozen=True)
class Change:
    """A number that was told and is another now."""

    order: str
    label: str
    unit: str
    column: str
    old: str
    new: str


def told(merged: Sequence[Merged]) -> tuple[Told, ...]:
    """What the outward report tells."""
    return tuple(
        Told(
            m.figure.code,
            m.figure.label,
            m.figure.unit,
            {column: cell for column in COLUMN_NAMES if (cell := report._outward_cell(m, column))},
        )
        for m in merged
    )


def as_bytes(figures: Sequence[Told]) -> bytes:
    """To be kept; always the same for the same figures."""
    return json.dumps([asdict(one) for one in figures], ensure_ascii=False, sort_keys=True).encode()


def from_bytes(kept: bytes) -> tuple[Told, ...]:
    """What `as_bytes` made."""
    return tuple(Told(**one) for one in json.loads(kept))


def changes(old: Sequence[Told], new: Sequence[Told]) -> tuple[Change, ...]:
    """Every number that differs, in the order of the new figures; a figure that one of them lacks is "…" there."""
    before, after = {t.code: t for t in old}, {t.code: t for t in new}
    found: list[Change] = []
    for code in dict.fromkeys([*after, *before]):
        there = after.get(code) or before[code]
        for column, name in COLUMN_NAMES.items():
            was, now = (_cell(side.get(code), column) for side in (before, after))
            if was != now:
                found.append(Change(str(len(found) + 1), there.label, there.unit, name, was, now))
    return tuple(found)


def write_supplement(
    settings: Settings,
    plan: RoundPlan,
    found: Sequence[Change],
    why: str,
    earlier: tuple[str | None, date | None],
    *,
    draft: bool,
    templates: Path = report.TEMPLATES,
) -> bytes:
    """The supplement as a .docx. `earlier`: number and date of the report it corrects. The same input gives the same
    bytes. Raises TemplateError.
    """
    number, signed_on = earlier
    shown = f" số {document_number(number)}/{settings.office.report_symbol}" if number else ""
    context = report._head(settings, plan, "", None, draft=draft) | {
        "subject": f"Bổ sung, điều chỉnh số liệu báo cáo {_lowered(report._subject(settings, plan))}",
        "earlier": f"Báo cáo{shown}{f' {official_date(signed_on)}' if signed_on else ''}",
        "why": why.strip().rstrip("."),
        "changes": list(found),
    }
    return report.render(templates / NAME, context)


def _cell(figure: Told | None, column: str) -> str:
    return figure.cells.get(column, "") if figure else report.EMPTY if column == "total" else ""


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
