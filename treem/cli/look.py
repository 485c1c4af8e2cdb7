"""Commands that look at what is planned and what has happened; `report` writes drafts. Nothing here decides."""

import os
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from treem.cli.base import (
    ConfigOption,
    JsonOption,
    RoundArgument,
    app,
    console,
    decided,
    fail,
    named_errors,
    now,
    print_json,
)
from treem.documents.ics import calendar_file
from treem.documents.pdf import NoPdf, make_pdfs
from treem.ledger import queries
from treem.plan.agenda import CalendarRow, calendar
from treem.plan.almanac import Almanac
from treem.plan.load import load_settings
from treem.rounds import board, digest, redrafting, report_record, reporting, supplementing
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
    year: Annotated[int | None, typer.Option(help="Năm; mặc định là năm nay.")] = None,
    as_json: JsonOption = False,
    ics: Annotated[
        Path | None,
        typer.Option("--ics", metavar="TỆP", help="Ghi lịch vào tệp .ics cho Outlook, Google, Thunderbird."),
    ] = None,
    config: ConfigOption = Path("config"),
) -> None:
    """Lịch các mốc của mọi đợt trong năm."""
    with named_errors():
        settings = load_settings(config, os.environ)
        rows = calendar(settings, Almanac(settings.holidays), now().year if year is None else year)
        if ics:
            _write_over(ics, calendar_file(settings, rows, ics.read_bytes() if ics.exists() else b""))
        if as_json:
            print_json([asdict(row) | {"date": _iso(row.date), "legal_date": _iso(row.legal_date)} for row in rows])
        elif ics:
            console.print(f"Đã ghi {len(rows)} mốc vào {ics}.", markup=False, soft_wrap=True)
        else:
            console.print(_table(rows))


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _table(rows: Iterable[CalendarRow]) -> Table:
    table = Table("Ngày", "Đợt", "Mốc", "Nội dung", "Hạn theo kế hoạch")
    for r in rows:
        legal = f"{r.legal_date:%d/%m/%Y}" if r.legal_date else ""
        table.add_row(f"{r.date:%d/%m/%Y}", r.round, r.milestone, escape(r.title), legal)
    return table


def _write_over(path: Path, data: bytes) -> None:
    """The whole file or, where writing fails, the one that was there."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


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
        for line in report_record.standing(house, round_key):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


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
def make_report(
    round_key: RoundArgument,
    with_pdf: Annotated[bool, typer.Option("--pdf/--no-pdf", help="Lập thêm bản PDF, nếu có LibreOffice.")] = True,
    redraft: Annotated[bool, typer.Option("--redraft", help="Lập và trình lại dù số liệu không đổi.")] = False,
    why: Annotated[str, typer.Option(help="Cùng --redraft: lý do; được lưu trong sổ theo dõi.")] = "",
) -> None:
    """Lập lại báo cáo dự thảo của một đợt từ số liệu đã chấp nhận."""
    with named_errors():
        house = house_from_environment(os.environ)
        house.plan(round_key)
        if not board.rows(house, round_key, now()):
            fail(f"Đợt {round_key} chưa mở nên chưa có báo cáo.")
        if redraft:
            redrafting.redraft(house, round_key, decided(why))
        paths = _documents(house, round_key)
        for path in (*paths, *(_pdfs(paths) if with_pdf else ())):
            console.print(path, soft_wrap=True)


def _pdfs(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The Word documents as PDF; where that cannot be, a word why. The report does not depend on it."""
    try:
        return make_pdfs([path for path in paths if path.suffix == ".docx"])
    except NoPdf as reason:
        console.print(str(reason), markup=False, soft_wrap=True)
        return ()


def _documents(house: House, round_key: str) -> tuple[Path, ...]:
    """The next version's documents; while the round is open, a preview that asks nobody for approval."""
    with house.ledger.begin() as session:
        closed = queries.round_facts(session, round_key).closed
    if not closed:
        console.print("Đợt chưa chốt: đây là bản xem trước, không trình phê duyệt.")
        return reporting.preview_report(house, round_key)
    return reporting.document_paths(house, round_key, supplementing.draft_next(house, round_key, now()))
