"""Keys of the API, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from api.caller import Scope
from resma.api_keys import DAYS_DEFAULT, DAYS_MAX, GRACE_SECONDS_DEFAULT, GRACE_SECONDS_MAX


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class ApiKeyRequest(_Model):
    """Body of `POST /api/v1/api-keys`."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=False,
        json_schema_extra={"example": {"name": "month-end", "scopes": ["reports:read", "reports:write"]}},
    )

    name: str = Field(
        min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$", description="What the key is for, for people."
    )
    scopes: list[Scope] = Field(min_length=1, max_length=20, description="What it may do: no more than you may.")
    expires_in_days: int = Field(strict=True, default=DAYS_DEFAULT, ge=1, le=DAYS_MAX, description="Every key expires.")


class RotationRequest(_Model):
    """Body of `POST /api/v1/api-keys/{id}/rotate`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)

    grace_seconds: int = Field(
        strict=True,
        default=GRACE_SECONDS_DEFAULT,
        ge=0,
        le=GRACE_SECONDS_MAX,
        description="How long the old key goes on.",
    )


class ApiKeyView(_Model):
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


class ApiKeyList(_Model):
    """All of the tenant's keys, newest first."""

    items: list[ApiKeyView]
