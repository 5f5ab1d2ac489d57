"""SHA-256 (FIPS 180-4) whose state can be saved, and taken up by another process.

hashlib keeps its state to itself. OpenSSL's own functions work on a plain structure of 112 bytes (`SHA256_CTX` in
openssl/sha.h, the same layout since 0.9.8): calling them by ctypes, which lets go of Python's lock meanwhile, is as
fast as hashlib, which calls the same code. psycopg's wheel brings OpenSSL's library along; where psycopg was built
otherwise, libpq needs one on the system.
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
"""Eight words of the hash, two of the length in bits, sixteen of an unfinished block, and two of bookkeeping."""

_DIGEST_BYTES = 32


class Sha256:
    """As hashlib's, with its state. Not for several threads at once. Raises SettingsInvalidError without OpenSSL."""

    __slots__ = ("_library", "_state")

    def __init__(self) -> None:
        self._library = _openssl()
        self._state = ctypes.create_string_buffer(STATE_BYTES)
        self._library.SHA256_Init(self._state)

    @classmethod
    def from_state(cls, state: bytes) -> Self:
        """Goes on where the object was whose `state` this is. Raises ValueError for what is none by its length."""
        if len(state) != STATE_BYTES:
            raise ValueError(f"a state has {STATE_BYTES} bytes, this has {len(state)}")
        made = cls()
        ctypes.memmove(made._state, state, STATE_BYTES)
        return made

    @property
    def state(self) -> bytes:
        """All there is to it. Good for this kind of processor (byte order), on any machine."""
        return self._state.raw

    def update(self, data: bytes) -> None:
        """Takes more bytes."""
        self._library.SHA256_Update(self._state, data, len(data))

    def hexdigest(self) -> str:
        """Of all bytes so far; more may come."""
        copy = ctypes.create_string_buffer(self._state.raw, STATE_BYTES)
        digest = ctypes.create_string_buffer(_DIGEST_BYTES)
        self._library.SHA256_Final(digest, copy)
        return digest.raw.hex()


@lru_cache
def _openssl() -> ctypes.CDLL:
    """The first library there is that gives what hashlib gives."""
    for path in (*_libraries_of_psycopg(), ctypes.util.find_library("crypto")):
        if path and (library := _load(path)):
            return library
    raise SettingsInvalidError(
        "OpenSSL's libcrypto is not there: install psycopg with its wheel (psycopg[binary]), which brings it along"
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
    """Whether it agrees with hashlib on an unfinished block, saved and restored: a layout of its own would show."""
    state, digest = ctypes.create_string_buffer(STATE_BYTES + 16), ctypes.create_string_buffer(_DIGEST_BYTES)
    library.SHA256_Init(state)
    library.SHA256_Update(state, b"a" * 100, 100)
    copy = ctypes.create_string_buffer(state.raw[:STATE_BYTES], STATE_BYTES + 16)
    library.SHA256_Update(copy, b"b", 1)
    library.SHA256_Final(digest, copy)
    return digest.raw == hashlib.sha256(b"a" * 100 + b"b").digest()
