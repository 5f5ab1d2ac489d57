"""One attempt at a report: from the snapshot to the objects, or until the invocation's time is up."""

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
from resma.catalog import ReportType, find_report_type
from resma.i18n.locales import LOCALES
from resma.jobs.claim import Claim, finish_job, keep_alive, record_summary, record_usage
from resma.jobs.outages import close_outages
from resma.jobs.report_rows import tenant_name
from resma.report.format_options import FormatOptions
from resma.report.header import ReportHeader
from resma.report.summary import Summary
from resma.snapshot.compose_header import compose_header
from resma.snapshot.query_limits import QueryLimits, limits_of
from resma.snapshot.snapshot import Snapshot, open_snapshot
from resma.snapshot.summary_warnings import summary_warnings
from worker.checkpoints.cleanup import clear_away
from worker.checkpoints.rows import note_taken_up
from worker.checkpoints.serialization import CheckpointState, stamp_of
from worker.checkpoints.store import Checkpoints, TakenUp, key_prefix, take_up
from worker.file_set import FilesInProgress, Target, open_files
from worker.heartbeat import Heartbeat
from worker.measure import Stopwatch, emit_ready, measure, price_attempts
from worker.patience import write_patiently
from worker.peak_memory import reset_peak
from worker.resources import Resources
from worker.time_budget import Pace
from worker.usage import Spending


@dataclass(frozen=True)
class Invocation:
    """What a job has to know of the invocation that it runs in."""

    pace: Pace
    hold_message: Callable[[], object]
    """Keeps the message hidden for a while more."""
    spending: Spending


@dataclass(frozen=True)
class Work:
    """A claimed job, and its checkpoints."""

    resources: Resources
    claim: Claim
    checkpoints: Checkpoints
    probed: tuple[str, ...] = ()
    """Dependencies whose circuit was open when the job was claimed: this attempt closes it, or keeps it open."""


@dataclass(frozen=True)
class _Content:
    """What the first snapshot holds, and the file's head says; later snapshots must hold it too."""

    summary: Summary
    organization: str
    snapshots: int


Made = Literal["READY", "HANDED_OVER", "STALLED"]


def make_files(work: Work, invocation: Invocation) -> Made:
    """Makes the report READY; or saves it, to be handed over: STALLED where no more than one batch was written.

    Raises LeaseLostError, also for whatever went wrong because the job was lost; RestartRequiredError; any other of our
    errors.
    """
    reset_peak()
    watch = Stopwatch()
    resources, claim = work.resources, work.claim
    report_type = find_report_type(claim.type)

    def beat(rows_done: int) -> None:
        with resources.system.transaction(claim.tenant_id) as connection:
            _keep_alive(claim, rows_done, invocation, connection)

    rows_before = claim.checkpoint["rows"] if claim.checkpoint else 0
    with Heartbeat(beat, invocation.hold_message, resources.source.cancel, rows_before) as heartbeat:
        source = resources.source.connect()  # first: while it is away, the store need not be asked for anything
        taken_up = take_up(resources, claim, stamp_of(report_type))
        clear_away(resources, claim)
        with open_snapshot(
            source,
            report_type,
            claim.tenant_id,
            claim.filters,
            claim.time_zone,
            _limits_now(work, invocation, report_type),
        ) as snapshot:
            watch.lap("connect")
            content = _look_into(work, snapshot, taken_up)
            header = compose_header(
                report_type,
                claim,
                str(claim.report_id),
                content.summary,
                content.organization,
                decimal_types=snapshot.decimal_types(),
            )
            watch.lap("summarize")
            with _open_files(work, header, heartbeat.lost, taken_up) as files:
                goes_on = _Supervisor(work, invocation.pace, heartbeat, snapshot, report_type, content, files)
                names = [column.name for column in header.columns]
                snapshot.set_limits(_limits_now(work, invocation, report_type))
                last_key = taken_up.work.last_key if taken_up else None
                batches = snapshot.batches(names, last_key, personal_masked=claim.personal_masked)
                rows = files.write_rows(batches, goes_on, rows_before)
                if rows is None:
                    return "STALLED" if goes_on.batches == 1 else "HANDED_OVER"
                watch.lap("write")
                # Still this worker's, or nothing appears.
                write_patiently(resources.system, claim.tenant_id, partial(_keep_alive, claim, rows, invocation))
                made = files.publish(rows)
                made = replace(made, warnings=[*summary_warnings(content.summary, claim.filters), *made.warnings])
                watch.lap("publish")
    metrics = measure(claim, watch, files.seconds, made.stored, rows - rows_before, content.snapshots)
    usage = invocation.spending.with_files(made.stored, resources.retention_days)
    metrics["costUsd"] = price_attempts(claim, usage)

    def finish(connection: Connection[TupleRow]) -> None:
        record_usage(connection, claim, usage)
        finish_job(connection, claim, made, rows, metrics, resources.retention_days)
        close_outages(connection, work.probed)

    write_patiently(resources.system, claim.tenant_id, finish, invocation.hold_message)
    emit_ready(claim, metrics, rows, usage)
    return "READY"


