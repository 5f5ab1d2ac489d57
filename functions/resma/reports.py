"""The rows of `resma.reports`: written by a request, and read by whoever wants to know.

How a row moves from PENDING to READY or FAILED is in `job.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from resma.content import ReportContent
from resma.errors import IdempotencyKeyInFlight, IdempotencyKeyReused, ReportNotFound


class StoredFile(TypedDict):
    """One file of a READY report, as the row keeps it. `extension` is the end of its name: `csv.gz`."""

    format: str
    object_key: str
    media_type: str
    extension: str
    bytes: int
    sha256: str
    parts: int


class CheckpointRecord(TypedDict):
    """Where a report in the making was saved last, as its row keeps it."""

    key: str
    """Of the object that holds what was saved (`saved_work.py`)."""
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
    status: str
    created_at: datetime
    enqueued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    attempt: int
    rows_done: int
    rows_expected: int | None
    as_of: datetime | None
    totals: list[dict[str, Any]] | None
    balance: dict[str, Any] | None
    files: list[StoredFile] | None
    metrics: dict[str, Any] | None
    error_code: str | None
    error_detail: str | None


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in Report.__dataclass_fields__)


@dataclass(frozen=True, kw_only=True)
class NewReport(ReportContent):
    """A request that was checked and is about to become a row."""

    tenant_id: str
    report_id: UUID
    callback_url: str | None
    idempotency_key: str | None
    request_sha256: str


_NEW_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in NewReport.__dataclass_fields__)
_NEW_VALUES = sql.SQL(", ").join(sql.Placeholder(name) for name in NewReport.__dataclass_fields__)


def insert_report(connection: Connection[TupleRow], new: NewReport) -> tuple[Report, bool]:
    """Writes the PENDING row; returns it and whether it is new.

    With an idempotency key that the tenant has used before, returns the row of the first request instead. A request
    with the same key that is being answered at this moment is waited for. Raises IdempotencyKeyReused where the
    first request was another one, IdempotencyKeyInFlight where the wait got too long.
    """
    try:
        with connection.cursor(row_factory=class_row(Report)) as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            cursor.execute(
                sql.SQL(
                    "INSERT INTO resma.reports ({columns}) VALUES ({values})"
                    " ON CONFLICT (tenant_id, idempotency_key) DO NOTHING RETURNING {row}"
                ).format(columns=_NEW_COLUMNS, values=_NEW_VALUES, row=_COLUMNS),
                {**vars(new), "filters": Jsonb(new.filters), "options": Jsonb(new.options)},
            )
            if (row := cursor.fetchone()) is not None:
                return row, True
            cursor.execute(
                sql.SQL("SELECT {} FROM resma.reports WHERE tenant_id = %s AND idempotency_key = %s").format(_COLUMNS),
                (new.tenant_id, new.idempotency_key),
            )
            first = cursor.fetchone()
    except psycopg.errors.LockNotAvailable as error:
        raise IdempotencyKeyInFlight(
            "the first request with this Idempotency-Key is still being answered: send it again in a moment"
        ) from error
    assert first is not None  # the conflict was with a committed row, and rows are never deleted
    if first.request_sha256 != new.request_sha256:
        raise IdempotencyKeyReused(
            "this Idempotency-Key came with another request before: use a new key for a new request"
        )
    return first, False


def find_report(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> Report:
    """Returns the tenant's report. Raises ReportNotFound, also for another tenant's."""
    with connection.cursor(row_factory=class_row(Report)) as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM resma.reports WHERE tenant_id = %s AND report_id = %s").format(_COLUMNS),
            (tenant_id, report_id),
        )
        if (row := cursor.fetchone()) is None:
            raise ReportNotFound(f"there is no report {report_id}: GET /api/v1/reports lists yours")
        return row


@dataclass(frozen=True)
class Place:
    """A place in the list, between two pages: the last row that was shown."""

    created_at: datetime
    report_id: UUID


def list_reports(
    connection: Connection[TupleRow], tenant_id: str, wanted: Mapping[str, str | None], after: Place | None, limit: int
) -> list[Report]:
    """Returns up to `limit` of the tenant's reports, newest first, that come after a place in the list.

    `wanted` may have `status`, `type` and `format`; None is any.
    """
    conditions: list[sql.Composable] = [sql.SQL("tenant_id = %(tenant_id)s")]
    for name in ("status", "type"):
        if wanted.get(name) is not None:
            conditions.append(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)))
    if wanted.get("format") is not None:
        conditions.append(sql.SQL("{} = ANY (formats)").format(sql.Placeholder("format")))
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
                "limit": limit,
            },
        )
        return cursor.fetchall()


def tenant_name(connection: Connection[TupleRow], tenant_id: str) -> str:
    """Returns the name that a tenant's reports carry."""
    row = connection.execute("SELECT name FROM resma.tenants WHERE tenant_id = %s", (tenant_id,)).fetchone()
    return str(row[0]) if row else tenant_id
