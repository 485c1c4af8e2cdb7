"""Small numbers are hidden, and nobody can work them out: readers with linear programs try it on 500 random tables."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.district.attacker import Attacker
from tests.district.tables import THRESHOLD, corrected, table
from treem.district.suppress import Edition, Key, Relation, Suppressed, recalled, suppress

TABLES = 500
NEAR = 1e-6


def worked_out(edition: Edition, hidden: Iterable[Key], exposed: Iterable[Key] = ()) -> list[str]:
    """What a reader learns of hidden numbers beyond what he may."""
    attacker, numbers, found = Attacker(edition, hidden), dict(edition.numbers), []
    for key in sorted(set(attacker.unknown) - set(exposed)):
        low, high = attacker.interval(key)
        wide = high - low >= THRESHOLD - 1 - NEAR
        if key in edition.small:
            safe = wide and high >= THRESHOLD - NEAR
        elif key in edition.secret:
            safe = wide or numbers[key] == 0 or low < NEAR < high
        else:
            safe = wide
        if not safe:
            found.append(f"{key} = {numbers[key]}: {low} … {high}")
    return found


def told_by(edition: Edition, found: Suppressed) -> dict[Key, int]:
    """What a reader of the edition reads in it."""
    return {key: number for key, number in edition.numbers if key not in found.hidden | edition.secret}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_nobody_works_out_a_hidden_number_of_500_tables(part: int) -> None:
    for seed in range(part, TABLES, 10):
        edition = table(seed)
        found = suppress(edition, THRESHOLD)
        assert not found.exposed
        assert edition.small <= found.hidden
        assert not worked_out(edition, found.hidden), seed


@pytest.mark.slow
@pytest.mark.parametrize("part", range(2))
def test_nor_does_who_kept_the_edition_before(part: int) -> None:
    for seed in range(part, 60, 2):
        before = table(seed)
        told = told_by(before, suppress(before, THRESHOLD))
        edition = recalled(corrected(before, seed), told)
        found = suppress(edition, THRESHOLD)
        leaks = worked_out(edition, found.hidden, found.exposed)
        if leaks or found.exposed:  # what the two editions tell even where this one shows nothing at all is told
            unavoidable = worked_out(edition, {key for key, _ in edition.numbers})
            assert unavoidable, seed
            assert set(leaks) <= set(unavoidable), seed


def test_counting_in_whole_numbers_helps_nobody() -> None:
    for seed in range(20):
        edition = table(seed)
        found = suppress(edition, THRESHOLD)
        attacker = Attacker(edition, found.hidden)
        for key in sorted(found.hidden):
            low, high = attacker.whole_interval(key)
            assert high - low >= THRESHOLD - 1 - NEAR, (seed, key)


def test_hiding_the_small_numbers_alone_gives_many_of_them_away() -> None:
    tables = [table(seed) for seed in range(60)]
    told = [edition for edition in tables if worked_out(edition, edition.small)]
    exactly = [key for edition in tables for key, width in widths(edition, edition.small) if width < NEAR]
    assert len(told) > 20
    assert len(exactly) > 20


def widths(edition: Edition, hidden: frozenset[Key]) -> list[tuple[Key, float]]:
    """How many values each small number can have, less one."""
    attacker = Attacker(edition, hidden)
    ends = [(key, attacker.interval(key)) for key in sorted(edition.small)]
    return [(key, high - low) for key, (low, high) in ends]


def test_forgetting_the_edition_before_gives_numbers_away() -> None:
    given_away = 0
    for seed in range(16):
        before = table(seed)
        told = told_by(before, suppress(before, THRESHOLD))
        after = corrected(before, seed)
        edition = recalled(after, told)
        if not worked_out(edition, {key for key, _ in edition.numbers}):
            given_away += bool(worked_out(edition, suppress(after, THRESHOLD).hidden))
    assert given_away > 1


def test_the_same_numbers_are_hidden_every_time_and_few_beside_the_small_ones() -> None:
    small = hidden = 0
    for seed in range(60):
        edition = table(seed)
        found = suppress(edition, THRESHOLD)
        suppress.cache_clear()
        assert suppress(edition, THRESHOLD) == found
        small, hidden = small + len(edition.small), hidden + len(found.hidden)
    assert hidden < 1.8 * small


def row(*numbers: int) -> Edition:
    """Bodies beside each other, and their total."""
    keys = [("f", "total", f"b{n}") for n in range(len(numbers))]
    margin = ("f", "total", *(key[2] for key in keys))
    known = (*zip(keys, numbers, strict=True), (margin, sum(numbers)))
    total = Relation(((margin, -1), *((key, 1) for key in keys)))
    small = frozenset(key for key, number in known if 0 < number < THRESHOLD)
    return Edition(known, (total,), small, weights=((margin, 20),))


def test_a_single_small_number_takes_its_neighbour_with_it() -> None:
    assert suppress(row(3, 20, 30, 0), THRESHOLD).hidden == {("f", "total", "b0"), ("f", "total", "b1")}


def test_a_table_without_small_numbers_is_shown_whole() -> None:
    assert suppress(row(8, 20, 30, 0), THRESHOLD) == Suppressed(frozenset())


def test_ones_that_make_their_total_take_the_total_with_them() -> None:
    assert ("f", "total", "b0", "b1", "b2") in suppress(row(1, 1, 0), THRESHOLD).hidden


def test_zeros_are_hidden_where_they_count_as_small() -> None:
    edition = row(0, 20, 30)
    edition = replace(edition, small=frozenset({("f", "total", "b0")}))
    found = suppress(edition, THRESHOLD, zeros=True)
    low, high = Attacker(edition, found.hidden, least=0).interval(("f", "total", "b0"))
    assert (low, high >= THRESHOLD - 1) == (0, True)


def test_a_secret_figure_is_not_told_by_a_part_that_is_all_of_it() -> None:
    """All children in special circumstances are cared for: then LD-03 by commune would be LD-02 by commune."""
    bodies = ("b0", "b1", "b2")
    counts = {"b0": 12, "b1": 30, "b2": 9}
    numbers: dict[Key, int] = {(f, "total", b): counts[b] for f in ("LD-02", "LD-03") for b in bodies}
    margins = {(f, "total", *bodies): 51 for f in ("LD-02", "LD-03")}
    relations = [Relation(((m, -1), *(((m[0], "total", b), 1) for b in bodies))) for m in margins]
    relations += [Relation(((("LD-03", "total", b), 1), (("LD-02", "total", b), -1)), None, 0) for b in bodies]
    secret = frozenset(("LD-02", "total", b) for b in bodies)
    weights = tuple((m, 20) for m in margins)
    edition = Edition(tuple((numbers | margins).items()), tuple(relations), frozenset(), secret, weights=weights)
    assert worked_out(edition, ())
    assert not worked_out(edition, suppress(edition, THRESHOLD).hidden)


def test_what_was_told_before_is_named_and_not_hidden_in_vain() -> None:
    edition = recalled(row(3, 20, 30), {("f", "total", "b0"): 3, ("f", "total", "b1"): 20})
    found = suppress(edition, THRESHOLD)
    assert ("f", "total", "b0") not in found.hidden
