"""The servers at the other end, each in a process of its own: a sink for letters, and a mailbox full of them.

The real ones where they are installed (Postfix's smtp-sink, Dovecot), otherwise small ones of Python. Which it was is
shown in the table: a slow server makes both sides slow and flatters the ratio.
"""

import os
import shutil
import socketserver
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

from bench.world import PASSWORD, Answer
from tests.servers import dovecot
from tests.servers.loopback import HOST, free_ports, listens, state_folder, wait_until
from treem.rehearsal.mail_server import EmbeddedMail

BACKLOG = "100"
SPAWN = get_context("spawn")


@dataclass(frozen=True)
class Server:
    """Something that listens."""

    name: str
    port: int


@contextmanager
def sink() -> Iterator[Server]:
    """Takes letters and forgets them."""
    program = shutil.which("smtp-sink", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
    (port,) = free_ports(1)
    with _smtp_sink(program, port) if program else _in_process(_sink, port):
        wait_until(lambda: listens(port), "the sink does not listen")
        yield Server("smtp-sink" if program else "a sink of Python", port)


@contextmanager
def _smtp_sink(program: str, port: int) -> Iterator[None]:
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    process = subprocess.Popen([program, *user, f"{HOST}:{port}", BACKLOG], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _in_process(target: Callable[..., None], *arguments: object) -> Iterator[None]:
    process = SPAWN.Process(target=target, args=arguments, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


@contextmanager
def mailbox(address: str, answers: Sequence[Answer]) -> Iterator[Server]:
    """IMAP with the answers in the office's INBOX."""
    with _embedded(address, answers) if dovecot.why_not() else _dovecot(address, answers) as server:
        yield server


@contextmanager
def _dovecot(address: str, answers: Sequence[Answer]) -> Iterator[Server]:
    with state_folder("bench") as folder, dovecot.Dovecot(folder, {address: PASSWORD}) as server:
        with server.webmail(address) as client:
            for answer in answers:
                client.append("INBOX", answer.raw, (), answer.received_at)
        yield Server("Dovecot", server.imap)


@contextmanager
def _embedded(address: str, answers: Sequence[Answer]) -> Iterator[Server]:
    here, there = SPAWN.Pipe()
    with _in_process(_serve, there, address, answers):
        yield Server("the embedded server", here.recv())


def _serve(told: Connection, address: str, answers: Sequence[Answer]) -> None:
    with EmbeddedMail({address: PASSWORD}) as mail:
        for answer in answers:
            mail.inject(address, answer.raw, answer.received_at)
        told.send(mail.imap[1])
        told.recv()  # never comes: the parent ends this process


def _sink(port: int) -> None:
    with _Sink((HOST, port), _Dialogue) as server:
        server.serve_forever()


class _Sink(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Dialogue(socketserver.StreamRequestHandler):
    """As much SMTP as smtplib speaks."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        self._say("220 sink.test ESMTP")
        while command := self.rfile.readline().strip().upper():
            if command.startswith(b"EHLO"):
                self._say("250-sink.test\r\n250 8BITMIME")
            elif command == b"DATA":
                self._say("354 Go on")
                while self.rfile.readline() != b".\r\n":
                    pass
                self._say("250 2.0.0 Ok")
            elif command == b"QUIT":
                self._say("221 Bye")
                return
            else:
                self._say("250 2.1.0 Ok")

    def _say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")
