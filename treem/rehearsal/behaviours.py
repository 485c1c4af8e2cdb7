"""How the simulated bodies answer, and which body answers how.

Belongs here: the kinds of behaviour and their seeded assignment. What a kind does is in `bodies`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import cycle
from random import Random
from typing import Literal, get_args

Kind = Literal[
    "on_time",
    "late",
    "after_last_reminder",
    "mistake_then_corrected",
    "twice_same",
    "xls",
    "ods",
    "empty_form",
    "prose_only",
    "out_of_office",
    "bounces",
    "never",
]
FileFormat = Literal["xlsx", "xls", "ods"]
Writer = Literal["openpyxl", "xlwt", "odfpy", "libreoffice"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SILENT: frozenset[Kind] = frozenset({"bounces", "never"})
LIBREOFFICE_ANSWERS = 1  # starting LibreOffice takes seconds; one answer shows it


@dataclass(frozen=True)
class Behaviour:
    """A way of answering: when and in what order (`kind`), with which program, and how numbers are typed."""

    kind: Kind = "on_time"
    file: FileFormat = "xlsx"
    writer: Writer = "openpyxl"
    patience: int = 1  # on_time only: answers on its first letter (the request) or its second (the first reminder)
    numbers: Literal["typed", "as_text"] = "typed"  # as_text: "1.234", the way many clerks type
    gaps: bool = False  # leaves a figure blank and answers another "không áp dụng"
    mistake: Literal["sum", "text"] = "sum"  # nam + nữ ≠ tổng số, or "khoảng 20"


FEW = 6
IN_A_YEAR = (Behaviour("late"), Behaviour("mistake_then_corrected"), Behaviour("never"))


def rng_for(seed: int, code: str) -> Random:
    """The body's own source of chance: its figures do not depend on the order in which bodies play."""
    return Random(f"{seed}:{code}")


def assign(codes: Iterable[str], seed: int) -> dict[str, Behaviour]:
    """A behaviour for each body: every kind once, mistakes of both sorts, everyone else on time in varied ways.

    With fewer bodies than kinds, the first kinds of `KINDS` are played.
    """
    shuffled = sorted(codes)
    Random(f"{seed}:behaviours").shuffle(shuffled)
    special = _special(len(shuffled))
    ordinary = cycle(_ordinary(Random(f"{seed}:ordinary")))
    return {code: special[n] if n < len(special) else next(ordinary) for n, code in enumerate(shuffled)}


def assign_in_year(codes: Iterable[str], seed: str) -> dict[str, Behaviour]:
    """A behaviour for each body in one of a year's many rounds: most are on time, few are late, err or stay silent.

    Fewer than `FEW` bodies all answer on time: a round that nobody answers has nothing to show.
    """
    shuffled = sorted(codes)
    Random(f"{seed}:year").shuffle(shuffled)
    unusual = IN_A_YEAR if len(shuffled) >= FEW else ()
    return {code: unusual[n] if n < len(unusual) else Behaviour() for n, code in enumerate(shuffled)}


def _special(bodies: int) -> list[Behaviour]:
    """One of each kind; a second mistake and an answer by LibreOffice where the majority stays on time."""
    once = [_of_kind(kind) for kind in KINDS]
    if bodies < 2 * len(once) + 2:
        return once
    return [*once, Behaviour("mistake_then_corrected", mistake="text"), Behaviour(file="ods", writer="libreoffice")]


def _of_kind(kind: Kind) -> Behaviour:
    plain = Behaviour(kind)
    if kind == "xls":
        return replace(plain, file="xls", writer="xlwt")
    if kind == "ods":
        return replace(plain, file="ods", writer="odfpy", numbers="as_text")
    return replace(plain, gaps=kind == "late", numbers="as_text" if kind == "after_last_reminder" else "typed")


def _ordinary(rng: Random) -> list[Behaviour]:
    """The varied ways of the majority; the order is seeded, the mix is not."""
    ways = [
        Behaviour(),
        Behaviour(numbers="as_text"),
        Behaviour(gaps=True),
        Behaviour(patience=2),
        Behaviour(patience=2, numbers="as_text", gaps=True),
        Behaviour(),
    ]
    rng.shuffle(ways)
    return ways
