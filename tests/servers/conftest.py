"""Real servers for every test that asks; where they are not installed the test is skipped and says what is missing."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.ledger.conftest import url as url  # SQLite, and PostgreSQL where there is one
from tests.mailroom.builders import OFFICE, PASSWORD
from tests.servers import dovecot as dovecot_room
from tests.servers import postfix as postfix_room
from tests.servers.authority import Authority, Certificate
from tests.servers.dovecot import Dovecot
from tests.servers.loopback import missing, state_folder
from tests.servers.post_office import PostOffice, post_office
from treem.ledger.store import Ledger, open_ledger

NewDovecot = Callable[..., Dovecot]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if reason := missing(openssl="openssl"):
        pytest.skip(reason)
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Certificate:
    """For localhost by name; by number it is another host."""
    return authority.vouch_for("DNS:localhost")


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process trusts the authority, as an office's machine trusts the public ones."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", tmp_path / "originals")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def either_ledger(url: str, tmp_path: Path) -> Iterator[Ledger]:
    """On SQLite, then on PostgreSQL."""
    opened = open_ledger(url, tmp_path / "originals")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def new_dovecot() -> Iterator[NewDovecot]:
    """Start a Dovecot that differs from the usual one."""
    if reason := dovecot_room.why_not():
        pytest.skip(reason)
    with ExitStack() as stack:

        def start(**changes: Any) -> Dovecot:
            folder = stack.enter_context(state_folder("dovecot"))
            return stack.enter_context(Dovecot(folder, **{"users": {OFFICE: PASSWORD}} | changes))

        yield start


@pytest.fixture
def dovecot(new_dovecot: NewDovecot) -> Dovecot:
    """The office's mailbox."""
    return new_dovecot()


@pytest.fixture(scope="module")
def post_for_all(certificate: Certificate) -> Iterator[PostOffice]:
    if reason := dovecot_room.why_not() or postfix_room.why_not():
        pytest.skip(reason)
    with post_office(certificate) as running:
        yield running


@pytest.fixture
def post(post_for_all: PostOffice, trusted: None) -> PostOffice:  # noqa: ARG001
    """Postfix and Dovecot, trusted, with every mailbox empty."""
    post_for_all.empty()
    return post_for_all
