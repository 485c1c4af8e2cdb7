"""From a figure of a round back to what was filed: body, submission, letter, file, sheet and cell.

Belongs here: which origins a question is about. Nothing here writes.
"""

from dataclasses import dataclass

from treem.documents.provenance import Origin, Trail, halves, trail
from treem.ledger import queries
from treem.plan.problems import choose
from treem.plan.settings import Figure
from treem.rounds.gathered import beside_of, district_of
from treem.rounds.house import House


class TraceRefused(Exception):
    """What was asked for cannot be traced; the words say why and what to do instead."""


@dataclass(frozen=True)
class Traced:
    """A figure with everything filed of it; of a rate, of both its halves. `part`: "tử số", "mẫu số" or nothing."""

    figure: Figure
    part: str
    origins: tuple[Origin, ...]


def trace(house: House, round_key: str, indicator: str, body: str | None = None) -> list[Traced]:
    """Everything filed of an indicator ("LD-24") or of one of its figures ("LD-24.1"), by one body or by all.

    Raises UnknownRound and TraceRefused.
    """
    plan, figures = house.plan(round_key), _figures(house, indicator)
    with house.ledger.begin(relaxed=True) as session:
        if queries.find_round(session, round_key) is None:
            raise TraceRefused(f"Đợt {round_key} chưa mở nên chưa có số liệu.")
        district = district_of(house, session, plan)
        beside = beside_of(house, session, plan, district)
        known = trail(district, house.settings, plan, queries.accepted_values(session, round_key), beside)
    if body is not None and body not in house.settings.register_.by_code:
        raise TraceRefused(f"Danh bạ không có đơn vị mã “{body}”. {choose(body, house.settings.register_.by_code)}")
    return [found for figure in figures for found in _traced(house, known, figure, body)]


def _figures(house: House, name: str) -> tuple[Figure, ...]:
    """The figures of an indicator, or the one figure of that code."""
    book = house.settings.book
    code = name.upper()
    if code in book.figures:
        return (book.figures[code],)
    for indicator in book.indicators:
        if indicator.code == code:
            return indicator.figures
    known = [*(i.code for i in book.indicators), *book.figures]
    raise TraceRefused(f"Không có chỉ tiêu “{name}” trong indicators.yaml. {choose(code, known)}")


def _traced(house: House, known: Trail, figure: Figure, body: str | None) -> list[Traced]:
    parts = [(name, house.settings.figures()[code]) for name, code in halves(figure)] or [("", figure)]
    return [
        Traced(part, name, tuple(o for column in part.columns for o in known.of((part.code, column), body)))
        for name, part in parts
    ]
