"""One attempt to generate a report: from the snapshot to the objects, or until the invocation's time is up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from time import monotonic
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.access.quotas import count_rows
from resma.catalog import ReportType, find_locale, find_report_type, hold_catalog, organization_of
from resma.encryption.openpgp.sealer import Encryption
from resma.encryption.sealed_pdf_key import open_pdf_key
from resma.errors import SealedTooLongError
from resma.jobs.claim import Claim, finish_job, keep_alive, record_summary, record_usage
from resma.jobs.conditions import ReportSkippedError, SkippedReason, skip_reason
from resma.jobs.outages import close_outages
from resma.jobs.report_rows import tenant_name
from resma.report.format_options import FormatOptions
from resma.report.header import ReportHeader
from resma.report.summary import Summary
from resma.snapshot.compose_header import compose_header
from resma.snapshot.query_limits import QueryLimits, limits_of
from resma.snapshot.snapshot import Snapshot, open_snapshot
from resma.snapshot.summary_warnings import summary_warnings
from worker.checkpoints.cleanup import remove_earlier_leftovers
from worker.checkpoints.rows import record_resumption
from worker.checkpoints.serialization import CheckpointState, stamp_of
from worker.checkpoints.store import Checkpoints, ResumedReport, key_prefix, resume_from_checkpoint
from worker.database_retry import write_with_retry
from worker.encryption import find_encryption
from worker.file_set import FilesInProgress, FileTarget, open_files
from worker.heartbeat import Heartbeat
from worker.measure import Stopwatch, emit_ready, measure, price_attempts
from worker.peak_memory import reset_peak
from worker.resources import WorkerResources
from worker.time_budget import TimeBudget
from worker.usage import UsageMeter

_SEALED_TOO_LONG = (
    "The invocation's time was up before the files were complete. A report that is encrypted by OpenPGP cannot be "
    "continued in another invocation. Split it, choose fewer rows with filters, or raise `WorkerTimeoutSeconds`."
)


@dataclass(frozen=True)
class Invocation:
    """The invocation that a job runs in."""

    time_budget: TimeBudget
    extend_visibility: Callable[[], object]
    """Extends the visibility timeout of the job's message."""
    usage_meter: UsageMeter


@dataclass(frozen=True)
class ClaimedJob:
    """A claimed job, and its checkpoints."""

    resources: WorkerResources
    claim: Claim
    checkpoints: Checkpoints
    probed: tuple[str, ...] = ()
    """Dependencies whose circuit was open when the job was claimed: this attempt closes it or keeps it open."""


@dataclass(frozen=True)
class _Content:
    """The content of the first snapshot, which the file's header states. Later snapshots must have the same content."""

    summary: Summary
    organization: str
    snapshots: int
    skipped: SkippedReason | None = None
    """The condition of the request that the content does not meet. Then no row is read."""


AttemptResult = Literal["READY", "CONTINUED", "STALLED"]

JobOutcome = Literal["ENDED", "FAILED", "CONTINUED", "READY", "SKIPPED"]
"""Outcome of a job: ENDED if there was nothing to do, or its shard is DONE."""


@hold_catalog()
def make_files(job: ClaimedJob, invocation: Invocation) -> AttemptResult:
    """Makes the report READY, or saves a checkpoint when the invocation's time is up.

    Returns CONTINUED if the next attempt must continue the report, or STALLED if it must and this attempt wrote only
    one batch. Raises ReportSkippedError if the data do not meet a condition of the request, LeaseLostError, also for
    errors that follow from a lost lease, RestartRequiredError, RequestInvalidError if the report type no longer has a
    filter or a column of the request, and other ResmaErrors.
    """
    reset_peak()
    watch = Stopwatch()
    report_type = find_report_type(job.claim.type)
    # The catalog may have changed since the request. A filter that it no longer has would select nothing.
    claim = replace(job.claim, filters=report_type.check_filters(job.claim.filters))
    job, resources = replace(job, claim=claim), job.resources
    stamp = stamp_of(report_type)

    def beat(rows_done: int) -> None:
        with resources.system.transaction(claim.tenant_id) as connection:
            _keep_alive(claim, rows_done, invocation, connection)

    rows_before = claim.checkpoint["rows"] if claim.checkpoint else 0
    database = resources.database_of(report_type)
    with Heartbeat(beat, invocation.extend_visibility, database.cancel, rows_before) as heartbeat:
        source = database.connect()  # first: if it is unavailable, the store is not called in vain
        resumed = resume_from_checkpoint(resources, claim, stamp)
        remove_earlier_leftovers(resources, claim)
        encryption = find_encryption(resources, claim.tenant_id, claim.encrypt_for, claim.signed_by)
        with open_snapshot(
            source,
            report_type,
            claim.tenant_id,
            claim.filters,
            claim.time_zone,
            _limits_now(job, invocation, report_type),
        ) as snapshot:
            watch.lap("connect")
            content = _prepare_content(job, snapshot, resumed)
            if content.skipped is not None:
                raise ReportSkippedError(content.skipped)
            header = compose_header(
                report_type,
                claim,
                str(claim.report_id),
                content.summary,
                content.organization,
                decimal_types=snapshot.decimal_types(),
            )
            header = replace(header, pdf_key=open_pdf_key(resources.sealing, claim.tenant_id, claim.pdf_key))
            watch.lap("summarize")
            with _open_files(job, header, heartbeat.lost, resumed, encryption) as files:
                supervisor = _Supervisor(job, invocation.time_budget, heartbeat, snapshot, stamp, content, files)
                names = [column.name for column in header.columns]
                snapshot.set_limits(_limits_now(job, invocation, report_type))
                last_key = resumed.state.last_key if resumed else None
                batches = snapshot.batches(names, last_key, personal_masked=claim.personal_masked)
                rows = files.write_rows(batches, supervisor, rows_before)
                if rows is None:
                    return "STALLED" if supervisor.batches == 1 else "CONTINUED"
                watch.lap("write")
                # Raises if another worker has the job now, so that it publishes nothing.
                write_with_retry(resources.system, claim.tenant_id, partial(_keep_alive, claim, rows, invocation))
                made = files.publish(rows)
                made = replace(made, warnings=[*summary_warnings(content.summary, claim.filters), *made.warnings])
                watch.lap("publish")
    metrics = measure(claim, watch, files.seconds, made.stored, rows - rows_before, content.snapshots)
    usage = invocation.usage_meter.with_files(made.stored, claim.retention_days or resources.retention_days)
    metrics["costUsd"] = price_attempts(claim, usage)

    def finish(connection: Connection[TupleRow]) -> None:
        record_usage(connection, claim, usage)
        finish_job(connection, claim, made, rows, metrics, resources.retention_days)
        close_outages(connection, job.probed)

    write_with_retry(resources.system, claim.tenant_id, finish, invocation.extend_visibility)
    emit_ready(claim, metrics, rows, usage)
    return "READY"


