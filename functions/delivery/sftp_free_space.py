"""Free space at an SFTP server, by the extension `statvfs@openssh.com`.

Version 3 of the protocol has one code for all failures, so that only this shows whether the disk is full. The extension
is described in OpenSSH's PROTOCOL file, section 3.4. paramiko has no method for it, and this module uses its
private one for requests; tests/integration/destinations/test_full_disk.py fails if it changes.
"""

from __future__ import annotations

import paramiko

_EXTENDED, _EXTENDED_REPLY = 200, 201
"""Types of messages (draft-ietf-secsh-filexfer-02, section 3)."""

_VALUES = 11
"""Number of values in a response, each of 64 bits."""


def find_free_bytes(client: paramiko.SFTPClient, folder: str) -> int | None:
    """Returns the bytes that the user can still write below a folder; None if the server has no such extension.

    A file system without free inodes has none. Never raises errors of the server or of the connection.
    """
    try:
        kind, answer = client._request(_EXTENDED, "statvfs@openssh.com", folder.encode())  # type: ignore[attr-defined]
    except (OSError, EOFError, paramiko.SSHException):
        return None
    if kind != _EXTENDED_REPLY or len(answer.asbytes()) < 8 * _VALUES:
        return None
    values = [answer.get_int64() for _ in range(_VALUES)]
    block_bytes, free_blocks, inodes, free_inodes = values[1], values[4], values[5], values[7]
    return 0 if inodes and not free_inodes else int(block_bytes * free_blocks)
