"""Finds how the files of a report are encrypted and signed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from resma.encryption.certificate_rows import find_recipients
from resma.encryption.openpgp.sealer import Encryption
from resma.encryption.tenant_signing_key import find_signing_key
from worker.database_retry import write_with_retry
from worker.resources import WorkerResources


def find_encryption(
    resources: WorkerResources, tenant_id: str, encrypt_for: Sequence[str] | None, signed_by: str | None
) -> Encryption | None:
    """Returns the certificates that files are encrypted for and the key that signs them; None: not encrypted.

    Raises CertificateUnusableError, SigningKeyUnusableError, SecretUnavailableError.
    """
    if not encrypt_for:
        return None
    find = partial(find_recipients, tenant_id=tenant_id, certificate_ids=encrypt_for)
    recipients = write_with_retry(resources.system, tenant_id, find)
    key = None if signed_by is None else find_signing_key(resources.stage, tenant_id, signed_by)
    return Encryption(recipients, key)
