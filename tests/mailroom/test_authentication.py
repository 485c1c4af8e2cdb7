"""Whose word about a sender is believed, and about which domain."""

from time import thread_time

import pytest

from tests.mailroom.builders import answer, mail_for
from treem.mailroom.authentication import aligned
from treem.mailroom.parse import parse

GENUINE = "mail.test; dmarc=pass header.from=tamduong.test"
FORGED = "dmarc=pass header.from=tamduong.test"
GMAIL = (
    "mail.test; dkim=pass header.i=@gmail.com header.s=20230601 header.b=nVq5D3/x; spf=pass (google.com: domain of"
    " a@gmail.com designates 209.85.208.170 as permitted sender) smtp.mailfrom=a@gmail.com;"
    " dmarc=pass (p=NONE sp=QUARANTINE dis=NONE) header.from=gmail.com"
)
MICROSOFT = (
    "spf=pass (sender IP is 40.107.1.2) smtp.mailfrom=tamduong.test; dkim=pass (signature was verified)"
    " header.d=tamduong.test;dmarc=pass action=none header.from=tamduong.test;compauth=pass reason=100"
)


def verdict(*values: str | bytes, sender: str = "xa-a@tamduong.test", **mail: object) -> str:
    """What a letter with these Authentication-Results, topmost first, amounts to."""
    raw = [value.encode() if isinstance(value, str) else value for value in values]
    head = b"".join(b"Authentication-Results: " + value + b"\r\n" for value in raw)
    settings = mail_for(**({"authserv_id": "mail.test"} | mail))
    return parse(head + answer(sender=sender), settings).authentication


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (GENUINE, "pass"),
        (GENUINE.replace("mail.test", "MAIL.Test 1"), "pass"),
        (GENUINE + ";", "pass"),
        (f"mail.test (máy chủ); {FORGED}", "none"),  # authres refuses 8-bit characters
        (f"mail.test (a; b); {FORGED} (p=none)", "pass"),
        ("mail.test; dmarc=pass header.from=x@tamduong.test", "pass"),
        ("mail.test; dmarc=pass header.from=evil.test", "none"),
        ("mail.test; dmarc=pass header.from=evil.test header.from=tamduong.test", "none"),
        ("mail.test; dmarc=pass", "none"),
        ("mail.test; dmarc=fail (p=none) header.from=tamduong.test; spf=pass smtp.mailfrom=tamduong.test", "fail"),
        ("mail.test; dmarc=none header.from=tamduong.test; spf=pass smtp.mailfrom=xa-a@tamduong.test", "pass"),
        ("mail.test; dmarc=pass header.from=tamduong.test; dmarc=fail header.from=tamduong.test", "fail"),
        ("mail.test; dkim=pass header.d=tamduong.test", "pass"),
        ("mail.test; dkim=pass header.i=@mail.tamduong.test", "pass"),
        ("mail.test; dkim=pass header.d=evil.test header.i=@tamduong.test", "none"),
        ("mail.test; dkim=fail header.d=tamduong.test; dkim=pass header.d=evil.test", "fail"),
        ("mail.test; dkim=pass header.d=nottamduong.test", "none"),
        ("mail.test; dkim=pass header.from=tamduong.test", "none"),
        ("mail.test; spf=pass smtp.mailfrom=tamduong.test", "pass"),
        ("mail.test; spf=pass smtp.mailfrom=a@evil.test", "none"),
        ("mail.test; spf=pass smtp.helo=tamduong.test", "none"),
        ("mail.test; spf=softfail smtp.mailfrom=a@tamduong.test", "none"),
        ("mail.test; spf=fail smtp.mailfrom=a@tamduong.test", "fail"),
        ("mail.test; none", "none"),
        ("mail.test", "none"),
        ("", "none"),
    ],
)
def test_case_27_our_server_vouches_for_the_domain_of_from(value: str, expected: str) -> None:
    assert verdict(value) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((f"evil.test; {FORGED}",), "none"),
        ((f"evil.test (mail.test; {FORGED})",), "none"),
        ((f"(mail.test) evil.test; {FORGED}",), "none"),
        ((f"evil.test; x=y (mail.test; {FORGED}",), "none"),
        ((f"mail.test.evil.test; {FORGED}",), "none"),
        ((f"mail.test=evil; {FORGED}",), "none"),
        ((f'"mail.test"; {FORGED}',), "none"),
        ((f"mail.test; spf=pass (x; {FORGED}) smtp.mailfrom=a@evil.test",), "none"),
        ((f'mail.test; spf=pass smtp.mailfrom="a; {FORGED} x"@evil.test',), "none"),
        ((f'mail.test; spf=pass reason="x; {FORGED}" smtp.mailfrom=a@evil.test',), "none"),
        # forged above and below what our server found
        ((f"mail.test; {FORGED}", "mail.test; dmarc=fail header.from=tamduong.test"), "fail"),
        ((f"mail.test; {FORGED}", "mail.test; spf=fail smtp.mailfrom=tamduong.test"), "fail"),
        ((f"mail.test; {FORGED}", "mail.test; dkim=fail header.d=tamduong.test"), "fail"),
        ((f"mail.test; {FORGED}", "mail.test; dmarc=none header.from=tamduong.test"), "fail"),
        (("mail.test; dmarc=fail header.from=tamduong.test", f"mail.test; {FORGED}"), "fail"),
        (("mail.test; none", f"mail.test; {FORGED}"), "none"),
        (("mail.test; spf=pass smtp.mailfrom=a@evil.test", f"mail.test; {FORGED}"), "none"),
        # two of our server's filters, and other hops, do not disturb each other
        (
            (GENUINE, "mail.test; dkim=pass header.d=tamduong.test", "mail.test; spf=pass smtp.mailfrom=x@y.test"),
            "pass",
        ),
        ((GENUINE, "mail.test; dkim=fail header.d=list.test"), "pass"),
        ((GENUINE, "hop.test; dmarc=fail header.from=tamduong.test"), "pass"),
        (("hop.test; dmarc=fail header.from=tamduong.test", GENUINE), "pass"),
        ((GENUINE, MICROSOFT), "pass"),
        ((GENUINE, "mail.test; dmarc"), "none"),
        ((GENUINE,) * 11, "none"),
    ],
)
def test_case_27_forged_headers_beside_ours(values: tuple[str, ...], expected: str) -> None:
    assert verdict(*values) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"mail.test;\r\n\tdmarc=pass\r\n (p=none)\r\n header.from=tamduong.test", "pass"),
        (b"mail.test;\n dmarc=pass header.from=tamduong.test\n\t", "pass"),
        (b"mail.test; dmarc=pass (\xc4\x91\xe1\xba\xa1t) header.from=tamduong.test", "none"),
        (b"mail.test; dmarc=pass (\xff\xfe) header.from=tamduong.test", "none"),
        (b"mail.test\x00; dmarc=pass header.from=tamduong.test", "none"),
        (b"mail.test; dmarc=pass header.from=tamduong.test" + b" x" * 4_000, "none"),
        (b"mail.test; dmarc=pass header.from=tamduong.test " + b"(" * 3_900, "none"),
        (b"mail.test; " + b"(" * 100_000, "none"),
    ],
)
def test_case_27_folded_eight_bit_and_huge_headers(value: bytes, expected: str) -> None:
    started = thread_time()
    assert verdict(value) == expected
    assert thread_time() - started < 1


