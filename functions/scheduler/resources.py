"""What the scheduler keeps between ticks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resma.database.connection import Database
from resma.events.destinations import Bus, Topic
from resma.jobs.queue import JobQueue

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

IsTimeLeft = Callable[[], bool]
"""Whether another item may be begun."""

GRACE_SECONDS = 5
"""How long whoever wrote a row has to send its message before the tick does."""

BATCH = 100
"""Items that a task looks at before it looks again what there is."""


def do_in_batches(do_batch: Callable[[], int], most: int, is_time_left: IsTimeLeft) -> int:
    """Repeats a batch, which is a transaction of its own, until one is not full or the task's time is up.

    Returns how many items were done. The first batch is done in any case.
    """
    done = count = do_batch()
    while count == most and is_time_left():
        count = do_batch()
        done += count
    return done


@dataclass(frozen=True)
class Resources:
    """Clients and settings of all tasks."""

    system: Database
    queue: JobQueue
    topic: Topic
    bus: Bus
    public_base_url: str
    s3: S3Client
    bucket: str
    retention_days: int
    record_retention_days: int
    """0 keeps records without a limit."""
    max_outage_wait_seconds: float
    """How long a report waits in a row for dependencies that are unavailable."""
    stage: str
