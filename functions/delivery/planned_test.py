"""The test file of a destination. It is encrypted and signed as the files of a report would be."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from delivery.claims import DeliveryClaim, save_test_content
from delivery.errors import EncryptionFailedError, SourceUnavailableError
from delivery.planned_files import PlannedFile
from resma.database.connection import Database
from resma.encryption.certificate_rows import find_recipients
from resma.encryption.openpgp.sealer import MEDIA_TYPE, Encryption, open_sealer
from resma.encryption.tenant_signing_key import find_signing_key
from resma.errors import CertificateUnusableError, SecretUnavailableError, SigningKeyUnusableError

TEST_TEXT = "This is a test file of Resma. The destination works: files of reports arrive like this one.\n"


def plan_test(system: Database, claim: DeliveryClaim, stage: str) -> PlannedFile:
    """Returns the test file. Its content is the same in each attempt.

    Raises EncryptionFailedError, SealingFailedError, SourceUnavailableError and LeaseLostError.
    """
    name, media_type, content = f"resma-test-{claim.delivery_id[4:12]}.txt", "text/plain; charset=utf-8", None
    if claim.test_encrypt_for:
        name, media_type = f"{name}.pgp", MEDIA_TYPE
        content = claim.test_content or _encrypt(system, claim, stage)
    content = content or TEST_TEXT.encode()
    return PlannedFile(
        position=1,
        own_name=name,
        type="TEST",
        day=datetime.now(UTC).date(),
        report=claim.delivery_id,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        media_type=media_type,
        object_key=None,
        content=content,
    )


def _encrypt(system: Database, claim: DeliveryClaim, stage: str) -> bytes:
    """Encrypts the test file, and records it: the next attempt must not deliver other bytes under its name."""
    try:
        with system.transaction(claim.tenant_id) as connection:
            recipients = find_recipients(connection, claim.tenant_id, claim.test_encrypt_for)
            row = connection.execute(
                "SELECT signing_key FROM resma.tenants WHERE tenant_id = %s", (claim.tenant_id,)
            ).fetchone()
        fingerprint = row and row[0]
        key = find_signing_key(stage, claim.tenant_id, fingerprint) if fingerprint else None
        with open_sealer(Encryption(recipients, key)) as sealer:
            content = sealer.write(TEST_TEXT.encode()) + sealer.end()
    except (CertificateUnusableError, SigningKeyUnusableError) as error:
        raise EncryptionFailedError(f"The test file cannot be encrypted. {error}") from error
    except SecretUnavailableError as error:
        raise SourceUnavailableError(f"The key that signs the test file cannot be read. {error}") from error
    with system.transaction(claim.tenant_id) as connection:
        save_test_content(connection, claim, content)
    return content
