"""What carrying out steps does to the facts, without a ledger."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from treem.plan.agenda import RequestFact, RoundFacts, RoundPlan, Step, due_steps

REPORT = {"draft": "draft", "ask_approval": "awaiting_approval", "send_on": "sent", "ask_number": "approved"}
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
    if step.action in REPORT:
        return replace(facts, report_state=REPORT[step.action])
    match step.action:
        case "choose":
            assert facts.chosen is None
            return replace(facts, chosen=frozenset(b.code for b in plan.bodies[: len(plan.bodies) // 2 + 1]))
        case "open":
            assert not facts.opened
            asked = [b.code for b in plan.bodies if facts.chosen is None or b.code in facts.chosen]
            return replace(facts, opened=True, requests=tuple(fresh(code, plan) for code in asked))
        case "close":
            assert facts.opened
            return replace(facts, closed=True)
        case "join" if step.body not in [r.body for r in facts.requests]:
            return replace(facts, requests=(*facts.requests, fresh(step.of_body, plan)))
    return replace(facts, requests=tuple(_about(r, step, plan, now) for r in facts.requests))


def _about(request: RequestFact, step: Step, plan: RoundPlan, now: datetime) -> RequestFact:
    if request.body != step.body:
        return request
    match step.action:
        case "join":
            return replace(request, closed=False, left=False)
        case "leave":
            return replace(request, closed=True, left=True)
        case "move":
            return _move(request, plan)
    return _write(request, "request" if step.action == "ask" else step.milestone, now)


def fresh(code: str, plan: RoundPlan) -> RequestFact:
    """A request as the round makes it."""
    return RequestFact(code, False, False, False, frozenset(), due=plan.due, told=plan.due)


def _move(request: RequestFact, plan: RoundPlan) -> RequestFact:
    extended = request.due and request.told and request.due > request.told
    due = request.due if extended and request.due and request.due > plan.due else plan.due
    return replace(request, due=due, told=plan.due)


def _write(request: RequestFact, stage: str, now: datetime) -> RequestFact:
    assert stage not in request.letters, f"{stage} written twice to {request.body}"
    asked_at = now if stage == "request" else request.asked_at
    return replace(request, sent=True, letters=request.letters | {stage}, asked_at=asked_at)
