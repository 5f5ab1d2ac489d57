"""What a tenant may have: requests a second, live reports, rows a day. The limits are columns of `resma.tenants`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.database.connection import Database
from resma.database.locks import Lock, take_lock
from resma.errors import QuotaExceededError, RowsQuotaExceededError
from resma.report.status import IS_LIVE
from resma.short_text import counted

if TYPE_CHECKING:
    from resma.jobs.claim import Claim

LIVE_RETRY_SECONDS = 10
"""Nobody knows when the next report ends."""


def take_request(database: Database, tenant_id: str) -> float | None:
    """Takes a request out of the tenant's bucket; returns 0, or the seconds until there is one again.

    None where there is no such tenant. One round trip.
    """
    row = database.fetch_one("SELECT resma.take_request(%s)", (tenant_id,))
    return None if row is None or row[0] is None else float(row[0])


def require_room(connection: Connection[TupleRow], tenant_id: str) -> None:
    """To be called after a report was inserted, in the same transaction, which holds the tenant's turn until its end.

    The reports of others who wait for their turn are not committed yet, and each counts its own: however many come at
    once, the limit holds. Raises QuotaExceededError.
    """
    take_lock(connection, Lock.LIVE_REPORTS, tenant_id)
    room = find_room(connection, tenant_id)
    if room.live > room.max_live:
        live = counted(room.max_live, "report is", "reports are")
        detail = f"{live} waiting or under way, which is your limit: ask again when one has ended"
        raise QuotaExceededError("live-reports-quota-exceeded", detail, LIVE_RETRY_SECONDS)
    if room.rows >= room.max_rows:
        detail = (
            f"today's reports have {counted(room.rows, 'row')}, and your limit is {room.max_rows:,} a day: "
            "ask again after midnight, UTC"
        )
        raise QuotaExceededError("rows-quota-exceeded", detail, room.day_seconds_left)


@dataclass(frozen=True)
class Room:
    """What a tenant may have, and has."""

    max_live: int
    max_rows: int
    live: int
    rows: int
    """Of today's reports."""
    day_seconds_left: float


def find_room(connection: Connection[TupleRow], tenant_id: str) -> Room:
    """Returns a tenant's quotas, and what is taken of them."""
    row = connection.execute(
        f"""
        SELECT live_reports, rows_per_day,
               (SELECT count(*) FROM resma.reports AS report
                WHERE report.tenant_id = tenant.tenant_id AND {IS_LIVE}),
               coalesce((SELECT rows FROM resma.row_counts AS counted
                         WHERE counted.tenant_id = tenant.tenant_id AND day = moment::date), 0),
               extract(epoch FROM moment::date + 1 - moment)::float8
        FROM resma.tenants AS tenant, (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS moment) AS utc
        WHERE tenant_id = %s
        """,
        (tenant_id,),
    ).fetchone()
    assert row is not None  # callers and reports have a tenant
    return Room(*row)


def count_rows(connection: Connection[TupleRow], claim: Claim, rows: int) -> None:
    """Adds a report's rows to its tenant's day, once however often it is tried.

    To be called in a transaction that has written the report's row, fenced. Raises RowsQuotaExceededError where they
    don't fit any more.
    """
    row = connection.execute(
        "SELECT rows_counted, (SELECT rows_per_day FROM resma.tenants WHERE tenant_id = %(tenant_id)s)"
        " FROM resma.reports WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s",
        {"tenant_id": claim.tenant_id, "report_id": claim.report_id},
    ).fetchone()
    assert row is not None
    before, most = row
    if rows <= before:
        return
    added = connection.execute(
        """
        INSERT INTO resma.row_counts AS counted (tenant_id, day, rows)
        SELECT %(tenant_id)s, (clock_timestamp() AT TIME ZONE 'UTC')::date, %(more)s::bigint WHERE %(more)s <= %(most)s
        ON CONFLICT (tenant_id, day) DO UPDATE SET rows = counted.rows + excluded.rows
        WHERE counted.rows + excluded.rows <= %(most)s
        RETURNING rows
        """,
        {"tenant_id": claim.tenant_id, "more": rows - before, "most": most},
    ).fetchone()
    if added is None:
        raise RowsQuotaExceededError(
            f"the report has {counted(rows, 'row')}, which is more than is left of {most:,} a day: choose fewer "
            "with filters, or ask again after midnight, UTC"
        )
    connection.execute(
        "UPDATE resma.reports SET rows_counted = %s, rows_counted_on = (clock_timestamp() AT TIME ZONE 'UTC')::date"
        " WHERE tenant_id = %s AND report_id = %s",
        (rows, claim.tenant_id, claim.report_id),
    )


def give_back_rows(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> None:
    """Takes the rows that a report was counted for, and that nobody has read, off its tenant's day.

    To be called in the transaction that ends it without a file. Safe to call twice.
    """
    connection.execute(
        """
        WITH unread AS (
            SELECT tenant_id, report_id, rows_counted - rows_done AS rows, rows_counted_on AS day
            FROM resma.reports
            WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND rows_counted > rows_done
        ), given_back AS (
            UPDATE resma.row_counts AS counted SET rows = greatest(0, counted.rows - unread.rows)
            FROM unread WHERE counted.tenant_id = unread.tenant_id AND counted.day = unread.day
        )
        UPDATE resma.reports AS report SET rows_counted = report.rows_done
        FROM unread WHERE report.tenant_id = unread.tenant_id AND report.report_id = unread.report_id
        """,
        {"tenant_id": tenant_id, "report_id": report_id},
    )
