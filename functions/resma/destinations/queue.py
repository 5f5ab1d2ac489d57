"""The queue of deliveries. A message says that a destination has deliveries that are due; the rows say which.

A message that is lost, or sent twice, does no harm: the scheduler sends one each minute for each destination that has a
due delivery, and a delivery is claimed by one function only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import Connection
from psycopg.rows import TupleRow
from pydantic import BaseModel, ConfigDict, Field

from resma.aws.metrics import emit_abandoned_deliveries
from resma.database.connection import Database
from resma.errors import ResmaError

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

logger = Logger(child=True)


class DeliveryMessage(BaseModel):
    """Body of a message in the queue `deliveries`."""

    model_config = ConfigDict(frozen=True)

    tenant_id: str = Field(pattern=r"^[a-z0-9-]{1,63}$")
    destination_id: str = Field(pattern=r"^dst_[0-9a-f]{32}$")


@dataclass(frozen=True)
class DeliveryQueue:
    """Client and URL of the queue."""

    sqs: SQSClient
    url: str

    def send(self, message: DeliveryMessage) -> None:
        """Sends a message in its tenant's message group (SQS fair queues). Raises boto3's errors."""
        self.sqs.send_message(
            QueueUrl=self.url, MessageBody=message.model_dump_json(), MessageGroupId=message.tenant_id
        )

    def send_all(self, tenant_id: str, destination_ids: list[str]) -> None:
        """Sends a message for each destination. Never raises: the scheduler sends messages that are missing."""
        try:
            for destination_id in destination_ids:
                self.send(DeliveryMessage(tenant_id=tenant_id, destination_id=destination_id))
        except (ClientError, BotoCoreError) as error:
            logger.warning("a delivery was not sent; the scheduler will send it", error=type(error).__name__)


def send_report_deliveries(database: Database, queue: DeliveryQueue, tenant_id: str, report_id: UUID) -> None:
    """Sends the messages of a report that has just become READY. Never raises.

    Deliveries that have FAILED already, because their destination was disabled or deleted since the request, are logged
    and counted, so that an alarm fires.
    """
    try:
        with database.transaction(tenant_id) as connection:
            deliveries = _find_deliveries(connection, tenant_id, report_id)
    except ResmaError as error:
        logger.warning("deliveries were not sent; the scheduler will send them", error=type(error).__name__)
        return
    for destination_id, reason in deliveries:
        if reason is not None:
            logger.warning("a report is not delivered to a destination", destination_id=destination_id, reason=reason)
            emit_abandoned_deliveries(1, tenant_id, reason)
    queue.send_all(tenant_id, [destination_id for destination_id, reason in deliveries if reason is None])


def _find_deliveries(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> list[tuple[str, str | None]]:
    """Returns the destinations of a report's deliveries that are PENDING or FAILED, and why the latter have ended."""
    return connection.execute(
        "SELECT destination_id, ended_reason FROM resma.file_deliveries"
        " WHERE tenant_id = %s AND report_id = %s AND status <> 'DELIVERED'",
        (tenant_id, report_id),
    ).fetchall()
