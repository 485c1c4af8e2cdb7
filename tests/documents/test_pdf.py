"""PDF by LibreOffice: made beside the document, ended in time, and said clearly where it is not there."""

import stat
import time
from pathlib import Path

import pytest

from tests.documents import world
from tests.documents.conftest import Round
from treem.documents import pdf
from treem.documents.report import write_report


def command(folder: Path, script: str) -> str:
    file = folder / "soffice"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


def document(folder: Path) -> Path:
    (folder / "bao-cao.docx").write_bytes(b"docx")
    return folder / "bao-cao.docx"


def test_without_libreoffice_it_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pdf.NoPdf, match="không có LibreOffice"):
        pdf.make_pdfs([document(tmp_path)])


def test_one_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    script = command(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; wait")
    started = time.monotonic()
    with pytest.raises(pdf.NoPdf, match="không trả lời trong 0.5 giây"):
        pdf.make_pdfs([document(tmp_path)], command=script, seconds=0.5)
    assert time.monotonic() - started < 10
    child = int((tmp_path / "child").read_text())
    for _ in range(50):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or " Z " in state.read_text():
            break
        time.sleep(0.1)
    else:
        pytest.fail("a process LibreOffice started is still there")


def test_one_that_makes_nothing_is_said_to(tmp_path: Path) -> None:
    with pytest.raises(pdf.NoPdf, match="không lập được bao-cao.pdf"):
        pdf.make_pdfs([document(tmp_path)], command=command(tmp_path, "exit 1"))
    assert [path.name for path in tmp_path.glob("*.pdf*")] == []


def test_one_that_cannot_be_started_is_said_to(tmp_path: Path) -> None:
    with pytest.raises(pdf.NoPdf, match="Không chạy được LibreOffice"):
        pdf.make_pdfs([document(tmp_path)], command=str(tmp_path / "khong-co"))


@pytest.mark.slow
@pytest.mark.skipif(pdf.libreoffice() is None, reason="LibreOffice is not installed here")
def test_a_report_becomes_a_pdf_only_its_owner_reads(held: Round, tmp_path: Path) -> None:
    docx = tmp_path / "bao-cao.docx"
    told = world.narratives(held.settings, held.plan)
    docx.write_bytes(write_report(held.district, held.settings, held.plan, world.filing(held.plan), told))
    (made,) = pdf.make_pdfs([docx])
    assert made == tmp_path / "bao-cao.pdf"
    assert made.read_bytes().startswith(b"%PDF")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("*.part"))
