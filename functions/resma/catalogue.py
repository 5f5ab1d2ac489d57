"""Report types: a folder each in `functions/catalog/`, read once and checked as a whole.

`report.toml` says what a report is called, its columns, filters, totals and charts; `query.sql` is plain SQL
with named parameters, one for each filter, `%(tenant_id)s` among them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Frozen):
    """One column of a report. `width` is a share of the page's width in formats that have pages."""

    name: str
    heading: str
    kind: Literal["text", "integer", "amount", "date", "timestamp"] = "text"
    width: float = Field(default=1.0, gt=0)
    align: Literal["left", "right"] = "left"
