"""Scheduler task: removes the objects and uploads of reports that have ended, other than the files of READY reports.

A killed worker leaves open uploads and some objects, a cancelled worker may, and an expired report leaves its files.
Lifecycle rules of a store (S3) need a day for this; MinIO has no such rule for uploads.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from aws_lambda_powertools import Logger
from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.jobs.deletion import SETTLED_SECONDS
from resma.jobs.report_rows import StoredFile
from resma.report.format_options import FormatOptions
from resma.report.records import ManifestRecord, ObjectRecord
from resma.shards.files import KeptFiles, find_kept_files
from resma.shards.rows import delete_shards
from resma.writers import file_extension
from scheduler.clear_store import AT_ONCE, UNFINISHED_SECONDS, Leftovers, SweepOutcome, clear_store
from scheduler.resources import IsTimeLeft, SchedulerResources

logger = Logger(child=True)

SETTLE_SECONDS = 20
"""Seconds from a report's end to its first sweep.

Its worker may still be stopping: it notices within a lease (15 s). A worker that has lost the database notices later;
the last sweep removes what it leaves.
"""

LATEST_SECONDS = SETTLED_SECONDS
"""Seconds from a report's end to its last sweep. No worker can be running then: Lambda ends them after 15 minutes.

A last sweep is due if the report had several workers, or one that was stopped.
"""

REFUSED_SECONDS = 300
"""Pause after the store has refused a report's sweep, so that the reports after it are not blocked."""

_DAY_SECONDS = 86400

MAX_DUE = 200
"""Maximum number of due reports that are read at once."""


@dataclass(frozen=True, kw_only=True)
class _Ended:
    tenant_id: str
    report_id: UUID
    status: str
    formats: list[str]
    options: dict[str, object]
    attempt: int
    files: list[StoredFile] | None
    split_by: list[str] | None
    encrypt_for: list[str] | None
    manifest: ManifestRecord | None
    retention_days: int | None
    kept_days_over: bool
    """Whether the files of a FAILED split report are kept no longer."""

    @property
    def keeps_files(self) -> bool:
        """Whether its files can be downloaded. Those of a FAILED split report can, and be completed by a retry."""
        return self.status == "READY" or self.is_partial

    @property
    def is_partial(self) -> bool:
        """Whether it is FAILED and has files."""
        return self.status == "FAILED" and self.split_by is not None and not self.kept_days_over


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in _Ended.__dataclass_fields__ if name != "kept_days_over")
_DUE = sql.SQL(
    "swept_at IS NULL AND status IN ('READY', 'FAILED', 'CANCELLED', 'EXPIRED', 'SKIPPED')"
    " AND coalesce(sweep_after, finished_at + make_interval(secs => %(settle)s)) < clock_timestamp()"
)


def sweep_leftovers(resources: SchedulerResources, is_time_left: IsTimeLeft) -> int:
    """Sweeps the reports that have ended; returns how many. Stops when the store is unavailable."""
    swept = 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sweep") as threads:
        due = _find_due(resources)
        while due:
            done = 0
            for first in range(0, len(due), AT_ONCE):
                if not is_time_left():
                    return swept
                outcomes = _sweep_batch(resources, threads, due[first : first + AT_ONCE], is_time_left)
                swept += outcomes.count("swept")
                if "unavailable" in outcomes:
                    return swept
                done += len(outcomes)
            due = _find_due(resources) if len(due) == MAX_DUE and done else []
    return swept


def _find_due(resources: SchedulerResources) -> list[tuple[str, UUID]]:
    with resources.system.transaction(None) as connection:
        return connection.execute(
            sql.SQL(
                "SELECT tenant_id, report_id FROM resma.reports WHERE {} ORDER BY finished_at LIMIT %(limit)s"
            ).format(_DUE),
            {"settle": SETTLE_SECONDS, "limit": MAX_DUE},
        ).fetchall()


