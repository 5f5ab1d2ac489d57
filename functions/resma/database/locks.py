"""Advisory locks of Postgres: each is held until its transaction ends."""

from __future__ import annotations

from enum import StrEnum

from psycopg import Connection
from psycopg.rows import TupleRow


class AdvisoryLock(StrEnum):
    """What a lock keeps from happening twice at once. Its value and a key make the lock's number."""

    DEDUPLICATE = "resma.deduplicate"
    """Two requests of a tenant that are the same."""
    ESTIMATE = "resma.estimate"
    """A tenant's counts of rows for estimates. On the source database."""
    LIVE_REPORTS = "resma.live_reports"
    """A tenant's requests, which share its limit of live reports."""
    SCHEDULES = "resma.schedules"
    """A tenant's new schedules, which share its limit of schedules."""
    WEBHOOK_DELIVERIES = "resma.webhook_deliveries"
    """Runs that choose due deliveries."""
    WEBHOOK_ENDPOINTS = "resma.webhook_endpoints"
    """A tenant's new endpoints, which share its limit of endpoints."""


def acquire_lock(connection: Connection[TupleRow], lock: AdvisoryLock, *key: str) -> None:
    """Waits for a lock."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (" ".join((lock, *key)),))


def try_acquire_lock(connection: Connection[TupleRow], lock: AdvisoryLock, *key: str) -> bool:
    """Takes a lock if nobody holds it; returns whether it was taken."""
    row = connection.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (" ".join((lock, *key)),)
    ).fetchone()
    return row == (True,)
