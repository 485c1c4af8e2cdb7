"""Reads what a delivery report says to people: the addresses it names, their fate, and the code beside each.

Belongs here: reports that follow no standard (qmail, Exim's warnings, gateways). Their every address is only a
candidate; `match` believes none that we did not write to.
"""

import logging
import re
from collections.abc import Sequence
from email import message_from_bytes
from itertools import islice

from flufl.bounce import all_failures

from treem.mailroom.delivery_status import ENHANCED, Fate, enhanced_code
from treem.mailroom.headers import clean
from treem.mailroom.parts import Leaf

ADDRESS_IN_TEXT = re.compile(r"[A-Za-z0-9._+=-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
NOT_YET = re.compile(
    r"warning (message )?only|(only|just) (a|an) (warning|temporary failure)|advisory-only|not yet been delivered"
    r"|still (being )?(trying|retried)|will (be re|re)tr|(continue|keep) (to try|trying|to attempt)"
    r"|attempts will continue|(been|is|was) (delayed|postponed)"
    r"|(bị|đang) (trì hoãn|chậm)|chưa (gửi|chuyển|phát) được|sẽ (tiếp tục )?(thử|gửi) lại",
    re.IGNORECASE,
)
NEVER = re.compile(r"permanent(ly)? (fail|error)|fail(ed|ure) permanently|(have|has|'ve) given up", re.IGNORECASE)
RETURNED_BELOW = re.compile(
    r"^(-{2,}.*\b(original|returned|copy|header|unsent|below)\b.*|(received|return-path|message-id): .*)$",
    re.IGNORECASE | re.MULTILINE,
)
SEARCHED = 60_000
MOST_ADDRESSES = 20
BESIDE = 600  # how far from an address its code may stand

logging.getLogger("flufl.bounce").disabled = True  # it reports every letter it stumbles over as an error


def own_words(leaves: Sequence[Leaf]) -> str:
    """What the report itself says: its text parts up to the returned letter."""
    texts = (clean(leaf.text(SEARCHED)) for leaf in leaves if leaf.kind in ("text/plain", "text/html"))
    text = "\n\n".join(texts)[:SEARCHED]
    below = RETURNED_BELOW.search(text)
    return text[: below.start()] if below else text


def fates_in_prose(words: str, body: str, named: Sequence[str]) -> dict[str, Fate]:
    """Every address the report names in its headers, its words and the returned letter, with the fate told beside it.

    The returned letter counts too: some reports leave the lost address out of their own words.
    """
    only_delayed = bool(NOT_YET.search(words)) and not NEVER.search(words)
    found = (*named, *ADDRESS_IN_TEXT.findall(words), *ADDRESS_IN_TEXT.findall(body))
    addresses = islice(dict.fromkeys(address.lower() for address in found), MOST_ADDRESSES)
    return {address: _fate(code_beside(words, address), only_delayed) for address in addresses}


def fates_by_flufl(raw: bytes, words: str) -> dict[str, Fate]:
    """What GNU Mailman's recogniser finds; it knows the prose of many servers, and raises on odd letters."""
    try:
        delayed, failed = all_failures(message_from_bytes(raw[:SEARCHED]))
    except Exception:  # IndexError without From, AttributeError on raw 8-bit From, RecursionError
        return {}
    told = {found.decode("ascii", "replace").lower(): found not in failed for found in (*delayed, *failed)}
    sound = {address: passing for address, passing in told.items() if ADDRESS_IN_TEXT.fullmatch(address)}
    return {address: _fate(code_beside(words, address), passing) for address, passing in sound.items()}


def code_beside(words: str, address: str) -> str | None:
    """The code between an address, or the start of its line, and the next other address."""
    at = words.lower().find(address)
    if at < 0:
        return _sole_code(words)
    beside = words[words.rfind("\n", 0, at) + 1 : at + BESIDE]
    own = beside.lower().find(address)
    others = (m.start() for m in ADDRESS_IN_TEXT.finditer(beside, own) if m[0].lower() != address)
    return enhanced_code(beside[: next(others, None)])


def _sole_code(words: str) -> str | None:
    """The code of a report that gives one only."""
    codes = set(ENHANCED.findall(words))
    return codes.pop() if len(codes) == 1 else None


def _fate(code: str | None, only_delayed: bool) -> Fate:
    """A code of class 5 is final whatever else is said; one of class 4 without a promise to go on was given up."""
    final, passing = (code or "").startswith("5"), (code or "").startswith("4")
    delayed = only_delayed and not final
    return Fate(not delayed and not passing, delayed, code)
