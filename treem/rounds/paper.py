"""The office's own papers about a round, from what the ledger knows: to whom, who is missing, what was inspected.

Belongs here: which papers a round can have and what they are about. They are drafts in the folder of documents; the
records clerk numbers, dates and sends them. Nothing here writes to the ledger.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.documents.beside import Recommended
from treem.documents.papers import Kind, Matter, write_paper
from treem.documents.periods import event_text
from treem.documents.sections import RECOMMENDATION
from treem.ledger import queries
from treem.ledger.tables import Recommendation, Request, Round, Selected
from treem.plan.agenda import RoundPlan
from treem.plan.problems import choose
from treem.plan.settings import Body
from treem.rounds.house import House
from treem.rounds.screening import Screen, passed_narratives
from treem.rounds.wording import about, filing, form_of

KINDS: tuple[Kind, ...] = get_args(Kind)
USUAL: dict[str, Kind] = {"request": "de-nghi", "invitation": "giay-moi", "inspection": "bien-ban"}


class PaperRefused(Exception):
    """The round cannot have that paper; the words say why and what to do instead."""


def write_papers(house: House, round_key: str, kind: Kind | None, body: str | None, now: datetime) -> tuple[Path, ...]:
    """Write the drafts and say where they lie. `kind`: none means the usual one of the round.

    Raises UnknownRound, PaperRefused and TemplateError.
    """
    plan = house.plan(round_key)
    chosen = kind or USUAL[plan.collection.letter]
    with house.ledger.begin(relaxed=True) as session:
        matters = _matters(house, session, plan, chosen, body, now)
    paths = []
    for matter in matters:
        single = f"-{matter.bodies[0].code}" if body or chosen == "bien-ban" else ""
        path = house.documents / f"{round_key.replace('/', '-')}-{chosen}{single}.docx"
        _write_private(path, write_paper(chosen, matter, house.settings))
        paths.append(path)
    return tuple(paths)


def _matters(
    house: House, session: Session, plan: RoundPlan, kind: Kind, body: str | None, now: datetime
) -> list[Matter]:
    _demand(plan, kind)
    rows = tuple(queries.filing_record(session, plan.key))
    asked = _bodies(house, session, plan, rows)
    bodies = _of_kind(asked, rows, kind)
    if body is None and kind != "bien-ban":
        bodies = tuple(one for one in bodies if one.name != house.settings.office.name)  # nobody writes to himself
    if body is not None:
        _demand_known(asked, body, plan)
        bodies = tuple(one for one in bodies if one.code == body)
    if not bodies:
        raise PaperRefused(_nobody(plan, kind, body, opened=bool(rows)))
    today = house.local(now).date()
    matter = Matter(plan, bodies, filing(plan), about(plan), _content(house, plan, bodies), today, rows)
    return [_inspected(house, session, matter, one) for one in bodies] if kind == "bien-ban" else [matter]


def _nobody(plan: RoundPlan, kind: Kind, body: str | None, *, opened: bool) -> str:
    if kind == "don-doc" and opened:
        return f"Đợt {plan.key} không còn ai phải đôn đốc{f' (mã “{body}” đã gửi)' if body else ''}."
    if kind == "don-doc":
        return f"Đợt {plan.key} chưa mở nên chưa có ai phải đôn đốc."
    return f"Đợt {plan.key} chưa có cơ quan, đơn vị nào. Hãy chọn trước bằng treem select {plan.key}."


def _demand(plan: RoundPlan, kind: Kind) -> None:
    if kind == "giay-moi" and not event_text(plan):
        raise PaperRefused(f"Đợt {plan.key} không có ngày tổ chức nên không có giấy mời.")
    if kind == "bien-ban" and plan.activity.kind != "inspection":
        raise PaperRefused(f"Đợt {plan.key} không phải đợt kiểm tra nên không có biên bản kiểm tra.")


def _demand_known(asked: Sequence[Body], body: str, plan: RoundPlan) -> None:
    codes = [one.code for one in asked]
    if body not in codes:
        raise PaperRefused(f"Đợt {plan.key} không hỏi đơn vị mã “{body}”. {choose(body, codes)}")


def _bodies(house: House, session: Session, plan: RoundPlan, rows: Sequence[queries.FilingRow]) -> tuple[Body, ...]:
    """Who was asked; before the round is open, who was chosen, or else the audience."""
    if rows:
        return tuple(house.settings.body(row.body, plan.due) for row in rows)
    chosen = queries.selection_of(session, plan.key)
    return tuple(one for one in plan.bodies if chosen is None or one.code in chosen)


def _of_kind(asked: tuple[Body, ...], rows: Sequence[queries.FilingRow], kind: Kind) -> tuple[Body, ...]:
    if kind != "don-doc":
        return asked
    settled = {row.body for row in rows if row.state in ("accepted", "waived", "closed")}
    return tuple(one for one in asked if one.code not in settled) if rows else ()


def _content(house: House, plan: RoundPlan, bodies: Sequence[Body]) -> str:
    """What is asked for, in a phrase."""
    if plan.collection.content:
        return plan.collection.content
    told = any(form_of(house.settings, plan, body).duties for body in bodies)
    return "số liệu và kết quả thực hiện nhiệm vụ được giao" if told else "số liệu"


def _inspected(house: House, session: Session, matter: Matter, body: Body) -> Matter:
    """One body's record: the day of the visit, what is looked at, and what has been filed of it."""
    plan = matter.plan
    requests = select(Request).join(Round).where(Round.key == plan.key, Request.body == body.code)
    request = session.scalar(requests)
    said = [n for n in passed_narratives(session, house.settings, plan.key) if n.body == body.code]
    screen = Screen(session, house.settings)
    found = select(Recommendation).where(Recommendation.request_id == (request.id if request else None))
    return replace(
        matter,
        bodies=(body,),
        visit=_visit(session, plan, body),
        duties=_looked_at(house, plan, body),
        conclusion=tuple(n.text for n in said if not RECOMMENDATION.fullmatch(n.section)),
        recommendations=tuple(
            Recommended(body.name, screen.recommendation(one), one.due, one.state)
            for one in session.scalars(found.order_by(Recommendation.number))
        ),
    )


def _visit(session: Session, plan: RoundPlan, body: Body) -> date | None:
    """The day chosen for the body, in this collection or in the one that selected for the activity."""
    query = select(Selected.day).where(Selected.body == body.code, Selected.day.is_not(None))
    stem = f"{plan.activity.key}/{plan.year}"
    return session.scalar(query.where(Selected.round_key.startswith(stem)).order_by(Selected.id.desc()).limit(1))


def _looked_at(house: House, plan: RoundPlan, body: Body) -> tuple[str, ...]:
    form = form_of(house.settings, plan, body)
    own = [duty for duty in house.settings.plan.duties if duty.code in form.duties]
    return tuple(d.text for d in own or [d for d in house.settings.plan.duties if body.group in d.groups])


def _write_private(path: Path, data: bytes) -> None:
    part = path.with_suffix(".docx.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_bytes(data)
    part.replace(path)
