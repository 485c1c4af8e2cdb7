"""Whom to inspect this year: the law of the rotation first, then the risk. Pure; the order of the bodies says nothing.

The law: nobody goes unvisited for more than `every_years` years. To keep it without a crowd in the last year, each
year takes at least so many of those whose time ends soon that the years to come can hold the rest. What then is left
of `at_most` goes to those most at risk, and among equals to those visited longest ago.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from math import ceil

from treem.rounds.selecting.choice import Choice
from treem.rounds.selecting.risk import Risk


@dataclass(frozen=True)
class Candidate:
    """A body, the year it has been listed since, its last visit, and a visit that was planned but is not recorded."""

    body: str
    listed: int
    visited: int | None = None
    missed: int | None = None
    risk: Risk = field(default_factory=Risk)

    @property
    def since(self) -> int:
        """The year of the last visit; who was never visited counts from the year before it was first listed."""
        return self.listed - 1 if self.visited is None else self.visited

    def last_year(self, every_years: int) -> int:
        """The year that may not pass without a visit."""
        return self.since + every_years


def rotate(candidates: Sequence[Candidate], year: int, every_years: int, at_most: int) -> list[Choice]:
    """The choice of a year: the chosen first, each in the order of the rule, then the others by risk."""
    by_risk = sorted(candidates, key=lambda c: (-c.risk.points, c.since, c.body))
    demanded = _demanded(by_risk, year, every_years, at_most)
    filling = [c for c in by_risk if c not in demanded][: max(0, at_most - len(demanded))]
    chosen = [*demanded, *filling]
    found = []
    for place, candidate in enumerate(chosen):
        reasons = [_why(candidate, year, every_years, candidate in demanded), *_known(candidate)]
        if place >= at_most:
            reasons.append(f"vượt mức {at_most} đơn vị mỗi năm vì vòng kiểm tra đòi hỏi")
        found.append(Choice(candidate.body, True, tuple(reasons)))
    left = [c for c in by_risk if c not in chosen]
    return found + [Choice(c.body, False, (_not_yet(c, every_years), *_known(c))) for c in left]


def _demanded(by_risk: Sequence[Candidate], year: int, every_years: int, at_most: int) -> list[Candidate]:
    """Whom this year must take: after it, those whose time ends within h more years fit into h years.

    A year holds `at_most`, or as many as the rotation needs where that is too few.
    """
    room = max(at_most, ceil(len(by_risk) / every_years))
    taken: list[Candidate] = []
    for ahead in range(every_years):
        ending = [c for c in by_risk if c.last_year(every_years) <= year + ahead]
        needed = max(0, len(ending) - room * ahead - len(taken))  # those taken so far are among them
        taken += [c for c in ending if c not in taken][:needed]
    return taken


def spread(bodies: Sequence[str], days: Sequence[date]) -> dict[str, date]:
    """A visit day each, evenly over the days there are, in the order of the bodies; none where there are no days."""
    if not days:
        return {}
    return {body: days[(2 * n + 1) * len(days) // (2 * len(bodies))] for n, body in enumerate(bodies)}


def _why(candidate: Candidate, year: int, every_years: int, demanded: bool) -> str:
    rule = f"mỗi đơn vị ít nhất {every_years} năm một lần"
    if not demanded:
        return f"theo mức rủi ro; {_last_visit(candidate)}"
    if candidate.last_year(every_years) <= year:
        return f"đến lượt: {_last_visit(candidate)} ({rule})"
    return f"kiểm tra sớm để các năm sau đủ lượt: {_last_visit(candidate)} ({rule})"


def _not_yet(candidate: Candidate, every_years: int) -> str:
    return f"chưa đến lượt: {_last_visit(candidate)}, chậm nhất năm {candidate.last_year(every_years)}"


def _last_visit(candidate: Candidate) -> str:
    if candidate.visited is None:
        return f"chưa được kiểm tra (có trong danh sách từ năm {candidate.listed})"
    return f"kiểm tra lần gần nhất năm {candidate.visited}"


def _known(candidate: Candidate) -> tuple[str, ...]:
    missed = (f"năm {candidate.missed} đã chọn nhưng không có biên bản",) if candidate.missed else ()
    return (*missed, *candidate.risk.reasons)
