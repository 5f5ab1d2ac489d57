"""A job's life: claimed, kept alive, finished, sent back, cancelled, or given up. A worker's writes name its attempt.

    PENDING --> GENERATING --> READY --> EXPIRED   (when the time of its files is over)
      ^ ^           | |
      | `--(retry)--' `------> FAILED              (by a permanent error at once, by others after the last attempt)
      `------(redrive)---------'                   (dead_letters.py)

    PENDING or GENERATING ---> CANCELLED           (job_end.py)

`attempt` grows with each claim: it is the fence. A worker that was thought dead and wakes up still names its old
attempt, so none of its writes finds a row, and it raises LeaseLost. So does one whose job was cancelled: of finishing
and cancelling, the first to update the row wins.
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
from resma.cost import Usage
from resma.errors import LeaseHeld, LeaseLost, ResmaError
from resma.header import Total
from resma.job_end import record_end
from resma.personal import personal_content
from resma.report_charts import store_charts
from resma.reports import CheckpointRecord, StoredFile
from resma.summary import Summary

LEASE_SECONDS = 15
"""How long a job stays a worker's after its last sign of life, which comes about once a second."""

MAX_ATTEMPTS = 3
"""Attempts a job gets at first; as many as the queue's redrive policy has receives (template.yaml).

The row says how many it is allowed by now: a redrive gives it as many again, a hand-over one more."""


@dataclass(frozen=True, kw_only=True)
class Claim(ReportContent):
    """A job that is this worker's. `attempt` is its fence."""

    tenant_id: str
    report_id: UUID
    attempt: int
    attempts_allowed: int
    created_at: datetime
    checkpoint: CheckpointRecord | None
    """What to go on from; None is from the first row."""
    spent: dict[str, int] | None
    """What earlier attempts have used (`cost.py`)."""


