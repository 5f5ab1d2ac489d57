"""A job's life: claimed, kept alive, finished, sent back, or given up. Every write names the attempt: a fence.

    PENDING -> GENERATING -> READY
       ^           |    `--> FAILED    (a permanent error at once, a transient one after the last attempt)
       `--(retry)--'

`attempt` grows with each claim. A worker that was thought dead and wakes up still names its old attempt, so none
of its writes finds a row, and it raises LeaseLost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from resma.content import ReportContent
from resma.errors import LeaseHeld, LeaseLost, ResmaError
from resma.header import Total
from resma.reports import StoredFile
from resma.summary import Summary
from resma.webhook_deliveries import EventType, owe_deliveries

LEASE_SECONDS = 15
"""How long a job stays a worker's after its last sign of life, which comes about once a second."""

MAX_ATTEMPTS = 3
"""Attempts a job gets; as many as the queue's redrive policy has receives (template.yaml)."""

REVIVAL_HOURS = 6
"""How long after its request a job whose receives were used up without attempts is sent again."""


@dataclass(frozen=True, kw_only=True)
class Claim(ReportContent):
    """A job that is this worker's. `attempt` is its fence."""

    tenant_id: str
    report_id: UUID
    attempt: int
    created_at: datetime


def claim_job(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> Claim | None:
    """Takes the job if it is free, or if its worker's lease has run out; None where there is nothing left to do:
    it has ended, or had its MAX_ATTEMPTS.

    Raises LeaseHeld while another worker has it.
    """
    with connection.cursor(row_factory=class_row(Claim)) as cursor:
        cursor.execute(
            sql.SQL(
                """
                UPDATE resma.reports
                SET status = 'GENERATING', attempt = attempt + 1, started_at = clock_timestamp(),
                    enqueued_at = coalesce(enqueued_at, clock_timestamp()),
                    lease_until = clock_timestamp() + make_interval(secs => %s),
                    rows_done = 0, rows_expected = NULL
                WHERE tenant_id = %s AND report_id = %s AND attempt < %s
                  AND (status = 'PENDING' OR (status = 'GENERATING' AND lease_until < clock_timestamp()))
                RETURNING {}
                """
            ).format(sql.SQL(", ").join(sql.Identifier(name) for name in Claim.__dataclass_fields__)),
            (LEASE_SECONDS, tenant_id, report_id, MAX_ATTEMPTS),
        )
        if (claim := cursor.fetchone()) is not None:
            return claim
    left = connection.execute(
        "SELECT extract(epoch FROM lease_until - clock_timestamp())::float8 FROM resma.reports"
        " WHERE tenant_id = %s AND report_id = %s AND status = 'GENERATING' AND lease_until > clock_timestamp()",
        (tenant_id, report_id),
    ).fetchone()
    if left is not None:
        raise LeaseHeld(f"report {report_id} is another worker's for {left[0]:.0f} s more", max(0.0, left[0]))
    return None


def keep_alive(connection: Connection[TupleRow], claim: Claim, rows_done: int) -> None:
    """Renews the lease and shows progress. Raises LeaseLost."""
    _fenced(
        connection,
        claim,
        "rows_done = %(rows_done)s, lease_until = clock_timestamp() + make_interval(secs => %(lease)s)",
        {"rows_done": rows_done, "lease": LEASE_SECONDS},
    )


def note_summary(connection: Connection[TupleRow], claim: Claim, summary: Summary) -> None:
    """Records what the snapshot holds, so that progress has an end. Raises LeaseLost."""
    _fenced(
        connection,
        claim,
        "rows_expected = %(rows)s, as_of = %(as_of)s, totals = %(totals)s, balance = %(balance)s",
        {
            "rows": summary.rows,
            "as_of": summary.as_of,
            "totals": Jsonb([show_total(t) for t in summary.totals]),
            "balance": Jsonb(asdict(summary.balance)) if summary.balance else None,
        },
    )


def finish_job(
    connection: Connection[TupleRow], claim: Claim, files: Sequence[StoredFile], rows: int, metrics: dict[str, Any]
) -> None:
    """GENERATING -> READY, with the completion event in the same transaction. Raises LeaseLost."""
    _fenced(
        connection,
        claim,
        "status = 'READY', finished_at = clock_timestamp(), lease_until = NULL,"
        " rows_done = %(rows)s, files = %(files)s, metrics = %(metrics)s,"
        " error_code = NULL, error_detail = NULL",
        {"rows": rows, "files": Jsonb(list(files)), "metrics": Jsonb(metrics)},
    )
    _record_event(connection, claim.tenant_id, claim.report_id, "report.ready")


def send_back(connection: Connection[TupleRow], claim: Claim, error: Exception) -> None:
    """GENERATING -> PENDING after a transient error: the queue delivers it again. Raises LeaseLost."""
    _fenced(
        connection,
        claim,
        "status = 'PENDING', lease_until = NULL, error_code = %(code)s, error_detail = %(detail)s",
        describe_error(error),
    )


def fail_job(connection: Connection[TupleRow], claim: Claim, error: Exception) -> None:
    """GENERATING -> FAILED after a permanent error, with the completion event. Raises LeaseLost."""
    _fenced(
        connection,
        claim,
        "status = 'FAILED', finished_at = clock_timestamp(), lease_until = NULL,"
        " error_code = %(code)s, error_detail = %(detail)s",
        describe_error(error),
    )
    _record_event(connection, claim.tenant_id, claim.report_id, "report.failed")


def revive_job(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> bool:
    """Puts a job that the queue has given up into the outbox, if it has attempts left; returns whether it did.

    The queue counts receives, and not each is an attempt: while the database is away no worker can claim, and a
    duplicate of a running job's message only finds it taken. Some hours after the request it ends all the same.
    """
    row = connection.execute(
        """
        UPDATE resma.reports SET status = 'PENDING', lease_until = NULL, enqueued_at = NULL
        WHERE tenant_id = %s AND report_id = %s AND attempt < %s
          AND created_at > clock_timestamp() - make_interval(hours => %s)
          AND (status = 'PENDING' OR (status = 'GENERATING' AND lease_until < clock_timestamp()))
        RETURNING report_id
        """,
        (tenant_id, report_id, MAX_ATTEMPTS, REVIVAL_HOURS),
    ).fetchone()
    return row is not None


def give_up_job(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, *, least_attempts: int = 0) -> bool:
    """FAILED with the last error, for a job that the queue has given up; returns whether the row was changed.

    Only if it has had `least_attempts`. Leaves alone what is finished, and what a worker still has: a duplicate of its
    message was given up then.
    """
    row = connection.execute(
        """
        UPDATE resma.reports
        SET status = 'FAILED', finished_at = clock_timestamp(), lease_until = NULL,
            error_code = coalesce(error_code, 'worker-died'),
            error_detail = coalesce(error_detail, 'the worker ended without a word in attempt ' || attempt ||
                ', for instance out of memory or time: see its log, then ask for the report again')
        WHERE tenant_id = %s AND report_id = %s
          AND (status = 'PENDING' OR (status = 'GENERATING' AND lease_until < clock_timestamp()))
          AND attempt >= %s
        RETURNING report_id
        """,
        (tenant_id, report_id, least_attempts),
    ).fetchone()
    if row is not None:
        _record_event(connection, tenant_id, report_id, "report.failed")
    return row is not None


def describe_error(error: Exception) -> dict[str, str]:
    """Code and detail of an error as a row keeps them. An unexpected one shows its class only: no data leaks."""
    if isinstance(error, ResmaError):
        return {"code": error.code, "detail": str(error)}
    return {"code": "internal", "detail": f"an unexpected {type(error).__name__}: see the worker's log"}


def show_total(total: Total) -> dict[str, Any]:
    """A total as JSON. The amount is text: a JSON number would lose digits."""
    return {"currency": total.currency, "rows": total.rows, "amount": f"{Decimal(total.amount):f}"}


def _fenced(connection: Connection[TupleRow], claim: Claim, assignments: str, values: dict[str, Any]) -> None:
    row = connection.execute(
        f"UPDATE resma.reports SET {assignments}"  # noqa: S608  # literals above
        " WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND attempt = %(attempt)s"
        " AND status = 'GENERATING' RETURNING report_id",
        {
            **values,
            "tenant_id": claim.tenant_id,
            "report_id": claim.report_id,
            "attempt": claim.attempt,
        },
    ).fetchone()
    if row is None:
        raise LeaseLost(f"report {claim.report_id} is no longer this worker's (attempt {claim.attempt})")


def _record_event(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, type_: EventType) -> None:
    """The event and its deliveries to whoever wants to be told: all exist or none."""
    event_id = f"evt_{report_id.hex}"
    connection.execute(
        "INSERT INTO resma.events (tenant_id, event_id, report_id, type) VALUES (%s, %s, %s, %s)",
        (tenant_id, event_id, report_id, type_),
    )
    owe_deliveries(connection, tenant_id, event_id)
