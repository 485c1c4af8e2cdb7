"""Reading one header of a hostile letter: every access is safe and gives plain text or nothing.

Belongs here: what the standard library gets wrong or raises on (facts: policy.default raises on a fifth of crafted
headers, so letters are parsed with compat32 and read through here).
"""

import re
import unicodedata
from email.header import decode_header
from email.message import Message
from itertools import islice
from typing import TypeAlias

LONGEST = 20_000
MOST_HEADERS = 5_000
UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
FOLD = re.compile(r"\r?\n[ \t]*|[\r\n]+")
MESSAGE_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f]{1,900}>")
MOST_IDS = 100

Part: TypeAlias = "Message[str, str]"


def raw_values(part: Part, name: str) -> list[str]:
    """Every value of a header, unfolded but not decoded; 8-bit bytes are read as UTF-8, else as Latin-1."""
    return [_unfolded(value) for value in _by_name(part).get(name.lower(), ())]


def _by_name(part: Part) -> dict[str, list[str]]:
    """The headers in lower case, looked through once for each part: nothing adds to the parts of a letter that came."""
    known: dict[str, list[str]] | None = vars(part).get("headers by name")
    if known is None:
        known = vars(part)["headers by name"] = {}
        for key, value in islice(part.raw_items(), MOST_HEADERS):
            known.setdefault(key.lower(), []).append(str(value))
    return known


def raw_value(part: Part, name: str) -> str:
    """The first value of a header, or an empty string."""
    return next(iter(raw_values(part, name)), "")


def text_of(part: Part, name: str) -> str:
    """The first value of a header as people read it."""
    return decoded(raw_value(part, name))


def decoded(value: str) -> str:
    """A value with its encoded words decoded; an unknown charset gives what can be read."""
    try:
        chunks = decode_header(value)
    except Exception:  # binascii, header and value errors of malformed encoded words
        return clean(value)
    return clean("".join(bytes_to_text(c, charset) if isinstance(c, bytes) else c for c, charset in chunks))


def bytes_to_text(data: bytes, charset: str | None) -> str:
    """Bytes as text in the charset they claim, else UTF-8, else Latin-1 (old Vietnamese fonts arrive so)."""
    for name in (charset, "utf-8"):
        try:
            return data.decode(name or "utf-8")
        except (LookupError, ValueError):
            continue
    return data.decode("latin-1")


def clean(text: str) -> str:
    """Text in NFC without control characters and lone surrogates; PostgreSQL refuses NUL, and UTF-8 the others."""
    return unicodedata.normalize("NFC", UNWANTED.sub("", text)).strip()


def message_ids(value: str) -> tuple[str, ...]:
    """The ids of In-Reply-To or References, in order; of very many the first and the last."""
    found = MESSAGE_ID.findall(value)
    return tuple(found if len(found) <= MOST_IDS else found[: MOST_IDS // 2] + found[-MOST_IDS // 2 :])


def _unfolded(value: str) -> str:
    text = bytes_to_text(value[:LONGEST].encode("utf-8", "surrogateescape"), None)
    return FOLD.sub(" ", text).strip()
