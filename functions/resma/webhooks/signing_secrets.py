"""Signing secrets of webhooks: derived, so that none is stored and each endpoint of each tenant has its own.

HKDF-Expand with SHA-256 (RFC 5869, section 2.3), one block: the deployment's secret is the key, random already, and the
endpoint is the info. Whoever knows one secret can work out no other.
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
"""Stands for an endpoint's id where a request named its callback."""

MASTER_SECRET_SECONDS = 60
"""How long a secret that was replaced is used on."""

_PREFIX = "whsec_"
_MIN_BYTES = 24  # as Standard Webhooks says, section "Signature scheme"


def read_master_secret(arn: str) -> bytes:
    """Reads the deployment's secret. Raises SettingsInvalidError where it is none, without showing it."""
    text = str(read_secret(arn).get("secret", ""))
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(_PREFIX) or len(key) < _MIN_BYTES:
        raise SettingsInvalidError(
            f'the secret of webhooks needs a member "secret": {_PREFIX} and at least {_MIN_BYTES} random bytes in '
            "base64 (docs/aws.md shows how to make one)"
        )
    return key


@dataclass
class MasterSecret:
    """The deployment's secret as a process keeps it: read again after a minute, kept while it can't be read."""

    arn: str
    _key: bytes | None = None
    _read_at: float = 0.0

    def read(self) -> bytes:
        """Returns the secret.

        Raises SecretUnavailableError where it was never read, SettingsInvalidError for a bad one.
        """
        if self._key is None or time.monotonic() - self._read_at > MASTER_SECRET_SECONDS:
            try:
                self._key = read_master_secret(self.arn)
                self._read_at = time.monotonic()
            except SecretUnavailableError as error:
                if self._key is None:
                    raise
                logger.warning("the secret of webhooks is used as it was read before", error=str(error))
        return self._key


def derive_secret(master: bytes, tenant_id: str, endpoint_id: str, version: int) -> str:
    """Returns an endpoint's secret as its receiver keeps it: `whsec_` and 32 bytes in base64."""
    # Neither a tenant's id nor an endpoint's has a bar in it.
    info = f"resma webhook|{tenant_id}|{endpoint_id}|{version}".encode()
    return _PREFIX + base64.b64encode(hmac.digest(master, info + b"\x01", "sha256")).decode()


def signing_secrets(
    master: bytes, tenant_id: str, endpoint_id: str, version: int, *, is_previous_valid: bool
) -> list[str]:
    """Returns the secrets to sign with: the current one, and while it is valid the one before."""
    versions = [version, version - 1] if is_previous_valid and version > 1 else [version]
    return [derive_secret(master, tenant_id, endpoint_id, each) for each in versions]
