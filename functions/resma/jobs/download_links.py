"""Addresses from which a finished file can be fetched for a while, under a name that people can read.

Each minting is on record: who, when, from where, which file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.catalog import ReportType, load_catalog
from resma.jobs.report_rows import Report, StoredFile

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

DOWNLOAD_SECONDS = 3600
"""The longest that an address is valid. It also ends with the signing role's session, so it is made on request."""


@dataclass(frozen=True)
class Signer:
    """What signs addresses. `s3` must be made for the readers' endpoint."""

    s3: S3Client
    bucket: str
    seconds: int = DOWNLOAD_SECONDS
    """How long its credentials are valid, if that is less."""


@dataclass(frozen=True)
class LinkRecipient:
    """Whom an address is minted for."""

    subject: str
    address: str | None
    """Where the request came from."""


def webhook_receiver(endpoint_id: str) -> LinkRecipient:
    """Who a webhook goes to. Where that is, and each attempt, is on record with the delivery."""
    return LinkRecipient(f"webhook:{endpoint_id}", None)


@dataclass(frozen=True)
class PresignedLink:
    """An address, until when it is good, and the name that the file is saved under."""

    url: str
    expires_at: datetime
    file_name: str
    seconds: int
    """How long that is from now."""


def presign_download(
    connection: Connection[TupleRow], signer: Signer, report: Report, file: StoredFile, minter: LinkRecipient
) -> PresignedLink:
    """Mints an address for a file of a READY report and records it: hand it out once the transaction is committed.

    It is valid for as long as the signer can sign for, and not longer than the file is kept.
    """
    # By this process' clock, whose seconds the signature counts from.
    now = datetime.now(UTC).replace(microsecond=0)
    kept = (report.expires_at - now).total_seconds() if report.expires_at else signer.seconds
    seconds = max(1, min(signer.seconds, math.floor(kept)))
    expires_at = now + timedelta(seconds=seconds)
    connection.execute(
        "INSERT INTO resma.download_links (tenant_id, report_id, format, object_key, subject, address, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            report.tenant_id,
            report.report_id,
            file["format"],
            file["object_key"],
            minter.subject,
            minter.address,
            expires_at,
        ),
    )
    name = file_name(report, file, load_catalog().get(report.type))
    return PresignedLink(_presign(signer, file, name, seconds), expires_at, name, seconds)


def file_name(report: Report, file: StoredFile, report_type: ReportType | None) -> str:
    """Like `transactions-2026-11-23-1f0c9a52.pdf`: what, as of which day, and the start of the report's id."""
    day = f"-{report.as_of:%Y-%m-%d}" if report.as_of else ""
    stem = report_type.file_name if report_type else report.type.lower()  # the catalog may have lost it since
    return f"{stem}{day}-{str(report.report_id)[:8]}.{file['extension']}"


def _presign(signer: Signer, file: StoredFile, name: str, seconds: int) -> str:
    """Makes no request."""
    return signer.s3.generate_presigned_url(
        "get_object",
        Params={
            "Bucket": signer.bucket,
            "Key": file["object_key"],
            "ResponseContentDisposition": f'attachment; filename="{name}"',
        },
        ExpiresIn=seconds,
    )
