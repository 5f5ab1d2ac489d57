"""Worker Lambda: one message of `report-jobs` in, one object out."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from functools import lru_cache, partial
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
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyPersistenceLayerError,
)
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from resma.aws.clients import QUICK, events_client, s3_client, sns_client, sqs_client
from resma.database.connection import Database
from resma.errors import DependencyUnavailableError, LeaseHeldError, LeaseLostError, ResmaError
from resma.events.announcer import Announcer
from resma.events.destinations import Bus, Topic
from resma.jobs.claim import LEASE_SECONDS, describe_error
from resma.jobs.messages import JobMessage
from resma.jobs.queue import put_into_outbox
from resma.settings import read_settings
from worker.attempt import Invocation
from worker.heartbeat import VISIBILITY_SECONDS
from worker.malloc import return_large_blocks
from worker.postpone import FailuresToBegin, JobPostponedError
from worker.resources import Resources
from worker.run_job import generate_report
from worker.settings import WorkerSettings
from worker.time_budget import Pace
from worker.usage import Spending

logger = Logger()

# Every batch makes thousands of tuples that live for a moment and hold no cycles; looking through them at Python's
# usual threshold of 700 took a fifth of the time that reading takes.
gc.set_threshold(50_000, 20, 20)
# What was imported stays as long as the process: looking through it for garbage took 30 ms each time.
gc.freeze()
return_large_blocks()

_failures_to_begin = FailuresToBegin()


@lru_cache
def _settings() -> WorkerSettings:
    return read_settings(WorkerSettings)


@lru_cache
def _resources() -> Resources:
    settings = _settings()
    system = Database(settings.database_secret_arn, "resma-worker")
    return Resources(
        system=system,
        source=Database(settings.source_secret_arn, "resma-worker-source", "source-database"),
        s3=s3_client(settings.s3_credentials_secret_arn),
        s3_asking_once=s3_client(settings.s3_credentials_secret_arn, retries=False),
        bucket=settings.bucket,
        retention_days=settings.retention_days,
        announcer=Announcer(
            system=system,
            topic=Topic(sns_client(), settings.topic_arn),
            bus=Bus(events_client(), settings.event_bus_name),
            public_base_url=settings.public_base_url,
        ),
        max_outage_wait_seconds=settings.max_outage_wait_seconds,
        max_statement_seconds=settings.max_statement_timeout_seconds,
        failures_to_begin=_failures_to_begin,
    )


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Entry point for `report-jobs`. A failed message is reported back, and comes again after a pause."""

    pace = Pace(context.get_remaining_time_in_millis())
    spending = Spending(int(context.memory_limit_in_mb))  # which comes as a text

    def handle_job(record: SQSRecord) -> None:
        _handle_job(record, context, Invocation(pace, partial(_hide, record, VISIBILITY_SECONDS), spending))

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
        if ended.outcome != "HANDED_OVER":
            return
        # The same message comes again: a worker that sent another one would make a chain, which Lambda cuts.
        logger.info("the invocation's time is up; the report is continued by the next one")
        _bring_back(record, message, 0)
        raise
    except LeaseHeldError as held:
        logger.info("another worker has the job; this message comes again when its lease ends")
        _hide(record, held.seconds + 1)
        raise
    except (IdempotencyAlreadyInProgressError, LeaseLostError) as error:
        logger.info("another worker has the job", reason=type(error).__name__)
        _hide(record, LEASE_SECONDS + 1)
        raise
    except JobPostponedError as postponed:
        _bring_back(record, message, postponed.seconds)
        if postponed.__cause__ is None:
            logger.info("the report waits for a dependency", pause_seconds=postponed.seconds, error=postponed.reason)
        else:
            logger.exception("an attempt has failed", pause_seconds=postponed.seconds, error=postponed.reason)
        raise
    except DependencyUnavailableError as error:
        # Before the job was claimed, or by the system's database, so that nothing is recorded.
        pause = _failures_to_begin.record()
        _hide(record, pause)
        logger.warning("a job waits", dependency=error.dependency, pause_seconds=pause, error=str(error))
        raise
    except Exception as error:
        pause = _failures_to_begin.record()
        _hide(record, pause)
        logger.exception("a job could not be begun", pause_seconds=pause, error=describe_error(error)["detail"])
        raise
    finally:
        logger.remove_keys(["report_id", "tenant_id", "attempt"])


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
    run = _Run(message, invocation)
    generate = idempotent_function(
        run.generate,
        data_keyword_argument="job",
        persistence_store=_persistence(),
        config=config,
        key_prefix="report",
    )
    job = {"report_id": str(message.report_id)}
    try:
        generate(job=job)
    except IdempotencyPersistenceLayerError as error:
        logger.warning("the idempotency table is unavailable: the lease alone keeps others out", error=str(error))
        run.finish(job)


class _Run:
    """One call of `generate_report`, whatever becomes of idempotency's record before and after it."""

    def __init__(self, message: JobMessage, invocation: Invocation) -> None:
        self._message = message
        self._invocation = invocation
        self._error: Exception | None = None
        self._is_done = False

    def generate(self, job: dict[str, str]) -> dict[str, str]:
        """Returns what idempotency keeps of a READY report. Raises _NotReady for any other outcome."""
        message = self._message
        try:
            outcome = generate_report(_resources(), message.tenant_id, message.report_id, self._invocation)
        except Exception as error:
            self._error = error
            raise
        if outcome != "READY":
            self._error = _NotReady(outcome)
            raise self._error
        self._is_done = True
        return {"report_id": job["report_id"], "status": outcome}

    def finish(self, job: dict[str, str]) -> None:
        """Does what is left to do when the table has failed: before the report was begun, or after its end."""
        if self._error is not None:
            raise self._error
        if not self._is_done:
            self.generate(job)


@lru_cache
def _persistence() -> DynamoDBPersistenceLayer:
    return DynamoDBPersistenceLayer(table_name=_settings().idempotency_table, boto_config=QUICK)


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


def _bring_back(record: SQSRecord, message: JobMessage, seconds: float) -> None:
    """Sets when the message of a PENDING job comes again. While the queue is away the job goes into the outbox: the
    message stays hidden for as long as the queue hides any. Never raises.
    """
    if _hide(record, seconds):
        return
    try:
        with _resources().system.transaction(message.tenant_id) as connection:
            put_into_outbox(connection, message.tenant_id, message.report_id)
    except ResmaError as error:
        logger.warning("the job was not put into the outbox", error=error.code)


def _hide(record: SQSRecord, seconds: float) -> bool:
    """Sets when the message comes again if it is not deleted; returns whether it did. Never raises."""
    try:
        sqs_client().change_message_visibility(
            QueueUrl=_settings().queue_url,
            ReceiptHandle=record.receipt_handle,
            VisibilityTimeout=round(seconds),
        )
    except (ClientError, BotoCoreError) as error:
        logger.warning("the message's visibility was not changed", error=type(error).__name__)
        return False
    return True
