"""How far a report is, and how long it will still take: from its row, its place in the queue, and how long others took.

What is not known is None: a number that is a guess in the dark is worse than none.
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
"""A report that has waited for so much longer than its tenant's own jobs explain waits for others': nobody knows how
long."""


@dataclass(frozen=True)
class Queue:
    """What stands before a report. Of its tenant: what other tenants have in the queue is not for it to know."""

    ahead: int
    """Reports of the tenant that wait, and whose turn is earlier."""
    running: int
    """Those that workers have now."""
    typical_seconds: float | None
    """What the tenant's recent reports took, from claim to READY; None where there are none."""
    alike_seconds: float | None
    """The same, of those of the same type and formats."""

    @property
    def wait_seconds(self) -> float | None:
        """Until its turn comes: as many at once as are running now."""
        if not self.ahead:
            return 0.0
        return None if self.typical_seconds is None else self.ahead * self.typical_seconds / max(1, self.running)

    @property
    def seconds(self) -> float | None:
        """Until it is READY."""
        own = self.typical_seconds if self.alike_seconds is None else self.alike_seconds
        return None if own is None or self.wait_seconds is None else self.wait_seconds + own


def find_queue(
    connection: Connection[TupleRow], tenant_id: str, type_: str, formats: list[str], before: Report | None = None
) -> Queue:
    """Returns what stands before a PENDING report, or before one that is asked for next. One query.

    How long that takes is told by the tenant's last reports, those of a day at most. By the statement's
    time, as an index can't be searched for one that moves (clock_timestamp).
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
    assert row is not None  # each half is one row
    return Queue(*row)


def stage_of(report: Report) -> Stage | None:
    """What is being done with a report; None of one that has ended."""
    if report.status == "PENDING":
        return "waiting"
    if report.status != "GENERATING":
        return None
    if not _is_alive(report):
        return "waiting"  # for another worker
    if report.writing_since is None or report.rows_expected is None:
        return "counting"
    return "writing" if report.rows_done < report.rows_expected else "publishing"


def seconds_left(report: Report, queue: Queue | None = None) -> float | None:
    """How long a report will still take: by the pace of this attempt, or by its place in the queue.

    Of a report whose attempt has failed, or that waits for a dependency, nobody knows when the next one begins.
    """
    if report.status == "PENDING":
        is_first = report.attempt == 0 and report.waiting_for is None
        return _seconds_left_in_queue(report, queue) if queue is not None and is_first else None
    if report.status != "GENERATING" or not _is_alive(report):
        return None
    return _seconds_left_by_pace(report)


def _seconds_left_in_queue(report: Report, queue: Queue) -> float | None:
    if queue.seconds is None or queue.wait_seconds is None:
        return None
    waited = (datetime.now(UTC) - report.created_at).total_seconds()
    if not queue.running and waited > queue.wait_seconds + PATIENCE_SECONDS:
        return None
    return round(queue.seconds, 1)


def _seconds_left_by_pace(report: Report) -> float | None:
    """Rows to come, at the pace of those that this attempt has written up to its worker's last sign of life."""
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
"""How many of a tenant's last READY reports tell what its next ones will be like."""
