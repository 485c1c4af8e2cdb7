"""The duty matrix: every duty with every body that has it, once; what counts as evidence."""

from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.documents import world
from treem.district.duties import FEWEST_SYLLABLES, Evidence, duty_matrix, without_evidence
from treem.ledger.queries import NarrativeRow

CONFIG = world.settings()
BODIES = world.plan(CONFIG).bodies
FIGURES = tuple(CONFIG.figures())
COLUMNS = ["figure", "body", "kind", "number"]
TOLD = " ".join(["nội"] * FEWEST_SYLLABLES)
SAFETY = "III.9.3"  # of the communes


def matrix(cells: list[tuple[str, str, str, Decimal | None]], texts: list[NarrativeRow]) -> tuple[Evidence, ...]:
    return duty_matrix(CONFIG, BODIES, pd.DataFrame(cells, columns=COLUMNS, dtype=object), texts)


def of(found: tuple[Evidence, ...], duty: str, body: str) -> Evidence:
    (one,) = (e for e in found if (e.duty.code, e.body.code) == (duty, body))
    return one


cells = st.lists(
    st.tuples(
        st.sampled_from(FIGURES),
        st.sampled_from([b.code for b in BODIES] + ["khong-con"]),
        st.sampled_from(["number", "blank", "not_applicable", "not_filed"]),
        st.integers(0, 3).map(Decimal),
    ).map(lambda c: c if c[2] == "number" else (*c[:3], None)),
    max_size=60,
)
texts = st.lists(
    st.builds(
        NarrativeRow,
        st.sampled_from([b.code for b in BODIES]),
        st.sampled_from([d.code for d in CONFIG.plan.duties] + ["ton-tai"]),
        st.sampled_from(["", "Có.", TOLD]),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(cells, texts, st.permutations(BODIES).map(lambda b: b[: len(b) // 2 + 1]))
def test_every_duty_stands_once_with_every_body_that_has_it(cells, texts, bodies) -> None:  # type: ignore[no-untyped-def]
    found = duty_matrix(CONFIG, bodies, pd.DataFrame(cells, columns=COLUMNS, dtype=object), texts)
    pairs = [(e.duty.code, e.body.code) for e in found]
    assert pairs == [(d.code, b.code) for d in CONFIG.plan.duties for b in bodies if b.group in d.groups]
    assert len(set(pairs)) == len(pairs)


@settings(max_examples=60, deadline=None)
@given(cells, texts)
def test_the_order_of_what_was_said_does_not_matter(cells, texts) -> None:  # type: ignore[no-untyped-def]
    one_each = list({(n.body, n.section): n for n in texts}.values())
    assert matrix(cells, one_each) == matrix(cells[::-1], one_each[::-1])


def test_the_plan_has_31_duties_and_each_has_a_body() -> None:
    assert len({e.duty.code for e in matrix([], [])}) == 31
    assert len(without_evidence(matrix([], []))) == 31


def evidencing(duty: str) -> str:
    return next(f.code for i in CONFIG.book.indicators if duty in i.duties for f in i.figures)


@pytest.mark.parametrize(
    ("kind", "number", "text", "state"),
    [
        ("number", Decimal(2), "", "given"),
        ("number", Decimal(0), "", "thin"),
        ("blank", None, "", "thin"),
        ("not_applicable", None, "", "thin"),
        ("not_filed", None, "", "none"),
        ("not_filed", None, "Có.", "thin"),
        ("not_filed", None, TOLD, "given"),
        ("number", Decimal(0), TOLD, "given"),
        ("not_filed", None, " \n", "none"),
    ],
)
def test_what_counts_as_evidence(kind: str, number: Decimal | None, text: str, state: str) -> None:
    said = [(evidencing(SAFETY), "03390", kind, number)]
    found = matrix(said, [NarrativeRow("03390", SAFETY, text)])
    assert of(found, SAFETY, "03390").state == state
    assert of(found, SAFETY, "03415").state == "none"


def test_a_duty_somebody_showed_is_not_without_evidence() -> None:
    found = matrix([], [NarrativeRow("03390", SAFETY, "Có.")])
    assert SAFETY not in {d.code for d in without_evidence(found)}
    assert len(without_evidence(found)) == 30
