"""What the intake keeps between invocations."""

from __future__ import annotations

from dataclasses import dataclass

from resma.database import Database
from resma.destinations import Bus
from resma.job_queue import Queue


@dataclass(frozen=True)
class Resources:
    """Clients and settings."""

    system: Database
    queue: Queue
    bus: Bus
    opens_loopback: bool
    """Whether callbacks may go to this machine, on the stage local."""
