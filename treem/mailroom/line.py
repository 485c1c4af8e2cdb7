"""The connection to the sending server and its dialogue. This is the only module that imports yagmail.

Belongs here: what one server says to one letter. Which letter goes when, and what its ending means, is in `smtp`.
yagmail gives the configuration, TLS and the connection. Its `send` is not used: it repeats letters by itself and takes
texts for names of files; nor is its login, which tries a wrong password once for each mechanism.
"""

import logging
import re
import smtplib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from smtplib import quoteaddr
from types import TracebackType
from typing import Literal

import yagmail

from treem.mailroom.connection import TROUBLE, named_trouble, refuse_plain, tls_context
from treem.mailroom.errors import MailUnreachable
from treem.plan.settings import Mail, Server

End = Literal["sent", "retry", "failed", "unknown"]
GO_ON = 354  # … with the letter
SERVICE_CLOSING = 421  # RFC 5321: the server wants no more from us now
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")  # TLS hides the password, so the one that every server does well is first
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


class ServerBusy(MailUnreachable):
    """The server wants no more from us now (421), whenever it says so."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Máy chủ gửi thư đang bận và đề nghị chờ (mã {code}). Hãy đợi 15 phút rồi thử lại.")
        self.code = code


@dataclass(frozen=True)
class Outcome:
    """What the server said to a letter. After `stop` it wants no more now; a `broken` connection carries no other."""

    end: End
    code: str
    stop: bool = False
    broken: bool = False


class Line:
    """One connection, opened when it is needed, used as smtplib."""

    def __init__(self, mail: Mail) -> None:
        refuse_plain(mail.smtp, "gửi thư")
        self._server = mail.smtp
        self._client: yagmail.SMTP | None = None

    def __enter__(self) -> "Line":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def opened(self) -> smtplib.SMTP:
        """The connection, made and logged in unless that is done. Raises ServerBusy, MailUnreachable."""
        if self._client is None:
            client = _client(self._server)
            try:
                with named_trouble(self._server, "gửi thư"), _busy_named():
                    client.login()  # connects
                    client.smtp.ehlo_or_helo_if_needed()
                    _log_in(client.smtp, self._server)
            except BaseException:
                _hang_up(client)
                raise
            self._client = client
        smtp: smtplib.SMTP = self._client.smtp
        return smtp

    def close(self) -> None:
        """Say goodbye, if there is anyone to say it to."""
        if self._client is not None:
            _hang_up(self._client)
            self._client = None


@contextmanager
def _busy_named() -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPResponseException as error:
        if error.smtp_code == SERVICE_CLOSING:
            raise ServerBusy(_code(error.smtp_code, error.smtp_error)) from error
        raise


def _log_in(smtp: smtplib.SMTP, server: Server) -> None:
    """Show the password once: smtplib goes on to the next mechanism, and a few refusals lock an account."""
    if not server.user:
        return
    offered = smtp.esmtp_features.get("auth", "").split()
    if usable := [mechanism for mechanism in MECHANISMS if mechanism in offered]:
        smtp.esmtp_features["auth"] = usable[0]
    smtp.login(server.user, server.password)


def deliver(smtp: smtplib.SMTP, envelope_from: str, recipient: str, raw: bytes) -> Outcome:
    """MAIL, RCPT, DATA. What is lost before the letter's first byte was not sent; what is lost later may have been."""
    size = f" SIZE={len(raw)}" if smtp.has_extn("size") else ""
    commands = (f"MAIL FROM:{quoteaddr(envelope_from)}{size}", f"RCPT TO:{quoteaddr(recipient)}", "DATA")
    try:
        code, text = _ask(smtp, commands)
    except TROUBLE as error:
        return Outcome("retry", type(error).__name__, broken=True)
    if code != GO_ON:
        return _refused(smtp, code, text)
    try:
        smtp.send(LEADING_DOT.sub(b"..", raw) + (b".\r\n" if raw.endswith(b"\r\n") else b"\r\n.\r\n"))
        code, text = smtp.getreply()
    except TROUBLE as error:
        return Outcome("unknown", type(error).__name__, broken=True)
    return Outcome("sent", _code(code, text)) if 200 <= code < 300 else _refused(smtp, code, text)


def _ask(smtp: smtplib.SMTP, commands: Sequence[str]) -> tuple[int, bytes]:
    """The answer to the last command, or the first refusal. Where the server lets us (RFC 2920), all go out at once."""
    if any(CONTROL.search(command) for command in commands):
        raise ValueError("a command of more than one line")
    at_once = smtp.has_extn("pipelining")
    if at_once:
        smtp.send("".join(f"{command}\r\n" for command in commands))
    for place, command in enumerate(commands, 1):
        if not at_once:
            smtp.putcmd(command)
        code, text = smtp.getreply()
        if place < len(commands) and not 200 <= code < 300:
            if at_once and code != SERVICE_CLOSING:
                _hear_the_rest(smtp, len(commands) - place)
            break
    return code, text


def _hear_the_rest(smtp: smtplib.SMTP, answers: int) -> None:
    """What was said to commands that are in vain; a server that waits for a letter all the same gets an empty one."""
    with suppress(*TROUBLE):
        codes = [smtp.getreply()[0] for _ in range(answers)]
        if codes[-1] == GO_ON:
            smtp.send(b".\r\n")
            smtp.getreply()


def _refused(smtp: smtplib.SMTP, code: int, text: bytes | str) -> Outcome:
    """A refusal: 5xx for ever, anything else for now. RSET makes the connection fit for the next letter."""
    end: End = "failed" if 500 <= code < 600 else "retry"
    stop = code == SERVICE_CLOSING
    broken = False
    if not stop:
        try:
            smtp.rset()
        except TROUBLE:
            broken = True
    return Outcome(end, _code(code, text), stop=stop, broken=broken)


def _code(code: int, text: bytes | str) -> str:
    """The code and the enhanced code; never the server's prose, which may repeat addresses."""
    words = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    enhanced = ENHANCED.match(words.strip())
    return f"{code} {enhanced[0]}" if enhanced else str(code)


def _client(server: Server) -> yagmail.SMTP:
    """A yagmail client with every default that would surprise replaced. It does not connect yet."""
    direct_tls = server.security == "tls"
    more = {"context": tls_context()} if direct_tls else {}
    client = yagmail.SMTP(
        user="",
        host=server.host,
        port=server.port,
        smtp_ssl=direct_tls,
        smtp_starttls={"context": tls_context()} if server.security == "starttls" else False,
        smtp_skip_login=True,
        soft_email_validation=False,
        timeout=server.timeout,
        **more,
    )
    client.is_closed = True  # nothing to close yet, whatever its destructor thinks
    logging.getLogger("yagmail.log").handlers.clear()  # it writes to stderr on its own
    return client


def _hang_up(client: yagmail.SMTP) -> None:
    """QUIT where anyone listens, and close the socket in any case."""
    client.is_closed = True
    if client.smtp is not None:
        with suppress(*TROUBLE):
            client.smtp.quit()
        client.smtp.close()
