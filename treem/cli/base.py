"""What every command shares: the application, the screen, errors in words, the clock. No commands here."""

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from treem.ledger.store import LedgerError
from treem.mailroom.errors import MailError
from treem.plan.agenda import UnknownRound
from treem.plan.almanac import LunarDateUnknown
from treem.plan.load import ConfigError
from treem.rounds import reporting
from treem.rounds.decisions import Decided, DecisionRefused

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Điều hành báo cáo định kỳ về công tác trẻ em.")
console = Console()
ConfigOption = Annotated[Path, typer.Option("--config", help="Thư mục cấu hình.", envvar="TREEM_CONFIG")]
JsonOption = Annotated[bool, typer.Option("--json", help="In kết quả dạng JSON.")]
RoundArgument = Annotated[str, typer.Argument(metavar="ĐỢT", help="Ví dụ bao-cao-6-thang/2027.")]
BodyArgument = Annotated[str, typer.Argument(metavar="ĐƠN-VỊ", help="Mã đơn vị, xem bằng treem status ĐỢT.")]
WhyOption = Annotated[str, typer.Option("--why", help="Lý do; được lưu trong sổ theo dõi.")]
NAMED = (LedgerError, MailError, DecisionRefused, LunarDateUnknown, reporting.StaleReport, reporting.ReportSettled)


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn every error the application names into words on stderr and exit code 1 (2 for an unknown round)."""
    try:
        yield
    except ConfigError as error:
        fail(f"Cấu hình có {len(error.problems)} lỗi:\n{error}")
    except UnknownRound as error:
        fail(str(error), 2)
    except NAMED as error:
        fail(str(error))
    except SQLAlchemyError as error:  # the cause only: the whole text may hold the address with its password
        cause = error.orig if isinstance(error, DBAPIError) else type(error).__name__
        fail(f"Không dùng được cơ sở dữ liệu sổ theo dõi: {cause}. Hãy kiểm tra TREEM_LEDGER và dung lượng đĩa.")
    except OSError as error:
        fail(f"Không đọc hoặc ghi được tệp: {error.strerror or error} ({error.filename or '–'}).")


def fail(message: str, code: int = 1) -> None:
    """End with the words on stderr."""
    Console(stderr=True, style="red", highlight=False).print(message, markup=False, soft_wrap=True)
    raise typer.Exit(code)


def decided(why: str) -> Decided:
    """The decision of whoever is logged in here, now."""
    return Decided(getpass.getuser(), why, now())


def day(text: str) -> date:
    """A date as people type it. Raises DecisionRefused."""
    for form in ("%d/%m/%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text.strip(), form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    raise DecisionRefused(f"Không hiểu ngày “{text}”. Hãy viết ngày/tháng/năm, ví dụ 21/6/2027.")


def print_json(data: object) -> None:
    """Data for another program, on stdout."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")


def now() -> datetime:
    """The edge that asks the clock."""
    return datetime.now(UTC)
