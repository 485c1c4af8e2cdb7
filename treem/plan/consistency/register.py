"""Checks of bodies.yaml: codes and validity, groups, addresses."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from treem.plan.problems import Found, choose, repeated
from treem.plan.settings import Body, Register

FILE = "bodies.yaml"
ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")
COMMUNE_CODE = re.compile(r"\d{5}")
SLUG = re.compile(r"[a-z][a-z0-9-]*")


def check_register(register: Register) -> Iterator[Found]:
    """Everything that bodies.yaml says of itself."""
    yield from _groups(register)
    for n, body in enumerate(register.bodies):
        yield from _body(n, body, register)
    yield from _overlaps(register)


def _groups(register: Register) -> Iterator[Found]:
    for _, n in repeated([g.key for g in register.groups]):
        yield Found(FILE, ("groups", n, "key"), f"Nhóm “{register.groups[n].key}” đã có.", "Đặt khóa khác.")
    used = {body.group for body in register.bodies}
    for n, group in enumerate(register.groups):
        if group.key not in used:
            remedy = "Thêm đơn vị vào nhóm, hoặc xóa nhóm."
            yield Found(FILE, ("groups", n), f"Nhóm “{group.key}” không có đơn vị nào.", remedy)


def _body(n: int, body: Body, register: Register) -> Iterator[Found]:
    here = ("bodies", n)
    groups = [g.key for g in register.groups]
    if body.group not in groups:
        yield Found(FILE, (*here, "group"), f"Không có nhóm “{body.group}”.", choose(body.group, groups))
    yield from _code(n, body)
    if body.valid_to and body.valid_to < body.valid_from:
        yield Found(FILE, (*here, "valid_to"), "Ngày hết hiệu lực trước ngày bắt đầu.", "Sửa một trong hai ngày.")
    yield from _successors(n, body, register)
    for m, address in enumerate(body.emails):
        yield from check_address(FILE, (*here, "emails", m), address)


def _successors(n: int, body: Body, register: Register) -> Iterator[Found]:
    """Whoever goes on after a body must be there the day after, under the code that is given: codes are re-used."""
    here, codes, day = ("bodies", n, "successors"), set(register.by_code), body.day_after
    for m, code in enumerate(body.successors):
        named = register.by_code.get(code, [])
        if not named:
            yield Found(FILE, (*here, m), f"Không có đơn vị mã “{code}”.", choose(code, codes - {body.code}))
        elif named == [body]:
            remedy = "Ghi mã đơn vị kế tục, hoặc thêm đơn vị cùng mã có valid_from là ngày sau valid_to."
            yield Found(FILE, (*here, m), f"“{code}” là chính đơn vị này: không kế tục chính mình được.", remedy)
        elif day is None:
            remedy = "Ghi valid_to: ngày cuối cùng đơn vị còn hoạt động, hoặc xóa successors."
            yield Found(FILE, (*here, m), "Có đơn vị kế tục nhưng chưa có ngày kết thúc.", remedy)
        elif not any(other.is_valid_on(day) for other in named):
            message = f"Ngày {day:%d/%m/%Y}, sau khi {body.name} kết thúc, không có đơn vị nào mã “{code}”."
            remedy = f"{_validity(code, named)} Sửa mã kế tục, valid_to ở đây, hoặc valid_from ở đơn vị đó."
            yield Found(FILE, (*here, m), message, remedy)


def _validity(code: str, bodies: Sequence[Body]) -> str:
    """When bodies of a code are there: "“03405” là xã Giang Ma (01/03/2020–30/06/2025)"."""
    spans = (f"{b.name} ({b.valid_from:%d/%m/%Y}–{f'{b.valid_to:%d/%m/%Y}' if b.valid_to else 'nay'})" for b in bodies)
    return f"“{code}” là {'; '.join(spans)}."


def _code(n: int, body: Body) -> Iterator[Found]:
    here = ("bodies", n, "code")
    if body.kind == "commune" and not COMMUNE_CODE.fullmatch(body.code):
        remedy = 'Ghi đủ 5 chữ số trong dấu nháy, ví dụ "03424".'
        yield Found(FILE, here, f"Mã GSO “{body.code}” không đủ 5 chữ số.", remedy)
    if body.kind != "commune" and not SLUG.fullmatch(body.code):
        remedy = "Dùng chữ thường không dấu, số và gạch nối, ví dụ cong-an."
        yield Found(FILE, here, f"Mã “{body.code}” có ký tự không dùng được.", remedy)


def _overlaps(register: Register) -> Iterator[Found]:
    """GSO codes are re-used, so one code may stand twice – never at the same time."""
    for (_, first), (m, second) in combinations(enumerate(register.bodies), 2):
        if first.code == second.code and _meet(first, second):
            message = f"Mã “{second.code}” trùng với {first.name} trong cùng thời gian hiệu lực."
            yield Found(FILE, ("bodies", m, "code"), message, "Đổi mã, hoặc ghi valid_to cho đơn vị cũ.")


def _meet(first: Body, second: Body) -> bool:
    return first.is_valid_on(second.valid_from) or second.is_valid_on(first.valid_from)


def check_address(file: str, path: tuple[str | int, ...], address: str) -> Iterator[Found]:
    """An e-mail address in one piece."""
    if not ADDRESS.fullmatch(address):
        message = f"“{address}” không phải địa chỉ thư điện tử."
        yield Found(file, path, message, "Viết một địa chỉ, ví dụ xa-ban-bo@tamduong.test.")
