"""A job from claim to READY: rows out of one snapshot, bytes into one object, published only when whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from aws_lambda_powertools import Logger

from resma.catalogue import ReportType, find_report_type
from resma.database import Database
from resma.errors import LeaseLost, PermanentError, RequestInvalid, RowCountMismatch
from resma.header import ReportHeader
from resma.job import (
    MAX_ATTEMPTS,
    Claim,
    claim_job,
    fail_job,
    finish_job,
    give_up_job,
    keep_alive,
    note_summary,
    note_upload,
    send_back,
)
from resma.multipart import Clients, MultipartUpload, Stored, abort_uploads, open_upload, remove_object
from resma.reports import tenant_name
from resma.snapshot import Snapshot, Summary, open_snapshot
from resma.writers import EXTENSIONS, Writer, make_writer
from worker.announce import Announcer
from worker.heartbeat import Heartbeat
from worker.peak_memory import peak_rss_mb, reset_peak

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

logger = Logger(child=True)


@dataclass(frozen=True)
class Resources:
    """What a worker process keeps between jobs."""

    system: Database
    """The system's own tables."""
    source: Database
    """What reports are made of, by a role that can only read."""
    s3: S3Client
    s3_asking_once: S3Client
    bucket: str
    announcer: Announcer


class _Stopwatch:
    """Seconds spent in each stage of a job, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()

    def lap(self, stage: str) -> None:
        now = time.monotonic()
        self.seconds[stage] = round(now - self._since, 3)
        self._since = now


def generate_report(resources: Resources, tenant_id: str, report_id: UUID, hold_message: Callable[[], None]) -> str:
    """Does the job if there is anything left to do; returns the status that the report has then.

    Safe to call twice and at once. A permanent error ends the report as FAILED. Raises a TransientError, or any
    unexpected error, after sending the job back for another attempt; LeaseHeld or LeaseLost when it is another's.
    """
    with resources.system.transaction() as connection:
        claim = claim_job(connection, tenant_id, report_id)
        is_exhausted = claim is None and give_up_job(connection, tenant_id, report_id, least_attempts=MAX_ATTEMPTS)
    if claim is None:
        logger.info("nothing left to do: the report has ended, or there is none", exhausted=is_exhausted)
        if is_exhausted:
            resources.announcer.announce(tenant_id, report_id)
        return "ENDED"
    logger.append_keys(attempt=claim.attempt)
    try:
        _generate(resources, claim, hold_message)
    except LeaseLost:
        raise
    except (PermanentError, RequestInvalid) as error:
        logger.exception("the report has failed for good")
        with resources.system.transaction() as connection:
            fail_job(connection, claim, error)
        resources.announcer.announce(claim.tenant_id, claim.report_id)
        return "FAILED"
    except Exception as error:
        with resources.system.transaction() as connection:
            send_back(connection, claim, error)
        raise
    resources.announcer.announce(claim.tenant_id, claim.report_id)
    return "READY"


def _generate(resources: Resources, claim: Claim, hold_message: Callable[[], None]) -> None:
    reset_peak()
    watch = _Stopwatch()
    report_type = find_report_type(claim.type)
    object_key = _object_key(claim, claim.attempt)
    _clear_away(resources, claim)

    def beat(rows_done: int) -> None:
        with resources.system.transaction() as connection:
            keep_alive(connection, claim, rows_done)

    with (
        Heartbeat(beat, hold_message) as heartbeat,
        open_snapshot(resources.source.connect(), report_type, claim.tenant_id, claim.filters) as snapshot,
    ):
        watch.lap("connect")
        summary = snapshot.summarise()
        with resources.system.transaction() as connection:
            note_summary(connection, claim, summary)
            organisation = tenant_name(connection, claim.tenant_id)
        watch.lap("summarise")
        writer = make_writer(claim.format, _header(claim, report_type, summary, organisation))
        with open_upload(
            Clients(resources.s3, resources.s3_asking_once),
            resources.bucket,
            object_key,
            media_type=writer.media_type,
            owner=f"{claim.report_id}/{claim.attempt}",
        ) as upload:
            with resources.system.transaction() as connection:
                note_upload(connection, claim, object_key, upload.upload_id)
            rows = _write_rows(writer, snapshot, upload, heartbeat)
            watch.lap("write")
            stored = _publish(resources, claim, upload, rows, summary.rows)
            watch.lap("publish")
    with resources.system.transaction() as connection:
        finish_job(connection, claim, stored, rows, _metrics(claim, watch, stored, rows))


def _object_key(claim: Claim, attempt: int) -> str:
    """A key for each attempt: whatever a late worker deletes or completes, it is never a newer one's file."""
    return f"{claim.tenant_id}/{claim.report_id}/{attempt}.{EXTENSIONS[claim.format]}"


def _clear_away(resources: Resources, claim: Claim) -> None:
    """Removes what earlier attempts left. Aborting first means their workers, if alive, can't complete any more."""
    for attempt in range(1, claim.attempt):
        key = _object_key(claim, attempt)
        abort_uploads(resources.s3, resources.bucket, key)
        remove_object(resources.s3, resources.bucket, key)


def _header(claim: Claim, report_type: ReportType, summary: Summary, organisation: str) -> ReportHeader:
    return ReportHeader(
        report_id=str(claim.report_id),
        title=report_type.title,
        organisation=organisation,
        filters=report_type.describe_filters(claim.filters),
        as_of=summary.as_of,
        rows=summary.rows,
        totals=summary.totals,
        charts=summary.charts,
        columns=report_type.columns,
        period_column=report_type.column_index(report_type.period) if report_type.period else None,
    )


def _write_rows(writer: Writer, snapshot: Snapshot, upload: MultipartUpload, heartbeat: Heartbeat) -> int:
    rows = 0
    upload.write(writer.begin())
    for batch in snapshot.batches():
        upload.write(writer.add(batch))
        rows += batch.rows
        heartbeat.rows_done = rows
        heartbeat.check()
    upload.write(writer.end())
    return rows


def _publish(resources: Resources, claim: Claim, upload: MultipartUpload, rows: int, rows_expected: int) -> Stored:
    """Makes the object appear: the last byte is written, the rows agree, and the job is still this worker's."""
    if rows != rows_expected:
        raise RowCountMismatch(f"{rows} rows were read, the snapshot counted {rows_expected}")
    with resources.system.transaction() as connection:
        keep_alive(connection, claim, rows)
    return upload.complete()


def _metrics(claim: Claim, watch: _Stopwatch, stored: Stored, rows: int) -> dict[str, Any]:
    total = sum(watch.seconds.values())
    return {
        "seconds": {**watch.seconds, "generate": round(total, 3), "queued": _queued_seconds(claim, total)},
        "rowsPerSecond": round(rows / total) if total else 0,
        "peakRssMb": peak_rss_mb(),
        "parts": stored.parts,
    }


def _queued_seconds(claim: Claim, generate_seconds: float) -> float:
    """From the request to the start of this attempt."""
    since_request = (datetime.now(UTC) - claim.created_at).total_seconds()
    return round(max(0.0, since_request - generate_seconds), 3)
