"""Who a letter is from, the one address of the one From header, or nobody; and to which addresses it went.

Belongs here: addresses in headers. Reply-To, Sender and display names are never identity; readings that differ are a
trick.
"""

import re
from email import policy
from email.utils import getaddresses
from itertools import islice

from treem.mailroom.compose import ADDRESS
from treem.mailroom.headers import MOST_HEADERS, Part, raw_values

SPECIFIC = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Gm-Original-To", "To", "Cc")
MOST_ADDRESSES = 200
LONGEST_FROM = 2_000


def sole_sender(letter: Part) -> str | None:
    """The address in lower case when From stands once and both parsers of the standard library agree on it."""
    values = raw_values(letter, "From")
    if len(values) != 1 or len(values[0]) > LONGEST_FROM or len(letter) >= MOST_HEADERS:
        return None  # what stands beyond the limits may be a second From
    simple, strict = _simple(values[0]), _strict(values[0])
    return simple if simple is not None and simple == strict else None


def delivered_to(letter: Part) -> tuple[str, ...]:
    """Every address the letter was for, the most trustworthy header first."""
    found = (
        a for name in SPECIFIC for value in raw_values(letter, name)[:MOST_ADDRESSES] for a in plain_addresses(value)
    )
    return tuple(dict.fromkeys(islice(found, MOST_ADDRESSES)))


def untagged(address: str) -> str:
    """The address without its plus tag."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def plain_addresses(value: str) -> list[str]:
    """Every address of a list of recipients, in lower case, as far as it can be read."""
    try:
        pairs = getaddresses([value])
    except Exception:  # malformed quoting and deep comments raise all kinds
        return []
    return [address.lower() for _, address in pairs if ADDRESS.fullmatch(address)]


def _simple(value: str) -> str | None:
    try:
        pairs = getaddresses([value])
    except Exception:  # see plain_addresses
        return None
    return _sound([address for _, address in pairs])


def _strict(value: str) -> str | None:
    try:
        header = policy.default.header_factory("From", value)
        if any(group.display_name is not None for group in header.groups):
            return None
        return _sound([address.addr_spec for address in header.addresses])
    except Exception:  # the header parser raises IndexError, RecursionError and more on crafted values
        return None


def _sound(addresses: list[str]) -> str | None:
    if len(addresses) != 1 or not ADDRESS.fullmatch(addresses[0]) or re.search(r"=\?", addresses[0]):
        return None
    return addresses[0].lower()
