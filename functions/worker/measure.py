"""What a report took: in its row, and as CloudWatch metrics."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from resma.job import Claim
from resma.reports import StoredFile
from worker.peak_memory import peak_rss_mb
from worker.write_files import Seconds

NAMESPACE = "Resma"


class Stopwatch:
    """Seconds spent in each stage of a job, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()

    def lap(self, stage: str) -> None:
        """Ends a stage; the next one begins."""
        now = time.monotonic()
        self.seconds[stage] = round(now - self._since, 3)
        self._since = now


def measure(  # noqa: PLR0913, PLR0917  # all that there is to say
    claim: Claim, watch: Stopwatch, writing: Seconds, files: Sequence[StoredFile], rows: int, snapshots: int
) -> dict[str, Any]:
    """Returns a finished report's metrics as its row keeps them and the API shows them.

    `seconds` are by stage: `write` is made of `read`, `encode`, `upload` and `save`; `generate` is all of the attempt,
    `queued` what came before it. `rows` are those that this attempt has written.
    """
    total = sum(watch.seconds.values())
    parts = {stage: round(seconds, 3) for stage, seconds in asdict(writing).items()}
    return {
        "seconds": {
            **watch.seconds,
            **parts,
            "generate": round(total, 3),
            "queued": _queued_seconds(claim, total),
        },
        "rowsPerSecond": round(rows / total) if total else 0,
        "peakRssMb": peak_rss_mb(),
        "parts": sum(file["parts"] for file in files),
        "snapshots": snapshots,
    }


def _queued_seconds(claim: Claim, generate_seconds: float) -> float:
    """From the request to the start of this attempt."""
    since_request = (datetime.now(UTC) - claim.created_at).total_seconds()
    return round(max(0.0, since_request - generate_seconds), 3)


def emit_metrics(claim: Claim, metrics: dict[str, Any], rows: int) -> None:
    """Prints them as an EMF line, which CloudWatch Logs turns into metrics (Embedded Metric Format specification).

    By report type and format, several formats joined by a plus: a metric a report would cost a metric a report.
    """
    emf = EphemeralMetrics(namespace=NAMESPACE, service="worker")
    emf.add_dimension("ReportType", claim.type)
    emf.add_dimension("Format", "+".join(sorted(claim.formats)))
    emf.add_metric("ReportsReady", MetricUnit.Count, 1)
    emf.add_metric("Rows", MetricUnit.Count, rows)
    emf.add_metric("RowsPerSecond", MetricUnit.CountPerSecond, metrics["rowsPerSecond"])
    emf.add_metric("PeakRss", MetricUnit.Megabytes, metrics["peakRssMb"])
    for stage, seconds in metrics["seconds"].items():
        emf.add_metric(f"{stage.capitalize()}Seconds", MetricUnit.Seconds, seconds)
    emf.add_metadata("reportId", str(claim.report_id))
    emf.flush_metrics()
