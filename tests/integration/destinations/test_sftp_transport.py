"""The transport by SFTP at a real OpenSSH server: names, continuation, and broken connections at every stage."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import paramiko
import pytest
from paramiko.sftp import CMD_READ

import delivery.ssh_session
from delivery.errors import (
    AccessDeniedError,
    ChecksumMismatchError,
    DeliveryError,
    DestinationMissingError,
    DestinationRefusedError,
    DestinationUnavailableError,
    HostKeyError,
    HostRefusedError,
    NameExistsError,
    SourceUnavailableError,
    TimeUpError,
)
from delivery.outgoing import OutgoingFile, Progress
from delivery.sftp import SftpTransport, _temporary_name
from delivery.sftp_requests import read_piece
from delivery.ssh_session import SftpSession
from resma.destinations.sftp_settings import SftpSettings
from resma.network.connect import Network
from resma.network.receivers import AllowedReceivers
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.password_server import password_server
from tests.support.ssh_server import DESTINATION_ID, SshServer, create_key, fingerprint_of, ssh_server

CONTENT = random.Random(1).randbytes(1_500_000)
LOOPBACK = Network(AllowedReceivers(opens_loopback=True))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """The server of all tests of this module, because creating its keys takes time."""
    with ssh_server(tmp_path_factory.mktemp("ssh") / "home") as server:
        yield server


@pytest.fixture
def server(running: SshServer) -> SshServer:
    """The server, without files, and with an empty log."""
    running.clear()
    return running


class Reads:
    """The reads of a file's ranges."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.starts: list[int] = []

    def __call__(self, start: int, end: int) -> bytes:
        self.starts.append(start)
        return self.content[start:end]


def outgoing(content: bytes = CONTENT, name: str = "in/2024-03-01/report.csv", read: Any = None) -> OutgoingFile:
    return OutgoingFile(
        name=name,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        media_type="text/csv",
        report="0f9e2d4c",
        read=read or Reads(content),
        source=None,
    )


class Record:
    """The record of a file's progress, as the database keeps it."""

    def __init__(self, times: int | None = None, *, is_last_attempt: bool = False) -> None:
        self.state: dict[str, Any] | None = None
        self._times = times
        """How often there is time left; None: always."""
        self._is_last_attempt = is_last_attempt

    def attempt(self) -> Progress:
        """Returns the progress for another attempt."""
        return Progress(self.state, self._save, self._is_time_left, is_last_attempt=self._is_last_attempt)

    def _save(self, state: dict[str, Any] | None) -> None:
        self.state = state

    def _is_time_left(self) -> bool:
        if self._times is None:
            return True
        self._times -= 1
        return self._times >= 0


def deliver(
    settings: SftpSettings,
    secret: dict[str, str],
    file: OutgoingFile | None = None,
    record: Record | None = None,
    *,
    destination_id: str = DESTINATION_ID,
) -> None:
    """Connects, and delivers a file."""
    with closing(SftpTransport(SftpSession(settings, secret, LOOPBACK), settings, destination_id)) as transport:
        transport.deliver(file or outgoing(), (record or Record()).attempt())


def key_of(server: SshServer) -> dict[str, str]:
    return {"privateKey": server.private_key}


def names(server: SshServer) -> list[str]:
    """Returns all files at the server, also temporary ones."""
    return sorted(str(path.relative_to(server.files)) for path in server.files.rglob("*") if path.is_file())


def test_a_file_arrives_in_new_folders(server: SshServer) -> None:
    file = outgoing()
    deliver(server.settings(), key_of(server), file)
    assert names(server) == [file.name]
    assert (server.files / file.name).read_bytes() == CONTENT
    deliver(server.settings(), key_of(server), outgoing(b"", "in/2024-03-01/empty.csv"))
    assert (server.files / "in/2024-03-01/empty.csv").read_bytes() == b""


@pytest.mark.parametrize("type_", ["ed25519", "rsa", "ecdsa"])
def test_host_keys_are_public_keys_or_fingerprints(server: SshServer, tmp_path: Path, type_: str) -> None:
    create_key(tmp_path / "next")
    following = fingerprint_of(tmp_path / "next.pub")
    SftpSession(server.settings(hostKeys=[server.host_key(type_)]), key_of(server), LOOPBACK).close()
    fingerprints = [following, *(server.fingerprint(each) for each in ("ed25519", "rsa", "ecdsa"))]
    SftpSession(server.settings(hostKeys=fingerprints), key_of(server), LOOPBACK).close()


