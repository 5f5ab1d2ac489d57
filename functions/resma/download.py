"""Addresses from which a finished file can be fetched for a while, under a name that people can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resma.catalogue import ReportType
from resma.reports import Report, StoredFile

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

DOWNLOAD_SECONDS = 3600
"""How long an address is good. On AWS it also ends with the signing role's session, so it is minted when asked for."""


def presign_download(s3: S3Client, bucket: str, report: Report, file: StoredFile, report_type: ReportType) -> str:
    """Mints an address for a file of a READY report. Makes no request. `s3` must be made for the readers' endpoint."""
    return s3.generate_presigned_url(
        "get_object",
        Params={
            "Bucket": bucket,
            "Key": file["object_key"],
            "ResponseContentDisposition": f'attachment; filename="{file_name(report, file, report_type)}"',
        },
        ExpiresIn=DOWNLOAD_SECONDS,
    )


def file_name(report: Report, file: StoredFile, report_type: ReportType) -> str:
    """Like `transactions-2026-11-23-1f0c9a52.pdf`: what, as of which day, and the start of the report's id."""
    day = f"-{report.as_of:%Y-%m-%d}" if report.as_of else ""
    return f"{report_type.file_name}{day}-{str(report.report_id)[:8]}.{file['extension']}"
