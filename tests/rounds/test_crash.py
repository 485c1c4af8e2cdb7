"""kill -9 at each step boundary of opening a round and of sending: no letter twice, none lost."""

import os
import signal
from collections import Counter

import pytest

from tests.rounds.conftest import ROUND, World, at
from treem.mailroom import smtp
from treem.rounds.steps import carry_out


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


def kill_at(count: int):  # type: ignore[no-untyped-def]
    """A pause that kills the process at its count-th call."""
    left = [count]

    def pause(_step: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return pause


def requests_by_recipient(world: World) -> Counter[str]:
    return Counter(r for letter in world.stage.mail.log for r in letter.recipients)


@pytest.mark.slow
def test_killed_after_every_step_of_opening_each_body_is_asked_once(world: World) -> None:
    now = at(5, 20)
    boundaries, ended = 0, -signal.SIGKILL
    while ended == -signal.SIGKILL:
        boundaries += 1
        ended = in_child(lambda: carry_out(world.open(), ROUND, now, pause=kill_at(1)))
        assert boundaries < 60
    assert ended == 0
    bodies = world.open().plan(ROUND).bodies
    assert boundaries == len(bodies) + 2  # the round, one letter a body, and the run that finds nothing to do
    house = world.open()
    smtp.send_due(house.ledger, house.settings.mail, now)
    smtp.send_due(house.ledger, house.settings.mail, now)
    assert requests_by_recipient(world) == Counter(b.emails[0] for b in bodies)


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
