"""Several processes doing the same at the same moment, on SQLite and on PostgreSQL: cases 16 and 55."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from tests.mailroom.builders import NOW, OFFICE, PASSWORD, XA_A, account, answer, mail_for, put
from tests.servers.dovecot import Dovecot
from tests.servers.loopback import HOST
from tests.servers.processes import needs_fork, together
from treem.ledger.store import Ledger
from treem.ledger.tables import LetterIn, LetterOut, Location, Mailbox
from treem.mailroom.imap import CollectTally, collect
from treem.mailroom.smtp import send_due
from treem.plan.settings import Mail
from treem.rehearsal.mail_server import EmbeddedMail

pytestmark = pytest.mark.servers
COUNT = 120


def mail_of(dovecot: Dovecot) -> Mail:
    return mail_for(imap=account(HOST, dovecot.imap))


def fill(dovecot: Dovecot, first: int = 0) -> None:
    with dovecot.webmail(OFFICE) as client:
        for n in range(first, first + COUNT):
            client.append("INBOX", answer(message_id=f"<{n}@x.test>"))


def assert_complete(ledger: Ledger, count: int) -> None:
    with ledger.begin() as session:
        assert session.scalar(select(func.count(LetterIn.id))) == count
        assert Counter(session.scalars(select(Location.uid))) == Counter(range(1, count + 1))
        assert session.scalar(select(func.count(Mailbox.id))) == 2  # the inbox and the junk folder


def test_case_55_two_collectors_in_one_process_store_each_letter_once(either_ledger: Ledger, dovecot: Dovecot) -> None:
    fill(dovecot)
    gate = Barrier(2)

    def run() -> CollectTally:
        gate.wait(10)
        return collect(either_ledger, mail_of(dovecot), NOW)

    with ThreadPoolExecutor(2) as pool:
        tallies = [job.result() for job in [pool.submit(run) for _ in range(2)]]
    assert sum(tally.stored for tally in tallies) == COUNT
    assert_complete(either_ledger, COUNT)


@needs_fork
def test_case_55_two_collectors_in_two_processes_store_each_letter_once(
    either_ledger: Ledger, dovecot: Dovecot
) -> None:
    """From the first time on, when even the mailbox is not known yet; and again, with a comparison of everything."""
    for pass_ in range(2):
        fill(dovecot, first=pass_ * COUNT)
        now = NOW + timedelta(days=pass_)
        assert together(either_ledger, [lambda own, now=now: collect(own, mail_of(dovecot), now)] * 2) == [0, 0]
        assert_complete(either_ledger, COUNT * (pass_ + 1))


@needs_fork
def test_case_16_three_senders_in_three_processes_send_each_letter_once(either_ledger: Ledger) -> None:
    with EmbeddedMail({OFFICE: PASSWORD, XA_A: "a"}) as server:
        mail = mail_for(server)
        with either_ledger.begin() as session:
            for n in range(COUNT):
                put(session, mail, f"notice:{n}", kind="notice")
        assert together(either_ledger, [lambda own: send_due(own, mail, NOW)] * 3) == [0, 0, 0]
        assert len(server.log) == len({taken.raw for taken in server.log}) == COUNT
    with either_ledger.begin() as session:
        ends = session.execute(select(LetterOut.state, LetterOut.attempts)).tuples()
        assert Counter(ends) == Counter({("sent", 1): COUNT})
