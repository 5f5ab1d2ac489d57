"""What the API reads from its environment."""

from __future__ import annotations

from pydantic import Field

from resma.settings import TenantSettings, WebhookAddressSettings


class ApiSettings(TenantSettings, WebhookAddressSettings):
    """Set by template.yaml."""

    bucket: str = Field(min_length=1)
    queue_url: str = Field(min_length=1)
    public_base_url: str | None = None
    """Where callers reach the API, without a slash at the end; worked out from each request where it is not set."""
    s3_credentials_secret_arn: str | None = None
    s3_public_endpoint_url: str | None = None
    """Where readers reach the object store, if not at S3's own address."""
