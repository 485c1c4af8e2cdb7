"""Commands about whom a round asks, and about what inspections recommended: look, and decide with a reason."""

import os
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from treem.cli.base import (
    BodyArgument,
    JsonOption,
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
from treem.rounds import recommending
from treem.rounds.decisions import DecisionRefused
from treem.rounds.house import House, house_from_environment
from treem.rounds.selecting import changes

SelectingRound = Annotated[str, typer.Argument(metavar="ĐỢT", help="Ví dụ kiem-tra/2027/tu-kiem-tra.")]
RecordRound = Annotated[str, typer.Argument(metavar="ĐỢT", help="Ví dụ kiem-tra/2027/bien-ban.")]
STATES = {"open": "chưa xong", "done": "đã thực hiện", "withdrawn": "đã rút"}


@app.command("select")
def select_bodies(
    round_key: SelectingRound,
    add: Annotated[
        str | None, typer.Option(metavar="ĐƠN-VỊ", help="Thêm đơn vị này, hoặc đổi chỗ, ngày của nó.")
    ] = None,
    drop: Annotated[str | None, typer.Option(metavar="ĐƠN-VỊ", help="Bỏ đơn vị này.")] = None,
    places: Annotated[int | None, typer.Option(help="Cùng --add: số chỗ.")] = None,
    visit: Annotated[str | None, typer.Option("--day", help="Cùng --add: ngày kiểm tra, ví dụ 21/9/2027.")] = None,
    why: Annotated[str, typer.Option(help="Lý do thay đổi; được lưu trong sổ theo dõi.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Đơn vị được chọn trong một đợt, kèm lý do; thêm hoặc bỏ một đơn vị."""
    with named_errors():
        house = house_from_environment(os.environ)
        if add and drop:
            raise DecisionRefused("Mỗi lần chỉ thêm (--add) hoặc bỏ (--drop) một đơn vị.")
        if (places is not None or visit) and not add:
            raise DecisionRefused("--places và --day chỉ dùng cùng --add.")
        if add:
            changes.add(house, round_key, add, decided(why), places, day(visit) if visit else None)
        if drop:
            changes.drop(house, round_key, drop, decided(why))
        _show_selection(house, round_key, as_json)


def _show_selection(house: House, round_key: str, as_json: bool) -> None:
    made, rows = changes.shown(house, round_key, now())
    source = changes.followed(house, round_key)
    if as_json:
        print_json({"round": round_key, "made": made, "follows": source, "bodies": [_as_data(row) for row in rows]})
        return
    if not made and source:
        console.print(
            f"Chưa chọn; danh sách lấy theo đợt {source}, ngày {short_date(house.plan(round_key).date_of('choose'))}. "
            f"Xem, thay đổi ở đó: treem select {source}.", soft_wrap=True,
        )  # fmt: skip
        return
    if not made:
        console.print("Chưa chọn chính thức; nếu chọn hôm nay thì kết quả như sau.")
    with_places, with_days = any(r.places is not None for r in rows), any(r.day for r in rows)
    table = Table(Column("TT", justify="right"), Column("Mã", no_wrap=True), "Đơn vị", Column("Chọn", no_wrap=True))
    for shown, title in ((with_places, "Số chỗ"), (with_days, "Ngày kiểm tra")):
        if shown:
            table.add_column(title, no_wrap=True)
    table.add_column("Lý do")
    for row in rows:
        cells = [str(row.rank), row.body, escape(row.name), "có" if row.chosen else "không"]
        cells += [str(row.places or 0)] if with_places else []
        cells += [short_date(row.day) if row.day else ""] if with_days else []
        table.add_row(*cells, escape("; ".join((*_changed(row), *row.reasons))))
    console.print(table)


def _changed(row: changes.Shown) -> tuple[str, ...]:
    if not row.changed_by:
        return ()
    return (f"{row.changed_by} {'thêm' if row.chosen else 'bỏ'}: {row.changed_why}",)


def _as_data(row: changes.Shown) -> dict[str, object]:
    return {
        "body": row.body,
        "name": row.name,
        "chosen": row.chosen,
        "rank": row.rank,
        "reasons": list(row.reasons),
        "places": row.places,
        "day": row.day.isoformat() if row.day else None,
        "changed_by": row.changed_by,
        "changed_why": row.changed_why,
    }


@app.command("recommendations")
def show_recommendations(
    round_key: Annotated[str | None, typer.Option("--round", metavar="ĐỢT", help="Đợt của biên bản kiểm tra.")] = None,
    body: Annotated[str | None, typer.Option(metavar="ĐƠN-VỊ", help="Mã đơn vị được kiểm tra.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Kiến nghị sau kiểm tra: chưa xong trước, theo hạn."""
    with named_errors():
        house = house_from_environment(os.environ)
        rows = recommending.shown(house, house.local(now()).date(), round_key, body)
        if as_json:
            print_json([vars(row) | {"due": row.due.isoformat()} for row in rows])
            return
        if not rows:
            console.print("Không có kiến nghị nào.")
            return
        table = Table(
            "Số", Column("Đợt", no_wrap=True), "Đơn vị", "Kiến nghị", Column("Hạn", no_wrap=True), "Tình trạng"
        )
        for row in rows:
            state = "QUÁ HẠN" if row.overdue else STATES[row.state]
            reason = f" ({row.closed_why})" if row.closed_why else ""
            table.add_row(
                str(row.id), row.round, escape(row.name), escape(row.text), short_date(row.due), escape(state + reason)
            )
        console.print(table)


@app.command("recommend")
def add_recommendation(
    round_key: RecordRound,
    body: BodyArgument,
    text: Annotated[str, typer.Argument(metavar="NỘI-DUNG", help="Nội dung kiến nghị; không nêu tên trẻ em.")],
    why: WhyOption,
    due: Annotated[str | None, typer.Option(help="Hạn thực hiện, ví dụ 30/11/2027; mặc định theo cấu hình.")] = None,
) -> None:
    """Ghi thêm một kiến nghị vào biên bản kiểm tra của một đơn vị."""
    with named_errors():
        house = house_from_environment(os.environ)
        number = recommending.add(house, round_key, body, text, day(due) if due else None, decided(why))
        console.print(f"Đã ghi kiến nghị số {number}.")


@app.command("recommend-close")
def close_recommendation(
    recommendation: Annotated[int, typer.Argument(metavar="SỐ", help="Số kiến nghị, xem bằng treem recommendations.")],
    why: WhyOption,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Rút kiến nghị, không phải đã thực hiện.")] = False,
) -> None:
    """Khép lại một kiến nghị: đã thực hiện, hoặc rút lại (--withdraw)."""
    with named_errors():
        recommending.close(house_from_environment(os.environ), recommendation, decided(why), withdraw)
        console.print(f"Kiến nghị số {recommendation}: {STATES['withdrawn' if withdraw else 'done']}.")
