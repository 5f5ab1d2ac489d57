"""Quotas of a tenant: requests per second, live reports, rows per day and files per day.

The limits are columns of `resma.tenants`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.database.connection import Database
from resma.database.locks import AdvisoryLock, acquire_lock
from resma.errors import FilesQuotaExceededError, RowsQuotaExceededError
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


def require_quota(connection: Connection[TupleRow], tenant_id: str, *, is_split: bool = False) -> None:
    """Raises QuotaExceededError if the tenant exceeds its limit of live reports, or has used its rows of the day.

    Also raises it for a split report (`is_split`) if the tenant has used its files of the day.

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
    if is_split and usage.files >= usage.max_files:
        detail = (
            f"Today's split reports have {counted(usage.files, 'file')}, and your limit is {usage.max_files:,} per "
            "day. Try again after midnight UTC."
        )
        raise QuotaExceededError("files-quota-exceeded", detail, usage.day_seconds_left)


@dataclass(frozen=True)
class QuotaUsage:
    """Quotas of a tenant and their usage."""

    max_live: int
    max_rows: int
    max_files: int
    live: int
    rows: int
    """Rows of today's reports (UTC)."""
    files: int
    """Files of today's split reports (UTC)."""
    day_seconds_left: float


def find_quota_usage(connection: Connection[TupleRow], tenant_id: str) -> QuotaUsage:
    """Returns a tenant's quotas and their usage."""
    row = connection.execute(
        f"""
        SELECT live_reports, rows_per_day, files_per_day,
               (SELECT count(*) FROM resma.reports AS report
                WHERE report.tenant_id = tenant.tenant_id AND {IS_LIVE}),
               coalesce(rows, 0), coalesce(files, 0),
               extract(epoch FROM utc_now::date + 1 - utc_now)::float8
        FROM resma.tenants AS tenant
        CROSS JOIN (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS utc_now) AS clock
        LEFT JOIN resma.row_counts AS counted ON counted.tenant_id = tenant.tenant_id AND day = utc_now::date
        WHERE tenant.tenant_id = %s
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
    if (max_rows := _count(connection, claim, "rows", rows)) is not None:
        raise RowsQuotaExceededError(
            f"The report has {counted(rows, 'row')}, which exceeds what is left of your limit of {max_rows:,} rows per "
            "day. Select fewer rows with filters, or request the report again after midnight UTC."
        )


def count_files(connection: Connection[TupleRow], claim: Claim, files: int) -> None:
    """Adds a split report's files to its tenant's usage of the day. Further attempts do not count files again.

    Call it in a transaction that has updated the report's row with a fence. Raises FilesQuotaExceededError if the files
    exceed what is left of the quota.
    """
    if (max_files := _count(connection, claim, "files", files)) is not None:
        raise FilesQuotaExceededError(
            f"The report has {counted(files, 'file')}, which exceeds what is left of your limit of {max_files:,} files "
            "per day. Select fewer keys with filters, request fewer formats, or request the report again after "
            "midnight UTC."
        )


def _count(connection: Connection[TupleRow], claim: Claim, what: Literal["rows", "files"], number: int) -> int | None:
    """Adds the rows or files of a report that have not been counted yet to its tenant's usage of the day.

    Returns None, or the tenant's limit if the number exceeds what is left of it; then nothing is added.
    """
    names = {
        "what": sql.Identifier(what),
        "counted": sql.Identifier(f"{what}_counted"),
        "limit": sql.Identifier(f"{what}_per_day"),
    }
    values = {"tenant_id": claim.tenant_id, "report_id": claim.report_id, "number": number}
    row = connection.execute(
        sql.SQL(
            "SELECT {counted}, (SELECT {limit} FROM resma.tenants WHERE tenant_id = %(tenant_id)s)"
            " FROM resma.reports WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s"
        ).format(**names),
        values,
    ).fetchone()
    assert row is not None
    before, limit = row
    if number <= before:
        return None
    added = connection.execute(
        sql.SQL(
            """
            INSERT INTO resma.row_counts AS counted (tenant_id, day, rows, files)
            SELECT %(tenant_id)s, (clock_timestamp() AT TIME ZONE 'UTC')::date, %(rows)s::bigint, %(files)s::bigint
            WHERE %(more)s <= %(limit)s
            ON CONFLICT (tenant_id, day) DO UPDATE
            SET rows = counted.rows + excluded.rows, files = counted.files + excluded.files
            WHERE counted.{what} + excluded.{what} <= %(limit)s
            RETURNING 1
            """
        ).format(**names),
        {**values, "rows": 0, "files": 0, what: number - before, "more": number - before, "limit": limit},
    ).fetchone()
    if added is None:
        return int(limit)
    connection.execute(
        sql.SQL(
            "UPDATE resma.reports SET {counted} = %(number)s,"
            " rows_counted_on = (clock_timestamp() AT TIME ZONE 'UTC')::date"
            " WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s"
        ).format(**names),
        values,
    )
    return None


def release_unused_quota(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> None:
    """Subtracts rows and files of a report that were counted but not made from its tenant's usage of the day.

    Call it in the transaction that ends the report without a file. Safe to call twice.
    """
    connection.execute(
        """
        WITH unused AS (
            SELECT tenant_id, report_id, rows_counted_on AS day,
                   greatest(0, rows_counted - rows_done) AS rows,
                   greatest(0, files_counted - keys_done * cardinality(formats)) AS files
            FROM resma.reports
            WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s
                AND (rows_counted > rows_done OR files_counted > keys_done * cardinality(formats))
        ), released AS (
            UPDATE resma.row_counts AS counted
            SET rows = greatest(0, counted.rows - unused.rows), files = greatest(0, counted.files - unused.files)
            FROM unused WHERE counted.tenant_id = unused.tenant_id AND counted.day = unused.day
        )
        UPDATE resma.reports AS report
        SET rows_counted = report.rows_counted - unused.rows, files_counted = report.files_counted - unused.files
        FROM unused WHERE report.tenant_id = unused.tenant_id AND report.report_id = unused.report_id
        """,
        {"tenant_id": tenant_id, "report_id": report_id},
    )
