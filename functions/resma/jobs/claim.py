"""A job of a worker: claimed, kept alive, finished, sent back or failed. Each write names the attempt (fence.py)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from resma.aws.cost import Usage
from resma.errors import AllFormatsFailedError, LeaseHeldError, ResmaError
from resma.jobs import transitions
from resma.jobs.fence import fenced_update
from resma.jobs.outcome import record_end
from resma.jobs.personal_data import personal_content
from resma.jobs.report_rows import CheckpointRecord, ReportFiles
from resma.jobs.stored_charts import store_charts
from resma.jobs.transitions import NOT_WAITING
from resma.report.content import ReportContent
from resma.report.header import Balance, Total
from resma.report.records import BalanceRecord, MetricsRecord, TotalRecord
from resma.report.summary import Summary
from resma.report.warnings import bounded_warnings
from resma.short_text import shorten, show_amount

LEASE_SECONDS = 15
"""How long a job stays a worker's after its last sign of life, which comes about once a second."""

MAX_ATTEMPTS = 3
"""Attempts a job gets at first.

The row says how many it is allowed by now: a redrive gives it as many again, a hand-over and an attempt that a
dependency or an outage of the system's database has ended one more."""


MAX_SHOWN_TOTALS = 50
"""Totals in a report's status, its event and its webhook; the summary has the others. So an event is never larger than
SNS and EventBridge take (`events/destinations.py`)."""

_NAME_CHARACTERS = 100
_DETAIL_CHARACTERS = 2000


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
    usage: dict[str, int] | None
    """What earlier attempts have used (`cost.py`)."""
    continuations: int
    """How often an invocation's time was up before the report was finished."""
    stalled_continuations: int
    """Of these how many in a row, up to now, had written no more than their first batch of rows."""
    waits: int
    """How often in a row it has waited for a dependency that was unavailable."""


