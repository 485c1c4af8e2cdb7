"""Text that may name a child: what makes it look so. Pure patterns, the same answer for the same text.

Belongs here: names, birth dates, addresses, telephone and identity numbers (Nghị định 56/2017, Điều 33: what is secret
of a child). What becomes of such a text is in `rounds.screening`. Rather a text too many that a person looks through
than one too few. What no pattern sees: a given name alone that nothing announces ("Páo bị ngã").

Patterns run over the text without diacritics, one letter for one, so that "em Giang A Pao" is found like "em Giàng A
Páo".
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from phonenumbers import Leniency, PhoneNumberMatcher

NAME, INITIALS, BORN, ADDRESS, PHONE, NUMBER, AGE, MAIL = (
    "có thể là tên người",
    "có thể là tên viết tắt",
    "có ngày, năm sinh",
    "có địa chỉ, nơi ở",
    "có số điện thoại",
    "có số giấy tờ cá nhân",
    "có tuổi của một trẻ em",
    "có địa chỉ thư điện tử",
)

KIN = "chau|em|be|tre em|tre|hoc sinh|thieu nien|thieu nhi|nan nhan|doi tuong|con|bo|cha|me|ong|ba|vo|chong|ho ten|ten"
ADULT = re.compile(
    r"(?<!\w)(?i:chị|cô|chú|dì|bác(?! hồ)|anh|dượng|mợ|thím|cậu)[ \t]+(\w+)"
)  # "đồng chí" is none of them
BETWEEN = r"(?:[ \t]+(?:gai|trai|nam|nu|be|ten|la|ho|hoc sinh|nho|ruot|em|chau|nay|dau|thu|lop \d+\w*|\d+ tuoi))*"
GAP = r"[ \t]*[:,\-–(\"“'‘]*[ \t]*"
CAPITAL = r"[A-Z][a-z]+|[A-Z](?![A-Za-z])"
AFTER_KIN = re.compile(
    rf"(?<!\w)((?i:{KIN})){BETWEEN}(?:[ \t]|{GAP})(?<![A-Za-z])((?:{CAPITAL})(?:[ \t]+(?:{CAPITAL}))*)"
)
AFTER_KIN_SHORT = re.compile(
    rf"(?<!\w)(?i:chau|em|be|tre em|tre|hoc sinh|hs|nan nhan)(?i:{BETWEEN}){GAP}(?<![A-Za-z])"
    r"[A-Z](?:[. ]+[A-Z](?![a-z]))*(?![A-Za-z])"
)
AFTER_KIN_CAPITALS = re.compile(r"(?<!\w)(?:[Cc]hau|[Ee]m|[Bb]e|[Nn]an nhan)[ ]+[A-Z]{2,3}(?![A-Za-z])")
INITIALS_ALONE = re.compile(r"(?<![\w.])[A-Z]\.[ ]?[A-Z]\.?(?:[ ]?[A-Z]\.?)?(?!\w)")

_SPELLED = """
nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý trịnh đinh đào lương trương lưu tạ chu phùng
vương triệu quách tống nghiêm khuất đàm bế nông mai cao đoàn hà lâm tô thái thạch kiều la doãn từ
giàng thào vàng sùng hạng hảng tráng sình vừ phàng chảng cháng tẩn chẻo phàn ly lầu lù cứ má mùa thền sìn sáng khang
lò lường quàng tòng điêu đèo khoàng mào tao pờ phù vì cà cầm cháo lìa lự hù tẩu giáp vi lô hứa trưởng sằn lỳ
"""
_AMBIGUOUS = "chu ta ma mua vi ca cu do ho po phu tan lu sin tu la thai ha mai cao doan to lam truong"
SURNAMES = frozenset(_SPELLED.split())
"""Kinh first, then Hmông, Thái, Dao, Lự, Giáy and others of the north-west."""
BARE_SURNAMES = frozenset(
    "".join("d" if c == "đ" else unicodedata.normalize("NFD", c)[0] for c in name) for name in SURNAMES
)
OFTEN_WORDS = frozenset(_AMBIGUOUS.split())
"""Surnames, bare, that are also the first of two capitals in other names; with one more word alone they say nothing."""
SURE_MIDDLE = frozenset({"van", "thi", "a"})

PLACED = re.compile(  # over the text as it is spelled: "cho" is no "chợ", "bạn" no "bản"
    r"(?<!\w)(?i:xã|thị trấn|bản|thôn|huyện|tỉnh|thành phố|tp\.?|tổ dân phố|suối|sông|núi|đèo|đập|dân tộc|trường|thcs"
    r"|thpt|tiểu học|mầm non|ptdtbt|ptdtnt|đường|phố|quỹ|giải thưởng|học bổng|chi đoàn|liên đội)[ \t]+$"
)
HONOURED = re.compile(
    r"(?<!\w)(?i:dong chi|d/c|chu tich|bi thu|truong phong|pho phong|giam doc|truong ban|pho ban)"
    r"(?:[ \t]*[:,\-–][ \t]*|[ \t]+)(?i:ubnd[ \t]+)?$"
)
NOBODY = (
    "hồ chí minh",
    "việt nam",
    "lai châu",
    "hà nội",
    "hà giang",
    "cao bằng",
    "thái nguyên",
    "trung thu",
    "trung tâm",
    "quốc tế",
    "tháng hành động",
    "ủy ban",
    "uỷ ban",
    "hội liên hiệp",
    "hội đồng",
    "hội nông dân",
    "hội cựu chiến binh",
    "đoàn thanh niên",
    "đoàn tncs",
    "đoàn thể",
    "đội viên",
    "đội thiếu niên",
    "đội tntp",
    "đảng viên",
    "đảng ủy",
    "nhân dân",
    "nhà nước",
    "nhà trường",
    "phòng lao động",
    "phòng giáo dục",
    "mầm non",
    "mẫu giáo",
    "tiểu học",
    "trường tiểu học",
    "trường mầm non",
    "trường thcs",
    "trường thpt",
    "trường ptdtbt",
    "trường ptdtnt",
    "thcs",
    "thpt",
    "ptdtbt",
    "luật trẻ em",
    "quỹ bảo trợ",
)
"""What stands capitalised where a name would and is nobody's."""
PEOPLES = ("mông", "hmông", "h'mông", "thái", "dao", "lự", "giáy", "kinh", "khơ mú", "la hủ", "hà nhì", "tày", "nùng")
"""After "trẻ em", not after "cháu" or "em", where these are given names."""
BORN_AT = re.compile(
    r"(?i:sinh[ \t]+(?:vao[ \t]+)?(?:ngay|nam|thang)?|ngay sinh|nam sinh|\bs\.?n\.?|ns)[ \t]*[:.]?[ \t]*\d"
)
LIVES = re.compile(
    r"(?i:so nha|nha so|thuong tru|tam tru|cu tru|hien o|noi o|cho o|que quan|dia chi|nguyen quan|ngu tai|tru tai|tru o"
    r"|ho khau)(?i:[ \t]+(?:tai|o))?[ \t]*:?[ \t]*(?=[\dA-Z]|(?i:thon|ban|xa|to|khu|so|ngo|duong|pho))"
    r"|(?i:nha)[ \t]+\d+[ \t,]|(?i:ngo|ngach|hem)[ \t]+\d+"
)
AGED = re.compile(
    r"(?<!\w)(?<!tre )(?<!Tre )(?i:chau|be|em)(?i:[ \t]+(?:be|gai|trai|nam|nu|hoc sinh))*[ \t,(]*(?:moi[ \t])?"
    r"\d{1,2}[ \t]*(?i:tuoi|thang tuoi)"
)
DIGITS = re.compile(r"(?<![\d.,])(?:\+?84|0)(?:[ .\-()]{0,2}\d){8,10}(?!\d)")
PAPERS = re.compile(
    r"(?<!\d)\d{12}(?!\d)|(?<!\d)0\d{2}[ .]\d{3}[ .]\d{3}[ .]\d{3}(?!\d)|(?<!\w)[A-Z]{2}[ ]?\d[ ]?\d{2}[ ]?\d{10}(?!\d)"
    r"|(?i:cccd|cmnd|cmt|can cuoc|dinh danh|ho chieu|so the bhyt|ma the)\D{0,25}\d(?:[ .]?\d){5,}"
)
ADDRESSED = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
WORD = re.compile(r"[A-Za-z]+")
Known = tuple[str, ...]


