"""Where a page of a list begins, as a text that callers hand back."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from uuid import UUID

from resma.errors import Fault, RequestInvalid
from resma.reports import Place


def write_cursor(place: Place) -> str:
    """Returns the cursor of the page after a place."""
    return base64.urlsafe_b64encode(f"{place.created_at.isoformat()} {place.report_id}".encode()).decode()


def read_cursor(cursor: str) -> Place:
    """Returns the place. Raises RequestInvalid for a cursor that is not ours."""
    try:
        created_at, report_id = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        place = Place(datetime.fromisoformat(created_at), UUID(report_id))
    except (ValueError, binascii.Error):
        place = None
    if place is None or place.created_at.tzinfo is None:
        fault = Fault("/cursor", "take it from the address in `next`, or leave it out to start with the newest")
        raise RequestInvalid("the cursor can't be read", (fault,))
    return place
