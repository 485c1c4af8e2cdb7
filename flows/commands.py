"""The `treem` script: the plain commands of `treem.cli`, and those that need Prefect."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from treem.cli import ConfigOption, JsonOption, app, console, named_errors


@app.command("rehearse")
def rehearse_round(
    round_key: Annotated[str, typer.Argument(metavar="ĐỢT")],
    out: Annotated[Path | None, typer.Option(help="Thư mục kết quả; mặc định là var/dien-tap.")] = None,
    seed: Annotated[int, typer.Option(help="Hạt giống: quyết định đơn vị nào trả lời thế nào.")] = 1,
    as_json: JsonOption = False,
    ui: Annotated[bool, typer.Option("--ui", help="Để giao diện Prefect chạy tiếp cho đến khi nhấn Ctrl-C.")] = False,
    config: ConfigOption = Path("config"),
) -> None:
    """Diễn tập trọn một đợt qua thư điện tử thật, đồng hồ tua nhanh, các cơ quan do máy đóng vai."""
    from flows.rehearsal import Rehearsal, RehearsalRefused, Result  # starts Prefect: not for every command
    from flows.server import ServerDown

    def tell(result: Result) -> None:
        if as_json:
            sys.stdout.write(json.dumps(result.summary, ensure_ascii=False, indent=2) + "\n")
            sys.stdout.flush()
        else:
            _tell(result.summary, result.differences)

    with named_errors():
        screen = Console(stderr=True) if as_json else console
        try:
            result = Rehearsal(round_key, config, out or Path("var/dien-tap"), seed, screen).run(tell, keep_ui=ui)
        except (RehearsalRefused, ServerDown) as error:
            Console(stderr=True, style="red").print(str(error), markup=False)
            raise typer.Exit(2) from None
        if result.differences:
            raise typer.Exit(1)


def _tell(summary: dict[str, object], differences: list[str]) -> None:
    words = {
        "bodies": "Cơ quan được hỏi", "letters_out": "Thư đã gửi", "letters_in": "Thư đã nhận",
        "accepted": "Báo cáo được chấp nhận", "corrected": "Đã nộp lại bản sửa", "late": "Nộp muộn",
        "missing": "Chưa nộp", "held": "Thư chờ người xem", "bounced": "Đơn vị có thư bị trả lại",
        "reminders": "Thư nhắc, đôn đốc",
    }  # fmt: skip
    table = Table("Kết quả", "Số", title=f"Diễn tập {summary['round']}")
    for key, word in words.items():
        table.add_row(word, str(summary[key]))
    console.print(table)
    for path in summary["documents"]:  # type: ignore[attr-defined]
        console.print(f"Tài liệu: {path}", soft_wrap=True)
    for line in differences:
        console.print(f"[red]KHÁC:[/red] {line}", soft_wrap=True)
    if not differences:
        console.print(f"Mọi số liệu trong sổ tổng hợp ({len(summary['totals'])}) đúng như các cơ quan định báo.")  # type: ignore[arg-type]


def main() -> None:
    """Start the command with Prefect's telemetry off, before anything imports Prefect."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    app()
