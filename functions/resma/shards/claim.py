"""Changes of a shard by its worker: claim, heartbeat, progress and end. Each write is fenced (fence.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from resma.aws.cost import Usage
from resma.errors import LeaseHeldError
from resma.jobs.claim import LEASE_SECONDS, describe_error
from resma.jobs.fence import Fence
from resma.shards import transitions
from resma.shards.fence import fenced_shard_update
from resma.shards.rows import Cells, cells_of, text_of

UNCLAIMED_SECONDS = 5
"""Time after which the coordinator claims a shard whose message was sent: the message is late or lost."""


@dataclass(frozen=True, kw_only=True)
class ShardClaim:
    """A shard that a worker has claimed. `attempt` is its fence."""

    tenant_id: str
    report_id: UUID
    shard: int
    attempt: int
    attempts_allowed: int
    first_key: list[str | None]
    last_key: list[str | None]
    first_number: int
    keys: int
    rows: int
    digest: str
    done_key: list[str | None] | None
    keys_done: int
    rows_done: int
    usage: dict[str, int] | None
    """AWS usage of earlier attempts."""
    warnings: list[dict[str, Any]] | None
    """Warnings about the files of the keys so far."""

    @property
    def first_cells(self) -> Cells:
        """The first key of the range."""
        return cells_of(self.first_key)

    @property
    def last_cells(self) -> Cells:
        """The last key of the range."""
        return cells_of(self.last_key)

    @property
    def done_cells(self) -> Cells | None:
        """The key that this attempt continues after; None: it starts with the first key."""
        return None if self.done_key is None else cells_of(self.done_key)


_COLUMNS = tuple(ShardClaim.__dataclass_fields__)


def claim_shard(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID, shard: int, worker: str
) -> ShardClaim | None:
    """Claims this shard if it is free and its report is GENERATING; None if there is nothing to do.

    A shard whose report waits for its next coordinator is put into the outbox, because the coordinator sends its
    message again. Raises LeaseHeldError while another worker holds its lease, or it waits for its next attempt.
    """
    values = {"tenant_id": tenant_id, "report_id": report_id, "shard": shard, "worker": worker}
    with connection.cursor(row_factory=class_row(ShardClaim)) as cursor:
        transitions.claim(cursor, sql.SQL("s.shard = %(shard)s"), values, LEASE_SECONDS, _COLUMNS)
        if (claim := cursor.fetchone()) is not None:
            return claim
    put_shard_into_outbox(connection, tenant_id, report_id, shard)
    held = connection.execute(
        "SELECT extract(epoch FROM greatest(s.lease_until, s.next_attempt_at) - clock_timestamp())::float8"
        " FROM resma.shards AS s JOIN resma.reports AS r USING (tenant_id, report_id)"
        " WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND shard = %(shard)s"
        "   AND s.status IN ('PENDING', 'GENERATING') AND r.status = 'GENERATING'"
        "   AND greatest(s.lease_until, s.next_attempt_at) > clock_timestamp()",
        values,
    ).fetchone()
    if held is not None:
        seconds = max(0.0, held[0])
        raise LeaseHeldError(f"Shard {shard} of report {report_id} cannot be claimed for {seconds:.0f} s.", seconds)
    return None


def put_shard_into_outbox(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, shard: int) -> None:
    """Lets the coordinator send the message of a PENDING shard again, if the report waits for its next coordinator."""
    connection.execute(
        "UPDATE resma.shards AS s SET sent_at = NULL FROM resma.reports AS r"
        " WHERE s.tenant_id = %s AND s.report_id = %s AND s.shard = %s AND s.status = 'PENDING'"
        "   AND r.tenant_id = s.tenant_id AND r.report_id = s.report_id AND r.status = 'PENDING'",
        (tenant_id, report_id, shard),
    )


def claim_next_shard(connection: Connection[TupleRow], report: Fence, worker: str) -> ShardClaim | None:
    """Claims a shard for the report's coordinator; None if none is free.

    It takes shards whose messages were not sent first, then those of dead workers, and then those whose messages are
    late. Call it in a transaction that has updated the report with its fence.
    """
    values = {
        "tenant_id": report.tenant_id,
        "report_id": report.report_id,
        "worker": worker,
        "unclaimed": UNCLAIMED_SECONDS,
    }
    chosen = sql.SQL(
        "(s.status = 'GENERATING' OR s.sent_at IS NULL"
        " OR s.sent_at < clock_timestamp() - make_interval(secs => %(unclaimed)s))"
        " ORDER BY s.sent_at IS NULL DESC, s.status = 'GENERATING' DESC, s.shard"
    )
    with connection.cursor(row_factory=class_row(ShardClaim)) as cursor:
        transitions.claim(cursor, chosen, values, LEASE_SECONDS, _COLUMNS)
        return cursor.fetchone()


def keep_shard_alive(connection: Connection[TupleRow], claim: ShardClaim, usage: Usage | None) -> None:
    """Renews the lease, and records the usage of this attempt so far; None: the coordinator's. Raises LeaseLostError.

    It is a single UPDATE, because it runs once per second and each UPDATE creates a dead tuple.
    """
    fenced_shard_update(
        connection,
        claim,
        "usage = %(usage)s, lease_until = clock_timestamp() + make_interval(secs => %(lease)s)",
        {"usage": _usage_with(claim, usage), "lease": LEASE_SECONDS},
    )


def record_shard_usage(connection: Connection[TupleRow], claim: ShardClaim, usage: Usage | None) -> None:
    """Records the usage of this attempt, added to that of earlier ones. Raises LeaseLostError."""
    fenced_shard_update(connection, claim, "usage = %(usage)s", {"usage": _usage_with(claim, usage)})


def _usage_with(claim: ShardClaim, usage: Usage | None) -> Jsonb | None:
    if usage is None:
        return None if claim.usage is None else Jsonb(claim.usage)
    return Jsonb((Usage.from_json(claim.usage) + usage).as_json())


def record_keys(  # noqa: PLR0913, PLR0917  # all that is known of the keys
    connection: Connection[TupleRow],
    claim: ShardClaim,
    done_key: Cells,
    keys: int,
    rows: int,
    warnings: list[dict[str, Any]] | None = None,
) -> None:
    """Records that the work of the shard's first `keys` keys, up to `done_key`, is stored. Raises LeaseLostError.

    `warnings` are those about the files of all these keys.
    """
    fenced_shard_update(
        connection,
        claim,
        "done_key = %(done_key)s::text[], keys_done = %(keys)s, rows_done = %(rows)s,"
        " warnings = %(warnings)s, next_attempt_at = NULL",
        {
            "done_key": text_of(done_key),
            "keys": keys,
            "rows": rows,
            "warnings": None if warnings is None else Jsonb(warnings),
        },
    )


def finish_shard(connection: Connection[TupleRow], claim: ShardClaim) -> None:
    """GENERATING -> DONE, after all its keys were recorded. Raises LeaseLostError."""
    transitions.finish(connection, claim)


def continue_shard(connection: Connection[TupleRow], claim: ShardClaim) -> None:
    """GENERATING -> PENDING, because the invocation's time is up. Allows one more attempt. Raises LeaseLostError."""
    transitions.release(connection, claim, "attempts_allowed = attempts_allowed + 1, next_attempt_at = NULL", {})


