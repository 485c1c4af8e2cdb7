"""What follows from scores: the total, and whether it is enough. Pure; the rule itself stands in indicators.yaml.

Quyết định 06/QĐ-TTg ngày 03/01/2019: a commune is "phù hợp với trẻ em" when it has a score in all 13 criteria, none of
them 0, and a total of at least 800 (mountain communes), 850 (others) or 900 (urban wards).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from treem.forms.numbers import number_text
from treem.plan.settings import Threshold


@dataclass(frozen=True)
class Verdict:
    """The outcome for one body, with the reasons it is not enough; without any, it is."""

    total: Decimal
    missing: tuple[str, ...]
    zeros: tuple[str, ...]
    needed: int

    @property
    def reached(self) -> bool:
        """Whether the total alone is high enough."""
        return self.total >= self.needed

    @property
    def passed(self) -> bool:
        """Whether nothing stands against it."""
        return self.reached and not self.missing and not self.zeros

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, in Vietnamese."""
        return tuple(self._reasons())

    def _reasons(self) -> Iterator[str]:
        compared = "từ" if self.reached else "chưa đến"
        yield f"tổng {number_text(self.total)} điểm, {compared} {self.needed}"
        if self.zeros:
            yield f"tiêu chí 0 điểm: {', '.join(self.zeros)}"
        if self.missing:
            yield f"chưa có điểm: {', '.join(self.missing)}"


def score(rule: Threshold, scores: Mapping[str, Decimal], group: str, body: str | None = None) -> Verdict:
    """Judge the scores of a body. `scores` are those that are known, by figure."""
    known = [(code, scores[code]) for code in rule.parts if code in scores]
    return Verdict(
        total=sum((number for _, number in known), Decimal(0)),
        missing=tuple(code for code in rule.parts if code not in scores),
        zeros=tuple(code for code, number in known if number == 0),
        needed=rule.needed(group, body),
    )
