"""Settings of the API function, read from its environment."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from resma.access.caller import SCOPES, Scope
from resma.destinations.settings import DestinationRuleSettings
from resma.settings import LOCAL_STAGE, TenantSettings
from resma.webhooks.settings import WebhookSecretSettings


def split_audiences(text: str | None) -> tuple[str, ...]:
    """Returns the audiences in a setting, separated by commas. A token must have one of them."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def parse_group_scopes(text: str) -> dict[str, frozenset[Scope]]:
    """Returns the scopes of each group in a setting such as `clerks=reports:read;chiefs=reports:read,keys:manage`.

    The last `=` of an entry separates the group from its scopes, because names of groups may contain one.
    Raises ValueError, which names every entry that is not valid.
    """
    by_group: dict[str, frozenset[Scope]] = {}
    errors: list[str] = []
    for entry in filter(None, map(str.strip, text.split(";"))):
        group, _, names = (part.strip() for part in entry.rpartition("="))
        scopes = {name.strip() for name in names.split(",")}
        if not group or group in by_group:
            errors.append(f"'{entry}' must be a group that is listed once, `=`, and scopes separated by commas.")
        elif unknown := sorted(scopes - SCOPES):
            errors.append(f"'{group}' has unknown scopes: {', '.join(map(repr, unknown))}.")
        by_group[group] = frozenset(scope for scope in SCOPES if scope in scopes)
    if errors:
        raise ValueError(f"{' '.join(errors)} The scopes are {', '.join(sorted(SCOPES))}.")
    return by_group


class ApiSettings(TenantSettings, WebhookSecretSettings, DestinationRuleSettings):
    """Settings that template.yaml sets."""

    bucket: str = Field(min_length=1)
    queue_url: str = Field(min_length=1)
    delivery_queue_url: str = Field(min_length=1)
    topic_arn: str = Field(min_length=1)
    source_secret_arn: str = Field(min_length=1)
    """Secret of the database that reports read, with a read-only login. Estimates count rows there."""
    worker_timeout_seconds: int = Field(default=900, ge=1)
    """Timeout of a worker invocation in seconds. Estimates compute from it how often a report will be continued."""
    event_bus_name: str = Field(min_length=1)
    public_base_url: str | None = None
    """Base URL of the API, without a slash at the end. None: it is taken from each request."""
    s3_credentials_secret_arn: str | None = None
    s3_public_endpoint_url: str | None = None
    """URL at which callers reach the object store. None: the URL of Amazon S3."""
    loopback_tenant: str | None = None
    """Tenant of requests from this machine without credentials. Allowed on the stage `local` only."""
    oidc_audience: str | None = None
    """Audiences of tokens, separated by commas: `aud` must have one, or `client_id` in an access token without
    `aud`."""
    oidc_issuer: str | None = None
    """Issuer of tokens (`iss`), and base URL of the provider's discovery document. None: tokens are not accepted."""
    oidc_tenant_claim: str = "tenant_id"
    """Claim that names the caller's tenant, or the path to it with dots."""
    oidc_scopes_claim: str | None = None
    """Claims with the caller's scopes, or paths to them, separated by commas. The first that exists is used. None:
    `scope` or `scp`."""
    oidc_scopes_prefix: str = ""
    """Prefix of scope names in tokens."""
    oidc_group_scopes: str | None = None
    """Scopes of each group of people: `group=scope,scope;group=scope`. None: people have the scopes of the scopes
    claim."""
    oidc_groups_claim: str | None = Field(default=None, validate_default=True)
    """Claim with the groups of a person, or the path to it with dots. Required with `oidc_group_scopes`."""

    console_client_id: str | None = None
    """Id of the public client at the provider with which users sign in to the console. None: with API keys only."""
    console_oidc_scope: str = "openid profile"
    """Scopes that the console requests from the provider, separated by spaces."""
    console_oidc_audience: str | None = None
    """Name of the API at providers that require it in the sign-in request (Auth0)."""
    console_idle_minutes: int = Field(default=15, ge=2, le=1440)
    """Minutes without activity after which the console signs a user out; it warns one minute before."""

    @field_validator("loopback_tenant")
    @classmethod
    def _only_locally(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("stage") != LOCAL_STAGE:
            raise ValueError("It is allowed on the stage `local` only. Leave it empty, and give callers API keys.")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _can_be_trusted(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        if not value.startswith("https://") and info.data.get("stage") != LOCAL_STAGE:
            raise ValueError("The URL of an issuer must begin with https://.")
        if not split_audiences(info.data.get("oidc_audience")):
            raise ValueError("Set OIDC_AUDIENCE too, because tokens are checked for their audience.")
        return value

    @property
    def group_scopes(self) -> dict[str, frozenset[Scope]]:
        """Scopes of each group in `oidc_group_scopes`."""
        return parse_group_scopes(self.oidc_group_scopes or "")

    @field_validator("oidc_group_scopes")
    @classmethod
    def _name_known_scopes(cls, value: str | None) -> str | None:
        parse_group_scopes(value or "")
        return value

    @field_validator("oidc_groups_claim")
    @classmethod
    def _come_together(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is None) != (info.data.get("oidc_group_scopes") is None):
            raise ValueError("Set both OIDC_GROUPS_CLAIM and OIDC_GROUP_SCOPES, or neither of them.")
        return value

    @field_validator("console_oidc_scope")
    @classmethod
    def _is_openid_connect(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("Add `openid`, so that the provider issues an ID token, which the console verifies.")
        return value
