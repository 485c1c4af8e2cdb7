"""The child processes: limits that hold, nothing shared between files, and nobody left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from io import FileIO
from pathlib import Path

import builders as b
import hostile as h
import pytest

from treem.forms import frames, sandbox
from treem.forms import read as reader
from treem.forms.mark import ReplyTexts
from treem.forms.read import Reading, read_form, read_forms

linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks into /proc")
PATIENCE = 10.0


@pytest.fixture(autouse=True)
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[sandbox.Pool]:
    """A pool of its own for each test."""
    own = sandbox.Pool()
    monkeypatch.setattr(sandbox, "_pool", own)
    yield own
    own.close()


def _until(true: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def _is_running(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def _status(pid: int | str, key: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1])


def test_one_child_reads_file_after_file(pool: sandbox.Pool) -> None:
    readings = [read_form(b.build_form()) for _ in range(3)]
    assert [r.kind for r in readings] == ["form"] * 3 and len(pool.children()) == 1


def test_a_large_parent_does_not_make_its_children_look_large(pool: sandbox.Pool) -> None:
    """Linux lets a new program begin with the memory record of the process that started it."""
    ballast = b"x" * 400_000_000
    readings = [read_form(b.build_form()) for _ in range(2)]
    assert len(ballast) and [r.kind for r in readings] == ["form"] * 2 and len(pool.children()) == 1


def test_never_more_than_two_children(pool: sandbox.Pool) -> None:
    form, most = b.build_form(), 0
    threads = [threading.Thread(target=read_form, args=(form,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, len(pool.children()))
    assert 1 <= most <= sandbox.AT_ONCE


def test_threads_get_their_own_answers() -> None:
    forms = [b.open_form().fill({("LD-08.1", "total"): n}).save() for n in range(12)]
    readings = read_forms(forms)
    assert [_ld08(r) for r in readings] == list(range(12))


def _ld08(reading: Reading) -> object:
    return next(c.raw for c in reading.cells if (c.figure, c.column) == ("LD-08.1", "total"))


def test_a_child_is_replaced_after_its_share_of_jobs(monkeypatch: pytest.MonkeyPatch, pool: sandbox.Pool) -> None:
    monkeypatch.setattr(sandbox, "JOBS_A_CHILD", 2)
    seen = set()
    for _ in range(5):
        assert read_form(b.build_form()).kind == "form"
        seen |= set(pool.children())
    assert len(seen) == 3 and len(pool.children()) == 1


def test_a_file_that_is_too_big_starts_no_child(monkeypatch: pytest.MonkeyPatch, pool: sandbox.Pool) -> None:
    monkeypatch.setattr(reader, "MAX_FILE_BYTES", 10)
    assert read_form(b"x" * 11).problem == "too_large" and pool.children() == ()


def test_a_child_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, pool: sandbox.Pool) -> None:
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 0.001)
    assert read_form(b.build_form()) == Reading("unreadable", "too_heavy")
    assert pool.children() == ()
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 20)
    assert read_form(b.build_form()).kind == "form"


def _child_that(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    start = "import sys; from treem.forms.frames import *; from io import FileIO; i, o = FileIO(0), FileIO(1, 'wb')\n"
    monkeypatch.setattr(sandbox, "COMMAND", (sys.executable, "-c", start + code))


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ('receive(i, 10**8); send(o, {}, b\'{"kind": "form", "cells": [{"figure": 1}]}\')', "damaged"),
        ("receive(i, 10**8); send(o, {'problem': 'what?'})", "damaged"),
        ("receive(i, 10**8); o.write(LENGTHS.pack(2, 0) + b'[]')", "damaged"),
        ("receive(i, 10**8); o.write(LENGTHS.pack(4, 0) + b'nope')", "damaged"),
        ("receive(i, 10**8); o.write(LENGTHS.pack(2**32 - 1, 5))", "damaged"),
        ("receive(i, 10**8); o.write(LENGTHS.pack(2, 2**32 - 1) + b'{}')", "damaged"),
        ("receive(i, 10**8); o.write(b'\\0')", "too_heavy"),
        ("sys.exit()", "too_heavy"),
        ("i.close()", "too_heavy"),
    ],
)
def test_a_child_that_says_nonsense_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, pool: sandbox.Pool, code: str, problem: str
) -> None:
    _child_that(monkeypatch, code)
    assert read_form(b"x" * 1_000_000) == Reading("unreadable", problem)
    monkeypatch.undo()
    monkeypatch.setattr(sandbox, "_pool", pool)
    assert read_form(b.build_form()).kind == "form"


def test_an_idle_child_that_died_is_not_the_next_files_fault(pool: sandbox.Pool) -> None:
    assert read_form(b.build_form()).kind == "form"
    (pid,) = pool.children()
    os.kill(pid, signal.SIGKILL)
    assert read_form(b.build_form()).kind == "form"


def test_a_used_child_that_dies_is_no_proof_against_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    _child_that(monkeypatch, 'receive(i, 10**8); send(o, {}, b\'{"kind": "form"}\'); receive(i, 10**8)')
    assert [read_form(b"x").kind for _ in range(3)] == ["form"] * 3


@linux
def test_a_job_that_uses_up_its_processor_time_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    form = 'receive(i, 10**8); send(o, {}, b\'{"kind": "form"}\'); receive(i, 10**8)\n'
    _child_that(monkeypatch, form + "import os, signal; os.kill(os.getpid(), signal.SIGXCPU)")
    assert [read_form(b"x").problem for _ in range(3)] == [None, "too_heavy", None]


SPINS = """
import time
from treem.forms import child
child.CPU_SECONDS = 0
child.allow_time()
end = time.process_time() + 10
while time.process_time() < end:
    pass
