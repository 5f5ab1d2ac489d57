"""The statuses of a report. resma/jobs/transitions.py has what changes them."""

from __future__ import annotations

from typing import Literal, LiteralString

Status = Literal["PENDING", "GENERATING", "READY", "FAILED", "CANCELLED", "EXPIRED"]

LIVE: tuple[Status, ...] = ("PENDING", "GENERATING")
"""Of reports that have not ended."""

IS_LIVE: LiteralString = "status IN ('PENDING', 'GENERATING')"
"""The same as a condition of SQL. A literal: partial indexes serve no condition with a parameter."""
