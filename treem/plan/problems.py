"""What is wrong with the configuration, said so that an administrator can put it right.

Belongs here: the shape of a problem, and the wording shared by those who find problems.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

Path = tuple[str | int, ...]
"""A place in a file, as keys and positions: ("bodies", 3, "code")."""

LISTED = 14  # more choices than this do not help anybody


@dataclass(frozen=True)
class Problem:
    """One thing to put right: where it stands, what is wrong, what to write instead. Never holds a secret."""

    file: str  # "config/plan.yaml"
    line: int
    where: str  # "activities › bao-cao-6-thang › due"
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{self.file}:{self.line}: {place}{self.message} → {self.remedy}"


class ConfigError(Exception):
    """The configuration cannot be used. Holds every problem found, in the order of files and lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=lambda p: (p.file, p.line, p.where, p.message)))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True)
class Found:
    """A problem whose line is still to be looked up. `file` is relative to the folder: "forms/xa.yaml"."""

    file: str
    path: Path
    message: str
    remedy: str
    line: int | None = None  # where the place itself has no line of its own


def choose(word: object, choices: Iterable[str]) -> str:
    """What to write instead of a word that is not among the choices."""
    known = sorted(set(choices))
    near = get_close_matches(str(word), known, n=1, cutoff=0.6)
    if near:
        return f"Có phải là “{near[0]}”? Hãy sửa lại."
    if not known:
        return "Hãy xóa mục này."
    return f"Chọn trong: {', '.join(known[:LISTED])}{', …' if len(known) > LISTED else ''}."


def repeated(words: Sequence[str]) -> list[tuple[int, int]]:
    """Positions of words that stood earlier already: (earlier, later)."""
    first: dict[str, int] = {}
    return [(first[word], n) for n, word in enumerate(words) if first.setdefault(word, n) != n]
