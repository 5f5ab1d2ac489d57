"""The rows of `resma.reports`: how they are inserted and queried.

`transitions.py` has the statements that change the status of a report.
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
from resma.report.content import ReportContent
from resma.report.records import BalanceRecord, ControlTotalRecord, ManifestRecord, MetricsRecord, TotalRecord
from resma.report.status import IS_LIVE
from resma.report.warnings import ReportWarning
from resma.request_errors import (
    IdempotencyKeyInFlightError,
    IdempotencyKeyReusedError,
    ReportDeletedError,
    ReportNotFoundError,
)


class StoredFile(TypedDict):
    """One file of a READY report, as stored in its row. `extension` is the end of its name, such as `csv.gz`."""

    format: str
    object_key: str
    media_type: str
    extension: str
    bytes: int
    sha256: str
    parts: int
    pages: NotRequired[int]
    """Number of pages, for formats that have pages."""
    plain_sha256: NotRequired[str]
    """SHA-256 before encryption by OpenPGP. `bytes` and `sha256` are those of the encrypted file."""


class FailedFile(TypedDict):
    """A file that could not be generated because its format cannot represent a value, as stored in its report's row."""

    format: str
    code: str
    detail: str
    column: NotRequired[str]
    """Name of the column in the catalog."""
    row: NotRequired[int]
    """Number of the row without headings, from 1."""


@dataclass(frozen=True)
class ReportFiles:
    """Result of an attempt: stored files, files that failed because of limits of their formats, and warnings."""

    stored: Sequence[StoredFile]
    failed: Sequence[FailedFile] = ()
    warnings: Sequence[ReportWarning] = ()


class CheckpointRecord(TypedDict):
    """The latest checkpoint of a report in progress, as stored in its row."""

    key: str
    """Key of the object that contains the checkpoint (`worker.checkpoints`)."""
    sha256: str
    bytes: int
    rows: int
    attempt: int
    """Number of the attempt that saved it."""
    at: str
    """Timestamp of the checkpoint in ISO 8601."""
    needs: list[str]
    """Keys of other objects that are needed to resume, including those of open uploads."""


@dataclass(frozen=True, kw_only=True)
class Report(ReportContent):
    """One row of `resma.reports`. Times are in UTC; `totals` and `metrics` are JSON as the API shows them."""

    tenant_id: str
    report_id: UUID
    callback_url: str | None
    deliver_to: list[str] | None
    """Ids of the destinations that its files are delivered to; some may have been deleted."""
    encrypt_for_requested: list[str] | None
    """Ids of the certificates that the request itself names. `encrypt_for` also has those of the destinations."""
    request_sha256: str
    schedule_id: str | None
    """The schedule whose run the report is; it may have been deleted."""
    requested_by: str | None
    """`subject` of the caller; None for reports that are older than this column."""
    status: str
    created_at: datetime
    enqueued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    """When its files are or were deleted; None if the report was never READY. A held report keeps them for longer."""
    retention_days: int | None
    """Days for which its files are kept; None for reports that are older than this column."""
    retention_requested: bool
    """Whether the request named the retention."""
    held: bool
    """Whether it has a legal hold."""
    objects_held: bool
    """Whether an object of it may have the legal hold of the object store."""
    kms_key: str | None
    """ARN of the tenant's KMS key that its files are encrypted with."""
    signed_by: str | None
    """Fingerprint of the tenant's OpenPGP key that its files are signed with."""
    files_deleted_at: datetime | None
    """When a caller deleted its files before the end of their retention."""
    files_deleted_by: str | None
    """`subject` of that caller."""
    attempt: int
    lease_until: datetime | None
    writing_since: datetime | None
    """When this attempt started to write rows."""
    written_before: int | None
    """Number of rows that earlier attempts had written at that time."""
    continuations: int
    checkpoint: CheckpointRecord | None
    rows_done: int
    rows_expected: int | None
    as_of: datetime | None
    totals: list[TotalRecord] | None
    totals_omitted: int
    """Number of further currencies."""
    balance: BalanceRecord | None
    control_totals: list[ControlTotalRecord] | None
    """At most 20, beginning with those that differ. None if the report has no control query, or it has not run."""
    files: list[StoredFile] | None
    failed_files: list[FailedFile] | None
    """None until the report has ended. If all formats failed, the report is FAILED and this has all of them."""
    warnings: list[dict[str, Any]] | None
    """JSON of `ReportWarning`; None until the report is READY."""
    keys_expected: int | None
    """Number of keys of a split report; None before its snapshot was counted, and for other reports."""
    keys_done: int
    """Number of keys whose files are stored."""
    snapshots: int
    """Number of snapshots that the rows of a split report were read from."""
    manifest: ManifestRecord | None
    """None until a split report is READY, and for other reports."""
    metrics: MetricsRecord | None
    personal_columns: list[str] | None
    """Names of the personal columns in its files; None before the rows were read."""
    personal_filters: list[str] | None
    skipped_code: str | None
    """The condition that the data of a SKIPPED report do not meet."""
    skipped_detail: str | None
    error_code: str | None
    error_detail: str | None
    waiting_for: str | None
    """The unavailable dependency that the report waits for; it stays set while the next attempt runs."""
    waiting_since: datetime | None
    waiting_detail: str | None
    next_attempt_at: datetime | None


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in Report.__dataclass_fields__)


