"""The tick's task for the store: what a report that has ended left there, and does not own, is removed.

A killed worker leaves open uploads and half a job's objects, a cancelled one may, and an expired report its files. A
store that has rules for this (S3) needs a day; MinIO has none for uploads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.options import FormatOptions
from resma.reports import StoredFile
from resma.writers import file_extension
from scheduler.resources import IsTimeLeft, Resources

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

logger = Logger(child=True)

SETTLE_SECONDS = 20
"""How long after a report's end its worker may still be stopping: it finds out within a lease (15 s) at the latest."""

LATEST_SECONDS = 1200
"""After this no worker that ever had the job is left, however long it was held up: Lambda ends them after 15 minutes.
Where there may have been several, or one that was stopped in the middle, this is when the last look is due."""

REFUSED_SECONDS = 300
"""Pause after the store has refused a report's sweep, so that those behind it have their turn."""

SWEEPS_MAX = 200


@dataclass(frozen=True, kw_only=True)
class _Ended:
    tenant_id: str
    report_id: UUID
    status: str
    formats: list[str]
    options: dict[str, object]
    attempt: int
    files: list[StoredFile] | None


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in _Ended.__dataclass_fields__)
_DUE = sql.SQL(
    "swept_at IS NULL AND status IN ('READY', 'FAILED', 'CANCELLED', 'EXPIRED')"
    " AND coalesce(sweep_after, finished_at + make_interval(secs => %(settle)s)) < clock_timestamp()"
)


def sweep_leftovers(resources: Resources, is_time_left: IsTimeLeft) -> int:
    """Sweeps after the reports that have ended; returns how many. Stops when the store is away."""
    with resources.system.transaction(None) as connection:
        due = connection.execute(
            sql.SQL(
                "SELECT tenant_id, report_id FROM resma.reports WHERE {} ORDER BY finished_at LIMIT %(most)s"
            ).format(_DUE),
            {"settle": SETTLE_SECONDS, "most": SWEEPS_MAX},
        ).fetchall()
    swept = 0
    for tenant_id, report_id in due:
        if not is_time_left():
            break
        try:
            swept += _sweep(resources, tenant_id, report_id)
        except BotoCoreError as error:  # the store does not answer at all
            logger.warning(
                "a report was not swept",
                report_id=str(report_id),
                tenant_id=tenant_id,
                error=type(error).__name__,
            )
            break
        except Exception:  # one that can't be swept must not be in the way of those behind it
            logger.exception("a report can't be swept", report_id=str(report_id), tenant_id=tenant_id)
            with resources.system.transaction(tenant_id) as connection:
                _put_off(connection, tenant_id, report_id, REFUSED_SECONDS)
    return swept


def _sweep(resources: Resources, tenant_id: str, report_id: UUID) -> int:
    """The row stays locked meanwhile: it can't be redriven, so no worker begins to write what is being swept."""
    with resources.system.transaction(tenant_id) as connection:
        with connection.cursor(row_factory=class_row(_Ended)) as cursor:
            cursor.execute(
                sql.SQL(
                    "SELECT {} FROM resma.reports WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND {}"
                    " FOR UPDATE SKIP LOCKED"
                ).format(_COLUMNS, _DUE),
                {"tenant_id": tenant_id, "report_id": report_id, "settle": SETTLE_SECONDS},
            )
            report = cursor.fetchone()
        if report is None:
            return 0
        try:
            aborted = _abort_uploads(resources.s3, resources.bucket, report)
            removed = _remove_objects(resources.s3, resources.bucket, report)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            logger.warning("the store refused a sweep", report_id=str(report_id), tenant_id=tenant_id, error=code)
            _put_off(connection, tenant_id, report_id, REFUSED_SECONDS)
            return 0
        _mark_swept(connection, report)
    logger.info(
        "swept", report_id=str(report_id), tenant_id=tenant_id, uploads_aborted=aborted, objects_removed=removed
    )
    return 1


def _abort_uploads(s3: S3Client, bucket: str, report: _Ended) -> int:
    """Aborts the report's open uploads; returns how many. By whole keys too: MinIO lists uploads by nothing less."""
    options = FormatOptions.model_validate(report.options)
    extensions = {file_extension(format_, options) for format_ in report.formats}
    keys = [
        f"{_prefix(report)}{attempt}.{rest}{extension}"
        for attempt in range(1, report.attempt + 1)
        for extension in extensions
        for rest in ("", "rest.")
    ]
    aborted = 0
    for prefix in (_prefix(report), *keys):
        for upload in s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix).get("Uploads", []):
            aborted += _abort_upload(s3, bucket, upload["Key"], upload["UploadId"])
    return aborted


def _abort_upload(s3: S3Client, bucket: str, key: str, upload_id: str) -> int:
    try:
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchUpload":  # by its own worker, just now
            raise
        return 0
    return 1


def _remove_objects(s3: S3Client, bucket: str, report: _Ended) -> int:
    """Removes the report's objects that are not its files; returns how many. An EXPIRED one has no files any more."""
    own = {file["object_key"] for file in report.files or ()} if report.status == "READY" else set()
    removed = 0
    while True:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=_prefix(report))
        keys = [item["Key"] for item in listed.get("Contents", []) if item["Key"] not in own]
        for key in keys:
            s3.delete_object(Bucket=bucket, Key=key)
        removed += len(keys)
        if not (keys and listed["IsTruncated"]):
            return removed


def _prefix(report: _Ended) -> str:
    return f"{report.tenant_id}/{report.report_id}/"


def _put_off(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, seconds: int) -> None:
    connection.execute(
        "UPDATE resma.reports SET sweep_after = clock_timestamp() + make_interval(secs => %s)"
        " WHERE tenant_id = %s AND report_id = %s",
        (seconds, tenant_id, report_id),
    )


def _mark_swept(connection: Connection[TupleRow], report: _Ended) -> None:
    """For good, or until the last look: a READY report of one attempt had one worker, which ended well."""
    latest = 0 if report.status == "READY" and report.attempt == 1 else LATEST_SECONDS
    connection.execute(
        """
        UPDATE resma.reports
        SET swept_at = CASE WHEN finished_at + make_interval(secs => %(latest)s) < clock_timestamp()
                            THEN clock_timestamp() END,
            sweep_after = finished_at + make_interval(secs => %(latest)s)
        WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s
        """,
        {"latest": latest, "tenant_id": report.tenant_id, "report_id": report.report_id},
    )
