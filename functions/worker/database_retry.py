"""Retries writes to the system's database while it is unavailable, so that a failover does not end an attempt.

A longer outage ends the attempt: the report then loses the work since its last checkpoint, but no attempt
(`resma/jobs/outcome.py`).
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

MAX_RETRY_SECONDS = 180.0
"""How long a write is retried, and how long a report is generated without a heartbeat. RDS failovers take 60 to 120 s.

It is so long that a worker that stops after it is not treated as one that died (`resma/jobs/outcome.py`).
"""

_PAUSE_SECONDS = 1.0


def write_with_retry(
    system: Database,
    tenant_id: str,
    change: Callable[[Connection[TupleRow]], T],
    extend_visibility: Callable[[], object] = lambda: None,
) -> T:
    """Runs `change` in a transaction of its own, and retries it while the database is unavailable; returns its result.

    `change` must be fenced by its claim: if a commit succeeded but its answer was lost, the retry raises
    LeaseLostError. `extend_visibility` is called between retries to keep the message hidden; a heartbeat does that by
    itself. Raises DatabaseUnavailableError after MAX_RETRY_SECONDS.
    """
    deadline = time.monotonic() + MAX_RETRY_SECONDS
    while True:
        try:
            with system.transaction(tenant_id) as connection:
                return change(connection)
        except DatabaseUnavailableError as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("a write waits for the database", error=str(error))
            extend_visibility()
            time.sleep(_PAUSE_SECONDS)
