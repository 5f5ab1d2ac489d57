"""What the intake keeps between invocations."""

from __future__ import annotations

from dataclasses import dataclass

from resma.database.connection import Database
from resma.events.destinations import Bus
from resma.jobs.queue import JobQueue
from resma.webhooks.receivers import AllowedReceivers


@dataclass(frozen=True)
class IntakeResources:
    """Clients and settings."""

    system: Database
    queue: JobQueue
    bus: Bus
    receivers: AllowedReceivers
    """Which receivers of callbacks are allowed besides public ones."""
