"""Whose turn it is: each tenant has some places in the queue, so that a thousand jobs of one don't hold up another's.

A row that waits has no `slot_at`. Whoever writes a row, or ends a job, gives the free places of its tenant to the rows
that have waited longest, and sends their messages. Where that fails, the tick does it.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.database import Database
from resma.errors import ResmaError
from resma.job_queue import Queue, mark_enqueued, send_job
from resma.messages import JobMessage

logger = Logger(child=True)

DISPATCH_WINDOW = 10
"""Jobs of one tenant that are in the queue or under way at once: twice the workers that a stage has by default, so that
one tenant alone can keep them all busy."""


def dispatch_next(database: Database, queue: Queue, tenant_id: str, limit: int = DISPATCH_WINDOW) -> int:
    """Sends the tenant's next jobs, as many as have room; returns how many. Safe to call twice and at once.

    Never raises. A place is taken in a transaction of its own before its message is sent, so two callers can't take the
    same one, and none is held while the queue is slow. What is not marked as sent at the end is sent by the tick: in
    the worst case twice, which does no harm.
    """
    sent: list[JobMessage] = []
    try:
        with database.transaction(tenant_id) as connection:
            taken = take_places(connection, tenant_id, limit)
        try:
            for message in taken:
                send_job(queue, message)
                sent.append(message)
        finally:
            if sent:
                with database.transaction(tenant_id) as connection:
                    mark_enqueued(connection, tenant_id, [message.report_id for message in sent])
    except (ResmaError, ClientError, BotoCoreError) as error:
        logger.warning(
            "jobs were not sent, or not marked as sent; the tick will do it",
            extra={"of_tenant": tenant_id, "sent": len(sent), "error": type(error).__name__},
        )
    return len(sent)


def take_places(connection: Connection[TupleRow], tenant_id: str, limit: int = DISPATCH_WINDOW) -> list[JobMessage]:
    """Gives free places to the tenant's rows that have waited longest; returns the messages to send."""
    # Two that count at once would both find the last place free.
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('resma.dispatch ' || %s, 0))", (tenant_id,))
    rows = connection.execute(
        """
        WITH taken AS (
            SELECT count(*) AS places FROM resma.reports
            WHERE tenant_id = %(tenant_id)s AND status IN ('PENDING', 'GENERATING') AND slot_at IS NOT NULL
        ), next AS (
            SELECT report_id FROM resma.reports
            WHERE tenant_id = %(tenant_id)s AND status = 'PENDING' AND slot_at IS NULL
            ORDER BY created_at, report_id
            LIMIT (SELECT least(%(limit)s, greatest(0, %(window)s - places)) FROM taken)
            FOR UPDATE SKIP LOCKED
        )
        UPDATE resma.reports AS r SET slot_at = clock_timestamp()
        FROM next WHERE r.tenant_id = %(tenant_id)s AND r.report_id = next.report_id
        RETURNING r.report_id, r.created_at
        """,
        {"tenant_id": tenant_id, "window": DISPATCH_WINDOW, "limit": limit},
    ).fetchall()
    rows.sort(key=lambda row: row[1])  # RETURNING has no order of its own
    return [JobMessage(tenant_id=tenant_id, report_id=report_id) for report_id, _ in rows]