def claim_job(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> Claim | None:
    """Takes the job if it is free, or if its worker's lease has run out; None where there is nothing left to do:
    it has ended, or had the attempts that it is allowed.

    Raises LeaseHeld while another worker has it.
    """
    with connection.cursor(row_factory=class_row(Claim)) as cursor:
        cursor.execute(
            sql.SQL(
                """
                UPDATE resma.reports
                SET status = 'GENERATING', attempt = attempt + 1, started_at = clock_timestamp(),
                    enqueued_at = coalesce(enqueued_at, clock_timestamp()),
                    slot_at = coalesce(slot_at, clock_timestamp()),
                    lease_until = clock_timestamp() + make_interval(secs => %s),
                    rows_done = coalesce((checkpoint ->> 'rows')::bigint, 0),
                    rows_expected = CASE WHEN checkpoint IS NOT NULL THEN rows_expected END,
                    charts = CASE WHEN checkpoint IS NOT NULL THEN charts END,
                    writing_since = NULL, written_before = NULL
                WHERE tenant_id = %s AND report_id = %s AND attempt < attempts_allowed
                  AND (status = 'PENDING' OR (status = 'GENERATING' AND lease_until < clock_timestamp()))
                RETURNING {}
                """
            ).format(sql.SQL(", ").join(sql.Identifier(name) for name in Claim.__dataclass_fields__)),
            (LEASE_SECONDS, tenant_id, report_id),
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


def keep_alive(connection: Connection[TupleRow], claim: Claim, rows_done: int, usage: Usage) -> None:
    """Renews the lease, shows progress, and records what this attempt has used by now. Raises LeaseLost.

    One update: this comes every second, and each leaves a dead row behind.
    """
    fenced_update(
        connection,
        claim,
        "rows_done = %(rows_done)s, spent = %(spent)s,"
        " lease_until = clock_timestamp() + make_interval(secs => %(lease)s)",
        {"rows_done": rows_done, "spent": _spent_with(claim, usage), "lease": LEASE_SECONDS},
    )


def note_spent(connection: Connection[TupleRow], claim: Claim, usage: Usage) -> None:
    """Records what this attempt has used by now, on top of what earlier ones have. Raises LeaseLost."""
    fenced_update(connection, claim, "spent = %(spent)s", {"spent": _spent_with(claim, usage)})


def _spent_with(claim: Claim, usage: Usage) -> Jsonb:
    return Jsonb((Usage.from_json(claim.spent) + usage).as_json())


def note_summary(connection: Connection[TupleRow], claim: Claim, summary: Summary) -> None:
    """Records what the snapshot holds, so that progress has an end, and what of it is personal. Writing begins.

    Raises LeaseLost.
    """
    columns, filters = personal_content(claim) or (None, None)
    fenced_update(
        connection,
        claim,
        "rows_expected = %(rows)s, as_of = %(as_of)s, totals = %(totals)s, balance = %(balance)s,"
        " charts = %(charts)s,"
        " personal_columns = %(personal_columns)s, personal_filters = %(personal_filters)s,"
        " writing_since = clock_timestamp(), written_before = 0",
        {
            "rows": summary.rows,
            "as_of": summary.as_of,
            "totals": Jsonb([show_total(t) for t in summary.totals]),
            "balance": Jsonb(asdict(summary.balance)) if summary.balance else None,
            "charts": Jsonb(store_charts(claim, summary.charts)),
            "personal_columns": columns,
            "personal_filters": filters,
        },
    )


def finish_job(  # noqa: PLR0913, PLR0917  # what there is to say of a finished report
    connection: Connection[TupleRow],
    claim: Claim,
    files: Sequence[StoredFile],
    rows: int,
    metrics: dict[str, Any],
    retention_days: int,
) -> None:
    """GENERATING -> READY, with the completion event in the same transaction. Raises LeaseLost.

    The files are kept for that many days.
    """
    fenced_update(
        connection,
        claim,
        "status = 'READY', finished_at = clock_timestamp(), lease_until = NULL,"
        " expires_at = clock_timestamp() + make_interval(days => %(retention_days)s),"
        " rows_done = %(rows)s, files = %(files)s, metrics = %(metrics)s, checkpoint = NULL,"
        " error_code = NULL, error_detail = NULL",
        {"rows": rows, "files": Jsonb(list(files)), "metrics": Jsonb(metrics), "retention_days": retention_days},
    )
    record_end(connection, claim.tenant_id, claim.report_id, "report.ready")


def send_back(connection: Connection[TupleRow], claim: Claim, error: Exception) -> None:
    """GENERATING -> PENDING after a transient error: the queue delivers it again. Raises LeaseLost."""
    fenced_update(
        connection,
        claim,
        "status = 'PENDING', lease_until = NULL, error_code = %(code)s, error_detail = %(detail)s",
        _describe_attempt(claim, error),
    )


def fail_job(connection: Connection[TupleRow], claim: Claim, error: Exception) -> None:
    """GENERATING -> FAILED after a permanent error, with the completion event. Raises LeaseLost."""
    fenced_update(
        connection,
        claim,
        "status = 'FAILED', finished_at = clock_timestamp(), lease_until = NULL, checkpoint = NULL,"
        " error_code = %(code)s, error_detail = %(detail)s",
        _describe_attempt(claim, error, "; another one would fail the same way"),
    )
    record_end(connection, claim.tenant_id, claim.report_id, "report.failed")


def describe_error(error: Exception) -> dict[str, str]:
    """Code and detail of an error as a row keeps them. An unexpected one shows its class only: no data leaks."""
    if isinstance(error, ResmaError):
        return {"code": error.code, "detail": str(error)}
    return {"code": "internal", "detail": f"an unexpected {type(error).__name__}: see the worker's log"}


def _describe_attempt(claim: Claim, error: Exception, what_follows: str = "") -> dict[str, str]:
    described = describe_error(error)
    which = f"attempt {claim.attempt} of {claim.attempts_allowed}"
    return {**described, "detail": f"{which}: {described['detail']}{what_follows}"}


def show_total(total: Total) -> dict[str, Any]:
    """A total as JSON. The amount is text: a JSON number would lose digits."""
    return {"currency": total.currency, "rows": total.rows, "amount": f"{Decimal(total.amount):f}"}


def fenced_update(connection: Connection[TupleRow], claim: Claim, assignments: str, values: dict[str, Any]) -> None:
    """Changes the row if the job is still this claim's. `assignments` are literals. Raises LeaseLost."""
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