@dataclass(frozen=True, kw_only=True)
class NewReport(ReportContent):
    """A validated request that has not been inserted yet."""

    tenant_id: str
    report_id: UUID
    callback_url: str | None
    deliver_to: list[str] | None = None
    encrypt_for_requested: list[str] | None = None
    """Ids of the certificates that the request itself names. `encrypt_for` also has those of the destinations."""
    request_sha256: str
    unconditional_sha256: str | None = None
    """Hash of the request without its conditions; None if it has none."""
    requested_by: str
    schedule_id: str | None = None
    retention_days: int | None = None
    """Days for which its files are kept, at most as long as the tenant may keep files."""
    retention_requested: bool = False
    """Whether the request names the retention."""


_NEW_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in NewReport.__dataclass_fields__)
_OTHER_VALUES: Mapping[str, sql.Composable] = {
    "retention_days": sql.SQL(
        "least(%(retention_days)s::integer,"
        " (SELECT max_retention_days FROM resma.tenants WHERE tenant_id = %(tenant_id)s))"
    )
}
_NEW_VALUES = sql.SQL(", ").join(
    _OTHER_VALUES.get(name, sql.Placeholder(name)) for name in NewReport.__dataclass_fields__
)


def insert_report(
    connection: Connection[TupleRow], new: NewReport, idempotency_key: str | None = None, *, deduplicate: bool = False
) -> tuple[Report, bool]:
    """Inserts the PENDING row. Returns it and whether it is new.

    If the tenant has used the idempotency key before, returns the report of the first request instead. It waits for a
    concurrent request with the same key. With `deduplicate`, returns the tenant's live report of the same request that
    is encrypted for the same certificates, if one exists, and associates the key with it.

    Raises IdempotencyKeyReusedError if the first request was different, and IdempotencyKeyInFlightError if it is not
    finished after two seconds.
    """
    if idempotency_key is not None and (first := _claim_key(connection, new, idempotency_key)) is not None:
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
            {
                **vars(new),
                "filters": Jsonb(new.filters),
                "options": Jsonb(new.options),
                "only_if": new.only_if and Jsonb(new.only_if),
                "pdf_key": new.pdf_key and Jsonb(new.pdf_key),
            },
        )
        row = cursor.fetchone()
    assert row is not None  # it was just inserted
    return row, True