def _keep_alive(claim: Claim, rows_done: int, invocation: Invocation, connection: Connection[TupleRow]) -> None:
    keep_alive(connection, claim, rows_done, invocation.usage_meter.so_far())


def _limits_now(job: ClaimedJob, invocation: Invocation, report_type: ReportType) -> QueryLimits:
    """Returns the limits of the query, with the time that the invocation has left."""
    return limits_of(report_type, job.resources.max_statement_seconds, invocation.time_budget.seconds_left())


def _prepare_content(job: ClaimedJob, snapshot: Snapshot, resumed: ResumedReport | None) -> _Content:
    """Summarizes the snapshot, or checks that its content is that of the first one.

    Raises SourceChangedError if it is not, and LeaseLostError.
    """
    language = find_locale(job.claim.locale).language
    if resumed is not None:
        snapshot.resume_from(resumed.state.summary, language)
        return write_with_retry(job.resources.system, job.claim.tenant_id, partial(_record_continued, job, resumed))
    summary = snapshot.summarize(language)
    return write_with_retry(job.resources.system, job.claim.tenant_id, partial(_record_counted, job, summary))


def _record_continued(job: ClaimedJob, resumed: ResumedReport, connection: Connection[TupleRow]) -> _Content:
    record_resumption(connection, job.claim, resumed.state.rows)
    close_outages(connection, dependencies_used_so_far(job))
    return _Content(resumed.state.summary, resumed.state.organization, resumed.state.snapshots + 1)


def _record_counted(job: ClaimedJob, summary: Summary, connection: Connection[TupleRow]) -> _Content:
    record_summary(connection, job.claim, summary)
    skipped = skip_reason(connection, job.claim, summary)
    if skipped is None:
        count_rows(connection, job.claim, summary.rows)
    close_outages(connection, dependencies_used_so_far(job))
    return _Content(summary, organization_of(tenant_name(connection, job.claim.tenant_id)), 1, skipped)


def dependencies_used_so_far(job: ClaimedJob) -> list[str]:
    """Returns the probed dependencies that this attempt has used by the time when the rows are counted."""
    return [name for name in job.probed if name != "object-store"]


@dataclass
class _Supervisor:
    """Called between batches: records progress, saves a checkpoint when one is due, and returns whether to continue."""

    job: ClaimedJob
    time_budget: TimeBudget
    heartbeat: Heartbeat
    snapshot: Snapshot
    stamp: str
    content: _Content
    files: FilesInProgress
    batches: int = 0
    """Number of batches that were written."""

    def __call__(self, rows: int) -> bool:
        self.batches += 1
        self.heartbeat.record_progress(rows)
        is_time_up = self.time_budget.is_time_up()
        if self.job.claim.encrypt_for:  # the state of the encryption cannot be saved
            if is_time_up and rows < self.content.summary.rows:
                raise SealedTooLongError(_SEALED_TOO_LONG)
            return True
        if is_time_up or self.time_budget.is_checkpoint_due():
            since = monotonic()
            self._save(rows)
            self.time_budget.record_checkpoint(monotonic() - since)
        return not is_time_up

    def _save(self, rows: int) -> None:
        saved = self.files.save()
        self.files.keep()  # before the row may refer to them
        self.job.checkpoints.save(
            CheckpointState(
                stamp=self.stamp,
                summary=self.content.summary,
                organization=self.content.organization,
                rows=rows,
                last_key=self.snapshot.last_key(),
                snapshots=self.content.snapshots,
                files=saved,
                failed=self.files.failed,
            )
        )


def _open_files(
    job: ClaimedJob,
    header: ReportHeader,
    stopped: Event,
    resumed: ResumedReport | None,
    encryption: Encryption | None,
) -> AbstractContextManager[FilesInProgress]:
    claim, resources = job.claim, job.resources
    target = FileTarget(
        resources.clients, resources.bucket, key_prefix(claim), owner=f"{claim.report_id}/{claim.attempt}"
    )
    options = FormatOptions.model_validate(claim.options)
    earlier = resumed.files if resumed else None
    return open_files(claim.formats, header, options, target, stopped, earlier, encryption)
