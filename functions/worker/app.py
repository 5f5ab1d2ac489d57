"""Worker Lambda: generates the report of one `report-jobs` message."""

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

from resma.aws.clients import dynamodb_client, events_client, s3_client, sealing_s3_client, sns_client, sqs_client
from resma.database.connection import Database
from resma.destinations.queue import DeliveryQueue
from resma.encryption.deployment_key import DeploymentKey
from resma.errors import DependencyUnavailableError, LeaseHeldError, LeaseLostError, ResmaError
from resma.events.announcer import Announcer
from resma.events.destinations import Bus, Topic
from resma.jobs.claim import LEASE_SECONDS, describe_error
from resma.jobs.messages import JobMessage
from resma.jobs.queue import JobQueue, put_into_outbox
from resma.settings import read_settings
from resma.shards.claim import put_shard_into_outbox
from resma.storage.object_store import Clients
from worker.attempt import Invocation, JobOutcome
from worker.heartbeat import VISIBILITY_SECONDS
from worker.postpone import JobPostponedError, StartFailures
from worker.resources import WorkerResources
from worker.run_job import generate_report
from worker.settings import WorkerSettings
from worker.split.shard_job import generate_shard
from worker.time_budget import TimeBudget
from worker.usage import UsageMeter

logger = Logger()

# Each batch creates thousands of short-lived tuples without cycles. With Python's default threshold of 700, garbage
# collection took a fifth of the reading time.
gc.set_threshold(50_000, 20, 20)
# Imported objects live as long as the process. Without this, each collection took 30 ms to check them.
gc.freeze()

_start_failures = StartFailures()


@lru_cache
def _settings() -> WorkerSettings:
    return read_settings(WorkerSettings)


@lru_cache
def _resources() -> WorkerResources:
    settings = _settings()
    system = Database(settings.database_secret_arn, "resma-worker")
    return WorkerResources(
        system=system,
        source=Database(settings.source_secret_arn, "resma-worker-source", "source-database"),
        records=Database(settings.database_secret_arn, "resma-worker-records"),
        shard_source=Database(settings.source_secret_arn, "resma-worker-shards", "source-database"),
        sealing=DeploymentKey(settings.sealing_secret_arn),
        s3=s3_client(settings.s3_credentials_secret_arn),
        s3_asking_once=s3_client(settings.s3_credentials_secret_arn, retries=False),
        sealed_clients=_sealed_clients,
        kms_key_arns=settings.kms_key_arns,
        stage=settings.stage,
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
        deliveries=DeliveryQueue(sqs_client(), settings.delivery_queue_url),
        queue=JobQueue(sqs_client(), settings.queue_url),
        shards_in_flight_per_report=settings.shards_in_flight_per_report,
        shards_in_flight_per_tenant=settings.shards_in_flight_per_tenant,
        start_failures=_start_failures,
    )


@lru_cache(maxsize=1)  # a client needs some MB, and the next report may be of another tenant
def _sealed_clients(kms_key: str) -> Clients:
    secret_arn = _settings().s3_credentials_secret_arn
    return Clients(sealing_s3_client(kms_key, secret_arn), sealing_s3_client(kms_key, secret_arn, retries=False))


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Handles messages of `report-jobs`. A failed message is reported to SQS, which delivers it again after a pause."""

    time_budget = TimeBudget(context.get_remaining_time_in_millis())
    usage_meter = UsageMeter(int(context.memory_limit_in_mb))  # Lambda passes a string

    def handle_job(record: SQSRecord) -> None:
        extend_visibility = partial(_set_visibility, record, VISIBILITY_SECONDS)
        _handle_job(record, context, Invocation(time_budget, extend_visibility, usage_meter))

    # One processor per invocation: it holds the exceptions, whose tracebacks hold a report's buffers.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    try:
        return process_partial_response(event, handle_job, processor, context)
    finally:
        del processor
        # Reference cycles of this report would otherwise stay in memory during the next reports.
        gc.collect()


def _handle_job(record: SQSRecord, context: LambdaContext, invocation: Invocation) -> None:
    message = _parse(record)
    if message is None:
        return
    logger.append_keys(report_id=str(message.report_id), tenant_id=message.tenant_id)
    invocation.extend_visibility()
    try:
        _run_once(message, context, invocation)
    except _NotReadyError as ended:
        if ended.outcome != "CONTINUED":
            return
        # SQS delivers the same message again. If workers sent a new one, Lambda would stop them as a recursive loop.
        logger.info("the invocation's time is up; the next invocation continues the report")
        _schedule_redelivery(record, message, 0)
        raise
    except LeaseHeldError as held:
        logger.info("another worker has the job; this message is delivered again when its lease ends")
        _set_visibility(record, held.seconds + 1)
        raise
    except (IdempotencyAlreadyInProgressError, LeaseLostError) as error:
        logger.info("another worker has the job", reason=type(error).__name__)
        _set_visibility(record, LEASE_SECONDS + 1)
        raise
    except JobPostponedError as postponed:
        _schedule_redelivery(record, message, postponed.seconds)
        if postponed.__cause__ is None:
            logger.info("the report waits for a dependency", pause_seconds=postponed.seconds, error=postponed.reason)
        else:
            logger.exception("an attempt has failed", pause_seconds=postponed.seconds, error=postponed.reason)
        raise
    except DependencyUnavailableError as error:
        # Raised before the job was claimed or by the system's database, so nothing could be recorded.
        pause = _start_failures.record()
        _set_visibility(record, pause)
        logger.warning("a job waits", dependency=error.dependency, pause_seconds=pause, error=str(error))
        raise
    except Exception as error:
        pause = _start_failures.record()
        _set_visibility(record, pause)
        logger.exception("a job could not be started", pause_seconds=pause, error=describe_error(error)["detail"])
        raise
    finally:
        logger.remove_keys(["report_id", "tenant_id", "attempt"])


class _NotReadyError(Exception):
    """The report is not READY. The exception keeps the idempotency record open, so that the job can be run again."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def _run_once(message: JobMessage, context: LambdaContext, invocation: Invocation) -> None:
    """Generates the report behind powertools' idempotency, which filters most duplicates cheaply.

    The lease in the row of the report or of the shard decides. Only a READY report completes the idempotency record: a
    report may be continued under the same key, an operator may redrive one that has failed, and a report that restarts
    has new shards with the same numbers.
    """
    config = IdempotencyConfig(
        event_key_jmespath="report_id", raise_on_no_idempotency_key=True, expires_after_seconds=3600
    )
    config.register_lambda_context(_LeaseContext.of(context))  # type: ignore[arg-type]  # it uses only this method
    run = _JobRun(message, invocation)
    generate = idempotent_function(
        run.generate,
        data_keyword_argument="job",
        persistence_store=_persistence(),
        config=config,
        key_prefix="report",
    )
    job = {"report_id": f"{message.report_id}/{message.shard}" if message.shard else str(message.report_id)}
    try:
        generate(job=job)
    except IdempotencyPersistenceLayerError as error:
        logger.warning("the idempotency table is unavailable: only the lease prevents duplicates", error=str(error))
        run.finish(job)


