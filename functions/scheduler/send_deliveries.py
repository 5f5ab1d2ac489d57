"""Scheduler task: sends a message for each destination that has a due delivery.

Functions that make a delivery due send its message themselves. This task sends what they could not, the next attempts
of deliveries that failed, and deliveries whose function crashed or reached its time limit.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from resma.destinations.queue import DeliveryMessage
from scheduler.resources import IsTimeLeft, SchedulerResources

logger = Logger(child=True)

MAX_MESSAGES = 1000
"""Maximum number of messages of a scheduler run. Those of destinations that are due longest come first."""


def send_due_deliveries(resources: SchedulerResources, is_time_left: IsTimeLeft) -> int:
    """Sends the messages of destinations with due deliveries; returns how many. Stops when the queue is unavailable.

    A message that is sent twice does no harm, so none is recorded.
    """
    with resources.system.transaction(None) as connection:
        due = connection.execute(
            "SELECT tenant_id, destination_id FROM resma.file_deliveries"
            " WHERE status = 'PENDING' AND next_attempt_at <= statement_timestamp()"
            "   AND coalesce(lease_until <= statement_timestamp(), true)"
            " GROUP BY tenant_id, destination_id ORDER BY min(next_attempt_at) LIMIT %s",
            (MAX_MESSAGES,),
        ).fetchall()
    sent = 0
    for tenant_id, destination_id in due:
        if not is_time_left():
            break
        try:
            resources.deliveries.send(DeliveryMessage(tenant_id=tenant_id, destination_id=destination_id))
        except (ClientError, BotoCoreError) as error:
            logger.warning("a delivery was not sent", tenant_id=tenant_id, error=type(error).__name__)
            break
        sent += 1
    return sent
