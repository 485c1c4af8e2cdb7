"""A certificate authority of our own, made with the `openssl` command: TLS can succeed, and fail for a reason."""

import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
CA_SECTIONS = """\
[req]
distinguished_name = name
x509_extensions = authority
prompt = no
[name]
CN = Treem test authority
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""
SERVER_EXTENSIONS = """\
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as files."""

    chain: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """Who vouches for servers. Clients trust it when SSL_CERT_FILE names `root`."""

    folder: Path

    @cached_property
    def root(self) -> Path:
        """The authority's own certificate, made when it is first asked for."""
        root = self.folder / "ca.pem"
        config = self._write("ca.cnf", CA_SECTIONS)
        _openssl("req", "-x509", *NEW_KEY, "-days", "2", "-config", config, "-keyout", self._key, "-out", root)
        return root

    def vouch_for(self, names: str = "IP:127.0.0.1,DNS:localhost") -> Certificate:
        """A server's certificate for those names (as in subjectAltName)."""
        base = names.split(",")[0].partition(":")[2]
        made = Certificate(self.folder / f"{base}.pem", self.folder / f"{base}.key")
        asked, root = self.folder / f"{base}.csr", self.root
        extensions = self._write(f"{base}.ext", SERVER_EXTENSIONS.format(names=names))
        _openssl("req", *NEW_KEY, "-subj", f"/CN={base}", "-keyout", made.key, "-out", asked)
        sign = ("-CA", root, "-CAkey", self._key, "-CAcreateserial", "-days", "2", "-extfile", extensions)
        _openssl("x509", "-req", "-in", asked, *sign, "-out", made.chain)
        return made

    @property
    def _key(self) -> Path:
        return self.folder / "ca.key"

    def _write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.write_text(text, encoding="ascii")
        return file


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