class _JobRun:
    """Runs the job at most once, even if the idempotency record cannot be written before or after it."""

    def __init__(self, message: JobMessage, invocation: Invocation) -> None:
        self._message = message
        self._invocation = invocation
        self._error: Exception | None = None
        self._is_done = False

    def generate(self, job: dict[str, str]) -> dict[str, str]:
        """Returns the result that idempotency stores for a READY report. Raises _NotReadyError for other outcomes."""
        message = self._message
        try:
            outcome = _generate(message, self._invocation)
        except Exception as error:
            self._error = error
            raise
        if outcome != "READY":
            self._error = _NotReadyError(outcome)
            raise self._error
        self._is_done = True
        return {"report_id": job["report_id"], "status": outcome}

    def finish(self, job: dict[str, str]) -> None:
        """Completes the call after the idempotency table has failed, before the report was started or after its end."""
        if self._error is not None:
            raise self._error
        if not self._is_done:
            self.generate(job)


def _generate(message: JobMessage, invocation: Invocation) -> JobOutcome:
    if message.shard is None:
        return generate_report(_resources(), message.tenant_id, message.report_id, invocation)
    return generate_shard(_resources(), message.tenant_id, message.report_id, message.shard, invocation)


@lru_cache
def _persistence() -> DynamoDBPersistenceLayer:
    return DynamoDBPersistenceLayer(table_name=_settings().idempotency_table, boto3_client=dynamodb_client())


@dataclass(frozen=True)
class _LeaseContext:
    """The Lambda context for idempotency, with the duration of a lease as remaining time.

    A worker that dies then blocks its key for seconds and not for up to 15 minutes. If a worker runs longer, the lease
    in the report's row prevents duplicates.
    """

    milliseconds: int

    @classmethod
    def of(cls, context: LambdaContext) -> _LeaseContext:
        return cls(min(context.get_remaining_time_in_millis(), LEASE_SECONDS * 1000))

    def get_remaining_time_in_millis(self) -> int:
        """Returns the milliseconds after which another worker may use the key."""
        return self.milliseconds


def _parse(record: SQSRecord) -> JobMessage | None:
    try:
        return JobMessage.model_validate_json(record.body)
    except ValidationError:
        logger.warning("a message that is not a job was discarded", message_id=record.message_id)
        return None


def _schedule_redelivery(record: SQSRecord, message: JobMessage, seconds: float) -> None:
    """Sets when the message of a PENDING job is delivered again. Never raises.

    If the queue is unavailable, the job goes into the outbox, because the message stays hidden for the queue's whole
    visibility timeout.
    """
    if _set_visibility(record, seconds):
        return
    try:
        with _resources().system.transaction(message.tenant_id) as connection:
            if message.shard is None:
                put_into_outbox(connection, message.tenant_id, message.report_id)
            else:
                put_shard_into_outbox(connection, message.tenant_id, message.report_id, message.shard)
    except ResmaError as error:
        logger.warning("the job was not put into the outbox", error=error.code)


def _set_visibility(record: SQSRecord, seconds: float) -> bool:
    """Sets the message's visibility timeout; returns whether that succeeded. Never raises."""
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
