"""What a report took and what it cost: in its row, in the log, and as CloudWatch metrics."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from aws_lambda_powertools import Logger

from resma.aws.cost import Usage, price_usage, read_prices
from resma.aws.metrics import OUTCOMES, Metric, emit
from resma.jobs.claim import Claim
from resma.jobs.report_rows import StoredFile
from resma.report.records import MetricsRecord
from worker.peak_memory import peak_rss_mb

logger = Logger(child=True)


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


@dataclass
class Seconds:
    """Where the time of writing goes."""

    read: float = 0.0
    """Waiting for rows, and taking them in."""
    encode: float = 0.0
    """In the writers."""
    upload: float = 0.0
    """Waiting for room among the parts in the air."""
    save: float = 0.0
    """In checkpoints."""


def measure(  # noqa: PLR0913, PLR0917  # all that there is to say
    claim: Claim, watch: Stopwatch, writing: Seconds, files: Sequence[StoredFile], rows: int, snapshots: int
) -> MetricsRecord:
    """Returns a finished report's metrics, but for its cost. `rows` are those that this attempt has written."""
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


def price_attempts(claim: Claim, usage: Usage) -> dict[str, str]:
    """What the report has cost: this attempt's usage and that of those before it."""
    return price_usage(Usage.from_json(claim.usage) + usage, read_prices())


def emit_ready(claim: Claim, metrics: MetricsRecord, rows: int, usage: Usage) -> None:
    """Logs that a report is READY, and counts it; the cost is this attempt's, as others have counted theirs."""
    seconds = metrics["seconds"]
    logger.info(
        "the report is ready",
        type=claim.type,
        rows=rows,
        seconds=seconds["generate"],
        peak_mb=metrics["peakRssMb"],
        cost_usd=float(metrics["costUsd"]["total"]),
    )
    values = {
        **dict.fromkeys(OUTCOMES, 0),
        Metric.REPORTS_READY: 1,
        Metric.ROWS: rows,
        Metric.ROWS_PER_SECOND: metrics["rowsPerSecond"],
        Metric.GENERATE_SECONDS: seconds["generate"],
        Metric.QUEUED_SECONDS: seconds["queued"],
        Metric.PEAK_RSS_MB: metrics["peakRssMb"],
        Metric.COST_USD: _dollars(usage),
    }
    emit(values, claim.type, {**_about(claim), "formats": claim.formats, "seconds": seconds})


def emit_unfinished(claim: Claim, usage: Usage, *counted: Metric) -> None:
    """Counts an attempt that did not make its report READY, under these names, with what it cost."""
    outcomes = {**dict.fromkeys(OUTCOMES, 0.0), **dict.fromkeys(counted, 1.0)}
    values = {**outcomes, Metric.PEAK_RSS_MB: peak_rss_mb(), Metric.COST_USD: _dollars(usage)}
    emit(values, claim.type, _about(claim))


def _dollars(usage: Usage) -> float:
    return float(price_usage(usage, read_prices())["total"])


def _about(claim: Claim) -> dict[str, object]:
    return {"report_id": str(claim.report_id), "tenant_id": claim.tenant_id, "attempt": claim.attempt}
