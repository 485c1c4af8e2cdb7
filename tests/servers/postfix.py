"""A throw-away Postfix between us and the world: submission with TLS and a login, a plain port for the bodies' letters,
a queue that really waits and tries again, and its own delivery reports.

Needs root, as Postfix's master does. It listens on 127.0.0.1 only and looks nothing up: `routes` say where the letters
of a domain or an address go.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from tests.servers.authority import Certificate
from tests.servers.loopback import HOST, free_ports, listens, missing, wait_until

MAIN = """\
    compatibility_level = 3.6
    queue_directory = {folder}/queue
    data_directory = {folder}/data
    maillog_file = {folder}/log
    maillog_file_prefixes = {folder}
    inet_interfaces = 127.0.0.1
    inet_protocols = ipv4
    smtp_bind_address = 127.0.0.1
    myhostname = mail.tamduong.test
    mydestination =
    mynetworks = 127.0.0.0/8
    alias_maps =
    alias_database =
    local_recipient_maps =
    biff = no
    recipient_delimiter = +
    disable_dns_lookups = yes
    smtp_dns_support_level = disabled
    transport_maps = texthash:{folder}/routes
    default_transport = error:5.1.2 no such domain here
    smtpd_relay_restrictions = permit_mynetworks, reject
    smtpd_client_connection_rate_limit = 0
    smtpd_error_sleep_time = 0
    smtpd_tls_cert_file = {certificate.chain}
    smtpd_tls_key_file = {certificate.key}
    smtpd_tls_auth_only = yes
    smtpd_sasl_type = dovecot
    smtpd_sasl_path = inet:127.0.0.1:{sasl}
    smtp_tls_security_level = none
    lmtp_tls_security_level = none
    mailbox_size_limit = 0
    message_size_limit = 30000000
    bounce_size_limit = 30000000
    queue_run_delay = 1s
    minimal_backoff_time = 1s
    maximal_backoff_time = 2s
    """
MASTER = """\
    127.0.0.1:{plain} inet n - n - - smtpd
    127.0.0.1:{submission} inet n - n - - smtpd
      -o smtpd_tls_security_level=may -o smtpd_sasl_auth_enable=yes
      -o smtpd_client_restrictions=permit_sasl_authenticated,reject
    127.0.0.1:{smtps} inet n - n - - smtpd
      -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes
      -o smtpd_client_restrictions=permit_sasl_authenticated,reject
    pickup unix n - n 60 1 pickup
    cleanup unix n - n - 0 cleanup
    qmgr unix n - n 300 1 qmgr
    rewrite unix - - n - - trivial-rewrite
    bounce unix - - n - 0 bounce
    defer unix - - n - 0 bounce
    trace unix - - n - 0 bounce
    verify unix - - n - 1 verify
    flush unix n - n 1000? 0 flush
    proxymap unix - - n - - proxymap
    smtp unix - - n - - smtp
    lmtp unix - - n - - lmtp
    error unix - - n - - error
    retry unix - - n - - error
    anvil unix - - n - 1 anvil
    scache unix - - n - 1 scache
    tlsmgr unix - - n 1000? 1 tlsmgr
    postlog unix-dgram n - n - 1 postlogd
    """


def why_not() -> str | None:
    """Why Postfix cannot run here, if it cannot."""
    if os.name == "nt" or os.getuid() != 0:
        return "Postfix needs root"
    return missing(postfix="postfix")


@dataclass
class Postfix:
    """The server. `routes` are addresses or domains and Postfix transports; `sasl` is where passwords are checked."""

    folder: Path
    certificate: Certificate
    sasl: int
    routes: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)  # lines of main.cf that replace its defaults here

    def __post_init__(self) -> None:
        self.plain, self.submission, self.smtps = free_ports(3)

    def __enter__(self) -> "Postfix":
        self._lay_out()
        self._run("postfix", "check")  # makes the queue's folders
        master = Path(self._run("postconf", "-h", "daemon_directory").strip()) / "master"
        command = [str(master), "-c", str(self.folder / "etc"), "-s"]  # -s: stays our child
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)
        try:
            wait_until(lambda: listens(self.plain) or self._process.poll() is not None, "Postfix does not listen")
            if self._process.poll() is not None:
                raise RuntimeError(self.log)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    @property
    def log(self) -> str:
        """What it has written down so far."""
        file = self.folder / "log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def try_again(self) -> None:
        """Let everything that waits in the queue be tried now."""
        self._run("postqueue", "-f")

    def discard_queue(self) -> None:
        """Throw away everything that waits."""
        self._run("postsuper", "-d", "ALL")

    def queued(self) -> int:
        """How many letters wait in the queue."""
        places = ("incoming", "active", "deferred", "maildrop")
        return sum(path.is_file() for place in places for path in (self.folder / "queue" / place).rglob("*"))

    def _run(self, program: str, *arguments: str) -> str:
        path = {"PATH": os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"}
        command = [program, "-c", str(self.folder / "etc"), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | path).stdout

    def _lay_out(self) -> None:
        for name in ("etc", "queue", "data"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix", "postfix")
        main = dedent(MAIN).format(folder=self.folder, certificate=self.certificate, sasl=self.sasl)
        main += "".join(f"{name} = {value}\n" for name, value in self.settings.items())
        ports = {"plain": self.plain, "submission": self.submission, "smtps": self.smtps}
        routes = "".join(f"{who} {where}\n" for who, where in self.routes.items())
        (self.folder / "etc" / "main.cf").write_text(main, "ascii")
        (self.folder / "etc" / "master.cf").write_text(dedent(MASTER).format(**ports), "ascii")
        (self.folder / "routes").write_text(routes, "ascii")


def lmtp(port: int) -> str:
    """A route to mailboxes on this machine."""
    return f"lmtp:[{HOST}]:{port}"


def smtp(port: int) -> str:
    """A route to another server on this machine."""
    return f"smtp:[{HOST}]:{port}"
