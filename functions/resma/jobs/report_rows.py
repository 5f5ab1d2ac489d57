"""The rows of `resma.reports`: written by a request, and read by whoever wants to know.

How a row moves from PENDING to READY or FAILED is in `transitions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NotRequired, TypedDict
from uuid import UUID

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from resma.database.connection import LOCK_TIMEOUT
from resma.database.locks import AdvisoryLock, acquire_lock
from resma.errors import IdempotencyKeyInFlightError, IdempotencyKeyReusedError, ReportDeletedError, ReportNotFoundError
from resma.report.content import ReportContent
from resma.report.records import BalanceRecord, MetricsRecord, TotalRecord
from resma.report.status import IS_LIVE
from resma.report.warnings import ReportWarning


class StoredFile(TypedDict):
    """One file of a READY report, as the row keeps it. `extension` is the end of its name: `csv.gz`."""

    format: str
    object_key: str
    media_type: str
    extension: str
    bytes: int
    sha256: str
    parts: int
    pages: NotRequired[int]
    """Of formats that have some."""


class FailedFile(TypedDict):
    """A file that could not be made because its format has no place for a value, as the row keeps it."""

    format: str
    code: str
    detail: str
    column: NotRequired[str]
    """The column's name in the catalog."""
    row: NotRequired[int]
    """Counted from 1 without headings."""


@dataclass(frozen=True)
class ReportFiles:
    """What an attempt has made: the files, those that their format's limits made impossible, and warnings."""

    stored: Sequence[StoredFile]
    failed: Sequence[FailedFile] = ()
    warnings: Sequence[ReportWarning] = ()


class CheckpointRecord(TypedDict):
    """Where a report in the making was saved last, as its row keeps it."""

    key: str
    """Of the object that holds what was saved (`worker.checkpoints`)."""
    sha256: str
    bytes: int
    rows: int
    attempt: int
    """Which one saved it."""
    at: str
    """When, ISO 8601."""
    needs: list[str]
    """Keys of the other objects that going on needs, uploads that are still open among them."""


@dataclass(frozen=True, kw_only=True)
class Report(ReportContent):
    """One row. Times are in UTC; `totals` and `metrics` are JSON as the API shows them."""

    tenant_id: str
    report_id: UUID
    callback_url: str | None
    request_sha256: str
    requested_by: str | None
    """A caller's `subject`; None of a report from before this was kept."""
    status: str
    created_at: datetime
    enqueued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    """When its files are deleted, or were; None of a report that never was READY."""
    attempt: int
    lease_until: datetime | None
    writing_since: datetime | None
    """When this attempt began to write rows."""
    written_before: int | None
    """How many earlier attempts had written then."""
    continuations: int
    checkpoint: CheckpointRecord | None
    rows_done: int
    rows_expected: int | None
    as_of: datetime | None
    totals: list[TotalRecord] | None
    totals_omitted: int
    """How many more currencies there are."""
    balance: BalanceRecord | None
    files: list[StoredFile] | None
    failed_files: list[FailedFile] | None
    """None until the report has ended. Of a FAILED one: every format, if that is why it failed."""
    warnings: list[dict[str, Any]] | None
    """`ReportWarning` as JSON; None until the report is READY."""
    metrics: MetricsRecord | None
    personal_columns: list[str] | None
    """Of its files; None before their rows were read."""
    personal_filters: list[str] | None
    error_code: str | None
    error_detail: str | None
    waiting_for: str | None
    """The dependency that is unavailable, while the report waits for it; kept while its next attempt runs."""
    waiting_since: datetime | None
    waiting_detail: str | None
    next_attempt_at: datetime | None


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in Report.__dataclass_fields__)


@dataclass(frozen=True, kw_only=True)
class NewReport(ReportContent):
    """A request that was checked and is about to become a row."""

    tenant_id: str
    report_id: UUID
    callback_url: str | None
    request_sha256: str
    requested_by: str


