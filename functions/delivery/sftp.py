"""Transport by SFTP: streamed to a temporary name, continued after a break, and renamed when it is complete.

A server has no metadata in which a file can say what it is. So a file that has the name already is read and hashed, and
counts as delivered if its bytes are those of the report.
"""

from __future__ import annotations

import hashlib
import posixpath
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import paramiko

from delivery.errors import (
    AccessDeniedError,
    ChecksumMismatchError,
    DeliveryError,
    DestinationFullError,
    DestinationMissingError,
    DestinationRefusedError,
    DestinationUnavailableError,
    NameExistsError,
    NameTooLongError,
)
from delivery.outgoing import OutgoingFile, Progress, Target
from delivery.sftp_requests import REQUEST_BYTES, find_free_bytes, read_piece
from delivery.ssh_session import SftpSession
from resma.aws.clients import read_secret
from resma.destinations.settings import secret_name
from resma.destinations.sftp_settings import SftpSettings
from resma.errors import SecretUnavailableError
from resma.network.connect import Network
from resma.storage.resumable_sha256 import Sha256

KIB = 1024

MIN_PIECE_BYTES, MAX_PIECE_BYTES = 128 * KIB, 4096 * KIB
"""Sizes of a piece, which is held in memory, and after which the server has confirmed all bytes."""
PIECE_SECONDS = 4.0
"""Duration that a piece should not exceed, so that the time of the invocation is not exceeded unnoticed."""

_FULL_WORDS = ("no space", "disk full", "quota")
"""Parts of the messages of servers that say that there is no room."""

MAX_NAME_BYTES = 255
"""Maximum length of each part of a name on the usual file systems."""


def open_sftp(target: Target) -> SftpTransport:
    """Returns the transport to a server, connected and logged in. Raises DeliveryError."""
    settings = target.settings
    assert isinstance(settings, SftpSettings)
    name = secret_name(target.rules.stage, target.tenant_id, settings.secret_name)
    try:
        secret = read_secret(name)
    except SecretUnavailableError as error:
        raise AccessDeniedError(f"The secret '{name}' of the destination cannot be used. {error}") from error
    session = SftpSession(settings, secret, Network(target.rules.hosts))
    return SftpTransport(session, settings, target.destination_id)


