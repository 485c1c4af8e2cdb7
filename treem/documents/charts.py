"""Charts for the Word report, where people would rather look than read: when reports came, the district beside last
year, the communes side by side.

Belongs here: what is drawn, and how. Charts are printed in black and white: bars differ by hatching, not by colour, and
every bar bears its number. A chart shows nothing that does not stand in the report: the communes' numbers are those
printed in Phụ lục II, and last year's stand only beside numbers that are no secret. The same input gives the same
bytes: no date and no program's name in the picture.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from treem.district.compare import Compared
from treem.documents.dates import number_text, short_date
from treem.documents.figures import Merged
from treem.ledger.queries import FilingRow
from treem.plan.agenda import RoundPlan

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

PEN = Lock()  # matplotlib draws one picture at a time
KEPT = 8  # pictures: the draft and what is sent have the same ones
DPI = 150
WIDE = 245.0  # mm: the breadth of a turned page between its margins
FONT = "DejaVu Sans"  # comes with matplotlib, the same everywhere, and has every Vietnamese letter
LARGE = 100  # a number of last year is shown from here on: nobody is known by it
MOST_COMPARED, MOST_PANELS, MOST_INDEX = 10, 4, 250
LATE, DOTTED = "////", "...."
GREY, WHITE, BLACK = "#bdbdbd", "#ffffff", "#000000"


@dataclass(frozen=True)
class Chart:
    """A picture (PNG) with its title and what it says in words, for those who do not see it. Sizes in mm."""

    title: str
    alt: str
    png: bytes
    width: float = WIDE


@dataclass(frozen=True)
class Bars:
    """The communes' printed numbers of one figure; a cell without a number is a word or a sign."""

    label: str
    unit: str
    cells: tuple[str, ...]

    @property
    def numbers(self) -> tuple[Decimal | None, ...]:
        """The cells as numbers again."""
        return tuple(_number(cell) for cell in self.cells)


# ---- when reports came


def timeline(plan: RoundPlan, filing: Sequence[FilingRow], timezone: str) -> Chart | None:
    """How many reports came on which day, on time and late, with the day they were due."""
    came = [(_day(row, timezone), row.on_time) for row in filing if row.first_received_at]
    if not came:
        return None
    on_time, late = (Counter(day for day, good in came if good is wanted) for wanted in (True, False))
    first, last = min(day for day, _ in came), max(day for day, _ in came)
    start, end = min(first, plan.due), max(last, plan.due)
    days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
    missing = len(filing) - len(came)
    alt = (
        f"Biểu đồ cột: số báo cáo nhận lần đầu theo ngày, từ {short_date(first)} đến {short_date(last)}; đúng hạn "
        f"{on_time.total()}, quá hạn {late.total()}, chưa nộp {missing}; hạn nộp {short_date(plan.due)}."
    )
    png = _columns(tuple(days), tuple(on_time[d] for d in days), tuple(late[d] for d in days), plan.due)
    return Chart("Số báo cáo nhận được theo ngày (lần nhận đầu tiên)", alt, png)


