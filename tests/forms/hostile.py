"""Builds the files that break spreadsheet readers, small and from scratch."""

import re
import struct
import zipfile
from collections.abc import Mapping
from io import BytesIO

import builders as b
import xlwt
from openpyxl import Workbook

NAMESPACE = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
OVER = 61_000_000  # more than may be unpacked


def parts_of(data: bytes) -> dict[str, bytes]:
    """The parts of a package."""
    with zipfile.ZipFile(BytesIO(data)) as package:
        return {name: package.read(name) for name in package.namelist()}


def packed(parts: Mapping[str, bytes]) -> bytes:
    """A package of these parts."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, part in parts.items():
            package.writestr(name, part)
    return out.getvalue()


def changed(name: str, pattern: bytes, instead: bytes, data: bytes | None = None) -> bytes:
    """A filled form (or that file) with one part changed."""
    parts = parts_of(data or filled())
    part, count = re.subn(pattern, lambda _: instead, parts[name], count=1, flags=re.DOTALL)
    assert count == 1, f"{pattern!r} is not in {name}"
    return packed(parts | {name: part})


def filled() -> bytes:
    """A form filled in well."""
    return b.open_form().fill().save()


def with_cell(cell: bytes) -> bytes:
    """A form with one more cell in a row of its own at the end."""
    return changed(SHEET, b"</sheetData>", b"<row>" + cell + b"</row></sheetData>")


def far_cell() -> bytes:
    """A value in the last cell there can be: 550 GB when every cell before it is given room."""
    return with_cell(b'<c r="XFD1048576"><v>1</v></c>')


def far_row() -> bytes:
    """A value in the last row."""
    return with_cell(b'<c r="A1048576"><v>1</v></c>')


def styled_far_cell() -> bytes:
    """What Excel writes when a whole column was formatted."""
    return with_cell(b'<c r="XFD1048576" s="1"/>')


def _with_strings() -> bytes:
    """An .xlsx with shared texts, as Excel writes it."""
    return b.build_form()


def lying_string_count() -> bytes:
    """A table of texts that says it has four thousand million."""
    return changed(STRINGS, rb"uniqueCount=\"\d+\"", b'uniqueCount="4000000000127"', _with_strings())


def one_long_string() -> bytes:
    """One text of 61 MB."""
    return changed(STRINGS, b"<t>.", b"<t>" + b"a" * OVER, _with_strings())


def long_comment() -> bytes:
    """A comment of 61 MB in a sheet of 60 kB."""
    return changed(SHEET, b"<sheetData>", b"<!--" + b" " * OVER + b"--><sheetData>")


def many_rows() -> bytes:
    """A million rows."""
    return changed(SHEET, b"</sheetData>", b'<row><c t="n"><v>1</v></c></row>' * 1_000_000 + b"</sheetData>")


def many_cells(count: int) -> bytes:
    """As many cells as that, all of them near."""
    row = b"<row>" + b'<c t="n"><v>1</v></c>' * 100 + b"</row>"
    return changed(SHEET, b"</sheetData>", row * (count // 100) + b"</sheetData>")


def entity_bomb() -> bytes:
    """A billion laughs."""
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    return changed(SHEET, b"<worksheet", b'<!DOCTYPE x [<!ENTITY l0 "ha">' + laughs + b"]><worksheet")


def file_inclusion() -> bytes:
    """An external entity."""
    return changed(STRINGS, b"<sst", b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><sst', _with_strings())


def wide_merge() -> bytes:
    """One merged range over the whole sheet."""
    return changed(SHEET, b'<mergeCell ref="', b'<mergeCell ref="A60:XFD1048576"/><mergeCell ref="')


def many_styles(count: int = 500_000) -> bytes:
    """A style sheet of half a million formats."""
    return changed("xl/styles.xml", b"<cellXfs[^>]*>", b"<cellXfs>" + b'<xf numFmtId="0"/>' * count)


def doubled_part() -> bytes:
    """Two sheets of the same name in the package: readers take one or the other."""
    out = BytesIO(filled())
    with zipfile.ZipFile(out, "a") as package:
        package.writestr(SHEET.upper(), b"<worksheet/>")
    return out.getvalue()


def bad_reference() -> bytes:
    """A cell that is nowhere."""
    return with_cell(b'<c r="1A"><v>1</v></c>')


def utf16_sheet() -> bytes:
    """A sheet in another encoding than the usual one."""
    parts = parts_of(filled())
    text = parts[SHEET].decode()
    return packed(parts | {SHEET: ('<?xml version="1.0" encoding="UTF-16"?>' + text).encode("utf-16")})


def far_xls_cells() -> bytes:
    """Values all over an .xls of ordinary size."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    for row in range(0, 65000, 1000):
        sheet.write(row, 255, 1)
    for number in range(3):
        book.add_sheet(f"s{number}").write(65535, 255, 1)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def foreign_workbook() -> bytes:
    """A list somebody else keeps."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("STT", "Họ tên", "Tổng số"), (1, "A", 3), (2, "B", 4)):
        sheet.append(row)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def odd_cells() -> b.Filling:
    """A form with an error in D13 and a formula without a result in D16."""
    form = b.open_form().fill()
    form.figures["D13"], form.figures["D16"] = "#DIV/0!", "=1+1"
    return form


def xls_with_odd_cells() -> bytes:
    """The same as .xls."""
    return b.as_xls(odd_cells().book)


def ods_with_odd_cells() -> bytes:
    """The same as .ods."""
    return b.as_ods(odd_cells().book)


def bad_boolean() -> bytes:
    """A yes/no cell that says 7."""
    return with_cell(b'<c t="b"><v>7</v></c>')


def bad_string_index() -> bytes:
    """A cell with the ten-thousandth of four texts."""
    return with_cell(b'<c t="s"><v>9999</v></c>')


def style_out_of_range() -> bytes:
    """A cell with a format that is not there, as some libraries write it."""
    return changed(SHEET, rb'<c r="D13" s="\d+"', b'<c r="D13" s="9999"')


def repeated_cells(rows: int = 1_048_576, columns: int = 16_384) -> bytes:
    """An .ods in which one cell stands for all cells of the sheet."""
    data = b.as_ods(b.open_form().fill().book)
    many = b'<table:table-row table:number-rows-repeated="%d"><table:table-cell ' % rows
    many += (
        b'table:number-columns-repeated="%d" office:value-type="float" office:value="1"/></table:table-row>' % columns
    )
    return changed("content.xml", b"</table:table>", many + b"</table:table>", data)


def with_macros() -> bytes:
    """Macros beside the sheets; they are never run."""
    parts = parts_of(filled())
    return packed(parts | {"xl/vbaProject.bin": OLE + b"macro"})


def outside_link() -> bytes:
    """A cell whose formula looks into another workbook, with the result of last time."""
    return changed(SHEET, rb'<c r="D13"[^>]*>.*?</c>', b'<c r="D13"><f>[1]Sheet1!A1</f><v>1234</v></c>')


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def password_xlsx() -> bytes:
    """What Excel makes of an .xlsx with a password: a container with an encrypted package."""
    data = b.as_xls(Workbook())
    name = "Workbook".encode("utf-16-le")
    at = data.rindex(name)
    entry = "EncryptedPackage".encode("utf-16-le").ljust(64, b"\0") + struct.pack("<H", 34)
    return data[:at] + entry + data[at + len(entry) :]


def password_xls() -> bytes:
    """An .xls whose records say that the rest is encrypted."""
    data = b.as_xls(b.open_form().fill().book)
    at = data.index(struct.pack("<HH", 0x005C, 0x70))  # the name of the writer
    return data[:at] + struct.pack("<H", 0x002F) + data[at + 2 :]


def password_ods() -> bytes:
    """An .ods of which the manifest says how it is encrypted."""
    data = b.as_ods(b.open_form().fill().book)
    secret = b'<manifest:encryption-data manifest:checksum="x"/></manifest:manifest>'
    return changed("META-INF/manifest.xml", b"</manifest:manifest>", secret, data)


def xlsb_with_error() -> dict[str, bytes]:
    """The parts of a binary workbook with #DIV/0! in C5 and #N/A, the result of a formula, in D5."""

    def record(kind: int, body: bytes) -> bytes:
        head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
        return head + bytes([len(body)]) + body

    def text(value: str) -> bytes:
        return struct.pack("<I", len(value)) + value.encode("utf-16-le")

    sheet = record(0, struct.pack("<I", 4) + bytes(13))
    sheet += record(2, bytes(12)) + record(3, struct.pack("<IIB", 2, 0, 7)) + record(11, struct.pack("<IIB", 3, 0, 42))
    book = record(131, b"") + record(156, struct.pack("<II", 0, 1) + text("rId1") + text("Số liệu"))
    relations = b'<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.bin"/></Relationships>'
    return {
        "xl/workbook.bin": book,
        "xl/_rels/workbook.bin.rels": relations,
        "xl/worksheets/sheet1.bin": sheet,
    }
