"""CloudWatch metrics of a scheduler run: its own counts, waiting reports, schedules, events and outages."""

from __future__ import annotations

from collections.abc import Mapping

from resma.aws.metrics import Metric, emit
from resma.encryption.certificate_rows import EXPIRING_DAYS
from resma.jobs.outages import close_stale_outages
from scheduler.resources import SchedulerResources

_DONE = {
    Metric.SCHEDULED_RUNS_STARTED: ("started",),
    Metric.JOBS_REQUEUED: ("requeued",),
    Metric.JOBS_SENT_LATE: ("sent",),
    Metric.EVENTS_SENT_LATE: ("published", "put"),
    Metric.REPORTS_EXPIRED: ("expired",),
}
"""The tasks whose counts add up to a metric."""


def measure_scheduler(resources: SchedulerResources, done: Mapping[str, int]) -> None:
    """Emits the counts of a scheduler run, of BLOCKED schedules, of abandoned events, of unavailable dependencies and
    of certificates of schedules and destinations that expire soon, and the time that the oldest report has waited.

    A report has waited since its request, its last redrive, its last start or its last checkpoint, whichever was last.
    Reports that wait for a dependency do not count: they have a metric of their own. The queue's own metric,
    ApproximateAgeOfOldestMessage, would count reports in progress, and not those that wait for a concurrency slot.
    """
    with resources.system.transaction(None) as connection:
        row = connection.execute(
            """
            SELECT count(*), coalesce(extract(epoch FROM max(clock_timestamp() - greatest(
                coalesce(redriven_at, created_at), started_at, (checkpoint ->> 'at')::timestamptz))
                       FILTER (WHERE waiting_for IS NULL)), 0)::float8,
                   (SELECT count(*) FROM resma.schedules WHERE status = 'BLOCKED'),
                   (SELECT count(*) FROM resma.event_failures WHERE abandoned_at IS NOT NULL),
                   (SELECT count(*) FROM resma.certificates AS c
                    WHERE expires_at < clock_timestamp() + make_interval(days => %s)
                      AND EXISTS (SELECT FROM resma.schedules AS s WHERE s.tenant_id = c.tenant_id
                                  AND s.status = 'ACTIVE' AND s.request -> 'encryptFor' ? c.certificate_id
                                  UNION ALL
                                  SELECT FROM resma.destinations AS d WHERE d.tenant_id = c.tenant_id
                                  AND d.disabled_at IS NULL AND c.certificate_id = ANY (d.encrypt_for)))
            FROM resma.reports WHERE status = 'PENDING'
            """,
            (EXPIRING_DAYS,),
        ).fetchone()
        outages = close_stale_outages(connection)
    assert row is not None  # an aggregate always has one
    waiting, oldest, blocked, abandoned, expiring = row
    values = {metric: sum(done.get(name, 0) for name in names) for metric, names in _DONE.items()}
    values |= {Metric.REPORTS_WAITING: waiting, Metric.BLOCKED_SCHEDULES: blocked}
    values |= {Metric.ABANDONED_EVENTS: abandoned, Metric.OPEN_OUTAGES: outages}
    values |= {Metric.EXPIRING_CERTIFICATES: expiring}
    emit({**values, Metric.OLDEST_WAITING_SECONDS: max(0.0, oldest)})