def _sweep_batch(
    resources: SchedulerResources, threads: Executor, due: list[tuple[str, UUID]], is_time_left: IsTimeLeft
) -> list[SweepOutcome]:
    """Sweeps reports in one transaction. Skips those that another run has locked, or has swept since.

    The locked rows cannot be redriven, so no worker starts to write the objects that are being swept.
    """
    with resources.system.transaction(None) as connection:
        with connection.cursor(row_factory=class_row(_Ended)) as cursor:
            cursor.execute(
                sql.SQL(
                    "SELECT {}, finished_at < clock_timestamp()"
                    "  - make_interval(days => coalesce(retention_days, %(days)s)) AS kept_days_over"
                    " FROM resma.reports WHERE (tenant_id, report_id) IN"
                    " (SELECT * FROM unnest(%(tenants)s::text[], %(reports)s::uuid[])) AND {}"
                    " FOR UPDATE OF reports SKIP LOCKED"
                ).format(_COLUMNS, _DUE),
                {
                    "tenants": [tenant_id for tenant_id, _ in due],
                    "reports": [report_id for _, report_id in due],
                    "settle": SETTLE_SECONDS,
                    "days": resources.retention_days,
                },
            )
            reports = cursor.fetchall()
        kept = [
            find_kept_files(connection, report.tenant_id, report.report_id)
            if report.split_by and report.keeps_files
            else KeptFiles()
            for report in reports
        ]
        outcomes = list(
            threads.map(lambda report, files: _clear(resources, report, files, is_time_left), reports, kept)
        )
        for report, outcome in zip(reports, outcomes, strict=True):
            if outcome == "swept":
                _mark_swept(connection, report, resources.retention_days)
            elif outcome == "refused":  # it must not block the reports after it
                _postpone(connection, report, REFUSED_SECONDS)
            elif outcome == "unfinished":
                _postpone(connection, report, UNFINISHED_SECONDS)
    return outcomes


def _clear(resources: SchedulerResources, report: _Ended, kept: KeptFiles, is_time_left: IsTimeLeft) -> SweepOutcome:
    """Sweeps one report. Never raises: a row that cannot be read must not block the others."""
    try:
        leftovers = _leftovers_of(report, kept)
    except Exception:  # for example options that another version of the code has written
        logger.exception("a report cannot be swept", report_id=str(report.report_id), tenant_id=report.tenant_id)
        return "refused"
    return clear_store(resources.s3, resources.bucket, leftovers, is_time_left)


def _leftovers_of(report: _Ended, kept: KeptFiles) -> Leftovers:
    options = FormatOptions.model_validate(report.options)
    extensions = {file_extension(format_, options, is_sealed=bool(report.encrypt_for)) for format_ in report.formats}
    own: set[str] = set()
    if report.status == "READY":
        described: Iterable[ObjectRecord | None] = (report.manifest or {}).values()  # type: ignore[assignment]
        own = {file["object_key"] for file in report.files or ()} | {item["object_key"] for item in described if item}
    return Leftovers(
        report.tenant_id,
        report.report_id,
        report.attempt,
        frozenset(extensions),
        frozenset(own),
        kept.numbers,
        kept.complete_folders,
    )


def _postpone(connection: Connection[TupleRow], report: _Ended, seconds: int) -> None:
    connection.execute(
        "UPDATE resma.reports SET sweep_after = clock_timestamp() + make_interval(secs => %s)"
        " WHERE tenant_id = %s AND report_id = %s",
        (seconds, report.tenant_id, report.report_id),
    )


def _mark_swept(connection: Connection[TupleRow], report: _Ended, retention_days: int) -> None:
    """Marks a report as swept, or as due for its last sweep.

    A READY or SKIPPED report with one attempt needs no last sweep: it had one worker, which has ended. A READY split
    report had several. The files of a FAILED one are kept as long as those of a READY one.
    """
    had_one_worker = report.status == "SKIPPED" or (report.status == "READY" and not report.split_by)
    latest = 0 if had_one_worker and report.attempt == 1 else LATEST_SECONDS
    if report.is_partial:
        latest = (report.retention_days or retention_days) * _DAY_SECONDS
    if report.split_by and not report.keeps_files:
        delete_shards(connection, report.tenant_id, report.report_id)
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
