"""What the tick says of the queue, of schedules and of itself, as CloudWatch metrics."""

from __future__ import annotations

from collections.abc import Mapping

from resma.metrics import Metric, emit
from scheduler.resources import Resources

_DONE = {
    Metric.SCHEDULED_RUNS_STARTED: ("started",),
    Metric.JOBS_FREED: ("freed",),
    Metric.JOBS_SENT_LATE: ("sent",),
    Metric.EVENTS_SENT_LATE: ("published", "put"),
    Metric.REPORTS_EXPIRED: ("expired",),
}
"""By which of the tick's tasks it is counted."""


def measure_tick(resources: Resources, done: Mapping[str, int]) -> None:
    """Counts what the tick has done, the schedules that are BLOCKED, and how long the oldest report has waited.

    Since its request, or since it was last redriven, begun or saved. Not the queue's own age of its oldest message:
    that counts reports that are under way, and not those that wait for a place in the queue.
    """
    with resources.system.transaction(None) as connection:
        row = connection.execute(
            """
            SELECT count(*), coalesce(extract(epoch FROM max(clock_timestamp() - greatest(
                coalesce(redriven_at, created_at), started_at, (checkpoint ->> 'at')::timestamptz))), 0)::float8,
                   (SELECT count(*) FROM resma.schedules WHERE status = 'BLOCKED')
            FROM resma.reports WHERE status = 'PENDING'
            """
        ).fetchone()
    assert row is not None  # an aggregate always has one
    waiting, oldest, blocked = row
    values = {metric: sum(done.get(name, 0) for name in names) for metric, names in _DONE.items()}
    values |= {Metric.REPORTS_WAITING: waiting, Metric.BLOCKED_SCHEDULES: blocked}
    emit({**values, Metric.OLDEST_WAITING_SECONDS: max(0.0, oldest)})