class SftpTransport:
    """Delivers files to a folder with one session."""

    def __init__(self, session: SftpSession, settings: SftpSettings, destination_id: str) -> None:
        self._session = session
        self._sftp = session.client
        self._settings = settings
        self._destination_id = destination_id

    def close(self) -> None:
        """Ends the session."""
        self._session.close()

    def deliver(self, file: OutgoingFile, progress: Progress) -> None:
        """Delivers a file. See `Transport.deliver`."""
        if any(len(part.encode()) > MAX_NAME_BYTES for part in file.name.split("/")):
            raise NameTooLongError(
                f"A part of the name '{file.name}' has more than {MAX_NAME_BYTES} bytes. Shorten `path` of the "
                "destination."
            )
        path = posixpath.join(self._settings.directory, file.name)
        temporary = posixpath.join(posixpath.dirname(path), _temporary_name(file, self._destination_id))
        with self._discarded_at_last(temporary, progress), self._errors(file, progress):
            self._make_folders(file.name)
            if self._is_delivered(file, path, temporary, progress):
                return
            self._send(file, temporary, progress)
            self._rename(file, temporary, path, progress)

    def _make_folders(self, name: str) -> None:
        """Creates the folders of the pattern. The directory of the destination must exist."""
        directory = self._settings.directory
        if directory and self._find(directory) is None:
            raise DestinationMissingError(
                f"The folder '{directory}' does not exist at the server. Create it, or change the destination."
            )
        for part in name.split("/")[:-1]:
            directory = posixpath.join(directory, part)
            if self._find(directory) is not None:
                continue
            try:
                self._sftp.mkdir(directory)
            except OSError:
                if self._find(directory) is None:  # otherwise another delivery has created it
                    raise

    def _find(self, path: str, *, follows_links: bool = True) -> paramiko.SFTPAttributes | None:
        """Returns the attributes of a file or folder, or None if it does not exist; of a link, those of its target."""
        try:
            return self._sftp.stat(path) if follows_links else self._sftp.lstat(path)
        except FileNotFoundError:
            return None

    def _is_delivered(self, file: OutgoingFile, path: str, temporary: str, progress: Progress) -> bool:
        """Returns whether the file exists, complete, under its name. Raises NameExistsError for another file."""
        found = self._find(path, follows_links=False)  # a link without a target must not be replaced either
        if found is None:
            return False
        is_file = found.st_mode is None or stat.S_ISREG(found.st_mode)
        # If an earlier attempt was about to rename, and the temporary name no longer exists, then it has renamed.
        is_renamed = (progress.state or {}).get("stage") == "renaming" and self._find(temporary) is None
        if is_file and found.st_size == file.bytes and (is_renamed or self._has_content(file, path, progress)):
            self._remove(temporary)
            return True
        self._remove(temporary)
        progress.save(None)
        raise NameExistsError(
            f"Another file has the name '{path}'. Remove it, or change `path` of the destination, and replay the "
            "delivery."
        )

    def _has_content(self, file: OutgoingFile, path: str, progress: Progress) -> bool:
        """Returns whether a file at the server has the bytes of the report. It is read from there, and hashed."""
        offset, sha256 = _resumed(progress.state, "comparing", self._where(path))
        piece_bytes = 2 * MIN_PIECE_BYTES
        try:
            with self._sftp.open(path, "r") as there:
                while offset < file.bytes:
                    started = time.monotonic()
                    with self._session.limited():
                        content = read_piece(self._sftp, there, offset, min(piece_bytes, file.bytes - offset))
                    if not content:
                        return False
                    piece_bytes = _next_size(piece_bytes, time.monotonic() - started)
                    sha256.update(content)
                    offset += len(content)
                    progress.save(_state("comparing", self._where(path), offset, sha256))
        except PermissionError:
            return False
        return sha256.hexdigest() == file.sha256

    def _send(self, file: OutgoingFile, temporary: str, progress: Progress) -> None:
        """Writes the file under its temporary name, from where an earlier attempt was interrupted."""
        offset, sha256 = _resumed(progress.state, "sending", self._where(temporary))
        if offset and not self._has_bytes(file, temporary, offset):
            offset, sha256 = 0, Sha256()
        piece_bytes = 2 * MIN_PIECE_BYTES
        with self._sftp.open(temporary, "r+" if offset else "w") as there:
            there.seek(offset)
            while offset < file.bytes:
                content = file.read(offset, min(offset + piece_bytes, file.bytes))
                started = time.monotonic()
                with self._session.limited():
                    _write(there, content)
                piece_bytes = _next_size(piece_bytes, time.monotonic() - started)
                sha256.update(content)
                offset += len(content)
                progress.save(_state("sending", self._where(temporary), offset, sha256))
        if sha256.hexdigest() != file.sha256:
            self._remove(temporary)
            progress.save(None)
            raise ChecksumMismatchError(
                f"The bytes of '{file.name}' have the SHA-256 {sha256.hexdigest()}, but the report says {file.sha256}. "
                "The file was not completed."
            )

    def _has_bytes(self, file: OutgoingFile, temporary: str, offset: int) -> bool:
        """Returns whether the temporary file has the confirmed bytes: by its size, and the last ones of them."""
        found = self._find(temporary)
        if found is None or found.st_size is None or not offset <= found.st_size <= file.bytes:
            return False
        start = max(0, offset - REQUEST_BYTES)
        try:
            with self._sftp.open(temporary, "r") as there:
                there.seek(start)
                return there.read(offset - start) == file.read(start, offset)
        except PermissionError:
            return False

    def _rename(self, file: OutgoingFile, temporary: str, path: str, progress: Progress) -> None:
        """Gives the complete file its name. Never replaces another file.

        The rename of version 3 of the protocol fails if the new name exists; OpenSSH does this with a link, without a
        gap between check and rename. `posix-rename@openssh.com` replaces an existing file. So it is used only if the
        server has no other rename, which is seen from the name that still does not exist.
        """
        found = self._find(temporary)
        if found is None or found.st_size != file.bytes:
            size = "does not exist" if found is None else f"has {found.st_size} bytes"
            self._remove(temporary)
            progress.save(None)
            raise DestinationRefusedError(
                f"The server confirmed {file.bytes} bytes, but the temporary file '{temporary}' {size}. It is sent "
                "again."
            )
        progress.save(_state("renaming", self._where(temporary), file.bytes, None))
        try:
            self._sftp.rename(temporary, path)
        except FileNotFoundError:
            if self._is_delivered(file, path, temporary, progress):
                return
            raise
        except OSError:
            if self._is_delivered(file, path, temporary, progress):
                return
            self._sftp.posix_rename(temporary, path)

    @contextmanager
    def _discarded_at_last(self, temporary: str, progress: Progress) -> Iterator[None]:
        """Removes the temporary file if the last attempt fails, unless the connection is broken."""
        try:
            yield
        except DeliveryError:
            if progress.is_last_attempt:
                with suppress(EOFError, paramiko.SSHException):
                    self._remove(temporary)
            raise

    def _remove(self, temporary: str) -> None:
        with suppress(OSError):
            self._sftp.remove(temporary)

    def _where(self, path: str) -> str:
        """Returns the server and the path, so that the progress at another server is not continued."""
        return f"{self._settings.url}|{path}"

    @contextmanager
    def _errors(self, file: OutgoingFile, progress: Progress) -> Iterator[None]:
        """Translates errors of paramiko to errors that say what to do."""
        host, name = self._settings.host, file.name
        try:
            yield
        except PermissionError as error:
            raise AccessDeniedError(
                f"The server '{host}' does not allow to write '{name}'. Check the permissions of the user."
            ) from error
        except FileNotFoundError as error:
            raise DestinationRefusedError(
                f"The server '{host}' says that '{name}' or its temporary file does not exist. It is tried again."
            ) from error
        except (EOFError, TimeoutError, ConnectionError, paramiko.SSHException) as error:
            raise DestinationUnavailableError(
                f"The connection to '{host}' broke, or the server was too slow ({str(error) or type(error).__name__}). "
                "The next attempt continues."
            ) from error
        except OSError as error:
            if "closed" in str(error).lower():
                raise DestinationUnavailableError(
                    f"The connection to '{host}' broke ({error}). The next attempt continues."
                ) from error
            missing = file.bytes - (progress.state or {}).get("offset", 0)
            raise self._refused(name, missing, error) from error

    def _refused(self, name: str, missing: int, error: OSError) -> DeliveryError:
        """Returns the error for a failure that the server does not describe: SSH_FX_FAILURE of OpenSSH.

        `missing` is the number of bytes that the server has not confirmed.
        """
        host = self._settings.host
        folder = posixpath.dirname(posixpath.join(self._settings.directory, name)) or "."
        free = find_free_bytes(self._sftp, folder)
        if free is not None and free < missing:
            return DestinationFullError(
                f"The disk of '{host}' is full: '{name}' needs {missing} more bytes, and {free} are free. The next "
                "attempt continues; make room for it."
            )
        if any(word in str(error).lower() for word in _FULL_WORDS):
            return DestinationFullError(
                f"The server '{host}' has no room for '{name}' ({error}). The next attempt continues; make room for it."
            )
        return DestinationRefusedError(
            f"The server '{host}' refused to write '{name}' ({error}), and does not say why. Check whether a quota or "
            "the maximum size of a file is exceeded, and the log of the server. It is tried again."
        )


