"""Keys of PDF files from passwords, for encryption of revision 6 (ISO 32000-2 §7.6.4.3.4 and §7.6.4.4)."""

from __future__ import annotations

import hashlib
import os
import struct

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128, AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

from resma.report.pdf_key import PERMISSIONS, PdfKey

_HASHES = (hashlib.sha256, hashlib.sha384, hashlib.sha512)
_MIN_ROUNDS = 64
_SALT = 8


def make_pdf_key(password: str) -> PdfKey:
    """Returns a new random file key, protected by a password that `check_pdf_password` accepts.

    The password opens the file for the user and for the owner: who knows it may also remove it.
    """
    secret, file_key = password.encode(), os.urandom(32)
    user, user_key = _protect(secret, b"", file_key)
    owner, owner_key = _protect(secret, user, file_key)
    # Algorithm 10: the permissions, `T` because metadata are encrypted, `adb`, and four random bytes.
    permissions = struct.pack("<i", PERMISSIONS) + b"\xff\xff\xff\xffTadb" + os.urandom(4)
    encryptor = Cipher(AES256(file_key), ECB()).encryptor()  # noqa: S305  # one block, as the standard defines it
    return PdfKey(user, owner, user_key, owner_key, encryptor.update(permissions), file_key)


def _protect(secret: bytes, user: bytes, file_key: bytes) -> tuple[bytes, bytes]:
    """Algorithms 8 and 9: returns the hash of a password with its salts, and the file key encrypted with it."""
    validation_salt, key_salt = os.urandom(_SALT), os.urandom(_SALT)
    entry = _hash(secret, validation_salt, user) + validation_salt + key_salt
    encryptor = Cipher(AES256(_hash(secret, key_salt, user)), CBC(bytes(16))).encryptor()
    return entry, encryptor.update(file_key)


def _hash(secret: bytes, salt: bytes, user: bytes) -> bytes:
    """Algorithm 2.B: a hash of at least 64 rounds, each of which encrypts 64 copies of its input. 32 bytes."""
    key = hashlib.sha256(secret + salt + user).digest()
    rounds = 0
    while True:
        encryptor = Cipher(AES128(key[:16]), CBC(key[16:32])).encryptor()
        encrypted = encryptor.update((secret + key + user) * 64)
        key = _HASHES[sum(encrypted[:16]) % 3](encrypted).digest()
        rounds += 1
        if rounds >= _MIN_ROUNDS and encrypted[-1] <= rounds - 32:
            return key[:32]
