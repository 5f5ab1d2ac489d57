"""Metrics and cost of a report: for its row, for the log, and as CloudWatch metrics."""

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
from resma.shards.claim import ShardClaim
from worker.peak_memory import peak_rss_mb

logger = Logger(child=True)


class Stopwatch:
    """Measures the seconds of each stage of a job, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()

    def lap(self, stage: str) -> None:
        """Records the end of a stage, which is the start of the next."""
        now = time.monotonic()
        self.seconds[stage] = round(now - self._since, 3)
        self._since = now


@dataclass
class WritingSeconds:
    """Seconds of the writing stage, by activity."""

    read: float = 0.0
    """Seconds spent on reading rows from the database."""
    encode: float = 0.0
    """Seconds spent in the writers."""
    upload: float = 0.0
    """Seconds spent waiting until another part may be uploaded."""
    save: float = 0.0
    """Seconds spent on checkpoints."""


def measure(  # noqa: PLR0913, PLR0917  # all measurements of an attempt
    claim: Claim, watch: Stopwatch, writing: WritingSeconds, files: Sequence[StoredFile], rows: int, snapshots: int
) -> MetricsRecord:
    """Returns a finished report's metrics, without its cost. `rows` is the number of rows that this attempt wrote."""
    parts = sum(file["parts"] for file in files)
    return _measure(claim, watch, writing, rows, parts=parts, snapshots=snapshots)


@dataclass(frozen=True)
class SplitWork:
    """What the workers of a split report have done; `keys_of_attempt` and `rows_of_attempt` during this attempt."""

    keys: int
    files: int
    keys_of_attempt: int
    rows_of_attempt: int
    workers: int
    snapshots: int


def measure_split(claim: Claim, watch: Stopwatch, writing: WritingSeconds, work: SplitWork) -> MetricsRecord:
    """Returns a finished split report's metrics, without its cost. `writing` is that of the coordinator's shards."""
    metrics = _measure(claim, watch, writing, work.rows_of_attempt, parts=work.files, snapshots=max(1, work.snapshots))
    seconds, files = metrics["seconds"]["generate"], work.keys_of_attempt * len(claim.formats)
    return {
        **metrics,
        "keys": work.keys,
        "files": work.files,
        "filesPerSecond": round(files / seconds) if seconds else 0,
        "workers": max(1, work.workers),
    }


def _measure(  # noqa: PLR0913  # all measurements of an attempt
    claim: Claim, watch: Stopwatch, writing: WritingSeconds, rows: int, *, parts: int, snapshots: int
) -> MetricsRecord:
    total = sum(watch.seconds.values())
    activities = {stage: round(seconds, 3) for stage, seconds in asdict(writing).items()}
    return {
        "seconds": {
            **watch.seconds,
            **activities,
            "generate": round(total, 3),
            "queued": _queued_seconds(claim, total),
        },
        "rowsPerSecond": round(rows / total) if total else 0,
        "peakRssMb": peak_rss_mb(),
        "parts": parts,
        "snapshots": snapshots,
    }


def _queued_seconds(claim: Claim, generate_seconds: float) -> float:
    """Returns the seconds from the request to the start of this attempt."""
    since_request = (datetime.now(UTC) - claim.created_at).total_seconds()
    return round(max(0.0, since_request - generate_seconds), 3)


def price_attempts(claim: Claim, usage: Usage) -> dict[str, str]:
    """Returns the report's cost: the usage of this attempt and of the earlier ones."""
    return price_usage(Usage.from_json(claim.usage) + usage, read_prices())


def emit_ready(claim: Claim, metrics: MetricsRecord, rows: int, usage: Usage) -> None:
    """Logs that a report is READY, and emits its metrics. The cost is that of this attempt only.

    Earlier attempts have emitted their own.
    """
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
    """Emits the metrics of an attempt that did not make its report READY: its cost, and 1 for each of `counted`."""
    emit(_values_of_attempt(usage, counted), claim.type, _about(claim))


def emit_shard(report_type: str, claim: ShardClaim, usage: Usage, *counted: Metric) -> None:
    """Emits the metrics of an attempt of a shard: its cost, and 1 for each of `counted`."""
    about = {"report_id": str(claim.report_id), "tenant_id": claim.tenant_id, "attempt": claim.attempt}
    emit(_values_of_attempt(usage, counted), report_type, {**about, "shard": claim.shard})


def _values_of_attempt(usage: Usage, counted: Sequence[Metric]) -> dict[Metric, float]:
    outcomes = {**dict.fromkeys(OUTCOMES, 0.0), **dict.fromkeys(counted, 1.0)}
    return {**outcomes, Metric.PEAK_RSS_MB: peak_rss_mb(), Metric.COST_USD: _dollars(usage)}


def _dollars(usage: Usage) -> float:
    return float(price_usage(usage, read_prices())["total"])


def _about(claim: Claim) -> dict[str, object]:
    return {"report_id": str(claim.report_id), "tenant_id": claim.tenant_id, "attempt": claim.attempt}
