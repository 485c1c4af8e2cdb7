"""What the words of bodies come to in one cell of a series: through the rounds of a period, and between bodies.

Belongs here: a figure's merge rule where its bodies are chosen by ground instead of by round. Which words share a cell
is in `series`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import permutations
from typing import Literal

from treem.district.ground import Ground
from treem.district.merge import RATE_PLACES, total_of
from treem.plan.settings import Body, Figure, Settings

SaidKind = Literal["number", "blank", "not_applicable", "not_filed"]
CellKind = Literal[
    "number",
    "blank",
    "not_applicable",
    "not_filed",
    "not_asked",
    "joined",  # said together with other bodies of the map: see the row they share
    "not_added",  # several bodies, and the figure's merge rule does not add
    "two_maps",  # bodies of before and after a change told of the same ground
    "no_ratio",  # a rate over nothing
]
WEAKEST_FIRST: tuple[SaidKind, ...] = ("not_filed", "blank", "not_applicable", "number")


@dataclass(frozen=True)
class Said:
    """What one body that was asked said of one figure. `body`: the entry of the register it was asked as, on `day`."""

    period: int
    round: str
    day: date
    body: Body
    figure: str
    kind: SaidKind
    number: Decimal | None = None


@dataclass(frozen=True)
class Cell:
    """One row in one period. `reporting` of `asked` bodies gave a number; who did not, and who was not asked, by name.

    `number` is None unless `kind` is "number".
    """

    kind: CellKind
    number: Decimal | None = None
    reporting: int = 0
    asked: int = 0
    missing: tuple[str, ...] = ()
    not_asked: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Answer:
    """What one body said in a period: of the figure, or of both halves of a rate."""

    body: Body
    kind: SaidKind
    numbers: tuple[Decimal, ...]  # one, or numerator and denominator; empty unless kind is "number"


class Rule:
    """A figure's merge rule, through time and between bodies."""

    def __init__(self, figure: Figure, settings: Settings) -> None:
        halves = (figure.numerator or "", figure.denominator or "") if figure.merge == "rate" else (figure.code,)
        self.figure, self.figures = figure, [settings.figures()[code] for code in halves]
        self.adds = {  # through time: what happened adds up, of what stands the last word counts
            f.code: f.merge == "sum" and settings.indicator_of(f.code).accrual == "flow" for f in self.figures
        }

    def counts(self, word: Said) -> bool:
        """Whether a word is of this figure, and not only a cross-check of its primary source."""
        return any(
            f.code == word.figure and (f.merge != "primary" or f.primary in (None, word.body.group))
            for f in self.figures
        )

    def cell(self, words: Sequence[Said], ground: Ground | None = None) -> Cell:
        """What the words come to; `ground`: look out for ground that is told of twice."""
        answers = list(self._answers(words))
        numbers = [answer.numbers for answer in answers if answer.kind == "number"]
        missing = tuple(a.body.name for a in answers if a.kind in ("blank", "not_filed"))
        kind, number = self._merged(numbers, {answer.kind for answer in answers}, len(answers))
        if ground and self._told_twice(words, ground):
            kind, number = "two_maps", None
        return Cell(kind, number, len(numbers), len(answers), missing)

    def _answers(self, words: Sequence[Said]) -> Iterator[_Answer]:
        """One answer a body that was asked everything the figure needs, in the order in which they were asked."""
        for body in dict.fromkeys(word.body for word in words):
            said = [[w for w in words if w.body == body and w.figure == f.code] for f in self.figures]
            if all(said):
                parts = [self._in_time(own) for own in said]
                kind = next(k for k in WEAKEST_FIRST if k in {kind for kind, _ in parts})
                yield _Answer(body, kind, tuple(n for _, n in parts if n is not None) if kind == "number" else ())

    def _in_time(self, words: Sequence[Said]) -> tuple[SaidKind, Decimal | None]:
        """What a body said of one figure in the rounds of a period; a blank beside a number is no number."""
        ordered = sorted(words, key=lambda word: word.day)
        numbers = [word.number for word in ordered if word.number is not None]
        if not numbers:
            return ordered[-1].kind, None
        return "number", sum(numbers, Decimal(0)) if self.adds[ordered[0].figure] else numbers[-1]

    def _merged(
        self, numbers: Sequence[tuple[Decimal, ...]], kinds: set[SaidKind], asked: int
    ) -> tuple[CellKind, Decimal | None]:
        if not asked:
            return "not_asked", None
        if asked > 1 and self.figure.merge in ("none", "latest"):
            return "not_added", None
        if not numbers:
            return next(kind for kind in WEAKEST_FIRST if kind in kinds), None
        if self.figure.merge == "rate":
            top, bottom = (sum(half, Decimal(0)) for half in zip(*numbers, strict=True))
            rate = (top * self.figure.scale / bottom).quantize(RATE_PLACES, ROUND_HALF_UP) if bottom else None
            return ("no_ratio", None) if rate is None else ("number", rate)
        firsts = [number for number, *_ in numbers]
        return "number", firsts[0] if self.figure.merge == "none" else total_of(self.figure, firsts)

    def _told_twice(self, words: Sequence[Said], ground: Ground) -> bool:
        """Whether a body spoke and also who went on after it, of the same thing at the same time."""
        return any(
            earlier.body.valid_to is not None
            and earlier.body.valid_to < later.day
            and (earlier.round == later.round or not all(self.adds.values()))
            and ground.follows(later.body, earlier.body)
            for earlier, later in permutations(words, 2)
        )
