"""Originals: kept once, whole, private, and checked against their digest when read."""

import errno
import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from treem.ledger.originals import Originals
from treem.ledger.store import OriginalDamaged, StoreFull

LETTER = "Kính gửi: Phòng LĐTBXH".encode()


@pytest.fixture
def originals(tmp_path: Path) -> Originals:
    return Originals(tmp_path / "originals")


def files(tmp_path: Path) -> list[Path]:
    return [p for p in (tmp_path / "originals").rglob("*") if p.is_file()]


@given(st.binary(max_size=2000))
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_read_is_what_was_kept(originals: Originals, data: bytes) -> None:
    sha = originals.keep(data)
    assert sha == sha256(data).hexdigest()
    assert originals.read(sha) == data


def test_kept_twice_is_one_file_that_only_the_owner_reads(originals: Originals, tmp_path: Path) -> None:
    assert originals.keep(LETTER) == originals.keep(LETTER)
    (kept,) = files(tmp_path)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert {d.stat().st_mode & 0o777 for d in (kept.parent, kept.parent.parent)} == {0o700}


def test_a_changed_original_is_noticed_and_healed_when_kept_again(originals: Originals, tmp_path: Path) -> None:
    sha = originals.keep(LETTER)
    files(tmp_path)[0].write_bytes(LETTER[:-1])
    with pytest.raises(OriginalDamaged, match=sha[:12]):
        originals.read(sha)
    originals.keep(LETTER)
    assert originals.read(sha) == LETTER


@pytest.mark.parametrize("sha", ["0" * 64, "../../etc/passwd", "", "A" * 64])
def test_what_was_never_kept_is_damaged(originals: Originals, sha: str) -> None:
    with pytest.raises(OriginalDamaged):
        originals.read(sha)


def test_a_full_disk_has_a_name_and_leaves_nothing_behind(
    originals: Originals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched, pytest.raises(StoreFull, match="Hết chỗ trên đĩa"):
        patched.setattr(os, "fsync", full)
        originals.keep(LETTER)
    assert files(tmp_path) == []
    assert originals.read(originals.keep(LETTER)) == LETTER
