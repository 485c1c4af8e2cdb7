"""A server that speaks a script and misbehaves on purpose. Records what it was given."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

Fault = Literal["after_data", "before_data", "at_mail_421", "no_auth_tls", "silent"]


@dataclass
class Misbehaving:
    """Speaks enough SMTP. `fault` says where it goes wrong, the first `faults` times."""

    fault: Fault
    faults: int = 1
    port: int = 0
    received: list[bytes] = field(default_factory=list)
    connections: int = 0

    def talk(self, line: socket.socket) -> None:
        self.connections += 1
        stream = line.makefile("rwb")

        def say(text: str) -> None:
            stream.write(text.encode() + b"\r\n")
            stream.flush()

        say("220 mail.test ESMTP")
        for command in stream:
            verb = command.strip().upper()
            if verb.startswith(b"EHLO"):
                say("250 mail.test")
            elif verb.startswith(b"MAIL") and self._wrong("at_mail_421"):
                say("421 4.3.2 Closing")
                return
            elif verb.startswith(b"RCPT") and self._wrong("before_data"):
                return
            elif verb == b"DATA":
                say("354 Go ahead")
                self.received.append(_until_dot(stream))
                if self._wrong("after_data"):
                    return
                say("250 2.0.0 OK")
            elif verb == b"QUIT":
                say("221 Bye")
                return
            else:
                say("250 OK")

    def _wrong(self, here: Fault) -> bool:
        if self.fault != here or self.faults == 0:
            return False
        self.faults -= 1
        return True


def _until_dot(stream: Iterator[bytes]) -> bytes:
    lines = []
    for line in stream:
        if line == b".\r\n":
            break
        lines.append(line)
    return b"".join(lines)


@contextmanager
def misbehaving(fault: Fault, faults: int = 1) -> Iterator[Misbehaving]:
    """The server on a free port of 127.0.0.1."""
    server = Misbehaving(fault, faults)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _ = listener.accept()
                    with line, suppress(OSError):
                        server.talk(line)

        threading.Thread(target=serve, daemon=True).start()
        yield server
