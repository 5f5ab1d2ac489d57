"""Telling the topic that a report has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from aws_lambda_powertools import Logger

from resma.database import Database
from resma.events import describe_event, find_event, mark_published, publish_event
from resma.reports import find_report

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

logger = Logger(child=True)


@dataclass(frozen=True)
class Announcer:
    """Publishes a report's completion event out of the outbox."""

    system: Database
    sns: SNSClient
    topic_arn: str
    public_base_url: str

    def announce(self, tenant_id: str, report_id: UUID) -> None:
        """Publishes the event of a report that has ended. Never raises: what fails here, the tick publishes."""
        try:
            with self.system.transaction(tenant_id) as connection:
                event = find_event(connection, tenant_id, report_id)
                report = find_report(connection, tenant_id, report_id)
            if event is None:
                return
            publish_event(self.sns, self.topic_arn, describe_event(event, report, self.public_base_url))
            with self.system.transaction(tenant_id) as connection:
                mark_published(connection, event)
        except Exception:
            logger.exception("the event was not published; the tick will do it")
