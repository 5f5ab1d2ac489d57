"""What the worker reads from its environment."""

from __future__ import annotations

from pydantic import Field

from resma.settings import Settings, SystemSettings, TenantSettings


class _AnnouncerSettings(Settings):
    topic_arn: str = Field(min_length=1)
    event_bus_name: str = Field(min_length=1)
    public_base_url: str = Field(min_length=1)


class DeadLetterSettings(_AnnouncerSettings, SystemSettings):
    """Set by template.yaml for the function of dead letters."""


class WorkerSettings(_AnnouncerSettings, TenantSettings):
    """Set by template.yaml for the worker."""

    queue_url: str = Field(min_length=1)
    """Where the messages come from, to say when one comes again. The worker sends nothing there."""
    source_secret_arn: str = Field(min_length=1)
    """The database that reports read, by a role that can only read: the same server or a replica."""
    bucket: str = Field(min_length=1)
    max_statement_timeout_seconds: int = Field(default=840, ge=1)
    """The longest that a report type may let the database work on one statement."""
    max_outage_wait_seconds: int = Field(default=21600, ge=1)
    """How long a report waits in a row for dependencies that are unavailable, before it is FAILED."""
    retention_days: int = Field(ge=1)
    """How long files are kept."""
    idempotency_table: str = Field(min_length=1)
    s3_credentials_secret_arn: str | None = None
