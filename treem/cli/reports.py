"""Commands about a report's way from draft to sent: its number, its versions, and what a person changes on the way."""

import getpass
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from treem.cli.base import (
    JsonOption,
    RoundArgument,
    WhyOption,
    app,
    console,
    day,
    decided,
    named_errors,
    now,
    print_json,
)
from treem.documents.dates import short_date
from treem.rounds import adopting, numbering, redrafting, report_record, reporting, supplementing
from treem.rounds.decisions import DecisionRefused
from treem.rounds.house import House, house_from_environment


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
        for line in (line for one in there for line in report_record.lines(house, house.plan(round_key), one)):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        if not there:
            console.print(f"Đợt {round_key} chưa có báo cáo.")


@app.command("report-adopt")
def adopt_report(
    round_key: RoundArgument,
    file: Annotated[Path, typer.Argument(metavar="TỆP", exists=True, dir_okay=False, readable=True)],
    why: WhyOption,
) -> None:
    """Lấy lại dự thảo đã sửa tay trong Word; bản này được trình duyệt và gửi đi thay cho bản cũ."""
    with named_errors():
        house = house_from_environment(os.environ)
        version = adopting.adopt(house, round_key, (file.name, file.read_bytes()), decided(why))
        _tell_version(house, round_key, version)


@app.command("supplement")
def make_supplement(round_key: RoundArgument, why: WhyOption) -> None:
    """Lập báo cáo bổ sung cho báo cáo đã gửi: số cũ, số mới và lý do; trình duyệt, cấp số, gửi như báo cáo."""
    with named_errors():
        house = house_from_environment(os.environ)
        _tell_version(house, round_key, supplementing.start(house, round_key, decided(why)))


@app.command("reopen")
def reopen_request(
    round_key: RoundArgument,
    body: Annotated[str, typer.Option("--body", metavar="ĐƠN-VỊ", help="Mã đơn vị, xem bằng treem status ĐỢT.")],
    why: WhyOption,
) -> None:
    """Yêu cầu một đơn vị kiểm tra lại số liệu đã được chấp nhận; số đã nộp vẫn dùng cho đến khi có bản thay."""
    with named_errors():
        redrafting.reopen(house_from_environment(os.environ), round_key, body, decided(why))
        console.print("Đã yêu cầu kiểm tra lại; thư nằm trong hộp đi.")


def _tell_version(house: House, round_key: str, version: int) -> None:
    for line in report_record.standing(house, round_key):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for path in reporting.document_paths(house, round_key, version):
        console.print(path, soft_wrap=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
