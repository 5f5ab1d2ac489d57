"""The rows of `resma.webhook_deliveries`: what is owed to whom, and every attempt at it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from webhook.post_signed import Outcome

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
    report_id: UUID
    url: str
    attempts: int


def claim_delivery(connection: Connection[TupleRow], tenant_id: str, event_id: str) -> Delivery | None:
    """Takes a delivery for its first attempt; None where there is none, or an attempt was made or is under way."""
    return _claim(connection, "tenant_id = %s AND event_id = %s AND attempts = 0", (tenant_id, event_id))


def claim_due_delivery(connection: Connection[TupleRow]) -> Delivery | None:
    """Takes the delivery that has been due for longest, of whichever tenant, if there is one."""
    return _claim(connection, "next_attempt_at <= clock_timestamp()", ())


def _claim(connection: Connection[TupleRow], condition: str, values: tuple[str, ...]) -> Delivery | None:
    with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        cursor.execute(
            f"""
            WITH due AS (
                SELECT tenant_id, event_id FROM resma.webhook_deliveries
                WHERE status = 'PENDING' AND {condition}
                ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
            ), taken AS (
                UPDATE resma.webhook_deliveries AS d
                SET attempts = d.attempts + 1,
                    next_attempt_at = clock_timestamp() + make_interval(secs => {CLAIM_SECONDS})
                FROM due WHERE d.tenant_id = due.tenant_id AND d.event_id = due.event_id
                RETURNING d.tenant_id, d.event_id, d.report_id, d.url, d.attempts
            ), noted AS (
                INSERT INTO resma.webhook_attempts (tenant_id, event_id, attempt)
                SELECT tenant_id, event_id, attempts FROM taken
            )
            SELECT tenant_id, event_id, report_id, url, attempts FROM taken
            """,  # noqa: S608  # the two conditions above
            values,
        )
        return cursor.fetchone()


def record_outcome(connection: Connection[TupleRow], delivery: Delivery, outcome: Outcome) -> str:
    """Puts an attempt on record and says what follows; returns the delivery's status.

    Delivered on any 2xx. 410 Gone means that the receiver wants no more, and the last attempt that there will be none.
    """
    connection.execute(
        "UPDATE resma.webhook_attempts SET status_code = %s, error = %s, milliseconds = %s"
        " WHERE tenant_id = %s AND event_id = %s AND attempt = %s",
        (
            outcome.status_code,
            outcome.error,
            outcome.milliseconds,
            delivery.tenant_id,
            delivery.event_id,
            delivery.attempts,
        ),
    )
    status = "PENDING"
    if outcome.is_delivered:
        status = "DELIVERED"
    elif outcome.status_code == 410 or delivery.attempts > len(BACKOFF):
        status = "FAILED"
    connection.execute(
        "UPDATE resma.webhook_deliveries SET status = %s, next_attempt_at = clock_timestamp() + %s,"
        " delivered_at = CASE WHEN %s THEN clock_timestamp() END"
        " WHERE tenant_id = %s AND event_id = %s AND attempts = %s AND status = 'PENDING'",
        (
            status,
            pause_after(delivery.attempts),
            outcome.is_delivered,
            delivery.tenant_id,
            delivery.event_id,
            delivery.attempts,
        ),
    )
    return status


def pause_after(attempts: int) -> timedelta:
    """The pause before the next attempt, with jitter of 20 % so that receivers are not hit by all at once."""
    pause = BACKOFF[min(attempts, len(BACKOFF)) - 1]
    return pause * random.uniform(1, 1.2)  # noqa: S311  # no secret hangs on it
