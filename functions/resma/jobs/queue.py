"""The job queue. A job's message is sent when its report is requested; SQS shares the workers fairly between tenants.

Each row of a report is its own outbox: while `enqueued_at` is NULL its message still has to be sent, and the scheduler
sends what the requesting function could not. Of the functions that the queue invokes, only the worker of a split report
sends to it: one message for each shard, whose worker sends none (docs/decisions/107-shards-have-coordinators.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.database.connection import Database
from resma.errors import ResmaError
from resma.jobs.messages import JobMessage

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

logger = Logger(child=True)

MAX_SENT_AT_ONCE = 20
"""Maximum number of jobs that `send_jobs` sends at once. The scheduler sends further ones within a minute."""


@dataclass(frozen=True)
class JobQueue:
    """Client and URL of the job queue."""

    sqs: SQSClient
    url: str


def send_job(queue: JobQueue, message: JobMessage) -> None:
    """Sends a job's message in its tenant's message group, so that tenants share the workers fairly (SQS fair queues).

    Raises boto3's errors; the row then stays in the outbox.
    """
    body = message.model_dump_json(exclude_none=True)
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody=body, MessageGroupId=message.tenant_id)


def send_jobs(database: Database, queue: JobQueue, tenant_id: str, report_ids: Sequence[UUID]) -> int:
    """Sends the messages of up to `MAX_SENT_AT_ONCE` jobs whose rows are committed. Returns how many were sent.

    Never raises. The scheduler sends messages that were not sent, or not marked as sent. A message that is sent twice
    does no harm.
    """
    sent: list[UUID] = []
    try:
        try:
            for report_id in report_ids[:MAX_SENT_AT_ONCE]:
                send_job(queue, JobMessage(tenant_id=tenant_id, report_id=report_id))
                sent.append(report_id)
        finally:
            if sent:
                with database.transaction(tenant_id) as connection:
                    mark_enqueued(connection, tenant_id, sent)
    except (ResmaError, ClientError, BotoCoreError) as error:
        logger.warning(
            "jobs were not sent, or not marked as sent; the scheduler will send them",
            extra={"of_tenant": tenant_id, "sent": len(sent), "error": type(error).__name__},
        )
    return len(sent)


def put_into_outbox(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> None:
    """Puts a job that is PENDING into the outbox, so that the scheduler sends its message again."""
    connection.execute(
        "UPDATE resma.reports SET enqueued_at = NULL WHERE tenant_id = %s AND report_id = %s AND status = 'PENDING'",
        (tenant_id, report_id),
    )


def mark_enqueued(connection: Connection[TupleRow], tenant_id: str, report_ids: Sequence[UUID]) -> None:
    """Removes jobs from the outbox, because their messages were sent."""
    connection.execute(
        "UPDATE resma.reports SET enqueued_at = clock_timestamp() WHERE tenant_id = %s AND report_id = ANY (%s)",
        (tenant_id, list(report_ids)),
    )
