"""Random tables like those of a round: bodies × columns with all their sums, figures within figures, secret figures of
which only the district's total is shown, and an earlier edition that some bodies have corrected since.
"""

from dataclasses import replace
from random import Random

from treem.district.suppress import Edition, Key, Relation

THRESHOLD = 5


def table(seed: int) -> Edition:
    """One table; small numbers are frequent."""
    rng = Random(seed)
    bodies = [f"b{n}" for n in range(rng.randint(2, 13))]
    figures = [f"f{n}" for n in range(rng.choice((1, 1, 1, 2, 2, 3)))]
    columns = rng.choice(
        ((), (), ("male", "female"), ("male", "female"), ("minority",), ("male", "female", "minority"))
    )
    secret_figures = {f for f in figures[1:] if rng.random() < 0.4}
    numbers: dict[Key, int] = {}
    relations: list[Relation] = []
    for body in bodies:
        highest = rng.choice((3, 8, 30, 200))
        for figure in figures:  # each is a part of the one before
            total = rng.choice((0, highest, rng.randint(0, highest), rng.randint(0, highest)))
            _body(rng, numbers, relations, figure, body, total, columns)
            if figure != figures[0]:
                _within(numbers, relations, figures[figures.index(figure) - 1], figure, body, columns)
            highest = numbers[figure, "total", body]
    for figure in figures:
        for column in ("total", *columns):
            _margin(numbers, relations, figure, column, bodies)
        if len(bodies) > 5 and rng.random() < 0.3:
            _margin(numbers, relations, figure, "total", bodies[: len(bodies) // 2])
    secret = {key for key in numbers if key[0] in secret_figures and not (key[1] == "total" and _is_margin(key))}
    shown = [(key, number) for key, number in numbers.items() if key not in secret]
    small = {key for key, number in shown if 0 < number < THRESHOLD and key[0] not in secret_figures}
    weights = tuple((key, 20) for key in numbers if _is_margin(key))
    return Edition(tuple(numbers.items()), tuple(relations), frozenset(small), frozenset(secret), frozenset(), weights)


def _body(
    rng: Random,
    numbers: dict[Key, int],
    relations: list[Relation],
    figure: str,
    body: str,
    total: int,
    columns: tuple[str, ...],
) -> None:
    numbers[figure, "total", body] = total
    if "male" in columns:
        numbers[figure, "male", body] = rng.randint(0, total)
        numbers[figure, "female", body] = total - numbers[figure, "male", body]
        parts = tuple(((figure, column, body), 1) for column in ("male", "female"))
        relations.append(Relation((((figure, "total", body), -1), *parts)))
    if "minority" in columns:
        numbers[figure, "minority", body] = rng.randint(0, total)
        relations.append(Relation((((figure, "minority", body), 1), ((figure, "total", body), -1)), None, 0))


def _within(
    numbers: dict[Key, int],
    relations: list[Relation],
    larger: str,
    smaller: str,
    body: str,
    columns: tuple[str, ...],
) -> None:
    for column in ("total", *columns):
        if numbers[smaller, column, body] <= numbers[larger, column, body]:  # what is not so is no rule to a reader
            terms = (((smaller, column, body), 1), ((larger, column, body), -1))
            relations.append(Relation(terms, None, 0))


def _margin(numbers: dict[Key, int], relations: list[Relation], figure: str, column: str, bodies: list[str]) -> None:
    margin = (figure, column, *bodies)
    if len(bodies) < 2 or margin in numbers:
        return
    numbers[margin] = sum(numbers[figure, column, body] for body in bodies)
    relations.append(Relation(((margin, -1), *(((figure, column, body), 1) for body in bodies))))


def _is_margin(key: Key) -> bool:
    return len(key) > 3


def corrected(edition: Edition, seed: int) -> Edition:
    """The same table after one or two bodies have corrected their figures (those that are no part of another)."""
    rng = Random(seed)
    numbers = dict(edition.numbers)
    bodies = sorted({key[2] for key in numbers if not _is_margin(key)})
    for body in rng.sample(bodies, min(len(bodies), rng.randint(1, 2))):
        _correct(rng, numbers, body)
    for margin in filter(_is_margin, list(numbers)):
        numbers[margin] = sum(numbers[*margin[:2], body] for body in margin[2:])
    secret_figures = {key[0] for key in edition.secret}
    shown = ((key, number) for key, number in numbers.items() if key not in edition.secret)
    small = {key for key, number in shown if 0 < number < THRESHOLD and key[0] not in secret_figures}
    return replace(edition, numbers=tuple(numbers.items()), small=frozenset(small))


def _correct(rng: Random, numbers: dict[Key, int], body: str) -> None:
    more = rng.randint(1, 6)
    numbers["f0", "total", body] += more
    if ("f0", "male", body) in numbers:
        numbers["f0", rng.choice(("male", "female")), body] += more
