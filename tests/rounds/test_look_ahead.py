"""The look-ahead writes about a round only when it has read what lies in the mailbox. Without Prefect's engine."""

import logging
from types import SimpleNamespace

import pytest
from prefect.states import Completed, Failed, State

from flows import agenda, reconcile


@pytest.mark.parametrize(
    ("fetched", "then"),
    [
        (Completed(data={"stored": 2, "paused": 0}), "advance"),
        (Completed(data={"stored": 0, "paused": 1}), "send_and_show"),
        (Failed(message="máy chủ không trả lời"), "send_and_show"),
    ],
    ids=["read", "paused", "down"],
)
def test_nobody_is_chased_for_a_letter_that_could_not_be_read(
    monkeypatch: pytest.MonkeyPatch, fetched: State[dict[str, int]], then: str
) -> None:
    calls: list[str] = []

    def called(name: str, answer: object = None) -> object:
        return lambda *_, **__: calls.append(name) or answer

    monkeypatch.setattr(reconcile, "line_up", lambda _now: {})
    monkeypatch.setattr(agenda, "get_run_logger", lambda: logging.getLogger(__name__))
    letters = {"collect_letters": fetched, "process_letters": {}, "write_digest": False}
    monkeypatch.setattr(agenda, "mailbox", SimpleNamespace(**{k: called(k, v) for k, v in letters.items()}))
    monkeypatch.setattr(agenda, "rounds", SimpleNamespace(rounds_in_motion=lambda _now: ["bao-cao-6-thang/2027"]))
    monkeypatch.setattr(agenda, "advance", called("advance", {"chase": 3}))
    monkeypatch.setattr(agenda, "send_and_show", called("send_and_show"))
    assert agenda.look_ahead.fn("2027-06-15T06:00:00+07:00") == ({"chase": 3} if then == "advance" else {})
    assert calls == ["collect_letters", "process_letters", "write_digest", then]
