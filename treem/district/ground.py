"""Which bodies of one day's map have the ground of a body of another day, along the successions of the register.

A body is an entry of the register, never a bare code: GSO codes are re-used. What is reckoned on the map is in
`series`.
"""

from collections.abc import Iterable
from datetime import date
from functools import cached_property

from treem.plan.settings import Body, Register


class Ground:
    """The register seen from the map of one day. Raises NoSuccessor where the register contradicts itself (a register
    that has passed the config check does not)."""

    def __init__(self, register: Register, on: date) -> None:
        self.register, self.on = register, on
        self._known: dict[tuple[Body, date], frozenset[Body]] = {}

    def standing(self, body: Body, day: date) -> frozenset[Body]:
        """The bodies of the map that have ground of the body as it was on that day.

        One that leads nowhere – it ended without successors, or began without predecessors – stands for itself.
        """
        there = max(body.valid_from, min(day, body.valid_to or day))  # asked for a day after its last, it is as it was
        if (body, there) not in self._known:
            self._known[body, there] = self._forward(body) if there < self.on else self._backward(body, there)
        return self._known[body, there]

    def follows(self, later: Body, earlier: Body) -> bool:
        """Whether ground of the earlier body came to the later one, directly or by others between."""
        nexts = self._successors[earlier]
        return later in nexts or any(self.follows(later, between) for between in nexts)

    def on_map(self, body: Body) -> bool:
        """Whether the body is on the map."""
        return body.is_valid_on(self.on)

    def ordered(self, bodies: Iterable[Body]) -> list[Body]:
        """In the order of the register, those of the map first."""
        return sorted(bodies, key=lambda body: (not self.on_map(body), self._place[body]))

    def _forward(self, body: Body) -> frozenset[Body]:
        nexts = self._successors[body]
        if self.on_map(body) or not nexts:
            return frozenset({body})
        return frozenset(found for successor in nexts for found in self._forward(successor))

    def _backward(self, body: Body, day: date) -> frozenset[Body]:
        """A body that stood on the map already may have taken in others since: their ground is told with its own."""
        before = [b for b in self._predecessors[body] if b.valid_to and self.on <= b.valid_to < day]
        found = frozenset(place for b in before if b.valid_to for place in self._backward(b, b.valid_to))
        return found | {body} if self.on_map(body) or not before else found

    @cached_property
    def _successors(self) -> dict[Body, tuple[Body, ...]]:
        return {body: self.register.successors_of(body) for body in self.register.bodies}

    @cached_property
    def _predecessors(self) -> dict[Body, list[Body]]:
        return {body: [b for b, nexts in self._successors.items() if body in nexts] for body in self.register.bodies}

    @cached_property
    def _place(self) -> dict[Body, int]:
        return {body: n for n, body in enumerate(self.register.bodies)}


def last_change(register: Register, today: date) -> date | None:
    """The last day of the map before the newest change that had happened by `today`; None: nothing ever changed."""
    ended = (body.valid_to for body in register.bodies if body.successors and body.valid_to)
    return max((day for day in ended if day < today), default=None)
