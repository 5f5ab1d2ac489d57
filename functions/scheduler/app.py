"""Scheduler Lambda: EventBridge's tick in, once a minute; unsent jobs and events out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from resma.aws import sns_client, sqs_client
from resma.database import Database
from resma.settings import read_settings
from scheduler.empty_outbox import Resources, free_orphans, publish_unpublished_events, send_unsent_jobs
from scheduler.settings import SchedulerSettings

logger = Logger()

SPARE_SECONDS = 10
"""What a last message may take, when the queue or the topic is slow."""


@lru_cache
def _resources() -> Resources:
    settings = read_settings(SchedulerSettings)
    return Resources(
        system=Database(settings.system_secret_arn, "resma-scheduler"),
        sqs=sqs_client(),
        queue_url=settings.queue_url,
        sns=sns_client(),
        topic_arn=settings.topic_arn,
        public_base_url=settings.public_base_url,
    )


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Entry point for the tick. Safe to run twice at once: rows are locked, and those that are locked passed over."""
    resources = _resources()

    def is_time_left() -> bool:
        return context.get_remaining_time_in_millis() > SPARE_SECONDS * 1000

    done = {
        "freed": free_orphans(resources),
        "sent": send_unsent_jobs(resources, is_time_left),
        "published": publish_unpublished_events(resources, is_time_left),
    }
    logger.info("the tick is done", extra=done)
    return done
