"""Servers that speak a script and misbehave on purpose: one for sending, one for collecting. They record it."""

import re
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

Fault = Literal["after_data", "before_data", "at_mail_421", "silent_after_data", "at_login", "at_greeting", "at_rcpt"]


@dataclass
class Misbehaving:
    """Speaks enough SMTP. `fault` says where it goes wrong, the first `faults` times."""

    fault: Fault
    faults: int = 1
    login: str = "535 5.7.8 Authentication failed"  # what it says to a password when the fault is there
    greeting: str = "421 4.3.2 Too busy"  # … and to whoever connects
    mechanisms: str = "PLAIN"
    offers: str = "HELP"
    waits_for_nobody: str = ""  # whether it says 354 when there is no recipient, and what it says to what it gets then
    port: int = 0
    received: list[bytes] = field(default_factory=list)
    for_nobody: list[bytes] = field(default_factory=list)
    connections: int = 0
    logins: int = 0
    _recipients: bool = False

    def talk(self, line: socket.socket) -> None:
        self.connections += 1
        stream = line.makefile("rwb")
        if self._wrong("at_greeting"):
            _say(stream, self.greeting)
            return
        _say(stream, "220 mail.test ESMTP")
        for command in stream:
            answer = self._answer(command.strip().upper(), stream)
            if not answer:
                return
            _say(stream, answer)
            if answer.startswith(("221", "421")):
                return

    def _answer(self, verb: bytes, stream: BinaryIO) -> str:
        """What is said to a command; nothing means that it hangs up."""
        if verb.startswith(b"EHLO"):
            return f"250-mail.test\r\n250-{self.offers}\r\n250 AUTH {self.mechanisms}"
        if verb.startswith(b"AUTH"):
            self.logins += 1
            return self.login if self._wrong("at_login") else "235 2.7.0 OK"
        if verb.startswith(b"MAIL") and self._wrong("at_mail_421"):
            return "421 4.3.2 Closing"
        if verb.startswith(b"RCPT") and self._wrong("before_data"):
            return ""
        if verb.startswith(b"RCPT"):
            self._recipients = not self._wrong("at_rcpt")
            return "250 OK" if self._recipients else "550 5.1.1 Nobody by that name"
        if verb == b"DATA":
            return self._take(stream) if self._recipients else self._take_for_nobody(stream)
        return "221 Bye" if verb == b"QUIT" else "250 OK"

    def _take_for_nobody(self, stream: BinaryIO) -> str:
        if not self.waits_for_nobody:
            return "503 5.5.1 No valid recipients"
        _say(stream, "354 Go ahead")
        self.for_nobody.append(_until_dot(stream))
        return self.waits_for_nobody

    def _take(self, stream: BinaryIO) -> str:
        _say(stream, "354 Go ahead")
        self.received.append(_until_dot(stream))
        if self._wrong("silent_after_data"):
            stream.read()  # until the other side has had enough
            return ""
        return "" if self._wrong("after_data") else "250 2.0.0 OK"

    def _wrong(self, here: Fault) -> bool:
        if self.fault != here or self.faults == 0:
            return False
        self.faults -= 1
        return True


def _say(stream: BinaryIO, text: str) -> None:
    stream.write(text.encode() + b"\r\n")
    stream.flush()


def _until_dot(stream: BinaryIO) -> bytes:
    lines = []
    for line in stream:
        if line == b".\r\n":
            break
        lines.append(line)
    return b"".join(lines)


@contextmanager
def misbehaving(fault: Fault, faults: int = 1, **more: str) -> Iterator[Misbehaving]:
    """The server on a free port of 127.0.0.1."""
    server = Misbehaving(fault, faults, **more)
    with _listening(server.talk) as server.port:
        yield server


@dataclass
class Mailbox:
    """Speaks enough IMAP for somebody who only reads one folder.

    The connection ends in the middle of a letter as often as `cut` says for its UID. `login` and `greeting` are what
    the server says then; where the answer is BYE it hangs up. With `certificate` it offers STARTTLS, or speaks TLS from
    the start when `direct_tls`.
    """

    letters: dict[int, bytes]
    cut: Counter[int] = field(default_factory=Counter)
    greeting: str = "* OK ready"
    login: str = "OK Logged in"
    uidvalidity: int = 7
    tls: ssl.SSLContext | None = None
    direct_tls: bool = False
    port: int = 0
    connections: int = 0
    logins: int = 0
    fetched: list[tuple[int, str]] = field(default_factory=list)  # UID and what was asked of it, in order

    def talk(self, line: socket.socket) -> None:
        self.connections += 1
        if self.tls and self.direct_tls:
            line = self.tls.wrap_socket(line, server_side=True)
        _Conversation(self, line).hold()


