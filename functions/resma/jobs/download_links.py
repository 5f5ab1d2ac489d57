"""Presigned URLs from which a finished file can be downloaded for a limited time, with a readable file name.

Each URL that is created is recorded: for whom, when, from which IP address, and for which file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.catalog import ReportType, find_locale, load_catalog
from resma.catalog.file_names import fill_file_name, is_pattern, period_in_words
from resma.jobs.report_rows import Report, StoredFile
from resma.report.content import ReportContent
from resma.report.records import ManifestRecord

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

DOWNLOAD_SECONDS = 3600
"""Maximum time that a URL is valid. It also expires with the session of the role that signs, so it is created on
request."""


@dataclass(frozen=True)
class Signer:
    """Client and bucket for presigned URLs. The client must have the endpoint that readers use."""

    s3: S3Client
    bucket: str
    seconds: int = DOWNLOAD_SECONDS
    """Maximum time that a URL is valid; less than the default if the credentials expire earlier."""


@dataclass(frozen=True)
class LinkRecipient:
    """The caller or webhook endpoint that a URL is created for."""

    subject: str
    address: str | None
    """IP address of the client; None for a webhook."""


def webhook_receiver(endpoint_id: str) -> LinkRecipient:
    """Returns the recipient for a webhook. The delivery records its URL and the attempts."""
    return LinkRecipient(f"webhook:{endpoint_id}", None)


@dataclass(frozen=True)
class PresignedLink:
    """A presigned URL, when it expires, and the name under which browsers save the file."""

    url: str
    expires_at: datetime
    file_name: str
    seconds: int
    """Number of seconds from now until it expires."""


@dataclass(frozen=True)
class Download:
    """An object of a report that can be downloaded."""

    format: str
    """Format of the file; `MANIFEST`, `LIST` or `ZIP` for the other objects of a split report. It is recorded."""
    object_key: str
    name: str
    """Name under which browsers save it."""


def download_of(report: Report, file: StoredFile) -> Download:
    """Returns the download of a file of a READY report."""
    return Download(file["format"], file["object_key"], file_name(report, file, load_catalog().get(report.type)))


SplitObject = Literal["manifest", "list", "zip"]
"""The objects of a READY split report that are not files of one key."""


def split_download_of(report: Report, manifest: ManifestRecord, wanted: SplitObject) -> Download | None:
    """Returns the download of an object of a READY split report; None if it was requested without a ZIP archive."""
    if (stored := manifest[wanted]) is None:
        return None
    if wanted == "zip":
        name = f"{_stem(report, load_catalog().get(report.type))}.zip"
    else:
        name = "manifest.json" if wanted == "manifest" else "manifest.ndjson.gz"
    return Download(wanted.upper(), stored["object_key"], name)


def presign_download(
    connection: Connection[TupleRow], signer: Signer, report: Report, file: Download, recipient: LinkRecipient
) -> PresignedLink:
    """Creates and records a presigned URL for a file of a report. Use it only after the transaction is committed.

    It is valid for `signer.seconds`, but not longer than the file exists.
    """
    # The signature counts seconds from the clock of this process.
    now = datetime.now(UTC).replace(microsecond=0)
    retained = (report.expires_at - now).total_seconds() if report.expires_at else signer.seconds
    seconds = max(1, min(signer.seconds, math.floor(retained)))
    expires_at = now + timedelta(seconds=seconds)
    connection.execute(
        "INSERT INTO resma.download_links (tenant_id, report_id, format, object_key, subject, address, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            report.tenant_id,
            report.report_id,
            file.format,
            file.object_key,
            recipient.subject,
            recipient.address,
            expires_at,
        ),
    )
    return PresignedLink(_presign(signer, file, seconds), expires_at, file.name, seconds)


def report_stem(report: Report) -> str:
    """Returns the name of a report's file without its extension."""
    return _stem(report, load_catalog().get(report.type))


def file_name(report: Report, file: StoredFile, report_type: ReportType | None) -> str:
    """Returns a name such as `transactions-2026-11-23-1f0c9a52.pdf`: report type, day of the data, start of the id.

    If the report type has a pattern, the name is what the pattern says.
    """
    return f"{_stem(report, report_type)}.{file['extension']}"


def _stem(report: Report, report_type: ReportType | None) -> str:
    """Returns the name of a report's file without its extension."""
    day, start = f"{report.as_of:%Y-%m-%d}" if report.as_of else "", str(report.report_id)[:8]
    usual = f"{report.type.lower().replace('_', '-')}-{start}"
    if report_type is None:  # removed from the catalog
        return "-".join(filter(None, (report.type.lower(), day, start)))
    if is_pattern(report_type.file_name):
        values = placeholder_values(report, report_type, report.report_id, report.as_of)
        return fill_file_name(report_type.file_name, values, usual)
    return "-".join(filter(None, (report_type.file_name, day, start)))


def placeholder_values(
    content: ReportContent, report_type: ReportType, report_id: UUID, as_of: datetime | None
) -> dict[str, Any]:
    """Returns the values of the placeholders in the name of a report's file. `as_of` is the timestamp of its data."""
    return {
        **content.filters,
        "title": content.title or report_type.title.in_language(find_locale(content.locale).language),
        "period": period_in_words(content.filters),
        "date": f"{as_of:%Y-%m-%d}" if as_of else "",
        "id": str(report_id)[:8],
    }


def _presign(signer: Signer, file: Download, seconds: int) -> str:
    """Signs a URL locally, without a request."""
    return signer.s3.generate_presigned_url(
        "get_object",
        Params={
            "Bucket": signer.bucket,
            "Key": file.object_key,
            "ResponseContentDisposition": f'attachment; filename="{file.name}"',
        },
        ExpiresIn=seconds,
    )
