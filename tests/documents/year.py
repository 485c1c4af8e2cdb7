"""A ledger of the shipped config with made-up answers, written without a letter: what its documents are made of."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from treem.ledger.tables import Narrative, Recommendation, Request, Round, Selected, Submission, Value
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Body, Figure
from treem.rounds.house import House, open_house
from treem.rounds.wording import form_of

CONFIG = Path(__file__).parents[2] / "config"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
SAID = "Đã tổ chức tại trung tâm xã và các điểm trường.\n- Phối hợp với Đoàn Thanh niên, Hội Phụ nữ & nhà trường."


def house_in(folder: Path) -> House:
    """A house of the shipped config with an empty ledger."""
    return open_house(CONFIG, f"sqlite:///{folder / 'ledger.sqlite'}", folder / "originals", folder / "documents", {})


def file_round(
    house: House,
    key: str,
    seed: int = 1,
    *,
    silent: tuple[str, ...] = (),
    only: tuple[str, ...] | None = None,
    more: int = 0,
) -> RoundPlan:
    """Open a round and let every body but the silent ones answer; `more` is added to every number.

    `only`: the bodies that are asked, for rounds that choose.
    """
    plan, rng = house.plan(key), Random(seed)
    with house.ledger.begin() as session:
        entry = Round(key=key, activity=plan.activity.key, year=plan.year, opened_at=_at(plan, "open"))
        session.add(entry)
        session.flush()
        for body in plan.bodies:
            if only is None or body.code in only:
                _file(house, session, plan, entry, body, rng, more, answered=body.code not in silent)
        entry.closed_at = _at(plan, "close")
    return plan


def choose(house: House, key: str, chosen: dict[str, int | None], day: date | None = None) -> None:
    """Record a selection: the chosen bodies first, with their places, then everybody else of the audience."""
    plan = house.plan(key)
    bodies = sorted(plan.bodies, key=lambda b: (b.code not in chosen, b.code))
    with house.ledger.begin() as session:
        for rank, body in enumerate(bodies, start=1):
            picked = body.code in chosen
            session.add(
                Selected(
                    round_key=key,
                    body=body.code,
                    chosen=picked,
                    rank=rank,
                    places=chosen.get(body.code),
                    day=day if picked else None,
                    reasons=["đến lượt: kiểm tra lần gần nhất năm 2024" if picked else "chưa đến lượt"],
                    at=_at(plan, "open"),
                )
            )


def recommend(house: House, key: str, body: str, *texts: tuple[str, str]) -> None:
    """Recommendations of a record that was filed: text and state."""
    with house.ledger.begin() as session:
        request = session.query(Request).join(Round).filter(Round.key == key, Request.body == body).one()
        for number, (text, state) in enumerate(texts, start=1):
            closed = _at(house.plan(key), "close") if state == "done" else None
            session.add(
                Recommendation(
                    request_id=request.id,
                    number=number,
                    text=text,
                    due=date(request.due.year, 11, 30),
                    state=state,
                    closed_at=closed,
                    created_at=_at(house.plan(key), "open"),
                )
            )


def _file(
    house: House, session: Session, plan: RoundPlan, entry: Round, body: Body, rng: Random, more: int, *, answered: bool
) -> None:
    form, received = form_of(house.settings, plan, body), _at(plan, "open") + timedelta(days=2)
    request = Request(
        round_id=entry.id,
        collection=plan.collection.key,
        body=body.code,
        token=f"{entry.id:04}{body.code.upper().replace('-', '')}",
        form=form.code,
        form_version=form.version,
        due=plan.due,
        legal_due=plan.legal_due,
        told_due=plan.due,
        state="accepted" if answered else "closed",
        first_received_at=received if answered else None,
    )
    session.add(request)
    session.flush()
    if not answered:
        request.state = "overdue"
        return
    submission = Submission(
        request_id=request.id,
        version=1,
        file_sha=f"{request.id:064x}",
        file_name="BM.xlsx",
        state="accepted",
        received_at=received,
        valid=True,
        complete=True,
        on_time=True,
    )
    session.add(submission)
    session.flush()
    for row, code in enumerate(form.figures, start=8):
        session.add_all(_values(submission.id, house.settings.figures()[code], rng, row, more))
    for row, section in enumerate((*form.duties, *(c.key for c in form.closings)), start=8):
        session.add(
            Narrative(submission_id=submission.id, section=section, text=SAID, sheet="Thuyết minh", cell=f"C{row}")
        )


def _values(submission: int, figure: Figure, rng: Random, row: int, more: int) -> list[Value]:
    high = 1 if figure.type == "yes_no" else 3000 if figure.code == "LD-01" else 60
    total = rng.randint(0, high) + (0 if figure.type == "yes_no" else more)
    male = rng.randint(0, total)
    numbers = {"total": total, "male": male, "female": total - male, "minority": rng.randint(0, total)}
    return [
        Value(
            submission_id=submission,
            figure=figure.code,
            column=column,
            kind="number",
            number=Decimal(numbers[column]),
            sheet="Số liệu",
            cell=f"{'DEFG'[place]}{row}",
        )
        for place, column in enumerate(figure.columns)
    ]


def _at(plan: RoundPlan, milestone: str) -> datetime:
    return datetime.combine(plan.date_of(milestone), datetime.min.time(), ZONE).replace(hour=9)