def postpone_shard(connection: Connection[TupleRow], claim: ShardClaim, error: Exception, seconds: float) -> None:
    """GENERATING -> PENDING because a dependency is unavailable. One more attempt is allowed. Raises LeaseLostError."""
    _release(connection, claim, error, seconds, 1)


def release_shard(connection: Connection[TupleRow], claim: ShardClaim, error: Exception, seconds: float) -> None:
    """GENERATING -> PENDING after a transient error, until a pause is over. Raises LeaseLostError."""
    _release(connection, claim, error, seconds, 0)


def _release(
    connection: Connection[TupleRow], claim: ShardClaim, error: Exception, seconds: float, attempts: int
) -> None:
    transitions.release(
        connection,
        claim,
        "attempts_allowed = attempts_allowed + %(attempts)s, error_code = %(code)s, error_detail = %(detail)s,"
        " next_attempt_at = clock_timestamp() + make_interval(secs => %(seconds)s)",
        {**describe_error(error), "attempts": attempts, "seconds": seconds},
    )


def fail_shard(connection: Connection[TupleRow], claim: ShardClaim, error: Exception, *, is_exhausted: bool) -> None:
    """GENERATING -> FAILED after a permanent error, or the error of its last attempt. Raises LeaseLostError.

    `is_exhausted`: the error is not permanent, but no attempt is left.
    """
    transitions.fail(connection, claim, {**describe_error(error), "is_exhausted": is_exhausted})
