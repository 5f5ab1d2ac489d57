"""What the tick says of the queue, of schedules and of itself, as CloudWatch metrics."""

from __future__ import annotations

from collections.abc import Mapping

from resma.aws.metrics import Metric, emit
from resma.jobs.outages import close_stale_outages
from scheduler.resources import Resources

_DONE = {
    Metric.SCHEDULED_RUNS_STARTED: ("started",),
    Metric.JOBS_REQUEUED: ("freed",),
    Metric.JOBS_SENT_LATE: ("sent",),
    Metric.EVENTS_SENT_LATE: ("published", "put"),
    Metric.REPORTS_EXPIRED: ("expired",),
}
"""By which of the tick's tasks it is counted."""


def measure_scheduler(resources: Resources, done: Mapping[str, int]) -> None:
    """Counts what the tick has done, the schedules that are BLOCKED, the events that are abandoned and the dependencies
    that are unavailable, and measures how long the oldest report has waited.

    Since its request, or since it was last redriven, begun or saved; not one that waits for a dependency, which has a
    measure of its own. Not the queue's own age of its oldest message:
    that counts reports that are under way, and not those that wait for a place in the queue.
    """
    with resources.system.transaction(None) as connection:
        row = connection.execute(
            """
            SELECT count(*), coalesce(extract(epoch FROM max(clock_timestamp() - greatest(
                coalesce(redriven_at, created_at), started_at, (checkpoint ->> 'at')::timestamptz))
                       FILTER (WHERE waiting_for IS NULL)), 0)::float8,
                   (SELECT count(*) FROM resma.schedules WHERE status = 'BLOCKED'),
                   (SELECT count(*) FROM resma.event_failures WHERE abandoned_at IS NOT NULL)
            FROM resma.reports WHERE status = 'PENDING'
            """
        ).fetchone()
        outages = close_stale_outages(connection)
    assert row is not None  # an aggregate always has one
    waiting, oldest, blocked, abandoned = row
    values = {metric: sum(done.get(name, 0) for name in names) for metric, names in _DONE.items()}
    values |= {Metric.REPORTS_WAITING: waiting, Metric.BLOCKED_SCHEDULES: blocked}
    values |= {Metric.ABANDONED_EVENTS: abandoned, Metric.OPEN_OUTAGES: outages}
    emit({**values, Metric.OLDEST_WAITING_SECONDS: max(0.0, oldest)})
