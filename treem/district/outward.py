"""Which figures of a district the outward edition hides: what it would show, and what its readers know of that.

Belongs here: the shown numbers, the relations of the config that hold between them, rates. How hidden numbers are found
is in `district.suppress`; how they are printed is `documents`' work.

Every figure of every body that is not sensitive is taken to be shown, in whatever document. Sensitive figures of single
bodies never are; a district total of theirs is, and must not tell them: neither through its parts that are no secret
(all children in special circumstances are cared for) nor because a single body gave it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from treem.district.merge import District
from treem.district.suppress import Edition, Key, Relation, holds, recalled, suppress
from treem.plan.settings import Confidentiality, Figure, Settings

DISTRICT, COMMUNES, GROUP = "", "communes", "group:"
"""Places of a number beside a body's code: the district's total, the communes' total, another group's total."""
DEAR = {DISTRICT: 20, COMMUNES: 10}  # what hiding costs; a body's own number: 2, a part of it: 1
Place = tuple[str, str]  # column, place


@dataclass
class Shown:
    """The numbers while they are collected, and at which places of the documents each of them stands."""

    rules: Confidentiality
    numbers: dict[Key, int] = field(default_factory=dict)
    places: dict[Key, list[tuple[str, Place]]] = field(default_factory=dict)
    relations: list[Relation] = field(default_factory=list)
    small: set[Key] = field(default_factory=set)
    secret: set[Key] = field(default_factory=set)
    weights: dict[Key, int] = field(default_factory=dict)

    def show(self, key: Key, place: str, weight: int, *, guarded: bool) -> None:
        """A number stands at that place."""
        self.secret.discard(key)
        self.places.setdefault(key, []).append((key[0], (key[1], place)))
        self.weights[key] = max(weight, self.weights.get(key, 1))
        least = 0 if self.rules.hide_zero else 1
        if guarded and least <= self.numbers[key] < self.rules.threshold:
            self.small.add(key)

    def add(self, key: Key) -> Key:
        """A sum of bodies' numbers. Of a single body it is that body's number."""
        if key not in self.numbers:
            parts = [(*key[:2], body) for body in key[2:]]
            self.numbers[key] = sum(self.numbers[part] for part in parts)
            self.relations.append(Relation(((key, -1), *((part, 1) for part in parts))))
        return key

    def knows(self, terms: Iterable[tuple[Key, int]], low: int | None = 0) -> None:
        """A rule a reader knows: low ≤ Σ ≤ 0. What these figures break is no rule; nor is one between unknown ones."""
        relation = Relation(tuple(terms), low, 0)
        if all(key in self.numbers for key, _ in relation.terms) and holds(relation, self.numbers):
            self.relations.append(relation)


def hidden_places(district: District, settings: Settings) -> Mapping[str, frozenset[Place]]:
    """Of each figure, the columns and places at which its number is hidden."""
    shown, rules = collected(district, settings), settings.office.confidentiality
    edition = as_told(shown, district.told)
    hidden = suppress(edition, rules.threshold, zeros=rules.hide_zero).hidden
    found: dict[str, set[Place]] = {}
    for key in hidden:
        for figure, place in shown.places.get(key, []):
            found.setdefault(figure, set()).add(place)
    for figure in _untold_rates(district, settings, shown, hidden):
        found.setdefault(figure, set()).add(("total", DISTRICT))
    return {figure: frozenset(places) for figure, places in found.items()}


def collected(district: District, settings: Settings) -> Shown:
    """All numbers that are shown or secret, with what readers know of them."""
    shown = Shown(settings.office.confidentiality)
    said: dict[tuple[str, str], list[Mapping[Any, Any]]] = {}
    figures = {code: figure for code, figure in settings.figures().items() if figure.type == "count"}
    for row in district.by_body.to_dict("records"):
        if row["figure"] in figures and row["kind"] == "number":
            said.setdefault((row["figure"], row["column"]), []).append(row)
            shown.numbers[row["figure"], row["column"], row["body"]] = int(row["number"])
    asked = {(row["figure"], row["column"]): int(row["asked"]) for row in district.totals.to_dict("records")}
    sensitive = {f.code for i in settings.book.indicators if i.sensitive for f in i.figures}
    for (code, column), rows in said.items():
        if code in sensitive:
            _sensitive(shown, figures[code], column, rows, asked)
        else:
            _open(shown, figures[code], column, rows)
    _rules_of_a_body(shown, settings, {row["body"]: None for rows in said.values() for row in rows})
    return shown


def _open(shown: Shown, figure: Figure, column: str, rows: list[Mapping[Any, Any]]) -> None:
    """A figure that every body's number is shown of."""
    guarded = figure.unit in shown.rules.units
    for row in rows:
        weight = 2 if column == "total" else 1
        shown.show((figure.code, column, row["body"]), row["body"], weight, guarded=guarded)
    for place, bodies in _sums(figure, column, rows):
        shown.show(shown.add((figure.code, column, *bodies)), place, DEAR.get(place, 5), guarded=guarded)


