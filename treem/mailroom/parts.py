"""The parts of a letter, flat and in order: what each says it is, and its bytes.

Belongs here: walking a hostile letter within bounds, and reading one part. What a part means is in `files`, `words` and
`bounce`.
"""

import re
from collections import deque
from dataclasses import dataclass
from email.message import Message
from functools import cached_property

from treem.mailroom.headers import Part, bytes_to_text, clean, decoded, raw_value
from treem.mailroom.uuencoded import extract

DEEPEST = 12
MOST_PARTS = 300
LONGEST_NAME = 200
FORMAT_CHARACTERS = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
BODY_KINDS = ("text/plain", "text/html")
CONTAINERS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""How .xlsx and .ods, and .xls, begin: such a part is a file whatever it is labelled."""


@dataclass(frozen=True)
class Leaf:
    """A part that holds no other part of this letter. A letter inside it (message/*) is one closed part."""

    part: Part
    around: str  # the multipart directly around it, e.g. "multipart/related"; "" for a letter of one part

    @cached_property
    def kind(self) -> str:
        return self.part.get_content_type()

    @property
    def is_letter(self) -> bool:
        return self.kind.startswith("message/")

    @property
    def is_attached(self) -> bool:
        return self.part.get_content_disposition() == "attachment"

    @cached_property
    def name(self) -> str:
        return file_name(self.part)

    @cached_property
    def data(self) -> bytes:
        """Its bytes, with the transfer encoding undone; none for a letter inside it."""
        payload = None if self.is_letter else self.part.get_payload(decode=True)
        return payload if isinstance(payload, bytes) else b""

    @cached_property
    def content_id(self) -> str:
        return raw_value(self.part, "Content-ID").strip("<> ")

    @cached_property
    def is_file(self) -> bool:
        """Whether it is a file, not the letter's own words or another rendering of them."""
        if self.is_letter:
            return False
        if self.name or self.is_attached or self.data.startswith(CONTAINERS):
            return True
        return self.kind not in BODY_KINDS and not (self.around == "multipart/alternative" and "text/" in self.kind)

    @property
    def packed(self) -> list[tuple[bytes, bytes]]:
        """Files uuencoded in the middle of its words, as name and data."""
        return self._unpacked[1]

    def text(self, longest: int) -> str:
        """Its words in the charset it claims, else UTF-8, else Latin-1; uuencoded files are no words."""
        charset = self.part.get_param("charset")
        name = charset[2] if isinstance(charset, tuple) else charset
        return bytes_to_text(self._unpacked[0][: 4 * longest], name if isinstance(name, str) else None)[:longest]

    @cached_property
    def _unpacked(self) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        return extract(self.data) if self.kind == "text/plain" and not self.is_file else (self.data, [])


def take_apart(letter: Part) -> tuple[list[Leaf], bool]:
    """The letter's own parts in order, and whether these are all: too many, too deep or broken ones are left out."""
    waiting, found, whole = deque([(letter, "", 0)]), list[Leaf](), True
    while waiting and len(found) < MOST_PARTS:
        current, around, level = waiting.popleft()
        kind = current.get_content_type()
        if not kind.startswith("multipart/"):
            found.append(Leaf(current, around))
        elif level < DEEPEST and current.is_multipart():
            waiting.extendleft((inner, kind, level + 1) for inner in reversed(inner_parts(current)))
        else:
            whole = False
    return found, whole and not waiting


def inner_parts(part: Part) -> list[Part]:
    """What a multipart or a letter inside this one consists of; nothing where it cannot be taken apart."""
    payload = part.get_payload() if part.is_multipart() else []  # of other parts it would try the charset, and raise
    return [inner for inner in payload if isinstance(inner, Message)] if isinstance(payload, list) else []


def file_name(part: Part) -> str:
    """The name without any path, in NFC, free of characters that hide or reverse text; "" where none can be read."""
    headers = Message()  # the same two, with 8-bit bytes read instead of dropped
    for header in ("Content-Disposition", "Content-Type"):
        headers[header] = raw_value(part, header)
    try:
        return plain_name(decoded(headers.get_filename() or ""))
    except Exception:  # ValueError of a charset with NUL in RFC 2231, IndexError and TypeError of its numbering
        return ""


def plain_name(told: str) -> str:
    """A file name as told by a stranger, as a name only; a very long one keeps its ending."""
    name = re.split(r"[/\\]", FORMAT_CHARACTERS.sub("", clean(told)))[-1].strip()
    stem, dot, ending = name.rpartition(".")
    return name if len(name) <= LONGEST_NAME else f"{stem[: LONGEST_NAME - 10]}{dot}{ending[:9]}"
