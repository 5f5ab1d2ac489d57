"""Clients and settings that the intake function reuses between invocations."""

from __future__ import annotations

from dataclasses import dataclass

from resma.database.connection import Database
from resma.encryption.deployment_key import DeploymentKey
from resma.events.destinations import Bus
from resma.jobs.queue import JobQueue
from resma.network.receivers import AllowedReceivers


@dataclass(frozen=True)
class IntakeResources:
    """Clients and settings of the intake function."""

    system: Database
    queue: JobQueue
    sealing: DeploymentKey
    """Key that passwords of files are sealed with."""
    bus: Bus
    receivers: AllowedReceivers
    """Receivers of callbacks that are allowed in addition to public ones."""