def why_held(text: str, places: Iterable[str] = ()) -> tuple[str, ...]:
    """Why the text may name a child, in words for the office; nothing: it does not look so. `places`: names of bodies
    and places that are nobody's."""
    composed = unicodedata.normalize("NFC", text)
    known = (*NOBODY, *(unicodedata.normalize("NFC", place).lower() for place in places))
    return tuple(dict.fromkeys(_reasons(composed, without_marks(composed), known)))


def without_marks(text: str) -> str:
    """The text in letters without diacritics, one for one."""
    return "".join(map(_bare, unicodedata.normalize("NFC", text)))


def _bare(letter: str) -> str:
    if letter in "đĐ":
        return "d" if letter == "đ" else "D"
    if letter.isspace() and letter != "\n":
        return " "
    return unicodedata.normalize("NFD", letter)[0]


def _reasons(text: str, plain: str, known: Known) -> Iterator[str]:
    if _names_after_kin(text, plain, known) or _whole_names(text, plain, known):
        yield NAME
    if any(short.search(plain) for short in (AFTER_KIN_SHORT, AFTER_KIN_CAPITALS, INITIALS_ALONE)):
        yield INITIALS
    patterns = ((BORN_AT, BORN), (LIVES, ADDRESS), (DIGITS, PHONE), (PAPERS, NUMBER), (AGED, AGE), (ADDRESSED, MAIL))
    yield from (reason for pattern, reason in patterns if pattern.search(plain))
    if next(iter(PhoneNumberMatcher(text, "VN", Leniency.VALID)), None) is not None:
        yield PHONE


