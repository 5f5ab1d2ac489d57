"""What the tick says of the queue and of itself, as CloudWatch metrics."""

from __future__ import annotations

from collections.abc import Mapping

from resma.metrics import Metric, emit
from scheduler.resources import Resources

_DONE = {
    "freed": Metric.JOBS_FREED,
    "sent": Metric.JOBS_SENT_LATE,
    "published": Metric.EVENTS_PUBLISHED_LATE,
    "expired": Metric.REPORTS_EXPIRED,
}
"""By what the tick's tasks count."""


def measure_tick(resources: Resources, done: Mapping[str, int]) -> None:
    """Counts what the tick has done, and how long the oldest report has waited.

    From its request, or from when it was last redriven, begun or saved. Not the queue's own age of its oldest message:
    that counts reports that are under way, and not those that wait for a place in the queue.
    """
    with resources.system.transaction(None) as connection:
        row = connection.execute(
            """
            SELECT count(*), coalesce(extract(epoch FROM max(clock_timestamp() - greatest(
                coalesce(redriven_at, created_at), started_at, (checkpoint ->> 'at')::timestamptz))), 0)::float8
            FROM resma.reports WHERE status = 'PENDING'
            """
        ).fetchone()
    assert row is not None  # an aggregate always has one
    waiting, oldest = row
    values = {metric: done[name] for name, metric in _DONE.items() if name in done}
    emit({**values, Metric.REPORTS_WAITING: waiting, Metric.OLDEST_WAITING_SECONDS: max(0.0, oldest)})
