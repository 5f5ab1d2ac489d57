"""Messages of shards: which ones the coordinator may send, so that split reports do not starve other reports."""

from __future__ import annotations

from collections.abc import Sequence

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.database.locks import AdvisoryLock, acquire_lock
from resma.jobs.fence import Fence
from resma.jobs.messages import JobMessage
from resma.jobs.queue import JobQueue, send_job

logger = Logger(child=True)


def mark_sent(connection: Connection[TupleRow], report: Fence, max_of_report: int, max_of_tenant: int) -> list[int]:
    """Marks the shards whose messages may be sent now, and returns their numbers.

    A shard is in flight from its message to the end of its attempt. At most `max_of_report` shards of the report and
    `max_of_tenant` shards of all the tenant's reports are in flight, including those of coordinators. Call it in a
    transaction that has updated the report with its fence, and send the messages after the commit.
    """
    acquire_lock(connection, AdvisoryLock.SHARDS, report.tenant_id)
    rows = connection.execute(
        """
        WITH in_flight AS (
            SELECT s.report_id FROM resma.shards AS s JOIN resma.reports AS r USING (tenant_id, report_id)
            WHERE s.tenant_id = %(tenant_id)s AND r.status = 'GENERATING'
              AND (s.status = 'PENDING' AND s.sent_at IS NOT NULL
                   OR s.status = 'GENERATING' AND s.lease_until > clock_timestamp())
        ), next AS MATERIALIZED (
            SELECT shard FROM resma.shards
            WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND status = 'PENDING' AND sent_at IS NULL
              AND coalesce(next_attempt_at <= clock_timestamp(), true)
            ORDER BY shard
            LIMIT greatest(0, least(
                %(max_of_report)s - (SELECT count(*) FROM in_flight WHERE report_id = %(report_id)s),
                %(max_of_tenant)s - (SELECT count(*) FROM in_flight)))
        )
        UPDATE resma.shards AS shard SET sent_at = clock_timestamp()
        FROM next
        WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND shard.shard = next.shard
        RETURNING shard.shard
        """,
        {
            "tenant_id": report.tenant_id,
            "report_id": report.report_id,
            "max_of_report": max_of_report,
            "max_of_tenant": max_of_tenant,
        },
    ).fetchall()
    return sorted(shard for (shard,) in rows)


def send_shards(queue: JobQueue, report: Fence, shards: Sequence[int]) -> None:
    """Sends the messages of shards. Never raises: the coordinator generates shards whose messages are late itself."""
    for shard in shards:
        try:
            send_job(queue, JobMessage(tenant_id=report.tenant_id, report_id=report.report_id, shard=shard))
        except (ClientError, BotoCoreError) as error:
            logger.warning("the message of a shard was not sent", extra={"error": type(error).__name__})
            return
