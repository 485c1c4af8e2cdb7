"""A server that takes several commands at once (RFC 2920) is told all of them, and every answer is understood."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.mailroom.builders import put
from tests.mailroom.raw_server import Fault, Misbehaving, misbehaving
from tests.mailroom.test_smtp import NOW, stored, without_login, write_request
from treem.ledger.store import Ledger
from treem.ledger.tables import LetterBytes, LetterOut
from treem.mailroom import line
from treem.mailroom.smtp import SendTally, send_due


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Misbehaving]:
    fault, more = request.param
    with misbehaving(fault, offers="PIPELINING", **more) as raw:
        yield raw


def server_that(fault: Fault, **more: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("server", [(fault, more)], indirect=True, ids=[fault])


def two_letters(ledger: Ledger, server: Misbehaving) -> None:
    with ledger.begin() as session:
        for number in (1, 2):
            put(session, without_login(server.port), f"notice:{number}", kind="notice")


def states(ledger: Ledger) -> list[tuple[str, str | None]]:
    with ledger.begin() as session:
        return list(session.execute(select(LetterOut.state, LetterOut.last_code).order_by(LetterOut.id)).tuples())


@server_that("after_data")
def test_letters_arrive_byte_for_byte_and_what_is_lost_after_data_is_unknown(
    ledger: Ledger, server: Misbehaving
) -> None:
    mail = without_login(server.port)
    write_request(ledger, mail)
    assert send_due(ledger, mail, NOW) == SendTally(unknown=1)
    assert send_due(ledger, mail, NOW + timedelta(minutes=5)) == SendTally(sent=1)
    assert server.received == [stored(ledger)] * 2


@server_that("before_data")
def test_lost_before_data_is_tried_again(ledger: Ledger, server: Misbehaving) -> None:
    mail = without_login(server.port)
    write_request(ledger, mail)
    assert send_due(ledger, mail, NOW) == SendTally(retry=1)
    assert server.received == []
    assert send_due(ledger, mail, NOW + timedelta(minutes=5)) == SendTally(sent=1)


@server_that("at_mail_421")
def test_421_ends_the_pass(ledger: Ledger, server: Misbehaving) -> None:
    two_letters(ledger, server)
    assert send_due(ledger, without_login(server.port), NOW) == SendTally(retry=1, paused=1)
    assert states(ledger) == [("retry", "421 4.3.2"), ("queued", None)]


@pytest.mark.parametrize("said", ["", "554 5.5.1 No valid recipients", "250 2.0.0 OK"])
def test_a_refused_recipient_has_failed_and_the_next_letter_goes_over_the_same_connection(
    ledger: Ledger, said: str
) -> None:
    with misbehaving("at_rcpt", offers="PIPELINING", waits_for_nobody=said) as server:
        two_letters(ledger, server)
        assert send_due(ledger, without_login(server.port), NOW) == SendTally(failed=1, sent=1)
        with ledger.begin() as session:
            raws = session.scalars(select(LetterBytes.raw).order_by(LetterBytes.letter_out_id)).all()
        assert states(ledger) == [("failed", "550 5.1.1"), ("sent", "250 2.0.0")]
        assert server.received == [raws[1]]
        assert server.for_nobody == ([b""] if said else [])  # not a byte of the letter
        assert server.connections == 1


def test_a_line_that_begins_with_a_dot_is_quoted() -> None:
    raw = b"Subject: x\r\n\r\n.\r\n..a\r\n.b"
    with misbehaving("after_data", faults=0, offers="PIPELINING") as server:
        with line.Line(without_login(server.port)) as connection:
            assert line.deliver(connection.opened(), "a@b.test", "c@d.test", raw).end == "sent"
        assert server.received == [b"Subject: x\r\n\r\n..\r\n...a\r\n..b\r\n"]


@pytest.mark.parametrize("offers", ["PIPELINING", "HELP"])
def test_a_command_is_one_line(offers: str) -> None:
    with misbehaving("after_data", faults=0, offers=offers) as server, line.Line(without_login(server.port)) as opened:
        smtp = opened.opened()
        with pytest.raises(ValueError, match="one line"):
            line._ask(smtp, ["MAIL FROM:<a@b.test>\r\nDATA"])
