"""Scheduler Lambda: EventBridge invokes it once a minute. It starts due schedules, and repairs and cleans up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from resma.aws.clients import events_client, s3_client, sns_client, sqs_client
from resma.database.connection import Database
from resma.destinations.queue import DeliveryQueue
from resma.errors import SchedulerRunIncompleteError
from resma.events.destinations import Bus, Topic
from resma.jobs.queue import JobQueue
from resma.settings import read_settings
from scheduler.end_waits import end_waits
from scheduler.expire_reports import expire_reports, purge_idempotency_keys
from scheduler.measure import measure_scheduler
from scheduler.publish_events import publish_unpublished_events, put_events_on_bus
from scheduler.purge_records import purge_records
from scheduler.remove_files import remove_files
from scheduler.requeue_orphaned_jobs import requeue_orphaned_jobs
from scheduler.resources import IsTimeLeft, SchedulerResources
from scheduler.send_deliveries import send_due_deliveries
from scheduler.send_jobs import send_unsent_jobs
from scheduler.settings import SchedulerSettings
from scheduler.start_due_schedules import start_due_schedules
from scheduler.sweep_leftovers import sweep_leftovers

logger = Logger()

SPARE_SECONDS = 10
"""Time kept in reserve for a last message when the queue or the topic is slow."""

TASKS: Mapping[str, Callable[[SchedulerResources, IsTimeLeft], int]] = {
    "started": start_due_schedules,
    "requeued": requeue_orphaned_jobs,
    "ended": end_waits,
    "sent": send_unsent_jobs,
    "published": publish_unpublished_events,
    "put": put_events_on_bus,
    "delivered": send_due_deliveries,
    "expired": expire_reports,
    "keys_purged": purge_idempotency_keys,
    "deleted": remove_files,
    "purged": purge_records,
    "swept": sweep_leftovers,
}
"""Tasks in the order in which they run, by the name of their count. Tasks that users wait for come first."""


@lru_cache
def _resources() -> SchedulerResources:
    settings = read_settings(SchedulerSettings)
    return SchedulerResources(
        system=Database(settings.system_secret_arn, "resma-scheduler"),
        queue=JobQueue(sqs_client(), settings.queue_url),
        deliveries=DeliveryQueue(sqs_client(), settings.delivery_queue_url),
        topic=Topic(sns_client(), settings.topic_arn),
        bus=Bus(events_client(), settings.event_bus_name),
        public_base_url=settings.public_base_url,
        # If the store does not answer within 8 s, the sweep ends, so that the other tasks have time to run.
        s3=s3_client(settings.s3_credentials_secret_arn, retries=False, answer_seconds=5),
        bucket=settings.bucket,
        retention_days=settings.retention_days,
        record_retention_days=settings.record_retention_days,
        max_outage_wait_seconds=settings.max_outage_wait_seconds,
        stage=settings.stage,
    )


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Runs all tasks once. Safe to run twice at once: each run locks its rows and skips rows that are locked.

    A task that fails is logged and does not stop the others. At the end SchedulerRunIncompleteError is then raised,
    which an alarm counts.
    """
    resources = _resources()
    done: dict[str, int] = {}
    for name, task in TASKS.items():
        is_time_left = _share_of_time(context, is_last=name == list(TASKS)[-1])
        try:
            done[name] = task(resources, is_time_left)
            if not is_time_left():
                logger.warning("a scheduler task has used up its time: the next run continues it", task=name)
        except Exception:
            logger.exception("a scheduler task has failed", task=name)
    logger.info("the scheduler run is done", extra=done)
    failed = [name for name in TASKS if name not in done]
    try:
        measure_scheduler(resources, done)
    except Exception:
        logger.exception("the metrics of the scheduler run could not be emitted")
        failed.append("measure")
    if failed:
        raise SchedulerRunIncompleteError(f"Scheduler tasks have failed: {', '.join(failed)}. See the log above.")
    return done


def _share_of_time(context: LambdaContext, *, is_last: bool) -> IsTimeLeft:
    """Returns a check of whether a task may continue. A task gets half of the time left, the last task all of it.

    So a task with a large backlog leaves time for the others.
    """
    spare = SPARE_SECONDS * 1000
    left = max(0, context.get_remaining_time_in_millis() - spare)
    reserved = spare if is_last else spare + left / 2
    return lambda: context.get_remaining_time_in_millis() > reserved
