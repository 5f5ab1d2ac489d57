"""Signing secrets of webhooks. They are derived and not stored, and each endpoint of each tenant has its own.

The derivation is one block of HKDF-Expand with SHA-256 (RFC 5869, section 2.3): the key is the deployment's secret,
which is random, and the info is the endpoint. Other secrets cannot be computed from a known one.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from dataclasses import dataclass

from aws_lambda_powertools import Logger

from resma.aws.clients import read_secret
from resma.errors import SecretUnavailableError, SettingsInvalidError

logger = Logger(child=True)

CALLBACK = "callback"
"""Endpoint id of deliveries to the `callbackUrl` of a request."""

MASTER_SECRET_SECONDS = 60
"""How long the deployment's secret is cached, and so how long a replaced one remains in use."""

_PREFIX = "whsec_"
_MIN_BYTES = 24  # Standard Webhooks, section "Signature scheme"


def read_master_secret(arn: str) -> bytes:
    """Reads the deployment's secret. Raises SettingsInvalidError, which does not contain it, if it is not valid."""
    text = str(read_secret(arn).get("secret", ""))
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(_PREFIX) or len(key) < _MIN_BYTES:
        raise SettingsInvalidError(
            f"The secret of webhooks must have a property `secret` with {_PREFIX} and at least {_MIN_BYTES} random "
            "bytes in base64. docs/aws.md shows how to create one."
        )
    return key


@dataclass
class MasterSecret:
    """Cache of the deployment's secret. It is read again after a minute, and kept while it cannot be read."""

    arn: str
    _key: bytes | None = None
    _read_at: float = 0.0

    def read(self) -> bytes:
        """Returns the secret.

        Raises SecretUnavailableError if it could never be read, and SettingsInvalidError if it is not valid.
        """
        if self._key is None or time.monotonic() - self._read_at > MASTER_SECRET_SECONDS:
            try:
                self._key = read_master_secret(self.arn)
                self._read_at = time.monotonic()
            except SecretUnavailableError as error:
                if self._key is None:
                    raise
                logger.warning(
                    "the secret of webhooks could not be read again; the cached one is used", error=str(error)
                )
        return self._key


def derive_secret(master: bytes, tenant_id: str, endpoint_id: str, version: int) -> str:
    """Returns an endpoint's secret in the form for its receiver: `whsec_` and 32 bytes in base64."""
    # Ids of tenants and endpoints do not contain a vertical bar.
    info = f"resma webhook|{tenant_id}|{endpoint_id}|{version}".encode()
    return _PREFIX + base64.b64encode(hmac.digest(master, info + b"\x01", "sha256")).decode()


def signing_secrets(
    master: bytes, tenant_id: str, endpoint_id: str, version: int, *, is_previous_valid: bool
) -> list[str]:
    """Returns the secrets to sign with: the current one, and also the previous one while it is valid."""
    versions = [version, version - 1] if is_previous_valid and version > 1 else [version]
    return [derive_secret(master, tenant_id, endpoint_id, each) for each in versions]
