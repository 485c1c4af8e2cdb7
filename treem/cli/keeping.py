"""Commands that keep the house: a copy of everything, and its way back. `treem doctor` is in `flows.doctor`."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from treem.cli.base import JsonOption, app, console, fail, named_errors, now, print_json
from treem.keeping import backup, restore
from treem.keeping.errors import KeepingError
from treem.keeping.places import passphrase, places_from_environment

FileArgument = Annotated[Path, typer.Argument(metavar="TỆP", help="Tệp sao lưu, ví dụ treem-2027-06-15.zip.")]


@app.command("backup")
def back_up(file: FileArgument, as_json: JsonOption = False) -> None:
    """Sao lưu sổ theo dõi, bản gốc, tài liệu và cấu hình vào một tệp mã hóa; hệ thống vẫn chạy bình thường."""
    with named_errors():
        try:
            kept = backup.back_up(places_from_environment(os.environ), file, passphrase(os.environ), now())
        except KeepingError as error:
            fail(str(error))
            return
        if as_json:
            print_json(asdict(kept))
        else:
            counts = (
                f"{kept.rows} dòng sổ, {kept.originals} bản gốc, {kept.documents} tài liệu, {kept.config} tệp cấu hình"
            )
            console.print(
                f"Đã sao lưu {counts} vào {kept.file} ({kept.size / 1e6:.1f} MB).", soft_wrap=True, markup=False
            )
            console.print(
                "Đã đọc lại toàn bộ tệp: đầy đủ. Hãy cất tệp và mật khẩu ở hai nơi khác nhau.", soft_wrap=True
            )
        if kept.damaged:
            fail(f"{len(kept.damaged)} bản gốc đã bị hỏng từ trước: {', '.join(sha[:12] for sha in kept.damaged)}.")


@app.command("restore")
def bring_back(file: FileArgument, as_json: JsonOption = False) -> None:
    """Khôi phục một bản sao lưu vào thư mục TREEM_HOME còn trống, rồi kiểm tra lại từng bảng và từng bản gốc."""
    with named_errors():
        places = places_from_environment(os.environ)
        try:
            back = restore.restore(places, file, passphrase(os.environ))
        except KeepingError as error:
            fail(str(error))
            return
        if as_json:
            print_json(asdict(back))
            return
        lines = [
            f"Đã khôi phục vào {back.home} bản sao lưu lúc {back.made_at}.",
            f"Đã kiểm tra: {back.tables} bảng, {back.rows} dòng và {back.originals} bản gốc đúng như khi sao lưu.",
            f"Cấu hình nằm trong {Path(back.home) / 'config'}; muốn dùng, hãy đặt TREEM_CONFIG là thư mục đó.",
            f"Thư đã gửi không gửi lại. Thư còn chờ gửi: {back.waiting}"
            + (f", trong đó {back.leases} thư đang gửi dở lúc sao lưu." if back.leases else "."),
        ]
        if back.waiting:
            lines.append(
                "Nếu máy cũ vẫn chạy tiếp sau lúc sao lưu, các thư đó có thể đã đi: hãy dừng hẳn máy cũ trước khi "
                "chạy máy này."
            )
        for line in lines:
            console.print(line, soft_wrap=True, markup=False, highlight=False)
