"""Fencing: a worker can change its report's row only while it holds the claim."""

from __future__ import annotations

from typing import Any, LiteralString, Protocol
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.errors import LeaseLostError


class Fence(Protocol):
    """Identifies one claim of a report."""

    @property
    def tenant_id(self) -> str:
        """Tenant of the report."""

    @property
    def report_id(self) -> UUID:
        """Id of the report."""

    @property
    def attempt(self) -> int:
        """Number of the attempt, which increases with each claim."""


def fenced_update(
    connection: Connection[TupleRow],
    fence: Fence,
    assignments: LiteralString,
    values: dict[str, Any],
    returning: LiteralString = "report_id",
) -> TupleRow:
    """Updates the report's row if the claim is still valid, and returns the columns of `returning`.

    Raises LeaseLostError otherwise. Only transitions.py assigns `status`.
    """
    row = connection.execute(
        f"UPDATE resma.reports SET {assignments}"
        " WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND attempt = %(attempt)s"
        f" AND status = 'GENERATING' RETURNING {returning}",
        {**values, "tenant_id": fence.tenant_id, "report_id": fence.report_id, "attempt": fence.attempt},
    ).fetchone()
    if row is None:
        raise LeaseLostError(f"This worker has lost the lease of report {fence.report_id} (attempt {fence.attempt}).")
    return row
