"""The duty matrix in words: signs for the workbook, names for the report.

Belongs here: which sign stands for which evidence, and what the outward report may name. Whether a sensitive figure of
a body is zero can be read from the matrix: it is for the office. That a body gave nothing at all may be told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from treem.district.duties import Evidence, State, without_evidence
from treem.documents.figures import commune_heading, short_name
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Body, Settings

SHEET = "Ma trận nhiệm vụ"
SIGNS: Mapping[State, str] = {"given": "●", "thin": "○", "none": "–"}
LEGEND = (
    "●: có số liệu khác 0 hoặc có thuyết minh; ○: chỉ có số 0, ô trống hoặc thuyết minh rất ngắn; –: chưa có gì; ô "
    "không ghi dấu: nhiệm vụ không thuộc đơn vị."
)


@dataclass(frozen=True)
class DutyLine:
    """A row of the matrix: a sign a body, then how many gave evidence, thin evidence, nothing."""

    code: str
    text: str
    signs: tuple[str, ...]
    counts: tuple[int, int, int]


def has_matrix(plan: RoundPlan, settings: Settings) -> bool:
    """Whether a round is about the duties: a report whose forms have boxes for them."""
    forms = settings.forms_for(plan.activity.key, plan.collection.key)
    return plan.activity.kind == "report" and any(form.duties for form in forms)


def columns(matrix: Sequence[Evidence]) -> tuple[Body, ...]:
    """The bodies that have any duty, in the order of the round."""
    order = {e.body: None for e in matrix}
    return tuple(order)


def heading(body: Body) -> str:
    """A body over its narrow column."""
    return commune_heading(body.name) if body.kind == "commune" else body.name


def duty_lines(matrix: Sequence[Evidence], bodies: Sequence[Body]) -> Iterator[DutyLine]:
    """The matrix as rows of signs."""
    found = {(e.duty.code, e.body.code): e for e in matrix}
    for duty in dict.fromkeys(e.duty for e in matrix):
        row = [found.get((duty.code, body.code)) for body in bodies]
        states = [e.state for e in row if e]
        yield DutyLine(
            duty.code,
            duty.text,
            tuple(SIGNS[e.state] if e else "" for e in row),
            (states.count("given"), states.count("thin"), states.count("none")),
        )


def nobody_showed(matrix: Sequence[Evidence]) -> list[str]:
    """The duties without any evidence, by number and name."""
    return [f"{duty.code}. {duty.text.rstrip('.; ')}" for duty in without_evidence(matrix)]


def somebody_did_not(matrix: Sequence[Evidence]) -> list[str]:
    """Body by body, the numbers of its duties without evidence, where others showed theirs."""
    nobody = {duty.code for duty in without_evidence(matrix)}
    lacking: dict[Body, list[str]] = {}
    for e in matrix:
        if e.state == "none" and e.duty.code not in nobody:
            lacking.setdefault(e.body, []).append(e.duty.code)
    return [f"{_capital(short_name(body.name))}: {', '.join(codes)}" for body, codes in lacking.items()]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