class _Conversation:
    """One connection with the mailbox."""

    def __init__(self, box: Mailbox, line: socket.socket) -> None:
        self._box, self._line = box, line
        self._stream = line.makefile("rwb")

    def hold(self) -> None:
        try:
            self._say(self._box.greeting)
            while not self._box.greeting.startswith("* BYE") and (command := self._stream.readline()):
                tag, _, words = command.decode("ascii").strip().partition(" ")
                if not self._answer(tag, words):
                    return
        finally:
            self._hang_up()

    def _hang_up(self) -> None:
        with suppress(OSError):
            self._stream.close()
        self._line.close()

    def _answer(self, tag: str, words: str) -> bool:
        """Answer a command; whether the conversation goes on."""
        verb = words.upper()
        if verb.startswith("LOGIN"):
            return self._log_in(tag)
        if verb.startswith("UID FETCH"):
            return self._fetch(tag, words)
        if verb.startswith("LOGOUT"):
            self._say("* BYE", f"{tag} OK done")
            return False
        if verb.startswith("STARTTLS"):
            return self._start_tls(tag)
        self._say(*self._told(verb), f"{tag} OK done")
        return True

    def _told(self, verb: str) -> list[str]:
        box = self._box
        if verb.startswith("CAPABILITY"):
            return ["* CAPABILITY IMAP4rev1" + (" STARTTLS" if box.tls and not box.direct_tls else "")]
        if verb.startswith("LIST") and ("INBOX" in verb or "*" in verb):
            return ['* LIST () "/" INBOX']
        if verb.startswith(("EXAMINE", "SELECT")):
            return [f"* {len(box.letters)} EXISTS", f"* OK [UIDVALIDITY {box.uidvalidity}] valid"]
        if verb.startswith("UID SEARCH"):
            return ["* SEARCH " + " ".join(map(str, self._asked(verb)))]
        return []

    def _log_in(self, tag: str) -> bool:
        self._box.logins += 1
        self._say(f"* {self._box.login}" if self._box.login.startswith("BYE") else f"{tag} {self._box.login}")
        return not self._box.login.startswith("BYE")

    def _start_tls(self, tag: str) -> bool:
        self._say(f"{tag} OK done")
        assert self._box.tls is not None
        self._line = self._box.tls.wrap_socket(self._line, server_side=True)
        self._stream = self._line.makefile("rwb")
        return True

    def _fetch(self, tag: str, words: str) -> bool:
        what = words[words.index("(") :]
        for uid in self._asked(words):
            letter = self._box.letters[uid]
            if "RFC822.SIZE" in what:
                stamp = '"17-May-2027 00:00:00 +0000"'
                self._say(f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(letter)} INTERNALDATE {stamp})")
                continue
            self._box.fetched.append((uid, what))
            part = "BODY[HEADER]" if "HEADER" in what else "BODY[]"
            given = letter.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if "HEADER" in what else letter
            self._stream.write(f"* {uid} FETCH (UID {uid} {part} {{{len(given)}}}\r\n".encode())
            if self._box.cut[uid] > 0:
                self._box.cut[uid] -= 1
                self._stream.write(given[: len(given) // 2])
                self._stream.flush()
                return False
            self._stream.write(given + b")\r\n")
        self._say(f"{tag} OK done")
        return True

    def _asked(self, words: str) -> list[int]:
        """The UIDs that exist of a set; "n:*" names the last one in any case (RFC 9051, 6.4.8)."""
        there = sorted(self._box.letters)
        found: set[int] = set()
        for first, last in re.findall(r"(\d+)(?::(\d+|\*))?", words.partition("(")[0]):
            if last == "*" and there:
                found.update({there[-1]} | {uid for uid in there if uid >= int(first)})
            else:
                found.update(uid for uid in there if int(first) <= uid <= int(last or first))
        return sorted(found)

    def _say(self, *lines: str) -> None:
        for line in lines:
            _say(self._stream, line)


@contextmanager
def mailbox(letters: dict[int, bytes], **more: object) -> Iterator[Mailbox]:
    """The mailbox on a free port of 127.0.0.1."""
    box = Mailbox(letters, **more)  # type: ignore[arg-type]
    with _listening(box.talk) as box.port:
        yield box


@contextmanager
def _listening(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Talk with everyone who connects; the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hold(line: socket.socket) -> None:
            with line, suppress(OSError, ValueError):
                talk(line)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _ = listener.accept()
                    threading.Thread(target=hold, args=(line,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
