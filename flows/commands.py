"""The `treem` script: the plain commands of `treem.cli`, and those that need Prefect."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from flows import doctor  # noqa: F401 (adds a command)
from treem.cli import ConfigOption, JsonOption, app, console, fail, list_letters, named_errors
from treem.cli.base import now, print_json
from treem.plan.load import load_settings


@app.command("rehearse")
def rehearse(
    round_key: Annotated[str | None, typer.Argument(metavar="[ĐỢT]")] = None,
    year: Annotated[int | None, typer.Option(help="Diễn tập trọn một năm, mọi hoạt động.", min=2001, max=2050)] = None,
    letters: Annotated[bool, typer.Option("--letters", help="Chỉ liệt kê thư của cả năm; không gửi gì.")] = False,
    out: Annotated[Path | None, typer.Option(help="Thư mục kết quả; mặc định là var/dien-tap.")] = None,
    seed: Annotated[int, typer.Option(help="Hạt giống: quyết định đơn vị nào trả lời thế nào.")] = 1,
    as_json: JsonOption = False,
    ui: Annotated[bool, typer.Option("--ui", help="Để giao diện Prefect chạy tiếp cho đến khi nhấn Ctrl-C.")] = False,
    config: ConfigOption = Path("config"),
) -> None:
    """Diễn tập trọn một đợt, hoặc cả năm (--year), qua thư điện tử thật; đồng hồ tua nhanh, cơ quan do máy đóng vai."""
    if (round_key is None) == (year is None) or (letters and year is None):
        fail("Hãy ghi một đợt (ví dụ bao-cao-6-thang/2027) hoặc một năm (--year 2027); --letters đi cùng --year.", 2)
    with named_errors():
        if letters:
            list_letters(config, year or 0, as_json)
        else:
            _live_through(round_key, year or 0, config, out or Path("var/dien-tap"), seed, as_json, ui)


def _live_through(
    round_key: str | None, year: int, config: Path, out: Path, seed: int, as_json: bool, ui: bool
) -> None:
    from flows.rehearsal import Rehearsal, RehearsalRefused, Result, RoundRehearsal, YearRehearsal  # starts Prefect
    from flows.server import ServerDown

    def tell(result: Result) -> None:
        if as_json:
            sys.stdout.write(json.dumps(result.summary, ensure_ascii=False, indent=2) + "\n")
            sys.stdout.flush()
        elif round_key:
            _tell_round(result.summary, result.differences)
        else:
            _tell_year(result.summary, result.differences)

    shared = (config, out, seed, Console(stderr=True) if as_json else console)
    rehearsal: Rehearsal = RoundRehearsal(round_key, *shared) if round_key else YearRehearsal(year, *shared)
    try:
        result = rehearsal.run(tell, keep_ui=ui)
    except (RehearsalRefused, ServerDown) as error:
        fail(str(error), 2)
        return
    if result.differences:
        raise typer.Exit(1)


def _tell_round(summary: dict[str, Any], differences: list[str]) -> None:
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
    _tell_end(summary, differences, "sổ tổng hợp")


def _tell_year(summary: dict[str, Any], differences: list[str]) -> None:
    table = Table("Đợt", "Được hỏi", "Chấp nhận", "Muộn", "Chưa nộp", "Thư đi", title=f"Diễn tập năm {summary['year']}")
    for line in summary["rounds"]:
        shown = ("bodies", "accepted", "late", "missing", "letters_out")
        table.add_row(line["title"], *(str(line[key]) for key in shown))
    console.print(table)
    _tell_end(summary, differences, "báo cáo năm")


def _tell_end(summary: dict[str, Any], differences: list[str], where: str) -> None:
    for path in summary["documents"]:
        console.print(f"Tài liệu: {path}", soft_wrap=True)
    for line in differences:
        console.print(f"[red]KHÁC:[/red] {line}", soft_wrap=True)
    if not differences:
        console.print(f"Mọi số liệu trong {where} ({len(summary['totals'])}) đúng như các cơ quan định báo.")


@app.command("apply")
def apply_plan(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Chỉ cho xem sẽ đổi gì; không đổi gì.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = Path("config"),
) -> None:
    """Đưa kế hoạch vào Prefect: nơi chạy, lịch và các mốc của 400 ngày tới; làm lại bao nhiêu lần cũng được."""
    with named_errors():
        settings = load_settings(config, os.environ)
        from flows import applying  # starts Prefect

        try:
            with applying.talking() as client:
                outlook = applying.look(client, settings, now())
                for line in () if as_json else applying.words(outlook):
                    console.print(line, markup=False, highlight=False, soft_wrap=True)
                if not dry_run:
                    applying.apply(client, outlook)
        except applying.NoPrefect as error:
            fail(str(error))
        if as_json:
            print_json(applying.data(outlook, dry_run))
        else:
            console.print(applying.last_word(outlook, dry_run), markup=False, soft_wrap=True)


def main() -> None:
    """Start the command with Prefect's telemetry off, before anything imports Prefect."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    app()
