"""What a person wrote in a letter: its text, the links in it, and the pictures it shows.

Belongs here: reading plain text and HTML. Nothing is fetched, no script is run.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote

from treem.mailroom.headers import clean
from treem.mailroom.parts import Leaf

LONGEST_TEXT = 100_000
LINKED_FILE = re.compile(
    r"https?://(?:docs\.google\.com|drive\.google\.com|sheets\.google\.com|1drv\.ms|(?:[\w.-]+\.)?onedrive\.(?:live\.)?com"
    r"|[\w.-]+\.sharepoint\.com|excel\.cloud\.microsoft)(?::\d+)?/\S",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Words:
    """The letter's words, whether they link to a file kept elsewhere, and the Content-IDs of the pictures shown."""

    text: str
    links_file: bool
    shown: frozenset[str]


def read_words(leaves: Sequence[Leaf]) -> Words:
    """The first plain text that says something, else the words of the first such HTML."""
    pages = list(_pages(leaves))
    plain = [clean(leaf.text(LONGEST_TEXT)) for leaf in leaves if leaf.kind == "text/plain" and not leaf.is_file]
    links = [link for page in pages for link in page.links]
    return Words(
        text=next(filter(None, [*plain, *(page.text() for page in pages)]), ""),
        # a mail filter may have wrapped the link, percent-encoded, in one of its own
        links_file=any(LINKED_FILE.search(unquote(words)) for words in (*plain, *links)),
        shown=frozenset(picture for page in pages for picture in page.pictures),
    )


def _pages(leaves: Sequence[Leaf]) -> Iterator["_Page"]:
    for leaf in leaves:
        if leaf.kind == "text/html" and not leaf.is_file:
            page = _Page()
            page.read(leaf.text(LONGEST_TEXT))
            yield page


class _Page(HTMLParser):
    """Keeps the text of HTML, not its scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.pictures: list[str] = []
        self._hidden = 0

    def read(self, html: str) -> None:
        try:
            self.feed(html)
        except AssertionError:  # html.parser gives up on "<![x"; what was read before it stands
            return

    def text(self) -> str:
        return clean("\n".join(line.strip() for line in "".join(self.words).splitlines() if line.strip()))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")
        values = [value for name, value in attrs if value and name in ("href", "src", "background")]
        self.links += [value for value in values if tag == "a"]
        self.pictures += [unquote(value[4:]) for value in values if value.lower().startswith("cid:")]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)
