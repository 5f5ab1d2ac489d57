"""Moments in addresses: RFC 3339, with their offset from UTC."""

from __future__ import annotations

import re
from datetime import datetime

from resma.errors import Fault, RequestInvalid

# §5.6, without leap seconds.
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def read_moment(text: str, parameter: str) -> datetime:
    """Returns the moment. Raises RequestInvalid for what is none, naming the parameter."""
    try:
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text.upper())
    except ValueError:
        pass
    fault = Fault(
        f"/{parameter}", "give a moment like 2024-03-09T18:00:00Z; in an address, + of an offset is written %2B"
    )
    raise RequestInvalid("that is no moment", (fault,))
