"""Commands that ask bodies about differences between figures, and record what they answer."""

import os
from dataclasses import asdict
from typing import Annotated

import typer

from treem.cli.base import JsonOption, RoundArgument, WhyOption, app, console, decided, named_errors, print_json
from treem.documents.dates import short_date
from treem.documents.figures import short_name
from treem.rounds import questions
from treem.rounds.house import House, house_from_environment
from treem.rounds.questions import Chosen, ToBody

STATES = {"open": "chờ trả lời", "answered": "đã trả lời", "withdrawn": "đã rút"}


@app.command("ask")
def ask_bodies(
    round_key: RoundArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Chỉ xem trước, không ghi và không gửi gì.")] = False,
    body: Annotated[list[str] | None, typer.Option("--body", help="Chỉ hỏi đơn vị này; ghi được nhiều lần.")] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", help="sources, breakdown, parts, within_year hoặc jumps; ghi được nhiều lần."),
    ] = None,
    figure: Annotated[list[str] | None, typer.Option("--figure", help="Chỉ hỏi số liệu này, ví dụ LD-11.")] = None,
    why: WhyOption = "đối chiếu số liệu",
) -> None:
    """Hỏi các đơn vị về những chênh lệch số liệu của một đợt: mỗi đơn vị một thư; câu đã hỏi không hỏi lại."""
    with named_errors():
        house, chosen = house_from_environment(os.environ), Chosen(rule or (), body or (), figure or ())
        if dry_run:
            letters = questions.drafted(house, round_key, chosen)
        else:
            letters = questions.ask(house, round_key, decided(why), chosen)
        for to in letters:
            _print(to, dry_run=dry_run)
        console.print(_summary(letters, dry_run=dry_run))


def _print(to: ToBody, *, dry_run: bool) -> None:
    state = f"không gửi: {to.note}" if to.note else "sẽ gửi" if dry_run else "thư nằm trong hộp đi"
    console.print(f"{short_name(to.name)} ({to.body}): {len(to.questions)} câu hỏi – {state}", markup=False)
    for question in to.questions:
        place = f"{question.ask.sheet}!{question.ask.cell}: " if question.ask.cell else ""
        console.print(f"  - {place}{question.text}", markup=False, highlight=False, soft_wrap=True)


def _summary(letters: tuple[ToBody, ...], *, dry_run: bool) -> str:
    if not letters:
        return "Không có câu hỏi mới."
    if dry_run:
        count = sum(not to.note for to in letters)
        return f"Xem trước: {count} thư. Bỏ --dry-run để gửi."
    return f"Đã lập {sum(to.letter for to in letters)} thư. Xem câu hỏi và trả lời bằng: treem questions ĐỢT."


@app.command("questions")
def list_questions(round_key: RoundArgument, as_json: JsonOption = False) -> None:
    """Các câu hỏi đối chiếu đã gửi của một đợt và trả lời."""
    with named_errors():
        house = house_from_environment(os.environ)
        found = questions.listed(house, round_key)
        if as_json:
            print_json([asdict(one) | {"asked_on": one.asked_on.isoformat()} for one in found])
            return
        if not found:
            console.print("Chưa hỏi câu nào. Xem trước bằng: treem ask ĐỢT --dry-run.")
        for one in found:
            name, day = _name(house, round_key, one.body), short_date(one.asked_on)
            console.print(f"{one.id}. {name}, hỏi ngày {day}: {STATES[one.state]}", markup=False, highlight=False)
            console.print(f"   {one.text}", markup=False, highlight=False, soft_wrap=True)
            if one.answer:
                console.print(f"   Trả lời: {one.answer}", markup=False, highlight=False, soft_wrap=True)


def _name(house: House, round_key: str, body: str) -> str:
    return short_name(house.settings.body(body, house.plan(round_key).due).name)


@app.command("answer")
def record_answer(
    question: Annotated[int, typer.Argument(metavar="CÂU-HỎI", help="Số câu hỏi, xem bằng treem questions ĐỢT.")],
    text: Annotated[str, typer.Option("--text", help="Giải trình của đơn vị.")],
    why: WhyOption,
) -> None:
    """Ghi giải trình mà đơn vị trả lời qua điện thoại, công văn hoặc thư."""
    with named_errors():
        questions.answer(house_from_environment(os.environ), question, text, decided(why))
        console.print("Đã ghi; giải trình nằm cạnh số liệu ở trang “Đối chiếu”.")
