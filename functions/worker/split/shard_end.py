"""Ends an attempt to generate a shard in the shard's row: DONE, PENDING for another attempt, or FAILED."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Literal

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.aws.cost import Usage
from resma.errors import (
    ContinuationStalledError,
    DependencyUnavailableError,
    PermanentError,
    RestartRequiredError,
)
from resma.jobs.outages import open_outage
from resma.request_errors import RequestInvalidError
from resma.shards.claim import (
    continue_shard,
    fail_shard,
    finish_shard,
    postpone_shard,
    record_shard_usage,
    release_shard,
)
from worker.postpone import retry_seconds
from worker.split.shard import ClaimedShard

logger = Logger(child=True)

ShardResult = Literal["DONE", "CONTINUED", "STALLED"]
"""CONTINUED: the time was up. STALLED: it was up before the files of one key were stored, although it was not short."""

_PROBE_JITTER_SECONDS = 3


def pause_until(probe_at: datetime) -> float:
    """Returns the seconds until after the next probe of a dependency, with jitter."""
    until = (probe_at - datetime.now(UTC)).total_seconds()
    return max(1.0, until) + random.uniform(0, _PROBE_JITTER_SECONDS)  # noqa: S311  # not a secret


def end_shard(
    connection: Connection[TupleRow], shard: ClaimedShard, result: ShardResult, usage: Usage | None
) -> ShardResult | Literal["FAILED"]:
    """GENERATING -> DONE or PENDING; returns the result, or FAILED after the last attempt that stalled.

    Raises LeaseLostError.
    """
    if result == "STALLED":
        stalled = ContinuationStalledError(
            "The files of one key need more time than a worker's invocation has. Choose fewer rows with filters, or "
            "raise `WorkerTimeoutSeconds`."
        )
        return "FAILED" if end_failed_attempt(connection, shard, stalled, usage) is None else result
    record_shard_usage(connection, shard.claim, usage)
    if result == "DONE":
        finish_shard(connection, shard.claim)
    else:
        continue_shard(connection, shard.claim)
    return result


def end_failed_attempt(
    connection: Connection[TupleRow], shard: ClaimedShard, error: Exception, usage: Usage | None
) -> float | None:
    """GENERATING -> PENDING, or FAILED after a permanent error or the last attempt. Raises LeaseLostError.

    Returns the pause in seconds before the next attempt, or None if the shard is FAILED.
    """
    claim = shard.claim
    record_shard_usage(connection, claim, usage)
    if isinstance(error, DependencyUnavailableError):
        probe_at = open_outage(connection, error, is_probe=error.dependency in shard.probed)
        seconds = pause_until(probe_at)
        postpone_shard(connection, claim, error, seconds)
        return seconds
    is_permanent = isinstance(error, PermanentError | RequestInvalidError | RestartRequiredError)
    # An invocation that stalled is repeated, because a slow database may have been the cause.
    is_last = is_permanent and not isinstance(error, ContinuationStalledError)
    if is_last or claim.attempt >= claim.attempts_allowed:
        fail_shard(connection, claim, error, is_exhausted=not is_permanent)
        return None
    seconds = retry_seconds(claim.attempt, claim.attempts_allowed)
    release_shard(connection, claim, error, seconds)
    return seconds
