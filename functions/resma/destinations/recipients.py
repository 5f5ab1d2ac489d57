"""The rows of `resma.delivery_recipients`, their log for the access log, and `resma.suppressed_addresses`.

`delivery/email_delivery.py` writes what became of a message, and `delivery/feedback.py` what is reported of it later.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from resma.short_text import shorten_words

RecipientStatus = Literal["ACCEPTED", "DEFERRED", "REFUSED", "SUPPRESSED", "BOUNCED", "COMPLAINED"]
SuppressionReason = Literal["BOUNCE", "COMPLAINT"]

MAX_DETAIL = 500
"""Maximum length of the recorded answer of a server, in characters."""


@dataclass(frozen=True, kw_only=True)
class DeliveryRecipient:
    """What became of the message to a recipient of a delivery."""

    delivery_id: str
    address: str
    status: RecipientStatus
    message_id: str | None
    """Id of the accepted message, which bounces and complaints name."""
    detail: str | None
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class SuppressedAddress:
    """An address that the tenant sends no more messages to."""

    address: str
    reason: SuppressionReason
    detail: str | None
    suppressed_at: datetime


def record_recipient(  # noqa: PLR0913  # what is recorded of a recipient
    connection: Connection[TupleRow],
    tenant_id: str,
    delivery_id: str,
    address: str,
    status: RecipientStatus,
    *,
    message_id: str | None = None,
    detail: str | None = None,
) -> None:
    """Records what became of a message to a recipient, also in the access log."""
    detail = detail and shorten_words(detail, MAX_DETAIL)
    connection.execute(
        "INSERT INTO resma.delivery_recipients (tenant_id, delivery_id, address, status, message_id, detail)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (tenant_id, delivery_id, address) DO UPDATE SET"
        " status = EXCLUDED.status, message_id = EXCLUDED.message_id, detail = EXCLUDED.detail,"
        " updated_at = clock_timestamp()",
        (tenant_id, delivery_id, address, status, message_id, detail),
    )
    _log(connection, tenant_id, delivery_id, address, status, detail)


def list_recipients(
    connection: Connection[TupleRow], tenant_id: str, delivery_ids: Sequence[str]
) -> list[DeliveryRecipient]:
    """Returns the recipients of deliveries, by delivery and address."""
    with connection.cursor(row_factory=class_row(DeliveryRecipient)) as cursor:
        cursor.execute(
            "SELECT delivery_id, address, status, message_id, detail, updated_at FROM resma.delivery_recipients"
            " WHERE tenant_id = %s AND delivery_id = ANY (%s) ORDER BY delivery_id, address",
            (tenant_id, list(delivery_ids)),
        )
        return cursor.fetchall()


def statuses_of(connection: Connection[TupleRow], tenant_id: str, delivery_id: str) -> Mapping[str, RecipientStatus]:
    """Returns the status of each recipient of a delivery that has one."""
    return {row.address: row.status for row in list_recipients(connection, tenant_id, [delivery_id])}


def reset_recipients(
    connection: Connection[TupleRow], tenant_id: str, delivery_id: str, *, keep_accepted: bool
) -> None:
    """Deletes what became of a delivery's messages before a replay; with `keep_accepted`, only of those that failed."""
    connection.execute(
        "DELETE FROM resma.delivery_recipients WHERE tenant_id = %s AND delivery_id = %s"
        " AND NOT (%s AND status = 'ACCEPTED')",
        (tenant_id, delivery_id, keep_accepted),
    )


def find_suppressed(connection: Connection[TupleRow], tenant_id: str, addresses: Collection[str]) -> dict[str, str]:
    """Returns those of the addresses that are suppressed, with the reason."""
    rows = connection.execute(
        "SELECT wanted.address, s.reason FROM unnest(%s::text[]) AS wanted (address)"
        " JOIN resma.suppressed_addresses AS s ON s.tenant_id = %s AND s.address = lower(wanted.address)",
        (list(addresses), tenant_id),
    ).fetchall()
    return dict(rows)


def record_feedback(  # noqa: PLR0913, PLR0917  # what a notification says
    connection: Connection[TupleRow],
    tenant_id: str,
    delivery_id: str,
    message_id: str,
    address: str,
    reason: SuppressionReason,
    detail: str,
) -> bool:
    """Records a bounce or complaint, and suppresses the address. Returns False for a message that was not sent.

    Safe to call twice.
    """
    status: RecipientStatus = "BOUNCED" if reason == "BOUNCE" else "COMPLAINED"
    detail = shorten_words(detail, MAX_DETAIL)
    row = connection.execute(
        "SELECT address, status FROM resma.delivery_recipients"
        " WHERE tenant_id = %s AND delivery_id = %s AND message_id = %s AND lower(address) = lower(%s) FOR UPDATE",
        (tenant_id, delivery_id, message_id, address),
    ).fetchone()
    if row is None:
        return False
    recorded, before = row
    if before != status:
        record_recipient(connection, tenant_id, delivery_id, recorded, status, message_id=message_id, detail=detail)
    connection.execute(
        "INSERT INTO resma.suppressed_addresses (tenant_id, address, reason, detail) VALUES (%s, lower(%s), %s, %s)"
        " ON CONFLICT DO NOTHING",
        (tenant_id, address, reason, detail),
    )
    return True


def _log(  # noqa: PLR0913, PLR0917  # the columns of the table
    connection: Connection[TupleRow],
    tenant_id: str,
    delivery_id: str,
    address: str,
    status: RecipientStatus,
    detail: str | None,
) -> None:
    connection.execute(
        "INSERT INTO resma.delivery_recipient_log (tenant_id, delivery_id, address, status, detail)"
        " VALUES (%s, %s, %s, %s, %s)",
        (tenant_id, delivery_id, address, status, detail),
    )


def list_suppressed(
    connection: Connection[TupleRow], tenant_id: str, after: str | None, limit: int
) -> list[SuppressedAddress]:
    """Returns suppressed addresses in their order, those after `after`."""
    with connection.cursor(row_factory=class_row(SuppressedAddress)) as cursor:
        cursor.execute(
            "SELECT address, reason, detail, suppressed_at FROM resma.suppressed_addresses WHERE tenant_id = %s"
            ' AND address COLLATE "C" > %s ORDER BY address COLLATE "C" LIMIT %s',
            (tenant_id, after or "", limit),
        )
        return cursor.fetchall()


def remove_suppressed(connection: Connection[TupleRow], tenant_id: str, address: str) -> bool:
    """Removes an address from the suppressed ones. Returns whether it was one."""
    row = connection.execute(
        "DELETE FROM resma.suppressed_addresses WHERE tenant_id = %s AND address = lower(%s) RETURNING address",
        (tenant_id, address),
    ).fetchone()
    return row is not None
