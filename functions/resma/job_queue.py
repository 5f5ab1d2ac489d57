"""The queue of jobs, and the outbox in front of it: a row that no message was sent for is sent by the tick."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.messages import JobMessage

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


def send_job(sqs: SQSClient, queue_url: str, tenant_id: str, report_id: UUID) -> None:
    """Sends a job's message. Raises what boto3 raises; the row stays in the outbox then."""
    message = JobMessage(tenant_id=tenant_id, report_id=report_id)
    sqs.send_message(QueueUrl=queue_url, MessageBody=message.model_dump_json())


def mark_enqueued(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> None:
    """Takes a job out of the outbox."""
    connection.execute(
        "UPDATE resma.reports SET enqueued_at = clock_timestamp() WHERE tenant_id = %s AND report_id = %s",
        (tenant_id, report_id),
    )
