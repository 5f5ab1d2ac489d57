"""Keys and decryption by the real GnuPG, in a folder of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.optional_tools import require_tools

LONG_AGO = "20200101T000000"
_DAY = "86400"


class KeyRing:
    """Secret keys of receivers. `key_ring` creates it."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def run(self, *arguments: str, at: str | None = None, data: bytes | None = None, passphrase: str = "") -> bytes:
        """Runs gpg, as if the time was `at`, and returns its output. `passphrase` is that of secret keys."""
        time = ("--faked-system-time", f"{at}!") if at else ()
        quiet = ("--batch", "--quiet", "--no-tty", "--trust-model", "always")
        secret = ("--pinentry-mode", "loopback", "--passphrase", passphrase)
        command = ["gpg", "--homedir", str(self._home), *quiet, *secret, *time, *arguments]
        done = subprocess.run(command, check=False, input=data, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def shell(self, command: str, folder: Path) -> bytes:
        """Runs a command line in a folder, as a person with these keys does. Returns its messages (standard error)."""
        environment = {**os.environ, "GNUPGHOME": str(self._home)}
        done = subprocess.run(["bash", "-c", command], check=True, capture_output=True, cwd=folder, env=environment)
        return done.stderr

    def make_key(
        self,
        name: str,
        primary: str = "ed25519",
        encryption: str | None = "cv25519",
        *,
        expires: str = "0",
        subkey_expires: str = "0",
        at: str | None = None,
    ) -> str:
        """Makes a key for signatures with a subkey for encryption, unless `encryption` is None.

        Returns its fingerprint.
        """
        self.run("--quick-gen-key", name, primary, "cert,sign", expires, at=at)
        fingerprint = self.fingerprint(name)
        if encryption is not None:
            self.run("--quick-add-key", fingerprint, encryption, "encr", subkey_expires, at=at)
        return fingerprint

    def revoke(self, fingerprint: str) -> None:
        """Revokes a key, with the revocation certificate that gpg made with it."""
        stored = self._home / "openpgp-revocs.d" / f"{fingerprint}.rev"
        self.run("--import", data=stored.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))

    def certificate(self, name: str) -> str:
        """Returns the certificate of a key, with ASCII armor."""
        return self.run("--armor", "--export", name).decode()

    def secret_key(self, name: str) -> str:
        """Returns a secret key, with ASCII armor."""
        return self.run("--armor", "--export-secret-keys", name).decode()

    def signers_of(self, message: bytes) -> list[str]:
        """Decrypts a message and returns the fingerprints of the primary keys whose signatures gpg found valid."""
        report = self.run("--status-fd", "1", "--output", os.devnull, "--decrypt", data=message)
        lines = [line.split() for line in report.split(b"\n") if line.startswith(b"[GNUPG:] VALIDSIG ")]
        return [line[-1].decode() for line in lines]

    def decrypt(self, message: bytes, only: str | None = None) -> bytes:
        """Decrypts a message, with the key `only` if it is given."""
        return self.run(*(("--try-secret-key", only) if only else ()), "--decrypt", data=message)

    def decrypt_blocks(self, message: Path) -> Iterator[bytes]:
        """Yields the content of a message of any size. Raises CalledProcessError if it cannot be decrypted."""
        command = ["gpg", "--homedir", str(self._home), "--batch", "--quiet", "--decrypt", str(message)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            while block := process.stdout.read(1 << 20):
                yield block
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)

    def fingerprint(self, name: str) -> str:
        """Returns the fingerprint of the primary key of a name."""
        listed = self.run("--with-colons", "--list-keys", name).decode()
        return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))


@contextmanager
def key_ring() -> Iterator[KeyRing]:
    """Yields an empty key ring. Skips the test without GnuPG.

    Its folder has a short name, because gpg's agent has a socket there.
    """
    require_tools("gnupg", ["gpg"], "apt-get install gnupg")
    home = Path(tempfile.mkdtemp(prefix="gpg-"))
    try:
        yield KeyRing(home)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)
