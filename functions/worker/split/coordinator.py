"""Coordinates a split report: from the division of its keys into shards to the manifest.

The coordinator holds the report's own claim, and is one of the workers that generate the shards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.aws.cost import Usage
from resma.catalog import find_report_type, hold_catalog
from resma.errors import AllFormatsFailedError
from resma.jobs.claim import record_usage
from resma.jobs.outages import close_outages
from resma.jobs.report_rows import FailedFile
from resma.report.records import ManifestRecord
from resma.report.warnings import ReportWarning
from resma.shards.claim import keep_shard_alive
from resma.shards.files import FileSums, find_failed_formats, sum_files
from resma.shards.reports import FinishedSplit, finish_split_report, keep_split_report_alive
from resma.shards.rows import ShardCounts, count_shards, sum_usage
from resma.shards.warnings import find_file_warnings
from worker.attempt import AttemptResult, ClaimedJob, Invocation
from worker.database_retry import write_with_retry
from worker.heartbeat import Heartbeat
from worker.measure import SplitWork, Stopwatch, emit_ready, measure_split, price_attempts
from worker.peak_memory import reset_peak
from worker.split.exported_snapshot import ExportedSnapshot
from worker.split.manifest import write_manifest
from worker.split.plan import PreparedReport, prepare
from worker.split.shard import HeldShard
from worker.split.shard_loop import ShardLoop


@hold_catalog()
def coordinate(job: ClaimedJob, invocation: Invocation) -> AttemptResult:
    """Makes a split report READY, or leaves the rest to the next attempt when the invocation's time is up.

    Returns CONTINUED in the latter case, or STALLED if the files of no key were stored meanwhile. Raises
    LeaseLostError, also for errors that follow from a lost lease, RestartRequiredError, ShardsFailedError, and other
    ResmaErrors.
    """
    reset_peak()
    report_type = find_report_type(job.claim.type)
    # The catalog may have changed since the request. A filter that it no longer has would select nothing.
    filters = report_type.check_filters(job.claim.filters, job.claim.split_by or ())
    job = replace(job, claim=replace(job.claim, filters=filters))
    claim, resources, watch, held = job.claim, job.resources, Stopwatch(), HeldShard()

    def beat(_rows: int) -> None:
        with held.kept() as shard, resources.system.transaction(claim.tenant_id) as connection:
            counts = count_shards(connection, claim)
            usage = invocation.usage_meter.so_far()
            keep_split_report_alive(connection, claim, counts.keys_done, counts.rows_done, usage)
            if shard is not None:
                keep_shard_alive(connection, shard, None)

    def interrupt() -> None:
        resources.source.cancel()
        resources.shard_source.cancel()

    with (
        Heartbeat(beat, invocation.extend_visibility, interrupt) as heartbeat,
        ExportedSnapshot(job, invocation, report_type) as exported,
    ):
        prepared = prepare(job, exported, report_type)
        watch.lap("summarize")
        loop = ShardLoop(job, invocation, prepared, exported, heartbeat, held)
        is_complete = loop.run()
        exported.close()
        done: _Done = write_with_retry(resources.system, claim.tenant_id, partial(_find_done, job))
        if not is_complete:
            return "STALLED" if done.counts.keys_done == prepared.before.keys_done else "CONTINUED"
        watch.lap("write")
        done.require_a_format(claim.formats)
        manifest = write_manifest(job, done.failed, invocation.time_budget, heartbeat.lost)
        if manifest is None:
            return "CONTINUED"
        watch.lap("publish")
    _finish(job, invocation, prepared, done, manifest, watch, loop)
    return "READY"


@dataclass(frozen=True)
class _Done:
    """The work of all workers so far."""

    counts: ShardCounts
    files: FileSums
    failed: Sequence[FailedFile]
    """Formats in which a file could not be made."""
    shards_usage: Usage
    snapshots: int
    warnings: Sequence[ReportWarning]
    """Warnings about the report, and about the files of the other formats."""

    def require_a_format(self, formats: Sequence[str]) -> None:
        """Raises AllFormatsFailedError if a file could not be made in each format."""
        if len(self.failed) == len(formats):
            raise AllFormatsFailedError(self.failed)


def _find_done(job: ClaimedJob, connection: Connection[TupleRow]) -> _Done:
    claim = job.claim
    row = connection.execute(
        "SELECT snapshots, warnings FROM resma.reports WHERE tenant_id = %s AND report_id = %s",
        (claim.tenant_id, claim.report_id),
    ).fetchone()
    snapshots, warnings = row or (0, None)
    failed = find_failed_formats(connection, claim)
    of_files = find_file_warnings(connection, claim, {file["format"] for file in failed})
    return _Done(
        count_shards(connection, claim),
        sum_files(connection, claim),
        failed,
        sum_usage(connection, claim),
        snapshots,
        [*(ReportWarning(**warning) for warning in warnings or ()), *of_files],
    )


def _finish(  # noqa: PLR0913, PLR0917  # all that a finished report records
    job: ClaimedJob,
    invocation: Invocation,
    prepared: PreparedReport,
    done: _Done,
    manifest: ManifestRecord,
    watch: Stopwatch,
    loop: ShardLoop,
) -> None:
    """GENERATING -> READY. Raises LeaseLostError."""
    claim, resources, counts = job.claim, job.resources, done.counts
    before = prepared.before
    work = SplitWork(
        keys=counts.keys_done,
        files=done.files.files,
        keys_of_attempt=counts.keys_done - before.keys_done,
        rows_of_attempt=counts.rows_done - before.rows_done,
        workers=counts.workers,
        snapshots=done.snapshots,
    )
    metrics = measure_split(claim, watch, loop.seconds, work)
    usage = invocation.usage_meter.with_bytes(done.files.bytes, claim.retention_days or resources.retention_days)
    metrics["costUsd"] = price_attempts(claim, usage + done.shards_usage)
    finished = FinishedSplit(manifest, done.failed, done.warnings, counts.keys_done, counts.rows_done, metrics)

    def finish(connection: Connection[TupleRow]) -> None:
        record_usage(connection, claim, usage + done.shards_usage)
        finish_split_report(connection, claim, finished, resources.retention_days)
        close_outages(connection, job.probed)

    write_with_retry(resources.system, claim.tenant_id, finish, invocation.extend_visibility)
    emit_ready(claim, metrics, counts.rows_done, usage)
