"""The `treem` command: what an officer or administrator types. Words and tables only; the work is in the rooms below.

Commands that need Prefect are added by `flows.commands`, which is what the installed `treem` script starts.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from treem.ledger import queries
from treem.ledger.store import LedgerError
from treem.ledger.tables import LetterIn
from treem.mailroom.errors import MailError
from treem.plan.agenda import UnknownRound, calendar
from treem.plan.almanac import Almanac
from treem.plan.load import ConfigError, load_settings
from treem.rounds import board, reporting
from treem.rounds.house import House, house_from_environment

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Điều hành báo cáo định kỳ về công tác trẻ em.")
console = Console()
ConfigOption = Annotated[Path, typer.Option("--config", help="Thư mục cấu hình.", envvar="TREEM_CONFIG")]
JsonOption = Annotated[bool, typer.Option("--json", help="In kết quả dạng JSON.")]


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn every error the application names into words on stderr and exit code 1 (2 for an unknown round)."""
    try:
        yield
    except ConfigError as error:
        _fail(f"Cấu hình có {len(error.problems)} lỗi:\n{error}")
    except UnknownRound as error:
        _fail(str(error), 2)
    except (LedgerError, MailError, reporting.StaleReport, reporting.ReportSettled) as error:
        _fail(str(error))
    except SQLAlchemyError as error:  # the cause only: the whole text may hold the address with its password
        cause = error.orig if isinstance(error, DBAPIError) else type(error).__name__
        _fail(f"Không dùng được cơ sở dữ liệu sổ theo dõi: {cause}. Hãy kiểm tra TREEM_LEDGER và dung lượng đĩa.")
    except OSError as error:
        _fail(f"Không đọc hoặc ghi được tệp: {error.strerror or error} ({error.filename or '–'}).")


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
        rows = calendar(settings, Almanac(settings.holidays), year or _now().year)
        if as_json:
            _print_json(
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
def show_status(round_key: Annotated[str, typer.Argument(metavar="ĐỢT")], as_json: JsonOption = False) -> None:
    """Tình hình nộp của từng đơn vị trong một đợt."""
    with named_errors():
        house = house_from_environment(os.environ)
        rows = board.rows(house, round_key, _now())
        if as_json:
            _print_json({"round": round_key, "progress": board.progress(house, round_key), "bodies": rows})
            return
        if not rows:
            console.print(f"Đợt {round_key} chưa mở.")
            return
        table = Table(*rows[0])
        for row in rows:
            table.add_row(*row.values())
        console.print(table)


@app.command("inbox")
def show_inbox(as_json: JsonOption = False) -> None:
    """Những thư đang chờ người xem, kèm lý do."""
    with named_errors():
        house = house_from_environment(os.environ)
        letters = _waiting_letters(house)
        if as_json:
            _print_json(letters)
            return
        if not letters:
            console.print("Không có thư nào đang chờ.")
            return
        table = Table("Số", "Nhận lúc", "Người gửi", "Loại", "Lý do")
        for letter in letters:
            table.add_row(*(escape(str(letter[k] or "–")) for k in ("id", "received", "sender", "verdict", "reason")))
        console.print(table)


@app.command("report")
def make_report(round_key: Annotated[str, typer.Argument(metavar="ĐỢT")]) -> None:
    """Lập lại báo cáo dự thảo của một đợt từ số liệu đã chấp nhận."""
    with named_errors():
        house = house_from_environment(os.environ)
        house.plan(round_key)
        if not board.rows(house, round_key, _now()):
            _fail(f"Đợt {round_key} chưa mở nên chưa có báo cáo.")
        for path in _documents(house, round_key):
            console.print(path, soft_wrap=True)


def _documents(house: House, round_key: str) -> tuple[Path, ...]:
    """The next version's documents; while the round is open, a preview that asks nobody for approval."""
    with house.ledger.begin() as session:
        closed = queries.round_facts(session, round_key).closed
    if not closed:
        console.print("Đợt chưa chốt: đây là bản xem trước, không trình phê duyệt.")
        return reporting.preview_report(house, round_key)
    return reporting.document_paths(house, round_key, reporting.draft_report(house, round_key, _now()))


def _waiting_letters(house: House) -> list[dict[str, str | int | None]]:
    with house.ledger.begin() as session:
        found = session.scalars(
            select(LetterIn).where(LetterIn.state.in_(("hold", "quarantine"))).order_by(LetterIn.id)
        )
        return [
            {
                "id": x.id,
                "received": f"{house.local(x.received_at):%H:%M %d/%m/%Y}",
                "sender": x.sender,
                "state": x.state,
                "verdict": x.verdict,
                "reason": x.reason,
            }
            for x in found
        ]


def _print_json(data: object) -> None:
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")


def _fail(message: str, code: int = 1) -> None:
    Console(stderr=True, style="red", highlight=False).print(message, markup=False, soft_wrap=True)
    raise typer.Exit(code)


def _now() -> datetime:
    """The edge that asks the clock."""
    return datetime.now(UTC)
