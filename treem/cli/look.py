"""Commands that look at what is planned and what has happened; `report` writes drafts. Nothing here decides."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from treem.cli.base import ConfigOption, JsonOption, RoundArgument, app, console, fail, named_errors, now, print_json
from treem.ledger import queries
from treem.plan.agenda import calendar
from treem.plan.almanac import Almanac
from treem.plan.load import load_settings
from treem.rounds import board, digest, reporting
from treem.rounds.house import House, house_from_environment


@app.command("check")
def check_config(config: ConfigOption = Path("config")) -> None:
    """Kiểm tra cấu hình; in mọi lỗi cùng lúc, kèm tệp, dòng và cách sửa."""
    with named_errors():
        settings = load_settings(config, os.environ)
        console.print(
            f"Cấu hình hợp lệ: {len(settings.register_.bodies)} cơ quan, {len(settings.plan.duties)} nhiệm vụ, "
            f"{len(settings.book.indicators)} chỉ tiêu, {len(settings.forms)} biểu mẫu."
        )


@app.command("calendar")
def show_calendar(
    year: Annotated[int | None, typer.Option(help="Năm; mặc định là năm nay.", min=2001, max=2098)] = None,
    as_json: JsonOption = False,
    config: ConfigOption = Path("config"),
) -> None:
    """Lịch các mốc của mọi đợt trong năm."""
    with named_errors():
        settings = load_settings(config, os.environ)
        rows = calendar(settings, Almanac(settings.holidays), year or now().year)
        if as_json:
            print_json(
                [
                    {
                        "round": r.round,
                        "activity": r.activity,
                        "milestone": r.milestone,
                        "date": r.date.isoformat(),
                        "legal_date": r.legal_date.isoformat() if r.legal_date else None,
                        "title": r.title,
                    }
                    for r in rows
                ]
            )
            return
        table = Table("Ngày", "Đợt", "Mốc", "Nội dung", "Hạn theo kế hoạch")
        for r in rows:
            table.add_row(
                f"{r.date:%d/%m/%Y}", r.round, r.milestone, r.title, f"{r.legal_date:%d/%m/%Y}" if r.legal_date else ""
            )
        console.print(table)


@app.command("status")
def show_status(round_key: RoundArgument, as_json: JsonOption = False) -> None:
    """Tình hình nộp của từng đơn vị trong một đợt."""
    with named_errors():
        house = house_from_environment(os.environ)
        rows = board.rows(house, round_key, now())
        if as_json:
            print_json({"round": round_key, "progress": board.progress(house, round_key), "bodies": rows})
            return
        if not rows:
            console.print(f"Đợt {round_key} chưa mở.")
            return
        table = Table(*(Column(name, no_wrap=name in ("Mã", "Trạng thái")) for name in rows[0]))
        for row in rows:
            table.add_row(*row.values())
        console.print(table)


@app.command("digest")
def show_digest() -> None:
    """Việc cần xem hôm nay, như trong thư tổng hợp gửi Phòng mỗi sáng."""
    with named_errors():
        house = house_from_environment(os.environ)
        news = digest.gather(house, now())
        if news.is_empty:
            console.print("Hôm nay không có việc gì cần xem.")
            return
        console.print(digest.words(house, news, now()).text, markup=False, soft_wrap=True)


@app.command("report")
def make_report(round_key: RoundArgument) -> None:
    """Lập lại báo cáo dự thảo của một đợt từ số liệu đã chấp nhận."""
    with named_errors():
        house = house_from_environment(os.environ)
        house.plan(round_key)
        if not board.rows(house, round_key, now()):
            fail(f"Đợt {round_key} chưa mở nên chưa có báo cáo.")
        for path in _documents(house, round_key):
            console.print(path, soft_wrap=True)


def _documents(house: House, round_key: str) -> tuple[Path, ...]:
    """The next version's documents; while the round is open, a preview that asks nobody for approval."""
    with house.ledger.begin() as session:
        closed = queries.round_facts(session, round_key).closed
    if not closed:
        console.print("Đợt chưa chốt: đây là bản xem trước, không trình phê duyệt.")
        return reporting.preview_report(house, round_key)
    return reporting.document_paths(house, round_key, reporting.draft_report(house, round_key, now()))
