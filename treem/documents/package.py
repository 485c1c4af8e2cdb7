"""Office packages whose bytes depend on their content alone: fixed times in the archive and in the properties."""

import re
from datetime import UTC, datetime
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

CORE = "docProps/core.xml"
EPOCH = datetime(2020, 10, 30, tzinfo=UTC)  # the day the plan was signed: any fixed day will do


def normalised(package: bytes, moment: datetime = EPOCH) -> bytes:
    """The same package with every time in it set to `moment` (archive entries to the first day zip knows)."""
    out = BytesIO()
    with ZipFile(BytesIO(package)) as source, ZipFile(out, "w", ZIP_DEFLATED) as target:
        for name in source.namelist():
            data = source.read(name)
            entry = ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o600 << 16
            target.writestr(entry, _dated(data, moment) if name == CORE else data)
    return out.getvalue()


def _dated(core: bytes, moment: datetime) -> bytes:
    stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    return re.sub(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(</dcterms:)", rb"\g<1>" + stamp + rb"\g<3>", core)
