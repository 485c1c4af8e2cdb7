"""Commands about texts that look like naming a child: what waits, one text in full, letting it through, other words."""

import os
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from treem.cli.base import JsonOption, WhyOption, app, console, decided, named_errors, print_json
from treem.rounds import releasing
from treem.rounds.house import house_from_environment

texts_app = typer.Typer(
    help="Nội dung có thể nêu thông tin của trẻ em, chờ người kiểm tra trước khi vào văn bản.",
    invoke_without_command=True,
    no_args_is_help=False,
)
app.add_typer(texts_app, name="narratives")
TextArgument = Annotated[str, typer.Argument(metavar="SỐ", help="Số của nội dung, ví dụ n12; xem treem narratives.")]


@texts_app.callback()
def list_texts(
    context: typer.Context,
    round_key: Annotated[str | None, typer.Option("--round", metavar="ĐỢT", help="Chỉ của một đợt.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Cả những nội dung đã có quyết định.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Danh sách nội dung đang chờ kiểm tra; không in nội dung."""
    if context.invoked_subcommand:
        return
    with named_errors():
        found = releasing.waiting(house_from_environment(os.environ), round_key, decided_too=everything)
        if as_json:
            print_json([asdict(one) for one in found])
            return
        table = Table("Số", "Đợt", "Đơn vị", "Mục", "Vì sao", "Tình trạng")
        for one in found:
            why, state = "; ".join(one.why), releasing.STATES[one.state]
            table.add_row(one.id, one.round, one.body, escape(one.section), why, state)
        console.print(table if found else "Không có nội dung nào chờ kiểm tra.")


@texts_app.command("show")
def show_text(text: TextArgument) -> None:
    """In một nội dung, để người có trách nhiệm xem."""
    with named_errors():
        shown = releasing.show(house_from_environment(os.environ), text)
        one = shown.waiting
        console.print(f"{one.id}: {one.round}, {one.body}, mục {one.section}", markup=False, soft_wrap=True)
        console.print(f"{releasing.STATES[one.state]}; {'; '.join(one.why)}", markup=False, soft_wrap=True)
        console.print(f"\n{shown.text}", markup=False, soft_wrap=True)
        if shown.instead is not None:
            console.print(f"\nTrong văn bản: {shown.instead}", markup=False, soft_wrap=True)


@texts_app.command("release")
def release_text(text: TextArgument, why: WhyOption) -> None:
    """Cho nội dung vào văn bản nguyên văn: đã xem, không nêu thông tin của trẻ em."""
    with named_errors():
        releasing.release(house_from_environment(os.environ), text, decided(why))
        console.print(f"Nội dung {text} được đưa vào văn bản.", markup=False)


@texts_app.command("redact")
def redact_text(
    text: TextArgument,
    instead: Annotated[str, typer.Option("--text", help="Lời thay thế trong văn bản.")],
    why: WhyOption,
) -> None:
    """Thay nội dung bằng lời khác trong văn bản; bản đã nộp giữ nguyên trong sổ theo dõi."""
    with named_errors():
        releasing.redact(house_from_environment(os.environ), text, instead, decided(why))
        console.print(f"Trong văn bản, nội dung {text} được thay bằng lời mới.", markup=False)
