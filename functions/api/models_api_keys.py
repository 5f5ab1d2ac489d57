"""Keys of the API, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from resma.api_keys import DAYS_DEFAULT, DAYS_MAX, GRACE_SECONDS_DEFAULT, GRACE_SECONDS_MAX
from resma.caller import Scope
from resma.wire import RequestModel, ViewModel, WholeNumber


class ApiKeyRequest(RequestModel):
    """Body of `POST /api/v1/api-keys`."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "month-end", "scopes": ["reports:read", "reports:write"]}},
    )

    name: str = Field(
        min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$", description="What the key is for, for people."
    )
    scopes: list[Scope] = Field(min_length=1, max_length=20, description="What it may do: no more than you may.")
    expires_in_days: WholeNumber = Field(default=DAYS_DEFAULT, ge=1, le=DAYS_MAX, description="Every key expires.")


class RotationRequest(RequestModel):
    """Body of `POST /api/v1/api-keys/{id}/rotate`."""

    grace_seconds: WholeNumber = Field(
        default=GRACE_SECONDS_DEFAULT,
        ge=0,
        le=GRACE_SECONDS_MAX,
        description="How long the old key goes on.",
    )


class ApiKeyView(ViewModel):
    """A key, without its secret."""

    id: str
    name: str
    scopes: list[Scope]
    status: Literal["active", "revoked", "expired"]
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")
    replaced_by: str | None = Field(description="The key that came after it.")


class NewApiKeyView(ApiKeyView):
    """A key that was just made."""

    key: str = Field(description="The key itself: shown this once, and kept nowhere.")


class ApiKeyList(ViewModel):
    """All of the tenant's keys, newest first."""

    items: list[ApiKeyView]
