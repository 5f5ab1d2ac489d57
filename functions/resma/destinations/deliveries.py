"""The rows of `resma.file_deliveries`, with their files, attempts and replays.

The delivery function makes the attempts (`delivery/claims.py`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, LiteralString, TypeVar
from uuid import UUID, uuid4

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.destinations.recipients import DeliveryRecipient, list_recipients, reset_recipients
from resma.request_errors import (
    DestinationDisabledError,
    FileDeliveryInProgressError,
    FileDeliveryNotFoundError,
    ReportExpiredError,
)

R = TypeVar("R")

MAX_SHOWN_FILES = 100
"""Maximum number of files of a delivery that are listed. A split report can have many more."""


def insert_report_deliveries(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> None:
    """Inserts a delivery for each destination that the request of a READY report names.

    Call it in the transaction that sets the report to READY, so that both exist or neither. A delivery to a destination
    that was disabled or deleted since the request is FAILED, so that it can be seen.
    """
    # FOR SHARE: a transaction that disables or deletes a destination waits, and then ends this delivery too.
    connection.execute(
        """
        WITH report AS (
            SELECT deliver_to FROM resma.reports
            WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND deliver_to IS NOT NULL
        ), existing AS (
            SELECT d.destination_id, d.disabled_at FROM resma.destinations AS d, report
            WHERE d.tenant_id = %(tenant_id)s AND d.destination_id = ANY (report.deliver_to) FOR SHARE OF d
        )
        INSERT INTO resma.file_deliveries (tenant_id, delivery_id, destination_id, report_id, status, ended_reason)
        SELECT %(tenant_id)s, 'dlv_' || replace(gen_random_uuid()::text, '-', ''), named.destination_id, %(report_id)s,
               CASE WHEN existing.destination_id IS NULL OR existing.disabled_at IS NOT NULL THEN 'FAILED'
                    ELSE 'PENDING' END,
               CASE WHEN existing.destination_id IS NULL THEN 'destination-deleted'
                    WHEN existing.disabled_at IS NOT NULL THEN 'destination-disabled' END
        FROM report CROSS JOIN unnest(report.deliver_to) AS named (destination_id)
        LEFT JOIN existing USING (destination_id)
        ON CONFLICT (tenant_id, report_id, destination_id) DO NOTHING
        """,
        {"tenant_id": tenant_id, "report_id": report_id},
    )


def insert_test_delivery(connection: Connection[TupleRow], tenant_id: str, destination_id: str) -> str:
    """Inserts the delivery of a test file, and returns its id. Raises DestinationDisabledError.

    The file is encrypted for the certificates that the destination has now, as the files of a report requested now.
    """
    _require_enabled(connection, tenant_id, destination_id)
    delivery_id = f"dlv_{uuid4().hex}"
    connection.execute(
        "INSERT INTO resma.file_deliveries (tenant_id, delivery_id, destination_id, test_encrypt_for)"
        " SELECT tenant_id, %s, destination_id, encrypt_for FROM resma.destinations"
        " WHERE tenant_id = %s AND destination_id = %s",
        (delivery_id, tenant_id, destination_id),
    )
    return delivery_id


def end_deliveries(
    connection: Connection[TupleRow],
    tenant_id: str,
    destination_id: str,
    reason: Literal["destination-disabled", "destination-deleted"],
) -> int:
    """Ends pending deliveries to a destination. Returns their number, for `emit_abandoned_deliveries`.

    Call it after changing the destination's row, in the same transaction.

    An attempt that is in progress notices it before its next write.
    """
    return connection.execute(
        "UPDATE resma.file_deliveries SET status = 'FAILED', ended_reason = %s, lease_until = NULL"
        " WHERE tenant_id = %s AND destination_id = %s AND status = 'PENDING'",
        (reason, tenant_id, destination_id),
    ).rowcount


def replay_delivery(
    connection: Connection[TupleRow], tenant_id: str, delivery_id: str, requester: tuple[str, str | None]
) -> FileDeliveryRecord:
    """Makes a delivery due now, with a full set of attempts, and records the subject and IP address of the requester.

    Each file keeps its name. A file that still exists under its name at the destination is not sent again. Raises
    FileDeliveryNotFoundError; DestinationDisabledError, also if the destination was deleted;
    FileDeliveryInProgressError; ReportExpiredError.
    """
    delivery = find_delivery(connection, tenant_id, delivery_id).delivery
    # The destination is locked before its delivery, so that a transaction that disables or deletes it waits, and then
    # also ends this delivery.
    _require_enabled(connection, tenant_id, delivery.destination_id)
    if delivery.report_status not in {None, "READY"}:
        raise ReportExpiredError("The files of the report were deleted because they expired. Request it again.")
    row = connection.execute(
        "UPDATE resma.file_deliveries SET status = 'PENDING', ended_reason = NULL, delivered_at = NULL,"
        " next_attempt_at = clock_timestamp(), attempts_before = attempts, lease_until = NULL"
        " WHERE tenant_id = %s AND delivery_id = %s"
        " AND (status <> 'PENDING' OR coalesce(lease_until <= clock_timestamp(), true)) RETURNING delivery_id",
        (tenant_id, delivery_id),
    ).fetchone()
    if row is None:
        raise FileDeliveryInProgressError("An attempt is in progress. Try again when it has been recorded.")
    # Recipients of a delivery that has arrived get another message, because this is what a replay of it requests.
    reset_recipients(connection, tenant_id, delivery_id, keep_accepted=delivery.status != "DELIVERED")
    connection.execute(
        "UPDATE resma.delivered_files SET delivered_at = NULL WHERE tenant_id = %s AND delivery_id = %s",
        (tenant_id, delivery_id),
    )
    connection.execute(
        "INSERT INTO resma.file_delivery_replays (tenant_id, delivery_id, requested_by, requested_from)"
        " VALUES (%s, %s, %s, %s)",
        (tenant_id, delivery_id, *requester),
    )
    return find_delivery(connection, tenant_id, delivery_id)


def _require_enabled(connection: Connection[TupleRow], tenant_id: str, destination_id: str) -> None:
    enabled = connection.execute(
        "SELECT 1 FROM resma.destinations WHERE tenant_id = %s AND destination_id = %s AND disabled_at IS NULL"
        " FOR SHARE",
        (tenant_id, destination_id),
    ).fetchone()
    if enabled is None:
        raise DestinationDisabledError(
            "The destination is disabled or deleted. Enable it first: PATCH with `enabled` true."
        )


@dataclass(frozen=True, kw_only=True)
class FileDeliveryRow:
    """One row of `resma.file_deliveries`, with the name of its destination and the counts of its files."""

    delivery_id: str
    destination_id: str
    destination_name: str | None
    """None if the destination was deleted."""
    report_id: UUID | None
    """None for a test file."""
    report_status: str | None
    status: str
    ended_reason: str | None
    created_at: datetime
    next_attempt_at: datetime
    delivered_at: datetime | None
    files_delivered: int
    bytes_delivered: int


@dataclass(frozen=True, kw_only=True)
class DeliveredFile:
    """A file of a delivery, and when it was complete at the destination; None: not yet."""

    delivery_id: str
    position: int
    name: str
    bytes: int
    sha256: str
    delivered_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class FileDeliveryAttempt:
    """One attempt. Without an outcome it is in progress, or its function crashed."""

    delivery_id: str
    attempt: int
    started_at: datetime
    milliseconds: int | None
    outcome: str | None
    error_code: str | None
    error_detail: str | None


@dataclass(frozen=True, kw_only=True)
class FileDeliveryReplay:
    """A replay of a delivery: who requested it, and from which IP address."""

    delivery_id: str
    requested_at: datetime
    requested_by: str
    requested_from: str | None


@dataclass(frozen=True)
class FileDeliveryRecord:
    """A delivery with its first files, its attempts and its replays, in the order of time."""

    delivery: FileDeliveryRow
    files: list[DeliveredFile]
    attempts: list[FileDeliveryAttempt]
    replays: list[FileDeliveryReplay]
    recipients: list[DeliveryRecipient]
    """What became of the messages of a delivery by e-mail, by address."""


@dataclass(frozen=True)
class FileDeliveryCursor:
    """Position in the list of a destination's deliveries: the last delivery of the previous page."""

    created_at: datetime
    delivery_id: str


