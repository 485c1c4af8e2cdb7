"""Commands about a report's way from draft to sent: its number, its versions, and what a person changes on the way."""

import getpass
import os
from dataclasses import asdict
from typing import Annotated, Any

import typer

from treem.cli.base import JsonOption, RoundArgument, app, console, day, named_errors, now, print_json
from treem.documents.dates import short_date
from treem.rounds import numbering, report_record
from treem.rounds.decisions import DecisionRefused
from treem.rounds.house import house_from_environment


@app.command("report-number")
def give_number(
    round_key: RoundArgument,
    number: Annotated[str, typer.Option("--number", metavar="SỐ", help="Chỉ phần số Văn thư cấp, ví dụ 12 hoặc 12a.")],
    signed_on: Annotated[str, typer.Option("--date", metavar="NGÀY", help="Ngày ban hành, ví dụ 24/6/2027.")],
) -> None:
    """Ghi số và ngày Văn thư đã cấp cho báo cáo đã phê duyệt; báo cáo được gửi ở lượt chạy kế tiếp."""
    with named_errors():
        house, on = house_from_environment(os.environ), day(signed_on)
        view = numbering.waiting_number(house, round_key)
        if view is None:
            standing = report_record.standing(house, round_key)
            raise DecisionRefused(
                f"Đợt {round_key} không có báo cáo nào đã phê duyệt mà chưa có số. "
                + (standing[0] if standing else "Chưa có báo cáo nào.")
            )
        given = (number, on, getpass.getuser())
        numbering.give_number(house, round_key, view.version, view.digest, *given, now())
        console.print(f"Đã ghi số {number.strip()} ngày {short_date(on)} cho báo cáo lần {view.version}.")
        console.print(numbering.final_path(house, round_key, view.version), soft_wrap=True)


@app.command("report-history")
def show_history(round_key: RoundArgument, as_json: JsonOption = False) -> None:
    """Các lần lập báo cáo của một đợt: ai quyết định trên bản nào, số và ngày, đã gửi tới đâu."""
    with named_errors():
        house = house_from_environment(os.environ)
        there = report_record.versions(house, round_key)
        if as_json:
            print_json({"round": round_key, "versions": [_plain(asdict(one)) for one in there]})
            return
        for line in (line for one in there for line in report_record.lines(house, one)):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        if not there:
            console.print(f"Đợt {round_key} chưa có báo cáo.")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
