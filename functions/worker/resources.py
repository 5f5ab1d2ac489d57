"""What a worker process keeps between jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from resma.announce import Announcer
from resma.database import Database
from resma.object_store import Clients

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

    @property
    def clients(self) -> Clients:
        """Of the object store."""
        return Clients(self.s3, self.s3_asking_once)
