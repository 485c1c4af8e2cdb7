"""Commands about letters: what waits for a person, the mail accounts, the bodies' addresses."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from treem.cli.base import JsonOption, WhyOption, app, console, decided, fail, named_errors, now, print_json
from treem.mailroom import accounts, imap
from treem.mailroom.contacts import known_bad
from treem.mailroom.errors import MailError
from treem.mailroom.line import Line
from treem.rounds import decisions, inbox
from treem.rounds.house import House, house_from_environment

inbox_app = typer.Typer(invoke_without_command=True, help="Thư đang chờ người xem: liệt kê, xem, quyết định.")
app.add_typer(inbox_app, name="inbox")
contacts_app = typer.Typer(invoke_without_command=True, help="Địa chỉ thư không nhận được thư.")
app.add_typer(contacts_app, name="contacts")
LetterArgument = Annotated[int, typer.Argument(metavar="SỐ", help="Số thư, xem bằng treem inbox.")]


@inbox_app.callback()
def show_inbox(context: typer.Context, as_json: JsonOption = False) -> None:
    """Những thư đang chờ người xem, kèm lý do."""
    if context.invoked_subcommand:
        return
    with named_errors():
        letters = inbox.waiting(house_from_environment(os.environ))
        if as_json:
            print_json([asdict(letter) for letter in letters])
            return
        if not letters:
            console.print("Không có thư nào đang chờ.")
            return
        table = Table("Số", "Nhận lúc", "Người gửi", "Đơn vị", "Loại", "Lý do")
        for x in letters:
            table.add_row(str(x.id), *(escape(cell) for cell in (x.received, x.sender, x.body, x.kind, x.reason)))
        console.print(table)


@inbox_app.command("show")
def show_letter(
    letter: LetterArgument,
    save: Annotated[Path | None, typer.Option(help="Lưu thư gốc và các tệp vào thư mục này.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Xem một thư: người gửi, nội dung, các tệp, phiếu có thể gán."""
    with named_errors():
        house = house_from_environment(os.environ)
        shown = inbox.show(house, letter)
        if as_json:
            print_json(asdict(shown))
        else:
            _print_letter(shown)
        for path in inbox.save(house, letter, save) if save else ():
            console.print(f"Đã lưu: {path}", soft_wrap=True, markup=False)


@inbox_app.command("assign")
def assign_letter(
    letter: LetterArgument,
    request: Annotated[str, typer.Argument(metavar="PHIẾU", help="Mã phiếu, hoặc ĐỢT/ĐƠN-VỊ.")],
    why: WhyOption = "cán bộ đã xem thư",
    file: Annotated[int | None, typer.Option(help="Biểu mẫu thứ mấy, khi thư có nhiều biểu mẫu.")] = None,
) -> None:
    """Ghi một thư đang chờ là trả lời của một phiếu yêu cầu."""
    with named_errors():
        outcome = decisions.assign(house_from_environment(os.environ), letter, request, decided(why), file)
        words = {
            "answer": "số liệu hợp lệ, đã ghi nhận",
            "needs_correction": "đã ghi nhận, còn ô phải sửa",
            "same_file": "tệp này đã được ghi trước đó",
            "blank_form": "biểu mẫu còn trống",
            "unreadable": "không đọc được tệp",
        }
        console.print(f"Thư số {letter}: {words.get(outcome.verdict, 'không có biểu mẫu')}.")


@inbox_app.command("dismiss")
def dismiss_letter(letter: LetterArgument, why: WhyOption) -> None:
    """Bỏ qua một thư đang chờ; thư vẫn được lưu."""
    with named_errors():
        decisions.dismiss(house_from_environment(os.environ), letter, decided(why))
        console.print(f"Đã bỏ qua thư số {letter}.")


@contacts_app.callback()
def show_contacts(context: typer.Context, as_json: JsonOption = False) -> None:
    """Những địa chỉ bị trả lại thư."""
    if context.invoked_subcommand:
        return
    with named_errors():
        house = house_from_environment(os.environ)
        with house.ledger.begin(relaxed=True) as session:
            bad = list(known_bad(session).values())
        if as_json:
            print_json([{"address": c.address, "state": c.state, "code": c.last_code} for c in bad])
            return
        table = Table("Địa chỉ", "Tình trạng", "Từ ngày", "Mã lỗi")
        for c in bad:
            state = "không gửi nữa" if c.state == "dead" else "thư bị trả lại"
            table.add_row(escape(c.address), state, f"{house.local(c.since):%d/%m/%Y}", escape(c.last_code or "–"))
        console.print(table if bad else "Mọi địa chỉ đều nhận được thư.")


@contacts_app.command("ok")
def confirm_contact(address: Annotated[str, typer.Argument(metavar="ĐỊA-CHỈ")], why: WhyOption) -> None:
    """Xác nhận một địa chỉ đã nhận được thư trở lại."""
    with named_errors():
        decisions.address_works(house_from_environment(os.environ), address, decided(why))
        console.print(f"Địa chỉ {address} được dùng lại.")


@app.command("mail-check")
def check_mail() -> None:
    """Thử đăng nhập máy chủ gửi và nhận thư, không gửi gì; bỏ tạm dừng nếu đăng nhập được."""
    with named_errors():
        house = house_from_environment(os.environ)
        troubles = [words for words in (_check_sending(house), _check_receiving(house)) if words]
        if troubles:
            fail("\n".join(troubles))


def _check_sending(house: House) -> str | None:
    mail = house.settings.mail
    try:
        with Line(mail) as line:
            line.opened()
    except MailError as error:
        return str(error)
    accounts.resume(house.ledger, "smtp", mail.smtp, now())
    console.print(f"Gửi thư: đăng nhập được {mail.smtp.host}:{mail.smtp.port} ({mail.smtp.security}).")
    return None


def _check_receiving(house: House) -> str | None:
    mail = house.settings.mail
    try:
        folders = imap.folders(mail)
    except MailError as error:
        return str(error)
    accounts.resume(house.ledger, "imap", mail.imap, now())
    console.print(f"Nhận thư: đăng nhập được {mail.imap.host}:{mail.imap.port}; đọc thư mục {', '.join(folders)}.")
    return None


def _print_letter(shown: inbox.Shown) -> None:
    console.print(f"Thư số {shown.id} ({shown.state}), nhận lúc {shown.received}", markup=False)
    console.print(f"Người gửi: {shown.sender} ({shown.authentication})", markup=False, soft_wrap=True)
    console.print(f"Tiêu đề: {shown.subject}", markup=False, soft_wrap=True)
    if shown.reason:
        console.print(f"Lý do chờ: {shown.reason}", markup=False, soft_wrap=True)
    for n, file in enumerate(shown.files, 1):
        console.print(f"Tệp {n}: {file.name} ({file.size:,} byte) – {file.what}", markup=False, soft_wrap=True)
    for request in shown.requests:
        console.print(f"Có thể gán cho phiếu: {request}", markup=False, soft_wrap=True)
    console.print(f"\n{shown.text}", markup=False, soft_wrap=True)