def _temporary_name(file: OutgoingFile, destination_id: str) -> str:
    """Returns a name that is the same in each attempt, and that no other file has. It is hidden by its full stop.

    The destination is part of it, because two destinations of a report may be the same folder.
    """
    key = f"{destination_id}\n{file.report}\n{file.name}\n{file.sha256}"
    return f".resma-{hashlib.sha256(key.encode()).hexdigest()[:24]}.part"


def _write(there: paramiko.SFTPFile, content: bytes) -> None:
    """Writes a piece, and returns when the server has confirmed each of its requests. Raises OSError.

    All requests but the last are sent without waiting. paramiko reads their responses with that of the last one.
    """
    last = (len(content) - 1) // REQUEST_BYTES * REQUEST_BYTES
    if last:
        there.set_pipelined(True)
        there.write(content[:last])
        there.set_pipelined(False)
    there.write(content[last:])


def _next_size(size: int, seconds: float) -> int:
    """Returns the size of the next piece by the duration of the last one."""
    if seconds < PIECE_SECONDS / 8:
        return min(2 * size, MAX_PIECE_BYTES)
    return max(size // 2, MIN_PIECE_BYTES) if seconds > PIECE_SECONDS else size


def _state(stage: str, where: str, offset: int, sha256: Sha256 | None) -> dict[str, Any]:
    return {"stage": stage, "where": where, "offset": offset, "sha256": sha256 and sha256.state.hex()}


def _resumed(state: dict[str, Any] | None, stage: str, where: str) -> tuple[int, Sha256]:
    """Returns the offset and the hash of an earlier attempt at this stage, or those of an empty file."""
    if not state or (state["stage"], state["where"]) != (stage, where):
        return 0, Sha256()
    return state["offset"], Sha256.from_state(bytes.fromhex(state["sha256"]))
