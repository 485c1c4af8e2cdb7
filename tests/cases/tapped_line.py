"""A line to the embedded IMAP server that listens along, and breaks or says good-bye where a case wants it.

Belongs here: passing bytes on. It understands no more of IMAP than that commands are lines.
"""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

PATIENCE = 20.0
VERB = re.compile(rb"^\w+ ((?:UID )?[A-Z]+)")


@dataclass
class Tap:
    """What was said, and what goes wrong: the next `breaks` connections end after that many bytes of the server."""

    server: tuple[str, int]
    port: int = 0
    commands: list[bytes] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    farewell: bytes = b""

    @property
    def verbs(self) -> set[str]:
        """Which commands were given."""
        return {found[1].decode() for line in self.commands if (found := VERB.match(line.upper()))}

    def carry(self, client: socket.socket) -> None:
        """One connection, until either side or the tap ends it."""
        limit = self.breaks.pop(0) if self.breaks else None
        with closing(socket.create_connection(self.server, PATIENCE)) as server, closing(client):
            listener = threading.Thread(target=self._listen, args=(client, server), daemon=True)
            listener.start()
            self._pass_back(server, client, limit)
            for end in (client, server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            listener.join(PATIENCE)

    def _listen(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            for line in client.makefile("rb"):
                self.commands.append(line)
                server.sendall(line)

    def _pass_back(self, server: socket.socket, client: socket.socket, limit: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while data := server.recv(4096):
                if limit is not None and passed + len(data) >= limit:
                    client.sendall(data[: limit - passed] + self.farewell)
                    return
                client.sendall(data)
                passed += len(data)


@contextmanager
def tapped(server: tuple[str, int]) -> Iterator[Tap]:
    """A tap on the line to that server."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        tap = Tap(server, door.getsockname()[1])
        threading.Thread(target=_serve, args=(door, tap), daemon=True).start()
        yield tap


def _serve(door: socket.socket, tap: Tap) -> None:
    with suppress(OSError):
        while True:
            client, _ = door.accept()
            threading.Thread(target=tap.carry, args=(client,), daemon=True).start()
