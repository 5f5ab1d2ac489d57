"""One attempt at a report: from the snapshot to the objects, or until the invocation's time is up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import Event
from time import monotonic

from resma.catalogue import ReportType, find_report_type
from resma.checkpoints import note_taken_up
from resma.compose_header import compose_header
from resma.header import ReportHeader
from resma.job import Claim, finish_job, keep_alive, note_spent, note_summary
from resma.locales import LOCALES
from resma.options import FormatOptions
from resma.quotas import count_rows
from resma.reports import tenant_name
from resma.saved_work import SavedWork, stamp_of
from resma.snapshot import Snapshot, open_snapshot
from resma.summary import Summary
from worker.checkpoint import Checkpoints, TakenUp, key_prefix, take_up
from worker.clear_up import clear_away
from worker.heartbeat import Heartbeat
from worker.measure import Stopwatch, emit_ready, measure, price_attempts
from worker.pace import Pace
from worker.peak_memory import reset_peak
from worker.resources import Resources
from worker.spending import Spending
from worker.write_files import FilesInProgress, Target, open_files


@dataclass(frozen=True)
class Invocation:
    """What a job has to know of the invocation that it runs in."""

    pace: Pace
    hold_message: Callable[[], None]
    """Keeps the message hidden for a while more."""
    spending: Spending


@dataclass(frozen=True)
class Work:
    """A claimed job, and its checkpoints."""

    resources: Resources
    claim: Claim
    checkpoints: Checkpoints


@dataclass(frozen=True)
class _Content:
    """What the first snapshot holds, and the file's head says; later snapshots must hold it too."""

    summary: Summary
    organisation: str
    snapshots: int


def make_files(work: Work, invocation: Invocation) -> bool:
    """Makes the report READY and returns True; False where it was saved instead, to be handed over.

    Raises LeaseLost, also for whatever went wrong because the job was lost; StartOver; any other of our errors.
    """
    reset_peak()
    watch = Stopwatch()
    resources, claim = work.resources, work.claim
    report_type = find_report_type(claim.type)

    def beat(rows_done: int) -> None:
        with resources.system.transaction(claim.tenant_id) as connection:
            keep_alive(connection, claim, rows_done, invocation.spending.so_far())

    rows_before = claim.checkpoint["rows"] if claim.checkpoint else 0
    with Heartbeat(beat, invocation.hold_message, resources.source.cancel, rows_before) as heartbeat:
        taken_up = take_up(resources, claim, stamp_of(report_type))
        clear_away(resources, claim)
        with open_snapshot(
            resources.source.connect(), report_type, claim.tenant_id, claim.filters, claim.time_zone
        ) as snapshot:
            watch.lap("connect")
            content = _look_into(work, snapshot, taken_up)
            header = compose_header(report_type, claim, str(claim.report_id), content.summary, content.organisation)
            watch.lap("summarise")
            with _open_files(work, header, heartbeat.lost, taken_up) as files:
                goes_on = _Supervisor(work, invocation.pace, heartbeat, snapshot, report_type, content, files)
                names = [column.name for column in header.columns]
                last_key = taken_up.work.last_key if taken_up else None
                batches = snapshot.batches(names, last_key, personal_masked=claim.personal_masked)
                rows = files.write_rows(batches, goes_on, rows_before)
                if rows is None:
                    return False
                watch.lap("write")
                with resources.system.transaction(claim.tenant_id) as connection:
                    # Still this worker's, or nothing appears.
                    keep_alive(connection, claim, rows, invocation.spending.so_far())
                stored = files.publish(rows)
                watch.lap("publish")
    metrics = measure(claim, watch, files.seconds, stored, rows - rows_before, content.snapshots)
    usage = invocation.spending.with_files(stored, resources.retention_days)
    metrics["costUsd"] = price_attempts(claim, usage)
    with resources.system.transaction(claim.tenant_id) as connection:
        note_spent(connection, claim, usage)
        finish_job(connection, claim, stored, rows, metrics, resources.retention_days)
    emit_ready(claim, metrics, rows, usage)
    return True


def _look_into(work: Work, snapshot: Snapshot, taken_up: TakenUp | None) -> _Content:
    """Sums up the snapshot, or sees that it holds what the first one did. Raises SourceChanged, LeaseLost."""
    language = LOCALES[work.claim.locale].language
    if taken_up is not None:
        snapshot.go_on_from(taken_up.work.summary, language)
        with work.resources.system.transaction(work.claim.tenant_id) as connection:
            note_taken_up(connection, work.claim, taken_up.work.rows)
        return _Content(taken_up.work.summary, taken_up.work.organisation, taken_up.work.snapshots + 1)
    summary = snapshot.summarise(language)
    with work.resources.system.transaction(work.claim.tenant_id) as connection:
        note_summary(connection, work.claim, summary)
        count_rows(connection, work.claim, summary.rows)
        return _Content(summary, tenant_name(connection, work.claim.tenant_id), 1)


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

    def __call__(self, rows: int) -> bool:
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
            SavedWork(
                stamp=stamp_of(self.report_type),
                summary=self.content.summary,
                organisation=self.content.organisation,
                rows=rows,
                last_key=self.snapshot.last_key(),
                snapshots=self.content.snapshots,
                files=saved,
            )
        )


def _open_files(
    work: Work, header: ReportHeader, stopped: Event, taken_up: TakenUp | None
) -> AbstractContextManager[FilesInProgress]:
    claim, resources = work.claim, work.resources
    target = Target(resources.clients, resources.bucket, key_prefix(claim), owner=f"{claim.report_id}/{claim.attempt}")
    options = FormatOptions.model_validate(claim.options)
    return open_files(claim.formats, header, options, target, stopped, taken_up.begun if taken_up else {})
