"""Which failures of a step are tried again."""

import pytest
from prefect import flow, task
from sqlalchemy.exc import OperationalError

from tasks.door import STEP
from treem.mailroom.errors import (
    CertificateRefused,
    FolderMissing,
    LoginRefused,
    MailUnreachable,
    PlainRefused,
    TlsUnavailable,
)

TRIES = 1 + STEP["retries"]


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (MailUnreachable("mất mạng"), TRIES),
        (ConnectionResetError("mất kết nối"), TRIES),
        (OperationalError("BEGIN", {}, Exception("bận")), TRIES),
        *((kind("sai"), 1) for kind in (LoginRefused, PlainRefused, TlsUnavailable, CertificateRefused, FolderMissing)),
        (ValueError("sai"), 1),
    ],
    ids=lambda given: type(given).__name__,
)
def test_only_what_may_pass_by_itself_is_tried_again(error: Exception, tries: int) -> None:
    tried = []

    @task(**STEP | {"retry_delay_seconds": 0})
    def fail() -> None:
        tried.append(error)
        raise error

    @flow
    def run() -> None:
        fail()

    with pytest.raises(type(error)):
        run()
    assert len(tried) == tries
