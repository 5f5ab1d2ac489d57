"""JSON models of API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from resma.access.api_keys import DEFAULT_GRACE_SECONDS, DEFAULT_LIFETIME_DAYS, MAX_DAYS, MAX_GRACE_SECONDS, KeyStatus
from resma.access.caller import Scope
from resma.json_models import SINGLE_LINE, SINGLE_LINE_SCHEMA, RequestModel, ViewModel, WholeNumber


class ApiKeyRequest(RequestModel):
    """An API key to create."""

    model_config = ConfigDict(
        title="CreateApiKeyRequest",
        json_schema_extra={"examples": [{"name": "month-end", "scopes": ["reports:read", "reports:write"]}]},
    )

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            json_schema_extra=SINGLE_LINE_SCHEMA,
            description="Name that describes what the key is used for.",
        ),
        SINGLE_LINE,
    ]
    scopes: list[Scope] = Field(
        min_length=1,
        max_length=20,
        description="What the key is allowed to do. You can only grant scopes that you have.",
    )
    expires_in_days: WholeNumber = Field(
        default=DEFAULT_LIFETIME_DAYS, ge=1, le=MAX_DAYS, description="Days until the key expires."
    )


class RotationRequest(RequestModel):
    """How an API key is rotated."""

    model_config = ConfigDict(title="RotateApiKeyRequest")

    grace_seconds: WholeNumber = Field(
        default=DEFAULT_GRACE_SECONDS,
        ge=0,
        le=MAX_GRACE_SECONDS,
        description="Seconds for which the old key stays valid.",
    )


class ApiKeyView(ViewModel):
    """An API key without its secret."""

    id: str = Field(description="Id: the part of the key between the two underscores.")
    name: str = Field(description="Name that describes what the key is used for.")
    scopes: list[Scope] = Field(description="What the key is allowed to do.")
    status: KeyStatus = Field(description="Only an `ACTIVE` key is accepted.")
    created_at: datetime = Field(description="When the key was created.")
    created_by: str = Field(description="Caller that created the key, like `subject` of `GET /api/v1/me`.")
    expires_at: datetime = Field(description="When the key expires.")
    revoked_at: datetime | None = Field(description="When the key was revoked.")
    last_used_at: datetime | None = Field(description="When the key was last used, to the minute.")
    replaced_by: str | None = Field(description="Id of the key that replaces it after a rotation.")


class CreatedApiKeyView(ApiKeyView):
    """A new API key with its secret."""

    key: str = Field(description="The key. It is shown only here and is not stored.")


class ApiKeyList(ViewModel):
    """All API keys of the tenant, newest first."""

    items: list[ApiKeyView] = Field(description="API keys.")
