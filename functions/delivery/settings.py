"""Settings of the delivery function."""

from __future__ import annotations

from resma.destinations.settings import DestinationRuleSettings
from resma.settings import TenantSettings


class DeliverySettings(TenantSettings, DestinationRuleSettings):
    """Environment variables that template.yaml sets."""

    s3_credentials_secret_arn: str | None = None
