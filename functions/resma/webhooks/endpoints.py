"""The rows of `resma.webhook_endpoints`: the URLs that receive a tenant's events, and the versions of their secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.database.locks import AdvisoryLock, acquire_lock
from resma.request_errors import TooManyWebhookEndpointsError, WebhookEndpointNotFoundError, WebhookRotationRefusedError
from resma.webhooks.signing_secrets import CALLBACK

MAX_ENDPOINTS = 20
"""Maximum number of endpoints per tenant. Each event may be delivered to all of them."""


@dataclass(frozen=True, kw_only=True)
class WebhookEndpointRow:
    """One row. `url` is None for the endpoint of callbacks. None for `events` or `report_types` means all."""

    tenant_id: str
    endpoint_id: str
    url: str | None
    events: list[str] | None
    report_types: list[str] | None
    created_at: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    secret_version: int
    previous_version_until: datetime | None


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in WebhookEndpointRow.__dataclass_fields__)


def insert_endpoint(
    connection: Connection[TupleRow],
    tenant_id: str,
    url: str,
    events: list[str] | None,
    report_types: list[str] | None,
) -> WebhookEndpointRow:
    """Registers an enabled endpoint. Raises TooManyWebhookEndpointsError."""
    # Without the lock, concurrent requests could exceed the limit.
    acquire_lock(connection, AdvisoryLock.WEBHOOK_ENDPOINTS, tenant_id)
    counted = connection.execute(
        "SELECT count(*) FROM resma.webhook_endpoints WHERE tenant_id = %s AND endpoint_id <> %s",
        (tenant_id, CALLBACK),
    ).fetchone()
    if counted is not None and counted[0] >= MAX_ENDPOINTS:
        raise TooManyWebhookEndpointsError(f"You have the maximum of {MAX_ENDPOINTS} endpoints. Delete one first.")
    row = _fetch(
        connection,
        "INSERT INTO resma.webhook_endpoints (tenant_id, endpoint_id, url, events, report_types)"
        " VALUES (%s, %s, %s, %s, %s)",
        (tenant_id, f"whe_{uuid4().hex}", url, events, report_types),
    )
    assert row is not None  # it was just inserted
    return row


def list_endpoints(connection: Connection[TupleRow], tenant_id: str) -> list[WebhookEndpointRow]:
    """Returns the tenant's endpoints: first that of callbacks, which always exists, then the others, oldest first."""
    with connection.cursor(row_factory=class_row(WebhookEndpointRow)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.webhook_endpoints WHERE tenant_id = %s AND endpoint_id <> %s"
                " ORDER BY created_at, endpoint_id"
            ).format(_COLUMNS),
            (tenant_id, CALLBACK),
        )
        return [find_endpoint(connection, tenant_id, CALLBACK), *cursor.fetchall()]


def find_endpoint(
    connection: Connection[TupleRow], tenant_id: str, endpoint_id: str, *, for_update: bool = False
) -> WebhookEndpointRow:
    """Returns one endpoint. Raises WebhookEndpointNotFoundError, also for another tenant's endpoint.

    The endpoint of callbacks has a row only after its secret was rotated.
    """
    with connection.cursor(row_factory=class_row(WebhookEndpointRow)) as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM resma.webhook_endpoints WHERE tenant_id = %s AND endpoint_id = %s {}").format(
                _COLUMNS, sql.SQL("FOR UPDATE" if for_update else "")
            ),
            (tenant_id, endpoint_id),
        )
        if (row := cursor.fetchone()) is not None:
            return row
    if endpoint_id != CALLBACK:
        raise WebhookEndpointNotFoundError(
            "The endpoint does not exist. GET /api/v1/webhook-endpoints lists your endpoints."
        )
    return WebhookEndpointRow(
        tenant_id=tenant_id,
        endpoint_id=CALLBACK,
        url=None,
        events=None,
        report_types=None,
        created_at=None,
        disabled_at=None,
        disabled_reason=None,
        secret_version=1,
        previous_version_until=None,
    )


