"""One figure through the years on the map of one day: rows that stay comparable while bodies merge, split and end.

Belongs here: pure reckoning over what bodies said. Reading the ledger is in `rounds.history`; what people read is in
`cli.history`.

Bodies that spoke and bodies of the map whom successions join make one row. Where it has several bodies on the map (a
merged commune seen on the old map) it is one row for all of them: what was said together cannot be divided. Every word
of every round counts in exactly one row, and nothing missing is a zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from treem.district.cells import Cell, Rule, Said
from treem.district.ground import Ground, last_change
from treem.plan.settings import Body, Figure, Settings

__all__ = ["Cell", "Row", "Said", "Series", "last_change", "series"]


@dataclass(frozen=True)
class Row:
    """What stays comparable: one body of the map, or several that were reported together in some period.

    `off_map`: bodies without a place on the map: they ended without successors, or began without predecessors.
    `parts`: each of several bodies by itself, in the periods that tell them apart; not to be added again.
    `broken`: bodies that also took in what the register never had: there the figures jump.
    """

    bodies: tuple[Body, ...]
    cells: Mapping[int, Cell]
    off_map: tuple[Body, ...] = ()
    parts: tuple["Row", ...] = ()
    broken: tuple[Body, ...] = ()


@dataclass(frozen=True)
class Series:
    """A figure's rows on the map of the day `on`, in the order of the register, and the total of them all."""

    figure: Figure
    on: date
    periods: tuple[int, ...]
    rows: tuple[Row, ...]
    total: Mapping[int, Cell]


def series(said: Iterable[Said], figure: Figure, settings: Settings, on: date) -> Series:
    """The figure on the map of that day. For a rate, `said` holds its numerator and its denominator."""
    ground, rule = Ground(settings.register_, on), Rule(figure, settings)
    words = [word for word in said if rule.counts(word)]
    periods = tuple(sorted({word.period for word in words}))
    rows = []
    for bodies in _groups(words, ground):
        own = [word for word in words if ground.standing(word.body, word.day) & frozenset(bodies)]
        rows.append(_row(bodies, own, words, periods, ground, rule))
    return Series(figure, on, periods, tuple(rows), {p: _total(p, words, rows, rule) for p in periods})


# ---- rows


def _groups(words: Sequence[Said], ground: Ground) -> list[list[Body]]:
    """The bodies of the map, with those that spoke with one voice in some round together."""
    asked = {word.body.group for word in words}
    group_of = {b: [b] for b in ground.register.bodies if b.group in asked and ground.on_map(b)}
    for place in {ground.standing(word.body, word.day): None for word in words}:
        joined = {id(group): group for group in (group_of.setdefault(body, [body]) for body in place)}
        merged = [body for group in joined.values() for body in group]
        group_of.update(dict.fromkeys(merged, merged))
    groups = {id(group): ground.ordered(group) for group in group_of.values()}
    leaders = ground.ordered(group[0] for group in groups.values())
    return sorted(groups.values(), key=lambda group: leaders.index(group[0]))


def _row(
    bodies: Sequence[Body],
    own: Sequence[Said],
    words: Sequence[Said],
    periods: Iterable[int],
    ground: Ground,
    rule: Rule,
) -> Row:
    cells = {}
    for period in periods:
        cell = rule.cell([w for w in own if w.period == period], ground)
        cells[period] = replace(cell, not_asked=_not_asked([w for w in words if w.period == period], bodies, ground))
    voices = ground.ordered({word.body for word in own} | {*bodies})
    return Row(
        bodies=tuple(bodies),
        cells=cells,
        off_map=tuple(body for body in bodies if not ground.on_map(body)),
        parts=tuple(_part(body, own, periods, ground, rule) for body in bodies) if len(bodies) > 1 else (),
        broken=tuple(body for body in voices if body.also_from and len(voices) > 1),
    )


def _part(body: Body, words: Sequence[Said], periods: Iterable[int], ground: Ground, rule: Rule) -> Row:
    """One of several bodies that share a row."""
    cells = {}
    for period in periods:
        own = [w for w in words if w.period == period and body in ground.standing(w.body, w.day)]
        alone = all(len(ground.standing(w.body, w.day)) == 1 for w in own)
        cells[period] = rule.cell(own, ground) if alone else Cell("joined")
    return Row((body,), cells)


def _not_asked(words: Sequence[Said], bodies: Iterable[Body], ground: Ground) -> tuple[str, ...]:
    """Bodies of a row that were there in the period, and neither they nor who went on after them were asked."""
    asked, groups = {word.body for word in words}, {word.body.group for word in words}
    there: dict[Body, date] = {}
    for day in sorted({word.day for word in words}):
        there |= {b: day for b in ground.register.bodies if b.group in groups and b.is_valid_on(day) and b not in there}
    return tuple(
        body.name
        for body in ground.ordered(there.keys() - asked)
        if ground.standing(body, there[body]) & {*bodies} and not any(ground.follows(other, body) for other in asked)
    )


def _total(period: int, words: Iterable[Said], rows: Sequence[Row], rule: Rule) -> Cell:
    """All rows together: a rate from all halves, no total where one row has none because of two maps."""
    cells = [row.cells[period] for row in rows]
    not_asked = tuple(dict.fromkeys(name for cell in cells for name in cell.not_asked))
    everybody = replace(rule.cell([w for w in words if w.period == period]), not_asked=not_asked)
    return replace(everybody, kind="two_maps", number=None) if any(c.kind == "two_maps" for c in cells) else everybody