"""


@linux
def test_the_processor_time_of_a_job_is_bounded() -> None:
    done = subprocess.run([sys.executable, "-c", SPINS], check=False, env=sandbox.bare_environment())
    assert done.returncode == -signal.SIGXCPU


def test_the_child_gets_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREEM_MAIL_PASSWORD", "secret")
    assert "secret" not in str(sandbox.bare_environment())


def test_the_child_works_where_limits_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "resource.py").write_text("raise ImportError\n")
    environment = sandbox.bare_environment()
    environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{environment['PYTHONPATH']}"
    monkeypatch.setattr(sandbox, "bare_environment", lambda: environment)
    assert read_form(b.build_form()).kind == "form"


TRIES = """
import os, socket
from treem.forms import child
child.prepare(); child.limit_this_process()
for attempt in (lambda: open("/dev/null"), lambda: socket.socket(), lambda: os.pipe(), lambda: os.dup(0)):
    try:
        attempt()
    except OSError:
        continue
    os._exit(1)
os._exit(0)
"""


@linux
def test_no_file_and_no_connection_can_be_opened() -> None:
    done = subprocess.run([sys.executable, "-c", TRIES], check=False, env=sandbox.bare_environment())
    assert done.returncode == 0


@linux
def test_the_running_child_has_its_limits(pool: sandbox.Pool) -> None:
    read_form(b.build_form())
    (pid,) = pool.children()
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    limits = {line[:26].strip(): line[26:].split()[:2] for line in lines}
    assert limits["Max open files"] == limits["Max file size"] == limits["Max core file size"] == ["0", "0"]
    assert limits["Max address space"] == [str(1 << 30)] * 2
    assert int(limits["Max cpu time"][0]) <= 20
    names = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    assert sorted(name.partition(":")[0] for name in names) == ["/dev/null", "/dev/null", "pipe", "pipe"]


IMPORTS = """
import sys
from treem.forms import child
from treem.forms.frames import Frame
child.prepare()
found = dict(rule="dash", severity="error", sheet="Số liệu", cell="D13", message="x", justification="")
before, answers = set(sys.modules), []
for operation in child.OPERATIONS:
    for path in sys.argv[1:]:
        facts = {"findings": [found, found | {"severity": "warning"}], "guide": ["a"], "texts": WORDS}
        head = {"operation": operation} | facts
        answers.append(child.perform(Frame(head, open(path, "rb").read())))
