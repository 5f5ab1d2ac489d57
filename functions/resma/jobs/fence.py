"""The fence of a claim: a worker changes its report's row only while the report is still its own."""

from __future__ import annotations

from typing import Any, LiteralString, Protocol
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.errors import LeaseLostError


class Fence(Protocol):
    """What tells one claim of a report from another."""

    @property
    def tenant_id(self) -> str:
        """The report's tenant."""

    @property
    def report_id(self) -> UUID:
        """The report."""

    @property
    def attempt(self) -> int:
        """Grows with each claim."""


def fenced_update(
    connection: Connection[TupleRow],
    fence: Fence,
    assignments: LiteralString,
    values: dict[str, Any],
    returning: LiteralString = "report_id",
) -> TupleRow:
    """Changes the row if the report is still this claim's, and returns what `returning` names of it.

    Raises LeaseLostError. Assignments to `status` are in transitions.py alone.
    """
    row = connection.execute(
        f"UPDATE resma.reports SET {assignments}"
        " WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND attempt = %(attempt)s"
        f" AND status = 'GENERATING' RETURNING {returning}",
        {**values, "tenant_id": fence.tenant_id, "report_id": fence.report_id, "attempt": fence.attempt},
    ).fetchone()
    if row is None:
        raise LeaseLostError(f"report {fence.report_id} is no longer this worker's (attempt {fence.attempt})")
    return row
