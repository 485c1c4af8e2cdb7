"""The flows of a round: carrying out what is due, the leader's decision on the report, its number and date.

One flow serves reports, inspections, events and trainings alike: they differ in configuration only.
"""

from collections.abc import Sequence
from datetime import date
from enum import Enum
from itertools import count
from typing import Any, Literal

from prefect import flow, get_run_logger, runtime
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field, create_model

from tasks import approvals, mailbox, rounds
from tasks.approvals import APPROVAL, NUMBER
from tasks.door import house
from tasks.naming import LOOK, approval_name, number_name, step_name
from treem.rounds.numbering import NUMBER_PATTERN


class Decision(Enum):
    """The leader's two choices, as the form shows them."""

    approved = "Phê duyệt"
    returned = "Trả lại để sửa"


class ApprovalForm(RunInput):
    """Quyết định của lãnh đạo về dự thảo báo cáo."""

    decision: Decision = Field(title="Quyết định")
    decided_by: str = Field(title="Người phê duyệt", description="Họ và tên, chức vụ", min_length=3)
    remark: str = Field(default="", title="Ý kiến", description="Cần sửa gì, hoặc ý kiến chỉ đạo (có thể để trống)")
    named: str = Field(
        default="",
        title="Nội dung cần sửa (khi trả lại)",
        description="Mã mục, chỉ tiêu, đơn vị, ví dụ: III.3, LD-11, 03424. Đơn vị được nêu sẽ nhận thư kiểm tra lại.",
    )


class NumberForm(RunInput):
    """Số và ngày của báo cáo, đúng như Văn thư đã ghi trong sổ đăng ký văn bản đi."""

    number: str = Field(
        title="Số", description="Chỉ ghi phần số Văn thư đã cấp: 12 hoặc 12a; ký hiệu có sẵn", pattern=NUMBER_PATTERN
    )
    signed_on: date = Field(
        title="Ngày ban hành", description="Ngày ghi trên văn bản: không sau hôm nay, không trước ngày phê duyệt"
    )
    given_by: str = Field(title="Người nhập", description="Họ và tên, hoặc Văn thư", min_length=3)


def _step_run_name() -> str:
    given = runtime.flow_run.parameters
    return step_name(given["round_key"], given["milestone"])


def _approval_run_name() -> str:
    given = runtime.flow_run.parameters
    return approval_name(given["round_key"], given["version"])


def _number_run_name() -> str:
    given = runtime.flow_run.parameters
    return number_name(given["round_key"], given["version"])


@flow(name="Bước của đợt báo cáo", flow_run_name=_step_run_name)
def advance_round(round_key: str, milestone: str = LOOK, now: str | None = None) -> dict[str, int]:
    """Carry out whatever is due in one round. `milestone` only names the run: the ledger knows what is missing."""
    del milestone
    return advance([round_key], now)


@flow(name=APPROVAL.flow, flow_run_name=_approval_run_name)
def approve_report(round_key: str, version: int, digest: str, now: str | None = None) -> str:
    """Wait for the leader, for days if need be, without a process; record the decision; send the report on.

    After the answer Prefect runs this from the top: everything before the suspension only reads.
    """
    view = approvals.waiting_report(round_key, version, digest)
    form = approval_form(house().settings.office.approvers)
    answer = suspend_flow_run(
        wait_for_input=form.with_initial_data(description=view["summary_md"]),
        timeout=None,
        key=f"ban-{version}",
    )
    decision: Literal["approved", "returned"] = "approved" if answer.decision is Decision.approved else "returned"
    given = (answer.decided_by, answer.remark, answer.named)
    approvals.record_decision(round_key, version, digest, decision, *given, now)
    advance([round_key], now)
    return answer.decision.value


@flow(name=NUMBER.flow, flow_run_name=_number_run_name)
def number_report(round_key: str, version: int, digest: str, now: str | None = None) -> str:
    """Wait for the number and date the registry clerk assigned; record them; send the report on.

    What cannot be is asked again, with the reason over the form. After each answer Prefect runs this from the top:
    recording an answer again changes nothing.
    """
    view, refused = approvals.waiting_number(round_key, version, digest), ""
    for attempt in count(1):
        answer = suspend_flow_run(
            wait_for_input=NumberForm.with_initial_data(description=view["summary_md"] + refused),
            timeout=None,
            key=f"so-{version}-{attempt}",
        )
        given = (answer.number, answer.signed_on, answer.given_by)
        problem = approvals.record_number(round_key, version, digest, *given, now)
        if not problem:
            break
        refused = f"\n\n**Chưa ghi được:** {problem}"
    advance([round_key], now)
    return f"{answer.number} ngày {answer.signed_on:%d/%m/%Y}"


def advance(round_keys: Sequence[str], now: str | None) -> dict[str, int]:
    """Carry out, ask for decisions, send, show: the same few task runs however many bodies a round has."""
    done: dict[str, int] = {}
    for key in round_keys:
        steps = rounds.carry_out_round(key, now)
        approvals.ask_for_decision(key, "ask_approval" in steps, now)
        approvals.ask_for_number(key, "ask_number" in steps, now)
        done |= {action: done.get(action, 0) + count for action, count in steps.items()}
    send_and_show(round_keys, now)
    get_run_logger().info("Việc đã làm: %s", done or "không có việc đến hạn")
    return done


def send_and_show(round_keys: Sequence[str], now: str | None) -> None:
    """Send what is due and update the boards; a mail server that is down does not hide the boards."""
    sent = mailbox.send_letters(now, return_state=True)
    for key in round_keys:
        rounds.show_round(key, now)
    get_run_logger().info("Thư đi: %s", sent.result())


def approval_form(approvers: Sequence[str]) -> type[ApprovalForm]:
    """The form; where the office names its approvers, only one of them can be chosen."""
    if not approvers:
        return ApprovalForm
    names: Any = Enum("Approver", [(name, name) for name in approvers], type=str)  # type: ignore[misc]
    title = Field(title="Người phê duyệt", description="Chọn người có thẩm quyền")
    return create_model("ApprovalForm", __base__=ApprovalForm, decided_by=(names, title))
