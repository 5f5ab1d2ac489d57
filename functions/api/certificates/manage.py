"""Adds, lists and deletes certificates."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta

from api.certificates.models import CertificateList, CertificateRequest, CertificateStatus, CertificateView
from resma.access.caller import Caller, subject_for
from resma.database.connection import Database
from resma.encryption.certificate_rows import (
    EXPIRING_DAYS,
    CertificateRow,
    delete_certificate,
    insert_certificate,
    list_certificates,
)
from resma.encryption.openpgp.certificate import CertificateRefusedError, read_certificate
from resma.request_errors import FieldError, RequestInvalidError


def add_certificate(database: Database, caller: Caller, request: CertificateRequest) -> CertificateView:
    """Adds a certificate. Raises RequestInvalidError with all its problems, and TooManyCertificatesError."""
    try:
        certificate = read_certificate(_decode(request.certificate))
    except CertificateRefusedError as error:
        raise RequestInvalidError.of([FieldError("/certificate", problem) for problem in error.problems]) from error
    with database.transaction(caller.tenant_id) as connection:
        row = insert_certificate(connection, caller.tenant_id, request.name, certificate, caller.subject)
    return _show(row, caller)


def show_certificates(database: Database, caller: Caller) -> CertificateList:
    """Returns all certificates of the caller's tenant."""
    with database.transaction(caller.tenant_id) as connection:
        rows = list_certificates(connection, caller.tenant_id)
    return CertificateList(items=[_show(row, caller) for row in rows])


def remove_certificate(database: Database, caller: Caller, certificate_id: str) -> None:
    """Deletes a certificate.

    Raises CertificateNotFoundError, and CertificateInUseError if schedules or destinations name it.
    """
    with database.transaction(caller.tenant_id) as connection:
        delete_certificate(connection, caller.tenant_id, certificate_id)


def _decode(text: str) -> bytes:
    """Returns the bytes of a certificate with ASCII armor or in Base64."""
    if text.lstrip().startswith("-----BEGIN"):
        return text.encode()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return text.encode()  # not a certificate either, which `read_certificate` says


def _show(row: CertificateRow, caller: Caller) -> CertificateView:
    return CertificateView(
        id=row.certificate_id,
        name=row.name,
        fingerprint=row.fingerprint,
        user_ids=row.user_ids,
        algorithm=row.algorithm,
        expires_at=row.expires_at,
        status=_status_of(row, datetime.now(UTC)),
        created_at=row.created_at,
        created_by=subject_for(caller, row.created_by),
    )


def _status_of(row: CertificateRow, now: datetime) -> CertificateStatus:
    if row.expires_at is None or row.expires_at > now + timedelta(days=EXPIRING_DAYS):
        return "VALID"
    return "EXPIRING" if row.expires_at > now else "EXPIRED"
