"""Makes a split report by one worker, and prints the peak memory.

Usage: python -m tests.support.peak_of_split REPORT_ID. RESMA_PEAK_DATABASE_URL is the URL of the database,
AWS_ENDPOINT_URL that of the object store, RESMA_CATALOG the folder of the report types.
"""

from __future__ import annotations

import json
import sys
from uuid import UUID

import worker.app  # noqa: F401  # loads a worker's modules and its settings of the garbage collector
from resma.aws.clients import s3_client
from tests.support.peak_of_manifest import DatabaseOfUrl, claim_report, peak_resources
from worker.attempt import ClaimedJob, Invocation
from worker.checkpoints.store import Checkpoints
from worker.peak_memory import peak_rss_mb
from worker.split.coordinator import coordinate
from worker.time_budget import TimeBudget
from worker.usage import UsageMeter


def run(report_id: UUID) -> dict[str, object]:
    """Makes the report, and returns the result and the peak memory, which the coordinator resets at its start."""
    system, source, shard_source = DatabaseOfUrl(), DatabaseOfUrl(), DatabaseOfUrl()
    claim = claim_report(system, report_id)
    resources = peak_resources(system, source, shard_source, s3_client())
    job = ClaimedJob(resources, claim, Checkpoints(resources, claim))
    result = coordinate(job, Invocation(TimeBudget(900_000), lambda: None, UsageMeter(256)))
    return {"result": result, "peak_mb": peak_rss_mb()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(UUID(sys.argv[1]))) + "\n")
