"""What every test may count on."""

from collections.abc import Iterator

import pytest

from treem.cli import console

WIDE = 400


@pytest.fixture(autouse=True)
def wide_screen() -> Iterator[None]:
    """No cell of a table is broken over lines, whatever screen the tests are run from."""
    before, console.width = console._width, WIDE
    yield
    console._width = before