def _keep_alive(claim: Claim, rows_done: int, invocation: Invocation, connection: Connection[TupleRow]) -> None:
    keep_alive(connection, claim, rows_done, invocation.spending.so_far())


def _limits_now(work: Work, invocation: Invocation, report_type: ReportType) -> QueryLimits:
    """The limits of the query with the time that the invocation still has."""
    return limits_of(report_type, work.resources.max_statement_seconds, invocation.pace.seconds_left())


def _look_into(work: Work, snapshot: Snapshot, taken_up: TakenUp | None) -> _Content:
    """Sums up the snapshot, or sees that it holds what the first one did. Raises SourceChangedError, LeaseLostError."""
    language = LOCALES[work.claim.locale].language
    if taken_up is not None:
        snapshot.resume_from(taken_up.work.summary, language)
        return write_patiently(work.resources.system, work.claim.tenant_id, partial(_note_continued, work, taken_up))
    summary = snapshot.summarize(language)
    return write_patiently(work.resources.system, work.claim.tenant_id, partial(_note_counted, work, summary))


def _note_continued(work: Work, taken_up: TakenUp, connection: Connection[TupleRow]) -> _Content:
    note_taken_up(connection, work.claim, taken_up.work.rows)
    close_outages(connection, _used_by_now(work))
    return _Content(taken_up.work.summary, taken_up.work.organization, taken_up.work.snapshots + 1)


def _note_counted(work: Work, summary: Summary, connection: Connection[TupleRow]) -> _Content:
    record_summary(connection, work.claim, summary)
    count_rows(connection, work.claim, summary.rows)
    close_outages(connection, _used_by_now(work))
    return _Content(summary, tenant_name(connection, work.claim.tenant_id), 1)


def _used_by_now(work: Work) -> list[str]:
    """Of the dependencies that this attempt probes those that it has used once the rows are counted."""
    return [name for name in work.probed if name != "object-store"]


@dataclass
class _Supervisor:
    """Called between batches: shows progress, saves the report when it is time, and says whether to go on."""

    work: Work
    pace: Pace
    heartbeat: Heartbeat
    snapshot: Snapshot
    report_type: ReportType
    content: _Content
    files: FilesInProgress
    batches: int = 0
    """How many were written."""

    def __call__(self, rows: int) -> bool:
        self.batches += 1
        self.heartbeat.note_progress(rows)
        is_time_up = self.pace.is_time_up()
        if is_time_up or self.pace.is_save_due():
            since = monotonic()
            self._save(rows)
            self.pace.note_saved(monotonic() - since)
        return not is_time_up

    def _save(self, rows: int) -> None:
        saved = self.files.save()
        self.files.keep()  # before the row may name them
        self.work.checkpoints.take(
            CheckpointState(
                stamp=stamp_of(self.report_type),
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
    work: Work, header: ReportHeader, stopped: Event, taken_up: TakenUp | None
) -> AbstractContextManager[FilesInProgress]:
    claim, resources = work.claim, work.resources
    target = Target(resources.clients, resources.bucket, key_prefix(claim), owner=f"{claim.report_id}/{claim.attempt}")
    options = FormatOptions.model_validate(claim.options)
    return open_files(claim.formats, header, options, target, stopped, taken_up.files if taken_up else None)
