"""What travels through the queue. Everything else about a job is in its row."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class JobMessage(BaseModel):
    """The body of a message in `report-jobs`."""

    model_config = ConfigDict(frozen=True)

    tenant_id: str = Field(pattern=r"^[a-z0-9-]{1,63}$")
    report_id: UUID
