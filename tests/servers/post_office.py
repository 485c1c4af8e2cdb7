"""The whole way of a letter: Postfix for sending, Dovecot for mailboxes, and a next hop that does as it is told.

Everything of tamduong.test lies in Dovecot. Letters to noi-khac.test go to a server whose answers may be changed;
nobody ever answers for khong-toi.test, and no other domain exists.
"""

import smtplib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.mailroom.builders import OFFICE, PASSWORD, XA_A, XA_B, account, mail_for
from tests.servers.authority import Certificate
from tests.servers.dovecot import Dovecot
from tests.servers.loopback import HOST, free_ports, state_folder, wait_until
from tests.servers.postfix import Postfix, lmtp, smtp
from treem.plan.settings import Mail
from treem.rehearsal.mail_server import EmbeddedMail

ELSEWHERE = "can-bo@noi-khac.test"
UNREACHABLE = "can-bo@khong-toi.test"
NOBODY = "khong-co@tamduong.test"
USERS = {OFFICE: PASSWORD, XA_A: "a", XA_B: "b"}


@dataclass(frozen=True)
class PostOffice:
    """The three servers."""

    dovecot: Dovecot
    postfix: Postfix
    next_hop: EmbeddedMail

    def mail(self, **changes: Any) -> Mail:
        """The office's settings, as for a provider: submission and IMAP, both with STARTTLS."""
        sending = account("localhost", self.postfix.submission, security="starttls")
        collecting = account("localhost", self.dovecot.imap, security="starttls")
        return mail_for(**{"smtp": sending, "imap": collecting} | changes)

    def hand_in(self, sender: str, recipient: str, raw: bytes) -> None:
        """Somebody's letter, as another mail server hands it in."""
        with smtplib.SMTP(HOST, self.postfix.plain, timeout=20) as client:
            client.sendmail(sender, [recipient], raw)

    def arrived(self, user: str, count: int = 1) -> list[bytes]:
        """The letters in a mailbox, once there are so many of them."""
        wait_until(lambda: len(self.dovecot.letters(user)) >= count, f"no {count} letters for {user}")
        return [raw for _, raw in sorted(self.dovecot.letters(user).items())]

    def settle(self) -> None:
        """Wait until nothing is under way any more."""
        wait_until(lambda: self.postfix.queued() == 0, "letters stay in the queue")

    def empty(self) -> None:
        """Throw every letter away, so that the next test begins anew."""
        self.next_hop.rules.clear()
        self.next_hop.log.clear()
        self.postfix.discard_queue()
        for user in self.dovecot.users:
            self.dovecot.empty(user)


@contextmanager
def post_office(certificate: Certificate, users: Mapping[str, str] = USERS, **settings: str) -> Iterator[PostOffice]:
    """The servers, running. `settings` go into Postfix's main.cf."""
    with ExitStack() as stack:
        folder, queue = (stack.enter_context(state_folder(name)) for name in ("dovecot", "postfix"))
        dovecot = stack.enter_context(Dovecot(folder, users, certificate))
        next_hop = stack.enter_context(EmbeddedMail({ELSEWHERE: "x"}))
        routes = {
            "tamduong.test": lmtp(dovecot.lmtp),
            "noi-khac.test": smtp(next_hop.smtp[1]),
            "khong-toi.test": smtp(*free_ports(1)),
        }
        postfix = stack.enter_context(Postfix(queue, certificate, dovecot.sasl, routes, settings))
        yield PostOffice(dovecot, postfix, next_hop)
