"""The letters a year is going to bring, by the plan alone: nothing is written to the ledger, nothing is sent.

Belongs here: who is written to on which day, as far as the plan can tell. Whether a reminder is needed, and whom a
selection picks, only the year itself will show: that is said beside the letter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from treem.documents.letters import render_letter
from treem.ledger.tables import Request
from treem.plan.agenda import Milestone, RoundPlan, certain_plans, plans_of, years_around
from treem.plan.almanac import Almanac
from treem.plan.settings import Body, Settings
from treem.rounds.wording import about, letter_context

UNANSWERED = "nếu chưa nộp"
SELECTED = "nếu được chọn"
APPROVED = "sau khi phê duyệt"
KINDS = {"open": "request", "remind": "reminder", "chase": "chase"}


@dataclass(frozen=True)
class ForecastLetter:
    """A letter that the plan has for a day. `condition` says on what it still depends; empty: on nothing."""

    day: date
    round: str
    to: str  # a name, for bodies; the address otherwise
    address: str
    subject: str
    condition: str


def letters_of_year(settings: Settings, almanac: Almanac, year: int) -> list[ForecastLetter]:
    """Every letter whose day falls in the year, by day, whatever year its round is named after.

    Raises LunarDateUnknown for years whose feasts are not certain.
    """
    plans_of(settings, almanac, year)  # the year itself must be certain; of those beside it, what is
    plans = certain_plans(settings, almanac, years_around(year))
    found = (
        letter for plan in plans for m in plan.milestones if m.date.year == year for letter in _on(settings, plan, m)
    )
    return sorted(found, key=lambda letter: letter.day)


def _on(settings: Settings, plan: RoundPlan, milestone: Milestone) -> Iterator[ForecastLetter]:
    kind = KINDS.get(milestone.key.partition("-")[0])
    if milestone.key == "send-on":
        yield from _report(settings, plan, milestone)
    if milestone.key == "close" and plan.collection.send_on:
        mail = settings.mail
        subject = _subject("approval", {"round_title": plan.title, "about": about(plan), "version": 1}, settings)
        yield ForecastLetter(milestone.date, plan.key, settings.office.name, mail.address, subject, "")
    for body in plan.bodies if kind else ():
        yield _to_body(settings, plan, body, milestone, str(kind))


def _to_body(settings: Settings, plan: RoundPlan, body: Body, milestone: Milestone, kind: str) -> ForecastLetter:
    request = Request(body=body.code, token="–", due=plan.due, legal_due=plan.legal_due)
    name = plan.collection.letter if kind == "request" else kind
    subject = render_letter(name, letter_context(settings, plan, body, request)).subject
    addressee = plan.answering(body)
    on = [SELECTED] if plan.collection.selection else []
    on += [UNANSWERED] if kind != "request" else []
    return ForecastLetter(milestone.date, plan.key, addressee.name, addressee.emails[0], subject, ", ".join(on))


def _report(settings: Settings, plan: RoundPlan, milestone: Milestone) -> Iterator[ForecastLetter]:
    context = {
        "round_title": plan.title,
        "about": about(plan),
        "version": 1,
        "period_text": "",
        "as_of_text": "",
        "number_text": "",
    }
    subject = _subject("report", context, settings)
    for address in settings.office.report_emails:
        yield ForecastLetter(milestone.date, plan.key, address, address, subject, APPROVED)


def _subject(name: str, context: dict[str, object], settings: Settings) -> str:
    whole = {"office": settings.office, "plan": settings.plan, "digest": "", **context}
    return render_letter(name, whole).subject
