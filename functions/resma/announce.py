"""What follows when a report has ended: the topic is told, and the tenant's next jobs get the place that is free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from aws_lambda_powertools import Logger

from resma.database import Database
from resma.dispatch import dispatch_next
from resma.events import describe_event, find_event, mark_published, publish_event
from resma.job_queue import Queue
from resma.reports import find_report

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

logger = Logger(child=True)


@dataclass(frozen=True)
class Announcer:
    """Publishes a report's completion event out of the outbox, and sends what has waited for its end."""

    system: Database
    sns: SNSClient
    topic_arn: str
    public_base_url: str
    queue: Queue

    def announce(self, tenant_id: str, report_id: UUID) -> None:
        """To be called by whoever has ended a report. Never raises: what fails here, the tick does."""
        dispatch_next(self.system, self.queue, tenant_id)
        try:
            self._publish(tenant_id, report_id)
        except Exception:
            logger.exception("the event was not published; the tick will do it")

    def _publish(self, tenant_id: str, report_id: UUID) -> None:
        with self.system.transaction(tenant_id) as connection:
            event = find_event(connection, tenant_id, report_id)
            report = find_report(connection, tenant_id, report_id)
        if event is None:
            return
        publish_event(self.sns, self.topic_arn, describe_event(event, report, self.public_base_url))
        with self.system.transaction(tenant_id) as connection:
            mark_published(connection, event)