def update_endpoint(
    connection: Connection[TupleRow], tenant_id: str, endpoint_id: str, changes: Mapping[str, Any]
) -> WebhookEndpointRow:
    """Changes any of `url`, `events`, `report_types` and `enabled`. Raises WebhookEndpointNotFoundError."""
    find_endpoint(connection, tenant_id, endpoint_id, for_update=True)
    assignments: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
        for name in ("url", "events", "report_types")
        if name in changes
    ]
    if changes.get("enabled") is True:
        assignments += [sql.SQL("disabled_at = NULL"), sql.SQL("disabled_reason = NULL")]
    elif changes.get("enabled") is False:
        assignments += [
            sql.SQL("disabled_at = coalesce(disabled_at, clock_timestamp())"),
            sql.SQL("disabled_reason = coalesce(disabled_reason, 'asked')"),
        ]
    if assignments:
        connection.execute(
            sql.SQL(
                "UPDATE resma.webhook_endpoints SET {}"
                " WHERE tenant_id = %(tenant_id)s AND endpoint_id = %(endpoint_id)s"
            ).format(sql.SQL(", ").join(assignments)),
            {**changes, "tenant_id": tenant_id, "endpoint_id": endpoint_id},
        )
    return find_endpoint(connection, tenant_id, endpoint_id)


def delete_endpoint(connection: Connection[TupleRow], tenant_id: str, endpoint_id: str) -> None:
    """Deletes an endpoint. Raises WebhookEndpointNotFoundError."""
    row = _fetch(
        connection,
        "DELETE FROM resma.webhook_endpoints WHERE tenant_id = %s AND endpoint_id = %s",
        (tenant_id, endpoint_id),
    )
    if row is None:
        raise WebhookEndpointNotFoundError(
            "The endpoint does not exist. GET /api/v1/webhook-endpoints lists your endpoints."
        )


def disable_gone_endpoint(connection: Connection[TupleRow], tenant_id: str, endpoint_id: str, url: str) -> bool:
    """Disables an endpoint whose URL returned 410 Gone. Returns False if it has another URL by now."""
    row = _fetch(
        connection,
        "UPDATE resma.webhook_endpoints SET disabled_at = coalesce(disabled_at, clock_timestamp()),"
        " disabled_reason = coalesce(disabled_reason, 'gone')"
        " WHERE tenant_id = %s AND endpoint_id = %s AND url = %s",
        (tenant_id, endpoint_id, url),
    )
    return row is not None


def rotate_secret(
    connection: Connection[TupleRow], tenant_id: str, endpoint_id: str, overlap: timedelta
) -> WebhookEndpointRow:
    """Creates a new version of the endpoint's secret. The previous version also signs during `overlap`.

    Raises WebhookEndpointNotFoundError. Raises WebhookRotationRefusedError during an earlier overlap: a third secret
    would end the first one at once, which the caller of a repeated request does not intend. Without `overlap` a
    rotation is always possible.
    """
    if endpoint_id == CALLBACK:
        connection.execute(
            "INSERT INTO resma.webhook_endpoints (tenant_id, endpoint_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (tenant_id, CALLBACK),
        )
    before = find_endpoint(connection, tenant_id, endpoint_id, for_update=True)
    row = _fetch(
        connection,
        "UPDATE resma.webhook_endpoints SET secret_version = secret_version + 1,"
        " previous_version_until = CASE WHEN %(overlap)s > interval '0' THEN clock_timestamp() + %(overlap)s END"
        " WHERE tenant_id = %(tenant_id)s AND endpoint_id = %(endpoint_id)s"
        " AND (%(overlap)s <= interval '0' OR coalesce(previous_version_until <= clock_timestamp(), true))",
        {"overlap": overlap, "tenant_id": tenant_id, "endpoint_id": endpoint_id},
    )
    if row is None:
        raise WebhookRotationRefusedError(
            f"The secret was already rotated, and the previous one is valid until {before.previous_version_until}. "
            "GET the current secret, wait until then, or replace both at once with `overlapHours` 0."
        )
    return row


def _fetch(connection: Connection[TupleRow], statement: str, values: Any) -> WebhookEndpointRow | None:
    with connection.cursor(row_factory=class_row(WebhookEndpointRow)) as cursor:
        cursor.execute(sql.SQL("{} RETURNING {}").format(sql.SQL(statement), _COLUMNS), values)
        return cursor.fetchone()
