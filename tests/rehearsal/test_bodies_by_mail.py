"""The simulated bodies over real SMTP and IMAP: all kinds through a whole round."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.rehearsal.form_builder import OFFICE, TOKEN, acknowledging, asking
from treem.rehearsal.behaviours import SILENT, assign, rng_for
from treem.rehearsal.bodies import SimulatedBody
from treem.rehearsal.mail_server import EmbeddedMail
from treem.rehearsal.postbox import Postbox

PASSWORD = "dien-tap"
ADDRESSES = [f"xa-{number}@tamduong.test" for number in range(28)]
ROUND = ("open", "remind-1", "remind-2", "due", "chase-1", "chase-2")


@pytest.fixture
def mail() -> Iterator[EmbeddedMail]:
    with EmbeddedMail(dict.fromkeys([OFFICE, *ADDRESSES], PASSWORD)) as server:
        yield server


def postbox(mail: EmbeddedMail, address: str) -> Postbox:
    return Postbox(address, PASSWORD, mail.smtp, mail.imap)


def test_letters_come_once_and_go_to_the_plus_address(mail: EmbeddedMail) -> None:
    mine, office = postbox(mail, ADDRESSES[0]), postbox(mail, OFFICE)
    assert mine.new_letters() == []
    mail.inject(ADDRESSES[0], asking(ADDRESSES[0]))
    (letter,) = mine.new_letters()
    assert (letter.asks, letter.token) == (True, TOKEN)
    assert mine.new_letters() == []
    mail.inject(ADDRESSES[0], acknowledging(ADDRESSES[0], "<1@tamduong.test>", "Đã nhận đủ số liệu."))
    (ack,) = mine.new_letters()
    assert not ack.asks
    assert ack.text.strip() == "Đã nhận đủ số liệu."
    mine.send(acknowledging(OFFICE, "<2@tamduong.test>", "…"), letter.reply_to)
    assert mail.log[-1].recipients == (f"treem+{TOKEN}@tamduong.test",)
    assert [found.in_reply_to for found in office.new_letters()] == ["<2@tamduong.test>"]
    mine.close()
    office.close()


def test_every_kind_lives_through_a_round(mail: EmbeddedMail) -> None:
    roles = assign(ADDRESSES, 1)
    bodies = [
        SimulatedBody(a, f"UBND {a[:5]}", a, PASSWORD, mail.smtp, mail.imap, roles[a], rng_for(1, a)) for a in ADDRESSES
    ]
    office = postbox(mail, OFFICE)
    written = []
    for number, milestone in enumerate(ROUND, 1):
        now = datetime(2027, 5, number, 9, tzinfo=UTC)
        for body in bodies:
            if milestone != "due" and not body.counts:
                mail.inject(body.address, asking(body.address, number))
        for _ in range(2):
            written += [line for body in bodies for line in body.play(now, milestone)]
            for letter in office.new_letters():
                named = "Số liệu: ô D8, D10, D12, D14, D15 cần xem lại."
                mail.inject(letter.reply_to, acknowledging(letter.reply_to, letter.message_id, named))
    assert len(written) == sum(body.letters_sent for body in bodies) == len(mail.log)
    assert {b.body_code for b in bodies if not b.counts} == {a for a in ADDRESSES if roles[a].kind in SILENT}
    assert [b.named_mistake for b in bodies if b.behaviour.kind == "mistake_then_corrected"] == [True, True]
    assert [line for body in bodies for line in body.complaints] == []
    for box in (*bodies, office):
        box.close()
