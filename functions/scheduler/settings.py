"""Settings that the scheduler reads from its environment."""

from __future__ import annotations

from pydantic import Field

from resma.settings import SystemSettings


class SchedulerSettings(SystemSettings):
    """The scheduler's settings, which template.yaml sets."""

    queue_url: str = Field(min_length=1)
    delivery_queue_url: str = Field(min_length=1)
    topic_arn: str = Field(min_length=1)
    event_bus_name: str = Field(min_length=1)
    public_base_url: str = Field(min_length=1)
    bucket: str = Field(min_length=1)
    s3_credentials_secret_arn: str | None = None
    max_outage_wait_seconds: int = Field(default=21600, ge=1)
    """Maximum time that a report waits in a row for dependencies that are unavailable, before it is FAILED."""
    retention_days: int = Field(ge=1)
    """Days for which files and Idempotency-Keys are kept."""
    record_retention_days: int = Field(ge=0)
    """Days for which the records of reports, links and schedule runs are kept; 0 keeps them without a limit."""
