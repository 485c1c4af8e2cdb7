"""Which accounts are left alone, and until when."""

from datetime import timedelta

import pytest

from tests.mailroom.builders import NOW, account, mail_for, put
from tests.mailroom.raw_server import misbehaving
from treem.ledger.store import Ledger
from treem.mailroom import accounts
from treem.mailroom.accounts import LOGIN, LOGIN_REFUSED, Pause, pauses
from treem.mailroom.errors import LoginRefused
from treem.mailroom.smtp import send_due


def test_a_pause_is_known_with_its_reason_until_it_ends(ledger: Ledger) -> None:
    with misbehaving("at_login") as raw:
        mail = mail_for(smtp=account("127.0.0.1", raw.port))
        with ledger.begin() as session:
            put(session, mail)
        with pytest.raises(LoginRefused):
            send_due(ledger, mail, NOW)
    end = NOW + LOGIN_REFUSED
    assert pauses(ledger, mail, NOW) == (Pause("smtp", end, LOGIN),)
    assert pauses(ledger, mail, end) == ()


def test_only_the_accounts_of_the_settings_count_sending_first(ledger: Ledger) -> None:
    mail, other = mail_for(), account("127.0.0.1", 9, user="truoc-day")
    later = NOW + timedelta(minutes=15)
    accounts.pause(ledger, "imap", mail.imap, LOGIN, later, NOW)
    accounts.pause(ledger, "smtp", other, LOGIN, later, NOW)
    assert pauses(ledger, mail, NOW) == (Pause("imap", later, LOGIN),)
    accounts.pause(ledger, "smtp", mail.smtp, "421 4.3.2", later, NOW)
    assert pauses(ledger, mail, NOW) == (Pause("smtp", later, "421 4.3.2"), Pause("imap", later, LOGIN))
    accounts.resume(ledger, "smtp", mail.smtp, NOW)
    accounts.resume(ledger, "imap", mail.imap, NOW)
    assert pauses(ledger, mail, NOW) == ()