_SELECT: LiteralString = """
    SELECT d.delivery_id, d.destination_id, t.name AS destination_name, d.report_id, r.status AS report_status,
           d.status, d.ended_reason, d.created_at, d.next_attempt_at, d.delivered_at,
           done.files AS files_delivered, done.bytes AS bytes_delivered
    FROM resma.file_deliveries AS d
    LEFT JOIN resma.destinations AS t USING (tenant_id, destination_id)
    LEFT JOIN resma.reports AS r USING (tenant_id, report_id)
    CROSS JOIN LATERAL (
        SELECT count(*) AS files, coalesce(sum(f.bytes), 0)::bigint AS bytes FROM resma.delivered_files AS f
        WHERE f.tenant_id = d.tenant_id AND f.delivery_id = d.delivery_id AND f.delivered_at IS NOT NULL
    ) AS done
    WHERE d.tenant_id = %(tenant_id)s AND"""


def find_delivery(connection: Connection[TupleRow], tenant_id: str, delivery_id: str) -> FileDeliveryRecord:
    """Returns one delivery. Raises FileDeliveryNotFoundError, also for another tenant's delivery."""
    records = _select(connection, tenant_id, "d.delivery_id = %(delivery_id)s", {"delivery_id": delivery_id})
    if not records:
        raise FileDeliveryNotFoundError(
            "The delivery does not exist. GET /api/v1/destinations/{id}/deliveries lists the deliveries to a "
            "destination."
        )
    return records[0]


