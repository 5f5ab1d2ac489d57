"""The queue of jobs: every job is sent when its report is requested, and the queue itself is fair between tenants.

A row is its own outbox: while `enqueued_at` is NULL its message still has to be sent, and the scheduler does what its
writer could not. Functions that the queue invokes never send to it (docs/decisions/066-a-fair-queue.md).
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
"""Jobs that a caller waits for to be sent. The scheduler sends the others of a larger number within a minute."""


@dataclass(frozen=True)
class JobQueue:
    """Where jobs go."""

    sqs: SQSClient
    url: str


def send_job(queue: JobQueue, message: JobMessage) -> None:
    """Sends a job's message in its tenant's message group, so that tenants share the workers fairly (SQS fair queues).

    Raises what boto3 raises; the row stays in the outbox then.
    """
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody=message.model_dump_json(), MessageGroupId=message.tenant_id)


def send_jobs(database: Database, queue: JobQueue, tenant_id: str, report_ids: Sequence[UUID]) -> int:
    """Sends the messages of jobs whose rows are committed; returns how many were sent.

    Never raises. What is not sent, or not marked as sent, is sent by the scheduler: in the worst case twice, which does
    no harm. Sends at most `MAX_SENT_AT_ONCE`.
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
    """Has the scheduler send a job's message again, if the job waits for a worker."""
    connection.execute(
        "UPDATE resma.reports SET enqueued_at = NULL WHERE tenant_id = %s AND report_id = %s AND status = 'PENDING'",
        (tenant_id, report_id),
    )


def mark_enqueued(connection: Connection[TupleRow], tenant_id: str, report_ids: Sequence[UUID]) -> None:
    """Takes jobs out of the outbox."""
    connection.execute(
        "UPDATE resma.reports SET enqueued_at = clock_timestamp() WHERE tenant_id = %s AND report_id = ANY (%s)",
        (tenant_id, list(report_ids)),
    )
