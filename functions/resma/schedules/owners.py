"""The scopes with which a schedule runs: those that its owner, who changed it last, has at the time of the run.

They never exceed the scopes at the last change. The current state of a key is looked up, so revocation, expiration and
lost scopes take effect at once; for a rotated key its replacement is used. An identity provider cannot be queried
without the user, so for a token the scopes at the last change apply, for as long as the default lifetime of a key.
Loopback is the local user, on the stage `local` only.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.access.api_keys import DEFAULT_LIFETIME_DAYS
from resma.access.caller import SCOPES, Caller, Scope
from resma.request_errors import OwnerNotAuthorizedError
from resma.schedules.schedule_rows import Schedule
from resma.settings import LOCAL_STAGE

TOKEN_DAYS = DEFAULT_LIFETIME_DAYS
"""Number of days for which a schedule runs after it was changed with a token."""

_REMEDY = "PATCH the schedule with a key that has reports:write. The caller then becomes its owner."

_LAST_OF_ROTATED = """
    WITH RECURSIVE chain AS (
        SELECT key_id AS owner, replaced_by, scopes, revoked_at, expires_at, 1 AS place
        FROM resma.api_keys WHERE tenant_id = %(tenant_id)s AND key_id = ANY(%(key_ids)s)
        UNION ALL
        SELECT chain.owner, later.replaced_by, later.scopes, later.revoked_at, later.expires_at, chain.place + 1
        FROM chain JOIN resma.api_keys AS later
          ON later.tenant_id = %(tenant_id)s AND later.key_id = chain.replaced_by
        WHERE chain.place < 10000
    )
    SELECT DISTINCT ON (owner) owner, scopes, revoked_at IS NOT NULL, expires_at <= clock_timestamp(),
           least(revoked_at, expires_at)
    FROM chain ORDER BY owner, place DESC
"""


def owner_as_caller(connection: Connection[TupleRow], schedule: Schedule, stage: str) -> Caller:
    """Returns the owner of a schedule as the caller that requests its report, with the owner's current scopes.

    Raises OwnerNotAuthorizedError if they do not include `reports:write`.
    """
    kind, _, name = schedule.owner.partition(":")
    match kind:
        case "key":
            scopes = _scopes_of_key(connection, schedule.tenant_id, name)
        case "token":
            scopes = _scopes_of_token(schedule)
        case "loopback" if stage == LOCAL_STAGE:
            scopes = SCOPES
        case _:
            raise OwnerNotAuthorizedError(f"The owner of the schedule is unknown here. {_REMEDY}")
    if "reports:write" not in scopes:
        raise OwnerNotAuthorizedError(
            f"The owner of the schedule, {schedule.owner}, lacks the scope reports:write. {_REMEDY}"
        )
    return Caller(schedule.tenant_id, schedule.owner, scopes.intersection(schedule.owner_scopes))


def find_owner_expirations(
    connection: Connection[TupleRow], tenant_id: str, schedules: list[Schedule]
) -> dict[str, datetime | None]:
    """Returns the timestamps at which the owners' rights end or ended, by schedule id; None if that is not known.

    It needs one query for all schedules of a tenant.
    """
    key_ids = {name for kind, _, name in (schedule.owner.partition(":") for schedule in schedules) if kind == "key"}
    ends: dict[str, datetime] = {}
    if key_ids:
        rows = connection.execute(_LAST_OF_ROTATED, {"tenant_id": tenant_id, "key_ids": sorted(key_ids)})
        ends = {f"key:{key_id}": end for key_id, _, _, _, end in rows}
    return {
        schedule.schedule_id: _token_end(schedule) if schedule.owner.startswith("token:") else ends.get(schedule.owner)
        for schedule in schedules
    }


def _token_end(schedule: Schedule) -> datetime:
    return schedule.written_at + timedelta(days=TOKEN_DAYS)


def _scopes_of_key(connection: Connection[TupleRow], tenant_id: str, key_id: str) -> frozenset[Scope]:
    row = connection.execute(_LAST_OF_ROTATED, {"tenant_id": tenant_id, "key_ids": [key_id]}).fetchone()
    if row is None:
        raise OwnerNotAuthorizedError(f"The key of the schedule's owner does not exist any longer. {_REMEDY}")
    _, scopes, is_revoked, is_expired, _ = row
    if is_revoked or is_expired:
        reason = "was revoked" if is_revoked else "has expired"
        raise OwnerNotAuthorizedError(f"The key of the schedule's owner {reason}. {_REMEDY}")
    return _known(scopes)


def _scopes_of_token(schedule: Schedule) -> frozenset[Scope]:
    if _token_end(schedule) <= datetime.now(UTC):
        raise OwnerNotAuthorizedError(
            f"The schedule was changed last with a token, {TOKEN_DAYS} or more days ago, so it is unknown whether its "
            "owner may still request reports. PATCH it again with a token or key that has reports:write."
        )
    return _known(schedule.owner_scopes)


def _known(scopes: list[str]) -> frozenset[Scope]:
    return frozenset(scope for scope in SCOPES if scope in scopes)
