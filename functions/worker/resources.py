"""Clients, connections and settings that a worker process keeps between jobs."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from resma.catalog import ReportType
from resma.database.connection import Database
from resma.destinations.queue import DeliveryQueue
from resma.encryption.deployment_key import DeploymentKey
from resma.errors import KmsKeyNotAllowedError
from resma.events.announcer import Announcer
from resma.jobs.queue import JobQueue
from resma.storage.object_store import Clients
from worker.postpone import StartFailures

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True)
class WorkerResources:
    """Clients, connections and settings of the worker."""

    system: Database
    """The system's database, with its own tables."""
    source: Database
    """The database that reports are made from, with a role that can only read."""
    records: Database
    """A second connection to the system's database, for reports about Resma's own records: the first one is used by
    heartbeats meanwhile. Its login sees the rows of one tenant, and the transaction is read-only."""
    shard_source: Database
    """A second connection to that database, for the shards that a coordinator generates: its first one keeps the
    exported snapshot."""
    sealing: DeploymentKey
    """Key that keys of encrypted files are sealed with."""
    s3: S3Client
    s3_asking_once: S3Client
    sealed_clients: Callable[[str], Clients]
    """Returns the clients whose objects are encrypted with a tenant's KMS key, by the key's ARN."""
    kms_key_arns: Collection[str]
    """KMS keys that tenants may have: those that the function's policy allows."""
    stage: str
    """Name of the deployment, which names of secrets contain."""
    bucket: str
    retention_days: int
    announcer: Announcer
    max_outage_wait_seconds: float
    """Maximum time that a report waits in a row for dependencies that are unavailable."""
    max_statement_seconds: int
    """The operator's maximum for a report type's `statement_timeout_seconds`."""
    deliveries: DeliveryQueue
    """The queue of deliveries, to which a message is sent for each destination of a READY report."""
    queue: JobQueue
    """The queue of jobs, to which the coordinator of a split report sends one message for each shard."""
    shards_in_flight_per_report: int
    """Maximum number of shards of a report that are generated at once."""
    shards_in_flight_per_tenant: int
    """Maximum number of shards of all reports of a tenant that are generated at once."""
    worker_id: str = field(default_factory=lambda: os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME") or uuid4().hex)
    """Name of this process in the rows of shards: that of its log."""
    start_failures: StartFailures = field(default_factory=StartFailures)

    def database_of(self, report_type: ReportType) -> Database:
        """Returns the database that the query of a report type reads."""
        return self.records if report_type.database == "system" else self.source

    @property
    def clients(self) -> Clients:
        """The clients of the object store."""
        return Clients(self.s3, self.s3_asking_once)

    def sealed_with(self, kms_key: str | None) -> Self:
        """Returns resources whose objects are encrypted with a KMS key; None: with the encryption of the bucket."""
        if kms_key is None:
            return self
        clients = self.sealed_clients(kms_key)
        return replace(self, s3=clients.retrying, s3_asking_once=clients.single_attempt)

    def require_key(self, kms_key: str | None) -> None:
        """Raises KmsKeyNotAllowedError if the deployment does not list a tenant's KMS key."""
        if kms_key is not None and kms_key not in self.kms_key_arns:
            raise KmsKeyNotAllowedError(
                f"The KMS key of the tenant, {kms_key}, is not in KmsKeyArns of the deployment. Add it there, or "
                "choose another key (resma admin access set-kms-key)."
            )
