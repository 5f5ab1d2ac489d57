"""The tick's tasks for the outbox of the queue: what has its place but no message, and what waits for a place."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from resma.dispatch import dispatch_next
from resma.job_queue import mark_enqueued, send_job
from resma.messages import JobMessage
from scheduler.resources import BATCH, GRACE_SECONDS, IsTimeLeft, Resources

logger = Logger(child=True)

FORGOTTEN_SECONDS = 900
"""How long a message may be on its way before it counts as lost: a worker that dies before it could shorten the
message's visibility hides it for the queue's 90 minutes. A job that is sent twice is done once."""

_UNSENT = """
    status = 'PENDING'
    AND (enqueued_at IS NULL AND slot_at < clock_timestamp() - make_interval(secs => %(grace)s)
         OR enqueued_at < clock_timestamp() - make_interval(secs => %(forgotten)s))
"""
_VALUES = {"grace": GRACE_SECONDS, "forgotten": FORGOTTEN_SECONDS, "batch": BATCH}


def send_unsent_jobs(resources: Resources, is_time_left: IsTimeLeft) -> int:
    """Sends the messages of jobs that have their place but no message; returns how many. Stops when the queue is away.

    Each in a transaction of its own: what was sent stays sent, however the tick ends.
    """
    passed_over: list[UUID] = []
    sent, before = 0, -1
    while sent > before:  # as long as it helps
        before = sent
        for tenant_id, report_id in _find_unsent_jobs(resources, passed_over):
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
                passed_over.append(report_id)
    return sent


def _find_unsent_jobs(resources: Resources, passed_over: list[UUID]) -> list[tuple[str, UUID]]:
    with resources.system.transaction(None) as connection:
        return connection.execute(
            f"SELECT tenant_id, report_id FROM resma.reports WHERE {_UNSENT} AND report_id <> ALL (%(passed_over)s)"
            " ORDER BY row_number() OVER (PARTITION BY tenant_id ORDER BY created_at), created_at LIMIT %(batch)s",
            {**_VALUES, "passed_over": passed_over},
        ).fetchall()


def _send_unsent_job(resources: Resources, message: JobMessage) -> int:
    with resources.system.transaction(message.tenant_id) as connection:
        taken = connection.execute(
            "SELECT 1 FROM resma.reports WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s"
            f" AND ({_UNSENT}) FOR UPDATE SKIP LOCKED",
            {**_VALUES, "tenant_id": message.tenant_id, "report_id": message.report_id},
        ).fetchone()
        if taken is None:  # another tick has it, or had
            return 0
        send_job(resources.queue, message)
        mark_enqueued(connection, message.tenant_id, [message.report_id])
    logger.info("a job was sent late", report_id=str(message.report_id), tenant_id=message.tenant_id)
    return 1


def dispatch_waiting_jobs(resources: Resources, is_time_left: IsTimeLeft) -> int:
    """Gives free places to jobs that wait, going round the tenants, one job each at a time; returns how many were sent.

    Usually whoever ends a job has done this.
    """
    with resources.system.transaction(None) as connection:
        tenants = connection.execute(
            "SELECT tenant_id FROM resma.reports WHERE status = 'PENDING' AND slot_at IS NULL"
            " AND coalesce(redriven_at, created_at) < clock_timestamp() - make_interval(secs => %(grace)s)"
            " GROUP BY tenant_id ORDER BY min(created_at)",
            _VALUES,
        ).fetchall()
    waiting = [str(tenant_id) for (tenant_id,) in tenants]
    sent = 0
    while waiting and is_time_left():
        served = [
            tenant
            for tenant in waiting
            if is_time_left() and dispatch_next(resources.system, resources.queue, tenant, 1)
        ]
        sent += len(served)
        waiting = served
    return sent
