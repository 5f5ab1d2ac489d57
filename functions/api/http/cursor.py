"""Where a page of a list begins, as a text that callers hand back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from resma.errors import FieldError, RequestInvalidError
from resma.jobs.report_rows import ReportCursor

CURSOR_PATTERN = r"^[0-9]{1,16}\.[0-9a-f]{32}$"
"""Microseconds since 1970, and a report's id: every such text can be read."""

OFFSET_PATTERN = r"^[0-9]{1,5}$"
"""Cursor of a list that does not change: how many items come before the page."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write_cursor(place: ReportCursor) -> str:
    """Returns the cursor of the page after a place."""
    return f"{write_microseconds(place.created_at)}.{place.report_id.hex}"


def read_cursor(cursor: str) -> ReportCursor:
    """Returns the place. Raises RequestInvalidError for a cursor that is not ours."""
    if re.fullmatch(CURSOR_PATTERN, cursor, re.ASCII) is None:
        raise cursor_invalid()
    timestamp, report_id = cursor.split(".")
    return ReportCursor(read_microseconds(timestamp), UUID(report_id))


def read_offset(cursor: str) -> int:
    """Returns how many items come before the page. Raises RequestInvalidError for a cursor that is not ours."""
    if re.fullmatch(OFFSET_PATTERN, cursor, re.ASCII) is None:
        raise cursor_invalid()
    return int(cursor)


def next_page(address: str, parameters: Mapping[str, object], cursor: str) -> str:
    """Returns the address of the page that begins at a cursor. Parameters that are None are left out."""
    said = {name: value for name, value in {**parameters, "cursor": cursor}.items() if value is not None}
    return f"{address}?{urlencode(said)}"


def cursor_invalid() -> RequestInvalidError:
    """What is wrong, and what to do."""
    field_error = FieldError("/cursor", "It must be a cursor from the URL in `next`. Remove it to get the first page.")
    return RequestInvalidError.of([field_error])


def write_microseconds(timestamp: datetime) -> str:
    """A moment as a whole number of microseconds since 1970: nothing is lost."""
    return str((timestamp - _EPOCH) // timedelta(microseconds=1))


def read_microseconds(text: str) -> datetime:
    """The moment of such a number of at most 16 digits."""
    return _EPOCH + timedelta(microseconds=int(text))
