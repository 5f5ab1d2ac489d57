"""Database queries for the view `resma.access_log`: a page of the entries of a report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row


@dataclass(frozen=True, kw_only=True)
class AccessEntry:
    """One row of `resma.access_log`. Times are in UTC."""

    entry_id: str
    """Unique in the tenant."""
    occurred_at: datetime
    action: str
    subject: str | None
    key_id: str | None
    key_name: str | None
    ip_address: str | None
    format: str | None
    object_key: str | None
    link_expires_at: datetime | None
    endpoint_id: str | None
    url: str | None
    secret_version: int | None
    status_code: int | None
    outcome: str
    detail: str | None
    kms_key: str | None
    pdf_encrypted: bool | None
    destination_id: str | None
    destination_name: str | None
    file_name: str | None
    error_code: str | None
    recipient: str | None
    encrypted_for: list[str] | None
    signed_by: str | None


@dataclass(frozen=True)
class EntryCursor:
    """Position in the list of entries: the last entry of the previous page."""

    occurred_at: datetime
    entry_id: str


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in AccessEntry.__dataclass_fields__)


def list_entries(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID, after: EntryCursor | None, limit: int
) -> list[AccessEntry]:
    """Returns up to `limit` entries of a report after a cursor, newest first.

    Entries remain when a report is deleted: its request, its download links, its legal holds and its deletion.
    """
    # Byte order: the order of the database's collation may change with an update of the operating system.
    position = (
        sql.SQL("")
        if after is None
        else sql.SQL(' AND (occurred_at, entry_id COLLATE "C") < (%(occurred_at)s, %(entry_id)s)')
    )
    with connection.cursor(row_factory=class_row(AccessEntry)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.access_log WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s{}"
                ' ORDER BY occurred_at DESC, entry_id COLLATE "C" DESC LIMIT %(limit)s'
            ).format(_COLUMNS, position),
            {
                "tenant_id": tenant_id,
                "report_id": report_id,
                "occurred_at": after and after.occurred_at,
                "entry_id": after and after.entry_id,
                "limit": limit,
            },
        )
        return cursor.fetchall()
