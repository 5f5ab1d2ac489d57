"""The tick's work: whatever was committed but not sent is sent now, and what hangs is set free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from resma.database import Database
from resma.events import Event, describe_event, mark_published, publish_event
from resma.job import give_up_job
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
    with resources.system.transaction(None) as connection:
        orphans = connection.execute(
            """
            SELECT tenant_id, report_id, attempt >= attempts_allowed FROM resma.reports
            WHERE status = 'GENERATING' AND lease_until < clock_timestamp() - make_interval(secs => %s)
            ORDER BY lease_until LIMIT %s FOR UPDATE SKIP LOCKED
            """,
            (ORPHANED_SECONDS, BATCH),
        ).fetchall()
        for tenant_id, report_id, is_exhausted in orphans:
            if is_exhausted:
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


_UNSENT = """
    status = 'PENDING'
    AND (enqueued_at IS NULL AND created_at < clock_timestamp() - make_interval(secs => %(grace)s)
         OR enqueued_at < clock_timestamp() - make_interval(secs => %(forgotten)s))
"""
_UNPUBLISHED = "published_at IS NULL AND created_at < clock_timestamp() - make_interval(secs => %(grace)s)"
_PAUSES = {"grace": GRACE_SECONDS, "forgotten": FORGOTTEN_SECONDS, "batch": BATCH}


def send_unsent_jobs(resources: Resources, is_time_left: Callable[[], bool]) -> int:
    """Sends the messages of PENDING jobs that have none; returns how many. Stops when the queue is away.

    Each in a transaction of its own: what was sent stays sent, however the tick ends.
    """
    with resources.system.transaction(None) as connection:
        jobs = connection.execute(
            f"SELECT tenant_id, report_id FROM resma.reports WHERE {_UNSENT} ORDER BY created_at LIMIT %(batch)s",
            _PAUSES,
        ).fetchall()
    sent = 0
    for tenant_id, report_id in jobs:
        if not is_time_left():
            break
        try:
            sent += _send_unsent_job(resources, tenant_id, report_id)
        except (ClientError, BotoCoreError) as error:
            logger.warning("a job was not sent", report_id=str(report_id), error=type(error).__name__)
            if isinstance(error, BotoCoreError):  # the queue does not answer at all
                break
    return sent


def _send_unsent_job(resources: Resources, tenant_id: str, report_id: UUID) -> int:
    with resources.system.transaction(tenant_id) as connection:
        taken = connection.execute(
            "SELECT 1 FROM resma.reports WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s"
            f" AND ({_UNSENT}) FOR UPDATE SKIP LOCKED",
            {**_PAUSES, "tenant_id": tenant_id, "report_id": report_id},
        ).fetchone()
        if taken is None:  # another tick has it, or had
            return 0
        send_job(resources.sqs, resources.queue_url, tenant_id, report_id)
        mark_enqueued(connection, tenant_id, report_id)
    return 1


def publish_unpublished_events(resources: Resources, is_time_left: Callable[[], bool]) -> int:
    """Publishes the events that were not; returns how many. Stops when the topic is away.

    Each in a transaction of its own; one that the topic refuses does not hold up those behind it.
    """
    with resources.system.transaction(None) as connection, connection.cursor(row_factory=class_row(Event)) as cursor:
        cursor.execute(
            "SELECT tenant_id, event_id, report_id, type, created_at FROM resma.events"
            f" WHERE {_UNPUBLISHED} ORDER BY created_at LIMIT %(batch)s",
            _PAUSES,
        )
        events = cursor.fetchall()
    published = 0
    for event in events:
        if not is_time_left():
            break
        try:
            published += _publish_unpublished_event(resources, event)
        except (ClientError, BotoCoreError) as error:
            logger.warning("an event was not published", event_id=event.event_id, error=type(error).__name__)
            if isinstance(error, BotoCoreError):
                break
    return published


def _publish_unpublished_event(resources: Resources, event: Event) -> int:
    with resources.system.transaction(event.tenant_id) as connection:
        taken = connection.execute(
            "SELECT 1 FROM resma.events WHERE tenant_id = %(tenant_id)s AND event_id = %(event_id)s"
            f" AND ({_UNPUBLISHED}) FOR UPDATE SKIP LOCKED",
            {**_PAUSES, "tenant_id": event.tenant_id, "event_id": event.event_id},
        ).fetchone()
        if taken is None:
            return 0
        report = find_report(connection, event.tenant_id, event.report_id)
        message = describe_event(event, report, resources.public_base_url)
        publish_event(resources.sns, resources.topic_arn, message)
        mark_published(connection, event)
    return 1
