"""The tick's work: whatever was committed but not sent is sent now, and what hangs is set free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from resma.database import Database
from resma.events import Event, describe_event, mark_published, publish_event
from resma.job import MAX_ATTEMPTS, give_up_job
from resma.job_queue import mark_enqueued, send_job
from resma.reports import find_report

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

logger = Logger(child=True)

GRACE_SECONDS = 5
"""How long whoever wrote a row has to send its message before the tick does."""

ORPHANED_SECONDS = 60
"""How long after its lease's end a job may wait for the queue to deliver its message again."""

FORGOTTEN_SECONDS = 900
"""How long a message may be on its way before it counts as lost: a worker that dies before it could shorten the
message's visibility hides it for the queue's 90 minutes. A job that is sent twice is done once."""

BATCH = 100


@dataclass(frozen=True)
class Resources:
    """What the scheduler keeps between ticks."""

    system: Database
    sqs: SQSClient
    queue_url: str
    sns: SNSClient
    topic_arn: str
    public_base_url: str


def free_orphans(resources: Resources) -> int:
    """Puts jobs whose worker died, and whose message did not come back, into the outbox; returns how many.

    One that has had its last attempt is FAILED instead: it would only kill the next worker.
    """
    with resources.system.transaction() as connection:
        orphans = connection.execute(
            """
            SELECT tenant_id, report_id, attempt FROM resma.reports
            WHERE status = 'GENERATING' AND lease_until < clock_timestamp() - make_interval(secs => %s)
            ORDER BY lease_until LIMIT %s FOR UPDATE SKIP LOCKED
            """,
            (ORPHANED_SECONDS, BATCH),
        ).fetchall()
        for tenant_id, report_id, attempt in orphans:
            if attempt >= MAX_ATTEMPTS:
                give_up_job(connection, tenant_id, report_id)
            else:
                _put_into_outbox(connection, tenant_id, report_id)
    return len(orphans)


def _put_into_outbox(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> None:
    connection.execute(
        "UPDATE resma.reports SET status = 'PENDING', lease_until = NULL, enqueued_at = NULL"
        " WHERE tenant_id = %s AND report_id = %s",
        (tenant_id, report_id),
    )


def send_unsent_jobs(resources: Resources) -> int:
    """Sends the messages of PENDING jobs that have none; returns how many. Stops when the queue is away."""
    with resources.system.transaction() as connection:
        jobs = connection.execute(
            """
            SELECT tenant_id, report_id FROM resma.reports
            WHERE status = 'PENDING'
              AND (enqueued_at IS NULL AND created_at < clock_timestamp() - make_interval(secs => %s)
                   OR enqueued_at < clock_timestamp() - make_interval(secs => %s))
            ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
            """,
            (GRACE_SECONDS, FORGOTTEN_SECONDS, BATCH),
        ).fetchall()
        sent = 0
        for tenant_id, report_id in jobs:
            try:
                send_job(resources.sqs, resources.queue_url, tenant_id, report_id)
            except (ClientError, BotoCoreError) as error:
                logger.warning("the queue is away; the next tick tries again", error=type(error).__name__)
                break
            mark_enqueued(connection, tenant_id, report_id)
            sent += 1
    return sent


def publish_unpublished_events(resources: Resources) -> int:
    """Publishes the events that were not; returns how many. Stops when the topic is away."""
    with resources.system.transaction() as connection, connection.cursor(row_factory=class_row(Event)) as cursor:
        events = cursor.execute(
            """
            SELECT tenant_id, event_id, report_id, type, created_at FROM resma.events
            WHERE published_at IS NULL AND created_at < clock_timestamp() - make_interval(secs => %s)
            ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
            """,
            (GRACE_SECONDS, BATCH),
        ).fetchall()
        published = 0
        for event in events:
            report = find_report(connection, event.tenant_id, event.report_id)
            try:
                message = describe_event(event, report, resources.public_base_url)
                publish_event(resources.sns, resources.topic_arn, message)
            except (ClientError, BotoCoreError) as error:
                logger.warning("the topic is away; the next tick tries again", error=type(error).__name__)
                break
            mark_published(connection, event)
            published += 1
    return published
