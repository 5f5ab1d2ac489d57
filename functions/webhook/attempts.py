"""Attempts at what is owed to receivers: taken in a fair order, and put on record with what follows."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from resma.database.locks import AdvisoryLock, acquire_lock
from resma.webhooks.deliveries import end_deliveries
from resma.webhooks.endpoints import disable_gone_endpoint
from resma.webhooks.signing_secrets import CALLBACK
from webhook.post_signed import MAX_RETRY_AFTER_SECONDS, AttemptResult

BACKOFF = tuple(
    timedelta(seconds=seconds)
    for seconds in (30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 24 * 3600)
)
"""Pause after each failed attempt: eleven attempts over three days, as Standard Webhooks recommends."""

CLAIM_SECONDS = 60
"""How long an attempt may take before the tick takes the delivery for orphaned and makes another."""


@dataclass(frozen=True)
class Delivery:
    """A webhook that is owed. `attempts` counts those made, this one included."""

    tenant_id: str
    event_id: str
    endpoint_id: str
    report_id: UUID
    url: str
    attempts: int
    attempts_before: int
    """Of these, before the last replay."""
    secret_version: int
    is_previous_valid: bool
    """Whether the secret's version before still signs too."""


def claim_first_attempts(connection: Connection[TupleRow], tenant_id: str, event_id: str, limit: int) -> list[Delivery]:
    """Takes up to `limit` of an event's deliveries of which no attempt was made or is under way."""
    return _claim(
        connection,
        "SELECT tenant_id, event_id, endpoint_id, next_attempt_at FROM resma.webhook_deliveries"
        " WHERE tenant_id = %(tenant_id)s AND event_id = %(event_id)s AND status = 'PENDING' AND attempts = 0"
        " LIMIT %(limit)s",
        {"tenant_id": tenant_id, "event_id": event_id, "limit": limit},
    )


def claim_due_attempts(
    connection: Connection[TupleRow], under_way: Mapping[str, int], limit: int, tenant_limit: int
) -> list[Delivery]:
    """Takes up to `limit` deliveries that are due, of all tenants in turn; of each, that which is due for longest.

    `under_way` counts a tenant's attempts that are being made; it gets no more than `tenant_limit` at once, so that
    one tenant's receivers that hang leave room for the others'.
    """
    # Two ticks at once would choose the same rows, and the second find them taken.
    acquire_lock(connection, AdvisoryLock.WEBHOOK_DELIVERIES)
    return _claim(
        connection,
        """
        SELECT tenant_id, event_id, endpoint_id, next_attempt_at
        FROM resma.tenants
        LEFT JOIN unnest(%(tenants)s::text[], %(counts)s::bigint[]) AS busy (tenant_id, attempts) USING (tenant_id)
        CROSS JOIN LATERAL (
            SELECT event_id, endpoint_id, next_attempt_at,
                   coalesce(busy.attempts, 0) + row_number() OVER (ORDER BY next_attempt_at) AS turn
            FROM resma.webhook_deliveries AS owed
            WHERE owed.tenant_id = tenants.tenant_id AND status = 'PENDING' AND next_attempt_at <= statement_timestamp()
            ORDER BY next_attempt_at LIMIT %(tenant_limit)s
        ) AS oldest
        WHERE turn <= %(tenant_limit)s
        ORDER BY turn, next_attempt_at LIMIT %(limit)s
        """,
        {
            "tenants": list(under_way),
            "counts": list(under_way.values()),
            "limit": limit,
            "tenant_limit": tenant_limit,
        },
    )


