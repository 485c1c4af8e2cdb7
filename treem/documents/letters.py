"""Turns the letter templates of `templates/mail` into words: a subject, a plain text and an HTML page.

Belongs here: rendering only. What letters say is in the templates, which the office can edit; to whom and when they go
is decided elsewhere. The first line of a text template is the subject: “Tiêu đề: …”.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parents[2] / "templates" / "mail"
SUBJECT = re.compile(r"\s*Tiêu đề:(?P<subject>[^\n]+)\n(?P<text>.*)", re.DOTALL)
BLANK_LINES = re.compile(r"\n{3,}")


class BadTemplate(Exception):
    """A letter template without its subject line."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Mẫu thư templates/mail/{name}.txt.j2 thiếu dòng đầu “Tiêu đề: …”. Hãy thêm dòng này.")


@dataclass(frozen=True)
class LetterText:
    """The words of a letter."""

    subject: str
    text: str
    html: str


def render_letter(name: str, context: Mapping[str, Any], folder: Path = TEMPLATES) -> LetterText:
    """The letter of that name. Raises jinja2's UndefinedError when the context lacks something, and BadTemplate."""
    environment = _environment(folder)
    found = SUBJECT.fullmatch(environment.get_template(f"{name}.txt.j2").render(context))
    if not found:
        raise BadTemplate(name)
    subject = " ".join(found["subject"].split())
    text = BLANK_LINES.sub("\n\n", found["text"]).strip() + "\n"
    html = environment.get_template(f"{name}.html.j2").render({**context, "subject": subject})
    return LetterText(subject, text, html)


@lru_cache(maxsize=4)
def _environment(folder: Path) -> Environment:
    return Environment(
        loader=FileSystemLoader(folder, encoding="utf-8"),
        undefined=StrictUndefined,
        autoescape=lambda name: bool(name and ".html." in name),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
