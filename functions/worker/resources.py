"""What a worker process keeps between jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from resma.database.connection import Database
from resma.events.announcer import Announcer
from resma.storage.object_store import Clients
from worker.postpone import FailuresToBegin

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True)
class Resources:
    """Clients and connections, and the names of what they reach."""

    system: Database
    """The system's own tables."""
    source: Database
    """What reports are made of, by a role that can only read."""
    s3: S3Client
    s3_asking_once: S3Client
    bucket: str
    retention_days: int
    announcer: Announcer
    max_outage_wait_seconds: float
    """How long a report waits in a row for dependencies that are unavailable."""
    max_statement_seconds: int
    """The operator's maximum of a report type's `statement_timeout_seconds`."""
    failures_to_begin: FailuresToBegin = field(default_factory=FailuresToBegin)

    @property
    def clients(self) -> Clients:
        """Of the object store."""
        return Clients(self.s3, self.s3_asking_once)