def claim_job(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> Claim | None:
    """Takes the job if it is free, or if its worker's lease has run out; None where there is nothing left to do:
    it has ended, or had the attempts that it is allowed.

    Raises LeaseHeldError while another worker has it.
    """
    with connection.cursor(row_factory=class_row(Claim)) as cursor:
        transitions.claim(cursor, tenant_id, report_id, LEASE_SECONDS, tuple(Claim.__dataclass_fields__))
        if (claim := cursor.fetchone()) is not None:
            return claim
    left = connection.execute(
        "SELECT extract(epoch FROM lease_until - clock_timestamp())::float8 FROM resma.reports"
        " WHERE tenant_id = %s AND report_id = %s AND status = 'GENERATING' AND lease_until > clock_timestamp()",
        (tenant_id, report_id),
    ).fetchone()
    if left is not None:
        raise LeaseHeldError(f"report {report_id} is another worker's for {left[0]:.0f} s more", max(0.0, left[0]))
    return None


def keep_alive(connection: Connection[TupleRow], claim: Claim, rows_done: int, usage: Usage) -> None:
    """Renews the lease, shows progress, and records what this attempt has used by now. Raises LeaseLostError.

    One update: this comes every second, and each leaves a dead row behind.
    """
    fenced_update(
        connection,
        claim,
        "rows_done = %(rows_done)s, usage = %(usage)s,"
        " lease_until = clock_timestamp() + make_interval(secs => %(lease)s)",
        {"rows_done": rows_done, "usage": _usage_with(claim, usage), "lease": LEASE_SECONDS},
    )


def record_usage(connection: Connection[TupleRow], claim: Claim, usage: Usage) -> None:
    """Records what this attempt has used by now, on top of what earlier ones have. Raises LeaseLostError."""
    fenced_update(connection, claim, "usage = %(usage)s", {"usage": _usage_with(claim, usage)})


def _usage_with(claim: Claim, usage: Usage) -> Jsonb:
    return Jsonb((Usage.from_json(claim.usage) + usage).as_json())


def record_summary(connection: Connection[TupleRow], claim: Claim, summary: Summary) -> None:
    """Records what the snapshot holds, so that progress has an end, and what of it is personal. Writing begins.

    Raises LeaseLostError.
    """
    columns, filters = personal_content(claim) or (None, None)
    further = summary.totals[MAX_SHOWN_TOTALS:]
    fenced_update(
        connection,
        claim,
        "rows_expected = %(rows)s, as_of = %(as_of)s, totals = %(totals)s, balance = %(balance)s,"
        " totals_omitted = %(totals_omitted)s, further_totals = %(further_totals)s, charts = %(charts)s,"
        " personal_columns = %(personal_columns)s, personal_filters = %(personal_filters)s,"
        " writing_since = clock_timestamp(), written_before = 0",
        {
            "rows": summary.rows,
            "as_of": summary.as_of,
            "totals": Jsonb([show_total(total) for total in summary.totals[:MAX_SHOWN_TOTALS]]),
            "totals_omitted": len(further) + summary.totals_omitted,
            "further_totals": Jsonb([show_total(total) for total in further]) if further else None,
            "balance": Jsonb(_show_balance(summary.balance)) if summary.balance else None,
            "charts": Jsonb(store_charts(claim, summary.charts)),
            "personal_columns": columns,
            "personal_filters": filters,
        },
    )


def finish_job(  # noqa: PLR0913, PLR0917  # what there is to say of a finished report
    connection: Connection[TupleRow],
    claim: Claim,
    files: ReportFiles,
    rows: int,
    metrics: MetricsRecord,
    retention_days: int,
) -> None:
    """GENERATING -> READY, with the completion event in the same transaction. Raises LeaseLostError.

    At least one file must be stored. The files are kept for that many days.
    """
    transitions.finish(
        connection,
        claim,
        "expires_at = clock_timestamp() + make_interval(days => %(retention_days)s),"
        " rows_done = %(rows)s, files = %(files)s, failed_files = %(failed_files)s, warnings = %(warnings)s,"
        " metrics = %(metrics)s",
        {
            "rows": rows,
            "files": Jsonb(list(files.stored)),
            "failed_files": Jsonb(list(files.failed)),
            "warnings": Jsonb(bounded_warnings(files.warnings)),
            "metrics": Jsonb(metrics),
            "retention_days": retention_days,
        },
    )
    record_end(connection, claim.tenant_id, claim.report_id, "report.ready")


def release_job(connection: Connection[TupleRow], claim: Claim, error: Exception) -> None:
    """GENERATING -> PENDING after a transient error: the queue delivers it again. Raises LeaseLostError."""
    transitions.release(
        connection,
        claim,
        f"{NOT_WAITING}, error_code = %(code)s, error_detail = %(detail)s",
        describe_attempt(claim, error),
    )


def fail_job(connection: Connection[TupleRow], claim: Claim, error: Exception) -> None:
    """GENERATING -> FAILED after a permanent error, with the completion event. Raises LeaseLostError."""
    transitions.fail(
        connection,
        claim,
        "failed_files = %(failed_files)s, error_code = %(code)s, error_detail = %(detail)s",
        {
            **describe_attempt(claim, error, "; another one would fail the same way"),
            "failed_files": Jsonb(list(error.failed_files)) if isinstance(error, AllFormatsFailedError) else None,
        },
    )
    record_end(connection, claim.tenant_id, claim.report_id, "report.failed")


def describe_error(error: Exception) -> dict[str, str]:
    """Code and detail of an error as a row keeps them. An unexpected one shows its class only: no data leaks."""
    if isinstance(error, ResmaError):
        return {"code": error.code, "detail": shorten(str(error), _DETAIL_CHARACTERS)}
    return {"code": "internal", "detail": f"an unexpected {type(error).__name__}: see the worker's log"}


def describe_attempt(claim: Claim, error: Exception, what_follows: str = "") -> dict[str, str]:
    """Code and detail of the error that an attempt has ended with, which attempt it was, and what follows."""
    described = describe_error(error)
    which = f"attempt {claim.attempt} of {claim.attempts_allowed}"
    detail = described["detail"].removesuffix(".") if what_follows else described["detail"]
    return {**described, "detail": f"{which}: {detail}{what_follows}"}


def show_total(total: Total) -> TotalRecord:
    """A total as JSON, of bounded size. The amount is a string: a JSON number would lose digits."""
    currency = shorten(total.currency, _NAME_CHARACTERS)
    return {"currency": currency, "rows": total.rows, "amount": show_amount(Decimal(total.amount))}


def _show_balance(balance: Balance) -> BalanceRecord:
    return {"opening": show_amount(Decimal(balance.opening)), "closing": show_amount(Decimal(balance.closing))}
