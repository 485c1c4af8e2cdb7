"""kill -9 at each step boundary of opening a round and of sending: no letter twice, none lost."""

import email
import os
import signal
from collections import Counter
from datetime import datetime
from email import policy
from functools import partial
from hashlib import sha256

import pytest
from sqlalchemy import select

from tests.rounds.conftest import ROUND, World, at
from treem.ledger.tables import LetterIn, LetterOut, Report, Submission
from treem.mailroom import imap, smtp
from treem.plan.agenda import Step
from treem.rounds import intake, numbering, reporting, sending
from treem.rounds.steps import carry_out

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def in_child(work) -> int:  # type: ignore[no-untyped-def]
    """Run `work` in a forked process and return how it ended (negative: the signal)."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill_at(count: int, but: str = ""):  # type: ignore[no-untyped-def]
    """A pause that kills the process at its count-th call; steps of the action `but` do not count."""
    left = [count]

    def pause(step: Step) -> None:
        left[0] -= step.action != but
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return pause


def requests_by_recipient(world: World) -> Counter[str]:
    return Counter(r for letter in world.stage.mail.log for r in letter.recipients)


def step_by_step(world: World, now: datetime, but: str = "") -> int:
    """Run the round's steps, killed after each one, until a run finds nothing to do; returns the kills."""
    kills = 0
    while (ended := in_child(lambda: carry_out(world.open(), ROUND, now, kill_at(1, but)))) == -signal.SIGKILL:
        kills += 1
        assert kills < 40
    assert ended == 0
    return kills


def send(world: World, now: datetime) -> None:
    house = world.open()
    smtp.send_due(house.ledger, house.settings.mail, now)
    smtp.send_due(house.ledger, house.settings.mail, now)


@pytest.mark.slow
def test_killed_after_every_step_of_a_whole_round_each_letter_leaves_once(world: World) -> None:
    plan = world.open().plan(ROUND)
    bodies = len(plan.bodies)
    kills = []
    for milestone in ("open", "remind-1", "chase-1", "close"):
        now = plan.instant_of(next(m for m in plan.milestones if m.key == milestone))
        kills.append(step_by_step(world, now, but="ask_approval"))  # it stays due until the leader has decided
        send(world, now)
    assert in_child(lambda: carry_out(world.open(), ROUND, now, kill_at(1))) == -signal.SIGKILL
    send(world, now)
    view = reporting.waiting(world.open(), ROUND)
    assert view is not None
    reporting.decide(world.open(), ROUND, view.version, view.digest, "approved", "Phó Chủ tịch", "", now)
    assert in_child(lambda: carry_out(world.open(), ROUND, now, kill_at(1))) == -signal.SIGKILL
    number = numbering.waiting_number(world.open(), ROUND)
    assert number is not None
    for before_commit in (True, False):
        assert in_child(partial(number_and_die, world, number, now, before_commit=before_commit)) == -signal.SIGKILL
    kills.append(step_by_step(world, now))
    send(world, now)
    assert kills == [bodies + 1, bodies, bodies, bodies + 2, 1]  # the second chase, close, draft; then sending on
    assert_sent_as_recorded(world)
    assert requests_by_recipient(world) == Counter(
        {b.emails[0]: 4 for b in plan.bodies}
        | {world.settings.mail.address: 2}  # it waits for the leader, then for its number
        | dict.fromkeys(world.settings.office.report_emails, 1)
    )
    ids = [email.message_from_bytes(letter.raw)["Message-ID"] for letter in world.stage.mail.log]
    assert len(ids) == len(set(ids))


def number_and_die(world: World, view: reporting.ReportView, now: datetime, *, before_commit: bool) -> None:
    if before_commit:
        numbering.record = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)  # its files lie there already
    day = world.open().local(now).date()
    numbering.give_number(world.open(), ROUND, view.version, view.digest, "12", day, "Văn thư", now)
    os.kill(os.getpid(), signal.SIGKILL)


def assert_sent_as_recorded(world: World) -> None:
    """Each addressee got the bytes on record, and the ledger says so."""
    with world.open().ledger.begin() as session:
        report = session.scalars(select(Report)).one()
        there = sending.receipts(session, report.id)
    wanted = [report.final_docx_sha, report.outward_xlsx_sha]
    addressees = world.settings.office.report_emails
    letters = {x.recipients[0]: x for x in world.stage.mail.log if x.recipients[0] in addressees}
    assert {r.recipient for r in there} == set(letters)
    for receipt in there:
        letter = email.message_from_bytes(letters[receipt.recipient].raw, policy=policy.default)
        assert letter["Message-ID"] == receipt.message_id
        assert [sha256(part.get_content()).hexdigest() for part in letter.iter_attachments()] == wanted
        assert (receipt.state, receipt.digest) == ("sent", report.sent_digest)
        assert receipt.accepted_at is not None


@pytest.mark.slow
def test_killed_while_sending_no_letter_is_lost_and_a_repeat_has_the_same_message_id(world: World) -> None:
    now = at(5, 20)
    carry_out(world.open(), ROUND, now)
    sent = world.stage.mail.log

    def send_and_die() -> None:
        house = world.open()
        before = len(sent)
        deliver = smtp.deliver

        def deliver_some(*args, **kwargs):  # type: ignore[no-untyped-def]
            outcome = deliver(*args, **kwargs)
            if before is not None:
                counter.append(1)
            if len(counter) == 5:
                os.kill(os.getpid(), signal.SIGKILL)  # the server has it, the ledger does not know
            return outcome

        counter: list[int] = []
        smtp.deliver = deliver_some
        smtp.send_due(house.ledger, house.settings.mail, now)

    assert in_child(send_and_die) == -signal.SIGKILL
    later = at(5, 20, 14)  # leases have run out
    house = world.open()
    smtp.send_due(house.ledger, house.settings.mail, later)
    received = requests_by_recipient(world)
    bodies = house.plan(ROUND).bodies
    assert set(received) == {b.emails[0] for b in bodies}
    assert sum(received.values()) - len(bodies) <= 1  # only the letter in flight may arrive twice


@pytest.mark.slow
def test_killed_before_and_after_every_letter_is_taken_in_each_is_recorded_and_acknowledged_once(world: World) -> None:
    now = at(5, 20)
    house = world.open()
    carry_out(house, ROUND, now)
    send(world, now)
    written = [line for body in world.cast() for line in body.play(now, "open")]
    imap.collect(house.ledger, house.settings.mail, now)

    def take_in_and_die(*, before_commit: bool) -> None:
        whole = intake._record_outcome if before_commit else intake._process

        def then_die(*args):  # type: ignore[no-untyped-def]
            whole(*args)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(intake, "_record_outcome" if before_commit else "_process", then_die)
        intake.process_stored(world.open(), now)

    kills = 0
    while in_child(partial(take_in_and_die, before_commit=kills % 2 == 0)) == -signal.SIGKILL:
        kills += 1
    assert kills >= 2 * len(written)  # every letter twice: once before its commit, once after it
    with world.open().ledger.begin() as session:
        letters = session.scalars(select(LetterIn)).all()
        acks = session.scalars(select(LetterOut).where(LetterOut.kind == "ack")).all()
        filed = session.scalars(select(Submission.letter_in_id)).all()
    answered = [x for x in letters if x.verdict not in ("auto_reply", "bounce")]
    assert {x.state for x in letters} == {"done"}
    assert {a.idem_key for a in acks} == {f"ack:{x.raw_sha}" for x in answered}
    assert len(filed) == len(set(filed)) == sum(x.verdict in ("answer", "needs_correction") for x in letters)
