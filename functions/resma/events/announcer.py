"""Publication of a report's completion event to the topic and the bus when the report has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aws_lambda_powertools import Logger

from resma.database.connection import Database
from resma.events.destinations import Bus, Destination, Topic
from resma.events.outbox import count_failed_files, describe_event, find_event, mark_sent
from resma.jobs.report_rows import find_report

logger = Logger(child=True)


@dataclass(frozen=True)
class Announcer:
    """Sends the completion event of a report, and marks it as sent in the outbox."""

    system: Database
    topic: Topic
    bus: Bus
    public_base_url: str

    def announce(self, tenant_id: str, report_id: UUID) -> None:
        """Sends the event of a report that has just ended. Never raises: the scheduler sends events that fail here."""
        try:
            self._send(tenant_id, report_id)
        except Exception:
            logger.exception("the event was not sent, or not marked as sent; the scheduler will send it")

    def _send(self, tenant_id: str, report_id: UUID) -> None:
        with self.system.transaction(tenant_id) as connection:
            event = find_event(connection, tenant_id, report_id)
            report = find_report(connection, tenant_id, report_id)
            files_failed = count_failed_files(connection, report)
        if event is None:
            return
        message = describe_event(event, report, self.public_base_url, files_failed)
        # The topic comes first, because webhooks depend on it.
        if sent := [destination for destination in (self.topic, self.bus) if _is_sent(destination, message)]:
            with self.system.transaction(tenant_id) as connection:
                mark_sent(connection, event, sent)


def _is_sent(destination: Destination, message: dict[str, Any]) -> bool:
    """Sends the event and returns whether it succeeded, so that a failing destination does not affect the other one."""
    try:
        destination.send(message)
    except Exception:
        logger.exception("the event was not sent; the scheduler will send it", to=type(destination).__name__)
        return False
    return True
