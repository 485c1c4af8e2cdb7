"""Who gets how many places of a training. Pure; the order of the bodies is the register's and settles ties.

Every body that nominated gets one place first, those with the fewest people trained in the last years before the
others. The rest is given in proportion to the people not yet served, by the largest remainder; never more than were
nominated. Who is left waits, those served least first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from treem.rounds.selecting.choice import Choice


@dataclass(frozen=True)
class Nomination:
    """How many people a body nominated, and how many of its people were trained in the last years."""

    body: str
    people: int
    trained: int = 0


def allocate(nominations: Sequence[Nomination], places: int) -> list[Choice]:
    """The allocation: who nominated in the order of the first places, then who did not."""
    ordered = sorted((n for n in nominations if n.people > 0), key=lambda n: n.trained)  # stable: the register's order
    first = ordered[:places]
    given = {n.body: 1 for n in first}
    unserved = {n.body: n.people - 1 for n in first}
    for body, more in _in_proportion(unserved, places - len(first)).items():
        given[body] += more
    waiting = _waiting(ordered, given)
    found = [_choice(n, given.get(n.body, 0), places, waiting) for n in ordered]
    return found + [Choice(n.body, False, ("không cử người",), 0) for n in nominations if n.people <= 0]


def _in_proportion(unserved: Mapping[str, int], places: int) -> dict[str, int]:
    """Largest remainder: whole shares first, then one more to each of the largest fractions left."""
    wanted = sum(unserved.values())
    if places >= wanted:
        return dict(unserved)
    shares = {body: Fraction(people * places, wanted) for body, people in unserved.items()}
    given = {body: int(share) for body, share in shares.items()}
    by_remainder = sorted(shares, key=lambda body: given[body] - shares[body])
    for body in by_remainder[: places - sum(given.values())]:
        given[body] += 1
    return given


def _waiting(ordered: Sequence[Nomination], given: Mapping[str, int]) -> dict[str, int]:
    """The place of each body on the waiting list: those served least, in proportion, come first."""
    left = [n for n in ordered if given.get(n.body, 0) < n.people]
    by_need = sorted(left, key=lambda n: Fraction(given.get(n.body, 0), n.people))
    return {n.body: place for place, n in enumerate(by_need, start=1)}


def _choice(nomination: Nomination, given: int, places: int, waiting: Mapping[str, int]) -> Choice:
    reasons = [
        f"cử {nomination.people} người, được {given} chỗ trong {places} chỗ",
        f"đã tập huấn những năm gần đây: {nomination.trained} người",
    ]
    if nomination.body in waiting:
        reasons.append(f"danh sách chờ: thứ {waiting[nomination.body]}, còn {nomination.people - given} người")
    return Choice(nomination.body, given > 0, tuple(reasons), given)
