"""How much at risk a body is, from what the ledger knows of it. Pure: numbers in, points and reasons out.

The reasons stand in lists that many people read: of a sensitive figure they say that there is something, not how much,
and the points, from which the number could be worked out, are not shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from treem.plan.settings import RiskPoints


@dataclass(frozen=True)
class Incidents:
    """The number of one figure that counts as risk."""

    figure: str
    number: Decimal
    sensitive: bool = False


@dataclass(frozen=True)
class Record:
    """What is known of one body. `missing` and `late` name the rounds."""

    missing: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    recommendations: int = 0
    incidents: tuple[Incidents, ...] = ()


@dataclass(frozen=True)
class Risk:
    """Points, and what they are for."""

    points: int = 0
    reasons: tuple[str, ...] = ()


def weigh(record: Record, points: RiskPoints) -> Risk:
    """The risk of one body."""
    total = points.missing * len(record.missing) + points.late * len(record.late)
    total += points.recommendation * record.recommendations
    total += sum(_of_figure(found, points) for found in record.incidents)
    return Risk(total, tuple(_reasons(record)))


def _of_figure(found: Incidents, points: RiskPoints) -> int:
    """Capped, so that one big number does not outweigh everything else."""
    whole = int(found.number.to_integral_value(ROUND_CEILING))
    return min(points.incident * max(whole, 0), points.incidents_at_most)


def _reasons(record: Record) -> Iterator[str]:
    if record.missing:
        yield f"chưa nộp: {'; '.join(record.missing)}"
    if record.late:
        yield f"nộp chậm: {'; '.join(record.late)}"
    if record.recommendations:
        yield f"còn {record.recommendations} kiến nghị chưa thực hiện"
    for found in record.incidents:
        if found.number > 0:
            yield f"có vụ việc theo {found.figure}" + ("" if found.sensitive else f" ({found.number.normalize():f})")
