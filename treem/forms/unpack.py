"""Looking at a workbook's package before a spreadsheet library opens it.

Belongs here: what kind of file it is, and limits against bombs. The fast reader aborts the whole process on a 7 KB file
with one value in cell XFD1048576, and takes `#DIV/0!` for a blank: `odd_xml`, `odd_xls` and `odd_xlsb` see to that.
Runs in the child process: standard library only.
"""

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Literal
from xml.parsers import expat

FileKind = Literal["xlsx", "xlsb", "ods", "xls"]

MAX_ENTRIES = 400
MAX_UNPACKED = 60_000_000
CHUNK = 1 << 16
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PARSED = (".xml", ".rels", ".bin")
ODS_MANIFEST = "META-INF/manifest.xml"  # old OpenOffice writes a DTD there, and nobody here parses it
_UTF8 = re.compile(
    rb"(?:\xef\xbb\xbf)?"
    rb"(?:<\?xml version=[\"'][\d.]+[\"'](?: encoding=[\"'](?i:utf-8)[\"'])?(?: standalone=[\"']\w+[\"'])?\s*\?>)?"
    rb"\s*<[^?!]"
)
_STRINGS = re.compile(rb"<(?:[^\s<>/:]+:)?sst[\s/>][^<>]*")
_STRING_COUNT = re.compile(rb"uniqueCount\s*=\s*[\"'](\d+)[\"']")


class Refused(Exception):
    """The file is not opened; `problem` is a rule of the catalogue."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True)
class Package:
    """A file that may be opened. `parts` are the inflated parts of a zip package."""

    kind: FileKind
    parts: dict[str, bytes] = field(default_factory=dict)


def unpack(data: bytes) -> Package:
    """What kind of workbook it is, and its parts. Raises Refused."""
    if not data:
        raise Refused("empty_file")
    if data.startswith(OLE):
        return Package("xls")
    if not data.startswith(ZIP):
        raise Refused("not_a_workbook")
    try:
        with zipfile.ZipFile(BytesIO(data)) as package:
            return _unpack(package)
    except (zipfile.BadZipFile, expat.ExpatError, EOFError, ValueError, NotImplementedError, OSError) as error:
        raise Refused("damaged") from error
    except zipfile.zlib.error as error:  # type: ignore[attr-defined]
        raise Refused("damaged") from error


def _unpack(package: zipfile.ZipFile) -> Package:
    entries = package.infolist()
    names = [entry.filename for entry in entries]
    if len(entries) > MAX_ENTRIES or len({name.casefold() for name in names}) != len(names):
        raise Refused("unsafe")
    kind = _kind(package, set(names))
    parts = inflated(package, entries, _is_parsed)
    if b"encryption-data" in parts.get(ODS_MANIFEST, b""):
        raise Refused("encrypted")
    for name, part in parts.items():
        if name.endswith((".xml", ".rels")) and name != ODS_MANIFEST and not _has_no_dtd(part):
            _refuse_dtd(part)
    _check_strings(parts.get("xl/sharedStrings.xml", b""))
    return Package(kind, parts)


def _kind(package: zipfile.ZipFile, names: set[str]) -> FileKind:
    if "xl/workbook.bin" in names:
        return "xlsb"
    if any(name.startswith("xl/") for name in names):
        return "xlsx"
    if "content.xml" in names and "mimetype" in names and b"spreadsheet" in package.open("mimetype").read(200):
        return "ods"
    raise Refused("not_a_workbook")


def _is_parsed(name: str) -> bool:
    """Whether a reader of workbooks would parse the part."""
    return name.lower().endswith(PARSED) and "vbaProject" not in name


def inflated(
    package: zipfile.ZipFile, entries: list[zipfile.ZipInfo], wanted: Callable[[str], bool]
) -> dict[str, bytes]:
    """The wanted parts, inflated for real: sizes written in a zip may lie. Raises Refused: encrypted, too_large."""
    parts, room = {}, MAX_UNPACKED
    for entry in entries:
        if entry.flag_bits & 1:
            raise Refused("encrypted")
        if not wanted(entry.filename):
            continue
        chunks = []
        with package.open(entry) as stream:
            while chunk := stream.read(CHUNK):
                room -= len(chunk)
                if room < 0:
                    raise Refused("too_large")
                chunks.append(chunk)
        parts[entry.filename] = b"".join(chunks)
    return parts


def is_utf8(part: bytes) -> bool:
    """Whether the bytes of this XML can be searched for what a parser would see."""
    return _UTF8.match(part) is not None and b"\0" not in part


def _has_no_dtd(part: bytes) -> bool:
    return is_utf8(part) and b"<!DOCTYPE" not in part and b"<!ENTITY" not in part


def _refuse_dtd(part: bytes) -> None:
    """No office program writes a DTD; entity bombs and file inclusion need one."""

    def refuse(*_: object) -> None:
        raise Refused("unsafe")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(part, True)
    except expat.ExpatError:
        if b"<!DOCTYPE" in part or b"<!ENTITY" in part:
            raise Refused("unsafe") from None
        # otherwise: the reader decides whether it needs this part (VML drawings are not always well formed)


def _check_strings(part: bytes) -> None:
    """The fast reader makes room for as many texts as the table says it has, and aborts when that is a lie."""
    table = _STRINGS.search(part)
    said = _STRING_COUNT.search(table[0]) if table else None
    if said and int(said[1]) > len(part):
        raise Refused("damaged")
