"""Registers in which bodies merge, split, take others in, change their names, end and begin; codes are re-used."""

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.district.little import body
from treem.plan.settings import Body, Register

BEGIN = date(2020, 1, 1)
CHANGES = ("merge", "split", "take in", "rename", "end", "begin")


def named(code: str, since: date, until: date | None = None, *successors: str, **more: Any) -> Body:
    """A commune that was there from one day to another."""
    span = {"valid_from": since, "valid_to": until, "successors": successors, "name": f"xã {code} {since.year}"}
    return body(code).model_copy(update=span | more)


@st.composite
def registers(draw: st.DrawFn) -> tuple[Register, list[date]]:
    """A register after up to five changes, and days before, between and after them: first and last days of its maps."""
    standing = [named(f"{n:05}", BEGIN) for n in range(draw(st.integers(1, 4)))]
    ended: list[Body] = []
    days, day = [BEGIN], BEGIN
    for number in range(draw(st.integers(0, 5))):
        last = day + timedelta(days=draw(st.integers(1, 400)))
        day = last + timedelta(days=1)
        _change(draw, standing, ended, last, number)
        days += [last, day]
    days.append(day + timedelta(days=30))
    return Register(groups=(), bodies=tuple(draw(st.permutations(ended + standing)))), days


def _change(draw: st.DrawFn, standing: list[Body], ended: list[Body], last: date, number: int) -> None:
    kind, day = draw(st.sampled_from(CHANGES)), last + timedelta(days=1)
    count = {"merge": draw(st.integers(2, 3)), "begin": 0}.get(kind, 1)
    if kind in ("take in", "end"):
        count = min(count, len(standing) - 1)  # somebody stays
    leaving = draw(st.permutations(standing))[:count]
    for gone in leaving:
        standing.remove(gone)
    if kind == "take in":
        heirs = [draw(st.sampled_from(standing))]
    else:
        heirs = _heirs(draw, leaving, standing, day, {"split": 2, "end": 0}.get(kind, 1), number)
        standing += heirs
    codes = tuple(heir.code for heir in heirs)
    ended += [gone.model_copy(update={"valid_to": last, "successors": codes}) for gone in leaving]


def _heirs(
    draw: st.DrawFn, leaving: list[Body], standing: list[Body], day: date, count: int, number: int
) -> list[Body]:
    """New bodies, under codes of those that leave or under new ones."""
    free = [gone.code for gone in leaving] + [f"9{number}{n:03}" for n in range(count)]
    used = {b.code for b in standing}
    codes = draw(st.permutations(sorted({code for code in free if code not in used})))[:count]
    return [named(code, day) for code in codes]
