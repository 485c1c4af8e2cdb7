"""What a rule says of one body. The rules are in the modules beside this one."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Choice:
    """One body's place in a selection, in the rule's order; the reasons are shown to people, in Vietnamese."""

    body: str
    chosen: bool
    reasons: tuple[str, ...]
    places: int | None = None
    day: date | None = None
