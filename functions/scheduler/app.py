"""Scheduler Lambda: EventBridge's tick in, once a minute; what was left undone is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from resma.aws.clients import events_client, s3_client, sns_client, sqs_client
from resma.database.connection import Database
from resma.errors import SchedulerRunIncompleteError
from resma.events.destinations import Bus, Topic
from resma.jobs.queue import JobQueue
from resma.settings import read_settings
from scheduler.end_waits import end_waits
from scheduler.expire_reports import expire_reports, forget_idempotency_keys
from scheduler.measure import measure_scheduler
from scheduler.publish_events import publish_unpublished_events, put_events_on_bus
from scheduler.purge_records import purge_records
from scheduler.remove_files import remove_files
from scheduler.requeue_orphaned_jobs import free_orphans
from scheduler.resources import IsTimeLeft, Resources
from scheduler.send_jobs import send_unsent_jobs
from scheduler.settings import SchedulerSettings
from scheduler.start_due_schedules import start_due_schedules
from scheduler.sweep_leftovers import sweep_leftovers

logger = Logger()

SPARE_SECONDS = 10
"""What a last message may take, when the queue or the topic is slow."""

TASKS: Mapping[str, Callable[[Resources, IsTimeLeft], int]] = {
    "started": start_due_schedules,
    "freed": free_orphans,
    "ended": end_waits,
    "sent": send_unsent_jobs,
    "published": publish_unpublished_events,
    "put": put_events_on_bus,
    "expired": expire_reports,
    "forgotten": forget_idempotency_keys,
    "deleted": remove_files,
    "purged": purge_records,
    "swept": sweep_leftovers,
}
"""In the order in which they are done, by what they count: what somebody waits for comes first."""


@lru_cache
def _resources() -> Resources:
    settings = read_settings(SchedulerSettings)
    return Resources(
        system=Database(settings.system_secret_arn, "resma-scheduler"),
        queue=JobQueue(sqs_client(), settings.queue_url),
        topic=Topic(sns_client(), settings.topic_arn),
        bus=Bus(events_client(), settings.event_bus_name),
        public_base_url=settings.public_base_url,
        # No answer within 8 s is a reason to end the sweep: the tick has others, and an end of its own.
        s3=s3_client(settings.s3_credentials_secret_arn, retries=False, answer_seconds=5),
        bucket=settings.bucket,
        retention_days=settings.retention_days,
        record_retention_days=settings.record_retention_days,
        max_outage_wait_seconds=settings.max_outage_wait_seconds,
        stage=settings.stage,
    )


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Entry point for the tick. Safe to run twice at once: rows are locked, and those that are locked passed over.

    A task that fails is logged and does not stop the others. Raises SchedulerRunIncompleteError at the end then: an
    alarm counts it.
    """
    resources = _resources()
    done: dict[str, int] = {}
    for name, task in TASKS.items():
        is_time_left = _share_of_time(context, is_last=name == list(TASKS)[-1])
        try:
            done[name] = task(resources, is_time_left)
            if not is_time_left():
                logger.warning("a task of the tick has used up its time: the next tick goes on", task=name)
        except Exception:
            logger.exception("a task of the tick has failed", task=name)
    logger.info("the tick is done", extra=done)
    failed = [name for name in TASKS if name not in done]
    try:
        measure_scheduler(resources, done)
    except Exception:
        logger.exception("the tick could not be measured")
        failed.append("measure")
    if failed:
        raise SchedulerRunIncompleteError(f"tasks of the tick have failed, see the log above: {', '.join(failed)}")
    return done


def _share_of_time(context: LambdaContext, *, is_last: bool) -> IsTimeLeft:
    """Half of what is left, and all of it for the last task: one that is far behind leaves the others their turn."""
    spare = SPARE_SECONDS * 1000
    left = max(0, context.get_remaining_time_in_millis() - spare)
    kept = spare if is_last else spare + left / 2
    return lambda: context.get_remaining_time_in_millis() > kept
