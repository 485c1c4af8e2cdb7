"""How the two ends of the sandbox talk: a frame is two lengths, a JSON head and bytes.

Belongs here: putting a frame on a pipe and taking one off, within a limit. Both processes import it: standard library
only.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import RawIOBase
from struct import Struct
from typing import Any

LENGTHS = Struct("<II")
MAX_HEAD = 4_000_000


class Broken(Exception):
    """What came through the pipe is no frame, or larger than agreed."""


@dataclass(frozen=True)
class Frame:
    """One message."""

    head: dict[str, Any]
    body: bytes = b""


def send(pipe: RawIOBase, head: Mapping[str, Any], body: bytes = b"") -> None:
    """Put a frame on the pipe. Raises OSError when nobody listens any more."""
    text = json.dumps(head, ensure_ascii=True, allow_nan=False).encode()
    _write(pipe, LENGTHS.pack(len(text), len(body)) + text)
    _write(pipe, body)


def receive(pipe: RawIOBase, most: int) -> Frame | None:
    """The next frame with a body of at most that many bytes; None where the pipe has ended. Raises Broken."""
    lengths = _read(pipe, LENGTHS.size)
    if lengths is None:
        return None
    head_size, body_size = LENGTHS.unpack(lengths)
    if head_size > MAX_HEAD or body_size > most:
        raise Broken(f"a frame of {head_size} + {body_size} bytes")
    head, body = _read(pipe, head_size), _read(pipe, body_size)
    if head is None or body is None:
        return None
    return Frame(_parsed(head), body)


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        head = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Broken("a head that is no JSON") from error
    if not isinstance(head, dict):
        raise Broken("a head that is no object")
    return head


def _read(pipe: RawIOBase, size: int) -> bytes | None:
    room = bytearray(size)
    view, filled = memoryview(room), 0
    while filled < size:
        got = pipe.readinto(view[filled:])
        if not got:
            return None
        filled += got
    return bytes(room)


def _write(pipe: RawIOBase, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[pipe.write(view) or 0 :]