@pytest.mark.parametrize(
    ("type_", "passphrase"), [("rsa", ""), ("ecdsa", ""), ("ed25519", "secret"), ("rsa", "secret")], ids=str
)
def test_keys_of_users(server: SshServer, tmp_path: Path, type_: str, passphrase: str) -> None:
    key = create_key(tmp_path / "key", type_, passphrase)
    server.allow(tmp_path / "key.pub")
    secret = {"privateKey": key, **({"passphrase": passphrase} if passphrase else {})}
    SftpSession(server.settings(), secret, LOOPBACK).close()


def test_nothing_is_sent_to_a_server_with_another_host_key(server: SshServer, tmp_path: Path) -> None:
    create_key(tmp_path / "other")
    other = (tmp_path / "other.pub").read_text().strip()
    for listed in (fingerprint_of(tmp_path / "other.pub"), other):
        with pytest.raises(HostKeyError) as caught:
            deliver(server.settings(hostKeys=[listed]), key_of(server))
        assert caught.value.is_permanent
        assert server.fingerprint() in str(caught.value)
        assert fingerprint_of(tmp_path / "other.pub") in str(caught.value)
    log = server.log.read_text()
    assert "Connection from" in log
    assert "publickey" not in log
    assert names(server) == []


def test_a_refused_login_is_tried_again(server: SshServer, tmp_path: Path) -> None:
    with pytest.raises(AccessDeniedError, match="refused the login") as caught:
        deliver(server.settings(), {"privateKey": create_key(tmp_path / "other")})
    assert not caught.value.is_permanent
    with pytest.raises(AccessDeniedError, match="It allows publickey"):
        deliver(server.settings(), {"password": "wrong"})


_BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        ({}, "neither `privateKey` nor `password`"),
        ({"privateKey": "no key"}, "cannot be read"),
        (
            {"privateKey": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----"},
            "cannot be read",
        ),
    ],
    ids=["empty", "text", "damaged"],
)
def test_secrets_that_are_not_valid(server: SshServer, secret: dict[str, str], message: str) -> None:
    with pytest.raises(AccessDeniedError, match=message):
        deliver(server.settings(), secret)


def test_an_encrypted_key_needs_its_passphrase(server: SshServer, tmp_path: Path) -> None:
    key = create_key(tmp_path / "key", passphrase="secret")
    with pytest.raises(AccessDeniedError, match="Add its `passphrase`"):
        deliver(server.settings(), {"privateKey": key})
    with pytest.raises(AccessDeniedError, match="check `passphrase`"):
        deliver(server.settings(), {"privateKey": key, "passphrase": "wrong"})


def test_passwords(tmp_path: Path) -> None:
    """OpenSSH checks passwords of the machine only, so this server is paramiko's. It has no SFTP."""
    create_key(tmp_path / "host")
    with password_server(tmp_path / "host", "north-bank", "correct") as port:
        fingerprint = fingerprint_of(tmp_path / "host.pub")
        given = {"host": "127.0.0.1", "port": port, "user": "north-bank", "secretName": "x", "hostKeys": [fingerprint]}
        settings = SftpSettings.model_validate(given)
        with pytest.raises(AccessDeniedError, match="refused the login of 'north-bank'"):
            SftpSession(settings, {"password": "wrong"}, LOOPBACK)
        with pytest.raises(DestinationUnavailableError, match="does not open an SFTP session"):
            SftpSession(settings, {"password": "correct"}, LOOPBACK)


def test_private_hosts_are_not_connected_to(server: SshServer) -> None:
    public = Network(resolve=lambda *_: ["127.0.0.1"])
    with pytest.raises(HostRefusedError, match="not public") as caught:
        SftpSession(server.settings(host="sftp.example.com"), key_of(server), public)
    assert caught.value.is_permanent
    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize("content", [b"theirs", bytes(len(CONTENT))], ids=["another size", "the same size"])
def test_the_file_of_somebody_else_is_not_overwritten(server: SshServer, content: bytes) -> None:
    (server.files / "report.csv").write_bytes(content)
    with pytest.raises(NameExistsError, match="Another file has the name"):
        deliver(server.settings(), key_of(server), outgoing(name="report.csv"))
    assert (server.files / "report.csv").read_bytes() == content
    assert names(server) == ["report.csv"]


