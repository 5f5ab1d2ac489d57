"""Changes of a job by its worker: claim, heartbeat, finish, release and fail. Each write is fenced (fence.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from resma.aws.cost import Usage
from resma.catalog import load_catalog
from resma.errors import (
    AllFormatsFailedError,
    ControlMismatchError,
    LeaseHeldError,
    ResmaError,
    ShardsFailedError,
)
from resma.jobs import transitions
from resma.jobs.conditions import SkippedReason, hash_summary
from resma.jobs.fence import fenced_update
from resma.jobs.outcome import record_end
from resma.jobs.personal_data import personal_content
from resma.jobs.report_rows import CheckpointRecord, ReportFiles
from resma.jobs.stored_charts import store_charts
from resma.jobs.transitions import NOT_WAITING
from resma.report.content import ReportContent
from resma.report.control_totals import control_records
from resma.report.header import Balance, Total
from resma.report.records import BalanceRecord, MetricsRecord, TotalRecord
from resma.report.summary import Summary
from resma.report.warnings import bounded_warnings
from resma.short_text import shorten, show_amount

LEASE_SECONDS = 15
"""Duration of a lease. A worker renews it about once per second."""

MAX_ATTEMPTS = 3
"""Number of attempts of a new job.

The column `attempts_allowed` has the current number. A redrive adds `MAX_ATTEMPTS`. A continuation adds one, as does an
attempt that was ended by an unavailable dependency or an outage of the system database.
"""

MAX_SHOWN_TOTALS = 50
"""Maximum number of totals in a report's status, event and webhook; the summary has the others. The limit keeps events
smaller than SNS and EventBridge accept (`events/destinations.py`)."""

_NAME_CHARACTERS = 100
_DETAIL_CHARACTERS = 2000


@dataclass(frozen=True, kw_only=True)
class Claim(ReportContent):
    """A job that a worker has claimed. `attempt` is its fence."""

    tenant_id: str
    report_id: UUID
    attempt: int
    attempts_allowed: int
    created_at: datetime
    checkpoint: CheckpointRecord | None
    """Checkpoint to resume from; None: start from the first row."""
    usage: dict[str, int] | None
    """AWS usage of earlier attempts (`cost.py`)."""
    continuations: int
    """Number of continuations, because an invocation's time was up before the report was finished."""
    stalled_continuations: int
    """Number of the latest continuations in a row that wrote at most their first batch of rows."""
    waits: int
    """Number of times in a row that the job has waited for an unavailable dependency."""
    schedule_id: str | None = None
    """The schedule whose run the report is."""
    deliver_to: list[str] | None = None
    """Destinations of its files."""
    unconditional_sha256: str | None = None
    """Hash of the request without its conditions; None if it has none."""
    retention_days: int | None = None
    """Days for which its files are kept; None: as long as the deployment says."""
    kms_key: str | None = None
    """ARN of the tenant's KMS key that its files are encrypted with; None: the encryption of the bucket."""
    signed_by: str | None = None
    """Fingerprint of the tenant's OpenPGP key that its files are signed with; None: they are not signed."""


