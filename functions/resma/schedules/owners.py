"""With which rights a schedule runs: those that its owner, who wrote it last, has at that time.

They are never more than when it was written. A key is looked up: revoked, expired, or without a scope, that counts at
once; of a rotated one the key that came after it counts. A token's identity provider can't be asked when nobody is
there, so the scopes of the last writing count, for as long as a key lives by default. Loopback is the machine's own
user, on the stage `local` alone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.access.api_keys import DEFAULT_LIFETIME_DAYS
from resma.access.caller import SCOPES, Caller, Scope
from resma.errors import OwnerNotAuthorizedError
from resma.schedules.schedule_rows import Schedule
from resma.settings import LOCAL_STAGE

TOKEN_DAYS = DEFAULT_LIFETIME_DAYS

_REMEDY = "PATCH the schedule with a key that has reports:write: whoever changes it becomes its owner"

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
    """Returns who asks for a schedule's report, with what this one may do now.

    Raises OwnerNotAuthorizedError where that is not even asking for reports; what it says tells people what to do.
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
            raise OwnerNotAuthorizedError(f"its owner is nobody that is known here: {_REMEDY}")
    if "reports:write" not in scopes:
        raise OwnerNotAuthorizedError(f"its owner, {schedule.owner}, has not the scope reports:write: {_REMEDY}")
    return Caller(schedule.tenant_id, schedule.owner, scopes.intersection(schedule.owner_scopes))


def find_owner_expirations(
    connection: Connection[TupleRow], tenant_id: str, schedules: list[Schedule]
) -> dict[str, datetime | None]:
    """When each schedule's owner will have, or has had, no rights any more, by schedule; None where nobody can say.

    One query for all of a tenant's.
    """
    key_ids = {name for kind, _, name in (schedule.owner.partition(":") for schedule in schedules) if kind == "key"}
    ends: dict[str, datetime] = {}
    if key_ids:
        found = connection.execute(_LAST_OF_ROTATED, {"tenant_id": tenant_id, "key_ids": sorted(key_ids)})
        ends = {f"key:{key_id}": end for key_id, _, _, _, end in found}
    return {
        schedule.schedule_id: _token_end(schedule) if schedule.owner.startswith("token:") else ends.get(schedule.owner)
        for schedule in schedules
    }


def _token_end(schedule: Schedule) -> datetime:
    return schedule.written_at + timedelta(days=TOKEN_DAYS)


def _scopes_of_key(connection: Connection[TupleRow], tenant_id: str, key_id: str) -> frozenset[Scope]:
    row = connection.execute(_LAST_OF_ROTATED, {"tenant_id": tenant_id, "key_ids": [key_id]}).fetchone()
    if row is None:
        raise OwnerNotAuthorizedError(f"its owner's key is not there any more: {_REMEDY}")
    _, scopes, is_revoked, is_expired, _ = row
    if is_revoked or is_expired:
        raise OwnerNotAuthorizedError(f"its owner's key {'was revoked' if is_revoked else 'has expired'}: {_REMEDY}")
    return _known(scopes)


def _scopes_of_token(schedule: Schedule) -> frozenset[Scope]:
    if _token_end(schedule) <= datetime.now(UTC):
        raise OwnerNotAuthorizedError(
            f"it was written with a token, {TOKEN_DAYS} days ago or more, and nobody can say whether its owner may "
            "still ask for it: PATCH it again, with a token or key that has reports:write"
        )
    return _known(schedule.owner_scopes)


def _known(scopes: list[str]) -> frozenset[Scope]:
    return frozenset(scope for scope in SCOPES if scope in scopes)
