"""The key with which the files of a tenant are signed. The operator stores it in Secrets Manager."""

from __future__ import annotations

from resma.aws.clients import read_secret
from resma.encryption.openpgp.signing_key import SigningKey, SigningKeyRefusedError, read_signing_key
from resma.errors import SecretRefusedError, SigningKeyUnusableError


def secret_name(stage: str, tenant_id: str) -> str:
    """Returns the name of the secret with the key of a tenant."""
    return f"resma/{stage}/openpgp/{tenant_id}"


def find_signing_key(stage: str, tenant_id: str, fingerprint: str) -> SigningKey:
    """Reads the key of a tenant. `fingerprint` is that of the tenant's row.

    Raises SigningKeyUnusableError with all reasons, and SecretUnavailableError if Secrets Manager does not answer.
    """
    name = secret_name(stage, tenant_id)
    try:
        secret = read_secret(name)
    except SecretRefusedError as error:  # this secret only: reports of other tenants need not wait
        raise SigningKeyUnusableError(f"Files cannot be signed with the secret '{name}'. {error}") from error
    content, passphrase = secret.get("privateKey"), secret.get("passphrase")
    problems = []
    if not isinstance(content, str) or not content:
        problems.append("The secret must have the field `privateKey`, an OpenPGP secret key with ASCII armor.")
    if passphrase is not None and not isinstance(passphrase, str):
        problems.append("The field `passphrase` must be a string.")
    if problems:
        raise SigningKeyUnusableError(f"Files cannot be signed with the secret '{name}'. {' '.join(problems)}")
    try:
        return read_signing_key(str(content).encode(), passphrase, fingerprint)
    except SigningKeyRefusedError as error:
        raise SigningKeyUnusableError(f"Files cannot be signed with the key in the secret '{name}'. {error}") from error
