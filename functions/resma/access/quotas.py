"""Quotas of a tenant: requests per second, live reports and rows per day. The limits are columns of `resma.tenants`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.database.connection import Database
from resma.database.locks import AdvisoryLock, acquire_lock
from resma.errors import RowsQuotaExceededError
from resma.report.status import IS_LIVE
from resma.request_errors import QuotaExceededError
from resma.short_text import counted

if TYPE_CHECKING:
    from resma.jobs.claim import Claim

LIVE_RETRY_SECONDS = 10
"""Value of Retry-After when there are too many live reports. When the next one ends is not known."""


def consume_request(database: Database, tenant_id: str) -> float | None:
    """Consumes a request from the tenant's token bucket. Returns 0, or the seconds until the bucket has one again.

    Returns None if the tenant does not exist. Needs one round trip.
    """
    row = database.fetch_one("SELECT resma.take_request(%s)", (tenant_id,))
    return None if row is None or row[0] is None else float(row[0])


def require_quota(connection: Connection[TupleRow], tenant_id: str) -> None:
    """Raises QuotaExceededError if the tenant exceeds its limit of live reports, or has used its rows of the day.

    Call it after inserting a report, in the same transaction, which then holds the tenant's lock until its end. So the
    limit holds for concurrent requests too: each counts the committed reports and its own.
    """
    acquire_lock(connection, AdvisoryLock.LIVE_REPORTS, tenant_id)
    usage = find_quota_usage(connection, tenant_id)
    if usage.live > usage.max_live:
        live = counted(usage.max_live, "report is", "reports are")
        detail = f"{live} waiting or in progress, which is your limit. Try again when one has ended."
        raise QuotaExceededError("live-reports-quota-exceeded", detail, LIVE_RETRY_SECONDS)
    if usage.rows >= usage.max_rows:
        detail = (
            f"Today's reports have {counted(usage.rows, 'row')}, and your limit is {usage.max_rows:,} per day. "
            "Try again after midnight UTC."
        )
        raise QuotaExceededError("rows-quota-exceeded", detail, usage.day_seconds_left)


@dataclass(frozen=True)
class QuotaUsage:
    """Quotas of a tenant and their usage."""

    max_live: int
    max_rows: int
    live: int
    rows: int
    """Rows of today's reports (UTC)."""
    day_seconds_left: float


def find_quota_usage(connection: Connection[TupleRow], tenant_id: str) -> QuotaUsage:
    """Returns a tenant's quotas and their usage."""
    row = connection.execute(
        f"""
        SELECT live_reports, rows_per_day,
               (SELECT count(*) FROM resma.reports AS report
                WHERE report.tenant_id = tenant.tenant_id AND {IS_LIVE}),
               coalesce((SELECT rows FROM resma.row_counts AS counted
                         WHERE counted.tenant_id = tenant.tenant_id AND day = utc_now::date), 0),
               extract(epoch FROM utc_now::date + 1 - utc_now)::float8
        FROM resma.tenants AS tenant, (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS utc_now) AS clock
        WHERE tenant_id = %s
        """,
        (tenant_id,),
    ).fetchone()
    assert row is not None  # callers and reports have a tenant
    return QuotaUsage(*row)


def count_rows(connection: Connection[TupleRow], claim: Claim, rows: int) -> None:
    """Adds a report's rows to its tenant's usage of the day. Further attempts of a report do not count rows again.

    Call it in a transaction that has updated the report's row with a fence. Raises RowsQuotaExceededError if the rows
    exceed what is left of the quota.
    """
    row = connection.execute(
        "SELECT rows_counted, (SELECT rows_per_day FROM resma.tenants WHERE tenant_id = %(tenant_id)s)"
        " FROM resma.reports WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s",
        {"tenant_id": claim.tenant_id, "report_id": claim.report_id},
    ).fetchone()
    assert row is not None
    before, max_rows = row
    if rows <= before:
        return
    added = connection.execute(
        """
        INSERT INTO resma.row_counts AS counted (tenant_id, day, rows)
        SELECT %(tenant_id)s, (clock_timestamp() AT TIME ZONE 'UTC')::date, %(more)s::bigint
        WHERE %(more)s <= %(max_rows)s
        ON CONFLICT (tenant_id, day) DO UPDATE SET rows = counted.rows + excluded.rows
        WHERE counted.rows + excluded.rows <= %(max_rows)s
        RETURNING rows
        """,
        {"tenant_id": claim.tenant_id, "more": rows - before, "max_rows": max_rows},
    ).fetchone()
    if added is None:
        raise RowsQuotaExceededError(
            f"The report has {counted(rows, 'row')}, which exceeds what is left of your limit of {max_rows:,} rows per "
            "day. Select fewer rows with filters, or request the report again after midnight UTC."
        )
    connection.execute(
        "UPDATE resma.reports SET rows_counted = %s, rows_counted_on = (clock_timestamp() AT TIME ZONE 'UTC')::date"
        " WHERE tenant_id = %s AND report_id = %s",
        (rows, claim.tenant_id, claim.report_id),
    )


def release_unread_rows(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> None:
    """Subtracts the rows of a report that were counted but not read from its tenant's usage of the day.

    Call it in the transaction that ends the report without a file. Safe to call twice.
    """
    connection.execute(
        """
        WITH unread AS (
            SELECT tenant_id, report_id, rows_counted - rows_done AS rows, rows_counted_on AS day
            FROM resma.reports
            WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND rows_counted > rows_done
        ), released AS (
            UPDATE resma.row_counts AS counted SET rows = greatest(0, counted.rows - unread.rows)
            FROM unread WHERE counted.tenant_id = unread.tenant_id AND counted.day = unread.day
        )
        UPDATE resma.reports AS report SET rows_counted = report.rows_done
        FROM unread WHERE report.tenant_id = unread.tenant_id AND report.report_id = unread.report_id
        """,
        {"tenant_id": tenant_id, "report_id": report_id},
    )
