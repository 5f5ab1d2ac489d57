"""Settings of the intake function."""

from __future__ import annotations

from pydantic import Field

from resma.requests.retention import RetentionSettings
from resma.settings import SealingSettings, TenantSettings
from resma.webhooks.settings import WebhookReceiverSettings


class IntakeSettings(TenantSettings, SealingSettings, WebhookReceiverSettings, RetentionSettings):
    """Environment variables that template.yaml sets."""

    queue_url: str = Field(min_length=1)
    event_bus_name: str = Field(min_length=1)
    request_queue_url: str = Field(min_length=1)
    """URL of the queue that events come from, to set when an event is received again."""
