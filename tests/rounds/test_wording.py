"""How a deadline is said."""

from datetime import date

import pytest

from treem.rounds.wording import due_text


@pytest.mark.parametrize(
    ("due", "legal_due", "said"),
    [
        ((6, 12), (6, 14), "trước ngày 15/6/2026 (chậm nhất hết ngày làm việc thứ Sáu, ngày 12/6/2026)"),
        ((6, 21), (6, 21), "trước ngày 22/6/2026 (chậm nhất hết Chủ nhật, ngày 21/6/2026)"),
    ],
    ids=["the plan's", "an extension to a Sunday"],
)
def test_a_day_is_called_a_working_day_only_where_the_last_day_is_another(
    due: tuple[int, int], legal_due: tuple[int, int], said: str
) -> None:
    assert due_text(date(2026, *due), date(2026, *legal_due)) == said
