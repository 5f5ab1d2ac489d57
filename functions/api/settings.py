"""What the API reads from its environment."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from resma.settings import LOCAL_STAGE, TenantSettings
from resma.webhooks.settings import WebhookSecretSettings


def split_audiences(text: str | None) -> tuple[str, ...]:
    """The audiences of a setting, of which a token must have one."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


class ApiSettings(TenantSettings, WebhookSecretSettings):
    """Set by template.yaml."""

    bucket: str = Field(min_length=1)
    queue_url: str = Field(min_length=1)
    topic_arn: str = Field(min_length=1)
    source_secret_arn: str = Field(min_length=1)
    """The database that reports read, by a role that can only read: estimates count there."""
    worker_timeout_seconds: int = Field(default=900, ge=1)
    """What an invocation of the worker has: estimates tell whether a report is handed over."""
    event_bus_name: str = Field(min_length=1)
    public_base_url: str | None = None
    """Where callers reach the API, without a slash at the end; worked out from each request where it is not set."""
    s3_credentials_secret_arn: str | None = None
    s3_public_endpoint_url: str | None = None
    """Where readers reach the object store, if not at S3's own address."""
    loopback_tenant: str | None = None
    """Whose a request is that comes from this very machine and brings no key. On the stage `local` alone."""
    oidc_audience: str | None = None
    """What a token's `aud` must have, or the `client_id` of an access token without `aud`; several with commas."""
    oidc_issuer: str | None = None
    """A token's `iss`, and where the provider describes itself; None is to take no tokens."""
    oidc_tenant_claim: str = "tenant_id"
    """The claim that names the caller's tenant, or the path to it, with dots."""
    oidc_scopes_claim: str | None = None
    """Claims that hold the caller's scopes, or paths to them, with commas; the first that is there counts. None is
    `scope` or `scp`."""
    oidc_scopes_prefix: str = ""
    """What scopes begin with in tokens, before the names that they have here."""

    console_client_id: str | None = None
    """Of a public client at the provider, by which users sign in to the console; None is by API keys only."""
    console_oidc_scope: str = "openid profile"
    """What the console requests of the provider, separated by spaces."""
    console_oidc_audience: str | None = None
    """The API's name at providers that want it in the request (Auth0)."""
    console_idle_minutes: int = Field(default=15, ge=2, le=1440)
    """Minutes without activity after which the console signs a user out; it warns one minute before."""

    @field_validator("loopback_tenant")
    @classmethod
    def _only_locally(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("stage") != LOCAL_STAGE:
            raise ValueError("only the stage local may have it: leave it empty, and give callers keys")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _can_be_trusted(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        if not value.startswith("https://") and info.data.get("stage") != LOCAL_STAGE:
            raise ValueError("an issuer's address begins with https://")
        if not split_audiences(info.data.get("oidc_audience")):
            raise ValueError("a token is for somebody: set OIDC_AUDIENCE too")
        return value
