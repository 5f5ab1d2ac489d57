"""Progress and remaining time of a report, from its row, its position in the queue, and recent reports.

Values that cannot be estimated are None.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.jobs.claim import LEASE_SECONDS
from resma.jobs.report_rows import Report
from resma.report.status import IS_LIVE

Stage = Literal["waiting", "counting", "writing", "publishing"]

PATIENCE_SECONDS = 30.0
"""Seconds after which a report that waits longer than its tenant's own jobs explain has no estimate. It then waits for
workers that are busy with other tenants."""


@dataclass(frozen=True)
class QueueStatus:
    """Reports of the same tenant that are ahead of a report. Those of other tenants are private and not counted."""

    ahead: int
    """Number of PENDING reports of the tenant that start earlier."""
    running: int
    """Number of reports of the tenant that workers are generating."""
    typical_seconds: float | None
    """Mean duration of the tenant's recent reports, from claim to READY. None if no such report exists."""
    similar_seconds: float | None
    """Mean duration of the tenant's recent reports of the same type and formats. None if no such report exists."""

    @property
    def wait_seconds(self) -> float | None:
        """Estimated seconds until the report starts, if as many run at the same time as now."""
        if not self.ahead:
            return 0.0
        return None if self.typical_seconds is None else self.ahead * self.typical_seconds / max(1, self.running)

    @property
    def seconds(self) -> float | None:
        """Estimated seconds until the report is READY."""
        own = self.typical_seconds if self.similar_seconds is None else self.similar_seconds
        return None if own is None or self.wait_seconds is None else self.wait_seconds + own


def find_queue(
    connection: Connection[TupleRow], tenant_id: str, type_: str, formats: list[str], before: Report | None = None
) -> QueueStatus:
    """Returns the reports that are ahead of a PENDING report, or of a new one if `before` is None, with one query.

    Durations are those of the tenant's reports of the last day. The query compares with statement_timestamp(), because
    an index cannot be searched by the volatile clock_timestamp().
    """
    row = connection.execute(
        f"""
        SELECT live.*, recent.*
        FROM (
            SELECT count(*) FILTER (WHERE status = 'PENDING' AND report_id IS DISTINCT FROM %(report_id)s
                       AND (%(created_at)s::timestamptz IS NULL
                            OR (created_at, report_id) < (%(created_at)s, %(report_id)s))),
                   count(*) FILTER (WHERE status = 'GENERATING' AND lease_until > clock_timestamp())
            FROM resma.reports WHERE tenant_id = %(tenant_id)s AND {IS_LIVE}
        ) AS live, (
            SELECT avg(seconds), avg(seconds) FILTER (WHERE type = %(type)s AND formats = %(formats)s)
            FROM (
                SELECT type, formats, (metrics -> 'seconds' ->> 'generate')::float8 AS seconds FROM resma.reports
                WHERE tenant_id = %(tenant_id)s AND status = 'READY' AND continuations = 0
                  AND created_at > statement_timestamp() - interval '1 day'
                ORDER BY created_at DESC, report_id DESC LIMIT %(recent)s
            ) AS ready
        ) AS recent
        """,
        {
            "tenant_id": tenant_id,
            "report_id": before and before.report_id,
            "created_at": before and before.created_at,
            "type": type_,
            "formats": formats,
            "recent": RECENT,
        },
    ).fetchone()
    assert row is not None  # each subquery returns one row
    return QueueStatus(*row)


def stage_of(report: Report) -> Stage | None:
    """Returns the current stage of a report. None if it has ended."""
    if report.status == "PENDING":
        return "waiting"
    if report.status != "GENERATING":
        return None
    if not _is_alive(report):
        return "waiting"  # for another worker
    if report.writing_since is None or report.rows_expected is None:
        return "counting"
    return "writing" if report.rows_done < report.rows_expected else "publishing"


def seconds_left(report: Report, queue: QueueStatus | None = None) -> float | None:
    """Returns the estimated seconds until a report is READY, from the speed of this attempt or from the queue.

    None if an attempt has failed or the report waits for a dependency, because the start of the next attempt is
    unknown.
    """
    if report.status == "PENDING":
        is_first = report.attempt == 0 and report.waiting_for is None
        return _seconds_left_in_queue(report, queue) if queue is not None and is_first else None
    if report.status != "GENERATING" or not _is_alive(report):
        return None
    return _seconds_left_by_speed(report)


def _seconds_left_in_queue(report: Report, queue: QueueStatus) -> float | None:
    if queue.seconds is None or queue.wait_seconds is None:
        return None
    waited = (datetime.now(UTC) - report.created_at).total_seconds()
    if not queue.running and waited > queue.wait_seconds + PATIENCE_SECONDS:
        return None
    return round(queue.seconds, 1)


def _seconds_left_by_speed(report: Report) -> float | None:
    """Returns the seconds for the remaining rows, at the speed of this attempt until its last lease renewal."""
    if report.writing_since is None or report.rows_expected is None or report.lease_until is None:
        return None
    rows = report.rows_done - (report.written_before or 0)
    seconds = (report.lease_until - report.writing_since).total_seconds() - LEASE_SECONDS
    if rows <= 0 or seconds <= 0:
        return None
    return round(max(0, report.rows_expected - report.rows_done) * seconds / rows, 1)


def _is_alive(report: Report) -> bool:
    return report.lease_until is not None and report.lease_until > datetime.now(UTC)


RECENT = 20
"""Number of a tenant's latest READY reports from which estimates are computed."""
