"""The key of the deployment, with which keys of files are sealed before they are stored in rows.

It is a secret of Secrets Manager (template.yaml). Keys for each purpose and tenant are derived from it by HKDF
(RFC 5869), and sealed with AES-256-GCM, so that a sealed key cannot be used for another tenant.
"""

from __future__ import annotations

import hmac
import os
import time
from dataclasses import dataclass

from resma.aws.clients import read_secret
from resma.errors import KeyUnreadableError, SettingsInvalidError

_CACHE_SECONDS = 60
_MIN_CHARACTERS = 32
_NONCE = 12


@dataclass
class DeploymentKey:
    """The deployment's key. It is read when it is first needed, and again after a minute."""

    arn: str
    _secret: bytes | None = None
    _read_at: float = 0.0

    def seal(self, tenant_id: str, data: bytes) -> bytes:
        """Encrypts a key of a tenant. Raises SecretUnavailableError, SettingsInvalidError."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # 7 MB that most reports do not need

        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self._derive("seal", tenant_id)).encrypt(nonce, data, None)

    def open(self, tenant_id: str, sealed: bytes) -> bytes:
        """Decrypts a key that `seal` has encrypted for the same tenant.

        Raises KeyUnreadableError if it was sealed with another key, SecretUnavailableError, SettingsInvalidError.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # as above
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        try:
            return AESGCM(self._derive("seal", tenant_id)).decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
        except (InvalidTag, ValueError) as error:
            raise KeyUnreadableError(
                "The key of the encrypted file was sealed with another key of the deployment (SealingSecretArn). "
                "Request the report again with its password; for a schedule, update it with the password."
            ) from error

    def fingerprint(self, tenant_id: str, text: str) -> str:
        """Returns a keyed hash (HMAC-SHA256, hexadecimal), to compare passwords without storing them."""
        return hmac.digest(self._derive("fingerprint", tenant_id), text.encode(), "sha256").hex()

    def _derive(self, purpose: str, tenant_id: str) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415  # as above
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

        # Ids of tenants do not contain a vertical bar.
        return HKDF(SHA256(), 32, None, f"resma {purpose}|{tenant_id}".encode()).derive(self._read())

    def _read(self) -> bytes:
        if self._secret is None or time.monotonic() - self._read_at > _CACHE_SECONDS:
            text = read_secret(self.arn).get("key")
            if not isinstance(text, str) or len(text) < _MIN_CHARACTERS:
                raise SettingsInvalidError(
                    f"The sealing secret must have a property `key` with at least {_MIN_CHARACTERS} random characters. "
                    "docs/encryption.md shows how to create one."
                )
            self._secret, self._read_at = text.encode(), time.monotonic()
        return self._secret
