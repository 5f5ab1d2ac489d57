"""Dead-letter Lambda: fails the reports of dead-lettered messages with their last error, or requeues them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from resma.aws.clients import events_client, sns_client
from resma.aws.metrics import emit_dead_lettered
from resma.database.connection import Database
from resma.events.announcer import Announcer
from resma.events.destinations import Bus, Topic
from resma.jobs.messages import JobMessage
from resma.jobs.outcome import abandon_job, requeue_job
from resma.settings import read_settings
from worker.settings import DeadLetterSettings

logger = Logger()

_processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@lru_cache
def _announcer() -> Announcer:
    settings = read_settings(DeadLetterSettings)
    return Announcer(
        system=Database(settings.system_secret_arn, "resma-dead-letters"),
        topic=Topic(sns_client(), settings.topic_arn),
        bus=Bus(events_client(), settings.event_bus_name),
        public_base_url=settings.public_base_url,
    )


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Handles messages of `report-jobs-dlq`. They are retried for two weeks if the database is unavailable."""
    return process_partial_response(event, _handle_message, _processor, context)


def _handle_message(record: SQSRecord) -> None:
    try:
        message = JobMessage.model_validate_json(record.body)
    except ValidationError:
        logger.warning("a dead letter that is not a job was discarded", message_id=record.message_id)
        return
    logger.append_keys(report_id=str(message.report_id), tenant_id=message.tenant_id)
    try:
        _end_job(message)
    except Exception:
        # Powertools' batch processing does not log it, and no metric of Lambda counts it.
        logger.exception("a dead letter could not be handled; the message is delivered again")
        raise
    finally:
        logger.remove_keys(["report_id", "tenant_id"])


def _end_job(message: JobMessage) -> None:
    if message.shard is not None:
        logger.warning("the queue has dead-lettered a shard, which its coordinator generates", shard=message.shard)
        return
    announcer = _announcer()
    with announcer.system.transaction(message.tenant_id) as connection:
        is_revived = requeue_job(connection, message.tenant_id, message.report_id)
        is_failed = not is_revived and abandon_job(connection, message.tenant_id, message.report_id)
    logger.warning("the queue has dead-lettered a job", revived=is_revived, failed=is_failed)
    if is_failed:
        emit_dead_lettered(message.tenant_id, message.report_id)
        announcer.announce(message.tenant_id, message.report_id)
