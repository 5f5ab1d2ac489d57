"""Scheduler task: sends the messages of jobs in the outbox, and of jobs whose message was lost."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from resma.jobs.messages import JobMessage
from resma.jobs.queue import mark_enqueued, send_job
from scheduler.resources import BATCH, GRACE_SECONDS, IsTimeLeft, SchedulerResources

logger = Logger(child=True)

LOST_SECONDS = 900
"""Seconds after which a message that was sent but not handled counts as lost.

A worker that dies before it has shortened the message's visibility timeout hides it for the queue's 90 minutes. A job
that is sent twice is done once. Only the job of each tenant that was sent first is checked. If the queue is long, that
message is not lost but waiting, and is sent once too often; the jobs behind it cost nothing.
"""

_UNSENT = """
    status = 'PENDING'
    AND (enqueued_at IS NULL
         AND coalesce(redriven_at, created_at) < clock_timestamp() - make_interval(secs => %(grace)s)
         OR enqueued_at < clock_timestamp() - make_interval(secs => %(lost)s))
"""
_VALUES = {"grace": GRACE_SECONDS, "lost": LOST_SECONDS, "batch": BATCH}


def send_unsent_jobs(resources: SchedulerResources, is_time_left: IsTimeLeft) -> int:
    """Sends the messages of jobs in the outbox, and of those whose message is lost; returns how many were sent.

    Stops when the queue is unavailable. Each job has a transaction of its own, so that messages that were sent are
    recorded even if the run fails later.
    """
    skipped: list[UUID] = []
    sent, before = 0, -1
    while sent > before:  # until a round sends nothing
        with_lost, before = before == -1, sent
        for tenant_id, report_id in _find_unsent_jobs(resources, skipped, with_lost=with_lost):
            if not is_time_left():
                return sent
            is_sent = 0
            try:
                is_sent = _send_unsent_job(resources, JobMessage(tenant_id=tenant_id, report_id=report_id))
            except (ClientError, BotoCoreError) as error:
                about: dict[str, Any] = {"report_id": str(report_id), "tenant_id": tenant_id}
                logger.warning("a job was not sent", **about, error=type(error).__name__)
                if isinstance(error, BotoCoreError):  # the queue does not answer at all
                    return sent
            sent += is_sent
            if not is_sent:
                skipped.append(report_id)
    return sent


def _find_unsent_jobs(resources: SchedulerResources, skipped: list[UUID], *, with_lost: bool) -> list[tuple[str, UUID]]:
    with resources.system.transaction(None) as connection:
        return connection.execute(
            f"""
            SELECT tenant_id, report_id
            FROM (
                SELECT tenant_id, report_id, created_at, enqueued_at,
                       row_number() OVER (PARTITION BY tenant_id, enqueued_at IS NULL
                                          ORDER BY coalesce(enqueued_at, created_at), report_id) AS turn
                FROM resma.reports WHERE {_UNSENT}
            ) AS unsent
            WHERE (enqueued_at IS NULL OR turn = 1 AND %(with_lost)s) AND report_id <> ALL (%(skipped)s)
            ORDER BY turn, created_at LIMIT %(batch)s
            """,
            {**_VALUES, "skipped": skipped, "with_lost": with_lost},
        ).fetchall()


def _send_unsent_job(resources: SchedulerResources, message: JobMessage) -> int:
    with resources.system.transaction(message.tenant_id) as connection:
        locked = connection.execute(
            "SELECT 1 FROM resma.reports WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s"
            f" AND ({_UNSENT}) FOR UPDATE SKIP LOCKED",
            {**_VALUES, "tenant_id": message.tenant_id, "report_id": message.report_id},
        ).fetchone()
        if locked is None:  # another scheduler run has sent it
            return 0
        send_job(resources.queue, message)
        mark_enqueued(connection, message.tenant_id, [message.report_id])
    logger.info("a job was sent late", report_id=str(message.report_id), tenant_id=message.tenant_id)
    return 1