def test_a_folder_of_this_name_is_not_replaced(server: SshServer) -> None:
    (server.files / "report.csv").mkdir()
    with pytest.raises(NameExistsError):
        deliver(server.settings(), key_of(server), outgoing(name="report.csv"))


@pytest.mark.parametrize("target", ["missing.csv", "other.csv"])
def test_a_link_of_this_name_is_not_replaced(server: SshServer, target: str) -> None:
    """Also one to a file that does not exist, and one to a file of the same content."""
    (server.files / "other.csv").write_bytes(CONTENT)
    (server.files / "report.csv").symlink_to(target)
    with pytest.raises(NameExistsError):
        deliver(server.settings(), key_of(server), outgoing(name="report.csv"))
    assert (server.files / "report.csv").is_symlink()
    assert sorted(path.name for path in server.files.iterdir()) == ["other.csv", "report.csv"]


def test_a_file_that_appears_while_another_is_sent_is_not_overwritten(server: SshServer) -> None:
    """Between the check of the name and the rename."""

    def read(start: int, end: int) -> bytes:
        (server.files / "report.csv").write_bytes(b"theirs")
        return CONTENT[start:end]

    with pytest.raises(NameExistsError):
        deliver(server.settings(), key_of(server), outgoing(name="report.csv", read=read))
    assert (server.files / "report.csv").read_bytes() == b"theirs"
    assert names(server) == ["report.csv"]


def test_an_earlier_delivery_is_not_repeated(server: SshServer) -> None:
    file = outgoing()
    deliver(server.settings(), key_of(server), file)
    before = (server.files / file.name).stat()
    reads = Reads(CONTENT)
    deliver(server.settings(), key_of(server), outgoing(read=reads))
    after = (server.files / file.name).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert reads.starts == []


def test_two_destinations_with_one_folder_do_not_write_to_one_temporary_file(server: SshServer) -> None:
    """The second one delivers the file while the first one is in the middle of it."""
    record, other = Record(times=1), f"dst_{32 * 'b'}"
    with pytest.raises(TimeUpError):
        deliver(server.settings(), key_of(server), outgoing(), record)
    (temporary,) = names(server)
    first_part = (server.files / temporary).read_bytes()
    deliver(server.settings(), key_of(server), outgoing(), destination_id=other)
    assert names(server) == [temporary, outgoing().name]
    assert (server.files / temporary).read_bytes() == first_part
    later = Record()
    later.state = record.state
    deliver(server.settings(), key_of(server), outgoing(), later)
    assert (server.files / outgoing().name).read_bytes() == CONTENT
    assert names(server) == [outgoing().name]


def test_a_delivery_continues_in_another_invocation(server: SshServer) -> None:
    record = Record(times=1)
    with pytest.raises(TimeUpError):
        deliver(server.settings(), key_of(server), outgoing(), record)
    file, reads = outgoing(), Reads(CONTENT)
    assert names(server) == [f"in/2024-03-01/{_temporary_name(file, DESTINATION_ID)}"]
    assert record.state is not None
    offset = record.state["offset"]
    assert 0 < offset < len(CONTENT)
    later = Record()
    later.state = record.state
    deliver(server.settings(), key_of(server), outgoing(read=reads), later)
    assert min(reads.starts) >= offset - 32 * 1024, "only the last confirmed bytes are read again"
    assert (server.files / file.name).read_bytes() == CONTENT
    assert names(server) == [file.name]


def _shorten(path: Path) -> None:
    os.truncate(path, 1000)


