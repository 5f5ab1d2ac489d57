"""Settings of the webhook function."""

from __future__ import annotations

from pydantic import Field

from resma.settings import SystemSettings
from resma.webhooks.settings import WebhookSecretSettings


class WebhookSettings(SystemSettings, WebhookSecretSettings):
    """Environment variables that template.yaml sets."""

    bucket: str = Field(min_length=1)
    public_base_url: str = Field(min_length=1)
    s3_credentials_secret_arn: str | None = None
    s3_public_endpoint_url: str | None = None
