"""The command that follows a figure back to the cell it was typed in."""

import os
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from treem.cli.base import JsonOption, RoundArgument, app, console, fail, named_errors, print_json
from treem.documents.dates import number_text
from treem.documents.provenance import Origin, lines_of
from treem.rounds.house import house_from_environment
from treem.rounds.tracing import Traced, TraceRefused, trace

HEADS = ("Đơn vị", "Phân tổ", "Giá trị", "Lần nộp", "Thư", "Tệp", "Trang, ô", "Ghi chú")


@app.command("trace")
def trace_figure(
    round_key: RoundArgument,
    indicator: Annotated[str, typer.Argument(metavar="CHỈ-TIÊU", help="Mã chỉ tiêu hoặc số liệu, ví dụ LD-24.1.")],
    body: Annotated[str | None, typer.Option("--body", metavar="ĐƠN-VỊ", help="Chỉ của đơn vị có mã này.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Nguồn gốc của một số liệu: đơn vị, lần nộp, thư, tệp, trang tính và ô."""
    with named_errors():
        try:
            found = trace(house_from_environment(os.environ), round_key, indicator, body)
        except TraceRefused as error:
            fail(str(error))
        if as_json:
            print_json([line | {"part": one.part} for one in found for line in lines_of(one.origins)])
            return
        for one in found:
            _print(one)


def _print(one: Traced) -> None:
    part = f" ({one.part})" if one.part else ""
    console.print(f"{one.figure.code}{part}: {one.figure.label} ({one.figure.unit})", markup=False, soft_wrap=True)
    if not one.origins:
        console.print("  Chưa có số liệu được chấp nhận.")
        return
    table = Table(*HEADS)
    for origin in one.origins:
        table.add_row(*map(escape, _cells(origin)))
    console.print(table)
    _print_files(one)


def _print_files(one: Traced) -> None:
    """The whole digests, which a table would break."""
    for name, sha in dict.fromkeys((o.row.file_name, o.row.file_sha) for o in one.origins):
        console.print(f"  {sha}  {name}", markup=False, highlight=False, soft_wrap=True)


def _cells(origin: Origin) -> tuple[str, ...]:
    row, value = origin.row, origin.value
    return (
        origin.body_name,
        origin.column_name,
        value if isinstance(value, str) else number_text(value),
        str(row.version),
        row.message_id or "nộp trực tiếp",
        f"{row.file_name} ({row.file_sha[:12]})",
        f"{row.sheet}!{row.cell}",
        "; ".join(part for part in (origin.note, origin.source) if part),
    )
