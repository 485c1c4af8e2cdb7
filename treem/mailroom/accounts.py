"""Mail accounts that are left in peace for a while, so that a provider's "not now" is heeded by every later run.

Belongs here: pausing and its end. Why a pause begins is decided in `smtp` and `imap`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Select, delete, select

from treem.ledger.events import record
from treem.ledger.store import Ledger
from treem.ledger.tables import Account
from treem.plan.settings import Mail, Server

Role = Literal["smtp", "imap"]
SERVER_BUSY = timedelta(minutes=15)
LOGIN_REFUSED = timedelta(minutes=30)  # repeated wrong passwords lock an account
LOGIN = "login"


@dataclass(frozen=True)
class Pause:
    """An account that is left alone. Reason: LOGIN, which only a person can mend, or what the server answered."""

    role: Role
    until: datetime
    reason: str


def pause(ledger: Ledger, role: Role, server: Server, reason: str, until: datetime, now: datetime) -> None:
    """Leave the account alone until then. `reason` is a code or a name, never what a server said in prose."""
    name = _name(server)
    with ledger.begin() as session:
        account = session.scalar(select(Account).where(Account.role == role, Account.name == name).with_for_update())
        if account is None:
            session.add(Account(role=role, name=name, paused_until=until, reason=reason))
        else:
            account.paused_until, account.reason = until, reason
        record(session, "account_paused", now, role=role, reason=reason)


def paused_until(ledger: Ledger, role: Role, server: Server, now: datetime) -> datetime | None:
    """Until when the account is left alone, or None when it may be used."""
    with ledger.begin(relaxed=True) as session:
        account = session.scalar(_paused(role, server, now))
    return account.paused_until if account else None


def pauses(ledger: Ledger, mail: Mail, now: datetime) -> tuple[Pause, ...]:
    """Those of the office's two accounts that are left alone now, sending first."""
    accounts: tuple[tuple[Role, Server], ...] = (("smtp", mail.smtp), ("imap", mail.imap))
    with ledger.begin(relaxed=True) as session:
        found = [(role, session.scalar(_paused(role, server, now))) for role, server in accounts]
    return tuple(Pause(role, account.paused_until, account.reason) for role, account in found if account)


def resume(ledger: Ledger, role: Role, server: Server, now: datetime) -> None:
    """Use the account again at once: somebody has seen that it works."""
    with ledger.begin() as session:
        session.execute(delete(Account).where(Account.role == role, Account.name == _name(server)))
        record(session, "account_resumed", now, role=role)


def _paused(role: Role, server: Server, now: datetime) -> Select[tuple[Account]]:
    return select(Account).where(Account.role == role, Account.name == _name(server), Account.paused_until > now)


def _name(server: Server) -> str:
    return f"{server.user}@{server.host}:{server.port}"
