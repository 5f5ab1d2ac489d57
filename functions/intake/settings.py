"""What the intake reads from its environment."""

from __future__ import annotations

from pydantic import Field

from resma.settings import TenantSettings
from resma.webhooks.settings import WebhookReceiverSettings


class IntakeSettings(TenantSettings, WebhookReceiverSettings):
    """Set by template.yaml."""

    queue_url: str = Field(min_length=1)
    event_bus_name: str = Field(min_length=1)
    request_queue_url: str = Field(min_length=1)
    """Where the events come from, to say when one comes again."""
