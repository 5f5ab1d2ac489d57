"""A job from claim to READY: rows out of one snapshot, bytes into an object a format, published only when whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from aws_lambda_powertools import Logger

from resma.announce import Announcer
from resma.catalogue import find_report_type
from resma.compose_header import compose_header
from resma.database import Database
from resma.errors import LeaseLost, PermanentError, RequestInvalid
from resma.job import (
    Claim,
    claim_job,
    fail_job,
    finish_job,
    give_up_job,
    keep_alive,
    note_summary,
    send_back,
)
from resma.locales import LOCALES
from resma.multipart import Clients, abort_uploads, remove_object
from resma.options import FormatOptions
from resma.quotas import count_rows
from resma.reports import tenant_name
from resma.snapshot import open_snapshot
from resma.writers import file_extension
from worker.heartbeat import Heartbeat
from worker.measure import Stopwatch, emit_metrics, measure
from worker.peak_memory import reset_peak
from worker.write_files import Target, open_files

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
    retention_days: int
    announcer: Announcer


def generate_report(resources: Resources, tenant_id: str, report_id: UUID, hold_message: Callable[[], None]) -> str:
    """Does the job if there is anything left to do; returns the status that the report has then.

    Safe to call twice and at once. A permanent error ends the report as FAILED. Raises a TransientError, or any
    unexpected error, after sending the job back for another attempt; LeaseHeld or LeaseLost when it is another's.
    """
    with resources.system.transaction(tenant_id) as connection:
        claim = claim_job(connection, tenant_id, report_id)
        is_exhausted = claim is None and give_up_job(connection, tenant_id, report_id, if_exhausted=True)
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
        with resources.system.transaction(claim.tenant_id) as connection:
            fail_job(connection, claim, error)
        resources.announcer.announce(claim.tenant_id, claim.report_id)
        return "FAILED"
    except Exception as error:
        with resources.system.transaction(claim.tenant_id) as connection:
            send_back(connection, claim, error)
        raise
    resources.announcer.announce(claim.tenant_id, claim.report_id)
    return "READY"


def _generate(resources: Resources, claim: Claim, hold_message: Callable[[], None]) -> None:
    reset_peak()
    watch = Stopwatch()
    report_type = find_report_type(claim.type)
    options = FormatOptions.model_validate(claim.options)
    _clear_away(resources, claim, options)

    def beat(rows_done: int) -> None:
        with resources.system.transaction(claim.tenant_id) as connection:
            keep_alive(connection, claim, rows_done)

    with (
        Heartbeat(beat, hold_message) as heartbeat,
        open_snapshot(
            resources.source.connect(), report_type, claim.tenant_id, claim.filters, claim.time_zone
        ) as snapshot,
    ):
        watch.lap("connect")
        summary = snapshot.summarise(LOCALES[claim.locale].language)
        with resources.system.transaction(claim.tenant_id) as connection:
            note_summary(connection, claim, summary)
            count_rows(connection, claim, summary.rows)
            organisation = tenant_name(connection, claim.tenant_id)
        header = compose_header(report_type, claim, str(claim.report_id), summary, organisation)
        watch.lap("summarise")
        with open_files(claim.formats, header, options, _target(resources, claim)) as files:
            rows = files.write_rows(
                snapshot.batches([column.name for column in header.columns], personal_masked=claim.personal_masked),
                heartbeat.note_progress,
            )
            watch.lap("write")
            with resources.system.transaction(claim.tenant_id) as connection:
                keep_alive(connection, claim, rows)  # still this worker's, or nothing appears
            stored = files.publish(rows)
            watch.lap("publish")
    metrics = measure(claim, watch, files.seconds, stored, rows)
    with resources.system.transaction(claim.tenant_id) as connection:
        finish_job(connection, claim, stored, rows, metrics, resources.retention_days)
    emit_metrics(claim, metrics, rows)


def _target(resources: Resources, claim: Claim) -> Target:
    clients = Clients(resources.s3, resources.s3_asking_once)
    owner = f"{claim.report_id}/{claim.attempt}"
    return Target(clients, resources.bucket, _key_prefix(claim, claim.attempt), owner)


def _key_prefix(claim: Claim, attempt: int) -> str:
    """Keys of its own for each attempt: whatever a late worker deletes or completes is never a newer one's file."""
    return f"{claim.tenant_id}/{claim.report_id}/{attempt}"


def _clear_away(resources: Resources, claim: Claim, options: FormatOptions) -> None:
    """Removes what earlier attempts left. Aborting first means their workers, if alive, can't complete any more."""
    for attempt in range(1, claim.attempt):
        for format_ in claim.formats:
            key = f"{_key_prefix(claim, attempt)}.{file_extension(format_, options)}"
            abort_uploads(resources.s3, resources.bucket, key)
            remove_object(resources.s3, resources.bucket, key)
