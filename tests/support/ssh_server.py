"""A real OpenSSH server on the loopback interface, with its own host keys, for one user with a key."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from resma.destinations.sftp_settings import SftpSettings
from tests.support.eventually import eventually
from tests.support.optional_tools import require_tools

REMEDY = "apt-get install openssh-server"
HOST_KEY_TYPES = ("ed25519", "rsa", "ecdsa")

DESTINATION_ID = f"dst_{32 * 'a'}"
"""Id of a destination for tests of transports alone."""


def sshd_path() -> str | None:
    """Returns the path of sshd, which is often outside of the PATH of users; None if it is not installed."""
    return shutil.which("sshd", path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin")))


@dataclass(frozen=True)
class SshServer:
    """A running server. Its user has the folder `files`."""

    port: int
    home: Path
    log: Path
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list, compare=False)

    @property
    def files(self) -> Path:
        """Folder for delivered files."""
        return self.home / "files"

    @property
    def private_key(self) -> str:
        """Private key of the user."""
        return (self.home / "user").read_text()

    def host_key(self, type_: str = "ed25519") -> str:
        """Returns a public host key, as `ssh-keyscan` prints it without the host."""
        return " ".join((self.home / f"host_{type_}.pub").read_text().split()[:2])

    def fingerprint(self, type_: str = "ed25519") -> str:
        """Returns the fingerprint of a host key, as ssh-keygen prints it."""
        return fingerprint_of(self.home / f"host_{type_}.pub")

    def allow(self, public_key: Path) -> None:
        """Allows another key to log in, until `clear`."""
        keys = [(self.home / "user.pub").read_text(), public_key.read_text()]
        (self.home / "authorized_keys").write_text("".join(keys))

    def clear(self) -> None:
        """Removes all files, the log, and other keys than that of the user."""
        shutil.rmtree(self.files, ignore_errors=True)
        self.files.mkdir()
        os.truncate(self.log, 0)
        self.accept_logins()

    def refuse_logins(self) -> None:
        """Refuses all keys, until `clear` or `accept_logins`."""
        (self.home / "authorized_keys").write_text("")

    def accept_logins(self) -> None:
        """Accepts the key of the user only."""
        (self.home / "authorized_keys").write_text((self.home / "user.pub").read_text())

    def start(self) -> None:
        """Starts the server, also again after `kill`, at the same port and with the same files."""
        sshd = sshd_path()
        assert sshd is not None
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sshd, "-D", "-e", "-f", self.home / "sshd_config"], stdout=subprocess.DEVNULL, stderr=log
            )
        self._processes.append(process)
        eventually("sshd accepts connections", lambda: _accepts(self), seconds=60)

    def kill(self) -> None:
        """Kills the server and its sessions, as if its machine had crashed."""
        process = self._processes.pop()
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        process.kill()
        process.wait(10)

    def stop(self) -> None:
        """Stops the server; sessions continue until their clients end them."""
        process = self._processes.pop()
        process.terminate()
        process.wait(10)

    def settings(self, **changes: Any) -> SftpSettings:
        """Returns settings of a destination at this server."""
        return SftpSettings.model_validate(self.json_settings(**changes))

    def json_settings(self, **changes: Any) -> dict[str, Any]:
        """Returns settings of a destination at this server, as a request has them."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "secretName": "partner-sftp",
            "hostKeys": [self.fingerprint()],
            "directory": str(self.files),
            "path": "{file}",
            **changes,
        }


def fingerprint_of(public_key: Path) -> str:
    """Returns the fingerprint of a public key, as ssh-keygen prints it."""
    return subprocess.run(["ssh-keygen", "-lf", public_key], check=True, capture_output=True, text=True).stdout.split()[
        1
    ]


def create_key(path: Path, type_: str = "ed25519", passphrase: str = "") -> str:
    """Creates a pair of keys, and returns the private one."""
    subprocess.run(["ssh-keygen", "-q", "-t", type_, "-N", passphrase, "-f", path], check=True)
    return path.read_text()


@contextlib.contextmanager
def ssh_server(home: Path, subsystem: str = "internal-sftp") -> Iterator[SshServer]:
    """Runs sshd during the block. Skips the test if it is not installed.

    `subsystem` is the command that serves SFTP.
    """
    if sshd_path() is None:
        require_tools("sshd", ["sshd"], REMEDY)
    require_tools("sshd", ["ssh-keygen"], REMEDY)
    home.mkdir(parents=True)
    for type_ in HOST_KEY_TYPES:
        create_key(home / f"host_{type_}", type_)
    create_key(home / "user")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    server = SshServer(port, home, home / "sshd.log")
    server.log.touch()
    server.clear()
    (home / "sshd_config").write_text(_config(server, subsystem))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd requires it, and Debian's service creates it
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _config(server: SshServer, subsystem: str) -> str:
    keys = "".join(f"HostKey {server.home}/host_{type_}\n" for type_ in HOST_KEY_TYPES)
    return (
        f"Port {server.port}\nListenAddress 127.0.0.1\n{keys}PidFile none\nLogLevel VERBOSE\n"
        f"AuthorizedKeysFile {server.home}/authorized_keys\nStrictModes no\nPermitRootLogin yes\nUsePAM no\n"
        f"PasswordAuthentication no\nMaxStartups 100\nSubsystem sftp {subsystem}\n"
    )


def _accepts(server: SshServer) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=5):
        return True
    return False
