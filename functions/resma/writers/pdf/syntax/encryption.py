"""Encryption of objects by AES-256 (ISO 32000-2 §7.6): each string and each stream on its own, with the file key.

Nothing is kept from one object to the next, so that encryption neither needs memory nor has a state to save.
"""

from __future__ import annotations

import hmac
import re

from resma.report.pdf_key import PERMISSIONS, PdfKey

_BLOCK = 16
_STREAM = b"stream\n"
_LENGTH = re.compile(rb"/Length (\d+)")
_STRING = re.compile(rb"<<|\((?:[^\\()]|\\.)*\)|<[0-9A-Fa-f\s]*>", re.DOTALL)
"""A string (§7.3.4), or the start of a dictionary, which is not one. No string of ours has unescaped parentheses."""

_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def encryption_dictionary(key: PdfKey) -> bytes:
    """Returns the encryption dictionary (§7.6.2, tables 20 and 21), whose own strings are not encrypted."""
    entries = {
        b"U": key.user,
        b"UE": key.user_key,
        b"O": key.owner,
        b"OE": key.owner_key,
        b"Perms": key.permissions,
    }
    strings = b"".join(b"/%b<%b>" % (name, value.hex().encode()) for name, value in entries.items())
    return (
        b"<</Filter/Standard/V 5/R 6/Length 256/P %d%b/CF<</StdCF<</CFM/AESV3/AuthEvent/DocOpen/Length 32>>>>"
        b"/StmF/StdCF/StrF/StdCF/EncryptMetadata true>>" % (PERMISSIONS, strings)
    )


class ObjectCipher:
    """Encrypts the strings and the stream of objects.

    The initialization vector of each is a keyed hash of the file's identifier, the object number, and the content
    itself. So the same rows produce the same bytes, also after an interruption, and equal strings of two objects or two
    files still look different.
    """

    def __init__(self, key: PdfKey, identifier: bytes) -> None:
        # cryptography takes 7 MB, which files without a password do not need.
        from cryptography.hazmat.primitives.ciphers import Cipher  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.algorithms import AES256  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.modes import CBC  # noqa: PLC0415

        algorithm = AES256(key.file_key)

        def cipher(vector: bytes) -> Cipher[CBC]:
            return Cipher(algorithm, CBC(vector))

        self._cipher = cipher
        self._vector_key = hmac.digest(key.file_key, b"resma initialization vector", "sha256")
        self._identifier = identifier

    def encrypt(self, number: int, body: bytes) -> bytes:
        """Returns the body of an object with encrypted strings and stream."""
        if not body.endswith(b"endstream"):
            return self._strings(number, body)
        dictionary, _, rest = body.partition(_STREAM)
        length = _LENGTH.search(dictionary)
        assert length is not None  # every stream states its length
        data = self.encrypt_data(number, rest[: int(length[1])])
        before, after = dictionary[: length.start()], dictionary[length.end() :]
        changed = self._strings(number, b"%b/Length %d%b" % (before, len(data), after))
        return b"%bstream\n%b\nendstream" % (changed, data)

    def encrypt_data(self, number: int, data: bytes) -> bytes:
        """Returns the initialization vector, and the data with padding (§7.6.3.1), in AES-256-CBC."""
        origin = b"%b %d " % (self._identifier, number)
        vector = hmac.digest(self._vector_key, origin + data, "sha256")[:_BLOCK]
        padding = _BLOCK - len(data) % _BLOCK
        encryptor = self._cipher(vector).encryptor()
        return b"%b%b%b" % (vector, encryptor.update(data + bytes((padding,)) * padding), encryptor.finalize())

    def _strings(self, number: int, body: bytes) -> bytes:
        def replace(found: re.Match[bytes]) -> bytes:
            token = found[0]
            if token == b"<<":
                return token
            return b"<%b>" % self.encrypt_data(number, _string_value(token)).hex().encode()

        return _STRING.sub(replace, body)


def _string_value(token: bytes) -> bytes:
    """Returns the bytes of a literal or hexadecimal string (§7.3.4.2, §7.3.4.3)."""
    if token.startswith(b"<"):
        digits = b"".join(token[1:-1].split())
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
    return _ESCAPE.sub(_unescape, token[1:-1])


def _unescape(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes((int(code, 8) & 0xFF,)) if code[0] in b"01234567" else _ESCAPED.get(code, code)