def _claim(connection: Connection[TupleRow], due: str, values: dict[str, object]) -> list[Delivery]:
    """An endpoint's address and secret are those of this moment, whatever they were when the delivery was made."""
    with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        cursor.execute(
            f"""
            WITH due AS MATERIALIZED ({due}), taken AS (
                UPDATE resma.webhook_deliveries AS d
                SET attempts = d.attempts + 1,
                    url = coalesce(e.url, d.url),
                    next_attempt_at = clock_timestamp() + make_interval(secs => {CLAIM_SECONDS})
                FROM due LEFT JOIN resma.webhook_endpoints AS e USING (tenant_id, endpoint_id)
                WHERE d.tenant_id = due.tenant_id AND d.event_id = due.event_id AND d.endpoint_id = due.endpoint_id
                  -- What another has taken in between has moved ahead.
                  AND d.status = 'PENDING' AND d.next_attempt_at = due.next_attempt_at
                RETURNING d.tenant_id, d.event_id, d.endpoint_id, d.report_id, d.url, d.attempts, d.attempts_before,
                          coalesce(e.secret_version, 1) AS secret_version,
                          coalesce(e.previous_version_until > clock_timestamp(), false) AS is_previous_valid
            ), noted AS (
                INSERT INTO resma.webhook_attempts (tenant_id, event_id, endpoint_id, attempt, url)
                SELECT tenant_id, event_id, endpoint_id, attempts, url FROM taken
            )
            SELECT * FROM taken
            """,  # noqa: S608  # the two queries above
            values,
        )
        return cursor.fetchall()


def record_outcome(
    connection: Connection[TupleRow], delivery: Delivery, outcome: AttemptResult
) -> Literal["PENDING", "DELIVERED", "FAILED"]:
    """Puts an attempt on record and says what follows; returns the delivery's status.

    Delivered on any 2xx. 410 Gone means that the receiver wants no more: its endpoint is disabled. The last attempt
    ends a delivery. One that has ended meanwhile, with its endpoint, stays so unless it was delivered after all.
    """
    key = (delivery.tenant_id, delivery.event_id, delivery.endpoint_id, delivery.attempts)
    connection.execute(
        "UPDATE resma.webhook_attempts SET status_code = %s, error = %s, milliseconds = %s"
        " WHERE tenant_id = %s AND event_id = %s AND endpoint_id = %s AND attempt = %s",
        (outcome.status_code, outcome.error, outcome.milliseconds, *key),
    )
    reason = _reason_to_end(connection, delivery, outcome)
    status: Literal["PENDING", "DELIVERED", "FAILED"] = (
        "DELIVERED" if outcome.is_delivered else "FAILED" if reason else "PENDING"
    )
    connection.execute(
        "UPDATE resma.webhook_deliveries SET status = %s, ended_reason = %s,"
        " next_attempt_at = clock_timestamp() + %s, delivered_at = CASE WHEN %s THEN clock_timestamp() END"
        " WHERE tenant_id = %s AND event_id = %s AND endpoint_id = %s AND attempts = %s"
        " AND (status = 'PENDING' OR %s)",
        (status, reason, _pause(delivery, outcome), outcome.is_delivered, *key, outcome.is_delivered),
    )
    if reason == "gone" and delivery.endpoint_id != CALLBACK:
        end_deliveries(connection, delivery.tenant_id, delivery.endpoint_id, "endpoint-disabled")
    return status


def _reason_to_end(connection: Connection[TupleRow], delivery: Delivery, outcome: AttemptResult) -> str | None:
    if outcome.is_delivered:
        return None
    # The endpoint before its deliveries, as whoever disables or deletes it does, or two could wait for each other.
    if outcome.status_code == 410 and (
        delivery.endpoint_id == CALLBACK
        or disable_gone_endpoint(connection, delivery.tenant_id, delivery.endpoint_id, delivery.url)
    ):
        return "gone"
    return "attempts-exhausted" if _round(delivery) > len(BACKOFF) else None


def _pause(delivery: Delivery, outcome: AttemptResult) -> timedelta:
    """The pause before the next attempt: never shorter than the receiver has asked for."""
    pause = pause_after(_round(delivery))
    if outcome.retry_after_seconds is None:
        return pause
    # All that a receiver has put off must not come at the same second.
    seconds = min(MAX_RETRY_AFTER_SECONDS, outcome.retry_after_seconds * random.uniform(1, 1.2))  # noqa: S311
    return max(pause, timedelta(seconds=seconds))


def _round(delivery: Delivery) -> int:
    """Attempts since the delivery was made, or replayed."""
    return delivery.attempts - delivery.attempts_before


def pause_after(attempts: int) -> timedelta:
    """The pause before the next attempt, with jitter of 20 % so that receivers are not hit by all at once."""
    pause = BACKOFF[min(attempts, len(BACKOFF)) - 1]
    return pause * random.uniform(1, 1.2)  # noqa: S311  # no secret hangs on it
