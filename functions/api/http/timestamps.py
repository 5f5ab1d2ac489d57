"""Timestamps in query parameters, in the form of RFC 3339 with an offset from UTC."""

from __future__ import annotations

import re
from datetime import datetime

from resma.dates import find_missing_part
from resma.request_errors import FieldError, RequestInvalidError

DATE_TIME_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
"""Pattern of a timestamp in the OpenAPI document (RFC 3339 §5.6). `T` and `Z` can be lower case."""


def read_timestamp(text: str, parameter: str) -> datetime:
    """Returns the timestamp. Raises RequestInvalidError with a pointer to the parameter if it is not valid."""
    detail = "It must be a timestamp like 2024-03-09T18:00:00Z. In a URL, write + of an offset as %2B."
    if re.fullmatch(DATE_TIME_PATTERN, text):
        try:
            return datetime.fromisoformat(text.upper())
        except ValueError:
            detail = find_missing_part(text) or detail
    raise RequestInvalidError.of([FieldError(f"/{parameter}", detail)])
