"""Each duty of the plan against each body that has it: what a round brought to show that it was done.

Belongs here: what counts as evidence. Where the matrix is shown and in which words is decided in `documents`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from treem.ledger.queries import NarrativeRow
from treem.plan.settings import Body, Duty, Settings

State = Literal["given", "thin", "none"]
FEWEST_SYLLABLES = 12  # "Đã triển khai thực hiện đúng theo kế hoạch đề ra." tells nothing and has eleven


@dataclass(frozen=True)
class Evidence:
    """What one body gave for one duty. `figures`: numbers other than zero; `empty`: cells with zero, with nothing or
    with "không áp dụng"; `syllables`: of its narrative.
    """

    duty: Duty
    body: Body
    figures: int
    empty: int
    syllables: int

    @property
    def state(self) -> State:
        """Given: a number other than zero, or a narrative that says something. Thin: only zeros and blanks, or a very
        short narrative. None: nothing at all.
        """
        if self.figures or self.syllables >= FEWEST_SYLLABLES:
            return "given"
        return "thin" if self.empty or self.syllables else "none"


def duty_matrix(
    settings: Settings, bodies: Sequence[Body], said: pd.DataFrame, narratives: Iterable[NarrativeRow]
) -> tuple[Evidence, ...]:
    """Every duty with every one of those bodies that has it, once each, in the order of the plan and of the bodies.

    `said`: what the bodies gave, figure by figure [figure, body, kind, number], as in `District.by_body`.
    """
    evidencing = {f.code: i.duties for i in settings.book.indicators for f in i.figures}
    full: dict[tuple[str, str], set[str]] = {}
    empty: dict[tuple[str, str], set[str]] = {}
    columns = (said[name] for name in ("figure", "body", "kind", "number"))
    for figure, body, kind, number in zip(*columns, strict=True):
        for duty in evidencing.get(figure, ()) if kind != "not_filed" else ():
            shown = full if kind == "number" and number else empty
            shown.setdefault((duty, body), set()).add(figure)
    words = {(n.section, n.body): len(n.text.split()) for n in narratives}
    keys = ((duty, who, (duty.code, who.code)) for duty, who in _pairs(settings, bodies))
    return tuple(
        _evidence(duty, who, full.get(key, set()), empty.get(key, set()), words.get(key, 0)) for duty, who, key in keys
    )


def _pairs(settings: Settings, bodies: Sequence[Body]) -> Iterator[tuple[Duty, Body]]:
    for duty in settings.plan.duties:
        for body in dict.fromkeys(bodies):
            if body.group in duty.groups:
                yield duty, body


def _evidence(duty: Duty, body: Body, full: set[str], empty: set[str], syllables: int) -> Evidence:
    return Evidence(duty, body, len(full), len(empty - full), syllables)


def without_evidence(matrix: Sequence[Evidence]) -> tuple[Duty, ...]:
    """The duties for which no body gave anything."""
    given = {e.duty.code for e in matrix if e.state != "none"}
    return tuple(dict.fromkeys(e.duty for e in matrix if e.duty.code not in given))
