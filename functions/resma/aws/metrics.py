"""Metrics, written as lines in a function's log that CloudWatch converts.

The format is CloudWatch's "Specification: Embedded metric format". Each metric exists for the whole stage, and also by
report type if the caller names one. Metrics by tenant or report do not exist, because CloudWatch charges for each
combination of dimensions as for a metric of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from uuid import UUID

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from resma.settings import Settings, read_settings

NAMESPACE = "Resma"


class Metric(StrEnum):
    """Names of all metrics. docs/operate.md describes each of them."""

    # Functions that accept requests.
    REPORTS_REQUESTED = "ReportsRequested"

    # The worker. Metrics of failed reports also come from functions that dead-letter a report.
    REPORTS_READY = "ReportsReady"
    REPORTS_FAILED = "ReportsFailed"
    REPORTS_DEAD_LETTERED = "ReportsDeadLettered"
    REPORTS_SKIPPED = "ReportsSkipped"
    ATTEMPTS_FAILED = "AttemptsFailed"
    ATTEMPTS_POSTPONED = "AttemptsPostponed"
    ATTEMPTS_CONTINUED = "AttemptsContinued"
    LEASES_LOST = "LeasesLost"
    ROWS = "Rows"
    ROWS_PER_SECOND = "RowsPerSecond"
    GENERATE_SECONDS = "GenerateSeconds"
    QUEUED_SECONDS = "QueuedSeconds"
    PEAK_RSS_MB = "PeakRssMb"
    COST_USD = "CostUsd"

    # The webhook function.
    WEBHOOKS_DELIVERED = "WebhooksDelivered"
    WEBHOOK_ATTEMPTS_FAILED = "WebhookAttemptsFailed"
    WEBHOOKS_ABANDONED = "WebhooksAbandoned"
    WEBHOOK_SECONDS = "WebhookSeconds"

    # The delivery function.
    REPORTS_DELIVERED = "ReportsDelivered"
    DELIVERY_ATTEMPTS_FAILED = "DeliveryAttemptsFailed"
    DELIVERIES_ABANDONED = "DeliveriesAbandoned"
    DELIVERY_SECONDS = "DeliverySeconds"

    # The scheduler.
    OLDEST_WAITING_SECONDS = "OldestWaitingSeconds"
    REPORTS_WAITING = "ReportsWaiting"
    SCHEDULED_RUNS_STARTED = "ScheduledRunsStarted"
    SCHEDULES_BLOCKED = "SchedulesBlocked"
    BLOCKED_SCHEDULES = "BlockedSchedules"
    JOBS_REQUEUED = "JobsRequeued"
    JOBS_SENT_LATE = "JobsSentLate"
    EVENTS_SENT_LATE = "EventsSentLate"
    EVENTS_ABANDONED = "EventsAbandoned"
    ABANDONED_EVENTS = "AbandonedEvents"
    REPORTS_EXPIRED = "ReportsExpired"
    OPEN_OUTAGES = "OpenOutages"
    EXPIRING_CERTIFICATES = "ExpiringCertificates"


_UNITS = {
    Metric.GENERATE_SECONDS: MetricUnit.Seconds,
    Metric.QUEUED_SECONDS: MetricUnit.Seconds,
    Metric.WEBHOOK_SECONDS: MetricUnit.Seconds,
    Metric.DELIVERY_SECONDS: MetricUnit.Seconds,
    Metric.OLDEST_WAITING_SECONDS: MetricUnit.Seconds,
    Metric.ROWS_PER_SECOND: MetricUnit.CountPerSecond,
    Metric.PEAK_RSS_MB: MetricUnit.Megabytes,
    Metric.COST_USD: MetricUnit.NoUnit,
}
"""Units of metrics that are not counts."""

OUTCOMES = (Metric.REPORTS_READY, Metric.REPORTS_FAILED)
"""Metrics that are always emitted together, with 0 where needed: an alarm divides by their sum, which must exist."""

_MAX_VALUES = 100
"""Maximum number of values of a metric in one line, as the format defines it."""


def emit_dead_lettered(tenant_id: str, report_id: UUID) -> None:
    """Counts a report that was dead-lettered, in the function that dead-lettered it."""
    about = {"report_id": str(report_id), "tenant_id": tenant_id}
    emit({**dict.fromkeys(OUTCOMES, 0), Metric.REPORTS_FAILED: 1, Metric.REPORTS_DEAD_LETTERED: 1}, about=about)


def emit_abandoned_deliveries(count: int, tenant_id: str, reason: str) -> None:
    """Counts deliveries of files that have FAILED without an attempt, such as those to a disabled destination."""
    if count:
        emit({Metric.DELIVERIES_ABANDONED: count}, about={"tenant_id": tenant_id, "reason": reason})


def emit(
    values: Mapping[Metric, float | Sequence[float]],
    report_type: str | None = None,
    about: Mapping[str, object] | None = None,
) -> None:
    """Writes a line with these values. `about` are ids for readers of the log, which do not become dimensions.

    Of a sequence of values, the last `_MAX_VALUES` - 1 are written. Not thread-safe.
    """
    stage = read_settings(Settings).stage
    line = EphemeralMetrics(namespace=NAMESPACE, service="")  # empty: no dimension of its own
    line.add_dimension("Stage", stage)
    if report_type is not None:
        line.add_dimensions(Stage=stage, ReportType=report_type)
    for name, value in values.items():
        for one in [value] if isinstance(value, int | float) else value[-_MAX_VALUES + 1 :]:
            line.add_metric(name, _UNITS.get(name, MetricUnit.Count), one)
    line.add_metadata("service", os.environ.get("POWERTOOLS_SERVICE_NAME"))
    for key, identifier in (about or {}).items():
        line.add_metadata(key, identifier)
    line.flush_metrics()
