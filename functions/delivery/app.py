"""Delivery Lambda: delivers the files of reports to the destination that a message of `deliveries` names.

SES notifies it of bounces and complaints through a topic.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from delivery.deliver import DeliveryResources, deliver_due
from delivery.feedback import record_notification
from delivery.outgoing import ReportStore
from delivery.settings import DeliverySettings
from resma.aws.clients import s3_client
from resma.database.connection import Database
from resma.destinations.queue import DeliveryMessage
from resma.settings import read_settings

logger = Logger()

SPARE_SECONDS = 30
"""Time that is kept for the last part of a file, and to record the progress."""

_processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@lru_cache
def _resources() -> DeliveryResources:
    settings = read_settings(DeliverySettings)
    return DeliveryResources(
        system=Database(settings.database_secret_arn, "resma-delivery"),
        # Copies of a part can take a minute.
        store=ReportStore(s3_client(settings.s3_credentials_secret_arn, answer_seconds=60), settings.bucket),
        rules=settings.destination_rules,
        mail=settings.mail,
    )


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Entry point for the queue `deliveries`, and for the topic of bounces and complaints.

    A message that fails is received again; its rows decide what is done.
    """
    if any(record.get("EventSource") == "aws:sns" for record in event.get("Records", ())):
        for record in event["Records"]:
            record_notification(_resources().system, record["Sns"]["Message"])
        return {"batchItemFailures": []}

    def is_time_left() -> bool:
        return context.get_remaining_time_in_millis() > SPARE_SECONDS * 1000

    def handle(record: SQSRecord) -> None:
        try:
            message = DeliveryMessage.model_validate_json(record.body)
        except ValidationError:
            logger.warning("a message that names no destination was discarded", message_id=record.message_id)
            return
        try:
            tried = deliver_due(_resources(), message, is_time_left)
        except Exception:
            # Powertools' batch processing does not log it, and no metric of Lambda counts it.
            logger.exception("deliveries could not be made; the scheduler sends another message")
            raise
        logger.info("due deliveries were made", deliveries=tried, **message.model_dump())

    return process_partial_response(event, handle, _processor, context)