def _sensitive(
    shown: Shown,
    figure: Figure,
    column: str,
    rows: list[Mapping[Any, Any]],
    asked: Mapping[tuple[str, str], int],
) -> None:
    """A figure of which only totals are shown, and none that is the number of one of several bodies."""
    shown.secret |= {(figure.code, column, row["body"]) for row in rows}
    for place, bodies in _sums(figure, column, rows):
        alone = len(bodies) == 1
        withheld = alone and (place != DISTRICT or asked.get((figure.code, column), 1) > 1)
        if column == "total" and place != COMMUNES and not withheld:
            guarded = alone or shown.rules.hide_small_totals
            shown.show(shown.add((figure.code, column, *bodies)), place, 20, guarded=guarded)


def _sums(figure: Figure, column: str, rows: list[Mapping[Any, Any]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The sums that documents give of a figure's column, with the bodies in them."""
    groups = {row["group"] for row in rows if not row["counts"]} if column == "total" else set[str]()
    wanted = {
        DISTRICT: [row for row in rows if row["counts"]],
        COMMUNES: [row for row in rows if row["body_kind"] == "commune"],
        **{GROUP + key: [r for r in rows if r["group"] == key and not r["counts"]] for key in sorted(groups)},
    }
    for place, added in wanted.items():
        if added and not (figure.merge == "latest" and len(added) > 1):
            yield place, tuple(sorted(row["body"] for row in added))


def _rules_of_a_body(shown: Shown, settings: Settings, bodies: Iterable[str]) -> None:
    """The rules a form is checked by (forms.check): readers have the form, and the config is no secret."""
    codes = dict.fromkeys(key[0] for key in shown.numbers)
    columns = dict.fromkeys(key[1] for key in shown.numbers)
    for body in bodies:
        for code in codes:
            total = ((code, "total", body), -1)
            shown.knows((total, ((code, "male", body), 1), ((code, "female", body), 1)))
            for part in ("male", "female", "minority"):
                shown.knows((((code, part, body), 1), total), low=None)
        for rule in settings.book.inequalities:
            for column in columns:
                terms = (((rule.smaller, column, body), 1), ((rule.larger, column, body), -1))
                shown.knows(terms, low=None)
        for whole in settings.book.sums:
            parts = tuple(((code, "total", body), 1) for code in whole.parts)
            shown.knows((((whole.total, "total", body), -1), *parts))


def as_told(shown: Shown, told: Mapping[Key, int]) -> Edition:
    """The edition, with what an earlier one of the same round has told: also sums of the bodies of then."""
    for key, number in told.items():
        parts = tuple(((*key[:2], body), 1) for body in key[2:])
        then = Relation(parts, number, number)
        if key not in shown.numbers and all(part in shown.numbers for part, _ in parts):
            shown.relations += [then] if holds(then, shown.numbers) else []
    edition = Edition(
        tuple(shown.numbers.items()),
        tuple(shown.relations),
        frozenset(shown.small),
        frozenset(shown.secret),
        weights=tuple(shown.weights.items()),
    )
    return recalled(edition, told)


def _untold_rates(district: District, settings: Settings, shown: Shown, hidden: frozenset[Key]) -> Iterator[str]:
    """The rates that would tell more than is shown: one of their halves is not, as the bodies in the rate give it."""
    numbers = shown.numbers
    counts = {(r["figure"], r["body"]) for r in district.by_body.to_dict("records") if r["counts"]}
    bodies = sorted({key[2] for key in numbers})

    def is_told(code: str, both: list[str]) -> bool:
        keys = [(code, "total", *both)], [(code, "total", body) for body in both]
        return any(all(key in shown.places and key not in hidden for key in whole) for whole in keys)

    for figure in settings.figures().values():
        halves = [code for code in (figure.numerator, figure.denominator) if code]
        if figure.merge != "rate" or any(settings.figures()[code].type != "count" for code in halves):
            continue
        both = [b for b in bodies if all((h, "total", b) in numbers and (h, b) in counts for h in halves)]
        if both and not all(is_told(code, both) for code in halves):
            yield figure.code
