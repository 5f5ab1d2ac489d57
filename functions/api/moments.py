"""Moments as callers write them: RFC 3339, with their offset from UTC."""

from __future__ import annotations

import re
from datetime import datetime

from resma.errors import Fault, RequestInvalid

MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})", re.ASCII)
"""§5.6, without leap seconds, in upper case: what every reader of JSON takes for a moment."""


def read_moment(text: str, parameter: str) -> datetime:
    """Returns the moment, in upper case or lower. Raises RequestInvalid for what is none, naming the parameter."""
    try:
        if MOMENT.fullmatch(upper := text.upper()):
            return datetime.fromisoformat(upper)
    except ValueError:
        pass
    fault = Fault(
        f"/{parameter}", "give a moment like 2024-03-09T18:00:00Z; in an address, + of an offset is written %2B"
    )
    raise RequestInvalid("that is no moment", (fault,))
