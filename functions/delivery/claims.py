"""Claims of deliveries: lease, fence, and the record of each attempt and each file.

`attempts` increases with each claim and is the fence. A function that continues after its lease has expired, or after
the destination was disabled, has an old number or finds another status: its writes match no row, and raise
LeaseLostError.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from resma.database.locks import AdvisoryLock, acquire_lock
from resma.destinations.kinds import DestinationKind
from resma.errors import LeaseLostError
from resma.retry_pauses import BACKOFF, pause_after

LEASE_SECONDS = 45
"""Duration of a lease. The heartbeat renews it every ten seconds."""

MAX_PER_DESTINATION = 2
"""Maximum number of deliveries to a destination that are in progress, so that a slow one does not use all functions."""

MAX_ATTEMPTS = len(BACKOFF) + 1

DeliveryStatus = Literal["PENDING", "DELIVERED", "FAILED"]


@dataclass(frozen=True, kw_only=True)
class DeliveryClaim:
    """A claimed delivery. `attempts` is the number of this attempt, and its fence."""

    tenant_id: str
    delivery_id: str
    destination_id: str
    report_id: UUID | None
    attempts: int
    attempts_before: int
    kind: DestinationKind
    settings: dict[str, Any]
    accepts_personal: bool
    requires_encryption: bool
    """Whether the destination has certificates."""
    replays: int
    """Number of requests to replay the delivery."""
    test_encrypt_for: list[str] | None
    """Ids of the certificates that a test file is encrypted for; None: it is not encrypted, or it is a report."""
    test_content: bytes | None
    """The encrypted test file; None before the first attempt."""

    @property
    def counted_attempts(self) -> int:
        """Number of attempts that count, including this one."""
        return self.attempts - self.attempts_before


def claim_next(connection: Connection[TupleRow], tenant_id: str, destination_id: str) -> DeliveryClaim | None:
    """Claims the delivery to a destination that is due longest, and inserts its attempt.

    Returns None if none is due, or if MAX_PER_DESTINATION are in progress. A delivery whose functions crashed in each
    of its attempts is FAILED instead.
    """
    acquire_lock(connection, AdvisoryLock.FILE_DELIVERIES, tenant_id, destination_id)
    key = {"tenant_id": tenant_id, "destination_id": destination_id}
    connection.execute(
        "UPDATE resma.file_deliveries SET status = 'FAILED', ended_reason = 'attempts-exhausted', lease_until = NULL"
        " WHERE tenant_id = %(tenant_id)s AND destination_id = %(destination_id)s AND status = 'PENDING'"
        "   AND attempts - attempts_before >= %(max)s AND coalesce(lease_until <= clock_timestamp(), true)",
        {**key, "max": MAX_ATTEMPTS},
    )
    with connection.cursor(row_factory=class_row(DeliveryClaim)) as cursor:
        cursor.execute(
            """
            WITH due AS (
                SELECT d.tenant_id, d.delivery_id FROM resma.file_deliveries AS d
                WHERE d.tenant_id = %(tenant_id)s AND d.destination_id = %(destination_id)s AND d.status = 'PENDING'
                  AND d.next_attempt_at <= clock_timestamp() AND coalesce(d.lease_until <= clock_timestamp(), true)
                  AND (SELECT count(*) FROM resma.file_deliveries AS running
                       WHERE running.tenant_id = %(tenant_id)s AND running.destination_id = %(destination_id)s
                         AND running.status = 'PENDING' AND running.lease_until > clock_timestamp()) < %(limit)s
                ORDER BY d.next_attempt_at, d.delivery_id LIMIT 1 FOR UPDATE
            ), claimed AS (
                UPDATE resma.file_deliveries AS d
                SET attempts = d.attempts + 1, lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
                FROM due WHERE d.tenant_id = due.tenant_id AND d.delivery_id = due.delivery_id
                RETURNING d.*
            ), recorded AS (
                INSERT INTO resma.file_delivery_attempts (tenant_id, delivery_id, attempt)
                SELECT tenant_id, delivery_id, attempts FROM claimed
            )
            SELECT c.tenant_id, c.delivery_id, c.destination_id, c.report_id, c.attempts, c.attempts_before,
                   c.test_encrypt_for, c.test_content, t.kind, t.settings, t.accepts_personal,
                   t.encrypt_for IS NOT NULL AS requires_encryption,
                   (SELECT count(*) FROM resma.file_delivery_replays AS p
                    WHERE p.tenant_id = c.tenant_id AND p.delivery_id = c.delivery_id) AS replays
            FROM claimed AS c JOIN resma.destinations AS t USING (tenant_id, destination_id)
            """,
            {**key, "limit": MAX_PER_DESTINATION, "lease": LEASE_SECONDS},
        )
        claim = cursor.fetchone()
    if claim is not None:
        # If this function crashes, the next attempt follows after a pause too.
        _fenced(connection, claim, "next_attempt_at = clock_timestamp() + %(pause)s", pause=_pause(claim))
    return claim


def keep_lease(connection: Connection[TupleRow], claim: DeliveryClaim) -> None:
    """Renews the lease. Raises LeaseLostError."""
    _fenced(
        connection, claim, "lease_until = clock_timestamp() + make_interval(secs => %(lease)s)", lease=LEASE_SECONDS
    )


def find_last_position(connection: Connection[TupleRow], claim: DeliveryClaim) -> int:
    """Returns the position of the last file that earlier attempts have delivered; 0 if no file was."""
    row = connection.execute(
        "SELECT coalesce(max(position), 0) FROM resma.delivered_files"
        " WHERE tenant_id = %s AND delivery_id = %s AND delivered_at IS NOT NULL",
        (claim.tenant_id, claim.delivery_id),
    ).fetchone()
    assert row is not None  # an aggregate always returns a row
    return int(row[0])


def begin_file(  # noqa: PLR0913, PLR0917  # what is recorded of a file
    connection: Connection[TupleRow], claim: DeliveryClaim, position: int, name: str, size: int, sha256: str
) -> tuple[str, dict[str, Any] | None]:
    """Records a file before it is sent. Returns its name and the progress of earlier attempts.

    The name is that of the first attempt, also if the pattern of the destination has changed since. Raises
    LeaseLostError.
    """
    keep_lease(connection, claim)
    key = (claim.tenant_id, claim.delivery_id, position)
    connection.execute(
        "INSERT INTO resma.delivered_files (tenant_id, delivery_id, position, name, bytes, sha256)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (*key, name, size, sha256),
    )
    row = connection.execute(
        "SELECT name, progress FROM resma.delivered_files WHERE tenant_id = %s AND delivery_id = %s AND position = %s",
        key,
    ).fetchone()
    assert row is not None  # it was inserted above, or before
    return row[0], row[1]


def save_test_content(connection: Connection[TupleRow], claim: DeliveryClaim, content: bytes) -> None:
    """Records the encrypted test file, so that all attempts deliver the same bytes. Raises LeaseLostError."""
    _fenced(connection, claim, "test_content = %(content)s", content=content)


def save_progress(
    connection: Connection[TupleRow], claim: DeliveryClaim, position: int, progress: dict[str, Any] | None
) -> None:
    """Records where the next attempt continues with a file. Raises LeaseLostError."""
    keep_lease(connection, claim)
    connection.execute(
        "UPDATE resma.delivered_files SET progress = %s WHERE tenant_id = %s AND delivery_id = %s AND position = %s",
        (progress and Jsonb(progress), claim.tenant_id, claim.delivery_id, position),
    )


def finish_file(connection: Connection[TupleRow], claim: DeliveryClaim, position: int) -> None:
    """Records that a file is complete at the destination. Raises LeaseLostError."""
    keep_lease(connection, claim)
    connection.execute(
        "UPDATE resma.delivered_files SET delivered_at = clock_timestamp(), progress = NULL,"
        " first_delivered_at = coalesce(first_delivered_at, clock_timestamp())"
        " WHERE tenant_id = %s AND delivery_id = %s AND position = %s",
        (claim.tenant_id, claim.delivery_id, position),
    )


@dataclass(frozen=True)
class AttemptOutcome:
    """Result of an attempt."""

    outcome: Literal["DELIVERED", "CONTINUED", "FAILED"]
    milliseconds: int
    error_code: str | None = None
    error_detail: str | None = None
    is_permanent: bool = False


def record_outcome(connection: Connection[TupleRow], claim: DeliveryClaim, result: AttemptOutcome) -> DeliveryStatus:
    """Records the result of an attempt, and when the next one is due. Returns the status of the delivery.

    A delivery that has ended in the meantime, because its destination was disabled or deleted, remains ended. Raises
    LeaseLostError then; the attempt is recorded before.
    """
    connection.execute(
        "UPDATE resma.file_delivery_attempts SET outcome = %s, milliseconds = %s, error_code = %s, error_detail = %s"
        " WHERE tenant_id = %s AND delivery_id = %s AND attempt = %s",
        (
            result.outcome,
            result.milliseconds,
            result.error_code,
            result.error_detail,
            claim.tenant_id,
            claim.delivery_id,
            claim.attempts,
        ),
    )
    if result.outcome == "DELIVERED":
        return _end(connection, claim, "DELIVERED", None)
    if result.outcome == "CONTINUED":  # it does not count
        _fenced(
            connection,
            claim,
            "attempts_before = attempts_before + 1, next_attempt_at = clock_timestamp(), lease_until = NULL",
        )
        return "PENDING"
    if result.is_permanent:
        return _end(connection, claim, "FAILED", result.error_code)
    if claim.counted_attempts >= MAX_ATTEMPTS:
        return _end(connection, claim, "FAILED", "attempts-exhausted")
    _fenced(
        connection, claim, "next_attempt_at = clock_timestamp() + %(pause)s, lease_until = NULL", pause=_pause(claim)
    )
    return "PENDING"


def _end(
    connection: Connection[TupleRow], claim: DeliveryClaim, status: Literal["DELIVERED", "FAILED"], reason: str | None
) -> DeliveryStatus:
    _fenced(
        connection,
        claim,
        "status = %(status)s, ended_reason = %(reason)s, lease_until = NULL,"
        " delivered_at = CASE WHEN %(status)s = 'DELIVERED' THEN clock_timestamp() END",
        status=status,
        reason=reason,
    )
    return status


def _pause(claim: DeliveryClaim) -> timedelta:
    return pause_after(claim.counted_attempts)


def _fenced(connection: Connection[TupleRow], claim: DeliveryClaim, assignments: str, **values: object) -> None:
    row = connection.execute(
        f"UPDATE resma.file_deliveries SET {assignments}"  # noqa: S608  # literals of this module
        " WHERE tenant_id = %(tenant_id)s AND delivery_id = %(delivery_id)s AND attempts = %(attempts)s"
        " AND status = 'PENDING' RETURNING delivery_id".encode(),
        {
            **values,
            "tenant_id": claim.tenant_id,
            "delivery_id": claim.delivery_id,
            "attempts": claim.attempts,
        },
    ).fetchone()
    if row is None:
        raise LeaseLostError(f"This function has lost the delivery {claim.delivery_id} (attempt {claim.attempts}).")
