"""Text typed with the old Vietnamese font encodings, or read with the wrong one.

TCVN3 (.VnTime) and VNI text arrives as ordinary Latin-1 letters and signs: "C«ng an huyÖn", "Coâng an huyeän". It is
recognised, not converted: a wrong guess would put wrong words into an official report.
"""

import re

_MOJIBAKE = re.compile(r"\ufffd|á[º»][\x80-\uffff]|Ä[‘ƒ\x91]|Æ[°¡]|Ã[\xa0-\xbf]")
_SIGN_INSIDE_WORD = re.compile(r"[A-Za-z][¸µ¶·¹¨¾»¼½©®ªº«¬Æ×÷][A-Za-z]|®[A-Za-z¸µ¶·¹¨¾»¼½©ª«¬À-ÿ]")
_CAPITAL_INSIDE_WORD = re.compile(r"[a-z][À-ÖØ-Þ][a-z]?")
_FOREIGN_LETTER = re.compile(r"[A-Za-z][äåæçëîïñöøûüÿßÄÅÆÇËÎÏÑÖØÛÜ]|[ñÑ][aeiouyöïõâêôAEIOUY]")
_VNI_PAIR = re.compile(r"[aeouyAEOUY][äåëïûüøÄÅËÏÛÜØ]|[aeo][âêù](?=[a-z]|\b)")
_RULES = (_SIGN_INSIDE_WORD, _CAPITAL_INSIDE_WORD, _FOREIGN_LETTER, _VNI_PAIR)
_ANY = re.compile("|".join(rule.pattern for rule in (_MOJIBAKE, *_RULES)))
_WORD = re.compile(r"\S+")
FEW_WORDS = 4


def looks_misencoded(text: str) -> bool:
    """Whether the text is suspected of TCVN3, VNI or a wrongly decoded UTF-8."""
    if not text or not _ANY.search(text):
        return False  # nearly every text
    if _MOJIBAKE.search(text):
        return True
    words = _WORD.findall(text)
    suspected = sum(1 for word in words if _suspect(word))
    return suspected >= (1 if len(words) <= FEW_WORDS else 2)


def _suspect(word: str) -> bool:
    return any(rule.search(word) for rule in _RULES)
