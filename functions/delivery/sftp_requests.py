"""SFTP requests for which paramiko has no method that serves: the free space, and a piece of a file.

Sections are those of version 3 of the protocol (draft-ietf-secsh-filexfer-02). This module uses private methods of
paramiko; tests/integration/destinations/test_full_disk.py and test_sftp_transport.py fail if they change.
"""

from __future__ import annotations

from collections.abc import Sequence

import paramiko
from paramiko.sftp import CMD_DATA, CMD_EXTENDED, CMD_EXTENDED_REPLY, CMD_READ, CMD_STATUS, int64

REQUEST_BYTES = 32 * 1024
"""Maximum number of bytes that every server reads or writes for a request (section 3, 34,000 bytes with the header)."""

_STATVFS_VALUES = 11
"""Number of values in a response, each of 64 bits."""


def find_free_bytes(client: paramiko.SFTPClient, folder: str) -> int | None:
    """Returns the bytes that the user can still write below a folder; None if the server has no `statvfs@openssh.com`.

    Version 3 has one code for all failures, so that only this extension shows whether the disk is full (OpenSSH's
    PROTOCOL file, section 3.4). A file system without free inodes has none. Never raises errors of the server or of
    the connection.
    """
    try:
        kind, answer = client._request(CMD_EXTENDED, "statvfs@openssh.com", folder.encode())  # type: ignore[attr-defined]
    except (OSError, EOFError, paramiko.SSHException):
        return None
    if kind != CMD_EXTENDED_REPLY or len(answer.asbytes()) < 8 * _STATVFS_VALUES:
        return None
    values = [answer.get_int64() for _ in range(_STATVFS_VALUES)]
    block_bytes, free_blocks, inodes, free_inodes = values[1], values[4], values[5], values[7]
    return 0 if inodes and not free_inodes else int(block_bytes * free_blocks)


def read_piece(client: paramiko.SFTPClient, there: paramiko.SFTPFile, offset: int, size: int) -> bytes:
    """Returns a piece of an open file, or fewer bytes at its end. All requests are sent before a response is awaited.

    paramiko's `readv` sends them in a thread: if a response arrives before the next request is sent, it keeps bytes of
    the piece, and waits for ever in the next call. The requests are small: for 4 MiB, 128 of 40 bytes.

    Raises OSError and paramiko.SSHException.
    """
    content, end = bytearray(size), size
    ranges = [(start, min(REQUEST_BYTES, size - start)) for start in range(0, size, REQUEST_BYTES)]
    while ranges:
        rest = []
        for (start, length), data in zip(ranges, _read_ranges(client, there, offset, ranges), strict=True):
            content[start : start + len(data)] = data
            if not data:  # the end of the file
                end = min(end, start)
            elif len(data) < length:  # a server may return fewer bytes than requested (section 6.4)
                rest.append((start + len(data), length - len(data)))
        ranges = [(start, length) for start, length in rest if start < end]
    return bytes(content[:end])


def _read_ranges(
    client: paramiko.SFTPClient, there: paramiko.SFTPFile, offset: int, ranges: Sequence[tuple[int, int]]
) -> list[bytes]:
    """Returns the bytes of ranges, each a start after `offset` and a length: fewer bytes, or none at the file's end."""
    responses = _Responses()
    numbers = [
        client._async_request(responses, CMD_READ, there.handle, int64(offset + start), length)  # type: ignore[attr-defined]
        for start, length in ranges
    ]
    while len(responses.of_requests) < len(numbers):
        client._read_response()  # type: ignore[attr-defined]
    found = []
    for number, (_, length) in zip(numbers, ranges, strict=True):
        kind, message = responses.of_requests[number]
        if kind == CMD_STATUS:
            try:
                client._convert_status(message)  # type: ignore[attr-defined]
            except EOFError:
                found.append(b"")
                continue
        if kind != CMD_DATA:
            raise paramiko.SSHException(f"the server sent a message of type {kind} in response to a request to read")
        found.append(message.get_string()[:length])
    return found


class _Responses:
    """The responses to requests, by the numbers of the requests."""

    def __init__(self) -> None:
        self.of_requests: dict[int, tuple[int, paramiko.Message]] = {}

    def _async_response(self, kind: int, message: paramiko.Message, number: int) -> None:
        """Is called by paramiko."""
        self.of_requests[number] = kind, message
