"""The child's operation for winmail.dat: the files that Outlook wrapped in Microsoft's own format (TNEF).

Belongs here: the only use of tnefparse, and limits on what it hands over. Letters inside the letter are not opened.
Runs in the child process.
"""

from collections.abc import Iterator, Mapping
from struct import unpack_from
from typing import Any

from tnefparse import TNEF
from tnefparse.tnef import TNEFAttachment

from treem.forms.frames import Frame
from treem.forms.unpack import Refused

MAX_FILES = 50
MAX_UNWRAPPED = 25_000_000
MAX_NAME = 300
HEADER, AROUND = 6, 11  # bytes before the first part, and around the content of each
LONG_NAME = 0x3707  # PidTagAttachLongFilename


def answer(_: Mapping[str, Any], data: bytes) -> Frame:
    """Name and size of each file, and the files one after the other. Raises Refused, and what tnefparse raises."""
    letter = TNEF(data, do_checksum=False)  # wrong ones are met with in good letters
    if _is_cut_off(letter, data):
        raise Refused("damaged")
    files = [file for file in _files(letter) if file[1]]
    if len(files) > MAX_FILES or sum(len(content) for _, content in files) > MAX_UNWRAPPED:
        raise Refused("too_large")
    head = {"files": [(name[-MAX_NAME:], len(content)) for name, content in files]}
    return Frame(head, b"".join(content for _, content in files))


def _is_cut_off(letter: TNEF, data: bytes) -> bool:
    """Whether the last part says that it is longer than what is there, and belongs to a file."""
    if not letter.objects or letter.objects[-1].level != TNEF.LVL_ATTACHMENT:
        return False
    start: int = HEADER + sum(part.length for part in letter.objects[:-1])
    said: int = unpack_from("<I", data, start + 5)[0]
    return start + said + AROUND > len(data)


def _files(letter: TNEF) -> Iterator[tuple[str, bytes]]:
    for attachment in letter.attachments:
        if isinstance(attachment.data, bytes) and not hasattr(attachment, "embed"):
            yield _name(attachment), attachment.data


def _name(attachment: TNEFAttachment) -> str:
    """The long name in Unicode where there is one, else the short one."""
    long_name = next((a.data for a in attachment.mapi_attrs if a.name == LONG_NAME), None)
    name = long_name or attachment._name
    if isinstance(name, bytes):
        name = name.decode(attachment.codepage or "cp1252", "replace")
    return str(name).strip("\0")
