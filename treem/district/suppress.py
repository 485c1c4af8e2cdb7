"""Small-cell suppression: which numbers of an edition must not be shown, so that no small one can be worked out.

Belongs here: numbers, the relations a reader knows between them, and the choice of what to hide. What the edition shows
and which relations hold in the config is in `district.outward`; how a hidden number is printed is `documents`' work.

Hiding the small numbers is not enough: a total less its other parts gives them back. So for every hidden number a
*witness* is kept: another set of whole numbers that agrees with everything a reader can see and has the hidden one
elsewhere. A reader cannot tell the witness from the truth, however he calculates. Numbers whose change a witness needs
are hidden as well (complementary suppression), and are protected in the same way in their turn.

The witness is a change of the true numbers. Finding the one that costs least to hide is a linear program (HiGHS),
solved in whole numbers where its answer is not whole by itself: the heuristic of Kelly, Golden and Assad (Networks 22,
1992).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import highspy

Key = tuple[str, ...]
TINY = 1e-6
ALREADY_HIDDEN = 1e-3  # what it costs to move a number that is hidden anyway


@dataclass(frozen=True)
class Relation:
    """What a reader knows: low ≤ Σ factor · number ≤ high (None: no limit)."""

    terms: tuple[tuple[Key, int], ...]
    low: int | None = 0
    high: int | None = 0


@dataclass(frozen=True)
class Edition:
    """The numbers behind an edition, and what its readers know.

    `small`: must be hidden. `secret`: never shown, whatever their size. `told`: published before, so hiding them is no
    use. All others are shown unless a small or secret one could be worked out from them. `weights`: what it costs to
    hide a number, 1 unless said otherwise.
    """

    numbers: tuple[tuple[Key, int], ...]
    relations: tuple[Relation, ...]
    small: frozenset[Key]
    secret: frozenset[Key] = frozenset()
    told: frozenset[Key] = frozenset()
    weights: tuple[tuple[Key, int], ...] = ()


@dataclass(frozen=True)
class Suppressed:
    """What to hide. `exposed`: numbers that what was published before tells, whatever is hidden now."""

    hidden: frozenset[Key]
    exposed: frozenset[Key] = frozenset()


def recalled(edition: Edition, told: Mapping[Key, int]) -> Edition:
    """The edition for readers who have an earlier one, with the numbers it showed.

    What has not changed since they know. What has changed tells them of the others: they know the relations of then,
    and must be expected to guess that a number that was hidden then is the same now; where it is, a relation of then
    holds for the number of now.
    """
    number = dict(edition.numbers)
    changed = {key for key, then in told.items() if key in number and number[key] != then}
    then = [r for old in edition.relations if (r := _of_then(old, changed, told)) is not None and holds(r, number)]
    same = frozenset(key for key in told if key in number and key not in changed)
    return replace(edition, relations=(*edition.relations, *then), told=edition.told | same)


def _of_then(relation: Relation, changed: set[Key], told: Mapping[Key, int]) -> Relation | None:
    """The relation with the numbers of then where they were others; None where that says nothing new."""
    left = tuple(term for term in relation.terms if term[0] not in changed)
    if not left or len(left) == len(relation.terms):
        return None
    known = sum(factor * told[key] for key, factor in relation.terms if key in changed)
    low, high = (None if limit is None else limit - known for limit in (relation.low, relation.high))
    return Relation(left, low, high)


def holds(relation: Relation, number: Mapping[Key, int]) -> bool:
    """Whether the numbers are so."""
    at = sum(factor * number[key] for key, factor in relation.terms)
    return (relation.low is None or relation.low <= at) and (relation.high is None or at <= relation.high)


@lru_cache(maxsize=8)
def suppress(edition: Edition, threshold: int, *, zeros: bool = False) -> Suppressed:
    """What to hide so that no small or secret number can be worked out; the same answer every time.

    `zeros`: whether 0 counts as small. Where it does not, a reader knows that nothing hidden is 0.
    Of a small number every value from the least to the threshold stays possible; any other hidden number keeps as many
    possible values as the threshold; of a secret one it may also be that it cannot be told from 0.
    """
    hidden, exposed = set[Key](), set[Key]()
    for part in _parts(edition):
        search = _Search(part, threshold, 0 if zeros else 1)
        search.run()
        hidden |= search.hidden - part.secret
        exposed |= search.exposed
    return Suppressed(frozenset(hidden), frozenset(exposed))


def _parts(edition: Edition) -> Iterator[Edition]:
    """The edition in parts that no relation connects; those with nothing to protect are left out."""
    roots: dict[Key, Key] = {key: key for key, _ in edition.numbers}

    def root(key: Key) -> Key:
        while roots[key] != key:
            roots[key] = roots[roots[key]]
            key = roots[key]
        return key

    for relation in edition.relations:
        first = root(relation.terms[0][0])
        for key, _ in relation.terms[1:]:
            roots[root(key)] = first
    together: dict[Key, list[tuple[Key, int]]] = {}
    for key, number in edition.numbers:
        together.setdefault(root(key), []).append((key, number))
    relations: dict[Key, list[Relation]] = {}
    for relation in edition.relations:
        relations.setdefault(root(relation.terms[0][0]), []).append(relation)
    for name, numbers in together.items():
        keys = frozenset(key for key, _ in numbers)
        if keys & (edition.small | edition.secret):
            yield Edition(
                tuple(numbers),
                tuple(relations.get(name, ())),
                edition.small & keys,
                edition.secret & keys,
                edition.told & keys,
                tuple((key, weight) for key, weight in edition.weights if key in keys),
            )


@dataclass(frozen=True)
class _Goal:
    """That a reader cannot exclude that the number is higher (lower, where `by` is negative) by so much."""

    key: Key
    by: int


@dataclass
class _Search:
    """The hidden numbers of one part while they grow, with a witness for every goal."""

    edition: Edition
    threshold: int
    least: int  # the least value a shown number can have when it is hidden
    hidden: set[Key] = field(default_factory=set)
    exposed: set[Key] = field(default_factory=set)
    witnesses: dict[_Goal, frozenset[Key]] = field(default_factory=dict)

    def run(self) -> None:
        """Protect everything that is hidden, then show again what no witness needs any more."""
        self.hidden = set(self.edition.small | self.edition.secret) - self.edition.told
        waiting = [key for key, _ in self.edition.numbers if key in self.hidden]
        for key in waiting:  # grows while it is read
            waiting += self._protect(key)
        self._show_again()

    @cached_property
    def _number(self) -> dict[Key, int]:
        return dict(self.edition.numbers)

    @cached_property
    def _model(self) -> "_Model":
        return _Model(self.edition, self._floor)

    def _floor(self, key: Key) -> int:
        """The least value a reader thinks possible once the number is hidden."""
        return 0 if key in self.edition.secret else self.least

    def _protect(self, key: Key) -> list[Key]:
        """Hide what the number needs; returns what was hidden in addition."""
        added: list[Key] = []
        choices = self._choices(key)
        found = [(cost, goals) for goals in choices if (cost := self._cost(goals)) is not None]
        if choices and not found:
            self.exposed.add(key)
        for goal in min(found, key=lambda choice: choice[0])[1] if found else ():
            added += self._reach(goal)
        return added

    def _choices(self, key: Key) -> list[list[_Goal]]:
        """The sets of goals of which one must be reached; none: there is nothing to protect."""
        number, width = self._number[key], self.threshold - 1
        room = number - self._floor(key)
        if key in self.edition.small:
            return [self._small(key, number, room)]
        if key not in self.edition.secret:
            return self._spread(key, room, width)
        return [[_Goal(key, -number)], *self._spread(key, room, width)] if number else []

    def _small(self, key: Key, number: int, room: int) -> list[_Goal]:
        """Down as far as it goes (nam and nữ that are both hidden make at least 2), up to the threshold or beyond."""
        down = next((d for d in range(room, 0, -1) if self._cost([_Goal(key, -d)]) is not None), 0)
        up = max(self.threshold, number - down + self.threshold - 1) - number
        return [_Goal(key, by) for by in (up, -down) if by]

    def _spread(self, key: Key, room: int, width: int) -> list[list[_Goal]]:
        """The ways to leave so many possible values: upwards, downwards, or some of each."""
        downs = dict.fromkeys(min(room, down) for down in (0, width, width // 2))
        return [[_Goal(key, by) for by in (width - down, -down) if by] for down in downs]

    def _cost(self, goals: Sequence[_Goal]) -> float | None:
        costs = [self._model.cheapest(goal, self.hidden) for goal in goals]
        return None if any(c is None for c in costs) else sum(c[0] for c in costs if c)

    def _reach(self, goal: _Goal) -> list[Key]:
        found = self._model.cheapest(goal, self.hidden)
        assert found is not None
        moved = found[1]
        self.witnesses[goal] = moved
        added = [key for key, _ in self.edition.numbers if key in moved and key not in self.hidden]
        self.hidden.update(added)
        return added

    def _show_again(self) -> None:
        """Try every number that is hidden for others, the dearest first."""
        weights = dict(self.edition.weights)
        spare = self.hidden - self.edition.small - self.edition.secret
        for key in sorted(spare, key=lambda key: (-weights.get(key, 1), key)):
            mine = {goal for goal in self.witnesses if goal.key == key}
            others = [goal for goal, moved in self.witnesses.items() if key in moved and goal not in mine]
            found = self._without(key, others)
            if found is not None:
                self.hidden.remove(key)
                self.exposed.discard(key)
                for goal in mine:
                    del self.witnesses[goal]
                self.witnesses |= found

    def _without(self, key: Key, goals: Iterable[_Goal]) -> dict[_Goal, frozenset[Key]] | None:
        """Other witnesses, which do not move that number nor anything that is shown; None where one is missing."""
        found = {}
        for goal in goals:
            witness = self._model.cheapest(goal, self.hidden - {key}, closed=True)
            if witness is None:
                return None
            found[goal] = witness[1]
        return found


class _Model:
    """The linear program of one part: how far every number moves up and down, at what cost.

    Columns 2i and 2i + 1 are the moves of number i up and down. Rows are the relations.
    """

    def __init__(self, edition: Edition, floor: Any) -> None:
        self.place = {key: place for place, (key, _) in enumerate(edition.numbers)}
        self.keys = [key for key, _ in edition.numbers]
        weights = dict(edition.weights)
        # equal numbers would leave the choice to chance: the earlier is a little cheaper
        self.weights = [weights.get(key, 1) * (1 + place * 1e-5) for key, place in self.place.items()]
        self.downs = [number - floor(key) for key, number in edition.numbers]  # below 0: a 0 that is shown stays so
        self.fixed = [key in edition.told for key in self.keys]
        self.highs = _quiet()
        self._write(edition)

    def _write(self, edition: Edition) -> None:
        h, size = self.highs, len(self.keys)
        h.addVars(2 * size, [0.0] * (2 * size), [0.0] * (2 * size))
        number = dict(edition.numbers)
        for place in range(size):
            self._open(place)
        for relation in edition.relations:
            at = sum(factor * number[key] for key, factor in relation.terms)
            low = -highspy.kHighsInf if relation.low is None else relation.low - at
            high = highspy.kHighsInf if relation.high is None else relation.high - at
            columns = [2 * self.place[key] + down for key, _ in relation.terms for down in (0, 1)]
            factors = [sign * factor for _, factor in relation.terms for sign in (1.0, -1.0)]
            h.addRow(low, high, len(columns), columns, factors)

    def _open(self, place: int) -> None:
        """Let a number move as far as it could while hidden."""
        stays = self.fixed[place] or self.downs[place] < 0
        self.highs.changeColBounds(2 * place, 0.0, 0.0 if stays else highspy.kHighsInf)
        self.highs.changeColBounds(2 * place + 1, 0.0, 0.0 if stays else float(self.downs[place]))

    def _close(self, place: int) -> None:
        self.highs.changeColBounds(2 * place, 0.0, 0.0)
        self.highs.changeColBounds(2 * place + 1, 0.0, 0.0)

    def cheapest(self, goal: _Goal, hidden: set[Key], *, closed: bool = False) -> tuple[float, frozenset[Key]] | None:
        """The cost of the cheapest witness, and the numbers it moves; None where there is none.

        `closed`: only hidden numbers may move.
        """
        target = self.place[goal.key]
        if self.fixed[target] or -goal.by > self.downs[target]:
            return None
        up, down = max(goal.by, 0), max(-goal.by, 0)
        shut = [place for place, key in enumerate(self.keys) if closed and key not in hidden]
        for place in shut:
            self._close(place)
        self.highs.changeColBounds(2 * target, float(up), float(up))
        self.highs.changeColBounds(2 * target + 1, float(down), float(down))
        costs = [ALREADY_HIDDEN if key in hidden else self.weights[place] for key, place in self.place.items()]
        self._price(costs)
        moves = self._solve()
        for place in (*shut, target):
            self._open(place)
        if moves is None:
            return None
        moved = [place for place in range(len(self.keys)) if abs(moves[2 * place] - moves[2 * place + 1]) > TINY]
        cost = sum(costs[place] * abs(moves[2 * place] - moves[2 * place + 1]) for place in moved)
        return cost, frozenset(self.keys[place] for place in moved)

    def _price(self, costs: Sequence[float]) -> None:
        every = [cost for cost in costs for _ in (0, 1)]
        self.highs.changeColsCost(len(every), list(range(len(every))), every)

    def _solve(self) -> list[float] | None:
        moves = self._answer()
        if moves is None or all(abs(move - round(move)) < TINY for move in moves):
            return moves
        return self._whole()

    def _answer(self) -> list[float] | None:
        self.highs.run()
        if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        return list(self.highs.getSolution().col_value)

    def _whole(self) -> list[float] | None:
        """The same in whole numbers: a reader knows that children are counted whole."""
        size = 2 * len(self.keys)
        places = list(range(size))
        self.highs.changeColsIntegrality(size, places, [highspy.HighsVarType.kInteger] * size)
        moves = self._answer()
        self.highs.changeColsIntegrality(size, places, [highspy.HighsVarType.kContinuous] * size)
        return moves


class _Quiet(highspy.Highs):
    """HiGHS 1.16 greets on stdout when its callbacks are switched on, before it can be told not to; none are used."""

    def enableCallbacks(self) -> None:  # noqa: N802
        """Say nothing from the start."""
        self.silent()


def _quiet() -> Any:
    """A solver that says nothing and always goes the same way."""
    highs: Any = _Quiet()  # type: ignore[no-untyped-call]
    for option, value in (("threads", 1), ("random_seed", 1), ("solver", "simplex")):
        highs.setOptionValue(option, value)
    return highs
