"""Letters of which Outlook made a winmail.dat: the files inside, taken out in the sandbox.

Belongs here: recognising such an attachment, and not believing what the child says about it.
"""

from collections.abc import Iterator

from treem.forms import layout, sandbox

SIGNATURE = b"\x78\x9f\x3e\x22"
MAX_WRAPPED = 30_000_000
MAX_UNWRAPPED = 25_000_000
LONGEST_NAME = 150


def is_winmail(data: bytes) -> bool:
    """Whether an attachment is one of these, whatever its name."""
    return data.startswith(SIGNATURE)


def unwrap(data: bytes) -> tuple[tuple[str, bytes], ...]:
    """Name and content of each file inside; nothing when it is broken or beyond the limits."""
    if not is_winmail(data) or len(data) > MAX_WRAPPED:
        return ()
    try:
        answer = sandbox.run("unwrap", data, most=MAX_UNWRAPPED)
        return tuple(_cut(answer.head.get("files"), answer.body))
    except (sandbox.Failed, TypeError, ValueError):
        return ()


def _cut(listed: object, body: bytes) -> Iterator[tuple[str, bytes]]:
    """Raises TypeError or ValueError for a list that is not as agreed."""
    if not isinstance(listed, list):
        raise TypeError("no list of files")
    place = 0
    for number, (name, size) in enumerate(listed, 1):
        if not isinstance(name, str) or not isinstance(size, int) or not 0 < size <= len(body) - place:
            raise ValueError("no such file")
        yield _safe(name) or f"tep-{number}", body[place : place + size]
        place += size


def _safe(name: str) -> str:
    """The name without a path; the end is kept, since it says what the file is."""
    return layout.one_line(name).replace("\\", "/").rpartition("/")[2].strip(" .")[-LONGEST_NAME:]
