"""Attempts at deliveries: they are claimed in a fair order, and their results are recorded."""

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
from resma.retry_pauses import BACKOFF, pause_after
from resma.webhooks.deliveries import end_deliveries
from resma.webhooks.endpoints import disable_gone_endpoint
from resma.webhooks.signing_secrets import CALLBACK
from webhook.post_signed import MAX_RETRY_AFTER_SECONDS, AttemptResult

CLAIM_SECONDS = 60
"""Maximum duration of an attempt. After it the delivery is due again, because its function may have crashed."""


@dataclass(frozen=True)
class Delivery:
    """A claimed delivery. `attempts` is the number of attempts, including this one."""

    tenant_id: str
    event_id: str
    endpoint_id: str
    report_id: UUID
    url: str
    attempts: int
    attempts_before: int
    """Number of attempts before the last replay."""
    secret_version: int
    is_previous_valid: bool
    """Whether the previous version of the secret also signs."""


def claim_first_attempts(connection: Connection[TupleRow], tenant_id: str, event_id: str, limit: int) -> list[Delivery]:
    """Claims up to `limit` of an event's deliveries that have no attempt yet."""
    return _claim(
        connection,
        "SELECT tenant_id, event_id, endpoint_id, next_attempt_at FROM resma.webhook_deliveries"
        " WHERE tenant_id = %(tenant_id)s AND event_id = %(event_id)s AND status = 'PENDING' AND attempts = 0"
        " LIMIT %(limit)s",
        {"tenant_id": tenant_id, "event_id": event_id, "limit": limit},
    )


def claim_due_attempts(
    connection: Connection[TupleRow], in_progress: Mapping[str, int], limit: int, tenant_limit: int
) -> list[Delivery]:
    """Claims up to `limit` due deliveries, of all tenants in turn; for each tenant those that are due longest.

    `in_progress` has the number of running attempts by tenant. A tenant has at most `tenant_limit` at once, so that
    receivers of one tenant that do not respond do not delay those of others.
    """
    # Without the lock, concurrent invocations would select the same rows, and the second one would claim none.
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
            FROM resma.webhook_deliveries AS delivery
            WHERE delivery.tenant_id = tenants.tenant_id AND status = 'PENDING'
              AND next_attempt_at <= statement_timestamp()
            ORDER BY next_attempt_at LIMIT %(tenant_limit)s
        ) AS oldest
        WHERE turn <= %(tenant_limit)s
        ORDER BY turn, next_attempt_at LIMIT %(limit)s
        """,
        {
            "tenants": list(in_progress),
            "counts": list(in_progress.values()),
            "limit": limit,
            "tenant_limit": tenant_limit,
        },
    )


def _claim(connection: Connection[TupleRow], due: str, values: dict[str, object]) -> list[Delivery]:
    """Claims deliveries that the query `due` selects, and inserts their attempts.

    They use the current URL and secret of the endpoint, which may have changed since the delivery was inserted.
    """
    with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        cursor.execute(
            f"""
            WITH due AS MATERIALIZED ({due}), claimed AS (
                UPDATE resma.webhook_deliveries AS d
                SET attempts = d.attempts + 1,
                    url = coalesce(e.url, d.url),
                    next_attempt_at = clock_timestamp() + make_interval(secs => {CLAIM_SECONDS})
                FROM due LEFT JOIN resma.webhook_endpoints AS e USING (tenant_id, endpoint_id)
                WHERE d.tenant_id = due.tenant_id AND d.event_id = due.event_id AND d.endpoint_id = due.endpoint_id
                  -- If another invocation has claimed it in the meantime, its next_attempt_at differs.
                  AND d.status = 'PENDING' AND d.next_attempt_at = due.next_attempt_at
                RETURNING d.tenant_id, d.event_id, d.endpoint_id, d.report_id, d.url, d.attempts, d.attempts_before,
                          coalesce(e.secret_version, 1) AS secret_version,
                          coalesce(e.previous_version_until > clock_timestamp(), false) AS is_previous_valid
            ), recorded AS (
                INSERT INTO resma.webhook_attempts (tenant_id, event_id, endpoint_id, attempt, url, secret_version)
                SELECT tenant_id, event_id, endpoint_id, attempts, url, secret_version FROM claimed
            )
            SELECT * FROM claimed
            """,  # noqa: S608  # only the two queries above
            values,
        )
        return cursor.fetchall()


def record_result(
    connection: Connection[TupleRow], delivery: Delivery, result: AttemptResult
) -> Literal["PENDING", "DELIVERED", "FAILED"]:
    """Records the result of an attempt, and when the next one is due. Returns the status of the delivery.

    Any 2xx means delivered. On 410 Gone the endpoint is disabled. The last attempt ends a delivery. A delivery that has
    ended in the meantime, because its endpoint was disabled or deleted, remains ended unless this attempt delivered it.
    """
    key = (delivery.tenant_id, delivery.event_id, delivery.endpoint_id, delivery.attempts)
    connection.execute(
        "UPDATE resma.webhook_attempts SET status_code = %s, error = %s, milliseconds = %s"
        " WHERE tenant_id = %s AND event_id = %s AND endpoint_id = %s AND attempt = %s",
        (result.status_code, result.error, result.milliseconds, *key),
    )
    reason = _reason_to_end(connection, delivery, result)
    status: Literal["PENDING", "DELIVERED", "FAILED"] = (
        "DELIVERED" if result.is_delivered else "FAILED" if reason else "PENDING"
    )
    connection.execute(
        "UPDATE resma.webhook_deliveries SET status = %s, ended_reason = %s,"
        " next_attempt_at = clock_timestamp() + %s, delivered_at = CASE WHEN %s THEN clock_timestamp() END"
        " WHERE tenant_id = %s AND event_id = %s AND endpoint_id = %s AND attempts = %s"
        " AND (status = 'PENDING' OR %s)",
        (status, reason, _pause(delivery, result), result.is_delivered, *key, result.is_delivered),
    )
    if reason == "gone" and delivery.endpoint_id != CALLBACK:
        end_deliveries(connection, delivery.tenant_id, delivery.endpoint_id, "endpoint-disabled")
    return status


def _reason_to_end(connection: Connection[TupleRow], delivery: Delivery, result: AttemptResult) -> str | None:
    if result.is_delivered:
        return None
    # To avoid deadlocks, the endpoint is locked before its deliveries, as in all functions that disable or delete one.
    if result.status_code == 410 and (
        delivery.endpoint_id == CALLBACK
        or disable_gone_endpoint(connection, delivery.tenant_id, delivery.endpoint_id, delivery.url)
    ):
        return "gone"
    return "attempts-exhausted" if _attempts_since_replay(delivery) > len(BACKOFF) else None


def _pause(delivery: Delivery, result: AttemptResult) -> timedelta:
    """Returns the pause before the next attempt. It is never shorter than the receiver's Retry-After."""
    pause = pause_after(_attempts_since_replay(delivery))
    if result.retry_after_seconds is None:
        return pause
    # With jitter, so that postponed attempts do not arrive in the same second.
    seconds = min(MAX_RETRY_AFTER_SECONDS, result.retry_after_seconds * random.uniform(1, 1.2))  # noqa: S311
    return max(pause, timedelta(seconds=seconds))


def _attempts_since_replay(delivery: Delivery) -> int:
    """Returns the number of attempts since the delivery was inserted or replayed."""
    return delivery.attempts - delivery.attempts_before