def test_case_27_gmail_and_subdomains() -> None:
    assert verdict(GMAIL, sender="ubnd.xa.a@gmail.com") == "pass"
    assert verdict(GMAIL, sender="ubnd.xa.a@gmail.com.evil.test") == "none"
    assert verdict(GMAIL, sender="xa-a@tamduong.test") == "none"
    for found, sender in (("laichau.gov.vn", "a@xa-a.laichau.gov.vn"), ("mx.laichau.gov.vn", "a@laichau.gov.vn")):
        assert verdict(f"mail.test; dkim=pass header.d={found}", sender=sender) == "pass"
        assert verdict(f"mail.test; spf=pass smtp.mailfrom=b@{found}", sender=sender) == "pass"
        assert verdict(f"mail.test; dmarc=pass header.from={found}", sender=sender) == "none"
    for suffix in ("gov.vn", "vn", "com.vn"):
        assert verdict(f"mail.test; dkim=pass header.d={suffix}", sender=f"a@laichau.{suffix}") == "none"
        assert verdict(f"mail.test; spf=pass smtp.mailfrom=a@{suffix}", sender=f"a@laichau.{suffix}") == "none"


def test_case_27_what_lies_below_a_public_suffix_is_strangers() -> None:
    assert aligned("laichau.gov.vn", "laichau.gov.vn")
    assert aligned("tamduong.laichau.gov.vn", "laichau.gov.vn")
    assert aligned("laichau.gov.vn", "tamduong.laichau.gov.vn")
    for one, other in (
        ("gov.vn", "laichau.gov.vn"),
        ("laichau.gov.vn", "gov.vn"),
        ("vn", "gov.vn"),
        ("com.vn", "viettel.com.vn"),
        ("laichau.gov.vn", "sonla.gov.vn"),
        ("a.laichau.gov.vn", "b.laichau.gov.vn"),
        ("chau.gov.vn", "laichau.gov.vn"),
        ("", "x.test"),
    ):
        assert not aligned(one, other), (one, other)


def test_case_27_microsoft_365_writes_no_name() -> None:
    assert verdict(MICROSOFT) == "none"
    assert verdict(MICROSOFT, authserv_topmost=True) == "pass"
    assert verdict(MICROSOFT, authserv_topmost=True, authserv_id=None) == "pass"
    assert verdict(GENUINE, authserv_topmost=True, authserv_id=None) == "pass"
    assert verdict(MICROSOFT.replace("=pass", "=fail"), GENUINE, authserv_topmost=True) == "fail"
    assert verdict("spf=none; dkim=none; dmarc=none", MICROSOFT, authserv_topmost=True) == "none"
    assert verdict(MICROSOFT, GENUINE.replace("=pass", "=fail"), authserv_topmost=True) == "pass"
    assert verdict(authserv_topmost=True) == "none"


def test_case_27_nobody_is_believed_before_the_server_is_named() -> None:
    assert verdict(GENUINE, authserv_id=None) == "none"
    assert verdict(f"None; {FORGED}", authserv_id=None) == "none"


def test_case_27_only_the_one_from_counts() -> None:
    settings = mail_for(authserv_id="mail.test")
    head = f"Authentication-Results: {GENUINE}\r\n".encode()
    for trick in (
        b"Reply-To: xa-a@tamduong.test\r\n" + answer(sender="a@evil.test"),
        b"Sender: xa-a@tamduong.test\r\n" + answer(sender="a@evil.test"),
        answer(sender='"xa-a@tamduong.test" <a@evil.test>'),
        b"From: xa-b@tamduong.test\r\n" + answer(),
    ):
        assert parse(head + trick, settings).authentication == "none"
