"""Clients, connections and settings that a worker process keeps between jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from resma.database.connection import Database
from resma.events.announcer import Announcer
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
    s3: S3Client
    s3_asking_once: S3Client
    bucket: str
    retention_days: int
    announcer: Announcer
    max_outage_wait_seconds: float
    """Maximum time that a report waits in a row for dependencies that are unavailable."""
    max_statement_seconds: int
    """The operator's maximum for a report type's `statement_timeout_seconds`."""
    start_failures: StartFailures = field(default_factory=StartFailures)

    @property
    def clients(self) -> Clients:
        """The clients of the object store."""
        return Clients(self.s3, self.s3_asking_once)
