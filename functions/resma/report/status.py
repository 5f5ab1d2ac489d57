"""Statuses of a report. resma/jobs/transitions.py contains every change of a status."""

from __future__ import annotations

from typing import Literal, LiteralString

Status = Literal["PENDING", "GENERATING", "READY", "FAILED", "CANCELLED", "EXPIRED", "SKIPPED"]

LIVE: tuple[Status, ...] = ("PENDING", "GENERATING")
"""Statuses of reports that have not ended."""

IS_LIVE: LiteralString = "status IN ('PENDING', 'GENERATING')"
"""`LIVE` as an SQL condition. It is a literal, because Postgres does not use partial indexes for parameters."""
