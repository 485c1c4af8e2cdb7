"""Commands by which a person decides about a round: file what came on paper, extend, waive, reject."""

import os
from datetime import datetime, time
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from treem.cli.base import BodyArgument, RoundArgument, WhyOption, app, console, day, decided, named_errors, now
from treem.rounds import decisions
from treem.rounds.house import House, house_from_environment


@app.command("file")
def file_workbook(
    round_key: RoundArgument,
    body: BodyArgument,
    file: Annotated[Path, typer.Argument(metavar="TỆP", exists=True, dir_okay=False, readable=True)],
    received: Annotated[str | None, typer.Option(help="Ngày nhận, ví dụ 12/6/2027; mặc định là bây giờ.")] = None,
    why: WhyOption = "nộp trực tiếp",
) -> None:
    """Ghi biểu mẫu nhận bằng giấy hoặc nộp trực tiếp (đã nhập vào tệp Excel)."""
    with named_errors():
        house = house_from_environment(os.environ)
        moment = _received(house, received) if received else now()
        filed = decisions.file_by_hand(house, round_key, body, (file.name, file.read_bytes()), moment, decided(why))
        for found in filed.findings:
            mark = "PHẢI SỬA" if found.severity == "error" else "NÊN XEM LẠI"
            place = f"{found.sheet}!{found.cell}: " if found.cell else ""
            console.print(f"{mark} {place}{found.message}", markup=False, soft_wrap=True)
        state = "số liệu hợp lệ" if filed.valid else "còn ô phải sửa, chưa dùng để tổng hợp"
        console.print(f"Đã ghi là bản thứ {filed.version}: {state}.")


@app.command("extend")
def extend_deadline(
    round_key: RoundArgument,
    body: BodyArgument,
    until: Annotated[str, typer.Argument(metavar="ĐẾN-NGÀY", help="Ngày cuối cùng được nộp, ví dụ 21/6/2027.")],
    why: WhyOption,
) -> None:
    """Gia hạn cho một đơn vị, kể cả sau khi đã quá hạn."""
    with named_errors():
        last = day(until)
        decisions.extend(house_from_environment(os.environ), round_key, body, last, decided(why))
        console.print(f"Đã gia hạn đến hết ngày {last:%d/%m/%Y}; thư báo nằm trong hộp đi.")


@app.command("waive")
def waive_request(round_key: RoundArgument, body: BodyArgument, why: WhyOption) -> None:
    """Miễn cho một đơn vị không phải nộp trong đợt này."""
    with named_errors():
        decisions.waive(house_from_environment(os.environ), round_key, body, decided(why))
        console.print("Đã miễn; thư báo nằm trong hộp đi.")


@app.command("reject")
def reject_submission(
    submission: Annotated[int, typer.Argument(metavar="BẢN-NỘP", help="Số bản nộp, xem bằng treem status ĐỢT.")],
    why: WhyOption,
) -> None:
    """Trả lại một bản đã nhận và yêu cầu đơn vị gửi bản khác."""
    with named_errors():
        decisions.reject(house_from_environment(os.environ), submission, decided(why))
        console.print("Đã trả lại; thư báo nằm trong hộp đi.")


def _received(house: House, received: str) -> datetime:
    """The end of that day by the office's clock, or now while it lasts: the hour on paper is not known.

    Raises DecisionRefused for a day that has not come.
    """
    this_moment, on = now(), day(received)
    if on > house.local(this_moment).date():
        raise decisions.DecisionRefused(f"Ngày nhận {on:%d/%m/%Y} chưa tới. Hãy ghi ngày thực nhận, không sau hôm nay.")
    return min(datetime.combine(on, time.max, ZoneInfo(house.settings.office.timezone)), this_moment)
