"""A reader who works out hidden numbers: linear programs over everything he can see (scipy; nothing of ours but the
description of the edition). He knows the relations, what was told before, and that nothing hidden is 0 where 0 stands.
"""

from collections.abc import Iterable

import numpy as np
from scipy.optimize import LinearConstraint, linprog, milp
from scipy.sparse.csgraph import connected_components

from treem.district.suppress import Edition, Key


class Attacker:
    """What can be said of the hidden numbers of one edition."""

    def __init__(self, edition: Edition, hidden: Iterable[Key], *, least: int = 1) -> None:
        self.unknown = sorted((set(hidden) | edition.secret) - edition.told)
        self.place = {key: n for n, key in enumerate(self.unknown)}
        self.least = np.array([0 if key in edition.secret else least for key in self.unknown])
        numbers = dict(edition.numbers)
        rows, lows, highs = [], [], []
        for relation in edition.relations:
            row, seen = np.zeros(len(self.unknown)), 0
            for key, factor in relation.terms:
                if key in self.place:
                    row[self.place[key]] += factor
                else:
                    seen += factor * numbers[key]  # printed, or told before
            if row.any():
                rows.append(row)
                lows.append(-np.inf if relation.low is None else relation.low - seen)
                highs.append(np.inf if relation.high is None else relation.high - seen)
        self.matrix = np.array(rows).reshape(len(rows), len(self.unknown))
        self.lows, self.highs = np.array(lows), np.array(highs)
        _, self.parts = connected_components((self.matrix != 0).T @ (self.matrix != 0))

    def interval(self, key: Key) -> tuple[float, float]:
        """The least and the greatest value the number can have, by linear programming."""
        matrix, lows, highs, least, cost = self._part(key)
        above, below = np.isfinite(highs), np.isfinite(lows)
        upper = np.vstack([matrix[above], -matrix[below]])
        limits = np.concatenate([highs[above], -lows[below]])
        ends = []
        for sign in (1, -1):
            bounds = [(low, None) for low in least]
            rules = {"A_ub": upper, "b_ub": limits} if len(upper) else {}
            found = linprog(sign * cost, bounds=bounds, **rules)
            assert found.status in (0, 3), found.message
            ends.append(sign * (-np.inf if found.status == 3 else float(found.fun)))
        return ends[0], ends[1]

    def whole_interval(self, key: Key, most: int = 10_000) -> tuple[float, float]:
        """The same for a reader who knows that children are counted whole."""
        matrix, lows, highs, least, cost = self._part(key)
        rules = LinearConstraint(matrix, lows, highs) if len(matrix) else ()
        ends = []
        for sign in (1, -1):
            found = milp(sign * cost, constraints=rules, integrality=np.ones(len(cost)), bounds=(least, most))
            assert found.status == 0, found.message
            ends.append(sign * float(found.fun))
        return ends[0], ends[1]

    def _part(self, key: Key) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What has to do with the number: relations, their limits, the least values; and the number itself."""
        mine = self.parts == self.parts[self.place[key]]
        rows = (self.matrix[:, mine] != 0).any(axis=1)
        cost = np.zeros(len(self.unknown))
        cost[self.place[key]] = 1
        return self.matrix[rows][:, mine], self.lows[rows], self.highs[rows], self.least[mine], cost[mine]
