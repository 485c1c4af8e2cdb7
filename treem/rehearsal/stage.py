"""Sets the stage of a rehearsal: embedded mail for every address of the register, a config that points there, the cast.

The office's own config is copied, and only its mail servers are replaced: what is rehearsed is what will run.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import yaml

from treem.plan.agenda import RoundPlan
from treem.plan.settings import Body, Settings
from treem.rehearsal.behaviours import Behaviour, assign, assign_in_year
from treem.rehearsal.bodies import SimulatedBody
from treem.rehearsal.clerks import Clerk, Tray
from treem.rehearsal.conductor import Clock
from treem.rehearsal.inventing import Pairs, Sums
from treem.rehearsal.mail_server import SERVER_NAME, EmbeddedMail
from treem.rehearsal.postbox import Postbox

PASSWORD_NAME = "TREEM_MAIL_PASSWORD"
PASSWORD = "dien-tap"  # the embedded server listens on loopback for minutes and holds nothing real


@dataclass(frozen=True)
class Stage:
    """A running mail server with everyone's mailbox, and the clock that stamps its letters."""

    mail: EmbeddedMail
    clock: Clock

    def mail_config(self, settings: Settings) -> dict[str, object]:
        """`mail.yaml` with the servers replaced by the embedded ones. The password stays in the environment."""
        mail = settings.mail
        account = {"host": "127.0.0.1", "security": "plain", "user": mail.address, "password": f"${{{PASSWORD_NAME}}}"}
        return {
            "address": mail.address,
            "display_name": mail.display_name,
            "authserv_id": SERVER_NAME,
            "letters_per_minute": 60_000,  # time-lapse does not wait for the real clock
            "smtp": account | {"port": self.mail.smtp[1]},
            "imap": account | {"port": self.mail.imap[1]},
        }

    def environment(self, home: Path) -> dict[str, str]:
        """Where the rehearsal's house is, for this process and for the runner."""
        return {
            "TREEM_CONFIG": str(home / "config"),
            "TREEM_HOME": str(home),
            "TREEM_LEDGER": f"sqlite:///{home.resolve()}/ledger.sqlite",
            PASSWORD_NAME: PASSWORD,
        }


def set_stage(settings: Settings) -> Stage:
    """A mail server (not started) with a mailbox for the office, every body and every addressee of the report."""
    clock = Clock()
    addresses = {settings.mail.address, *settings.office.report_emails}
    addresses |= {e for b in settings.register_.bodies for e in b.emails}
    return Stage(EmbeddedMail(dict.fromkeys(sorted(addresses), PASSWORD), clock=clock), clock)


def write_config(source: Path, target: Path, stage: Stage, settings: Settings) -> None:
    """Copy the config, with the mail servers of the stage."""
    shutil.copytree(source, target, dirs_exist_ok=True)
    text = yaml.safe_dump(stage.mail_config(settings), allow_unicode=True)
    (target / "mail.yaml").write_text(text, encoding="utf-8")


def cast_year(plans: Sequence[RoundPlan], settings: Settings, stage: Stage, seed: int) -> tuple[Clerk, ...]:
    """One clerk for each body that any of the rounds may write to; how a clerk answers differs from round to round."""
    pairs, sums = _pairs(settings), _sums(settings)
    roles = {plan.title: assign_in_year([b.code for b in plan.bodies], f"{seed}:{plan.key}") for plan in plans}
    bodies = {body.code: body for plan in plans for body in (*plan.bodies, *filter(None, [plan.reporter]))}

    def starting(body: Body) -> Callable[[str, Tray], SimulatedBody]:
        def start(title: str, tray: Tray) -> SimulatedBody:
            role = roles.get(title, {}).get(body.code, Behaviour())
            source = Random(f"{seed}:{title}:{body.code}:{tray.number}")
            where = (stage.mail.smtp, stage.mail.imap)
            return SimulatedBody(
                body.code,
                body.name,
                body.emails[0],
                PASSWORD,
                *where,
                role,
                source,
                pairs,
                sums,
                post=tray,
                known=tray.form,
            )

        return start

    titles = tuple(roles)
    return tuple(
        Clerk(body.code, Postbox(body.emails[0], PASSWORD, stage.mail.smtp, stage.mail.imap), titles, starting(body))
        for body in bodies.values()
    )


def _pairs(settings: Settings) -> Pairs:
    """Which figure must not be larger than which: rules of the config, and rates."""
    return tuple((rule.smaller, rule.larger) for rule in settings.book.inequalities) + tuple(
        (f.numerator, f.denominator) for f in settings.figures().values() if f.numerator and f.denominator
    )


def _sums(settings: Settings) -> Sums:
    """Which figure is the sum of which."""
    return tuple((rule.total, rule.parts) for rule in settings.book.sums)


def cast(plan: RoundPlan, settings: Settings, stage: Stage, seed: int) -> tuple[SimulatedBody, ...]:
    """One simulated body for each body asked, its way of answering drawn from the seed."""
    roles = assign([b.code for b in plan.bodies], seed)
    pairs, sums = _pairs(settings), _sums(settings)
    players = []
    for body in plan.bodies:
        if roles[body.code].kind == "bounces":
            stage.mail.bouncing.add(body.emails[0])
        players.append(
            SimulatedBody(
                body.code,
                body.name,
                body.emails[0],
                PASSWORD,
                stage.mail.smtp,
                stage.mail.imap,
                roles[body.code],
                Random(f"{seed}:{body.code}"),
                pairs,
                sums,
            )
        )
    return tuple(players)
