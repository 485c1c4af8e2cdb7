"""The command that writes the office's own papers about a round as Word drafts."""

import os
from typing import Annotated

import typer

from treem.cli.base import RoundArgument, app, console, fail, named_errors, now
from treem.documents.papers import Kind
from treem.documents.report import TemplateError
from treem.rounds.house import house_from_environment
from treem.rounds.paper import KINDS, PaperRefused, write_papers


@app.command("letter")
def write_letter_drafts(
    round_key: RoundArgument,
    kind: Annotated[
        str | None,
        typer.Option(help="de-nghi, don-doc (công văn), giay-moi, bien-ban; mặc định theo loại đợt."),
    ] = None,
    body: Annotated[str | None, typer.Option("--body", metavar="ĐƠN-VỊ", help="Chỉ cho đơn vị có mã này.")] = None,
) -> None:
    """Lập dự thảo công văn, giấy mời, biên bản của một đợt; số và ngày để trống cho Văn thư."""
    with named_errors():
        try:
            for path in write_papers(house_from_environment(os.environ), round_key, _kind(kind), body, now()):
                console.print(path, soft_wrap=True)
        except (PaperRefused, TemplateError) as error:
            fail(str(error))


def _kind(name: str | None) -> Kind | None:
    found = next((kind for kind in KINDS if kind == name), None)
    if name and found is None:
        raise PaperRefused(f"Không có loại văn bản “{name}”. Hãy chọn một trong: {', '.join(KINDS)}.")
    return found
