"""`treem doctor`: the looks of `treem.keeping.doctor`, and those at Prefect, which is imported only to be looked at.

Whether a runner lives is told by its runs: the mailbox is collected every ten minutes, so with no run begun for half an
hour, or runs that are late, nobody carries them out.
"""

import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from treem.cli.base import JsonOption, app, console, named_errors, now, print_json
from treem.keeping.doctor import Finding, look

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

QUIET = timedelta(minutes=30)
LATE = timedelta(minutes=5)
WORDS = {"ok": "tốt", "warning": "lưu ý", "broken": "HỎNG"}
START = "Hãy khởi động máy chủ Prefect (xem docs/van-hanh.md) và kiểm tra PREFECT_API_URL."
SERVE = "Hãy khởi động: python -m flows.deployments serve; xem nhật ký của nó nếu nó vừa dừng."


@app.command("doctor")
def doctor(
    send: Annotated[bool, typer.Option("--send", help="Gửi thêm một thư thử tới chính hộp thư và đợi thư về.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Khám hệ thống: cấu hình, mật khẩu, sổ, đĩa, thư, đồng hồ, LibreOffice, phông chữ, Prefect; kèm cách sửa."""
    with named_errors():
        moment = now()
        found = [*look(os.environ, moment, send), *prefect(moment)]
    if as_json:
        print_json([asdict(line) for line in found])
    else:
        table = Table("Mục", "Tình trạng", "Thấy", "Cách xử lý")
        for line in found:
            table.add_row(*map(escape, (line.what, WORDS[line.state], line.found, line.remedy)))
        table.columns[2].overflow = table.columns[3].overflow = "fold"
        console.print(table)
    if any(line.state == "broken" for line in found):
        raise typer.Exit(1)


def prefect(moment: datetime) -> Iterator[Finding]:
    """What the Prefect server says of itself, of the deployments and of the runs."""
    if not os.environ.get("PREFECT_API_URL"):
        yield Finding("Prefect", "broken", "chưa có PREFECT_API_URL", START)
        return
    from flows import applying  # starts Prefect
    from flows.deployments import deployments

    try:
        with applying.talking() as client:
            yield Finding("Prefect", "ok", "máy chủ trả lời")
            wanted = {f"{d.flow_name}/{d.name}" for d in deployments()}
            there = {f"{client.read_flow(d.flow_id).name}/{d.name}" for d in client.read_deployments()}
            if missing := sorted(wanted - there):
                yield Finding("Prefect", "broken", f"chưa đăng ký: {', '.join(missing)}", SERVE)
            else:
                yield Finding("Prefect", "ok", f"đã đăng ký đủ {len(wanted)} luồng việc")
            yield from _runs(client, moment)
    except applying.NoPrefect:
        yield Finding("Prefect", "broken", "máy chủ không trả lời", START)
    except Exception as error:  # whatever the server answers instead: one line, never a traceback with its address
        yield Finding("Prefect", "broken", f"máy chủ trả lời không như mong đợi ({type(error).__name__})", START)


def _runs(client: "SyncPrefectClient", moment: datetime) -> Iterator[Finding]:
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterExpectedStartTime,
        FlowRunFilterStartTime,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType

    late = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            expected_start_time=FlowRunFilterExpectedStartTime(before_=moment - LATE),
        ),
        limit=200,
    )
    begun = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(start_time=FlowRunFilterStartTime(after_=moment - QUIET)), limit=1
    )
    if begun:
        yield Finding("Nơi chạy", "ok", "có lượt chạy trong 30 phút qua")
    else:
        yield Finding("Nơi chạy", "broken", "30 phút qua không có lượt chạy nào bắt đầu", SERVE)
    if late:
        yield Finding("Nơi chạy", "broken", f"{len(late)} lượt chạy đã quá giờ mà chưa bắt đầu", SERVE)
