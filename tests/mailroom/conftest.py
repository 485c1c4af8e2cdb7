"""A real ledger and a real mail server for every test that asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mailroom.builders import OFFICE, PASSWORD, XA_A, XA_B, mail_for
from treem.ledger.store import Ledger, open_ledger
from treem.plan.settings import Mail
from treem.rehearsal.mail_server import EmbeddedMail

USERS = {OFFICE: PASSWORD, XA_A: "a", XA_B: "b"}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", tmp_path / "originals")


@pytest.fixture
def server() -> Iterator[EmbeddedMail]:
    with EmbeddedMail(USERS) as running:
        yield running


@pytest.fixture
def mail(server: EmbeddedMail) -> Mail:
    return mail_for(server)
