"""Word documents as PDF, by LibreOffice where it is installed.

Belongs here: starting LibreOffice so that it harms nobody: a profile of its own, a time limit, and an end to every
process it started. A PDF is derived from a document for reading and printing; it is no part of a report's digest.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

SECONDS = 180.0
COMMANDS = ("soffice", "libreoffice")


class NoPdf(Exception):
    """No PDF was made; the words say why and what to do. Word and Excel files are not touched by it."""


def libreoffice() -> str | None:
    """The LibreOffice command, where it is installed."""
    return next((found for name in COMMANDS if (found := shutil.which(name))), None)


def make_pdfs(documents: Sequence[Path], *, command: str | None = None, seconds: float = SECONDS) -> tuple[Path, ...]:
    """A PDF beside each document, readable by its owner only, whole or not at all. Raises NoPdf."""
    found = command or libreoffice()
    if found is None:
        raise NoPdf(
            "Máy này không có LibreOffice nên không lập bản PDF; bản Word và Excel vẫn đầy đủ. Muốn có PDF: cài "
            "LibreOffice rồi chạy lại, hoặc mở bản Word và chọn “Lưu dưới dạng PDF”."
        )
    with tempfile.TemporaryDirectory(prefix="treem-pdf-") as name:
        folder = Path(name)
        _convert(found, documents, folder, seconds)
        made = [folder / f"{document.stem}.pdf" for document in documents]
        if missing := [path.name for path in made if not path.exists()]:
            raise NoPdf(
                f"LibreOffice không lập được {', '.join(missing)}. Hãy mở bản Word và chọn “Lưu dưới dạng PDF”."
            )
        return tuple(_placed(pdf, document.with_suffix(".pdf")) for pdf, document in zip(made, documents, strict=True))


def _convert(command: str, documents: Sequence[Path], folder: Path, seconds: float) -> None:
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    options = ("--headless", "--norestore", "--nolockcheck", "--convert-to", "pdf", "--outdir", str(folder))
    try:
        started = subprocess.Popen(
            [command, profile, *options, *map(str, documents)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # soffice starts others: all of them can be ended together
        )
    except OSError as error:
        raise NoPdf(f"Không chạy được LibreOffice ({error.strerror}); bản Word và Excel vẫn đầy đủ.") from error
    try:
        started.wait(seconds)
    except subprocess.TimeoutExpired:
        raise NoPdf(
            f"LibreOffice không trả lời trong {seconds:g} giây nên đã bị dừng; bản Word và Excel vẫn đầy đủ. Hãy chạy "
            "lại, hoặc mở bản Word và chọn “Lưu dưới dạng PDF”."
        ) from None
    finally:
        _end(started)


def _end(started: "subprocess.Popen[bytes]") -> None:
    """End the process and everything it started, if it is still there."""
    if started.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def _placed(pdf: Path, target: Path) -> Path:
    part = target.with_suffix(".pdf.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_bytes(pdf.read_bytes())
    part.replace(target)
    return target
