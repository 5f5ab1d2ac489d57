"""Worker Lambda: one message of `report-jobs` in, one object out."""

from __future__ import annotations

import gc
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from resma.announce import Announcer
from resma.aws import events_client, s3_client, sns_client, sqs_client
from resma.database import Database
from resma.destinations import Bus, Topic
from resma.errors import LeaseHeld, LeaseLost
from resma.job import LEASE_SECONDS, MAX_ATTEMPTS, describe_error
from resma.job_queue import Queue
from resma.messages import JobMessage
from resma.settings import read_settings
from worker.generate_report import generate_report, pass_on
from worker.heartbeat import VISIBILITY_SECONDS
from worker.make_files import Invocation
from worker.pace import Pace
from worker.resources import Resources
from worker.settings import WorkerSettings
from worker.spending import Spending

logger = Logger()

FIRST_BACKOFF_SECONDS = 5
"""Pause before the second attempt; doubled before each further one."""

# Every batch makes thousands of tuples that live for a moment and hold no cycles; looking through them at Python's
# usual threshold of 700 took a fifth of the time that reading takes.
gc.set_threshold(50_000, 20, 20)
# What was imported stays as long as the process: looking through it for garbage took 30 ms each time.
gc.freeze()


@lru_cache
def _settings() -> WorkerSettings:
    return read_settings(WorkerSettings)


@lru_cache
def _resources() -> Resources:
    settings = _settings()
    system = Database(settings.database_secret_arn, "resma-worker")
    return Resources(
        system=system,
        source=Database(settings.source_secret_arn, "resma-worker-source"),
        s3=s3_client(settings.s3_credentials_secret_arn),
        s3_asking_once=s3_client(settings.s3_credentials_secret_arn, asks_once=True),
        bucket=settings.bucket,
        retention_days=settings.retention_days,
        announcer=Announcer(
            system=system,
            topic=Topic(sns_client(), settings.topic_arn),
            bus=Bus(events_client(), settings.event_bus_name),
            public_base_url=settings.public_base_url,
            queue=Queue(sqs_client(), settings.queue_url),
        ),
    )


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Entry point for `report-jobs`. A failed message is reported back, and comes again after a pause."""

    pace = Pace(context.get_remaining_time_in_millis())
    spending = Spending(int(context.memory_limit_in_mb))  # which comes as a text

    def handle_job(record: SQSRecord) -> None:
        _handle_job(record, context, Invocation(pace, lambda: _hide(record, VISIBILITY_SECONDS), spending))

    # One an invocation: it keeps the errors, and they what they were raised over, a report's buffers.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    try:
        return process_partial_response(event, handle_job, processor, context)
    finally:
        del processor
        # Whatever of a report refers to itself would stay for some reports more, and count in their memory.
        gc.collect()


def _handle_job(record: SQSRecord, context: LambdaContext, invocation: Invocation) -> None:
    message = _parse(record)
    if message is None:
        return
    logger.append_keys(report_id=str(message.report_id), tenant_id=message.tenant_id)
    invocation.hold_message()
    try:
        _run_once(message, context, invocation)
    except _NotReady as ended:
        if ended.outcome == "HANDED_OVER":
            pass_on(_resources(), message.tenant_id, message.report_id)
    except LeaseHeld as held:
        logger.info("another worker has the job; this message comes again when its lease ends")
        _hide(record, held.seconds + 1)
        raise
    except (IdempotencyAlreadyInProgressError, LeaseLost) as error:
        logger.info("another worker has the job", reason=type(error).__name__)
        _hide(record, LEASE_SECONDS + 1)
        raise
    except Exception as error:
        receives = int(record.attributes.approximate_receive_count)
        pause = backoff_seconds(receives)
        _hide(record, pause)
        logger.exception(
            "an attempt has failed", receives=receives, pause_seconds=pause, error=describe_error(error)["detail"]
        )
        raise
    finally:
        logger.remove_keys(["report_id", "tenant_id", "attempt"])


def backoff_seconds(receives: int) -> float:
    """How long a message rests after its attempt number `receives` has failed: 5 s, 10 s, with jitter of 20 %.

    After the last one it does not rest: the queue's redrive policy moves it on at once.
    """
    if receives >= MAX_ATTEMPTS:
        return 0
    pause = FIRST_BACKOFF_SECONDS * 2 ** (receives - 1)
    return float(pause * random.uniform(1, 1.2))  # noqa: S311  # no secret hangs on it


class _NotReady(Exception):
    """Leaves idempotency's record open: the same report may be asked of a worker again."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def _run_once(message: JobMessage, context: LambdaContext, invocation: Invocation) -> None:
    """Generates behind powertools' idempotency: a first filter, cheap and quick. The row's lease is the truth.

    Only what is READY is done once and for all. A report that was handed over goes on under the same key, and one that
    has failed may be sent again by an operator.
    """
    config = IdempotencyConfig(
        event_key_jmespath="report_id", raise_on_no_idempotency_key=True, expires_after_seconds=3600
    )
    config.register_lambda_context(_LeaseContext.of(context))  # type: ignore[arg-type]  # it asks for this alone
    generate = idempotent_function(
        _generate_by_key,
        data_keyword_argument="job",
        persistence_store=_persistence(),
        config=config,
        key_prefix="report",
    )
    generate(job={"report_id": str(message.report_id)}, message=message, invocation=invocation)


def _generate_by_key(job: dict[str, str], message: JobMessage, invocation: Invocation) -> dict[str, str]:
    outcome = generate_report(_resources(), message.tenant_id, message.report_id, invocation)
    if outcome != "READY":
        raise _NotReady(outcome)
    return {"report_id": job["report_id"], "status": outcome}


@lru_cache
def _persistence() -> DynamoDBPersistenceLayer:
    return DynamoDBPersistenceLayer(table_name=_settings().idempotency_table)


@dataclass(frozen=True)
class _LeaseContext:
    """The Lambda context as idempotency should see it: time left is a lease's, not the whole invocation's.

    A worker that dies without a word then blocks its key for seconds and not for up to 15 minutes. While it lives
    longer than that, the lease in the report's row keeps others out.
    """

    milliseconds: int

    @classmethod
    def of(cls, context: LambdaContext) -> _LeaseContext:
        return cls(min(context.get_remaining_time_in_millis(), LEASE_SECONDS * 1000))

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the key is free again."""
        return self.milliseconds


def _parse(record: SQSRecord) -> JobMessage | None:
    try:
        return JobMessage.model_validate_json(record.body)
    except ValidationError:
        logger.warning("a message that is no job was thrown away", message_id=record.message_id)
        return None


def _hide(record: SQSRecord, seconds: float) -> None:
    """Sets when the message comes again if it is not deleted. Never raises: the queue's own time-out then counts."""
    try:
        sqs_client().change_message_visibility(
            QueueUrl=_settings().queue_url,
            ReceiptHandle=record.receipt_handle,
            VisibilityTimeout=round(seconds),
        )
    except (ClientError, BotoCoreError) as error:
        logger.warning("the message's visibility was not changed", error=type(error).__name__)
