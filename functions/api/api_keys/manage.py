"""Lists, creates, rotates and revokes the API keys of a tenant. A caller can grant only scopes that it has."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from api.api_keys.models import ApiKeyList, ApiKeyRequest, ApiKeyView, CreatedApiKeyView
from resma.access.api_keys import ApiKey, NewKey, find_key, insert_key, list_keys, revoke_key, rotate_key
from resma.access.caller import Caller, require_scope, subject_for
from resma.database.connection import Database
from resma.request_errors import FieldError


def show_keys(database: Database, caller: Caller) -> ApiKeyList:
    """Returns all keys of the tenant, including revoked and expired ones."""
    with database.transaction(caller.tenant_id) as connection:
        return ApiKeyList(items=[_view(key, caller) for key in list_keys(connection, caller.tenant_id)])


def create_key(database: Database, caller: Caller, request: ApiKeyRequest) -> CreatedApiKeyView:
    """Creates a key. Raises ScopeMissingError for a scope that the caller does not have."""
    _require_scopes(caller, request.scopes)
    lifetime = timedelta(days=request.expires_in_days)
    new = NewKey(caller.tenant_id, request.name, set(request.scopes), lifetime, caller.subject)
    with database.transaction(caller.tenant_id) as connection:
        key, text = insert_key(connection, new)
    return _new_view(key, text)


def replace_key(database: Database, caller: Caller, key_id: str, grace_seconds: int) -> CreatedApiKeyView:
    """Creates a key that replaces another, which stays valid for `grace_seconds`.

    Raises ApiKeyNotFoundError, ApiKeyInactiveError, and ScopeMissingError for a scope that the caller does not have.
    """
    with database.transaction(caller.tenant_id) as connection:
        key = find_key(connection, caller.tenant_id, key_id)
        _require_scopes(caller, key.scopes)
        new_key, text, _ = rotate_key(connection, key, timedelta(seconds=grace_seconds), caller.subject)
    return _new_view(new_key, text)


def end_key(database: Database, caller: Caller, key_id: str) -> None:
    """Revokes any key of the tenant immediately, whatever its scopes. Raises ApiKeyNotFoundError."""
    with database.transaction(caller.tenant_id) as connection:
        revoke_key(connection, caller.tenant_id, key_id)


def _require_scopes(caller: Caller, scopes: Collection[str]) -> None:
    for index, scope in enumerate(scopes):
        field_error = FieldError(f"/scopes/{index}", "Remove it: you do not have this scope yourself.")
        require_scope(caller, scope, (field_error,))


def _view(key: ApiKey, caller: Caller) -> ApiKeyView:
    return ApiKeyView.model_validate({**_values(key), "created_by": subject_for(caller, key.created_by)})


def _new_view(key: ApiKey, text: str) -> CreatedApiKeyView:
    return CreatedApiKeyView.model_validate({**_values(key), "key": text})


def _values(key: ApiKey) -> dict[str, object]:
    return {**vars(key), "id": key.key_id, "status": key.status}
