"""A full disk at an SFTP server: a real OpenSSH server on a small file system. Mounting it needs root."""

from __future__ import annotations

import hashlib
import random
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from delivery.errors import DestinationFullError
from delivery.outgoing import OutgoingFile, Progress
from delivery.sftp import SftpTransport
from delivery.sftp_requests import find_free_bytes
from delivery.ssh_session import SftpSession
from resma.network.connect import Network
from resma.network.receivers import AllowedReceivers
from tests.support.ssh_server import DESTINATION_ID, SshServer, ssh_server

DISK_BYTES = 4 * 1024 * 1024
CONTENT = random.Random(2).randbytes(3_000_000)
LOOPBACK = Network(AllowedReceivers(opens_loopback=True))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    """A server whose folder is a file system of 4 MiB."""
    with ssh_server(tmp_path / "ssh") as server:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", server.files],
            check=False,
            capture_output=True,
        )
        if mounted.returncode != 0:
            pytest.skip(f"a file system cannot be mounted: {mounted.stderr.decode().strip()}")
        try:
            yield server
        finally:
            subprocess.run(["umount", "--lazy", server.files], check=True)


def deliver(server: SshServer, progress: Progress) -> None:
    """Delivers a file of 3 MB."""
    file = OutgoingFile(
        name="report.csv",
        bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        media_type="text/csv",
        report="0f9e2d4c",
        read=lambda start, end: CONTENT[start:end],
        source=None,
    )
    session = SftpSession(server.settings(), {"privateKey": server.private_key}, LOOPBACK)
    with closing(SftpTransport(session, server.settings(), DESTINATION_ID)) as transport:
        transport.deliver(file, progress)


def names(server: SshServer) -> list[str]:
    """Returns all files at the server, also temporary ones."""
    return [path.name for path in server.files.iterdir()]


def unlimited(state: dict[str, object] | None = None, *, is_last_attempt: bool = False) -> Progress:
    """Returns the progress of an attempt that has time."""
    return Progress(state, lambda _state: None, lambda: True, is_last_attempt=is_last_attempt)


def test_a_full_disk_is_named_and_the_next_attempt_continues(server: SshServer) -> None:
    (server.files / "other.csv").write_bytes(bytes(2_000_000))
    progress = unlimited()
    with pytest.raises(DestinationFullError, match=r"The disk of '127.0.0.1' is full: .* are free") as caught:
        deliver(server, progress)
    assert not caught.value.is_permanent
    assert not (server.files / "report.csv").exists()
    (server.files / "other.csv").unlink()
    assert progress.state is not None
    assert progress.state["offset"] > 0
    deliver(server, unlimited(progress.state))
    assert (server.files / "report.csv").read_bytes() == CONTENT
    assert names(server) == ["report.csv"]


def test_the_last_attempt_leaves_no_temporary_file_on_a_full_disk(server: SshServer) -> None:
    (server.files / "other.csv").write_bytes(bytes(2_000_000))
    with pytest.raises(DestinationFullError):
        deliver(server, unlimited(is_last_attempt=True))
    assert names(server) == ["other.csv"]


def test_the_free_bytes_are_those_of_the_file_system(server: SshServer) -> None:
    """The contract of the private method of paramiko with which they are requested."""
    session = SftpSession(server.settings(), {"privateKey": server.private_key}, LOOPBACK)
    with closing(session):
        assert find_free_bytes(session.client, str(server.files)) == DISK_BYTES
        (server.files / "other.csv").write_bytes(bytes(1024 * 1024))
        assert find_free_bytes(session.client, str(server.files)) == DISK_BYTES - 1024 * 1024
        assert find_free_bytes(session.client, str(server.files / "missing")) is None
    assert find_free_bytes(session.client, str(server.files)) is None
