"""Messages of the job queue. All other properties of a job are in its row."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class JobMessage(BaseModel):
    """Body of a message in the queue `report-jobs`."""

    model_config = ConfigDict(frozen=True)

    tenant_id: str = Field(pattern=r"^[a-z0-9-]{1,63}$")
    report_id: UUID
    shard: int | None = Field(default=None, ge=1)
    """Number of the shard of a split report that the job generates; None: the report itself."""
