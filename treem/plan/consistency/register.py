"""Checks of bodies.yaml: codes and validity, groups, addresses."""

import re
from collections.abc import Iterator
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
    codes = {b.code for b in register.bodies}
    for m, code in enumerate(body.successors):
        if code not in codes:
            remedy = choose(code, codes - {body.code})
            yield Found(FILE, (*here, "successors", m), f"Không có đơn vị mã “{code}”.", remedy)
    for m, address in enumerate(body.emails):
        yield from check_address(FILE, (*here, "emails", m), address)


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
