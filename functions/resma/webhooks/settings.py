"""Settings of functions that accept or send to webhook URLs."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from pydantic import Field, ValidationInfo, field_validator

from resma.network.receivers import AllowedReceivers, parse_networks
from resma.settings import LOCAL_STAGE, Settings


class WebhookReceiverSettings(Settings):
    """Settings of a function that accepts webhook URLs."""

    webhook_allow_loopback: bool = False
    """Whether http and loopback addresses are allowed, for local development."""
    webhook_allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Private networks in CIDR notation, separated by commas, whose hosts may be receivers of webhooks."""

    @field_validator("webhook_allowed_networks", mode="before")
    @classmethod
    def _in_cidr_notation(cls, value: object) -> object:
        return parse_networks(value) if isinstance(value, str) else value

    @property
    def receivers(self) -> AllowedReceivers:
        """Which receivers are allowed besides public ones."""
        return AllowedReceivers(self.webhook_allow_loopback, self.webhook_allowed_networks)

    @field_validator("webhook_allow_loopback")
    @classmethod
    def _on_the_local_stage_alone(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("stage") != LOCAL_STAGE:
            raise ValueError("Only the stage `local` may send webhooks to its own machine. Leave it empty.")
        return value


class WebhookSecretSettings(WebhookReceiverSettings):
    """Settings of a function that also shows the secrets of webhooks, or signs with them."""

    webhook_secret_arn: str = Field(min_length=1)
    """ARN of a secret with `secret`, `whsec_` and random bytes, from which the secrets of all endpoints are derived."""
