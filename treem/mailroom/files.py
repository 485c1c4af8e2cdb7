"""The files of a letter: what somebody sent, apart from what only belongs to the letter's looks.

Belongs here: telling a sent file from a logo, a signature or a visiting card, and a sealed letter from an open one. No
file is opened here.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from treem.mailroom.headers import bytes_to_text
from treem.mailroom.parts import Leaf, plain_name

TRIMMINGS = ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature",
             "application/pgp-keys", "text/vcard", "text/x-vcard", "text/directory")  # fmt: skip
TRIMMING_NAME = re.compile(r".*\.(p7s|vcf)|att\d{5}\.(txt|html?|c)", re.IGNORECASE)  # ATT00001.htm: scraps of Exchange
SEALED = ("application/pkcs7-mime", "application/x-pkcs7-mime")


@dataclass(frozen=True)
class InAttachment:
    """A file of a letter, as named by its sender: never a path, never opened here."""

    name: str
    data: bytes
    inline: bool = False  # a logo, a signature, a visiting card: part of the letter's looks, not something sent


def attachments(leaves: Sequence[Leaf], shown: Collection[str]) -> tuple[InAttachment, ...]:
    """The files in the order they stand in; `shown` are the Content-IDs of the pictures the words show."""
    return tuple(file for leaf in leaves for file in _files(leaf, shown))


def is_sealed(leaves: Sequence[Leaf]) -> bool:
    """Whether something is encrypted, or signed so that it cannot be read without taking the signature apart."""
    return any(_is_sealed(leaf) or leaf.name.lower().endswith(".p7m") for leaf in leaves)


def _files(leaf: Leaf, shown: Collection[str]) -> Iterator[InAttachment]:
    for name, data in leaf.packed:
        yield InAttachment(plain_name(bytes_to_text(name, None)), data)
    if leaf.is_file and (leaf.data or leaf.name) and not _is_sealed(leaf):
        yield InAttachment(leaf.name, leaf.data, _is_trimming(leaf, shown))


def _is_sealed(leaf: Leaf) -> bool:
    """S/MIME that holds the letter itself (RFC 8551, 3.2), and OpenPGP (RFC 3156). Certificates alone seal nothing."""
    if leaf.around == "multipart/encrypted":
        return True
    return leaf.kind in SEALED and str(leaf.part.get_param("smime-type", "")).lower() != "certs-only"


def _is_trimming(leaf: Leaf, shown: Collection[str]) -> bool:
    if leaf.kind in TRIMMINGS or leaf.kind in SEALED or TRIMMING_NAME.fullmatch(leaf.name):
        return True
    if not leaf.kind.startswith("image/") or not leaf.content_id:
        return False
    return leaf.content_id in shown or (leaf.around == "multipart/related" and not leaf.is_attached)