_NEW_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in NewReport.__dataclass_fields__)
_NEW_VALUES = sql.SQL(", ").join(sql.Placeholder(name) for name in NewReport.__dataclass_fields__)


def insert_report(
    connection: Connection[TupleRow], new: NewReport, idempotency_key: str | None = None, *, deduplicate: bool = False
) -> tuple[Report, bool]:
    """Writes the PENDING row; returns it and whether it is new.

    With an idempotency key that the tenant has used before, returns the report that the first request got instead. A
    request with the same key that is being answered at this moment is waited for. With `deduplicate`, returns the
    tenant's report of the same request that is under way, if there is one, and the key answers with that from now on.

    Raises IdempotencyKeyReusedError where the first request was another one, IdempotencyKeyInFlightError where the wait
    got too long.
    """
    if idempotency_key is not None and (first := _take_key(connection, new, idempotency_key)) is not None:
        return find_report(connection, new.tenant_id, first), False
    if deduplicate and (live := _find_live(connection, new)) is not None:
        if idempotency_key is not None:
            connection.execute(
                "UPDATE resma.idempotency_keys SET report_id = %s WHERE tenant_id = %s AND idempotency_key = %s",
                (live, new.tenant_id, idempotency_key),
            )
        return find_report(connection, new.tenant_id, live), False
    with connection.cursor(row_factory=class_row(Report)) as cursor:
        cursor.execute(
            sql.SQL("INSERT INTO resma.reports ({columns}) VALUES ({values}) RETURNING {row}").format(
                columns=_NEW_COLUMNS, values=_NEW_VALUES, row=_COLUMNS
            ),
            {**vars(new), "filters": Jsonb(new.filters), "options": Jsonb(new.options)},
        )
        row = cursor.fetchone()
    assert row is not None  # it was just inserted
    return row, True


def _take_key(connection: Connection[TupleRow], new: NewReport, key: str) -> UUID | None:
    """Writes down that the key is this request's; returns its report where it came before."""
    try:
        connection.execute("SET LOCAL lock_timeout = '2s'")
        taken = connection.execute(
            "INSERT INTO resma.idempotency_keys (tenant_id, idempotency_key, report_id, request_sha256)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING report_id",
            (new.tenant_id, key, new.report_id, new.request_sha256),
        ).fetchone()
        connection.execute("SELECT set_config('lock_timeout', %s, true)", (LOCK_TIMEOUT,))
    except psycopg.errors.LockNotAvailable as error:
        raise IdempotencyKeyInFlightError(
            "the first request with this Idempotency-Key is still being answered: send it again in a moment"
        ) from error
    if taken is not None:
        return None
    first = connection.execute(
        "SELECT report_id, request_sha256 FROM resma.idempotency_keys WHERE tenant_id = %s AND idempotency_key = %s",
        (new.tenant_id, key),
    ).fetchone()
    if first is None:  # the tick has forgotten it in this moment
        raise IdempotencyKeyInFlightError("this Idempotency-Key has just been forgotten, it was old: send it again")
    if first[1] != new.request_sha256:
        raise IdempotencyKeyReusedError(
            "this Idempotency-Key came with another request before: use a new key for a new request"
        )
    report_id: UUID = first[0]
    return report_id


def _find_live(connection: Connection[TupleRow], new: NewReport) -> UUID | None:
    """The tenant's report of the same request that is under way. Until the transaction ends, others wait here."""
    acquire_lock(connection, AdvisoryLock.DEDUPLICATE, new.tenant_id, new.request_sha256)
    row = connection.execute(
        "SELECT report_id FROM resma.reports WHERE tenant_id = %s AND request_sha256 = %s"
        f" AND {IS_LIVE} ORDER BY created_at LIMIT 1",
        (new.tenant_id, new.request_sha256),
    ).fetchone()
    return row[0] if row else None


