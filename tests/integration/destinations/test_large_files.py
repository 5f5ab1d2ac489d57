"""Files of 20 GB and more: offsets, parts, and constant memory, with sparse files and a store that keeps nothing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from delivery.outgoing import OutgoingFile, Progress, Read, StoredSource
from delivery.s3 import MAX_PARTS, MIB, STREAMED_PART_BYTES, S3Transport
from delivery.sftp import SftpTransport, _state, _temporary_name
from delivery.ssh_session import SftpSession
from resma.aws.s3_access import AccessKeys, foreign_s3_client
from resma.destinations.s3_settings import S3Settings
from resma.network.connect import Network
from resma.network.receivers import AllowedReceivers
from resma.storage.resumable_sha256 import Sha256
from tests.support.discarding_store import discarding_store
from tests.support.ssh_server import DESTINATION_ID, ssh_server

GB = 10**9
LARGE = 20 * GB
MAX_S3_PARTS, MAX_S3_PART_BYTES = 10_000, 5 * 1024**3
"""Limits of S3 (user guide, "Amazon S3 multipart upload limits")."""
TAIL = b"0123456789abcdef" * 20_000


def outgoing(size: int, read: Any, source: StoredSource | None = None) -> OutgoingFile:
    """Returns a file with the SHA-256 of `TAIL`, its end: the hash of what was sent before is that of no bytes."""
    return OutgoingFile("large.csv", size, hashlib.sha256(TAIL).hexdigest(), "text/csv", "0f9e", read, source)


def zeros_and_tail(size: int) -> Read:
    """Returns a function that reads a file of zeros that ends with `TAIL`."""

    def read(start: int, end: int) -> bytes:
        begin = size - len(TAIL)
        return bytes(max(0, min(end, begin) - start)) + TAIL[max(0, start - begin) : max(0, end - begin)]

    return read


def unlimited(state: dict[str, Any] | None) -> Progress:
    return Progress(state, lambda _state: None, lambda: True)


def test_a_file_of_20_gb_continues_at_an_sftp_server(tmp_path: Path) -> None:
    """The temporary file is sparse, as if 20 GB less its end had been sent. Offsets have more than 32 bits."""
    with ssh_server(tmp_path / "ssh") as server:
        file, offset = outgoing(LARGE, zeros_and_tail(LARGE)), LARGE - len(TAIL)
        temporary = server.files / _temporary_name(file, DESTINATION_ID)
        temporary.touch()
        os.truncate(temporary, offset)
        session = SftpSession(
            server.settings(), {"privateKey": server.private_key}, Network(AllowedReceivers(opens_loopback=True))
        )
        with closing(SftpTransport(session, server.settings(), DESTINATION_ID)) as transport:
            where = transport._where(str(temporary))
            transport.deliver(file, unlimited(_state("sending", where, offset, Sha256())))
        (arrived,) = server.files.iterdir()
        assert (arrived.name, arrived.stat().st_size) == ("large.csv", LARGE)
        with arrived.open("rb") as content:
            content.seek(offset)
            assert content.read() == TAIL


@pytest.mark.parametrize("size", [LARGE, 140 * 1024**3 + 1, 5 * 1024**4], ids=["20 GB", "140 GiB", "5 TiB"])
@pytest.mark.parametrize("is_copied", [False, True])
def test_the_parts_of_an_upload_are_within_the_limits_of_s3(size: int, is_copied: bool) -> None:
    with discarding_store() as url:
        source = StoredSource("reports", "large.csv") if is_copied else None
        upload = transport_to(url, may_copy=is_copied)._start(outgoing(size, None, source), "large.csv")
    parts = -(-size // upload.part_bytes)
    assert parts <= MAX_PARTS < MAX_S3_PARTS
    assert 5 * MIB <= upload.part_bytes <= MAX_S3_PART_BYTES


def test_an_upload_of_20_gb_continues_with_its_last_part() -> None:
    """1,192 parts have been stored, and the last one ends the file."""
    stored = LARGE // STREAMED_PART_BYTES
    end = LARGE - stored * STREAMED_PART_BYTES
    reads: list[tuple[int, int]] = []

    def read(start: int, end: int) -> bytes:
        reads.append((start, end))
        return zeros_and_tail(LARGE)(start, end)

    sha256 = hashlib.sha256(zeros_and_tail(LARGE)(LARGE - end, LARGE)).hexdigest()
    file = OutgoingFile("large.csv", LARGE, sha256, "text/csv", "0f9e", read, None)
    state = {
        "bucket": "partner-reports",
        "uploadId": "1",
        "partBytes": STREAMED_PART_BYTES,
        "parts": [['"1"', "AAAAAA=="]] * stored,
        "sha256": Sha256().state.hex(),
    }
    with discarding_store() as url:
        transport_to(url).deliver(file, unlimited({**state, "endpoint": url}))
    assert reads == [(stored * STREAMED_PART_BYTES, LARGE)]


def transport_to(url: str, *, may_copy: bool = False) -> S3Transport:
    """Returns a transport to the bucket of the tests in a store."""
    settings = S3Settings.model_validate({"bucket": "partner-reports", "endpointUrl": url, "secretName": "partner"})
    s3 = foreign_s3_client(AccessKeys("test", "test"), region="us-east-1", endpoint_url=url)
    return S3Transport(s3, settings, may_copy=may_copy)


def test_a_large_file_to_a_bucket_in_constant_memory() -> None:
    """200 MB, in a process of its own, and in several invocations."""
    with discarding_store() as url:
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.peak_of_delivery", "s3", url, "200000000", "0.2"],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": "functions"},
        )
    peak_mb, _, _, invocations = done.stdout.split()
    assert float(peak_mb) <= 160
    assert int(invocations) > 1
