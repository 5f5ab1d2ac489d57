"""SHA-256 (FIPS 180-4) whose state can be saved and loaded by another process.

hashlib does not expose its state. OpenSSL's functions use a plain structure of 112 bytes (`SHA256_CTX` in
openssl/sha.h, with the same layout since 0.9.8). Calling them with ctypes, which releases the GIL, is as fast as
hashlib, which calls the same code. psycopg's wheel contains OpenSSL's library; without the wheel, libpq needs the
library on the system.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import hashlib
import importlib.metadata
from functools import lru_cache
from typing import Self

from resma.errors import SettingsInvalidError

STATE_BYTES = 112
"""Size of the state: 8 words of the hash, 2 of the length in bits, 16 of an incomplete block, 2 of bookkeeping."""

_DIGEST_BYTES = 32


class Sha256:
    """A SHA-256 hash like hashlib's, with a state. Not thread-safe. Raises SettingsInvalidError without OpenSSL."""

    __slots__ = ("_library", "_state")

    def __init__(self) -> None:
        self._library = _openssl()
        self._state = ctypes.create_string_buffer(STATE_BYTES)
        self._library.SHA256_Init(self._state)

    @classmethod
    def from_state(cls, state: bytes) -> Self:
        """Returns a hash that resumes from a state. Raises ValueError if the state does not have the right length."""
        if len(state) != STATE_BYTES:
            raise ValueError(f"The state must have {STATE_BYTES} bytes, but it has {len(state)}.")
        resumed = cls()
        ctypes.memmove(resumed._state, state, STATE_BYTES)
        return resumed

    @property
    def state(self) -> bytes:
        """The complete state. It is valid on all machines whose processor has the same byte order."""
        return self._state.raw

    def update(self, data: bytes) -> None:
        """Adds bytes to the hash."""
        self._library.SHA256_Update(self._state, data, len(data))

    def hexdigest(self) -> str:
        """Returns the hash of all bytes so far. More bytes may be added afterwards."""
        copy = ctypes.create_string_buffer(self._state.raw, STATE_BYTES)
        digest = ctypes.create_string_buffer(_DIGEST_BYTES)
        self._library.SHA256_Final(digest, copy)
        return digest.raw.hex()


@lru_cache
def _openssl() -> ctypes.CDLL:
    """Returns the first library that exists and computes the same hashes as hashlib."""
    for path in (*_libraries_of_psycopg(), ctypes.util.find_library("crypto")):
        if path and (library := _load(path)):
            return library
    raise SettingsInvalidError(
        "OpenSSL's libcrypto was not found. Install psycopg with its wheel (psycopg[binary]), which contains it."
    )


def _libraries_of_psycopg() -> list[str]:
    try:
        files = importlib.metadata.files("psycopg-binary") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [str(file.locate()) for file in files if file.name.startswith("libcrypto")]


def _load(path: str) -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(path)
        library.SHA256_Init.argtypes = [ctypes.c_void_p]
        library.SHA256_Update.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
        library.SHA256_Final.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    except (OSError, AttributeError):
        return None
    return library if _is_right(library) else None


def _is_right(library: ctypes.CDLL) -> bool:
    """Returns whether the library computes hashlib's hash after saving and restoring an incomplete block.

    A library with a different layout of the state would not.
    """
    state, digest = ctypes.create_string_buffer(STATE_BYTES + 16), ctypes.create_string_buffer(_DIGEST_BYTES)
    library.SHA256_Init(state)
    library.SHA256_Update(state, b"a" * 100, 100)
    copy = ctypes.create_string_buffer(state.raw[:STATE_BYTES], STATE_BYTES + 16)
    library.SHA256_Update(copy, b"b", 1)
    library.SHA256_Final(digest, copy)
    return digest.raw == hashlib.sha256(b"a" * 100 + b"b").digest()
