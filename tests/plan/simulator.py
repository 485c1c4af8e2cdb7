"""What carrying out steps does to the facts, without a ledger."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from treem.plan.agenda import RequestFact, RoundFacts, RoundPlan, Step, due_steps

NOTHING = RoundFacts(opened=False, requests=(), closed=False, report_state=None)


def apply(steps: Sequence[Step], facts: RoundFacts, plan: RoundPlan, now: datetime) -> RoundFacts:
    """The facts after the steps were carried out at `now`, one after another."""
    for step in steps:
        facts = _apply(step, facts, plan, now)
    return facts


def settle(facts: RoundFacts, plan: RoundPlan, now: datetime) -> tuple[RoundFacts, list[Step]]:
    """Look and apply until nothing changes any more; the facts, and the steps that changed something."""
    done: list[Step] = []
    for _ in range(6):
        steps = due_steps(plan, facts, now)
        after = apply(steps, facts, plan, now)
        if after == facts:
            return facts, done
        done += steps
        facts = after
    raise AssertionError("the agenda does not come to rest")


def file(facts: RoundFacts, bodies: Sequence[str]) -> RoundFacts:
    """The facts after those bodies filed."""
    return replace(facts, requests=tuple(replace(r, filed=r.filed or r.body in bodies) for r in facts.requests))


def _apply(step: Step, facts: RoundFacts, plan: RoundPlan, now: datetime) -> RoundFacts:
    match step.action:
        case "open":
            assert not facts.opened
            fresh = tuple(RequestFact(b.code, False, False, False, frozenset()) for b in plan.bodies)
            return replace(facts, opened=True, requests=fresh)
        case "ask" | "remind" | "chase":
            stage = "request" if step.action == "ask" else step.milestone
            return replace(facts, requests=tuple(_write(r, step, stage, now) for r in facts.requests))
        case "close":
            assert facts.opened
            return replace(facts, closed=True)
        case "draft":
            return replace(facts, report_state="draft")
        case "ask_approval":
            return replace(facts, report_state="awaiting_approval")
        case "send_on":
            return replace(facts, report_state="sent")


def _write(request: RequestFact, step: Step, stage: str, now: datetime) -> RequestFact:
    if request.body != step.body:
        return request
    assert stage not in request.letters, f"{stage} written twice to {request.body}"
    asked_at = now if stage == "request" else request.asked_at
    return replace(request, sent=True, letters=request.letters | {stage}, asked_at=asked_at)
