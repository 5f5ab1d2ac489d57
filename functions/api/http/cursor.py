"""Cursors: the position of a page in a list, as an opaque string for callers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from resma.jobs.report_rows import ReportCursor
from resma.request_errors import FieldError, RequestInvalidError

CURSOR_PATTERN = r"^[0-9]{1,16}\.[0-9a-f]{32}$"
"""Pattern of a cursor: microseconds since 1970 and a report id. Every string of this form can be decoded."""

OFFSET_PATTERN = r"^[0-9]{1,5}$"
"""Pattern of the cursor of a list that does not change: the number of items before the page."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write_cursor(position: ReportCursor) -> str:
    """Returns the cursor of the page after a position."""
    return f"{write_microseconds(position.created_at)}.{position.report_id.hex}"


def read_cursor(cursor: str) -> ReportCursor:
    """Returns the position that a cursor stands for. Raises RequestInvalidError for an invalid cursor."""
    if re.fullmatch(CURSOR_PATTERN, cursor, re.ASCII) is None:
        raise cursor_invalid()
    timestamp, report_id = cursor.split(".")
    return ReportCursor(read_microseconds(timestamp), UUID(report_id))


def read_offset(cursor: str) -> int:
    """Returns the number of items before the page. Raises RequestInvalidError for an invalid cursor."""
    if re.fullmatch(OFFSET_PATTERN, cursor, re.ASCII) is None:
        raise cursor_invalid()
    return int(cursor)


def next_page(url: str, parameters: Mapping[str, object], cursor: str) -> str:
    """Returns the URL of the page that begins at a cursor. Parameters that are None are omitted."""
    query = {name: value for name, value in {**parameters, "cursor": cursor}.items() if value is not None}
    return f"{url}?{urlencode(query)}"


def cursor_invalid() -> RequestInvalidError:
    """Returns the error for an invalid cursor."""
    field_error = FieldError("/cursor", "It must be a cursor from the URL in `next`. Remove it to get the first page.")
    return RequestInvalidError.of([field_error])


def write_microseconds(timestamp: datetime) -> str:
    """Returns a timestamp as microseconds since 1970, without loss of precision."""
    return str((timestamp - _EPOCH) // timedelta(microseconds=1))


def read_microseconds(text: str) -> datetime:
    """Returns the timestamp of a number of microseconds since 1970, with at most 16 digits."""
    return _EPOCH + timedelta(microseconds=int(text))
