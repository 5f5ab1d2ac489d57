"""Intake Lambda: starts reports for `Report Requested` events, and answers each event on the bus."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from intake.models import Envelope, ReportAccepted
from intake.resources import IntakeResources
from intake.settings import IntakeSettings
from intake.start_requested_report import MAX_WAIT_SECONDS, start_requested_report
from resma.aws.clients import events_client, sqs_client
from resma.database.connection import Database
from resma.encryption.deployment_key import DeploymentKey
from resma.events.destinations import Bus
from resma.jobs.queue import JobQueue
from resma.request_errors import QuotaExceededError, RequestMalformedError
from resma.settings import read_settings

logger = Logger()

MAX_RECEIVES = 20
"""Number of receives before the queue dead-letters an event (template.yaml). The pauses are more than three hours."""

FIRST_PAUSE_SECONDS = 5
"""Pause before the second receive. It doubles before each further one, up to MAX_WAIT_SECONDS."""

_processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@lru_cache
def _settings() -> IntakeSettings:
    return read_settings(IntakeSettings)


@lru_cache
def _resources() -> IntakeResources:
    settings = _settings()
    return IntakeResources(
        system=Database(settings.database_secret_arn, "resma-intake"),
        queue=JobQueue(sqs_client(), settings.queue_url),
        sealing=DeploymentKey(settings.sealing_secret_arn),
        bus=Bus(events_client(), settings.event_bus_name),
        receivers=settings.receivers,
    )


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Entry point for the queue `report-requests`. An event that fails is received again after a pause."""
    return process_partial_response(event, _handle_event, _processor, context)


def _handle_event(record: SQSRecord) -> None:
    receives = int(record.attributes.approximate_receive_count)
    logger.append_keys(message_id=record.message_id)
    try:
        envelope = _read(record)
        answer = start_requested_report(_resources(), envelope, may_wait=receives < MAX_RECEIVES)
    except Exception as error:
        pause = pause_seconds(receives, error)
        _hide(record, pause)
        if isinstance(error, RequestMalformedError):
            if receives == 1:  # further receives only lead to the dead-letter queue
                logger.warning("a message is not a valid event; the queue dead-letters it", code=error.code)
        elif isinstance(error, QuotaExceededError):
            logger.info("an event waits because of a quota", code=error.code, pause_seconds=pause)
        else:
            logger.exception("an event could not be answered", receives=receives, pause_seconds=pause)
        raise
    else:
        if isinstance(answer, ReportAccepted):
            logger.info(
                "an event was accepted",
                event_id=envelope.id,
                report_id=str(answer.report_id),
                tenant_id=answer.tenant_id,
            )
        else:
            logger.warning("an event was rejected", event_id=envelope.id, code=answer.code)
    finally:
        logger.remove_keys(["message_id"])


def _read(record: SQSRecord) -> Envelope:
    """Reads the event. Raises RequestMalformedError for a message that cannot be read, which is then dead-lettered."""
    try:
        return Envelope.model_validate(json.loads(record.body))
    except (ValidationError, ValueError, RecursionError):  # also too deep nesting, and numbers with too many digits
        raise RequestMalformedError("The message must be an event `Report Requested` from EventBridge.") from None


def pause_seconds(receives: int, error: Exception) -> int:
    """Returns the pause after receive number `receives`. It doubles each time, and lasts until a quota is available.

    There is no pause for a message that cannot be read, because it cannot be read later either.
    """
    if isinstance(error, RequestMalformedError):
        return 0
    pause = int(min(FIRST_PAUSE_SECONDS * 2 ** (receives - 1), MAX_WAIT_SECONDS))
    return max(pause, math.ceil(error.seconds)) if isinstance(error, QuotaExceededError) else pause


def _hide(record: SQSRecord, seconds: int) -> None:
    """Sets when the message is received again. Never raises: without it, the queue's visibility timeout applies."""
    try:
        sqs_client().change_message_visibility(
            QueueUrl=_settings().request_queue_url,
            ReceiptHandle=record.receipt_handle,
            VisibilityTimeout=seconds,
        )
    except (ClientError, BotoCoreError) as error:
        logger.warning("the message's visibility was not changed", error=type(error).__name__)
