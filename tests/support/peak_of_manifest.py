"""Writes the manifest and the ZIP archive of a split report, and prints the peak memory and the seconds of both.

Usage: python -m tests.support.peak_of_manifest REPORT_ID. RESMA_PEAK_DATABASE_URL is the URL of the system's database,
AWS_ENDPOINT_URL that of the object store. All files consist of zeros, which are not requested from the store: 100,000
requests would take minutes.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

import worker.app  # noqa: F401  # loads a worker's modules and its settings of the garbage collector
from resma.aws.clients import s3_client
from resma.database.connection import Database
from resma.encryption.deployment_key import DeploymentKey
from resma.events.announcer import Announcer
from resma.jobs.claim import Claim, claim_job
from resma.report.records import LIST_NAME
from resma.storage.object_store import Clients
from worker.attempt import ClaimedJob
from worker.checkpoints.store import Checkpoints
from worker.peak_memory import peak_rss_mb, reset_peak
from worker.resources import WorkerResources
from worker.split.manifest import write_manifest
from worker.time_budget import TimeBudget

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from resma.destinations.queue import DeliveryQueue
    from resma.jobs.queue import JobQueue

DATABASE_URL = "RESMA_PEAK_DATABASE_URL"


class DatabaseOfUrl(Database):
    """A database whose URL is known, so that no secret is needed."""

    def __init__(self) -> None:
        super().__init__("", "peak")
        self._opened = psycopg.connect(os.environ[DATABASE_URL], client_encoding="UTF8", prepare_threshold=None)

    def connect(self) -> Connection[TupleRow]:
        """Returns the connection."""
        return self._opened


class _StoreOfZeros:
    """A client of the store that returns zeros for objects that it has not stored itself."""

    def __init__(self, client: S3Client) -> None:
        self._client = client
        self._lists: defaultdict[str, list[bytes]] = defaultdict(list)

    def upload_part(self, **given: Any) -> Any:
        """Uploads a part, and keeps that of a list: the archive contains it."""
        return self._keep(self._client.upload_part, given)

    def put_object(self, **given: Any) -> Any:
        """Stores an object, and keeps a list."""
        return self._keep(self._client.put_object, given)

    def _keep(self, call: Callable[..., Any], given: dict[str, Any]) -> Any:
        if given["Key"].endswith(LIST_NAME):
            self._lists[given["Key"]].append(given["Body"])
        return call(**given)

    def get_object(self, *, Key: str, Range: str, **_more: str) -> dict[str, Any]:  # noqa: N803  # boto3's names
        """Returns the bytes of a range."""
        first, last = (int(offset) for offset in Range.removeprefix("bytes=").split("-"))
        if Key in self._lists:
            return {"Body": io.BytesIO(b"".join(self._lists[Key])[first : last + 1])}
        return {"Body": io.BytesIO(bytes(last - first + 1))}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def run(report_id: UUID) -> dict[str, float]:
    """Writes manifest and archive, and returns the figures."""
    database, client = DatabaseOfUrl(), s3_client()
    claim = claim_report(database, report_id)
    resources = peak_resources(database, database, database, cast("S3Client", _StoreOfZeros(client)))
    reset_peak()
    since = monotonic()
    job = ClaimedJob(resources, claim, Checkpoints(resources, claim))
    record = write_manifest(job, (), TimeBudget(900_000), Event())
    assert record is not None
    figures = {"peak_mb": peak_rss_mb(), "seconds": round(monotonic() - since, 1), "list": record["list"]["bytes"]}
    return {**figures, "zip": record["zip"]["bytes"] if record["zip"] else 0}


def claim_report(system: Database, report_id: UUID) -> Claim:
    """Claims a report of the tenant `demo`."""
    with system.transaction("demo") as connection:
        claim = claim_job(connection, "demo", report_id)
    assert claim is not None
    return claim


def peak_resources(system: Database, source: Database, shard_source: Database, store: S3Client) -> WorkerResources:
    """Returns the resources of a worker that makes split reports alone, without queues and events."""
    client = s3_client()
    return WorkerResources(
        system=system,
        source=source,
        records=source,
        shard_source=shard_source,
        sealing=DeploymentKey("none"),
        queue=cast("JobQueue", None),
        deliveries=cast("DeliveryQueue", None),
        shards_in_flight_per_report=1,
        shards_in_flight_per_tenant=1,
        s3=store,
        s3_asking_once=s3_client(retries=False),
        sealed_clients=lambda _: Clients(client, client),
        kms_key_arns=(),
        stage="local",
        bucket="peaks",
        retention_days=30,
        announcer=cast("Announcer", None),
        max_outage_wait_seconds=60,
        max_statement_seconds=60,
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(UUID(sys.argv[1]))) + "\n")
