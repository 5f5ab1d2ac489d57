"""What a deployment allows destinations to use, and the settings of functions that need to know it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from pydantic import field_validator

from resma.json_models import RequestModel
from resma.network.hosts import PUBLIC_HOSTS
from resma.network.receivers import AllowedReceivers, parse_networks
from resma.request_errors import FieldError
from resma.settings import LOCAL_STAGE, Settings


@dataclass(frozen=True)
class DestinationRules:
    """What the operator of a deployment allows destinations to use."""

    stage: str
    report_bucket: str
    """Bucket with the files of reports, which must not be a destination."""
    s3_endpoints: frozenset[str] = frozenset()
    """URLs of object stores, other than the one of the deployment, that destinations may name."""
    hosts: AllowedReceivers = PUBLIC_HOSTS
    """Hosts that destinations may name in addition to public ones."""
    sends_email: bool = False
    """Whether the operator has set how e-mail is sent."""
    email_domains: frozenset[str] = frozenset()
    """Domains of recipients that the operator has listed for the tenant (`tenant_rules.py`)."""
    email_attachment_bytes: int = 0
    """Maximum size of all attachments of a message of the tenant, in bytes; 0: none."""


class DestinationSettings(RequestModel):
    """Base class of the settings of a kind of destination. They contain no secrets."""

    def errors(self, rules: DestinationRules) -> Iterator[FieldError]:
        """Yields the errors that pydantic cannot find. Pointers begin at the settings."""
        raise NotImplementedError

    @property
    def name_pattern(self) -> str:
        """Pattern of the names of files (`paths.py`)."""
        return "{file}"

    def name_prefix(self, _tenant_id: str) -> str:
        """Returns what is added before all names, so that the names of tenants differ where they may meet."""
        return ""

    @property
    def url(self) -> str:
        """URL of the place where files go, for people."""
        raise NotImplementedError


class DestinationRuleSettings(Settings):
    """Settings of a function that validates or uses destinations."""

    bucket: str
    destination_s3_endpoints: frozenset[str] = frozenset()
    """URLs of object stores that destinations may name, separated by commas."""
    destination_allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Private networks in CIDR notation, separated by commas, whose hosts may be destinations."""
    email_transport: Literal["NONE", "SES", "SMTP"] = "NONE"
    """How e-mail is sent. With NONE, no destination of the kind EMAIL can be created."""

    @field_validator("destination_allowed_networks", mode="before")
    @classmethod
    def _in_cidr_notation(cls, value: object) -> object:
        return parse_networks(value) if isinstance(value, str) else value

    @field_validator("destination_s3_endpoints", mode="before")
    @classmethod
    def _separated_by_commas(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return frozenset(url.strip().rstrip("/") for url in value.split(",") if url.strip())

    @field_validator("destination_s3_endpoints")
    @classmethod
    def _use_https(cls, value: frozenset[str], info: object) -> frozenset[str]:
        stage = getattr(info, "data", {}).get("stage")
        wrong = sorted(url for url in value if not url.startswith("https://") and stage != LOCAL_STAGE)
        if wrong:
            raise ValueError(f"The URL of an object store must begin with https://: {', '.join(wrong)}.")
        return value

    @property
    def destination_rules(self) -> DestinationRules:
        """What destinations may use."""
        hosts = AllowedReceivers(self.stage == LOCAL_STAGE, self.destination_allowed_networks)
        return DestinationRules(
            stage=self.stage,
            report_bucket=self.bucket,
            s3_endpoints=self.destination_s3_endpoints,
            hosts=hosts,
            sends_email=self.email_transport != "NONE",
        )


def secret_name(stage: str, tenant_id: str, name: str) -> str:
    """Returns the complete name of a secret in Secrets Manager that a destination names.

    It contains the tenant, so that no tenant can use the secret of another.
    """
    return f"resma/{stage}/destinations/{tenant_id}/{name}"