def list_report_deliveries(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID
) -> list[FileDeliveryRecord]:
    """Returns the deliveries of a report, at most one for each destination."""
    condition: LiteralString = "d.report_id = %(report_id)s ORDER BY d.created_at, d.delivery_id"
    return _select(connection, tenant_id, condition, {"report_id": report_id})


def list_destination_deliveries(  # noqa: PLR0913, PLR0917  # filters and the position of the page
    connection: Connection[TupleRow],
    tenant_id: str,
    destination_id: str,
    status: str | None,
    after: FileDeliveryCursor | None,
    limit: int,
) -> list[FileDeliveryRecord]:
    """Returns up to `limit` of a destination's deliveries after a cursor, newest first."""
    condition: LiteralString = "d.destination_id = %(destination_id)s"
    if status is not None:
        condition += " AND d.status = %(status)s"
    if after is not None:
        condition += " AND (d.created_at, d.delivery_id) < (%(created_at)s, %(delivery_id)s)"
    condition += " ORDER BY d.created_at DESC, d.delivery_id DESC LIMIT %(limit)s"
    values = {
        "destination_id": destination_id,
        "status": status,
        "created_at": after and after.created_at,
        "delivery_id": after and after.delivery_id,
        "limit": limit,
    }
    return _select(connection, tenant_id, condition, values)


def _select(
    connection: Connection[TupleRow], tenant_id: str, condition: LiteralString, values: dict[str, Any]
) -> list[FileDeliveryRecord]:
    with connection.cursor(row_factory=class_row(FileDeliveryRow)) as cursor:
        cursor.execute(f"{_SELECT} {condition}", {**values, "tenant_id": tenant_id})
        rows = cursor.fetchall()
    key = {"tenant_id": tenant_id, "ids": [row.delivery_id for row in rows], "limit": MAX_SHOWN_FILES}
    files = _by_delivery(
        connection, DeliveredFile, "resma.delivered_files", "position <= %(limit)s ORDER BY position", key
    )
    attempts = _by_delivery(
        connection, FileDeliveryAttempt, "resma.file_delivery_attempts", "true ORDER BY attempt", key
    )
    replays = _by_delivery(
        connection, FileDeliveryReplay, "resma.file_delivery_replays", "true ORDER BY requested_at", key
    )
    recipients: defaultdict[str, list[DeliveryRecipient]] = defaultdict(list)
    for recipient in list_recipients(connection, tenant_id, [row.delivery_id for row in rows]):
        recipients[recipient.delivery_id].append(recipient)
    return [
        FileDeliveryRecord(
            row,
            files[row.delivery_id],
            attempts[row.delivery_id],
            replays[row.delivery_id],
            recipients[row.delivery_id],
        )
        for row in rows
    ]


def _by_delivery(
    connection: Connection[TupleRow], kind: type[R], table: LiteralString, rest: LiteralString, key: dict[str, Any]
) -> defaultdict[str, list[R]]:
    """Returns rows of a table that belongs to deliveries, by the id of the delivery."""
    names: list[str] = list(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in names)
    statement = sql.SQL("SELECT {} FROM {} WHERE tenant_id = %(tenant_id)s AND delivery_id = ANY (%(ids)s) AND {}")
    found: defaultdict[str, list[R]] = defaultdict(list)
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        cursor.execute(statement.format(columns, sql.SQL(table), sql.SQL(rest)), key)
        for row in cursor:
            found[row.delivery_id].append(row)  # type: ignore[attr-defined]
    return found