print(sorted(set(sys.modules) - before), *(answer.head.get("problem") for answer in answers))
"""


def test_nothing_is_left_to_import_when_the_door_is_closed(tmp_path: Path) -> None:
    files = (b.open_form().fill().save(), b.as_xls(b.open_form().fill().book), b"PK\x03\x04", h.utf16_sheet())
    paths = [tmp_path / str(number) for number in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    command = [sys.executable, "-c", IMPORTS.replace("WORDS", repr(asdict(ReplyTexts()))), *map(str, paths)]
    done = subprocess.run(command, check=True, env=sandbox.bare_environment(), stdout=subprocess.PIPE, text=True)
    said = "None None damaged damaged"
    assert done.stdout.strip() == f"[] {said} {said} damaged damaged damaged damaged"


@linux
def test_a_forked_process_has_children_of_its_own(pool: sandbox.Pool) -> None:
    assert read_form(b.build_form()).kind == "form"
    ours = pool.children()
    reader_end, writer_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            fine = not sandbox._pool.children() and read_form(b.build_form()).kind == "form"
            os.write(writer_end, f"{fine} {sandbox._pool.children()[0]}".encode())
            sandbox._close()
        finally:
            os._exit(0)
    os.close(writer_end)
    fine, theirs = os.read(reader_end, 100).decode().split()
    os.waitpid(pid, 0)
    assert fine == "True" and int(theirs) not in ours and not _is_running(int(theirs))
    assert read_form(b.build_form()).kind == "form" and pool.children() == ours


@linux
def test_a_process_can_be_forked_while_others_read() -> None:
    form, stop, kinds = b.build_form(), threading.Event(), set()

    def keep_reading() -> None:
        while not stop.is_set():
            kinds.add(read_form(form).kind)

    threads = [threading.Thread(target=keep_reading) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if read_form(form).kind == "form" else 1)
        assert os.waitpid(pid, 0)[1] == 0
    stop.set()
    for thread in threads:
        thread.join()
    assert kinds == {"form"}


HOLDER = """
import sys, time
from treem.forms import sandbox
from treem.forms.read import read_form
read_form(sys.stdin.buffer.read())
print(*sandbox._pool.children(), flush=True)
time.sleep(60 if "sleep" in sys.argv else 0)
"""


@linux
@pytest.mark.parametrize("way", ["sleep", "end"])
def test_no_child_outlives_its_parent(way: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", HOLDER, way],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=sandbox.bare_environment(),
    )
    assert parent.stdin and parent.stdout
    parent.stdin.write(b.build_form())
    parent.stdin.close()
    pids = [int(word) for word in parent.stdout.readline().split()]
    if way == "sleep":
        assert all(_is_running(pid) for pid in pids)
        parent.kill()
    parent.wait(PATIENCE)
    assert pids and _until(lambda: not any(_is_running(pid) for pid in pids))


HOSTILE: tuple[tuple[Callable[[], bytes], str], ...] = (
    (h.far_cell, "too_large"),
    (h.lying_string_count, "damaged"),
    (h.long_comment, "too_large"),
    (h.one_long_string, "too_large"),
    (h.entity_bomb, "unsafe"),
    (h.far_xls_cells, "not_a_form"),
    (lambda: b"PK\x03\x04" * 100, "damaged"),
)


@linux
def test_case_72_good_and_hostile_files_one_after_the_other(pool: sandbox.Pool) -> None:
    """50 files in turn: the good ones are read right, no child outgrows its limits, this process stays small."""
    hostile = [(make(), problem) for make, problem in HOSTILE]
    good = b.open_form().fill().save()
    files: list[tuple[bytes, str | None]] = []
    for n in range(25):
        files += [hostile[n % len(hostile)], (good, None)]
    wanted, before, peak = read_form(good), _peak(), 0
    for data, problem in files:
        reading = read_form(data)
        assert reading.problem == problem and (problem is not None or reading == wanted)
        peak = max([peak, *(_status(pid, "VmPeak:") for pid in pool.children())])
    assert wanted.kind == "form" and peak <= (1 << 20)  # kB
    assert _peak() - before < 30_000


def _peak() -> int:
    return _status("self", "VmHWM:")


def test_frames_are_bounded_both_ways() -> None:
    reader_end, writer_end = os.pipe()
    with FileIO(reader_end, "rb") as jobs, FileIO(writer_end, "wb") as answers:
        frames.send(answers, {"a": "ệ"}, b"123")
        assert frames.receive(jobs, 3) == frames.Frame({"a": "ệ"}, b"123")
        frames.send(answers, {}, b"1234")
        with pytest.raises(frames.Broken):
            frames.receive(jobs, 3)
