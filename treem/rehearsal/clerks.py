"""The clerks of a year: each has one mailbox, and answers everything that is asked in it, each request by itself.

Belongs here: which letter belongs to which request, told by the token in its subject, and to which round, told by the
form that came with it. How a request is answered is in `bodies`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from treem.rehearsal.bodies import SimulatedBody
from treem.rehearsal.postbox import Letter, Postbox
from treem.rehearsal.questionnaire import Questionnaire, read_questionnaire

QUIET = "quiet"  # a day that is no milestone of the round


@dataclass
class Tray:
    """One request's share of a mailbox."""

    postbox: Postbox
    number: int  # of the mailbox's requests, in the order they came
    form: Questionnaire
    waiting: list[Letter] = field(default_factory=list)

    def new_letters(self) -> list[Letter]:
        """What the clerk has laid here since the last look."""
        taken, self.waiting = self.waiting, []
        return taken

    def send(self, raw: bytes, recipient: str) -> None:
        """Hand one finished letter to the server."""
        self.postbox.send(raw, recipient)

    def close(self) -> None:
        """The mailbox is the clerk's to leave."""


@dataclass(frozen=True)
class Errand:
    """One request as its body deals with it, with the title of the round it belongs to."""

    title: str
    body: SimulatedBody
    tray: Tray


@dataclass
class Clerk:
    """Reads one body's mailbox through the year. `start` makes who answers a request, from the round's title."""

    code: str
    postbox: Postbox
    titles: tuple[str, ...]
    start: Callable[[str, Tray], SimulatedBody]
    errands: dict[str, Errand] = field(default_factory=dict)  # by token

    def play(self, now: datetime, today: Mapping[str, str]) -> list[str]:
        """Read the mail and answer. `today` has the milestone of each round, by title, whose day it is."""
        for letter in self.postbox.new_letters():
            if letter.token is not None:
                self._lay(letter, letter.token)
        return [
            line
            for errand in self.errands.values()
            if not errand.body.finished or errand.tray.waiting
            for line in errand.body.play(now, today.get(errand.title, QUIET))
        ]

    def close(self) -> None:
        """Leave the mailbox."""
        self.postbox.close()

    def _lay(self, letter: Letter, token: str) -> None:
        if token not in self.errands:
            if letter.workbook is None:
                return
            form = read_questionnaire(letter.workbook)
            title = next((text for text in form.head if text in self.titles), "")
            tray = Tray(self.postbox, len(self.errands) + 1, form)
            self.errands[token] = Errand(title, self.start(title, tray), tray)
        self.errands[token].tray.waiting.append(letter)
