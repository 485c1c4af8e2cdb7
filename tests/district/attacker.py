"""A reader who works out hidden numbers: linear programs over everything he can see (scipy; nothing of ours but the
description of the edition). He knows the relations, what was told before, and that nothing hidden is 0 where 0 stands.
"""

from collections.abc import Iterable

import numpy as np
from scipy.optimize import LinearConstraint, linprog, milp

from treem.district.suppress import Edition, Key


class Attacker:
    """What can be said of the hidden numbers of one edition."""

    def __init__(self, edition: Edition, hidden: Iterable[Key], *, least: int = 1) -> None:
        self.unknown = sorted((set(hidden) | edition.secret) - edition.told)
        self.least = [0 if key in edition.secret else least for key in self.unknown]
        place = {key: n for n, key in enumerate(self.unknown)}
        numbers = dict(edition.numbers)
        rows, self.lows, self.highs = [], [], []
        for relation in edition.relations:
            row, seen = np.zeros(len(self.unknown)), 0
            for key, factor in relation.terms:
                if key in place:
                    row[place[key]] += factor
                else:
                    seen += factor * numbers[key]  # printed, or told before
            if row.any():
                rows.append(row)
                self.lows.append(-np.inf if relation.low is None else relation.low - seen)
                self.highs.append(np.inf if relation.high is None else relation.high - seen)
        self.matrix = np.array(rows).reshape(len(rows), len(self.unknown))

    def interval(self, key: Key) -> tuple[float, float]:
        """The least and the greatest value the number can have, by linear programming."""
        return self._extreme(key, 1), -self._extreme(key, -1)

    def _extreme(self, key: Key, sign: int) -> float:
        cost = np.zeros(len(self.unknown))
        cost[self.unknown.index(key)] = sign
        above, below = np.isfinite(self.highs), np.isfinite(self.lows)
        upper = np.vstack([self.matrix[above], -self.matrix[below]])
        limits = np.concatenate([np.array(self.highs)[above], -np.array(self.lows)[below]])
        bounds = [(least, None) for least in self.least]
        found = linprog(cost, A_ub=upper if len(upper) else None, b_ub=limits if len(upper) else None, bounds=bounds)
        if found.status == 3:
            return -np.inf
        assert found.status == 0, found.message
        return float(found.fun)

    def whole_interval(self, key: Key, most: int = 10_000) -> tuple[float, float]:
        """The same for a reader who knows that children are counted whole."""
        ends = []
        for sign in (1, -1):
            cost = np.zeros(len(self.unknown))
            cost[self.unknown.index(key)] = sign
            rules = LinearConstraint(self.matrix, self.lows, self.highs) if len(self.matrix) else ()
            found = milp(cost, constraints=rules, integrality=np.ones(len(cost)), bounds=(np.array(self.least), most))
            assert found.status == 0, found.message
            ends.append(sign * float(found.fun))
        return ends[0], ends[1]