def _names_after_kin(text: str, plain: str, known: Known) -> bool:
    for found in AFTER_KIN.finditer(plain):
        many = found[1].lower() in ("tre", "tre em", "hoc sinh", "thieu nhi", "thieu nien", "con")
        if not _is_nobody(text, found.start(2), (*known, *PEOPLES) if many else known):
            return True
    adults = (found for found in ADULT.finditer(text) if found[1][0].isupper())
    return any(not _is_nobody(text, found.start(1), known) for found in adults)


def _is_nobody(text: str, start: int, known: Known) -> bool:
    """Whether what begins there is nobody's name."""
    rest = text[start : start + 60].lower()
    return any(rest.startswith(name) and not rest[len(name) : len(name) + 1].isalpha() for name in known)


def _whole_names(text: str, plain: str, known: Known) -> bool:
    """A surname with what follows it; officials after their title and things named after people aside."""
    words = list(WORD.finditer(plain))
    return any(_is_name(text, plain, words[place : place + 3], known) for place in range(len(words) - 1))


def _is_name(text: str, plain: str, words: list[re.Match[str]], known: Known) -> bool:
    first, second = words[0], words[1]
    if not _is_surname(text, first) or not _beside(plain, first, second) or _is_nobody(text, first.start(), known):
        return False
    start = max(0, first.start() - 40)
    if HONOURED.search(plain[start : first.start()]) or PLACED.search(text[start : first.start()]):
        return False
    third = words[2] if len(words) > 2 and _beside(plain, second, words[2]) else None
    if third is not None and second[0].lower() in SURE_MIDDLE and _spelled(text, first, second, third):
        return True
    if not _is_capital(first[0]) or not _is_capital(second[0]) or _is_shortened(first[0], second[0]):
        return False
    return first[0].lower() not in OFTEN_WORDS or (third is not None and _is_capital(third[0]))


def _is_shortened(first: str, second: str) -> bool:
    """An abbreviation after a word that is none: "Trường THCS"."""
    return len(second) > 1 and second.isupper() and not first.isupper()


def _is_capital(word: str) -> bool:
    return word[0].isupper()


def _is_surname(text: str, word: re.Match[str]) -> bool:
    """As it is spelled; in a text without diacritics, as it would look there."""
    spelled = text[word.start() : word.end()].lower()
    return spelled in SURNAMES or (spelled.isascii() and spelled in BARE_SURNAMES)


def _spelled(text: str, first: re.Match[str], second: re.Match[str], third: re.Match[str]) -> bool:
    """Whether a middle name stands there, also in small letters: "do thị trường" has none, "do thi truong" may."""
    words = [text[w.start() : w.end()] for w in (first, second, third)]
    if not all(word[0].isupper() for word in words):
        bare = all(word.isascii() for word in words)
        return (bare or words[0].lower() in SURNAMES) and words[1].lower() in ("văn", "thị", "a", "van", "thi")
    return True


def _beside(plain: str, one: re.Match[str], other: re.Match[str]) -> bool:
    return other.start() > one.end() and plain[one.end() : other.start()].strip(" ") == ""