def _damage(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("change", [Path.unlink, _shorten, _damage], ids=["removed", "shortened", "damaged"])
def test_a_temporary_file_that_was_changed_is_sent_again(server: SshServer, change: Callable[[Path], None]) -> None:
    record = Record(times=1)
    with pytest.raises(TimeUpError):
        deliver(server.settings(), key_of(server), outgoing(), record)
    (temporary,) = names(server)
    change(server.files / temporary)
    later = Record()
    later.state = record.state
    deliver(server.settings(), key_of(server), outgoing(), later)
    assert (server.files / outgoing().name).read_bytes() == CONTENT


def test_a_rename_that_was_not_confirmed_counts(server: SshServer) -> None:
    """The connection broke after the rename. The bytes need not be read from the server again."""
    file = outgoing(name="report.csv")
    record = Record()
    deliver(server.settings(), key_of(server), file, record)
    assert record.state is None or record.state["stage"] != "comparing"
    progress = Record()
    progress.state = {"stage": "renaming", "where": "", "offset": file.bytes, "sha256": None}
    deliver(server.settings(), key_of(server), file, progress)
    assert progress.state["stage"] == "renaming"


def test_changed_bytes_are_not_delivered(server: SshServer) -> None:
    with pytest.raises(ChecksumMismatchError):
        deliver(server.settings(), key_of(server), outgoing(read=lambda start, end: bytes(end - start)))
    assert names(server) == []


def test_the_directory_must_exist(server: SshServer) -> None:
    with pytest.raises(DestinationMissingError, match="missing"):
        deliver(server.settings(directory=f"{server.files}/missing"), key_of(server))


def test_a_user_that_may_not_write(tmp_path: Path) -> None:
    with (
        ssh_server(tmp_path / "ssh", "internal-sftp -R") as server,
        pytest.raises(AccessDeniedError, match="permissions"),
    ):
        deliver(server.settings(), key_of(server), outgoing(name="report.csv"))


@pytest.mark.parametrize("is_last_attempt", [False, True])
def test_the_last_attempt_removes_its_temporary_file(server: SshServer, is_last_attempt: bool) -> None:
    """Earlier ones leave it, so that the next attempt continues."""
    file = outgoing(read=_fail_in_the_middle)
    with pytest.raises(SourceUnavailableError):
        deliver(server.settings(), key_of(server), file, Record(is_last_attempt=is_last_attempt))
    assert names(server) == ([] if is_last_attempt else [f"in/2024-03-01/{_temporary_name(file, DESTINATION_ID)}"])


def _fail_in_the_middle(start: int, end: int) -> bytes:
    if start:
        raise SourceUnavailableError("The object store of Resma does not answer.")
    return CONTENT[start:end]


@pytest.mark.parametrize("slow", [0, 1, 2, 46])
def test_reads_do_not_wait_for_each_other(server: SshServer, monkeypatch: pytest.MonkeyPatch, slow: int) -> None:
    """A file of 46 requests is compared in few pieces, also if responses arrive before the next requests are sent."""
    send: Any = vars(paramiko.SFTPClient)["_async_request"]
    receive: Any = vars(paramiko.SFTPClient)["_read_response"]
    log: list[str] = []

    def send_slowly(client: paramiko.SFTPClient, owner: object, kind: int, *request: Any) -> Any:
        number = send(client, owner, kind, *request)
        if kind == CMD_READ:
            log.append("request")
            if log.count("request") % 46 < slow:
                time.sleep(0.02)
        return number

    def receive_and_log(client: paramiko.SFTPClient, *number: Any) -> Any:
        log.append("response")
        return receive(client, *number)

    monkeypatch.setattr(paramiko.SFTPClient, "_async_request", send_slowly)
    monkeypatch.setattr(paramiko.SFTPClient, "_read_response", receive_and_log)
    session = SftpSession(server.settings(), key_of(server), LOOPBACK)
    (server.files / "report.csv").write_bytes(CONTENT)
    with closing(session), session.client.open(str(server.files / "report.csv")) as there:
        log.clear()
        for start, size in [(0, len(CONTENT)), (40_000, 70_000), (1_000_000, 1_000_000), (len(CONTENT), 10), (9, 7)]:
            assert read_piece(session.client, there, start, size) == CONTENT[start : start + size]
    assert log[:92] == 46 * ["request"] + 46 * ["response"]


@pytest.mark.parametrize("max_bytes", [1000, 16_384, 40_000])
def test_a_server_that_returns_fewer_or_more_bytes_than_requested(
    server: SshServer, monkeypatch: pytest.MonkeyPatch, max_bytes: int
) -> None:
    """Each response has at most 1,000 or 16,384 bytes, or more than were requested."""
    send: Any = vars(paramiko.SFTPClient)["_async_request"]

    def send_changed(client: paramiko.SFTPClient, owner: object, kind: int, *request: Any) -> Any:
        if kind == CMD_READ:
            request = (*request[:2], max_bytes if max_bytes > 32_768 else min(max_bytes, request[2]))
        return send(client, owner, kind, *request)

    monkeypatch.setattr(paramiko.SFTPClient, "_async_request", send_changed)
    session = SftpSession(server.settings(), key_of(server), LOOPBACK)
    (server.files / "report.csv").write_bytes(CONTENT)
    with closing(session), session.client.open(str(server.files / "report.csv")) as there:
        for start, size in [(0, 300_000), (1_300_000, 1_000_000), (len(CONTENT), 10), (9, 7)]:
            assert read_piece(session.client, there, start, size) == CONTENT[start : start + size]


def test_a_file_that_cannot_be_read_to_its_end(server: SshServer) -> None:
    """The server refuses to read a folder."""
    session = SftpSession(server.settings(), key_of(server), LOOPBACK)
    (server.files / "folder").mkdir()
    with (
        closing(session),
        session.client.open(str(server.files / "folder")) as there,
        pytest.raises(OSError, match="Failure"),
    ):
        read_piece(session.client, there, 0, 100_000)


def test_a_limit_of_the_size_of_files(tmp_path: Path) -> None:
    """The shell's limit is met in the middle of a piece. The server says no more than that it failed."""
    limited = tmp_path / "limited"
    limited.write_text("#!/bin/sh\ntrap '' XFSZ\nulimit -f 1000\nexec /usr/lib/openssh/sftp-server\n")
    limited.chmod(0o755)
    with ssh_server(tmp_path / "ssh", str(limited)) as server:
        record = Record()
        with pytest.raises(DestinationRefusedError, match="maximum size") as caught:
            deliver(server.settings(), key_of(server), outgoing(), record)
        assert not caught.value.is_permanent
        assert not (server.files / outgoing().name).exists()
        limited.write_text("#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n")
        deliver(server.settings(), key_of(server), outgoing(), record)
        assert (server.files / outgoing().name).read_bytes() == CONTENT
        assert names(server) == [outgoing().name]


@pytest.mark.parametrize("after", [0, 300, 2_000, 3_000, 3_700, 4_500, 5_500, 50_000, 700_000, 1_510_000, 1_517_000])
def test_a_connection_that_is_cut(server: SshServer, after: int) -> None:
    """In the key exchange, the login, the opening, the pieces, and the rename. Never a part under the final name."""
    record = Record()
    with FaultProxy(server.port) as proxy:
        port = proxy.port
        with proxy.failing(Fault("cut", after_bytes=after)) as fault:
            try:
                deliver(server.settings(port=port), key_of(server), outgoing(), record)
            except DeliveryError as error:
                assert error.code == "destination-unavailable", repr(error)  # noqa: PT017
            fault.wait_for_fault(5)
        final = server.files / outgoing().name
        assert not final.exists() or final.read_bytes() == CONTENT
        deliver(server.settings(port=port), key_of(server), outgoing(), record)
    assert final.read_bytes() == CONTENT
    assert names(server) == [outgoing().name]


@pytest.mark.parametrize("after", [0, 2_000, 4_500, 700_000])
def test_a_server_that_stops_answering(server: SshServer, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    monkeypatch.setattr(delivery.ssh_session, "HANDSHAKE_SECONDS", 2.0)
    monkeypatch.setattr(delivery.ssh_session, "ANSWER_SECONDS", 2.0)
    with FaultProxy(server.port) as proxy, proxy.failing(Fault("stall", after_bytes=after)):
        settings = server.settings(port=proxy.port)
        with pytest.raises(DestinationUnavailableError):
            deliver(settings, key_of(server))
    assert not (server.files / outgoing().name).exists()


def test_a_server_that_is_not_an_ssh_server(server: SshServer) -> None:
    def refuse() -> None:
        caller, _ = listener.accept()
        caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        caller.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=refuse, daemon=True).start()
        settings = server.settings(port=listener.getsockname()[1])
        with pytest.raises(DestinationUnavailableError, match="key exchange"):
            deliver(settings, key_of(server))
    with pytest.raises(DestinationUnavailableError, match="No connection"):
        deliver(settings, key_of(server))


def test_a_large_file_in_constant_memory(server: SshServer) -> None:
    """200 MB, in a process of its own, and in several invocations. `make sftp-run` measures 2 GB."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.support.peak_of_delivery",
            "sftp",
            server.home,
            str(server.port),
            "200000000",
            "2",
        ],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": "functions"},
    )
    peak_mb = float(done.stdout.split()[0])
    assert peak_mb <= 160
    (name,) = names(server)
    assert (server.files / name).stat().st_size == 200_000_000
