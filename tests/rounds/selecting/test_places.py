"""Places of a training as a pure rule: all given, nobody gets more than nominated, who waits is told where."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from treem.rounds.selecting.places import Nomination, allocate

PLACES = st.integers(1, 60)


@st.composite
def nominated(draw: st.DrawFn) -> tuple[Nomination, ...]:
    people = draw(st.lists(st.integers(0, 12), min_size=1, max_size=15))
    return tuple(Nomination(f"{n:05}", count, draw(st.integers(0, 9))) for n, count in enumerate(people))


def given_to(nominations: Sequence[Nomination], places: int) -> dict[str, int]:
    return {c.body: c.places or 0 for c in allocate(nominations, places)}


@given(nominated(), PLACES)
def test_all_places_are_given_while_somebody_wants_them(nominations: Sequence[Nomination], places: int) -> None:
    assert sum(given_to(nominations, places).values()) == min(places, sum(n.people for n in nominations))


@given(nominated(), PLACES)
def test_nobody_gets_more_than_nominated_and_chosen_means_a_place(
    nominations: Sequence[Nomination], places: int
) -> None:
    people = {n.body: n.people for n in nominations}
    choices = allocate(nominations, places)
    assert sorted(c.body for c in choices) == sorted(people)
    for choice in choices:
        assert choice.places is not None
        assert 0 <= choice.places <= people[choice.body]
        assert choice.chosen == (choice.places > 0)


@given(nominated(), PLACES)
def test_everybody_who_nominated_has_a_place_before_anybody_has_two(
    nominations: Sequence[Nomination], places: int
) -> None:
    found = given_to(nominations, places)
    wanting = [n for n in nominations if n.people]
    without = [n for n in wanting if not found[n.body]]
    if without:
        assert max(found.values()) == 1
        with_one = [n for n in wanting if found[n.body]]
        assert max((n.trained for n in with_one), default=0) <= min(n.trained for n in without)


@given(nominated(), PLACES, st.data())
def test_who_nominates_more_gets_no_fewer(nominations: Sequence[Nomination], places: int, data: st.DataObject) -> None:
    """Among the bodies of one round, and for one body that nominates more than it did."""
    found = given_to(nominations, places)
    served = [n for n in nominations if found[n.body]]
    for one in served:
        for other in served:
            assert one.people <= other.people or found[one.body] >= found[other.body]
    body = data.draw(st.sampled_from(nominations))
    more = [replace(n, people=n.people + data.draw(st.integers(1, 9))) if n is body else n for n in nominations]
    assert given_to(more, places)[body.body] >= found[body.body]


@given(nominated(), PLACES)
def test_the_same_nominations_give_the_same_places(nominations: Sequence[Nomination], places: int) -> None:
    assert allocate(nominations, places) == allocate(tuple(replace(n) for n in nominations), places)


@given(nominated(), PLACES)
def test_the_waiting_list_holds_exactly_those_left(nominations: Sequence[Nomination], places: int) -> None:
    choices = allocate(nominations, places)
    people = {n.body: n.people for n in nominations}
    waiting = [c for c in choices if any("danh sách chờ" in reason for reason in c.reasons)]
    assert {c.body for c in waiting} == {c.body for c in choices if (c.places or 0) < people[c.body]}
    places_of = sorted(int(c.reasons[-1].split("thứ ")[1].split(",")[0]) for c in waiting)
    assert places_of == list(range(1, len(waiting) + 1))


def test_the_reasons_say_how_many_and_who_waits() -> None:
    nominations = [Nomination("a", 6, trained=4), Nomination("b", 2), Nomination("c", 1, trained=1), Nomination("d", 0)]
    words = {c.body: (c.places, c.reasons) for c in allocate(nominations, 5)}
    assert words == {
        "b": (1, ("cử 2 người, được 1 chỗ trong 5 chỗ", "đã tập huấn những năm gần đây: 0 người",
                  "danh sách chờ: thứ 1, còn 1 người")),
        "c": (1, ("cử 1 người, được 1 chỗ trong 5 chỗ", "đã tập huấn những năm gần đây: 1 người")),
        "a": (3, ("cử 6 người, được 3 chỗ trong 5 chỗ", "đã tập huấn những năm gần đây: 4 người",
                  "danh sách chờ: thứ 2, còn 3 người")),
        "d": (0, ("không cử người",)),
    }  # fmt: skip
