"""Whether our own mail server vouches for a letter's sender, as it wrote in Authentication-Results (RFC 8601).

Belongs here: which of these headers is ours, and whether what it says is about the sender's domain. What becomes of a
letter nobody vouches for is decided in `rounds`. Anybody may write such a header; only the configured server's counts.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

from authres import core_features
from authres.core import AuthenticationResultsHeader
from publicsuffixlist import PublicSuffixList

from treem.mailroom.headers import Part, raw_values
from treem.plan.settings import Mail

Verdict = Literal["pass", "fail", "none"]
FAILED = ("fail", "hardfail")
SERVER = re.compile(r"[^\s;(]+")
LONGEST = 4_000  # authres is quadratic
MOST_HEADERS = 10


class Finding(NamedTuple):
    """One method's result about the sender's domain."""

    method: str
    result: str


def authentication(letter: Part, sender: str | None, mail: Mail) -> Verdict:
    """Whether our server vouches for the domain of the sole sender; a header nobody can read vouches for nothing."""
    values = _ours(letter, mail)
    if sender is None or not values or len(values) > MOST_HEADERS:
        return "none"
    try:
        topmost, *others = [list(_about(_domain(sender), value)) for value in values]
    except Exception:  # authres raises its own SyntaxError, RecursionError on comments, TypeError on odd values
        return "none"
    return "fail" if _contradicted(topmost, others) else _verdict(topmost)


def aligned(one: str, other: str) -> bool:
    """Whether one domain is the other or lies below it. What lies below a public suffix ("gov.vn") is strangers."""
    shorter, longer = sorted((one, other), key=len)
    return one == other or (longer.endswith(f".{shorter}") and not _suffixes().is_public(shorter))


@cache
def _suffixes() -> Any:
    return PublicSuffixList()


def _ours(letter: Part, mail: Mail) -> list[str]:
    """The headers that count, topmost first: those of the configured server, or the topmost whoever wrote it."""
    values = raw_values(letter, "Authentication-Results")
    if mail.authserv_topmost:
        return [_named(value) for value in values[:1]]
    return [value for value in values if mail.authserv_id and _server(value) == mail.authserv_id.lower()]


def _server(value: str) -> str:
    found = SERVER.match(value)
    return found[0].lower() if found else ""


def _named(value: str) -> str:
    """Microsoft 365 begins with the first result where the server's name should stand."""
    return value if "=" not in _server(value) else f"unnamed; {value}"


def _about(domain: str, value: str) -> Iterator[Finding]:
    """What a header says about the domain; results about other domains are left out."""
    if len(value) > LONGEST:
        raise ValueError("Authentication-Results too long")
    header = AuthenticationResultsHeader.parse_value(core_features(), value.rstrip("; \t"))
    for result in header.results:
        if result.method == "dmarc" and _all(result, "header.from", domain.__eq__):
            yield Finding("dmarc", result.result)
        elif _is_aligned_dkim_or_spf(result, domain):
            yield Finding(result.method, result.result)


def _is_aligned_dkim_or_spf(result: Any, domain: str) -> bool:
    def close(found: str) -> bool:
        return aligned(found, domain)

    if result.method == "dkim":
        return _all(result, "header.d", close) or (not _values(result, "header.d") and _all(result, "header.i", close))
    return result.method == "spf" and _all(result, "smtp.mailfrom", close)


def _all(result: Any, name: str, holds: Any) -> bool:
    """A property given twice must hold both times."""
    values = _values(result, name)
    return bool(values) and all(holds(_domain(value)) for value in values)


def _values(result: Any, name: str) -> list[str]:
    return [p.value for p in result.properties if f"{p.type}.{p.name}" == name and p.value]


def _domain(address: str) -> str:
    return address.rpartition("@")[2].strip().rstrip(".").lower()


def _contradicted(topmost: Sequence[Finding], others: Sequence[Sequence[Finding]]) -> bool:
    """Whether our headers disagree: another one tells of a failure, or of another result of DMARC."""
    everything = [*topmost, *(finding for other in others for finding in other)]
    told = {finding.result for finding in everything if finding.method == "dmarc"}
    return len(told) > 1 or any(finding.result in FAILED for other in others for finding in other)


def _verdict(findings: Sequence[Finding]) -> Verdict:
    """DMARC has the last word where it was asked; otherwise one aligned pass of DKIM or SPF is enough."""
    of_dmarc = [finding.result for finding in findings if finding.method == "dmarc"]
    for results in (of_dmarc, [finding.result for finding in findings]):
        if "pass" in results:
            return "pass"
        if any(result in FAILED for result in results):
            return "fail"
    return "none"
