"""Writes to the system's database that wait while it is unavailable, so that a failover costs a report no time.

An outage that lasts longer costs the time since the last checkpoint, and no attempt either (`recover_from_outage`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.database.connection import Database
from resma.errors import DatabaseUnavailableError

T = TypeVar("T")

logger = Logger(child=True)

PATIENCE_SECONDS = 180.0
"""How long a write is tried again, and a report generated without a heartbeat: RDS' failovers take 60 to 120 s.

A worker that stops before its lease has been over for UNNOTICED_LEASE_SECONDS would be taken for one that died."""

_PAUSE_SECONDS = 1.0


def write_patiently(
    system: Database,
    tenant_id: str,
    change: Callable[[Connection[TupleRow]], T],
    hold_message: Callable[[], object] = lambda: None,
) -> T:
    """Returns what `change` returns, run in a transaction of its own; tried again while the database is unavailable.

    `change` must name its claim: where a commit was done and not answered, the next try raises LeaseLostError.
    `hold_message` keeps the message from other workers meanwhile; a heartbeat does that by itself. Raises
    DatabaseUnavailableError after PATIENCE_SECONDS.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with system.transaction(tenant_id) as connection:
                return change(connection)
        except DatabaseUnavailableError as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("a write waits for the database", error=str(error))
            hold_message()
            time.sleep(_PAUSE_SECONDS)