def find_report(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> Report:
    """Returns the tenant's report. Raises ReportNotFoundError, also for another tenant's; ReportDeletedError."""
    with connection.cursor(row_factory=class_row(Report)) as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM resma.reports WHERE tenant_id = %s AND report_id = %s").format(_COLUMNS),
            (tenant_id, report_id),
        )
        row = cursor.fetchone()
    if row is None:
        raise report_not_found(connection, tenant_id, report_id)
    return row


def report_not_found(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> ReportNotFoundError:
    """What to raise for an id that has no row: the report was deleted, or the tenant has none with this id."""
    row = connection.execute(
        "SELECT deleted_at FROM resma.deleted_reports WHERE tenant_id = %s AND report_id = %s", (tenant_id, report_id)
    ).fetchone()
    if row is not None:
        return ReportDeletedError(f"The report was deleted at {row[0]:%Y-%m-%dT%H:%M:%SZ}. Request it again.")
    return ReportNotFoundError(f"Report {report_id} does not exist. GET /api/v1/reports lists your reports.")


@dataclass(frozen=True)
class ReportCursor:
    """A place in the list, between two pages: the last row that was shown."""

    created_at: datetime
    report_id: UUID


_UUID_DIGITS = 32


def list_reports(
    connection: Connection[TupleRow],
    tenant_id: str,
    wanted: Mapping[str, str | datetime | None],
    after: ReportCursor | None,
    limit: int,
) -> list[Report]:
    """Returns up to `limit` of the tenant's reports, newest first, that come after a place in the list.

    `wanted` may have `status`, `type`, `requested_by`, `format`, `search` (part of the title, or the beginning of the
    id), `created_after` (or then), `created_before` and `id_prefix`, the first hexadecimal digits of an id, with or
    without hyphens; None is any.
    """
    conditions: list[sql.Composable] = [sql.SQL("tenant_id = %(tenant_id)s")]
    for name in ("status", "type", "requested_by"):
        if wanted.get(name) is not None:
            conditions.append(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)))
    if wanted.get("format") is not None:
        conditions.append(sql.SQL("{} = ANY (formats)").format(sql.Placeholder("format")))
    if wanted.get("search") is not None:
        # strpos and not LIKE: no character of the text means anything but itself.
        conditions.append(
            sql.SQL("(strpos(lower(title), lower(%(search)s)) > 0 OR starts_with(report_id::text, lower(%(search)s)))")
        )
    for name, comparison in (("created_after", ">="), ("created_before", "<")):
        if wanted.get(name) is not None:
            conditions.append(sql.SQL("created_at {} {}").format(sql.SQL(comparison), sql.Placeholder(name)))
    digits = str(wanted.get("id_prefix") or "").replace("-", "")[:_UUID_DIGITS]
    if digits:
        # A range, which the primary key's index finds.
        conditions.append(sql.SQL("report_id BETWEEN %(first_id)s::uuid AND %(last_id)s::uuid"))
    if after is not None:
        conditions.append(sql.SQL("(created_at, report_id) < (%(created_at)s, %(report_id)s)"))
    with connection.cursor(row_factory=class_row(Report)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.reports WHERE {} ORDER BY created_at DESC, report_id DESC LIMIT %(limit)s"
            ).format(_COLUMNS, sql.SQL(" AND ").join(conditions)),
            {
                **wanted,
                "tenant_id": tenant_id,
                "created_at": after and after.created_at,
                "report_id": after and after.report_id,
                "first_id": digits.ljust(_UUID_DIGITS, "0"),
                "last_id": digits.ljust(_UUID_DIGITS, "f"),
                "limit": limit,
            },
        )
        return cursor.fetchall()


def tenant_name(connection: Connection[TupleRow], tenant_id: str) -> str:
    """Returns the name that a tenant's reports carry."""
    row = connection.execute("SELECT name FROM resma.tenants WHERE tenant_id = %s", (tenant_id,)).fetchone()
    return str(row[0]) if row else tenant_id
