"""Finds files that stand uuencoded in the text of a letter, as old mail programs send them.

Belongs here: the encoding only. It must begin, hold nothing but sound lines, and end; otherwise it is text.
"""

import binascii
import re
from itertools import islice

BEGIN = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]{1,255})\r?\n", re.MULTILINE)
MOST_BEGINNINGS = 50


def extract(body: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """The text without its uuencoded files, and the files as name and data."""
    text, files, position = list[bytes](), list[tuple[bytes, bytes]](), 0
    for begin in islice(BEGIN.finditer(body), MOST_BEGINNINGS):
        if begin.start() < position:
            continue
        data, end = _decode(body, begin.end())
        text.append(body[position : begin.end() if data is None else begin.start()])
        position = end
        if data is not None:
            files.append((begin[1].strip(), data))
    return b"".join([*text, body[position:]]), files


def _decode(body: bytes, start: int) -> tuple[bytes | None, int]:
    """The file that starts there and where it ends; None and the end of the begin line when it is no file."""
    data, position = bytearray(), start
    while position < len(body):
        after = body.find(b"\n", position) + 1 or len(body)
        line = body[position:after].rstrip()
        if line == b"end":
            return bytes(data), after
        try:
            data += _line(line)
        except binascii.Error:
            return None, start
        position = after
    return None, start


def _line(line: bytes) -> bytes:
    """One line; some encoders write more characters than the line's length says. An empty line holds nothing."""
    try:
        return binascii.a2b_uu(line) if line else b""
    except binascii.Error:
        length = (((line[0] - 32) & 63) * 4 + 5) // 3
        return binascii.a2b_uu(line[:length])
