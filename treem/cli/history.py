"""`treem series`: one figure through the years, on the map of the communes of today or of another day."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Column, Table

from treem.cli.base import JsonOption, app, console, day, fail, named_errors, now, print_json
from treem.district.series import Cell, Row, Series, last_change
from treem.documents.dates import number_text, short_date
from treem.documents.figures import COLUMN_NAMES, short_name
from treem.plan.settings import Body, Figure
from treem.rounds.history import Held, History, HistoryRefused, history
from treem.rounds.house import House, house_from_environment

WORDS = {
    "blank": "…",
    "not_applicable": "KAD",
    "not_filed": "CN",
    "not_asked": "–",
    "joined": "gộp",
    "not_added": "không cộng",
    "two_maps": "hai bản đồ",
    "no_ratio": "mẫu số 0",
}
LEGEND = {
    "blank": "…: để trống",
    "not_applicable": "KAD: không áp dụng",
    "not_filed": "CN: chưa nộp",
    "not_asked": "–: không được hỏi",
    "joined": "gộp: nằm trong số chung của dòng trên, không tách được",
    "not_added": "không cộng: số liệu này không cộng giữa các đơn vị",
    "two_maps": "hai bản đồ: cả đơn vị cũ và đơn vị kế tục cùng báo cáo, cộng lại sẽ tính hai lần",
    "no_ratio": "mẫu số 0: không tính được tỷ lệ",
}
SPARSE = "(2/3): trong 3 đơn vị thời điểm đó chỉ 2 đơn vị có số liệu; tên đơn vị thiếu: dùng --json."
JOINED = "Dòng nhiều đơn vị: có năm các đơn vị đó báo cáo chung sau khi sắp xếp; chỉ so sánh được cả nhóm."
NOWHERE = Cell("not_asked")  # the round was held, and nobody was asked for the figure
ABSENT = " (không có trên bản đồ này)"


@app.command("series")
def show_series(
    figure: Annotated[str, typer.Argument(metavar="SỐ-LIỆU", help="Mã số liệu trong indicators.yaml, ví dụ LD-01.")],
    activity: Annotated[
        str, typer.Option(metavar="HOẠT-ĐỘNG", help="Ví dụ bao-cao-6-thang, tet-trung-thu/ket-qua.")
    ] = "bao-cao-nam",
    on: Annotated[
        str,
        typer.Option(
            "--map",
            metavar="NGÀY",
            help="Bản đồ đơn vị: moi = hôm nay; cu = trước lần thay đổi gần nhất; hoặc một ngày, ví dụ 30/6/2025.",
        ),
    ] = "moi",
    column: Annotated[str, typer.Option(metavar="CỘT", help="total, male, female hoặc minority.")] = "total",
    as_json: JsonOption = False,
) -> None:
    """Một số liệu qua các năm, theo đơn vị của một bản đồ: đơn vị cũ được cộng vào đơn vị kế tục."""
    with named_errors():
        house = house_from_environment(os.environ)
        try:
            found = history(house, activity, figure, column, _map(house, on))
        except HistoryRefused as error:
            fail(str(error))
        if as_json:
            print_json(_as_json(house, activity, found))
        elif not found.held:
            console.print(f"Chưa có đợt nào của “{activity}”.")
        else:
            _print(house, activity, found)


def _map(house: House, text: str) -> date:
    """The day of a map. Raises HistoryRefused, and DecisionRefused for what is no date."""
    today = now().astimezone(ZoneInfo(house.settings.office.timezone)).date()
    if text not in ("cu", "moi"):
        return day(text)
    before = last_change(house.settings.register_, today)
    if text == "cu" and before is None:
        raise HistoryRefused("Danh bạ chưa có đơn vị nào kết thúc và có đơn vị kế tục, nên không có bản đồ cũ.")
    return before if text == "cu" and before else today


# ---- on the screen


def _print(house: House, activity: str, found: History) -> None:
    figure, shown = found.series.figure, found.series
    title = f"{figure.code} – {figure.label} ({figure.unit}), {COLUMN_NAMES[found.column]}"  # type: ignore[index]
    console.print(title, markup=False, highlight=False, soft_wrap=True)
    where = f"Hoạt động {activity}; theo đơn vị ngày {short_date(shown.on)}."
    console.print(where, markup=False, highlight=False, soft_wrap=True)
    if house.settings.indicator_of(figure.code).sensitive:
        console.print("Số liệu nhạy cảm: chỉ dùng trong Phòng, không gửi ra ngoài theo từng xã.")
    years = [Column(_heading(held), justify="right", no_wrap=True) for held in found.held]
    table = Table("Mã", "Đơn vị", *years)
    for row in shown.rows:
        name = f"{_name(row)} *" if row.broken else _name(row)
        table.add_row(_codes(row), escape(name), *_texts(figure, found, row.cells))
        for part in row.parts:
            table.add_row("", escape(f"  trong đó {_name(part)}"), *_texts(figure, found, part.cells), style="dim")
    table.add_section()
    table.add_row("", "Tất cả", *_texts(figure, found, shown.total))
    console.print(table)
    for line in _notes(shown):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _heading(held: Held) -> str:
    marks = [word for word, applies in (("ước", held.estimate), ("chưa chốt", not held.closed)) if applies]
    return f"{held.year} ({', '.join(marks)})" if marks else str(held.year)


def _codes(row: Row) -> str:
    return " + ".join(body.code for body in row.bodies)


def _name(row: Row) -> str:
    return " + ".join(short_name(b.name) + (ABSENT if b in row.off_map else "") for b in row.bodies)


def _texts(figure: Figure, found: History, cells: Mapping[int, Cell]) -> Iterator[str]:
    return (_text(figure, cells.get(held.year, NOWHERE)) for held in found.held)


def _text(figure: Figure, cell: Cell) -> str:
    if cell.kind != "number" or cell.number is None:
        return WORDS[cell.kind]
    said = number_text(cell.number)
    if figure.type == "yes_no":
        said = f"{said} có" if cell.asked > 1 else ("Có" if cell.number else "Không")
    there = cell.asked + len(cell.not_asked)
    return f"{said} ({cell.reporting}/{there})" if cell.reporting < there else said


def _notes(shown: Series) -> Iterator[str]:
    everywhere = [row for top in shown.rows for row in (top, *top.parts)]
    cells = [cell for row in everywhere for cell in row.cells.values()]
    if any(cell.kind == "number" and cell.reporting < cell.asked + len(cell.not_asked) for cell in cells):
        yield SPARSE
    kinds = {cell.kind for cell in cells} | {cell.kind for cell in shown.total.values()}
    yield from (f"{words}." for kind, words in LEGEND.items() if kind in kinds)
    if any(row.parts for row in shown.rows):
        yield JOINED
    for body in dict.fromkeys(body for row in shown.rows for body in row.broken):
        since = short_date(body.valid_from)
        yield f"*: từ {since} {short_name(body.name)} gồm cả {body.also_from}; số liệu trước đó không có phần này."


# ---- for another program


def _as_json(house: House, activity: str, found: History) -> dict[str, Any]:
    shown, years = found.series, [held.year for held in found.held]
    return {
        "figure": shown.figure.code,
        "label": shown.figure.label,
        "unit": shown.figure.unit,
        "column": found.column,
        "sensitive": house.settings.indicator_of(shown.figure.code).sensitive,
        "activity": activity,
        "map": shown.on.isoformat(),
        "periods": [{"year": h.year, "round": h.round, "closed": h.closed, "estimate": h.estimate} for h in found.held],
        "rows": [_row_json(row, years) for row in shown.rows],
        "total": _cells_json(shown.total, years),
    }


def _row_json(row: Row, years: Iterable[int]) -> dict[str, Any]:
    return {
        "name": _name(row),
        "bodies": [_body_json(body) | {"on_map": body not in row.off_map} for body in row.bodies],
        "divisible": len(row.bodies) == 1,
        "broken": [{**_body_json(body), "also_from": body.also_from} for body in row.broken],
        "cells": _cells_json(row.cells, years),
        "parts": [_row_json(part, years) for part in row.parts],
    }


def _body_json(body: Body) -> dict[str, Any]:
    until = body.valid_to.isoformat() if body.valid_to else None
    return {"code": body.code, "name": body.name, "valid_from": body.valid_from.isoformat(), "valid_to": until}


def _cells_json(cells: Mapping[int, Cell], years: Iterable[int]) -> dict[str, Any]:
    found = {year: cells.get(year, NOWHERE) for year in years}
    return {str(year): asdict(cell) | {"number": _plain(cell.number)} for year, cell in found.items()}


def _plain(number: Decimal | None) -> int | float | None:
    """A number of the ledger has at most three decimals, which a float holds."""
    if number is None:
        return None
    return int(number) if number == number.to_integral_value() else float(number)
