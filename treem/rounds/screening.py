"""The only door through which a filed text enters a document: what looks like naming a child waits for a person.

Belongs here: what of a text may stand in a document. The patterns are in `district.screen`, the decisions in
`releasing`. A text is looked at when a document is made, not when it is filed: so no way of filing passes by, and
better patterns hold for what was filed before. A decision is about exactly the words it was made on, and holds when the
body files the same words again.
"""

from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.district.screen import why_held
from treem.ledger.queries import NarrativeRow
from treem.ledger.tables import Narrative, Question, Recommendation, Request, Round, Screening, Submission
from treem.plan.settings import Settings

HELD = "(nội dung đang chờ kiểm tra)"
REMARK, ANSWER = "ghi-chu:", "giai-trinh:"
"""Sections of texts that are no narratives: a remark beside a figure, an answer to a question."""


class Screen:
    """What of a text may stand in a document, with the decisions made so far."""

    def __init__(self, session: Session, settings: Settings) -> None:
        rows = session.execute(select(Screening.request_id, Screening.section, Screening.text_sha, Screening.instead))
        self._decided = {(r.request_id, r.section, r.text_sha): r.instead for r in rows}
        self._places = places(settings)

    def why(self, text: str) -> tuple[str, ...]:
        """Why the text must be looked through."""
        return why_held(text, self._places)

    def state(self, request_id: int, section: str, text: str) -> str:
        """Held, released or redacted."""
        key = (request_id, section, digest(text))
        return "held" if key not in self._decided else "released" if self._decided[key] is None else "redacted"

    def passed(self, request_id: int, section: str, text: str) -> str:
        """What stands in documents: the text, a person's words in its place, or that it waits."""
        key = (request_id, section, digest(text))
        if key in self._decided:
            instead = self._decided[key]
            return text if instead is None else instead
        return HELD if self.why(text) else text

    def recommendation(self, one: Recommendation) -> str:
        """A recommendation of a record, by the box it comes from; one that a person typed stands as typed."""
        return one.text if one.section is None else self.passed(one.request_id, one.section, one.text)

    def answer(self, question: Question) -> str:
        """What a body answered to a question about its figures."""
        text = question.answer or ""
        return self.passed(question.request_id, ANSWER + question.fingerprint, text) if text else ""


def digest(text: str) -> str:
    """By which a decision knows the words it was made on."""
    return sha256(text.strip().encode()).hexdigest()


def places(settings: Settings) -> tuple[str, ...]:
    """Names that are nobody's: of bodies, and of what they are named after."""
    names = [body.name for body in settings.register_.bodies]
    bare = [name.partition(f" {kind} ")[2] for name in names for kind in ("xã", "thị trấn")]
    office = [settings.office.place, settings.office.district, settings.office.province]
    return tuple(dict.fromkeys(name for name in (*names, *bare, *office) if name))


def passed_narratives(session: Session, settings: Settings, round_key: str) -> list[NarrativeRow]:
    """Every text of every accepted submission of a round, as it may stand in a document."""
    screen = Screen(session, settings)
    rows = session.execute(
        select(Request.id, Request.body, Narrative.section, Narrative.text)
        .select_from(Narrative)
        .join(Submission, Submission.id == Narrative.submission_id)
        .join(Request, Request.id == Submission.request_id)
        .join(Round, Round.id == Request.round_id)
        .where(Round.key == round_key, Submission.state == "accepted")
        .order_by(Request.id, Narrative.id)
    )
    return [NarrativeRow(body, section, screen.passed(request, section, text)) for request, body, section, text in rows]


def held_count(session: Session, settings: Settings, round_key: str) -> int:
    """How many texts of the round stand in its documents as waiting."""
    return sum(row.text == HELD for row in passed_narratives(session, settings, round_key))
