"""The figures a simulated body means to report: seeded, plausible, and free of contradiction.

Belongs here: choosing numbers that respect nam + nữ = tổng số and the rules smaller ≤ larger, in every column.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Literal

from treem.rehearsal.questionnaire import Question

NOT_APPLICABLE: Literal["not_applicable"] = "not_applicable"
Meaning = Decimal | None | Literal["not_applicable"]
Meant = dict[tuple[str, str], Meaning]
Pairs = Sequence[tuple[str, str]]  # (smaller, larger)
Sums = Sequence[tuple[str, Sequence[str]]]  # a total, and the figures it is the sum of

INEQUALITIES: Pairs = (("LD-03", "LD-02"), ("LD-12", "LD-11"), ("LD-13", "LD-12"), ("CA-03", "CA-02"))
"""Dossier A.6, "Ràng buộc"."""

FREQUENT = (("triệu đồng", 950), ("lượt", 2600))
RARE = (("tử vong", 2), ("mua bán", 1), ("xâm hại", 4), ("bạo lực", 6), ("tảo hôn", 9), ("ma túy", 12))
ORDINARY = (("tổng số trẻ em", 3200), ("học sinh", 1900), ("trẻ em", 420))
USUAL_CEILING = 24
SCORE = (640, 980)  # điểm tiêu chuẩn xã phù hợp với trẻ em, of 1000
CRITERION = (45, 77)  # one of its thirteen criteria


@dataclass
class _Draw:
    """Numbers drawn so far, and the rules they obey."""

    pairs: Pairs
    rng: Random
    drawn: dict[tuple[str, str], int]

    def most(self, figure: str, column: str, otherwise: int) -> int:
        """The largest number the figures above this one leave room for."""
        above = (self.drawn.get((larger, column)) for smaller, larger in self.pairs if smaller == figure)
        return min([otherwise, *(number for number in above if number is not None)])

    def figure(self, code: str, columns: set[str], low: int, high: int) -> None:
        """Draw one figure in all its columns."""
        male_most, female_most = self.most(code, "male", high), self.most(code, "female", high)
        most = self.most(code, "total", high)
        if {"male", "female"} <= columns:
            most = min(most, male_most + female_most)
        total = self.rng.randint(min(low, most), most)
        male = self.rng.randint(max(0, total - female_most), min(total, male_most))
        minority = self.rng.randint(0, self.most(code, "minority", total))
        numbers = {"total": total, "male": male, "female": total - male, "minority": minority}
        self.drawn.update({(code, column): numbers[column] for column in columns})


def invent(questions: Iterable[Question], pairs: Pairs, rng: Random, sums: Sums = ()) -> Meant:
    """A number for every question."""
    asked: dict[str, list[Question]] = {}
    for question in questions:
        asked.setdefault(question.figure, []).append(question)
    draw = _Draw(pairs, rng, {})
    for code in _larger_first(list(asked), pairs):
        low, high = _range(asked[code][0])
        draw.figure(code, {q.column for q in asked[code]}, low, high)
    for total, parts in sums:
        if {total, *parts} <= asked.keys():
            draw.drawn[total, "total"] = sum(draw.drawn[part, "total"] for part in parts)
    return {key: Decimal(number) for key, number in draw.drawn.items()}


def leave_gaps(meant: Meant, questions: Sequence[Question], pairs: Pairs, rng: Random, sums: Sums = ()) -> Meant:
    """The same with one figure left blank and another "không áp dụng"; never one that a rule speaks of."""
    bound = {code for pair in pairs for code in pair} | {code for total, parts in sums for code in (total, *parts)}
    free = list(dict.fromkeys(q.figure for q in questions if q.figure not in bound and not q.yes_no))
    chosen = rng.sample(free, min(2, len(free)))
    words: tuple[Meaning, ...] = (None, NOT_APPLICABLE)
    gaps = dict(zip(chosen, words, strict=False))
    return {key: gaps.get(key[0], meaning) for key, meaning in meant.items()}


def _larger_first(codes: Sequence[str], pairs: Pairs) -> list[str]:
    """The figures in an order in which every bound is drawn before what it bounds."""
    ordered: dict[str, None] = {}

    def visit(code: str, path: tuple[str, ...]) -> None:
        for smaller, larger in pairs:
            if smaller == code and larger in codes and larger not in path:
                visit(larger, (*path, code))
        ordered[code] = None

    for code in codes:
        visit(code, ())
    return list(ordered)


def _range(question: Question) -> tuple[int, int]:
    if question.yes_no:
        return 0, 1
    if "điểm đánh giá" in question.row_text:
        return SCORE
    if "tiêu chí" in question.row_text:
        return CRITERION
    return 0, next((high for word, high in (*FREQUENT, *RARE, *ORDINARY) if word in question.row_text), USUAL_CEILING)
