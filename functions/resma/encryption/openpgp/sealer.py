"""Encrypts a file for its receivers, and signs it, while it is written, in constant memory.

The result is one binary OpenPGP message, which GnuPG and all other implementations decrypt. A small file is encrypted
in one call. A larger one goes through the pipes of a process (`seal_stdin.py`), which needs about 26 MB.
"""

from __future__ import annotations

import hashlib
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from resma.encryption.openpgp.signing_key import SigningKey
from resma.errors import SealingFailedError

MEDIA_TYPE = "application/pgp-encrypted"
SMALL_BYTES = 256 * 1024
"""Maximum size of a file that is encrypted in one call. It takes as long as the start of a process."""

_READ_BYTES = 256 * 1024
_PROGRAM = Path(__file__).with_name("seal_stdin.py")
_INHERITED = ("LD_LIBRARY_PATH", "PATH")
"""Variables of the environment that Python needs in the process. It gets no others, such as credentials."""


@dataclass(frozen=True)
class Encryption:
    """How files are encrypted."""

    recipients: Sequence[bytes]
    """Certificates of the receivers (`Certificate.recipient`), at least one."""
    signing_key: SigningKey | None = None
    """The key that signs the files; None: they are not signed."""

    def for_process(self) -> bytes:
        """Returns what the process reads first: three fields with their length in four bytes before each."""
        key = self.signing_key
        passphrase = (key.passphrase or "").encode() if key else b""
        fields = (b"".join(self.recipients), key.content if key else b"", passphrase)
        return b"".join(len(each).to_bytes(4, "big") + each for each in fields)


class Sealer:
    """Encrypts the bytes of one file. `open_sealer` creates it. Not thread-safe."""

    def __init__(self, encryption: Encryption) -> None:
        self._encryption = encryption
        self._small = bytearray()
        self._process: subprocess.Popen[bytes] | None = None
        self._plain_sha256 = hashlib.sha256()
        self.bytes = 0
        """Number of bytes before encryption."""

    def plain_sha256(self) -> str:
        """Returns the SHA-256 of the bytes before encryption, in hexadecimal."""
        return self._plain_sha256.hexdigest()

    def write(self, data: bytes) -> bytes:
        """Encrypts bytes. Returns the encrypted bytes that are ready, which may be none.

        Raises SealingFailedError if the process has ended.
        """
        self._plain_sha256.update(data)
        self.bytes += len(data)
        if self._process is None:
            self._small += data
            if len(self._small) <= SMALL_BYTES:
                return b""
            self._process = self._start()
            data = self._encryption.for_process() + self._small
            self._small = bytearray()
        return b"".join(self._exchange(self._process, data))

    def end(self) -> bytes:
        """Returns the rest of the message. Raises SealingFailedError if it is not complete."""
        if self._process is None:
            return self._seal_small()
        return b"".join(self._finish(self._process))

    def close(self) -> None:
        """Ends the process if it still runs. Safe to call twice, never raises."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _seal_small(self) -> bytes:
        from pysequoia import Cert, encrypt  # noqa: PLC0415  # takes 10 MB

        try:
            recipients = [Cert.from_bytes(recipient) for recipient in self._encryption.recipients]
            signer = key.signer if (key := self._encryption.signing_key) else None
            return bytes(encrypt(bytes(self._small), recipients=recipients, signer=signer, armor=False))
        except RuntimeError as error:
            raise SealingFailedError(_FAILED) from error

    def _start(self) -> subprocess.Popen[bytes]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        process = subprocess.Popen(  # noqa: S603  # this program, with no argument of a caller
            [sys.executable, "-S", "-s", "-P", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**inherited, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            bufsize=0,
        )
        for pipe in _pipes_of(process):
            os.set_blocking(pipe.fileno(), False)
        return process

    def _exchange(self, process: subprocess.Popen[bytes], data: bytes) -> Iterator[bytes]:
        """Writes all of `data`, and yields what the process writes meanwhile: neither waits for the other forever."""
        stdin, stdout = _pipes_of(process)
        left = memoryview(data)
        with selectors.DefaultSelector() as selector:
            selector.register(stdin, selectors.EVENT_WRITE)
            selector.register(stdout, selectors.EVENT_READ)
            while left:
                for key, _ in selector.select():
                    if key.fileobj is stdout:
                        read = os.read(key.fd, _READ_BYTES)
                        if not read:
                            raise SealingFailedError(_FAILED)
                        yield read
                    else:
                        try:
                            left = left[os.write(key.fd, left) :]
                        except BrokenPipeError as error:
                            raise SealingFailedError(_FAILED) from error

    def _finish(self, process: subprocess.Popen[bytes]) -> Iterator[bytes]:
        stdin, stdout = _pipes_of(process)
        stdin.close()
        os.set_blocking(stdout.fileno(), True)
        while read := os.read(stdout.fileno(), _READ_BYTES):
            yield read
        if process.wait() != 0:
            raise SealingFailedError(_FAILED)


_FAILED = "Encrypting a file for its receivers has failed. See the worker's log."


def _pipes_of(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None  # both are pipes
    assert process.stdout is not None
    return process.stdin, process.stdout


@contextmanager
def open_sealer(encryption: Encryption) -> Iterator[Sealer]:
    """Yields the sealer of one file. At the end of the block, its process ends. Raises SealingFailedError."""
    sealer = Sealer(encryption)
    try:
        yield sealer
    finally:
        sealer.close()
