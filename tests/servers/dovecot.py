"""A throw-away Dovecot: IMAP, IMAPS and LMTP on free ports of 127.0.0.1, all its state in one folder.

As root its parts run as nobody, otherwise as whoever runs the tests. It also answers Postfix's questions about
passwords.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from textwrap import dedent

from imapclient import IMAPClient

from tests.servers.authority import Certificate
from tests.servers.loopback import HOST, free_ports, listens, missing, wait_until

CONF = """\
    protocols = imap lmtp
    listen = 127.0.0.1
    base_dir = {folder}/run
    state_dir = {folder}/state
    log_path = {folder}/log
    default_internal_user = {user}
    default_internal_group = {group}
    default_login_user = {user}
    default_vsz_limit = 512M
    mail_location = maildir:{folder}/mail/%u
    mail_uid = {user}
    mail_gid = {group}
    first_valid_uid = 1
    first_valid_gid = 1
    mail_max_userip_connections = {connections}
    recipient_delimiter = +
    quota_full_tempfail = no
    auth_mechanisms = plain login
    auth_failure_delay = 0
    disable_plaintext_auth = no
    ssl = {tls}
    {certificate}
    passdb {{
      driver = passwd-file
      args = scheme=PLAIN username_format=%u {folder}/users
    }}
    userdb {{
      driver = passwd-file
      args = username_format=%u {folder}/users
    }}
    namespace inbox {{
      inbox = yes
      separator = /
      mailbox "{junk}" {{
        auto = create
        special_use = \\Junk
      }}
    }}
    mail_plugins = {plugins}
    plugin {{
      quota = maildir:User quota
      quota_rule = *:storage={quota}
      quota_grace = 0
    }}
    service anvil {{
      chroot =
      unix_listener anvil-auth-penalty {{
        mode = 0
      }}
    }}
    service stats {{
      chroot =
    }}
    service auth {{
      inet_listener {{
        address = 127.0.0.1
        port = {sasl}
      }}
    }}
    service imap-login {{
      chroot =
      inet_listener imap {{
        address = 127.0.0.1
        port = {imap}
      }}
      inet_listener imaps {{
        address = 127.0.0.1
        port = {imaps}
        ssl = yes
      }}
    }}
    service lmtp {{
      inet_listener lmtp {{
        address = 127.0.0.1
        port = {lmtp}
      }}
    }}
    """


def why_not() -> str | None:
    """Why Dovecot cannot run here, if it cannot."""
    return missing(dovecot="dovecot-imapd", lmtp="dovecot-lmtpd", imap="dovecot-imapd")


@dataclass(frozen=True)
class Runner:
    """Whom its parts run as."""

    user: str
    uid: int
    group: str
    gid: int


@dataclass
class Dovecot:
    """The server; `users` are addresses and passwords. Without a certificate it offers no TLS at all."""

    folder: Path
    users: Mapping[str, str]
    certificate: Certificate | None = None
    junk: str = "Junk"
    quota: str | None = None  # of every mailbox, "20K"
    connections: int = 20  # of one user at once

    def __post_init__(self) -> None:
        self.imap, self.imaps, self.lmtp, self.sasl = free_ports(4)

    def __enter__(self) -> "Dovecot":
        self._lay_out()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # its parts end with it; asked politely it waits a second for nothing
        self._process.wait()

    def start(self) -> None:
        """Start it, with whatever lies in the mailboxes already."""
        command = ["dovecot", "-F", "-c", str(self.folder / "dovecot.conf")]
        path = {"PATH": os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"}
        with (self.folder / "stderr").open("wb") as errors:
            self._process = subprocess.Popen(command, stdout=errors, stderr=errors, env=os.environ | path)
        try:
            wait_until(lambda: listens(self.imap) or self._process.poll() is not None, "Dovecot does not listen")
            if self._process.poll() is not None:
                raise RuntimeError((self.folder / "stderr").read_text() + self.log)
        except BaseException:
            self.__exit__()
            raise

    def stop(self) -> None:
        """Shut it down: everyone who is connected is told BYE."""
        connected = set(re.findall(r"Login: .*mpid=(\d+)", self.log))
        for session in connected - set(re.findall(r"imap\([^)]*\)<(\d+)>.* Disconnected", self.log)):
            with suppress(ProcessLookupError):
                os.kill(int(session), signal.SIGTERM)
        self.__exit__()

    @property
    def log(self) -> str:
        """What it has written down so far."""
        file = self.folder / "log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def maildir(self, user: str) -> Path:
        """Where a user's letters lie as files."""
        return self.folder / "mail" / user

    @contextmanager
    def webmail(self, user: str, folder: str = "INBOX") -> Iterator[IMAPClient]:
        """Somebody else in the mailbox, who may write in it."""
        client = IMAPClient(HOST, self.imap, ssl=False, timeout=20)
        client.login(user, self.users[user])
        client.select_folder(folder)
        yield client
        client.logout()

    def letters(self, user: str, folder: str = "INBOX") -> dict[int, bytes]:
        """The letters in a folder by UID, byte for byte."""
        with self.webmail(user, folder) as client:
            found = client.fetch(client.search(), ["BODY.PEEK[]"])
        return {uid: parts[b"BODY[]"] for uid, parts in found.items()}

    def put(self, user: str, raw: bytes, folder: str = "INBOX", when: datetime | None = None) -> None:
        """A letter lies in a folder, exactly these bytes."""
        with self.webmail(user) as client:
            client.append(folder, raw, msg_time=when)

    def slip_in(self, user: str, raw: bytes) -> None:
        """A letter lies in the inbox that no protocol has looked at: a file put there by some other program."""
        name = f"{time.time_ns()}.other.program"
        file = self.maildir(user) / "new" / name
        file.write_bytes(raw)
        if os.getuid() == 0:
            shutil.chown(file, "nobody")

    def empty(self, user: str) -> None:
        """Throw away every letter of a user."""
        with self.webmail(user) as client:
            for _, _, folder in client.list_folders():
                client.select_folder(folder)
                client.delete_messages(client.search())
                client.expunge()

    def _lay_out(self) -> None:
        runner = _runner()
        for name in ("run", "state", "mail"):
            (self.folder / name).mkdir()
        lines = (f"{user}:{{PLAIN}}{secret}:{runner.uid}:{runner.gid}::::\n" for user, secret in self.users.items())
        (self.folder / "users").write_text("".join(lines), "utf-8")
        (self.folder / "dovecot.conf").write_text(self._conf(runner), "utf-8")
        for name in ("mail", "users"):
            shutil.chown(self.folder / name, runner.uid, runner.gid)

    def _conf(self, runner: Runner) -> str:
        made = self.certificate
        return dedent(CONF).format(
            folder=self.folder, user=runner.user, group=runner.group,
            imap=self.imap, imaps=self.imaps if made else 0, lmtp=self.lmtp, sasl=self.sasl,
            tls="yes" if made else "no",
            certificate=f"ssl_cert = <{made.chain}\nssl_key = <{made.key}" if made else "",
            junk=self.junk, quota=self.quota or "0", plugins="quota" if self.quota else "",
            connections=self.connections,
        )  # fmt: skip


def _runner() -> Runner:
    import grp  # only where there is a Dovecot; Windows has neither
    import pwd

    found = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    return Runner(found.pw_name, found.pw_uid, grp.getgrgid(found.pw_gid).gr_name, found.pw_gid)
