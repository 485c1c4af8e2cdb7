"""The letters that a letter carries as attachments: a forward as a file.

Belongs here: getting at their bytes. They are never opened by themselves; a person who read the outer letter may let
one of them count (`rounds.decisions`).
"""

from email import message_from_bytes
from email.message import Message

MOST = 10


def inner_letters(raw: bytes) -> list[bytes]:
    """The bytes of each letter attached at the top, first come first; nothing where they cannot be taken out."""
    try:
        letter = message_from_bytes(raw)
        parts = letter.get_payload() if letter.is_multipart() else []
        carried = [p for p in parts if isinstance(p, Message) and p.get_content_type() == "message/rfc822"]
        inner = [payload[0] for p in carried[:MOST] if isinstance(payload := p.get_payload(), list) and payload]
        return [m.as_bytes() for m in inner if isinstance(m, Message)]
    except Exception:  # RecursionError, KeyError, UnicodeError: letters are crafted to raise them
        return []