def claim_job(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> Claim | None:
    """Claims the job if it is PENDING, or if its worker's lease has expired.

    Returns None if the job has ended or has no attempts left. Raises LeaseHeldError while another worker holds its
    lease.
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
        raise LeaseHeldError(
            f"Another worker holds the lease of report {report_id} for {left[0]:.0f} s.", max(0.0, left[0])
        )
    return None


def keep_alive(connection: Connection[TupleRow], claim: Claim, rows_done: int, usage: Usage) -> None:
    """Renews the lease, and records progress and the usage of this attempt so far. Raises LeaseLostError.

    It is a single UPDATE, because it runs once per second and each UPDATE creates a dead tuple.
    """
    fenced_update(
        connection,
        claim,
        "rows_done = %(rows_done)s, usage = %(usage)s,"
        " lease_until = clock_timestamp() + make_interval(secs => %(lease)s)",
        {"rows_done": rows_done, "usage": _usage_with(claim, usage), "lease": LEASE_SECONDS},
    )


def record_usage(connection: Connection[TupleRow], claim: Claim, usage: Usage) -> None:
    """Records the usage of this attempt so far, added to that of earlier ones. Raises LeaseLostError."""
    fenced_update(connection, claim, "usage = %(usage)s", {"usage": _usage_with(claim, usage)})


def _usage_with(claim: Claim, usage: Usage) -> Jsonb:
    return Jsonb((Usage.from_json(claim.usage) + usage).as_json())


def record_summary(connection: Connection[TupleRow], claim: Claim, summary: Summary) -> None:
    """Records the summary of the snapshot, the names of personal columns and filters, and that writing starts.

    Raises LeaseLostError.
    """
    columns, filters = personal_content(claim) or (None, None)
    totals = show_totals(claim.type, summary.totals)
    further = totals[MAX_SHOWN_TOTALS:]
    control = summary.control_totals
    fenced_update(
        connection,
        claim,
        "rows_expected = %(rows)s, as_of = %(as_of)s, totals = %(totals)s, balance = %(balance)s,"
        " control_totals = %(control_totals)s, totals_omitted = %(totals_omitted)s,"
        " further_totals = %(further_totals)s, charts = %(charts)s,"
        " summary_sha256 = %(summary_sha256)s,"
        " personal_columns = %(personal_columns)s, personal_filters = %(personal_filters)s,"
        " writing_since = clock_timestamp(), written_before = 0",
        {
            "rows": summary.rows,
            "as_of": summary.as_of,
            "totals": Jsonb(totals[:MAX_SHOWN_TOTALS]),
            "totals_omitted": len(further) + summary.totals_omitted,
            "further_totals": Jsonb(further) if further else None,
            # A split report as a whole, with the rows of several keys, has no balance.
            "balance": Jsonb(_show_balance(summary.balance)) if summary.balance and not claim.split_by else None,
            "charts": Jsonb(store_charts(claim, summary.charts)),
            "control_totals": None if control is None else Jsonb(control_records(control)),
            "summary_sha256": hash_summary(summary),
            "personal_columns": columns,
            "personal_filters": filters,
        },
    )


def finish_job(  # noqa: PLR0913, PLR0917  # all properties of a finished report
    connection: Connection[TupleRow],
    claim: Claim,
    files: ReportFiles,
    rows: int,
    metrics: MetricsRecord,
    retention_days: int,
) -> None:
    """GENERATING -> READY, with the completion event in the same transaction. Raises LeaseLostError.

    At least one file must be stored. `retention_days` is for reports from before it was recorded for each report.
    """
    transitions.finish(
        connection,
        claim,
        "expires_at = clock_timestamp() + make_interval(days => coalesce(retention_days, %(retention_days)s)),"
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


def skip_job(connection: Connection[TupleRow], claim: Claim, reason: SkippedReason) -> None:
    """GENERATING -> SKIPPED, with the completion event, and in the history of its schedule. Raises LeaseLostError."""
    transitions.skip(
        connection,
        claim,
        "skipped_code = %(code)s, skipped_detail = %(detail)s",
        {"code": reason.code, "detail": reason.detail},
    )
    connection.execute(
        "UPDATE resma.schedule_runs SET outcome = 'SKIPPED', detail = concat_ws(' ', detail, %s::text)"
        " WHERE tenant_id = %s AND report_id = %s",
        (reason.detail, claim.tenant_id, claim.report_id),
    )
    record_end(connection, claim.tenant_id, claim.report_id, "report.skipped")


def release_job(connection: Connection[TupleRow], claim: Claim, error: Exception) -> None:
    """GENERATING -> PENDING after a transient error: the queue delivers it again. Raises LeaseLostError."""
    transitions.release(
        connection,
        claim,
        f"{NOT_WAITING}, error_code = %(code)s, error_detail = %(detail)s",
        describe_attempt(claim, error),
    )


def fail_job(connection: Connection[TupleRow], claim: Claim, error: Exception, *, is_dead_letter: bool = False) -> None:
    """GENERATING -> FAILED after a permanent error, with the completion event. Raises LeaseLostError.

    With `is_dead_letter`, the report can be redriven: only transient errors have ended its shards.
    """
    transitions.fail(
        connection,
        claim,
        "failed_files = %(failed_files)s, control_totals = coalesce(%(control_totals)s, control_totals),"
        " error_code = %(code)s, error_detail = %(detail)s,"
        " dead_lettered_at = CASE WHEN %(is_dead_letter)s THEN clock_timestamp() END",
        {
            **describe_attempt(claim, error, _what_follows(error)),
            "failed_files": Jsonb(list(error.failed_files)) if isinstance(error, AllFormatsFailedError) else None,
            "control_totals": Jsonb(list(error.control_totals)) if isinstance(error, ControlMismatchError) else None,
            "is_dead_letter": is_dead_letter,
        },
    )
    record_end(connection, claim.tenant_id, claim.report_id, "report.failed")


def _what_follows(error: Exception) -> str:
    return "" if isinstance(error, ShardsFailedError) else "Another attempt would fail in the same way."


def describe_error(error: Exception) -> dict[str, str]:
    """Returns the code and detail of an error, for a row. Of an unexpected error only the class is shown, not its
    message, which may contain data.
    """
    if isinstance(error, ResmaError):
        return {"code": error.code, "detail": shorten(str(error), _DETAIL_CHARACTERS)}
    return {"code": "internal", "detail": f"An unexpected error of type {type(error).__name__}. See the worker's log."}


def describe_attempt(claim: Claim, error: Exception, what_follows: str = "") -> dict[str, str]:
    """Returns the code and detail of the error that ended an attempt. The detail has the number of the attempt before
    it, and the sentence `what_follows` after it.
    """
    described = describe_error(error)
    detail = f"Attempt {claim.attempt} of {claim.attempts_allowed}: {described['detail']}"
    if what_follows:
        detail = f"{detail.removesuffix('.')}. {what_follows}"
    return {**described, "detail": detail}


def show_totals(type_: str, totals: Sequence[Total]) -> list[TotalRecord]:
    """Returns totals as JSON of bounded size. Amounts are strings, because a JSON number would lose digits."""
    spec = load_catalog()[type_].totals
    names = spec.amounts if spec else ()
    return [
        {
            "currency": None if total.currency is None else shorten(total.currency, _NAME_CHARACTERS),
            "rows": total.rows,
            "amounts": {name: show_amount(amount) for name, amount in zip(names, total.amounts, strict=True)},
        }
        for total in totals
    ]


def _show_balance(balance: Balance) -> BalanceRecord:
    return {"opening": show_amount(Decimal(balance.opening)), "closing": show_amount(Decimal(balance.closing))}
