"""The rows of `resma.certificates`: OpenPGP certificates of the receivers of files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.database.locks import AdvisoryLock, acquire_lock
from resma.encryption.openpgp.certificate import Certificate, CertificateRefusedError, read_certificate
from resma.errors import CertificateUnusableError
from resma.request_errors import (
    CertificateInUseError,
    CertificateNotFoundError,
    FieldError,
    TooManyCertificatesError,
    json_pointer,
)

MAX_CERTIFICATES = 200
"""Maximum number of certificates per tenant."""

EXPIRING_DAYS = 30
"""A certificate that expires within these days is EXPIRING, and an alarm fires."""


@dataclass(frozen=True, kw_only=True)
class CertificateRow:
    """One row."""

    tenant_id: str
    certificate_id: str
    name: str
    content: bytes
    fingerprint: str
    user_ids: list[str]
    algorithm: str
    expires_at: datetime | None
    created_at: datetime
    created_by: str


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in CertificateRow.__dataclass_fields__)


def insert_certificate(
    connection: Connection[TupleRow], tenant_id: str, name: str, certificate: Certificate, created_by: str
) -> CertificateRow:
    """Inserts a certificate. Raises TooManyCertificatesError."""
    # Without the lock, concurrent requests could exceed the limit.
    acquire_lock(connection, AdvisoryLock.CERTIFICATES, tenant_id)
    counted = connection.execute(
        "SELECT count(*) FROM resma.certificates WHERE tenant_id = %s", (tenant_id,)
    ).fetchone()
    if counted is not None and counted[0] >= MAX_CERTIFICATES:
        raise TooManyCertificatesError(f"You have the maximum of {MAX_CERTIFICATES} certificates. Delete one first.")
    with connection.cursor(row_factory=class_row(CertificateRow)) as cursor:
        cursor.execute(
            sql.SQL(
                "INSERT INTO resma.certificates (tenant_id, certificate_id, name, content, fingerprint, user_ids,"
                " algorithm, expires_at, created_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING {}"
            ).format(_COLUMNS),
            (
                tenant_id,
                f"crt_{uuid4().hex}",
                name,
                certificate.content,
                certificate.fingerprint,
                list(certificate.user_ids),
                certificate.algorithm,
                certificate.expires_at,
                created_by,
            ),
        )
        row = cursor.fetchone()
    assert row is not None  # it was just inserted
    return row


def list_certificates(connection: Connection[TupleRow], tenant_id: str) -> list[CertificateRow]:
    """Returns the tenant's certificates, oldest first."""
    with connection.cursor(row_factory=class_row(CertificateRow)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.certificates WHERE tenant_id = %s ORDER BY created_at, certificate_id"
            ).format(_COLUMNS),
            (tenant_id,),
        )
        return cursor.fetchall()


def find_certificates(
    connection: Connection[TupleRow], tenant_id: str, certificate_ids: Sequence[str]
) -> dict[str, CertificateRow]:
    """Returns those of the tenant's certificates with these ids that exist, by id."""
    with connection.cursor(row_factory=class_row(CertificateRow)) as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM resma.certificates WHERE tenant_id = %s AND certificate_id = ANY (%s)").format(
                _COLUMNS
            ),
            (tenant_id, list(certificate_ids)),
        )
        return {row.certificate_id: row for row in cursor}


def delete_certificate(connection: Connection[TupleRow], tenant_id: str, certificate_id: str) -> None:
    """Deletes a certificate. Raises CertificateNotFoundError, and CertificateInUseError if it is still needed."""
    # A schedule or destination that is being saved is committed before, or does not find the certificate.
    acquire_lock(connection, AdvisoryLock.CERTIFICATES, tenant_id)
    users = connection.execute(
        "(SELECT name, destination_id FROM resma.destinations"
        " WHERE tenant_id = %(tenant_id)s AND %(id)s = ANY (encrypt_for) ORDER BY created_at LIMIT 5)"
        " UNION ALL"
        " (SELECT name, schedule_id FROM resma.schedules"
        " WHERE tenant_id = %(tenant_id)s AND request -> 'encryptFor' ? %(id)s ORDER BY created_at LIMIT 5)",
        {"tenant_id": tenant_id, "id": certificate_id},
    ).fetchall()
    if users:
        names = ", ".join(f"'{name}' ({user_id})" for name, user_id in users)
        raise CertificateInUseError(f"Files are encrypted for this certificate by {names}. Remove it there first.")
    deleted = connection.execute(
        "DELETE FROM resma.certificates WHERE tenant_id = %s AND certificate_id = %s", (tenant_id, certificate_id)
    )
    if not deleted.rowcount:
        raise CertificateNotFoundError(
            "The certificate does not exist. GET /api/v1/certificates lists your certificates."
        )


def encrypt_for_errors(
    connection: Connection[TupleRow], tenant_id: str, certificate_ids: Sequence[str], *, lock: bool = False
) -> Iterator[FieldError]:
    """Yields an error for each certificate that is unknown, or for which files cannot be encrypted any longer.

    With `lock`, none of them can be deleted before the end of the transaction. Use it to store their ids.
    """
    if lock and certificate_ids:
        acquire_lock(connection, AdvisoryLock.CERTIFICATES, tenant_id)
    found = find_certificates(connection, tenant_id, certificate_ids)
    for index, certificate_id in enumerate(certificate_ids):
        pointer = json_pointer("encryptFor", index)
        row = found.get(certificate_id)
        if row is None:
            yield FieldError(
                pointer, "This certificate does not exist. GET /api/v1/certificates lists your certificates."
            )
            continue
        if (problem := find_problem(row)) is not None:
            yield FieldError(pointer, problem)


def find_problem(row: CertificateRow) -> str | None:
    """Returns why files cannot be encrypted for a certificate any longer; None if they can."""
    try:
        read_certificate(row.content)
    except CertificateRefusedError as error:
        return f"The certificate '{row.name}' cannot be used any longer. {error}"
    return None


def find_recipients(
    connection: Connection[TupleRow], tenant_id: str, certificate_ids: Sequence[str] | None
) -> list[bytes]:
    """Returns the certificates to encrypt files for (`Certificate.recipient`); none if files are not encrypted.

    Raises CertificateUnusableError if one was deleted or cannot be used any longer, with all of them.
    """
    if not certificate_ids:
        return []
    found = find_certificates(connection, tenant_id, certificate_ids)
    recipients, problems = [], []
    for certificate_id in certificate_ids:
        if (row := found.get(certificate_id)) is None:
            problems.append(f"The certificate {certificate_id} was deleted.")
            continue
        try:
            recipients.append(read_certificate(row.content).recipient)
        except CertificateRefusedError as error:
            problems.append(f"The certificate '{row.name}' ({certificate_id}) cannot be used any longer. {error}")
    if problems:
        raise CertificateUnusableError(" ".join(problems))
    return recipients
