"""The tick's task for the store: what a report that has ended left there, and does not own, is removed.

A killed worker leaves open uploads and half a job's objects, a cancelled one may, and an expired report its files. A
store that has rules for this (S3) needs a day; MinIO has none for uploads.
"""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
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

DUE_MOST = 200
"""Reports that are looked for at once."""

AT_ONCE = 8
"""Reports that are swept at once, as many as the client has connections: a sweep is mostly waiting for answers."""

_Outcome = Literal["swept", "refused", "away"]


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
    swept = 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sweep") as threads:
        due = _find_due(resources)
        while due:
            done = 0
            for first in range(0, len(due), AT_ONCE):
                if not is_time_left():
                    return swept
                outcomes = _sweep_some(resources, threads, due[first : first + AT_ONCE])
                swept += outcomes.count("swept")
                if "away" in outcomes:
                    return swept
                done += len(outcomes)
            due = _find_due(resources) if len(due) == DUE_MOST and done else []
    return swept


def _find_due(resources: Resources) -> list[tuple[str, UUID]]:
    with resources.system.transaction(None) as connection:
        return connection.execute(
            sql.SQL(
                "SELECT tenant_id, report_id FROM resma.reports WHERE {} ORDER BY finished_at LIMIT %(most)s"
            ).format(_DUE),
            {"settle": SETTLE_SECONDS, "most": DUE_MOST},
        ).fetchall()


def _sweep_some(resources: Resources, threads: Executor, due: list[tuple[str, UUID]]) -> list[_Outcome]:
    """One transaction. Rows stay locked meanwhile: they can't be redriven, so no worker begins to write what is being
    swept. Those that somebody else has locked, or has swept since, are passed over.
    """
    with resources.system.transaction(None) as connection:
        with connection.cursor(row_factory=class_row(_Ended)) as cursor:
            cursor.execute(
                sql.SQL(
                    "SELECT {} FROM resma.reports WHERE (tenant_id, report_id) IN"
                    " (SELECT * FROM unnest(%(tenants)s::text[], %(reports)s::uuid[])) AND {}"
                    " FOR UPDATE OF reports SKIP LOCKED"
                ).format(_COLUMNS, _DUE),
                {
                    "tenants": [tenant_id for tenant_id, _ in due],
                    "reports": [report_id for _, report_id in due],
                    "settle": SETTLE_SECONDS,
                },
            )
            reports = cursor.fetchall()
        outcomes = list(threads.map(lambda report: _clear(resources, report), reports))
        for report, outcome in zip(reports, outcomes, strict=True):
            if outcome == "swept":
                _mark_swept(connection, report)
            elif outcome == "refused":  # it must not be in the way of those behind it
                _put_off(connection, report, REFUSED_SECONDS)
    return outcomes


def _clear(resources: Resources, report: _Ended) -> _Outcome:
    """Asks the store for what is left of a report, and has it removed. Never raises."""
    about: dict[str, Any] = {"report_id": str(report.report_id), "tenant_id": report.tenant_id}
    try:
        aborted = _abort_uploads(resources.s3, resources.bucket, report)
        removed = _remove_objects(resources.s3, resources.bucket, report)
    except BotoCoreError as error:  # the store does not answer at all
        logger.warning("a report was not swept", **about, error=type(error).__name__)
        return "away"
    except ClientError as error:
        logger.warning("the store refused a sweep", **about, error=error.response["Error"]["Code"])
        return "refused"
    except Exception:
        logger.exception("a report can't be swept", **about)
        return "refused"
    logger.info("swept", **about, uploads_aborted=aborted, objects_removed=removed)
    return "swept"


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


def _put_off(connection: Connection[TupleRow], report: _Ended, seconds: int) -> None:
    connection.execute(
        "UPDATE resma.reports SET sweep_after = clock_timestamp() + make_interval(secs => %s)"
        " WHERE tenant_id = %s AND report_id = %s",
        (seconds, report.tenant_id, report.report_id),
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
