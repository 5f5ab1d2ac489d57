"""The tick's task for the store: what a report that has ended left there, and does not own, is removed.

A killed worker leaves open uploads and half a job's objects, a cancelled one may, and an expired report its files. A
store that has rules for this (S3) needs a day; MinIO has none for uploads.
"""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from aws_lambda_powertools import Logger
from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.jobs.deletion import SETTLED_SECONDS
from resma.jobs.report_rows import StoredFile
from resma.report.format_options import FormatOptions
from resma.writers import file_extension
from scheduler.clear_store import AT_ONCE, Leftovers, Outcome, clear_store
from scheduler.resources import IsTimeLeft, Resources

logger = Logger(child=True)

SETTLE_SECONDS = 20
"""How long after a report's end its worker may still be stopping: it finds out within a lease (15 s). One that has lost
the database finds out later; what it leaves is for the last look."""

LATEST_SECONDS = SETTLED_SECONDS
"""After this no worker that ever had the job is left, however long it was held up: Lambda ends them after 15 minutes.
Where there may have been several, or one that was stopped in the middle, this is when the last look is due."""

REFUSED_SECONDS = 300
"""Pause after the store has refused a report's sweep, so that those behind it have their turn."""

MAX_DUE = 200
"""Reports that are looked for at once."""


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
            due = _find_due(resources) if len(due) == MAX_DUE and done else []
    return swept


def _find_due(resources: Resources) -> list[tuple[str, UUID]]:
    with resources.system.transaction(None) as connection:
        return connection.execute(
            sql.SQL(
                "SELECT tenant_id, report_id FROM resma.reports WHERE {} ORDER BY finished_at LIMIT %(most)s"
            ).format(_DUE),
            {"settle": SETTLE_SECONDS, "most": MAX_DUE},
        ).fetchall()


def _sweep_some(resources: Resources, threads: Executor, due: list[tuple[str, UUID]]) -> list[Outcome]:
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


def _clear(resources: Resources, report: _Ended) -> Outcome:
    """Never raises: a row that can't be read must not hold up the others."""
    try:
        leftovers = _leftovers_of(report)
    except Exception:  # such as options of another version: it must not hold up those behind it
        logger.exception("a report can't be swept", report_id=str(report.report_id), tenant_id=report.tenant_id)
        return "refused"
    return clear_store(resources.s3, resources.bucket, leftovers)


def _leftovers_of(report: _Ended) -> Leftovers:
    options = FormatOptions.model_validate(report.options)
    extensions = {file_extension(format_, options) for format_ in report.formats}
    own = {file["object_key"] for file in report.files or ()} if report.status == "READY" else set()
    return Leftovers(report.tenant_id, report.report_id, report.attempt, frozenset(extensions), frozenset(own))


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