def _claim_key(connection: Connection[TupleRow], new: NewReport, key: str) -> UUID | None:
    """Inserts the key for this request. Returns the report of the first request if the key exists already."""
    try:
        connection.execute("SET LOCAL lock_timeout = '2s'")
        inserted = connection.execute(
            "INSERT INTO resma.idempotency_keys (tenant_id, idempotency_key, report_id, request_sha256)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING report_id",
            (new.tenant_id, key, new.report_id, new.request_sha256),
        ).fetchone()
        connection.execute("SELECT set_config('lock_timeout', %s, true)", (LOCK_TIMEOUT,))
    except psycopg.errors.LockNotAvailable as error:
        raise IdempotencyKeyInFlightError(
            "The first request with this Idempotency-Key has not been answered yet. Send the request again in a moment."
        ) from error
    if inserted is not None:
        return None
    first = connection.execute(
        "SELECT report_id, request_sha256 FROM resma.idempotency_keys WHERE tenant_id = %s AND idempotency_key = %s",
        (new.tenant_id, key),
    ).fetchone()
    if first is None:  # the scheduler has purged it in the meantime
        raise IdempotencyKeyInFlightError("This Idempotency-Key has just expired. Send the request again.")
    if first[1] != new.request_sha256:
        raise IdempotencyKeyReusedError(
            "This Idempotency-Key was used with a different request. Use a new key for a new request."
        )
    report_id: UUID = first[0]
    return report_id


def _find_live(connection: Connection[TupleRow], new: NewReport) -> UUID | None:
    """Returns the tenant's live report of the same request for the same certificates.

    Acquires a lock, so that identical requests wait here.
    """
    acquire_lock(connection, AdvisoryLock.DEDUPLICATE, new.tenant_id, new.request_sha256)
    row = connection.execute(
        "SELECT report_id FROM resma.reports WHERE tenant_id = %s AND request_sha256 = %s"
        f" AND encrypt_for IS NOT DISTINCT FROM %s::text[] AND {IS_LIVE} ORDER BY created_at LIMIT 1",
        (new.tenant_id, new.request_sha256, new.encrypt_for),
    ).fetchone()
    return row[0] if row else None


def stored_files(report: Report, keys_done: int, files_failed: int) -> int:
    """Returns the number of stored files of a split report: one in each format for each key, except the failed ones."""
    return max(0, keys_done * len(report.formats) - files_failed)


def find_report(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> Report:
    """Returns the tenant's report. Raises ReportNotFoundError, also for another tenant's report; ReportDeletedError."""
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
    """Returns the error for an id without a row: the report was deleted, or the tenant has no report with this id."""
    row = connection.execute(
        "SELECT deleted_at FROM resma.deleted_reports WHERE tenant_id = %s AND report_id = %s", (tenant_id, report_id)
    ).fetchone()
    if row is not None:
        return ReportDeletedError(f"The report was deleted at {row[0]:%Y-%m-%dT%H:%M:%SZ}. Request it again.")
    return ReportNotFoundError(f"Report {report_id} does not exist. GET /api/v1/reports lists your reports.")


@dataclass(frozen=True)
class ReportCursor:
    """Position in the list of reports: the last row of the previous page."""

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
    """Returns up to `limit` of the tenant's reports after a cursor, newest first.

    `wanted` may have `status`, `type`, `requested_by`, `format`, `search` (part of the title, or start of the id),
    `created_after` (inclusive), `created_before` (exclusive) and `id_prefix` (the first hexadecimal digits of an id,
    with or without hyphens). None does not filter.
    """
    conditions: list[sql.Composable] = [sql.SQL("tenant_id = %(tenant_id)s")]
    for name in ("status", "type", "requested_by"):
        if wanted.get(name) is not None:
            conditions.append(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)))
    if wanted.get("format") is not None:
        conditions.append(sql.SQL("{} = ANY (formats)").format(sql.Placeholder("format")))
    if wanted.get("search") is not None:
        # strpos instead of LIKE: it has no wildcard characters.
        conditions.append(
            sql.SQL("(strpos(lower(title), lower(%(search)s)) > 0 OR starts_with(report_id::text, lower(%(search)s)))")
        )
    for name, comparison in (("created_after", ">="), ("created_before", "<")):
        if wanted.get(name) is not None:
            conditions.append(sql.SQL("created_at {} {}").format(sql.SQL(comparison), sql.Placeholder(name)))
    digits = str(wanted.get("id_prefix") or "").replace("-", "")[:_UUID_DIGITS]
    if digits:
        # A range can use the index of the primary key.
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
    """Returns the name of a tenant, which its reports show."""
    row = connection.execute("SELECT name FROM resma.tenants WHERE tenant_id = %s", (tenant_id,)).fetchone()
    return str(row[0]) if row else tenant_id
