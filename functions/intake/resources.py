"""What the intake keeps between invocations."""

from __future__ import annotations

from dataclasses import dataclass

from resma.database.connection import Database
from resma.events.destinations import Bus
from resma.jobs.queue import Queue
from resma.webhooks.receivers import Receivers


@dataclass(frozen=True)
class Resources:
    """Clients and settings."""

    system: Database
    queue: Queue
    bus: Bus
    receivers: Receivers
    """Which receivers of callbacks are allowed besides public ones."""
