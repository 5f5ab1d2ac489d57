"""The queue of jobs. A row is its own outbox: `dispatch` says whose turn it is, the tick sends what was left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.messages import JobMessage

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


@dataclass(frozen=True)
class Queue:
    """Where jobs go."""

    sqs: SQSClient
    url: str


def send_job(queue: Queue, message: JobMessage) -> None:
    """Sends a job's message. Raises what boto3 raises; the row stays in the outbox then."""
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody=message.model_dump_json())


def mark_enqueued(connection: Connection[TupleRow], tenant_id: str, report_ids: Sequence[UUID]) -> None:
    """Takes jobs out of the outbox."""
    connection.execute(
        "UPDATE resma.reports SET enqueued_at = clock_timestamp() WHERE tenant_id = %s AND report_id = ANY (%s)",
        (tenant_id, list(report_ids)),
    )
