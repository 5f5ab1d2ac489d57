"""Clients and settings that the scheduler keeps between invocations, and helpers that its tasks share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resma.database.connection import Database
from resma.destinations.queue import DeliveryQueue
from resma.events.destinations import Bus, Topic
from resma.jobs.queue import JobQueue

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

IsTimeLeft = Callable[[], bool]
"""Returns whether a task has time to start another item."""

GRACE_SECONDS = 5
"""How long the process that wrote a row has to send its message before the scheduler sends it."""

BATCH = 100
"""Maximum number of rows that a task reads at once."""


def do_in_batches(do_batch: Callable[[], int], batch_size: int, is_time_left: IsTimeLeft) -> int:
    """Repeats a batch, which is a transaction of its own, until one is not full or the task's time is up.

    Returns how many items were done. The first batch is always done.
    """
    done = count = do_batch()
    while count == batch_size and is_time_left():
        count = do_batch()
        done += count
    return done


@dataclass(frozen=True)
class SchedulerResources:
    """Clients and settings of all tasks."""

    system: Database
    queue: JobQueue
    deliveries: DeliveryQueue
    topic: Topic
    bus: Bus
    public_base_url: str
    s3: S3Client
    bucket: str
    retention_days: int
    record_retention_days: int
    """Days for which records are kept; 0 keeps them without a limit."""
    max_outage_wait_seconds: float
    """Maximum time that a report waits in a row for dependencies that are unavailable."""
    stage: str
