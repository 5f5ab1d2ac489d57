"""Advisory locks of Postgres, which are held until the end of the transaction."""

from __future__ import annotations

from enum import StrEnum

from psycopg import Connection
from psycopg.rows import TupleRow


class AdvisoryLock(StrEnum):
    """Names of the advisory locks. A name and a key are hashed to the number of the lock."""

    DEDUPLICATE = "resma.deduplicate"
    """Serializes identical requests of a tenant, so that they share a report."""
    CERTIFICATES = "resma.certificates"
    """Serializes the creation of a tenant's certificates, which share a limit, and their deletion with every
    transaction that stores the id of one."""
    DESTINATIONS = "resma.destinations"
    """Serializes the creation of a tenant's destinations, which share a limit."""
    ESTIMATE = "resma.estimate"
    """Allows one count of rows for an estimate per tenant at a time. It is held in the source database."""
    FILE_DELIVERIES = "resma.file_deliveries"
    """Serializes functions that claim deliveries of a destination, because those in progress are limited."""
    LIVE_REPORTS = "resma.live_reports"
    """Serializes a tenant's requests, which share a limit of live reports."""
    SCHEDULES = "resma.schedules"
    """Serializes the creation of a tenant's schedules, which share a limit."""
    SHARDS = "resma.shards"
    """Serializes coordinators that send messages of shards, because the shards in flight of a tenant are limited."""
    WEBHOOK_DELIVERIES = "resma.webhook_deliveries"
    """Serializes invocations that claim due deliveries."""
    WEBHOOK_ENDPOINTS = "resma.webhook_endpoints"
    """Serializes the creation of a tenant's endpoints, which share a limit."""


def acquire_lock(connection: Connection[TupleRow], lock: AdvisoryLock, *key: str) -> None:
    """Waits until the lock is available, and acquires it for the rest of the transaction."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (" ".join((lock, *key)),))


def try_acquire_lock(connection: Connection[TupleRow], lock: AdvisoryLock, *key: str) -> bool:
    """Acquires the lock if no other transaction holds it. Returns whether it was acquired."""
    row = connection.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (" ".join((lock, *key)),)
    ).fetchone()
    return row == (True,)
