"""The few child processes in which files from outside are opened.

Belongs here: starting the children (`child`), giving each job to one of them, and ending a child that takes too long,
dies or says nonsense. A file can do what it likes to its child; the caller gets an answer or `Failed`.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from io import RawIOBase
from pathlib import Path
from typing import Any, Literal, cast

from treem.forms.frames import Broken, Frame, receive, send

WALL_SECONDS = 20.0
AT_ONCE = 2
JOBS_A_CHILD = 2000
MAX_ANSWER = 8_000_000
GOODBYE_SECONDS = 2.0
SOURCE_ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-B", "-X", "utf8", "-m", "treem.forms.child")
KEPT_ENVIRONMENT = ("PATH", "SYSTEMROOT", "SystemRoot", "TEMP", "TMP", "LD_LIBRARY_PATH")
_MORE: list[str] = []
CPU_SIGNAL = -getattr(signal, "SIGXCPU", 0)


class Failed(Exception):
    """The child gave no answer to be believed; `problem` is a rule of the catalogue."""

    def __init__(self, problem: Literal["too_heavy", "damaged"]) -> None:
        super().__init__(problem)
        self.problem = problem


def run(operation: str, data: bytes, facts: Mapping[str, Any] | None = None, *, most: int = MAX_ANSWER) -> Frame:
    """One job in a child of this process's pool. `most` is how long the answer may be. Raises Failed."""
    return _pool.run(operation, data, facts or {}, most)


def add_operation(name: str, module: str) -> None:
    """Let children that are started from now on do an operation of another room (`child.take_on`)."""
    _MORE.append(f"{name}={module}")


class Child:
    """One child process. A job has it to itself."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            (*COMMAND, *_MORE),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd=SOURCE_ROOT,
            env=bare_environment(),
        )
        self.jobs = 0

    @property
    def may_go_on(self) -> bool:
        """Whether it can take another job."""
        return self.jobs < JOBS_A_CHILD and self.process.poll() is None

    def work(self, head: Mapping[str, Any], data: bytes, most: int) -> Frame | None:
        """The answer, or None when the child ended. Raises Failed."""
        job = _leash.put_on(self.process.kill)
        self.jobs += 1
        try:
            send(cast(RawIOBase, self.process.stdin), head, data)
            answer = receive(cast(RawIOBase, self.process.stdout), most)
        except OSError:
            answer = None
        except Broken as error:
            raise Failed("damaged") from error
        finally:
            ran_out = _leash.let_go(job)
        if ran_out:
            raise Failed("too_heavy")
        if answer is not None and answer.head.pop("last", False):
            self.jobs = JOBS_A_CHILD
        return answer

    def end(self, *, kindly: bool = False) -> int:
        """Make sure that it is gone; give its exit status."""
        self.forget()
        if kindly:
            with suppress(subprocess.TimeoutExpired):
                return self.process.wait(GOODBYE_SECONDS)
        self.process.kill()
        return self.process.wait()

    def forget(self) -> None:
        """Close this process's ends of the pipes. A child that finds nobody at the other end goes by itself."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Pool:
    """At most so many children at once, started when first needed."""

    def __init__(self, most: int = AT_ONCE) -> None:
        self._places = threading.Semaphore(most)
        self._idle: list[Child] = []
        self._all: set[Child] = set()
        self.lock = threading.Lock()

    def run(self, operation: str, data: bytes, facts: Mapping[str, Any], most: int) -> Frame:
        """One job; waits while every child is busy. Raises Failed."""
        head = {"operation": operation, **facts}
        with self._places:
            answer = self._try(self._take(), head, data, most)
            if answer is None:
                answer = self._try(self._start(), head, data, most)
        if answer is None:
            raise Failed("too_heavy")
        return answer

    def close(self) -> None:
        """End the idle children. Those at work end by themselves after their job."""
        with self.lock:
            idle, self._idle = self._idle, []
            self._all -= set(idle)
        for child in idle:
            child.forget()
        for child in idle:
            child.end(kindly=True)

    def forget(self) -> None:
        """In a forked process: the children are the other process's."""
        for child in self._all:
            child.forget()
            child.process.returncode = 0  # so that nobody here waits for it

    def children(self) -> tuple[int, ...]:
        """The process ids of all children."""
        with self.lock:
            return tuple(child.process.pid for child in self._all)

    def _try(self, child: Child, head: Mapping[str, Any], data: bytes, most: int) -> Frame | None:
        """The answer. None: a child that had other jobs before died of something else than its processor time.

        That says nothing about this file; it is tried again in a fresh child.
        """
        used = child.jobs > 0
        try:
            answer = child.work(head, data, most)
        except BaseException:
            self._discard(child)
            raise
        if answer is not None:
            self._give_back(child)
        elif self._discard(child, kindly=True) == CPU_SIGNAL or not used:
            raise Failed("too_heavy")
        return answer

    def _take(self) -> Child:
        with self.lock:
            waiting = self._idle.pop() if self._idle else None
        if waiting is None:
            return self._start()
        if waiting.may_go_on:
            return waiting
        self._discard(waiting)
        return self._take()

    def _start(self) -> Child:
        with self.lock:
            child = Child()
            self._all.add(child)
        return child

    def _give_back(self, child: Child) -> None:
        if child.may_go_on:
            with self.lock:
                self._idle.append(child)
        else:
            self._discard(child)

    def _discard(self, child: Child, *, kindly: bool = False) -> int:
        with self.lock:
            self._all.discard(child)
        return child.end(kindly=kindly)


class _Leash:
    """Ends children whose job takes longer than the wall clock allows: one thread for all. Works on every system."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: dict[object, tuple[float, Callable[[], None]]] = {}
        self._wakes: float | None = None  # when the thread looks again by itself; None: it waits to be told, or is not

    def put_on(self, kill: Callable[[], None]) -> object:
        """A job begins; gives what `let_go` takes."""
        job, until = object(), time.monotonic() + WALL_SECONDS
        with self._changed:
            self._jobs[job] = (until, kill)
            if not self._thread.is_alive():
                self._thread.start()
            elif self._wakes is None or until < self._wakes:
                self._changed.notify()
        return job

    def let_go(self, job: object) -> bool:
        """The job is over; whether time ran out before."""
        with self._changed:
            return self._jobs.pop(job, None) is None

    @cached_property
    def _thread(self) -> threading.Thread:
        return threading.Thread(target=self._watch, name="sandbox-leash", daemon=True)

    def _watch(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for job in [job for job, (until, _) in self._jobs.items() if until <= now]:
                    self._jobs.pop(job)[1]()
                self._wakes = min((until for until, _ in self._jobs.values()), default=None)
                self._changed.wait(None if self._wakes is None else self._wakes - now)


def bare_environment() -> dict[str, str]:
    """The child gets none of our secrets."""
    kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    return kept | {"PYTHONPATH": str(SOURCE_ROOT), "PYTHONSAFEPATH": "1"}


_pool, _leash = Pool(), _Leash()


def _close() -> None:
    _pool.close()


def _start_anew() -> None:
    """A forked process has children of its own, and leaves those of its parent alone."""
    global _pool, _leash
    old, _pool, _leash = _pool, Pool(), _Leash()
    old.forget()


atexit.register(_close)
if hasattr(os, "register_at_fork"):  # the lock: no child is just being started while this process is copied
    os.register_at_fork(
        before=lambda: _pool.lock.acquire(),
        after_in_parent=lambda: _pool.lock.release(),
        after_in_child=_start_anew,
    )
