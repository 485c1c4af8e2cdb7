"""Reads the machine's half of a delivery report (RFC 3464, RFC 6533): each recipient's fate and its code.

Belongs here: message/delivery-status blocks as mail servers really write them. Reports in prose are in `bounce_prose`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_string

from treem.mailroom.headers import Part, bytes_to_text, raw_value
from treem.mailroom.parts import Leaf, inner_parts
from treem.mailroom.sender import plain_addresses

STATUS_KINDS = ("message/delivery-status", "message/global-delivery-status")
ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
FAILED = ("fail", "error")  # "failed (Bad destination mailbox address)", "failure"; OpenSMTPD of old wrote "error"
ARRIVED = ("delivered", "relayed", "expanded")
GENERIC = ".0.0"


@dataclass(frozen=True)
class Fate:
    """What became of a letter to one address. Neither permanent nor delayed: given up after a passing trouble."""

    permanent: bool
    delayed: bool = False
    code: str | None = None

    @property
    def is_vague(self) -> bool:
        """Whether the code says no more than that something failed."""
        return self.code is None or self.code.endswith(GENERIC)


def fates(leaves: Sequence[Leaf]) -> Iterator[tuple[str, Fate]]:
    """Every address that was not reached, or not yet; those that were reached are left out."""
    for block in _all_blocks(leaves):
        action = raw_value(block, "Action").lower()
        delayed = action.startswith("delayed")
        if not delayed and not action.startswith(FAILED):
            continue
        code = _code(block)
        fate = Fate(not delayed and not (code or "").startswith("4"), delayed, code)
        for name in ("Original-Recipient", "Final-Recipient"):
            for address in plain_addresses(raw_value(block, name).rpartition(";")[2]):
                yield address, fate


def says_arrived(leaves: Sequence[Leaf]) -> bool:
    """Whether the report is good news for somebody: delivered, relayed or expanded."""
    return any(raw_value(block, "Action").lower().startswith(ARRIVED) for block in _all_blocks(leaves))


def enhanced_code(text: str) -> str | None:
    """The first enhanced status code (RFC 3463) that says something, else the first vague one."""
    found = [code for code in ENHANCED.findall(text) if not code.startswith("2")]
    return next((code for code in found if not code.endswith(GENERIC)), found[0] if found else None)


def _all_blocks(leaves: Sequence[Leaf]) -> list[Part]:
    return [block for leaf in leaves if leaf.kind in STATUS_KINDS for block in _blocks(leaf.part)]


def _code(block: Part) -> str | None:
    """The Status; where that is vague, what the other server said."""
    told = enhanced_code(raw_value(block, "Status"))
    if told is None or told.endswith(GENERIC):
        return enhanced_code(raw_value(block, "Diagnostic-Code")) or told
    return told


def _blocks(part: Part) -> list[Part]:
    """One block about the letter, then one a recipient; the standard library takes apart only the older type."""
    blocks = inner_parts(part)
    if part.get_content_type() != "message/global-delivery-status":
        return blocks
    bodies = (block.get_payload(decode=True) for block in blocks)
    texts = (bytes_to_text(body, None) for body in bodies if isinstance(body, bytes))
    return blocks + [message_from_string(block) for text in texts for block in re.split(r"(?:\r?\n){2,}", text)]
