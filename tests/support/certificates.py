"""An OpenPGP certificate for tests that need any, and do not decrypt. Those that do use GnuPG (gnupg.py)."""

from __future__ import annotations

from functools import lru_cache

from psycopg import Connection
from psycopg.rows import TupleRow
from pysequoia import Tsk

from resma.encryption.openpgp.certificate import read_certificate

CERTIFICATE_ID = f"crt_{0:032x}"


@lru_cache
def sample_certificate() -> str:
    """Returns a certificate with ASCII armor that does not expire."""
    return str(Tsk.generate("receiver@example.com", validity_seconds=None).extract_certificate())


def insert_sample_certificate(admin: Connection[TupleRow]) -> str:
    """Inserts this certificate for the tenant `demo`, and returns its id."""
    read = read_certificate(sample_certificate().encode())
    admin.execute(
        "INSERT INTO resma.certificates (tenant_id, certificate_id, name, content, fingerprint, user_ids, algorithm,"
        " created_by) VALUES ('demo', %s, 'test', %s, %s, %s, %s, 'test')",
        (CERTIFICATE_ID, read.content, read.fingerprint, list(read.user_ids), read.algorithm),
    )
    return CERTIFICATE_ID