@lru_cache(maxsize=KEPT)
def _columns(days: tuple[date, ...], on_time: tuple[int, ...], late: tuple[int, ...], due: date) -> bytes:
    """A column a day; `due` is among the days."""
    totals, due_at = [good + bad for good, bad in zip(on_time, late, strict=True)], days.index(due)
    with PEN:
        picture, axes = _picture(WIDE, 72)
        places, edge = range(len(days)), {"edgecolor": BLACK, "width": 0.8}
        axes.bar(places, on_time, color=WHITE, label="đúng hạn", **edge)
        axes.bar(places, late, bottom=on_time, color=GREY, hatch=LATE, label="quá hạn", **edge)
        for place, total in enumerate(totals):
            if total:
                axes.annotate(str(total), (place, total), ha="center", va="bottom", fontsize=8)
        axes.axvline(due_at + 0.5, color=BLACK, linestyle="--", linewidth=1)
        axes.set_ylim(0, max(totals) * 1.35 + 0.5)
        corner = (due_at + 0.4, max(totals) * 1.32 + 0.4)
        axes.annotate(f"hết hạn nộp {short_date(due)}", corner, ha="right", va="top")
        step = max(1, len(days) // 12)
        axes.set_xticks(places[::step], [f"{day.day:02d}/{day.month}" for day in days[::step]])
        axes.set_xlim(-0.8, len(days) - 0.2)
        axes.set_ylabel("số báo cáo nhận được")
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.legend(loc="upper center", frameon=False, ncols=2)
        return _png(picture)


def _day(row: FilingRow, timezone: str) -> date:
    if row.first_received_at is None:
        raise ValueError("nothing was received")
    return row.first_received_at.astimezone(ZoneInfo(timezone)).date()


# ---- beside last year


def beside_last_year(compared: Sequence[Compared], merged: Sequence[Merged], shown: Iterable[str]) -> Chart | None:
    """The district's figures in per cent of last year's, where both are whole. `shown`: codes whose total is printed.

    What is sensitive stays out, and so do small numbers.
    """
    told = {m.figure.code: m for m in merged if not m.indicator.sensitive and m.figure.code in set(shown)}
    fit = [c for c in compared if c.figure.code in told and _may_be_drawn(c)]
    chosen = _one_a_section(fit, lambda c: told[c.figure.code].indicator.section)[:MOST_COMPARED]
    if len(chosen) < 2:
        return None
    index = tuple(float(100 * (c.now.number or 0) / _before(c)) for c in chosen)
    told_as = tuple(
        f"{number_text(_before(c))} → {number_text(c.now.number or Decimal(0))} {c.figure.unit}" for c in chosen
    )
    lines = (
        f"{_alone(c.figure.label)}: năm trước {number_text(_before(c))}, kỳ này "
        f"{number_text(c.now.number or Decimal(0))} {c.figure.unit}"
        for c in chosen
    )
    alt = f"Biểu đồ thanh ngang so với cùng kỳ năm trước. {'; '.join(lines)}."
    png = _index_bars(tuple(_short(_alone(c.figure.label), 70) for c in chosen), index, told_as)
    return Chart("So với cùng kỳ năm trước (chỉ tiêu mọi đơn vị đều có số liệu cả hai kỳ)", alt, png)


@lru_cache(maxsize=KEPT)
def _index_bars(names: tuple[str, ...], index: tuple[float, ...], told_as: tuple[str, ...]) -> bytes:
    """A bar a figure, in per cent of last year's; one that leaves the picture is cut off and marked."""
    with PEN:
        picture, axes = _picture(WIDE, 14 + 8.2 * len(names))
        places, lengths = range(len(names))[::-1], [min(i, MOST_INDEX) for i in index]
        axes.barh(places, lengths, color=GREY, edgecolor=BLACK, height=0.62)
        axes.axvline(100, color=BLACK, linestyle="--", linewidth=1)
        under = {"facecolor": WHITE, "edgecolor": "none", "pad": 0.6}  # the dashed line does not strike it through
        for place, length, i, text in zip(places, lengths, index, told_as, strict=True):
            mark = " »" if i > MOST_INDEX else " "
            axes.annotate(f"{mark}{text}", (length, place), va="center", ha="left", fontsize=8, bbox=under)
        axes.set_yticks(places, names, fontsize=8)
        axes.set_xlim(0, max(140.0, max(lengths) * 1.35))
        axes.set_xlabel("cùng kỳ năm trước = 100 (đường đứt nét)")
        return _png(picture)


def _may_be_drawn(c: Compared) -> bool:
    if c.change is None or c.before is None or not (c.now.is_whole and c.before.is_whole):
        return False
    numbers = (c.now.number or Decimal(0), c.before.number or Decimal(0))
    return min(numbers) >= (1 if c.figure.merge == "rate" else LARGE)


def _before(c: Compared) -> Decimal:
    if c.before is None or not c.before.number:
        raise ValueError("nothing to compare with")
    return c.before.number


# ---- communes side by side


def communes(names: Sequence[str], rows: Sequence[Bars], merged: Sequence[Merged]) -> Chart | None:
    """The communes' numbers of a few figures side by side, one figure a section of the report, as they are printed."""
    section = {m.figure.label: m.indicator.section for m in merged if m.figure.type in ("count", "rate")}
    fit = [row for row in rows if row.label in section and _tells_apart(row)]
    chosen = _one_a_section(fit, lambda row: section[row.label])[:MOST_PANELS]
    if not chosen or len(names) < 2:
        return None
    said = (
        f"{_alone(row.label)} ({row.unit}): " + ", ".join(f"{n} {c}" for n, c in zip(names, row.cells, strict=True))
        for row in chosen
    )
    alt = f"Biểu đồ thanh ngang theo xã, thị trấn. {'. '.join(said)}."
    return Chart("Các xã, thị trấn", alt, _panels(tuple(names), tuple(chosen)))


@lru_cache(maxsize=KEPT)
def _panels(names: tuple[str, ...], rows: tuple[Bars, ...]) -> bytes:
    """A field a figure and a bar a commune, its printed cell beside it."""
    with PEN:
        picture, fields = _picture(WIDE, 14 + 5.6 * len(names), panels=len(rows))
        places = range(len(names))[::-1]
        for field, row in zip(fields, rows, strict=True):
            lengths = [float(n or 0) for n in row.numbers]
            field.barh(places, lengths, color=WHITE, edgecolor=BLACK, hatch=DOTTED, height=0.7)
            for place, length, cell in zip(places, lengths, row.cells, strict=True):
                field.annotate(f" {cell}", (length, place), va="center", ha="left", fontsize=8)
            field.set_title(f"{_wrapped(_alone(row.label), 34)}\n({row.unit})", fontsize=8)
            field.set_xlim(0, max(lengths) * 1.3)
            field.set_xticks([])
            field.set_yticks(places, names if field is fields[0] else [""] * len(names), fontsize=8)
        return _png(picture)


def _tells_apart(row: Bars) -> bool:
    """Whether most communes have a number, and not all the same small one."""
    said = [n for n in row.numbers if n is not None]
    return 2 * len(said) > len(row.cells) and max(said) >= 10


def _number(text: str) -> Decimal | None:
    plain = text.replace(".", "").replace(",", ".")
    return Decimal(plain) if plain.replace(".", "", 1).isdecimal() else None


# ---- drawing


def _one_a_section(items: Sequence[Any], section_of: Any) -> list[Any]:
    """The first of each section, then the others, each in their order."""
    firsts: dict[str, Any] = {}
    for item in items:
        firsts.setdefault(section_of(item), item)
    return [*firsts.values(), *(item for item in items if item not in firsts.values())]


def _picture(width: float, height: float, panels: int = 0) -> tuple["Picture", Any]:
    """An empty picture of that size in mm, with one field or several beside each other."""
    from matplotlib import rcParams  # half a second that only those who draw spend
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Picture

    rcParams.update({"font.family": FONT, "font.size": 9, "hatch.linewidth": 0.6, "axes.linewidth": 0.6})
    picture = Picture(figsize=(width / 25.4, height / 25.4), dpi=DPI, layout="constrained")
    FigureCanvasAgg(picture)
    axes = picture.subplots(1, panels or 1, squeeze=False)[0]
    for field in axes:
        for side in ("top", "right"):
            field.spines[side].set_visible(False)
    return picture, axes if panels else axes[0]


def _png(picture: "Picture") -> bytes:
    out = BytesIO()
    picture.savefig(out, format="png", dpi=DPI, metadata={"Software": None})
    return out.getvalue()


def _alone(label: str) -> str:
    """A figure's name where it does not stand under the one it is part of: "Trong đó: số …" → "Số …"."""
    bare = re.sub(r"^trong đó:?\s+", "", label, flags=re.IGNORECASE)
    return bare[:1].upper() + bare[1:]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + "…"


def _wrapped(text: str, width: int) -> str:
    return "\n".join(_lines(_short(text, 2 * width), width))


def _lines(text: str, width: int) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and len(line) + len(word) + 1 > width:
            yield line
            line = ""
        line = f"{line} {word}".strip()
    if line:
        yield line
