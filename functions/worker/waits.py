"""Lets a report wait for a dependency that is unavailable: it becomes PENDING again, without using up an attempt.

The wait lasts from the first failure until an attempt makes progress (a checkpoint) or ends for another reason. After
`max_wait_seconds` the report is FAILED, as a dead letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.errors import DependencyUnavailableError
from resma.jobs import transitions
from resma.jobs.claim import Claim, describe_attempt
from resma.jobs.outages import Outage, open_outage
from resma.jobs.outcome import fail_waiting_job

FIRST_WAIT_SECONDS = 5
"""Minimum pause before a report is tried again.

A pause is as long as the report has waited so far, plus up to 25 % jitter. So it doubles with time and not with the
number of messages, and duplicates do not make it longer.
"""

MAX_WAIT_SECONDS = 150
"""Maximum pause before a report is tried again, without jitter."""

_WAIT: LiteralString = """
    waiting_for = %(dependency)s, waiting_detail = %(waiting_detail)s,
    waiting_since = coalesce(waiting_since, clock_timestamp()), waits = waits + 1,
    next_attempt_at = clock_timestamp() + greatest(
        make_interval(secs => (1 + random() / 4) * least(%(max)s, greatest(%(first)s,
            extract(epoch FROM clock_timestamp() - coalesce(waiting_since, clock_timestamp()))::float8))),
        %(probe_at)s::timestamptz - clock_timestamp() + make_interval(secs => 3 * random()))
"""
_RETURNING: LiteralString = "extract(epoch FROM next_attempt_at - clock_timestamp())::float8"


@dataclass(frozen=True)
class Wait:
    """How long the report's message must be hidden. `is_over` means that the report is FAILED instead."""

    seconds: float
    is_over: bool


def wait_for(
    connection: Connection[TupleRow],
    claim: Claim,
    error: DependencyUnavailableError,
    max_wait_seconds: float,
    *,
    is_probe: bool,
) -> Wait:
    """GENERATING -> PENDING after an attempt that ended because a dependency is unavailable. One more is allowed.

    Opens the dependency's circuit. The checkpoint is kept. Raises LeaseLostError.
    """
    probe_at = open_outage(connection, error, is_probe=is_probe)
    row = transitions.release(
        connection,
        claim,
        f"{_WAIT}, attempts_allowed = attempts_allowed + 1, error_code = %(code)s, error_detail = %(detail)s",
        {**_values(error.dependency, str(error), probe_at), **describe_attempt(claim, error)},
        returning=_RETURNING,
    )
    return _unless_over(connection, claim.tenant_id, claim.report_id, row[0], max_wait_seconds)


def keep_waiting(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID, outage: Outage, max_wait_seconds: float
) -> Wait | None:
    """Lets a report that was not claimed wait until after the next probe; None if it could not be claimed anyway."""
    values = _values(outage.dependency, outage.detail, outage.probe_at)
    row = transitions.postpone(connection, tenant_id, report_id, _WAIT, values, _RETURNING)
    if row is None:
        return None
    return _unless_over(connection, tenant_id, report_id, row[0], max_wait_seconds)


def _values(dependency: str, detail: str, probe_at: datetime) -> dict[str, Any]:
    return {
        "dependency": dependency,
        "waiting_detail": detail,
        "probe_at": probe_at,
        "first": FIRST_WAIT_SECONDS,
        "max": MAX_WAIT_SECONDS,
    }


def _unless_over(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID, seconds: float, max_wait_seconds: float
) -> Wait:
    return Wait(seconds, fail_waiting_job(connection, tenant_id, report_id, max_wait_seconds))
