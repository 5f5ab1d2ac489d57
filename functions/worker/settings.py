"""Settings that the worker and the dead-letter function read from their environment."""

from __future__ import annotations

from pydantic import Field

from resma.settings import Settings, SystemSettings, TenantSettings


class _AnnouncerSettings(Settings):
    topic_arn: str = Field(min_length=1)
    event_bus_name: str = Field(min_length=1)
    public_base_url: str = Field(min_length=1)


class DeadLetterSettings(_AnnouncerSettings, SystemSettings):
    """Settings of the dead-letter function, which template.yaml sets."""


class WorkerSettings(_AnnouncerSettings, TenantSettings):
    """Settings of the worker, which template.yaml sets."""

    queue_url: str = Field(min_length=1)
    """URL of the queue whose messages the worker handles. It changes their visibility, and sends those of shards."""
    delivery_queue_url: str = Field(min_length=1)
    """URL of the queue of deliveries."""
    source_secret_arn: str = Field(min_length=1)
    """Secret of the database that reports read, with a role that can only read: the same server or a replica."""
    bucket: str = Field(min_length=1)
    max_statement_timeout_seconds: int = Field(default=840, ge=1)
    """The operator's maximum for a report type's `statement_timeout_seconds`."""
    max_outage_wait_seconds: int = Field(default=21600, ge=1)
    """Maximum time that a report waits in a row for dependencies that are unavailable, before it is FAILED."""
    shards_in_flight_per_report: int = Field(default=4, ge=1)
    """Maximum number of shards of a split report that are generated at once, including its coordinator's."""
    shards_in_flight_per_tenant: int = Field(default=8, ge=1)
    """Maximum number of shards of all split reports of a tenant that are generated at once."""
    retention_days: int = Field(ge=1)
    """Days for which files are kept."""
    idempotency_table: str = Field(min_length=1)
    s3_credentials_secret_arn: str | None = None
