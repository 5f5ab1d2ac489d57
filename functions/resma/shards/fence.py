"""Fencing of shards: a worker can change its shard's row only while it holds the claim and the report is live."""

from __future__ import annotations

from typing import Any, LiteralString, Protocol
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.errors import LeaseLostError
from resma.report.status import IS_LIVE


class ShardFence(Protocol):
    """Identifies one claim of a shard."""

    @property
    def tenant_id(self) -> str:
        """Tenant of the report."""

    @property
    def report_id(self) -> UUID:
        """Id of the report."""

    @property
    def shard(self) -> int:
        """Number of the shard, from 1."""

    @property
    def attempt(self) -> int:
        """Number of the shard's attempt, which increases with each claim."""


def fenced_shard_update(
    connection: Connection[TupleRow], fence: ShardFence, assignments: LiteralString, values: dict[str, Any]
) -> None:
    """Updates the shard's row if the claim is still valid. Raises LeaseLostError otherwise.

    Only transitions.py assigns `status`.
    """
    updated = connection.execute(
        f"UPDATE resma.shards AS s SET {assignments}"
        " WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND shard = %(shard)s"
        " AND attempt = %(attempt)s AND status = 'GENERATING'"
        " AND EXISTS (SELECT FROM resma.reports AS r"
        f" WHERE r.tenant_id = s.tenant_id AND r.report_id = s.report_id AND r.{IS_LIVE})",
        {
            **values,
            "tenant_id": fence.tenant_id,
            "report_id": fence.report_id,
            "shard": fence.shard,
            "attempt": fence.attempt,
        },
    ).rowcount
    if not updated:
        raise LeaseLostError(
            f"This worker has lost the lease of shard {fence.shard} of report {fence.report_id} "
            f"(attempt {fence.attempt})."
        )
